"""The signals of a database as a source: the tables `signals` and `signal_changes`.

The log is the truth and LISTEN a hint; sql/queries/matching.sql says how no change is lost although
transactions commit in another order than they begin.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import asyncpg

from samelook.sql.cancelled import check_cancelled
from samelook.sql.named import queries
from samelook.sql.pool import Pool

from .errors import PositionLost, SourceUnavailable
from .source import Change

_log = logging.getLogger(__name__)
CHANNEL = "samelook_signals"
_RETRY_S, _LONGEST_RETRY_S = 0.5, 30.0


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        check_cancelled()
        raise SourceUnavailable(f"{what}: {type(error).__name__}: {error}") from error


class DatabaseSignals:
    """The signals of one type. Needs the primary server: a standby's snapshots say less."""

    def __init__(self, pool: Pool, signal_type: str, bits: int) -> None:
        self._pool = pool
        self._type = signal_type
        self._bits = bits
        self._queries = queries("matching")
        self._checked = False

    @property
    def name(self) -> str:
        """The signal type."""
        return self._type

    @property
    def bits(self) -> int:
        """How many bits a signal has."""
        return self._bits

    async def identity(self) -> str:
        """The log's own identity, its cluster, time line and database."""
        with _translated("The log of signals cannot be identified"):
            # Once is enough: a running cluster does not go back in time under its clients.
            if not self._checked and await self._queries.forget_foreign_changes(self._pool):
                _log.warning("matching.log_restored: it came from another cluster and starts anew")
            self._checked = True
            return str(await self._queries.log_identity(self._pool))

    async def position(self) -> str:
        """Everything that is visible now."""
        with _translated("The log of signals cannot be read"):
            return str(await self._queries.current_position(self._pool))

    async def signals(self, page: int) -> AsyncIterator[list[tuple[int, bytes]]]:
        """All signals of the type, by id."""
        after = -(2**63)
        while True:
            with _translated("The signals cannot be read"):
                rows = [
                    (row["id"], row["value"])
                    async for row in self._queries.signals_page(
                        self._pool, type=self._type, after=after, page=page
                    )
                ]
            if rows:
                after = rows[-1][0]
                yield rows
            if len(rows) < page:
                return

    async def changes(self, position: str, most: int) -> tuple[str, list[Change]]:
        """What became visible since the position."""
        with _translated("The log of signals cannot be read"):
            rows = [
                row
                async for row in self._queries.changes_since(
                    self._pool, type=self._type, position=position, most=most + 1
                )
            ]
            # Asked after the changes were read: what is kept now was kept then.
            kept = await self._queries.position_is_kept(self._pool, position=position)
        if not kept:
            raise PositionLost("the log was cut after this position")
        changes = [Change(row["signal_id"], row["value"]) for row in rows if row["id"] is not None]
        if len(changes) > most:
            raise PositionLost(f"more than {most} changes since this position")
        return str(rows[0]["position"]), changes

    async def replay(self, position: str, most: int) -> list[Change]:
        """What became visible since a position of any age."""
        return (await self.changes(position, most))[1]

    async def hint(self, changed: asyncio.Event) -> None:
        """Listens on a connection of the pool, and on another one when that is lost."""
        delay = _RETRY_S
        while True:
            lost = asyncio.Event()

            def notified(_connection: object, _pid: int, _channel: str, payload: object) -> None:
                if payload == self._type:
                    changed.set()

            def terminated(_connection: object, lost: asyncio.Event = lost) -> None:
                lost.set()

            try:
                async with self._pool.acquire() as connection:
                    connection.add_termination_listener(terminated)
                    await connection.add_listener(CHANNEL, notified)
                    try:
                        changed.set()  # something may have come before we listened
                        delay = _RETRY_S
                        await lost.wait()
                    finally:
                        # What the pool has taken back, because it was lost, has no listeners any more.
                        if not lost.is_set() and not connection.is_closed():
                            connection.remove_termination_listener(terminated)
                            await connection.remove_listener(CHANNEL, notified)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                check_cancelled()
                _log.warning("matching.listen_failed: %s; looking every so often meanwhile", error)
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_RETRY_S)
