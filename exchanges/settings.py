"""What can be chosen about exchanges."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """Which exchange types there are, and how patiently they are fetched. Times are in seconds."""

    exchange_types: tuple[str, ...] = ()
    """Classes besides the library's own, as package.module.Class."""
    signal_types: tuple[str, ...] = ()
    """Classes besides those of the banks, as package.module.Class, or package.module.Class:BITS:RADIUS for
    hex codes that are compared bit by bit."""
    optional_signals: tuple[str, ...] = ()
    """Signals of the house's own that banks hold besides those that they always do."""
    extensions: tuple[str, ...] = ()
    """Modules with a TX_MANIFEST."""
    files_folder: Path | None = None
    """Below it lie the files that local_file exchanges may read. None: they read none."""
    urls: Mapping[str, str] = field(default_factory=dict)
    """Base URLs by exchange type, instead of the built-in ones: test environments and stand-ins."""
    credentials_keys: tuple[str, ...] = field(default=(), repr=False)
    """Fernet keys; the first one encrypts, all decrypt. None: credentials are stored as they are."""
    every_s: float = 300.0
    """Between the ends of a fetch and the start of the next."""
    page_records: int = 2000
    """Records of a transaction, at most."""
    silence_s: float = 300.0
    """After so long without a word the fetching process is killed."""
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
