"""A phase at work: pull, work concurrently, push in batches, and pull again."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic

import structlog

from samelook.crawler.errors import CrawlError
from samelook.crawler.queues.interface import (
    Input,
    InternalError,
    Lease,
    LeaseKey,
    Outcome,
    PhaseQueue,
    Result,
)
from samelook.crawler.settings import CrawlSettings
from samelook.crawler.slots import Slots
from samelook.crawler.stages import Stages
from samelook.sql.away import BUSY, UNUSABLE
from samelook.sql.queue_queries import Phase

log = structlog.get_logger()

BACKLOG_ROUNDS = 2
"""A phase takes up nothing new while the one that it feeds has more waiting than so many times its slots."""
INTERRUPTIONS = 20
"""So often an input is given back because the database went away from under its work; then it is a bug."""
UPSTREAM_SHARE = 0.5
"""Of the slots, at most, for a phase that feeds another one: silent sites must not keep that one idle."""


@dataclass(slots=True)
class PhaseProgress:
    """What one process did in one phase since it started."""

    done: int = 0
    failed: int = 0
    lost: int = 0
    """Outcomes dropped because the lease had passed to another worker."""
    errors: dict[str, int] = field(default_factory=dict)
    busy: int = 0
    """Inputs in hand."""


class PhaseRunner(Generic[Input, Result]):
    """Runs one phase until it is stopped, or once until nothing is due.

    `work` turns an input into a result or raises a CrawlError. Any other exception is a bug: it
    is logged, kept as `internal_error`, and the phase goes on.
    """

    def __init__(
        self,
        phase: Phase,
        queue: PhaseQueue[Input, Result],
        work: Callable[[Input], Awaitable[Result]],
        settings: CrawlSettings,
        stop: asyncio.Event,
        slots: Slots,
        stages: Stages,
        downstream: PhaseRunner[Any, Any] | None = None,
    ) -> None:
        """`downstream`, the phase that this one feeds, is not run away from while it is behind."""
        self.phase = phase
        self._slots = slots
        self._stages = stages
        self._wake = asyncio.Event()
        self._found_nothing = False
        self._downstream = downstream
        self._upstream_wakes: list[asyncio.Event] = []
        if downstream is not None:
            downstream._upstream_wakes.append(self._wake)  # noqa: SLF001 - of its own kind
        self._backlog = 0
        self.progress = PhaseProgress()
        self._queue = queue
        self._work = work
        self._settings = settings
        self._stop = stop
        self._finished: list[Outcome[Input, Result]] = []
        self._flush_now = asyncio.Event()
        self._in_hand: dict[asyncio.Task[None], Lease[Input]] = {}
        self._abandoned: list[Lease[Input]] = []
        self._interrupted: list[Lease[Input]] = []
        self._interruptions: Counter[int] = Counter()
        self._held: set[LeaseKey] = set()

    def feed(self, count: int) -> None:
        """So many new inputs wait for this phase."""
        self._backlog += count
        if count:
            self._found_nothing = False
            self._wake.set()

    def _is_ahead(self) -> bool:
        """Whether the phase that this one feeds has more before it than a few rounds of work.

        While that is so, nothing is taken up here. So a site's icons are fetched soon after its page, while
        the connection is still open, and not hours later.
        """
        below = self._downstream
        return below is not None and below._backlog > BACKLOG_ROUNDS * below._slots.limit  # noqa: SLF001 - of its own kind

    def _room(self) -> int:
        """How many inputs there are slots for."""
        below = self._downstream
        if below is None or below._slots is not self._slots:  # noqa: SLF001 - of its own kind
            return self._slots.free
        return min(self._slots.free, int(UPSTREAM_SHARE * self._slots.limit) - len(self._in_hand))

    def _enough(self) -> int:
        """Free slots that make a pull worth its round trip: a quarter of all, or a whole batch."""
        return min(self._settings.batch, max(1, self._slots.limit // 4))

    def look_for_room(self) -> None:
        """Pull again if there is room now; called whenever slots get free."""
        # Free slots are no reason to ask again when there was nothing a moment ago.
        if not self._found_nothing and self._room() >= self._enough():
            self._wake.set()

    def is_short(self) -> bool:
        """Whether there is work, and no slots for it."""
        return not self._found_nothing and self._room() < self._enough() and not self._is_ahead()

    async def run(self, *, once: bool, is_upstream_done: Callable[[], bool] = lambda: True) -> None:
        """Work until stopped; with `once`, until nothing is due any more.

        `is_upstream_done` says whether the phases before this one, which feed it, are done too.
        """
        closing = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._flush_repeatedly(closing), name=f"{self.phase}.flush")
            renewing = group.create_task(self._renew_repeatedly(), name=f"{self.phase}.renew")
            waking = group.create_task(self._wake_to_stop())
            self._slots.join(self)
            try:
                await self._pull_repeatedly(once=once, is_upstream_done=is_upstream_done)
                await self._let_work_finish()
            finally:
                closing.set()
                self._flush_now.set()
                renewing.cancel()
                waking.cancel()
        await self._give_back([*self._abandoned, *self._interrupted])

    async def _pull_repeatedly(self, *, once: bool, is_upstream_done: Callable[[], bool]) -> None:
        idle_s = self._settings.idle_first_s
        while not self._stop.is_set():
            # A slot is taken before work is: nothing is leased that cannot start at once.
            self._wake.clear()
            room = self._room()
            if room < self._enough() or self._is_ahead():
                await self._wait_for(self._wake, self._settings.idle_first_s)
                continue
            was_upstream_done = is_upstream_done()
            leases = await self._pull(min(room, self._settings.batch))
            self._note_pull(len(leases))
            if leases:
                idle_s = self._settings.idle_first_s
                for lease in leases:
                    self._start(lease)
                continue
            is_idle = not self._in_hand and not self._finished
            if once and was_upstream_done and is_idle and await self._exhausted():
                return
            # An empty pull does not mean the end while work is in hand or more is coming.
            longest = self._settings.idle_first_s if self._in_hand or once else self._settings.idle_longest_s
            await self._wait_for(self._wake, min(idle_s, longest) * random.uniform(0.75, 1.25))  # noqa: S311
            idle_s = min(idle_s * 2, self._settings.idle_longest_s)

    def _note_pull(self, count: int) -> None:
        """Correct the backlog by what a pull gave; that others took the rest shows when there is nothing.

        A pull that gives some says little of what is left: it looks at so many rows, done or not.
        """
        self._backlog = max(0, self._backlog - count) if count else 0
        self._found_nothing = not count
        for wake in self._upstream_wakes:
            wake.set()

    async def _pull(self, limit: int) -> list[Lease[Input]]:
        try:
            with self._stages.timed("pull"):
                return list(await self._queue.pull(limit))
        except Exception as error:  # noqa: BLE001 - the database may be away: try again later, with growing sleeps
            log.warning("pull.failed", phase=self.phase, error=str(error) or type(error).__name__)
            return []

    async def _exhausted(self) -> bool:
        try:
            return await self._queue.exhausted()
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("pull.failed", phase=self.phase, error=str(error) or type(error).__name__)
            return False

    def _start(self, lease: Lease[Input]) -> None:
        key = (lease.input_id, lease.lease_id)
        if key in self._held:
            # A queue may deliver more than once; the second copy is dropped before any work.
            log.debug("lease.duplicate", phase=self.phase, input_id=lease.input_id)
            return
        self._held.add(key)
        task = asyncio.create_task(self._work_on(lease), name=f"{self.phase}.{lease.input_id}")
        self._in_hand[task] = lease
        self._slots.take()
        self.progress.busy = len(self._in_hand)
        task.add_done_callback(self._put_down)

    def _put_down(self, task: asyncio.Task[None]) -> None:
        lease = self._in_hand.pop(task)
        self.progress.busy = len(self._in_hand)
        self._slots.put_back()
        if task.cancelled():
            self._abandoned.append(lease)
            self._held.discard((lease.input_id, lease.lease_id))

    async def _work_on(self, lease: Lease[Input]) -> None:
        try:
            outcome: Outcome[Input, Result] = Outcome(lease, result=await self._work(lease.input))
        except CrawlError as error:
            outcome = Outcome(lease, error=error)
        except Exception as error:
            if isinstance(error, (*BUSY, *UNUSABLE)) and self._interruptions[lease.input_id] < INTERRUPTIONS:
                # The connection to the database was lost during the work; the input itself may be fine.
                self._interruptions[lease.input_id] += 1
                log.warning("work.interrupted", phase=self.phase, error=str(error) or type(error).__name__)
                self._interrupted.append(lease)
                return
            log.exception("work.bug", phase=self.phase, input_id=lease.input_id)
            outcome = Outcome(lease, error=InternalError(f"{type(error).__name__}: {error}"))
        self._interruptions.pop(lease.input_id, None)
        self._finished.append(outcome)
        if len(self._finished) >= self._settings.flush_items:
            self._flush_now.set()

    async def _flush_repeatedly(self, closing: asyncio.Event) -> None:
        retry_s = self._settings.flush_s
        while True:
            last = closing.is_set()
            if not last and len(self._finished) < self._settings.flush_items:
                self._flush_now.clear()
                await self._wait_for(self._flush_now, self._settings.flush_s)
            if self._interrupted:
                await self._put_back()
            if self._finished and not await self._flush():
                # The outcomes stay here until the database is back; when we are to stop, the leases
                # expire and somebody else does the work again.
                if last:
                    log.error("outcomes.lost", phase=self.phase, count=len(self._finished))
                    return
                await self._wait_for(closing, retry_s)
                retry_s = min(retry_s * 2, self._settings.idle_longest_s)
                continue
            retry_s = self._settings.flush_s
            if last and not self._finished:
                return

    async def _put_back(self) -> None:
        """Give back, once the database is there again, what it went away from."""
        leases = list(self._interrupted)
        try:
            await self._queue.release(leases)
        except Exception as error:  # noqa: BLE001 - the next round tries again; until then the leases are held
            log.warning("release.failed", phase=self.phase, error=str(error) or type(error).__name__)
            return
        del self._interrupted[: len(leases)]
        self._held.difference_update((lease.input_id, lease.lease_id) for lease in leases)
        self.feed(len(leases))

    async def _flush(self) -> bool:
        """Push what is finished; False when the database could not be reached."""
        batch = self._finished[: self._settings.flush_items]
        try:
            # Shielded: an outcome that was paid for is not dropped half-way through its write.
            with self._stages.timed("push"):
                pushed = await asyncio.shield(self._queue.push(batch))
        except Exception as error:  # noqa: BLE001 - the batch stays and is pushed again: pushing is idempotent
            log.warning(
                "push.failed", phase=self.phase, count=len(batch), error=str(error) or type(error).__name__
            )
            return False
        del self._finished[: len(batch)]
        self._held.difference_update((outcome.lease.input_id, outcome.lease.lease_id) for outcome in batch)
        self.progress.lost += len(batch) - pushed.kept
        if not self._in_hand and not self._finished:
            self._wake.set()  # perhaps that was all
        if self._downstream is not None:
            self._downstream.feed(pushed.fed)
        for outcome in batch:
            if outcome.error is None:
                self.progress.done += 1
            else:
                self.progress.failed += 1
                kind = outcome.error.kind
                self.progress.errors[kind] = self.progress.errors.get(kind, 0) + 1
        return True

    async def _renew_repeatedly(self) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_s / 4)
            try:
                await self._queue.renew(list(self._held))
            except Exception as error:  # noqa: BLE001 - the next round tries again; until then the leases still run
                log.warning("renew.failed", phase=self.phase, error=str(error) or type(error).__name__)

    async def _wake_to_stop(self) -> None:
        await self._stop.wait()
        self._wake.set()

    async def _let_work_finish(self) -> None:
        if not self._in_hand:
            return
        deadline = time.monotonic() + self._settings.stop_grace_s
        while self._in_hand and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait(list(self._in_hand), timeout=left)
        unfinished = list(self._in_hand)
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished, timeout=1.0)

    async def _give_back(self, leases: list[Lease[Input]]) -> None:
        with contextlib.suppress(OSError, TimeoutError):  # they expire by themselves
            await self._queue.release(leases)

    @staticmethod
    async def _wait_for(event: asyncio.Event, seconds: float) -> None:
        """Until the event, or until the time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
