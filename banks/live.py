"""Everything that a lookup needs, in memory and up to date: indexes, banks, the states of contents.

    async with live_banks(pool, LiveSettings()) as live:
        await live.refresh()          # after a write: it shows at once in this process
        matches = await live.find(signal_type("pdq"), value)

Other processes follow within a moment: a notification wakes them, and they look every second anyway.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg
import numpy as np

from samelook.matching.errors import SourceUnavailable
from samelook.matching.live import LiveIndex, live_index
from samelook.matching.settings import LiveSettings
from samelook.sql.named import queries
from samelook.sql.pool import Pool

from .bulk import Added
from .equal import MOST, EqualValues
from .following import ContentSignals, Feed, Hints, StateChange, translated
from .own_values import OwnValues
from .signal_types import SIGNAL_TYPES, SignalType
from .states import ContentStates
from .store import Bank, BankStore

_log = logging.getLogger(__name__)
_LONGEST_RETRY_S = 30.0
_AT_ONCE = 20_000
_KEEP_REMOVED_S = 7 * 86_400.0
_UPKEEP_S = 5.0


@dataclass(frozen=True, slots=True)
class FoundContent:
    """A content whose signal is near enough."""

    content_id: int
    bank: Bank
    distance: int
    disable_until_ts: int
    away: str | None = None
    """How far, in the words of a type that compares in its own way; the distance is 0 then."""


class LiveBanks:
    """Made by `live_banks`; answers from memory."""

    def __init__(self, pool: Pool, settings: LiveSettings) -> None:
        self.banks: dict[int, Bank] = {}
        self.type_ratios: dict[str, float] = {}
        self.reach: dict[str, int] = {}
        """The widest radius in force, of signal types for which some bank has one of its own."""
        self.indexes: dict[str, LiveIndex] = {}
        self.equal: dict[str, EqualValues] = {}
        """Of types that match by equality. The database is asked until they are read, and where there are too
        many values."""
        self.states = ContentStates()
        self._pool = pool
        self._settings = settings
        self._store = BankStore(pool)
        self._banks_queries = queries("banks")
        self._queries = queries("banks_following")
        plain = [kind for kind in SIGNAL_TYPES.values() if kind.radius is None]
        self._by_equality = [kind.name for kind in plain if kind.own is None]
        self.own = {kind.name: OwnValues(kind.own) for kind in plain if kind.own is not None}
        """Of types that compare in their own way."""
        self._own_lost = False
        self._being_read: dict[str, EqualValues] = {}
        self._equal_missing = asyncio.Event()
        self._equal_missing.set()
        self._lost = 0
        self._read_only = False
        self.feed = Feed(pool, settings.page)
        for name in (*self._by_equality, *self.own):
            self.feed.follow(name)
        self._lock = asyncio.Lock()
        self._complete_at = time.monotonic()

    @property
    def age_s(self) -> float:
        """Seconds since everything was last known to be there."""
        own = time.monotonic() - self._complete_at
        return max([own, *(index.status().age_s for index in self.indexes.values())])

    async def find(self, kind: SignalType, value: bytes, radius: int | None = None) -> list[FoundContent]:
        """Contents of existing banks that match, nearest first, enabled or not.

        Within the radius, or that of the type. Types that match by equality have none.
        """
        live = self.indexes.get(kind.name)
        away: dict[int, str] = {}
        if kind.name in self.own:
            away = await self.own[kind.name].find(value.decode())
            ids = np.fromiter(away, np.int64, len(away))
            distances = np.zeros(len(ids), np.uint16)
        elif live is not None:
            ids, distances = await live.find(value, (kind.radius or 0) if radius is None else radius)
        elif kind.name in self.equal:
            ids = self.equal[kind.name].find(value)
            distances = np.zeros(len(ids), np.uint16)
        else:
            rows = self._banks_queries.contents_with_value(self._pool, type=kind.name, value=value)
            ids = np.array([row["id"] async for row in rows], np.int64)
            distances = np.zeros(len(ids), np.uint16)
        if not len(ids):
            return []
        banks = self.banks
        homes, disable_until = self.states.of(ids)
        return [
            FoundContent(content_id, banks[home], distance, until, away.get(content_id))
            for content_id, home, distance, until in zip(
                ids.tolist(), homes, distances.tolist(), disable_until, strict=True
            )
            if home in banks
        ]

    async def sizes(self, types: Collection[str]) -> dict[str, int]:
        """How many signals of contents each type has: in the index, or in the database without one."""
        sizes = {name: len(live.index) for name, live in self.indexes.items()}
        asked = [name for name in types if name not in sizes]
        if asked:
            rows = self._banks_queries.type_sizes(self._pool, types=asked)
            sizes.update({row["type"]: row["number"] async for row in rows})
        return {name: sizes[name] for name in types}

    async def refresh(self, *types: str) -> None:
        """Applies everything committed before the call, to these types or all. Raises SourceUnavailable."""
        await self._refresh_states()
        for name in types or self.indexes:
            if name in self.indexes:
                await self.indexes[name].refresh()

    @asynccontextmanager
    async def committing(self, added: Added) -> AsyncIterator[None]:
        """Commit a batch in this block: the next refresh has it without reading it back from the database."""
        homes = [added.bank.id] * len(added.ids)
        states = list(zip(added.ids.tolist(), homes, added.disable_until.tolist(), strict=True))
        async with self.feed.own(added.transaction, states, added.signals):
            yield

    async def start(self) -> str:
        """Loads banks and states; the identity of the log. Raises SourceUnavailable."""
        with translated("The banks cannot be read"):
            await self._adopt()
            identity = str(await self._queries.log_identity(self._pool))
        await self.feed.start()
        await self._load_states()
        await self._refresh_states()
        return identity

    async def _adopt(self) -> None:
        try:
            if await self._queries.adopt_foreign_changes(self._pool):
                _log.warning("banks.log_restored: it came from another cluster and starts anew")
        except (asyncpg.ReadOnlySQLTransactionError, asyncpg.InsufficientPrivilegeError):
            # This is a standby, or a user who may only read: processes that may write do the upkeep.
            self._read_only = True

    async def follow(self, hints: Hints) -> None:
        """Keeps banks and states up to date until cancelled."""
        changed = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(hints.listen())
            tasks.create_task(hints.tell(changed))
            tasks.create_task(self._keep_up(changed))
            tasks.create_task(self._read_equal())
            for values in self.own.values():
                tasks.create_task(self._rebuild(values))
            if not self._read_only:
                tasks.create_task(self._clear_away())

    async def _keep_up(self, changed: asyncio.Event) -> None:
        delay = self._settings.poll_s
        while True:
            try:
                async with asyncio.timeout(delay):
                    await changed.wait()
            except TimeoutError:
                pass
            changed.clear()
            try:
                await self._refresh_states()
                delay = self._settings.poll_s
            except SourceUnavailable as error:
                delay = min(2 * delay, _LONGEST_RETRY_S)
                _log.warning("banks.unavailable: %s", error)

    async def _clear_away(self) -> None:
        """Removes the contents of removed banks, and purges what was removed long ago.

        Any process may do it; two never take the same rows.
        """
        while True:
            try:
                with translated("Contents of removed banks stay for now"):
                    gone = await self._queries.remove_orphans(self._pool, most=_AT_ONCE)
                    gone += await self._queries.purge_removed(
                        self._pool, older_than_s=_KEEP_REMOVED_S, most=_AT_ONCE
                    )
            except SourceUnavailable as error:
                gone = 0
                _log.warning("banks.unavailable: %s", error)
            if not gone:
                await asyncio.sleep(_UPKEEP_S)

    async def _refresh_states(self) -> None:
        async with self._lock:
            began = time.monotonic()
            await self.feed.pull(self._settings.most_backlog)
            with translated("The banks cannot be read"):
                banks = {bank.id: bank for bank in await self._store.banks()}
                ratios = await self._store.type_ratios()
            if self.feed.lost != self._lost:
                self.equal, self._being_read, self._own_lost = {}, {}, True
                self._equal_missing.set()
                await self._load_states()
            _note(self.states, self.feed.states())
            await self._note_equal()
            self.banks, self.type_ratios, self.reach = banks, ratios, _reach(banks.values())
            self._complete_at = began

    async def _note_equal(self) -> None:
        for name in self._by_equality:
            fresh = [
                (signal.signal_id, signal.value)
                for signal in self.feed.signals(name)
                if signal.value is not None
            ]
            for values in (self.equal.get(name), self._being_read.get(name)):
                if values is not None and fresh:
                    values.add(fresh)
                    await values.settle(self.states)
        for name, own in self.own.items():
            fresh = [
                (change.signal_id, change.value)
                for change in self.feed.signals(name)
                if change.value is not None
            ]
            own.add(fresh)

    async def read_own(self) -> None:
        """Reads the values of types that compare in their own way. Raises SourceUnavailable."""
        for name, values in self.own.items():
            async for rows in self._signal_pages(name):
                values.add(rows)
            await values.rebuild(self.states)
        self._own_lost = False

    async def _rebuild(self, values: OwnValues) -> None:
        while True:
            await values.grown.wait()
            await values.rebuild(self.states)

    async def _signal_pages(self, name: str) -> AsyncIterator[list[tuple[int, bytes]]]:
        after = 0
        while True:
            with translated("The signals of the banks cannot be read"):
                page = self._queries.signals_page(
                    self._pool, type=name, after=after, page=self._settings.page
                )
                rows = [row async for row in page]
            if not rows:
                return
            after = rows[-1]["signal_id"]
            yield [(row["id"], row["value"]) for row in rows if row["id"] is not None]

    async def _read_equal(self) -> None:
        """Reads the values of types that match by equality, now and whenever that is to be done anew."""
        delay = self._settings.poll_s
        while True:
            await self._equal_missing.wait()
            self._equal_missing.clear()
            try:
                for name in self._by_equality:
                    await self._read_values(name)
                if self._own_lost:
                    await self.read_own()
                delay = self._settings.poll_s
            except SourceUnavailable as error:
                _log.warning("banks.unavailable: %s", error)
                await asyncio.sleep(delay)
                delay = min(2 * delay, _LONGEST_RETRY_S)
                self._equal_missing.set()

    async def _read_values(self, name: str) -> None:
        # Changes go into it from now on: what is committed while the pages are read is not missed.
        values = self._being_read[name] = EqualValues()
        async for rows in self._signal_pages(name):
            async with self._lock:
                values.add(rows)
                await values.settle(self.states)
            if len(values) > MOST:
                break
        if self._being_read.pop(name, None) is values and len(values) <= MOST:
            self.equal[name] = values

    async def _load_states(self) -> None:
        with translated("The contents of the banks cannot be read"):
            lost, states = self.feed.lost, ContentStates()
            after = 0
            while True:
                rows = [
                    (row["id"], row["bank_id"], row["disable_until_ts"])
                    async for row in self._queries.states_page(
                        self._pool, after=after, page=self._settings.page
                    )
                ]
                _note(states, rows)
                if len(rows) < self._settings.page:
                    break
                after = rows[-1][0]
        self.states, self._lost = states, lost


def _reach(banks: Iterable[Bank]) -> dict[str, int]:
    reach: dict[str, int] = {}
    for bank in banks:
        for name, radius in bank.radii.items():
            kind = SIGNAL_TYPES.get(name)  # an extension's type may be gone
            if kind is not None:
                reach[name] = max(radius, reach.get(name, kind.radius or 0))
    return reach


def _note(states: ContentStates, rows: Sequence[StateChange]) -> None:
    if rows:
        ids, banks, times = (np.array(column, np.int64) for column in zip(*rows, strict=True))
        states.set(ids, banks.astype(np.int32), times)


@asynccontextmanager
async def live_banks(pool: Pool, settings: LiveSettings) -> AsyncIterator[LiveBanks]:
    """Banks that are complete when the block begins, and kept up to date until it ends.

    Raises SourceUnavailable when they cannot be read at the beginning.
    """
    live = LiveBanks(pool, settings)
    identity = await live.start()
    await live.read_own()
    hints = Hints(pool)
    async with AsyncExitStack() as stack:
        for kind in SIGNAL_TYPES.values():
            if kind.radius is not None:
                source = ContentSignals(pool, kind, hints, live.feed, identity)
                live.indexes[kind.name] = await stack.enter_async_context(live_index(source, settings))
        try:
            async with asyncio.TaskGroup() as tasks:
                follower = tasks.create_task(live.follow(hints))
                try:
                    yield live
                finally:
                    follower.cancel()
        except BaseExceptionGroup as group:
            # The block's own error is raised bare: callers do not know of the task group.
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise
