"""What can be chosen about exchanges."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from samelook.hashing.settings import optional_signals_field
from samelook.variables import at_least, path, variable, words


def _urls(text: str) -> dict[str, str]:
    if not all(re.fullmatch(r"\w+=https?://.+", word) for word in words(text)):
        raise ValueError("write type=URL, comma separated")
    return dict(word.split("=", 1) for word in words(text))


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """Which exchange types there are, and how patiently they are fetched. Times are in seconds."""

    exchange_types: tuple[str, ...] = variable(
        "SAMELOOK_EXCHANGE_TYPES",
        (),
        "Exchange types besides threatexchange's own, comma separated: classes, as package.module.Class.",
        words,
    )
    signal_types: tuple[str, ...] = variable(
        "SAMELOOK_SIGNAL_TYPES",
        (),
        "Signal types besides those of the banks, comma separated: classes, as package.module.Class. They compare and "
        "hash as their class does; with :BITS:RADIUS behind it a type of hex codes has an index as fast as PDQ's.",
        words,
    )
    content_types: tuple[str, ...] = variable(
        "SAMELOOK_CONTENT_TYPES",
        (),
        "Types of content besides photo and video, comma separated: classes, as package.module.Class. Their names are "
        "fields of forms, and values of content_type.",
        words,
    )
    optional_signals: tuple[str, ...] = optional_signals_field()
    extensions: tuple[str, ...] = variable(
        "SAMELOOK_EXTENSIONS",
        (),
        "Modules with a TX_MANIFEST, comma separated: extensions of threatexchange with exchange and signal types.",
        words,
    )
    files_folder: Path | None = variable(
        "SAMELOOK_EXCHANGE_FOLDER",
        None,
        "Folder below which lie the files that local_file exchanges may read. Unset: they read none.",
        path,
    )
    urls: Mapping[str, str] = variable(
        "SAMELOOK_EXCHANGE_URLS",
        dict,
        "type=URL, comma separated: base URLs of fb_threatexchange, ncmec, stop_ncii or tat other than the built-in "
        "ones, for test environments.",
        _urls,
    )
    credentials_keys: tuple[str, ...] = variable(
        "SAMELOOK_CREDENTIALS_KEY",
        (),
        "Fernet key that encrypts credentials of exchanges in the database. Former keys may follow, comma separated. "
        "Unset: they are stored as they are.",
        words,
        secret=True,
    )
    every_s: float = variable(
        "SAMELOOK_EXCHANGE_SECONDS",
        300.0,
        "Seconds between two fetches of an exchange that says nothing else.",
        at_least(1, float),
    )
    flood_times: float = variable(
        "SAMELOOK_EXCHANGE_FLOOD",
        1000.0,
        "An exchange that brings so many times more new contents than it usually does, and ten thousand at least, is "
        "held until a person releases it. 0: never.",
        at_least(0, float),
    )
    flood_least: int = 10_000
    page_records: int = 2000
    """Records of a transaction, at most."""
    silence_s: float = variable(
        "SAMELOOK_EXCHANGE_SILENCE",
        300.0,
        "Seconds without a word after which the process that fetches an exchange is killed.",
        at_least(1, float),
    )
    memory_bytes: int = variable(
        "SAMELOOK_EXCHANGE_MEMORY_MB",
        2048 << 20,
        "Megabytes that the process which fetches an exchange may take, beside its programs: an answer may be a "
        "bomb, or have no end.",
        at_least(64, int),
        unit=1 << 20,
    )
    run_s: float = 3600.0
    """One run takes no longer; the next one goes on from its last page."""
    attempts: int = 3
    """How often a page is asked for before it counts as malformed."""
    retry_s: float = 2.0
    """Before the second attempt; twice as long before each further one, with jitter."""
    backoff_s: float = 30.0
    """Before the next fetch after a failure; twice as long after each further one, with jitter."""
    longest_backoff_s: float = 6 * 3600.0
    longest_wait_s: float = 86_400.0
    """However long the source asks us to wait."""
    at_once: int = 2
    """Fetches at once of one process."""
    look_s: float = 2.0
    """How often it is looked for something due."""
    python: str = sys.executable
    """What runs the fetching process."""
