"""What can be chosen about a crawl."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from samelook.hashing.settings import hash_processes_field, optional_signals_field
from samelook.variables import at_least, count, seconds, variable

DAY_S = 86_400.0


def page_stale_field() -> Any:
    """The field that says when a page is old: the crawl's, and the inspector's who tells what is due."""
    return variable(
        "SAMELOOK_PAGE_STALE_DAYS",
        7 * DAY_S,
        "Days after which a page is visited again.",
        seconds,
        unit=DAY_S,
    )


def icon_stale_field() -> Any:
    """The same of an icon."""
    return variable(
        "SAMELOOK_ICON_STALE_DAYS",
        7 * DAY_S,
        "Days after which an icon is fetched again.",
        seconds,
        unit=DAY_S,
    )


@dataclass(frozen=True, slots=True)
class CrawlSettings:
    """How much a crawling process does at once, and when it does things again."""

    concurrency: int = variable(
        "SAMELOOK_CONCURRENCY",
        0,
        "Inputs that one process works on at once, at most. 0: as many as keep its processor busy, within its memory "
        "and open files.",
        at_least(0, int),
    )
    processes: int = 1
    """Crawling processes of this machine that were started together, and share its memory."""
    batch: int = variable("SAMELOOK_BATCH", 250, "Inputs pulled from a queue at once, at most.", count)
    flush_items: int = 500
    """Outcomes that are written together, at most."""
    flush_s: float = 0.25
    """Seconds that an outcome waits to be written together with others."""
    lease_s: float = variable(
        "SAMELOOK_LEASE_SECONDS",
        120.0,
        "Seconds after which the work of a killed worker is handed out again.",
        at_least(1, float),
    )
    max_attempts: int = 10
    """Leases in a row that may expire before the input itself is held to be at fault. Decoding, which could
    kill a process, happens in a sandbox; so a dead worker nearly always died of something else."""
    page_stale_s: float = page_stale_field()
    icon_stale_s: float = icon_stale_field()
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
    hash_processes: int = hash_processes_field()
    optional_signals: tuple[str, ...] = optional_signals_field()
    chromium: str = variable(
        "SAMELOOK_CHROMIUM",
        "",
        "The Chromium that `samelook crawl run --render` starts. Empty: the one that is installed.",
    )
