"""A write-behind queue: sightings, explanations, requests for a crawl.

An answer never waits for the database. What cannot be written now is kept, up to a limit, and written when
the database is back.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from samelook.extension_api.limits import Buckets, Levels
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
_LAST_FLUSH_S = 5.0
MOST_A_FLUSH = 5000
VISIT_AGAIN_S = 86_400.0
EXPLAINED_BYTES = 32 << 20
"""Most bytes of explanations in memory, written or not."""
WRITES_PER_HOUR = 2000.0
"""Units that are written for one network: one a sighting, one for each _BYTES_A_UNIT of an explanation."""
_BYTES_A_UNIT = 500
_network: ContextVar[str | None] = ContextVar("network", default=None)


class Outbox:
    """Collects writes and flushes them once a second."""

    def __init__(self, pool: Pool, *, remembered: int, levels: Levels | None = None) -> None:
        self._pool = pool
        self._writes: Any = queries("extension")
        self._sightings: OrderedDict[tuple[Site, bytes], int] = OrderedDict()
        self._explanations: OrderedDict[UUID, tuple[Site, bytes]] = OrderedDict()
        self._crawls: OrderedDict[Site, None] = OrderedDict()
        self._first_seen: OrderedDict[tuple[Site, bytes], float] = OrderedDict()
        self._explained: OrderedDict[UUID, bytes] = OrderedDict()
        self._explained_bytes = 0
        self._askers: OrderedDict[Site, str | None] = OrderedDict()
        self._allowance = Buckets(WRITES_PER_HOUR / 3600, WRITES_PER_HOUR, time.monotonic, levels, "writes")
        self.is_crawled: Callable[[Site], bool] = lambda _: False
        """Whether the crawl knows a site: what is seen there is worth keeping whoever asks."""
        self._asked_for: OrderedDict[Site, float] = OrderedDict()
        self._remembered = remembered

    @property
    def waiting(self) -> int:
        """How much is not written yet."""
        return len(self._sightings) + len(self._explanations) + len(self._crawls)

    async def load(self, reads: Any) -> None:
        """Remember the latest sightings of earlier processes."""
        async for row in reads.recent_sightings(self._pool, most=self._remembered):
            self._first_seen[Site(row["site"]), row["sha256"]] = row["first_seen"]

    # ---- noting ----

    @contextmanager
    def asked_from(self, network: str) -> Iterator[None]:
        """In the block, questions from this network are answered; what is kept of them is on its allowance.

        Without it, as on the command line, everything is kept.
        """
        token = _network.set(network)
        try:
            yield
        finally:
            _network.reset(token)

    def _may_keep(self, site: Site, units: float) -> bool:
        """Whether what was asked of the site goes to the disk, which invented sites would fill."""
        network = _network.get()
        if network is None:
            return True
        if not self.is_crawled(site):
            before = self._askers.setdefault(site, network)
            _bound(self._askers, MOST_KEPT)
            if before == network:
                return False
            self._askers[site] = None  # asked about from several networks: every further question counts
        return self._allowance.spare(network, units)

    def first_seen(self, site: Site, sha256: bytes) -> float | None:
        return self._first_seen.get((site, sha256))

    def saw(self, site: Site, sha256: bytes, now: float) -> None:
        """A client saw the picture at the site. It is evidence of when, and of nothing else."""
        key = (site, sha256)
        if not self._may_keep(site, 1):
            return
        self._sightings[key] = self._sightings.get(key, 0) + 1
        _bound(self._sightings, MOST_KEPT)
        if key not in self._first_seen:
            self._first_seen[key] = now
            _bound(self._first_seen, self._remembered)

    def explained(self, number: UUID) -> dict[str, Any] | None:
        """An explanation of the last minutes."""
        text = self._explained.get(number)
        return None if text is None else json.loads(text)

    def explain(self, number: UUID, site: Site, verdict: dict[str, Any]) -> None:
        if number in self._explained:
            return
        text = json.dumps(verdict).encode()
        self._explained[number] = text
        self._explained_bytes += len(text)
        while self._explained_bytes > EXPLAINED_BYTES:
            number_out, text_out = self._explained.popitem(last=False)
            self._explained_bytes -= len(text_out)
            self._explanations.pop(number_out, None)
        if self._may_keep(site, max(1.0, len(text) / _BYTES_A_UNIT)):
            self._explanations[number] = (site, text)
            _bound(self._explanations, MOST_KEPT)

    def has_asked_for(self, site: Site, now: float) -> bool:
        """Whether the crawler was sent there within a day."""
        return 0 <= now - self._asked_for.get(site, 0.0) <= VISIT_AGAIN_S

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
        is_kept = False
        while True:
            await asyncio.sleep(FLUSH_S)
            try:
                await self.flush()
                is_kept = False
            except AWAY as error:
                check_cancelled()
                # Once, not each second: on a standby it stays so until that is promoted.
                if not is_kept:
                    log.warning("outbox.kept", error=str(error) or type(error).__name__)
                is_kept = True

    async def close(self) -> None:
        """Flush for the last time, for five seconds at most; what cannot be written now is lost."""
        try:
            async with asyncio.timeout(_LAST_FLUSH_S):
                await self.flush()
        except AWAY as error:
            check_cancelled()
            log.warning("outbox.lost", number=self.waiting, error=str(error) or type(error).__name__)

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
                verdicts=[verdict.decode() for _, (_, verdict) in explained],
            )
        if crawls:
            await request_visits(connection, sorted(site for site, _ in crawls))


async def request_visits(
    connection: Connection, sites: list[Site], *, older_than_s: float = VISIT_AGAIN_S
) -> None:
    """Sends the crawler, before all others, to those sites that it has not visited for so long.

    Needs a transaction.
    """
    writes: Any = queries("extension")
    names = [str(reversed_host(site)) for site in sites]
    positions = [
        row["position"] async for row in writes.add_requested_domains(connection, reversed_names=names)
    ]
    await writes.request_crawl(connection, reversed_names=names)
    await writes.request_visit(connection, reversed_names=names, older_than_s=older_than_s)
    if positions:
        # Last in the transaction, because pulls wait for its end.
        queue = queue_queries("domains")
        await queue.lock_queue(connection)
        await queue.lower_fresh(connection, lowest=min(positions))


def _bound(box: OrderedDict[Any, Any], most: int) -> None:
    while len(box) > most:
        box.popitem(last=False)


def _take(box: OrderedDict[Any, Any]) -> list[tuple[Any, Any]]:
    return [box.popitem(last=False) for _ in range(min(len(box), MOST_A_FLUSH))]
