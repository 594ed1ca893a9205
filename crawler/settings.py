"""What can be chosen about a crawl."""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class CrawlSettings:
    """How much a crawling process does at once, and when it does things again."""

    concurrency: int = 500
    """Inputs worked on at once in each phase."""
    batch: int = 250
    """Inputs pulled at once, at most."""
    flush_items: int = 500
    """Outcomes that are written together, at most."""
    flush_s: float = 0.25
    """Seconds that an outcome waits to be written together with others."""
    lease_s: float = 120.0
    """Seconds until the work of a silent worker is handed out again."""
    max_attempts: int = 10
    """Leases in a row that may expire before the input itself is held to be at fault. Decoding, which could
    kill a process, happens in a sandbox; so a dead worker nearly always died of something else."""
    page_stale_s: float = 7 * DAY_S
    icon_stale_s: float = 7 * DAY_S
    retry_first_s: float = 3600.0
    """Back-off after the first error; it doubles with each further one."""
    retry_longest_s: float = 30 * DAY_S
    idle_first_s: float = 0.5
    """Sleep after an empty pull; it doubles, with jitter, up to `idle_longest_s`."""
    idle_longest_s: float = 30.0
    stop_grace_s: float = 5.0
    """Seconds that work in hand may take after a stop was asked for; then it is given back."""
    keep_picture_bytes: int = 262_144
    """Pictures up to this size are kept in the database, larger ones only by their hashes."""
    hash_processes: int = 2
    optional_signals: tuple[str, ...] = ()
    """Signals computed besides those that always are (samelook.hashing.table)."""
