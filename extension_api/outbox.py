"""A write-behind queue: sightings, explanations, requests for a crawl.

An answer never waits for the database. What cannot be written now is kept, up to a limit, and written when
the database is back.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from samelook.names.hosts import reversed_host
from samelook.names.sites import Site
from samelook.sql.away import AWAY
from samelook.sql.cancelled import check_cancelled
from samelook.sql.named import queries
from samelook.sql.queue_queries import queue_queries

if TYPE_CHECKING:
    from samelook.sql.pool import Connection, Pool

log = structlog.get_logger()

FLUSH_S = 1.0
MOST_KEPT = 50_000
MOST_A_FLUSH = 5000
VISIT_AGAIN_S = 86_400.0


class Outbox:
    """Collects writes and flushes them once a second."""

    def __init__(self, pool: Pool, *, remembered: int) -> None:
        self._pool = pool
        self._writes: Any = queries("extension")
        self._sightings: OrderedDict[tuple[Site, bytes], int] = OrderedDict()
        self._explanations: OrderedDict[UUID, tuple[Site, dict[str, Any]]] = OrderedDict()
        self._crawls: OrderedDict[Site, None] = OrderedDict()
        self._first_seen: OrderedDict[tuple[Site, bytes], float] = OrderedDict()
        self._explained: OrderedDict[UUID, dict[str, Any]] = OrderedDict()
        self._asked_for: OrderedDict[Site, float] = OrderedDict()
        self._remembered = remembered

    async def load(self, reads: Any) -> None:
        """Remember the latest sightings of earlier processes."""
        async for row in reads.recent_sightings(self._pool, most=self._remembered):
            self._first_seen[Site(row["site"]), row["sha256"]] = row["first_seen"]

    # ---- noting ----

    def first_seen(self, site: Site, sha256: bytes) -> float | None:
        return self._first_seen.get((site, sha256))

    def saw(self, site: Site, sha256: bytes, now: float) -> None:
        """A client saw the picture at the site. It is evidence of when, and of nothing else."""
        key = (site, sha256)
        self._sightings[key] = self._sightings.get(key, 0) + 1
        _bound(self._sightings, MOST_KEPT)
        if key not in self._first_seen:
            self._first_seen[key] = now
            _bound(self._first_seen, self._remembered)

    def explained(self, number: UUID) -> dict[str, Any] | None:
        """An explanation of the last minutes."""
        return self._explained.get(number)

    def explain(self, number: UUID, site: Site, verdict: dict[str, Any]) -> None:
        if number not in self._explained:
            self._explained[number] = verdict
            _bound(self._explained, MOST_KEPT)
            self._explanations[number] = (site, verdict)
            _bound(self._explanations, MOST_KEPT)

    def has_asked_for(self, site: Site, now: float) -> bool:
        """Whether the crawler was sent there within a day."""
        return now - self._asked_for.get(site, 0.0) <= VISIT_AGAIN_S

    def want_crawl(self, site: Site, now: float) -> None:
        """Have the crawler look at a site soon; asking again within a day changes nothing."""
        if not self.has_asked_for(site, now):
            self._asked_for[site] = now
            _bound(self._asked_for, MOST_KEPT)
            self._crawls[site] = None
            _bound(self._crawls, MOST_KEPT)

    # ---- writing ----

    async def run(self) -> None:
        """Flush once a second until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_S)
            try:
                await self.flush()
            except AWAY as error:
                check_cancelled()
                log.warning("outbox.kept", error=str(error) or type(error).__name__)

    async def flush(self) -> None:
        """Write what has gathered; what could not be written is kept."""
        while await self._flush_some():
            pass

    async def _flush_some(self) -> bool:
        boxes = (self._sightings, self._explanations, self._crawls)
        taken = [_take(box) for box in boxes]
        if not any(taken):
            return False
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                await self._write(connection, *taken)
        except BaseException:
            for box, items in zip(boxes, taken, strict=True):
                for key, value in items:
                    box.setdefault(key, value)  # type: ignore[attr-defined]
            raise
        return any(len(items) == MOST_A_FLUSH for items in taken)

    async def _write(self, connection: Connection, sightings: Any, explained: Any, crawls: Any) -> None:
        writes = self._writes
        if sightings:
            # In the order of the key, as every writer does it: no two wait for each other in a circle.
            sightings = sorted(sightings)
            await writes.write_sightings(
                connection,
                sites=[site for (site, _), _ in sightings],
                sha256s=[sha256 for (_, sha256), _ in sightings],
                times=[times for _, times in sightings],
            )
        if explained:
            explained = sorted(explained, key=lambda item: item[0])
            await writes.write_explanations(
                connection,
                ids=[number for number, _ in explained],
                sites=[site for _, (site, _) in explained],
                verdicts=[json.dumps(verdict) for _, (_, verdict) in explained],
            )
        if crawls:
            await self._request(connection, sorted(site for site, _ in crawls))

    async def _request(self, connection: Connection, sites: list[Site]) -> None:
        names = [str(reversed_host(site)) for site in sites]
        positions = [
            row["position"]
            async for row in self._writes.add_requested_domains(connection, reversed_names=names)
        ]
        await self._writes.request_crawl(connection, reversed_names=names)
        await self._writes.request_visit(connection, reversed_names=names, older_than_s=VISIT_AGAIN_S)
        if positions:
            # Last in the transaction: pulls wait for its end.
            queue = queue_queries("domains")
            await queue.lock_queue(connection)
            await queue.lower_fresh(connection, lowest=min(positions))


def _bound(box: OrderedDict[Any, Any], most: int) -> None:
    while len(box) > most:
        box.popitem(last=False)


def _take(box: OrderedDict[Any, Any]) -> list[tuple[Any, Any]]:
    return [box.popitem(last=False) for _ in range(min(len(box), MOST_A_FLUSH))]
