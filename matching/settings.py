"""What can be chosen about indexes, and about how live ones follow their source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class IndexSettings:
    tail_codes: int = 4096
    """Items in the tail that start a merge (about 5 µs of scan a query); one for 1024 codes in the body if
    that is more, as a merge costs in proportion to them."""
    most_tail_codes: int = 65536
    """Items in the tail that make the writer wait for the merge."""
    purge_share: float = 0.1
    """Share of dead codes in the body that starts a purge."""
    background: bool = True
    """Merge in a thread. Off: in the call of `add` that filled the tail."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    snapshot_folder: Path | None = None
    """Where snapshots are kept, for all workers of this machine. None: none are kept."""
    poll_s: float = 1.0
    """Changes are looked for this often even without a notification."""
    snapshot_interval_s: float = 300.0
    """At most one snapshot in this time."""
    snapshot_share: float = 0.01
    """Changes since the last snapshot, as a share of the items, that make another one worth while."""
    shared_from: int = 50_000
    """Items that make it worth while to go on with a new snapshot, as its memory is shared by all workers."""
    most_backlog: int = 1_000_000
    """More changes than this are not replayed: all signals are loaded anew."""
    page: int = 50_000
    """Signals loaded at a time."""
