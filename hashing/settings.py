"""What can be chosen about decoding and hashing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from samelook.hashing.table import chosen_names
from samelook.variables import count, variable, words


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What a worker may use for one job, and how many jobs are handed to it ahead."""

    seconds: float = 5.0
    """Wall time for one job; then the worker is killed."""
    memory_bytes: int = 1536 * 1024 * 1024
    """Address space on top of what the interpreter and its libraries take; a pixel needs up to 60 bytes."""
    open_files: int = 16
    """Open files at a time; modules that a job imports are files."""
    jobs_ahead: int = 32
    """Jobs sent to a worker before it has answered, so that it never waits for the event loop."""
    start_seconds: float = 60.0
    """How long a worker may take to start and import its libraries."""
    niceness: int = 5
    """Added to the worker's niceness, so that the event loop keeps its turn on a full machine."""


def hash_processes_field() -> Any:
    """The field that says how many processes decode: of a crawl, and of the service."""
    return variable(
        "SAMELOOK_HASH_PROCESSES",
        lambda: max(1, min(4, (os.cpu_count() or 2) - 1)),
        "Processes that decode and hash pictures, for each crawling process. Default: one for each processor "
        "but the first, which fetches; at most 4.",
        count,
    )


def optional_signals_field() -> Any:
    """The setting that switches optional signals on. The crawl and the banks share its one definition."""
    return variable(
        "SAMELOOK_SIGNALS",
        (),
        "Optional signals to compute of pictures and to keep in banks besides the usual ones, comma separated.",
        lambda text: chosen_names(words(text)),
    )
