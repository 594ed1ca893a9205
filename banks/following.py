"""What `matching.live` needs to follow the signals of contents: a feed of changes, a source for each type."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import asyncpg

from samelook.matching.errors import PositionLost, SourceUnavailable
from samelook.matching.interface import Ids
from samelook.matching.source import Change
from samelook.sql.away import AWAY
from samelook.sql.cancelled import check_cancelled
from samelook.sql.named import queries
from samelook.sql.pool import Pool

from .signal_types import SignalType

_log = logging.getLogger(__name__)
CHANNEL = "samelook_banks"
_RETRY_S, _LONGEST_RETRY_S = 0.5, 30.0
_GATHER_S = 0.02

StateChange = tuple[int, int, int]
"""A content, its bank (0 when it is removed), and until when it is disabled."""
_Row = tuple[int, int, int, str | None, bytes | None]


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turns what a database in trouble raises into SourceUnavailable."""
    try:
        yield
    except AWAY as error:
        check_cancelled()
        raise SourceUnavailable(f"{what}: {type(error).__name__}: {error}") from error


class Hints:
    """One connection that listens for everybody in the process who waits for changes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: set[asyncio.Event] = set()

    async def tell(self, changed: asyncio.Event) -> None:
        """Sets the event whenever something may have changed, until cancelled."""
        self._waiting.add(changed)
        changed.set()
        try:
            await asyncio.Event().wait()
        finally:
            self._waiting.discard(changed)

    async def listen(self) -> None:
        """Passes notifications on, over one connection after the other, until cancelled."""
        delay = _RETRY_S
        while True:
            lost, heard = asyncio.Event(), asyncio.Event()

            def notified(*_: object, heard: asyncio.Event = heard) -> None:
                heard.set()

            def terminated(_: object, lost: asyncio.Event = lost, heard: asyncio.Event = heard) -> None:
                lost.set()
                heard.set()

            try:
                async with self._pool.acquire() as connection:
                    connection.add_termination_listener(terminated)
                    await connection.add_listener(CHANNEL, notified)
                    try:
                        heard.set()  # something may have come before we listened
                        delay = _RETRY_S
                        await self._pass_on(lost, heard)
                    finally:
                        # A lost connection has no listeners any more, so there is nothing to remove.
                        if not lost.is_set() and not connection.is_closed():
                            connection.remove_termination_listener(terminated)
                            await connection.remove_listener(CHANNEL, notified)
            except asyncpg.ReadOnlySQLTransactionError:
                # A standby, which passes no notifications on: all look every second anyway.
                delay = _LONGEST_RETRY_S
            except AWAY as error:
                check_cancelled()
                _log.warning("banks.listen_failed: %s; looking every so often meanwhile", error)
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_RETRY_S)

    async def _pass_on(self, lost: asyncio.Event, heard: asyncio.Event) -> None:
        while not lost.is_set():
            await heard.wait()
            heard.clear()
            for changed in self._waiting:
                changed.set()
            # A burst of writes is read in a few portions, not in one for each write.
            await asyncio.sleep(_GATHER_S)


class Feed:
    """The changes of all contents, read once for everybody in the process who follows them.

    Each follower has a queue; what is pulled goes to all. A change read twice does no harm, so a position
    only has to be not too late.
    """

    def __init__(self, pool: Pool, page: int) -> None:
        self.position = ""
        self.lost = 0
        """How often so much had changed, or been purged, that followers have to load anew."""
        self._pool = pool
        self.page = page
        self._queries = queries("banks_following")
        self._lock = asyncio.Lock()
        self._began = 0.0
        self._states: list[StateChange] = []
        self._signals: dict[str, list[Change]] = {}
        self._own: set[int] = set()

    async def start(self) -> None:
        """Begins with what changes from now on. Raises SourceUnavailable."""
        self.position = await self.now()

    async def now(self) -> str:
        """The position of everything that is visible now. Raises SourceUnavailable."""
        with translated("The banks cannot be read"):
            return str(await self._queries.current_position(self._pool))

    def follow(self, signal_type: str) -> None:
        """Makes a queue for the signals of a type."""
        self._signals.setdefault(signal_type, [])

    def states(self) -> list[StateChange]:
        """Takes the changes of contents that have been pulled."""
        taken, self._states = self._states, []
        return taken

    def signals(self, signal_type: str) -> list[Change]:
        """Takes the changes of a type's signals that have been pulled."""
        taken, self._signals[signal_type] = self._signals[signal_type], []
        return taken

    @asynccontextmanager
    async def own(
        self, transaction: str, states: list[StateChange], signals: Mapping[str, tuple[Ids, list[bytes]]]
    ) -> AsyncIterator[None]:
        """Commit, in this block, a transaction of this process that only added these contents.

        It is handed out as if it had been pulled, and not read again. Nothing is pulled meanwhile, so what
        others do to the contents comes after it.
        """
        async with self._lock:
            yield
            self._own.add(int(transaction))
            self._states += states
            for name, (ids, values) in signals.items():
                if name in self._signals:
                    self._signals[name] += map(Change, ids.tolist(), values)

    async def pull(self, most: int) -> None:
        """Reads everything committed before the call. Raises SourceUnavailable."""
        asked = time.monotonic()
        async with self._lock:
            if self._began >= asked:
                return  # somebody else has read it meanwhile
            began = time.monotonic()
            with translated("The changes of the banks cannot be read"):
                await self._pull(most)
            self._began = began

    async def _pull(self, most: int) -> None:
        _, next_xid, running = self.position.split(":")
        # The position is taken first: a change during the reading may be read twice, but is not missed.
        position = str(await self._queries.current_position(self._pool))
        rows: list[_Row] = []
        xid, content_id = next_xid, 0
        while len(rows) <= most:
            page = [
                row
                async for row in self._queries.contents_from(
                    self._pool,
                    xid=xid,
                    id=content_id,
                    page=self.page,
                    own=[str(transaction) for transaction in self._own],
                )
            ]
            rows += [
                (row["id"], row["bank_id"], row["disable_until_ts"], row["type"], row["value"])
                for row in page
            ]
            if len(page) < self.page:
                break
            xid, content_id = page[-1]["xid"], page[-1]["id"]
        late_ones = [
            transaction
            for transaction in running.split(",")
            if transaction and int(transaction) not in self._own
        ]
        if late_ones:
            late = self._queries.contents_of(self._pool, xids=late_ones)
            rows += [
                (row["id"], row["bank_id"], row["disable_until_ts"], row["type"], row["value"])
                async for row in late
            ]
        # The question comes after the reading: removals that are kept now were kept then too.
        if len(rows) > most or not await self._queries.position_is_kept(self._pool, position=self.position):
            self.lost += 1
            self._states = []
            self._signals = {name: [] for name in self._signals}
        else:
            self._hand_out(rows)
        self.position = position
        # Transactions that every later position covers are forgotten.
        oldest = int(position.split(":", maxsplit=1)[0])
        self._own = {transaction for transaction in self._own if transaction >= oldest}

    def _hand_out(self, rows: list[_Row]) -> None:
        for content_id, bank_id, disable_until_ts, signal_type, value in rows:
            self._states.append((content_id, bank_id, disable_until_ts))
            queue = self._signals.get(signal_type or "")
            if queue is not None:
                queue.append(Change(content_id, value if bank_id else None))


class ContentSignals:
    """The signals of one type with the ids of their contents, as a samelook.matching.source.SignalSource."""

    def __init__(self, pool: Pool, kind: SignalType, hints: Hints, feed: Feed, identity: str) -> None:
        self._pool = pool
        self._kind = kind
        self._hints = hints
        self._feed = feed
        self._identity = identity
        self._queries = queries("banks_following")
        self._given: tuple[str, int] | None = None
        feed.follow(kind.name)

    @property
    def name(self) -> str:
        """What a snapshot of it is called."""
        return f"banks-{self._kind.name}"

    @property
    def bits(self) -> int:
        """How many bits a signal has."""
        return self._kind.bits

    async def identity(self) -> str:
        """The log's own identity, its cluster, time line and database, which last as long as the process."""
        return self._identity

    async def position(self) -> str:
        """Everything that is visible now."""
        # Changes in the queue are older than the position; later ones will be newer.
        self._given = (await self._feed.now(), self._feed.lost)
        return self._given[0]

    async def signals(self, page: int) -> AsyncIterator[list[tuple[int, bytes]]]:
        """All signals of the type, by signal id."""
        after = 0
        while True:
            with translated("The signals of the banks cannot be read"):
                rows = [
                    row
                    async for row in self._queries.signals_page(
                        self._pool, type=self._kind.name, after=after, page=page
                    )
                ]
            if not rows:
                return
            after = rows[-1]["signal_id"]
            yield [(row["id"], row["value"]) for row in rows if row["id"] is not None]

    async def changes(self, position: str, most: int) -> tuple[str, list[Change]]:
        """What became visible since the position."""
        if self._given is None:
            return await self._catch_up(position, most)
        await self._feed.pull(most)
        if self._given != (position, self._feed.lost):
            raise PositionLost("more has changed since this position than is replayed, or it was purged")
        self._given = (self._feed.position, self._feed.lost)
        return self._feed.position, self._feed.signals(self._kind.name)

    async def replay(self, position: str, most: int) -> list[Change]:
        """What became visible since a position of any age, beside what `changes` hands out."""
        own = Feed(self._pool, self._feed.page)
        own.position = position
        own.follow(self._kind.name)
        await own.pull(most)
        if own.lost:
            raise PositionLost("more has changed since this position than is replayed, or it was purged")
        return own.signals(self._kind.name)

    async def _catch_up(self, position: str, most: int) -> tuple[str, list[Change]]:
        """From a snapshot's position to the feed's: with a feed of its own."""
        await self._feed.pull(most)
        self._feed.signals(self._kind.name)
        place = (self._feed.position, self._feed.lost)
        changes = await self.replay(position, most)
        self._given = place
        return place[0], changes

    async def hint(self, changed: asyncio.Event) -> None:
        """Sets the event when something may have changed."""
        await self._hints.tell(changed)
