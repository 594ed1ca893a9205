"""Errors, results and faults put into a database on purpose, all of them marked and all of them removable.

What is injected stands beside the real rows or keeps them (`replaced`), so that clearing it gives
back what was there. Inputs whose injected error or result goes away are due again.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from samelook.crawler.errors import CrawlError
from samelook.crawler.faults import FAULT_KINDS
from samelook.crawler.fetching.politeness import polite_site
from samelook.crawler.queues.postgres import announce
from samelook.hashing.errors import LEAVES
from samelook.inspector.errors import BadQuestion, NothingToInject
from samelook.inspector.listing import Answer, Listing, Row, plain_row
from samelook.inspector.sites import found_site
from samelook.inspector.tables import table_queries
from samelook.names.hosts import host_of
from samelook.sql.named import queries
from samelook.sql.queue_queries import PHASES, Phase, queue_queries
from samelook.sql.storable import storable_json

if TYPE_CHECKING:
    from samelook.sql.pool import Connection

LONGEST = timedelta(days=1)
"""A fault that is forgotten ends by itself."""
CRASHES = 1
"""How often `crash-worker` strikes unless told otherwise: an input that kills every worker is given up."""

_FAULT_COLUMNS = ("id", "kind", "site", "share", "times_left", "hits", "created_at", "ends_at")


@dataclass(frozen=True, slots=True)
class Cleared:
    """What `clear` took away."""

    faults: int
    errors: int
    restored: int
    """Injected errors that had replaced a real one, which is back."""
    results: int

    def as_json(self) -> dict[str, int]:
        """The same for programs."""
        return {
            "faults": self.faults,
            "errors": self.errors,
            "restored": self.restored,
            "results": self.results,
        }


async def inject_fault(
    connection: Connection,
    kind: str,
    *,
    site: str | None,
    share: float,
    lasts: timedelta,
    times: int | None = None,
) -> Row:
    """A fault for every crawling process that may inject; gives its row. Raises BadQuestion."""
    if kind not in FAULT_KINDS:
        raise BadQuestion(f"{kind!r} is no fault; there are {', '.join(FAULT_KINDS)}.")
    if not 0 < share <= 1:
        raise BadQuestion(f"A share of {share:g} makes no sense; write more than 0 and at most 1.")
    if not timedelta(0) < lasts <= LONGEST:
        raise BadQuestion("A fault lasts at most a day.")
    if kind == "crash-worker" and times is None:
        times = CRASHES
    named = None
    if site is not None:
        # Faults are matched by the name under which the fetcher knows sites.
        named = polite_site(str(host_of((await found_site(connection, site))["reversed_name"])))
    row = await queries("injection").add_fault(
        connection, kind=kind, site=named, share=share, times_left=times, lasts=lasts
    )
    return plain_row(row, *_FAULT_COLUMNS)


async def inject_error(
    connection: Connection,
    site: str,
    *,
    phase: Phase,
    kind: str,
    message: str = "",
    attempts: int = 1,
    retry_in: timedelta = timedelta(hours=1),
    icon_url: str | None = None,
) -> int:
    """An error of one phase for a site (for `hashes`: of one of its icons, or of all); how many rows.

    Raises BadQuestion, NoSuchSite, and NothingToInject when the crawl has not come so far.
    """
    if phase not in PHASES:
        raise BadQuestion(f"{phase!r} is no phase; write {', '.join(PHASES)}.")
    known = sorted(error_kinds())
    if kind not in known:
        raise BadQuestion(f"{kind!r} is no kind of error; there are {', '.join(known)}.")
    if attempts < 1:
        raise BadQuestion("An error has at least one attempt.")
    row = await found_site(connection, site)
    inputs = await _inputs_of(connection, row, phase, icon_url)
    error = {
        "kind": kind,
        "message": message or "Injected by `samelook inspect inject error`",
        "detail": {"injected": True},
    }
    await getattr(table_queries(), f"inject_error_{phase}")(
        connection, input_ids=inputs, error=storable_json(error), attempts=attempts, retry_in=retry_in
    )
    return len(inputs)


async def inject_result(connection: Connection, site: str, *, wearing: str) -> int:
    """Make a site look as if it offered the icons of another one; how many icons.

    Raises BadQuestion, NoSuchSite, and NothingToInject when one of them was not crawled yet.
    """
    row, other = await found_site(connection, site), await found_site(connection, wearing)
    if row["target_id"] is None:
        raise NothingToInject(f"{site} has no start page yet; crawl it first.", site=site)
    pictures: list[bytes] = []
    if other["target_id"] is not None:
        pictures = [
            picture["sha256"]
            async for picture in queries("injection").pictures_of(connection, target_id=other["target_id"])
        ]
    if not pictures:
        raise NothingToInject(f"{wearing} has no icon that could be worn; crawl it first.", site=wearing)
    host = host_of(row["reversed_name"])
    urls = [f"https://{host}/.samelook-injected/{uuid.uuid4()}" for _ in pictures]
    async with connection.transaction():
        await queries("injection").add_result(
            connection,
            target_id=row["target_id"],
            position=row["position"],
            url_sha256s=[hashlib.sha256(url.encode()).digest() for url in urls],
            urls=urls,
            sha256s=pictures,
        )
        await queries("injection").add_visit(
            connection, target_id=row["target_id"], url=row["url"], icons=len(pictures)
        )
    return len(pictures)


async def clear(connection: Connection) -> Cleared:
    """Take away everything that was injected, and make due again what stands empty then.

    One transaction: whoever reads sees all of it or nothing. Real errors that had been replaced
    come back as they were.
    """
    per_phase = table_queries()
    injection = queries("injection")
    errors = restored = 0
    lowest: dict[Phase, list[int]] = {phase: [] for phase in PHASES}
    async with connection.transaction():
        faults = await injection.drop_faults(connection)
        for phase in PHASES:
            back = await getattr(per_phase, f"restore_errors_{phase}")(connection)
            gone = [row["position"] async for row in getattr(per_phase, f"drop_errors_{phase}")(connection)]
            restored += back
            errors += back + len(gone)
            lowest[phase] += gone
        visits = [row["position"] async for row in injection.drop_visits(connection)]
        lowest["icons"] += visits
        results = [row["position"] async for row in injection.drop_results(connection)]
        lowest["hashes"] += results
        icons = await injection.drop_icon_urls(connection)
        # This comes last: from here to the commit the queue's pulls wait for this transaction.
        for phase, positions in lowest.items():
            if positions:
                await announce(connection, phase, min(positions))
            elif restored:
                await queue_queries(phase).lock_queue(connection)
            if restored:
                await queue_queries(phase).rewind_by_time(connection)
    return Cleared(faults, errors, restored, len(visits) + len(results) + icons)


async def injected_answer(connection: Connection) -> Answer:
    """The faults in force and past, and how many rows are marked as injected."""
    faults = [plain_row(row, *_FAULT_COLUMNS) async for row in queries("injection").faults(connection)]
    counts = await queries("injection").injected_rows(connection)
    return Answer(
        facts=plain_row(counts),
        listings=(Listing("injected_faults", _FAULT_COLUMNS, faults),),
    )


def error_kinds() -> frozenset[str]:
    """Every kind of error that a crawl can end with."""
    import samelook.crawler.crawl  # noqa: F401 - all leaves are defined once the whole crawl is loaded

    # A leaf that takes its kind from another error has none of its own.
    return frozenset({kind.kind for kind in _leaves(CrawlError)} - {CrawlError.kind} | set(LEAVES))


def _leaves(kind: type[CrawlError]) -> Iterator[type[CrawlError]]:
    subclasses = kind.__subclasses__()
    if not subclasses:
        yield kind
    for subclass in subclasses:
        yield from _leaves(subclass)


async def _inputs_of(connection: Connection, row: Any, phase: Phase, icon_url: str | None) -> list[int]:
    if phase == "domains":
        return [row["id"]]
    if row["target_id"] is None:
        raise NothingToInject("The site has no start page yet; crawl it first, or use --phase domains.")
    if phase == "icons":
        return [row["target_id"]]
    icons = [
        icon["icon_url_id"]
        async for icon in queries("inspector").site_icons(connection, target_id=row["target_id"], most=1000)
        if icon_url in (None, icon["icon_url"]) and icon["gone_at"] is None
    ]
    if not icons:
        which = "such icon" if icon_url else "icon"
        raise NothingToInject(f"The site offers no {which}; see `samelook inspect site`.")
    return icons
