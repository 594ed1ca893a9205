"""An index that follows a source of signals.

    async with live_index(DatabaseSignals(pool, "pdq", 256), settings) as live:
        ids, distances = live.index.search(code, 31)

It starts from a snapshot when there is a sound one of the same source, replays what changed since, and
goes on replaying: at once after `refresh`, soon after a notification, and every `poll_s` in any case.
Applying a change twice does no harm, so a position only has to be not too late.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from .backends import place_of
from .errors import BadQuery, MatchingError, PositionLost, SnapshotForeign, SourceUnavailable
from .index import HammingIndex
from .interface import Code, Found, Place, RangeIndex
from .memory import give_back
from .settings import IndexSettings, LiveSettings
from .source import Change, SignalSource

_log = logging.getLogger(__name__)
# So many changes take under a millisecond and are applied on the event loop; more go to a thread.
_FEW = 256
_LONGEST_RETRY_S = 30.0
_LARGE_SHARE = 0.1
_CALM_S = 3.0


@dataclass(frozen=True, slots=True)
class LiveStatus:
    source: str
    items: int
    age_s: float
    """Seconds since it was last known to hold everything."""
    replayed: int
    """Changes applied since the start."""
    started_from: str
    """snapshot, or why not."""
    refused: int
    """Signals whose value has the wrong length; they are in no answer."""


class LiveIndex:
    """An index, what it follows, and how far it has come. Made by `live_index`."""

    def __init__(self, source: SignalSource, settings: LiveSettings, place: Place) -> None:
        self.index: RangeIndex = HammingIndex(source.bits)
        """Empty until `start` has found or filled one."""
        self._source = source
        self._settings = settings
        self._place = place
        self._position = ""
        self._identity = ""
        self._lock = asyncio.Lock()
        self._complete_at = time.monotonic()
        self._replayed = self._unsaved = self._refused = 0
        self._started_from = ""
        self._saved_at = self._changed_at = time.monotonic()
        self._stamp: object = None  # of what is kept and the index is, or could not be

    def status(self) -> LiveStatus:
        """How far it has come."""
        return LiveStatus(
            self._source.name,
            len(self.index),
            time.monotonic() - self._complete_at,
            self._replayed,
            self._started_from,
            self._refused,
        )

    async def find(self, code: Code, radius: int) -> Found:
        """What the index finds; the event loop goes on while a service is asked."""
        if self._place.in_memory:
            return self.index.search(code, radius)
        return await asyncio.to_thread(self.index.search, code, radius)

    async def refresh(self) -> None:
        """Applies everything that was committed before the call: one's own changes show at once.

        Raises SourceUnavailable.
        """
        async with self._lock:
            began = time.monotonic()
            if await self._source.identity() != self._identity:
                await self._load("the log was replaced")
            try:
                position, changes = await self._source.changes(self._position, self._settings.most_backlog)
            except PositionLost as error:
                await self._load(error.message)
            else:
                if changes and (len(changes) > _FEW or not self._place.in_memory):
                    await asyncio.to_thread(self._apply, changes)
                else:
                    self._apply(changes)
                self._position = position
            self._complete_at = began

    async def start(self) -> None:
        """Loads the snapshot, or all signals, and replays what changed since. Raises SourceUnavailable."""
        self._identity = await self._source.identity()
        try:
            self._started_from = await asyncio.to_thread(self._open_snapshot)
        except SourceUnavailable:
            raise
        except (OSError, MatchingError) as error:
            self._started_from = f"no snapshot: {error}"
            _log.info("matching.no_snapshot source=%s reason=%s", self._source.name, error)
            async with self._lock:
                await self._load("there is no snapshot")
        await self.refresh()

    async def follow(self) -> None:
        """Keeps up until cancelled."""
        changed = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._source.hint(changed))
            tasks.create_task(self._keep_up(changed))

    async def save(self) -> bool:
        """Writes a snapshot if there is a folder for it and nobody else is at it; whether it did."""
        if not self._place.keeps:
            return False
        async with self._lock:
            note = {"source": self._source.name, "identity": self._identity, "position": self._position}
            saved = await asyncio.to_thread(self._place.save, self.index, note)
            if saved:
                self._unsaved, self._saved_at = 0, time.monotonic()
            return saved

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
                await self.refresh()
                delay = self._settings.poll_s
                await self._share()
                if self._snapshot_is_due():
                    await self.save()
            except SourceUnavailable as error:
                delay = min(2 * delay, _LONGEST_RETRY_S)
                _log.warning("matching.source_unavailable source=%s: %s", self._source.name, error)
            except OSError as error:
                self._saved_at = time.monotonic()
                _log.warning("matching.snapshot_not_saved source=%s: %s", self._source.name, error)

    def _snapshot_is_due(self) -> bool:
        settings, now = self._settings, time.monotonic()
        if not self._place.keeps or self._unsaved < max(1.0, settings.snapshot_share * len(self.index)):
            return False
        if now - self._saved_at >= settings.snapshot_interval_s:
            return True
        # A large load has ended: once the file is shared, each process can drop its own copy.
        large = self._unsaved >= _LARGE_SHARE * len(self.index) >= _LARGE_SHARE * settings.shared_from
        return large and min(now - self._changed_at, now - self._saved_at) >= _CALM_S

    async def _share(self) -> None:
        """Goes on with what is kept if that is new: all who map a file share its memory."""
        place = self._place
        if not place.keeps or (place.in_memory and len(self.index) < self._settings.shared_from):
            return
        stamp = place.stamp() if place.in_memory else await asyncio.to_thread(place.stamp)
        if stamp in {None, self._stamp}:
            return
        async with self._lock:
            try:
                index, position = await asyncio.to_thread(self._opened)
                changes = await self._source.replay(position, self._settings.most_backlog)
            except SourceUnavailable:
                raise
            except (OSError, MatchingError) as error:
                _log.info("matching.snapshot_not_shared source=%s reason=%s", self._source.name, error)
                self._stamp = stamp
                return
            # Following goes on from the old position: replaying a change twice does no harm.
            await asyncio.to_thread(_apply, index, changes)
            self.index, self._stamp = index, stamp
            self._unsaved, self._saved_at = len(changes), time.monotonic()
        await asyncio.to_thread(give_back)

    def _open_snapshot(self) -> str:
        stamp = self._place.stamp()
        self.index, self._position = self._opened()
        self._stamp = stamp
        return "snapshot"

    def _opened(self) -> tuple[RangeIndex, str]:
        index, note = self._place.open()
        if note.get("source") != self._source.name:
            raise SnapshotForeign("what is kept belongs to another source")
        position = note.get("position")
        if note.get("identity") != self._identity or not isinstance(position, str):
            raise SnapshotForeign("what is kept belongs to another database")
        return index, position

    async def _load(self, reason: str) -> None:
        _log.info("matching.load source=%s reason=%s", self._source.name, reason)
        self._identity = await self._source.identity()
        # The position comes first: what changes while the pages are read is replayed on top of them.
        position = await self._source.position()
        index = await asyncio.to_thread(self._place.new)
        refused = 0
        async for page in self._source.signals(self._settings.page):
            refused += await asyncio.to_thread(_add, index, page)
        self.index, self._position, self._refused = index, position, refused
        self._unsaved += len(index)
        if not self._place.in_memory and self._place.keeps:
            # Processes that start later read this snapshot, and need not fill an index of their own.
            note = {"source": self._source.name, "identity": self._identity, "position": position}
            await asyncio.to_thread(self._place.save, index, note)
            self._stamp = await asyncio.to_thread(self._place.stamp)

    def _apply(self, changes: list[Change]) -> None:
        self._refused += _apply(self.index, changes)
        self._replayed += len(changes)
        self._unsaved += len(changes)
        if changes:
            self._changed_at = time.monotonic()


def _apply(index: RangeIndex, changes: list[Change]) -> int:
    # A removal comes after its addition and ids are never used again: the last change of an id counts.
    last = {change.signal_id: change.value for change in changes}
    removed = [signal_id for signal_id, value in last.items() if value is None]
    index.remove(np.array(removed, np.int64))
    return _add(index, [(signal_id, value) for signal_id, value in last.items() if value is not None])


def _add(index: RangeIndex, signals: list[tuple[int, bytes]]) -> int:
    width = index.bits // 8
    sound = [(signal_id, value) for signal_id, value in signals if len(value) == width]
    codes = np.frombuffer(b"".join(value for _, value in sound), np.uint8).reshape(-1, width)
    index.add(codes, np.array([signal_id for signal_id, _ in sound], np.int64))
    return len(signals) - len(sound)


@asynccontextmanager
async def live_index(
    source: SignalSource, settings: LiveSettings, index_settings: IndexSettings | None = None
) -> AsyncIterator[LiveIndex]:
    """An index that is complete when the block begins, and kept up to date until it ends.

    Raises SourceUnavailable when it cannot begin.
    """
    if "/" in source.name or source.name.startswith("."):
        raise BadQuery(f"{source.name!r} cannot be the name of a snapshot file")
    place = place_of(source.name, source.bits, settings, index_settings)
    live = LiveIndex(source, settings, place)
    try:
        await live.start()
        async with asyncio.TaskGroup() as tasks:
            follower = tasks.create_task(live.follow())
            try:
                yield live
            finally:
                follower.cancel()
    except BaseExceptionGroup as group:
        # The block's own error is raised bare: callers do not know of the task group.
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise
    finally:
        await asyncio.to_thread(place.close)
