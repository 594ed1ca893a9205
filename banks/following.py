"""What `matching.live` needs to follow the signals of contents: one source for each signal type."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import asyncpg

from matching.errors import PositionLost, SourceUnavailable
from matching.source import Change
from sql.named import queries
from sql.pool import Pool

from .signal_types import SignalType

_log = logging.getLogger(__name__)
CHANNEL = "samelook_banks"
_RETRY_S, _LONGEST_RETRY_S = 0.5, 30.0
_GATHER_S = 0.02


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turns what a database in trouble raises into SourceUnavailable."""
    try:
        yield
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
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
                        connection.remove_termination_listener(terminated)
                        if not connection.is_closed():
                            await connection.remove_listener(CHANNEL, notified)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
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


class ContentSignals:
    """The signals of one type with the ids of their contents, as a matching.source.SignalSource."""

    def __init__(self, pool: Pool, kind: SignalType, hints: Hints, identity: str) -> None:
        self._pool = pool
        self._kind = kind
        self._hints = hints
        self._identity = identity
        self._queries = queries("banks_following")

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
        with translated("The banks cannot be read"):
            return str(await self._queries.current_position(self._pool))

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
        with translated("The changes of the banks cannot be read"):
            rows = [
                row
                async for row in self._queries.signals_since(
                    self._pool, type=self._kind.name, position=position, most=most + 1
                )
            ]
            # Asked after the changes were read: what is kept now was kept then.
            kept = await self._queries.position_is_kept(self._pool, position=position)
        if not kept:
            raise PositionLost("contents that were removed after this position have been purged")
        if len(rows) > most:
            raise PositionLost(f"more than {most} changes since this position")
        changes = [Change(row["id"], row["value"]) for row in rows if row["id"] is not None]
        return str(rows[0]["position"]), changes

    async def hint(self, changed: asyncio.Event) -> None:
        """Sets the event when something may have changed."""
        await self._hints.tell(changed)
