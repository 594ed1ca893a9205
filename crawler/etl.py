"""The fourth phase, between the database and a message service; idle where the queue is the database.

Towards the workers it *feeds*: it leases what is due and sends it in batches, never more than a
bounded number ahead. From the workers it *collects*: outcomes become rows, in one transaction a
message, and the message is deleted after the commit. Both may be done by many processes at once,
and die at any point: leases that were never sent expire, and outcomes that were written twice are
dropped because their lease is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from samelook.crawler.queues.interface import Outcome
from samelook.crawler.queues.message_queue import DEAD, RESULTS, MessageQueue, bury, send_inputs
from samelook.crawler.queues.messages import BadMessage, MessageTooLarge, OutcomeBatch, unpacked
from samelook.crawler.queues.postgres import PostgresQueue
from samelook.sql.named import queries
from samelook.sql.queue_queries import PHASES, Phase

if TYPE_CHECKING:
    import asyncpg

    from samelook.crawler.queues.message_queue import Channel, Delivery, MessageService
    from samelook.crawler.queues.postgres import PhaseStore
    from samelook.crawler.queues.settings import QueueSettings
    from samelook.crawler.settings import CrawlSettings

log = structlog.get_logger()

MESSAGES_AT_ONCE = 10
"""Outcome messages that are received together, as many as SQS gives."""
LONGEST_IDLE_S = 5.0
"""Sleep between two looks for outcomes, at most: workers wait for them at the end of a `--once` run."""
_LONGEST_TRACEBACK = 2500
AGAIN_S = 5.0
"""When outcomes that could not be written are delivered again."""


@dataclass(frozen=True, slots=True)
class Messages:
    """Queues on a message service instead of in the database."""

    service: MessageService
    choices: QueueSettings
    with_etl: bool = True
    """Whether this process feeds and collects too."""

    def queue(
        self,
        pool: asyncpg.Pool[Any],
        store: PhaseStore[Any, Any],
        settings: CrawlSettings,
        worker_id: UUID,
    ) -> MessageQueue[Any, Any]:
        """The queue of a phase for a worker."""
        due = PostgresQueue(pool, store, settings, worker_id)
        return MessageQueue(pool, store.phase, self.service, settings, self.choices, worker_id, due)

    def etl(
        self,
        pool: asyncpg.Pool[Any],
        stores: Sequence[PhaseStore[Any, Any]],
        settings: CrawlSettings,
        stop: asyncio.Event,
    ) -> Etl | None:
        """What feeds and collects for these phases; None when this process does not."""
        return Etl(self, pool, stores, settings, stop) if self.with_etl else None


class Etl:
    """Feeds the phases' queues and writes what comes back. Call `run` once."""

    def __init__(
        self,
        messages: Messages,
        pool: asyncpg.Pool[Any],
        stores: Sequence[PhaseStore[Any, Any]],
        settings: CrawlSettings,
        stop: asyncio.Event,
    ) -> None:
        self.written = 0
        """Outcomes written so far."""
        self._service = messages.service
        self._choices = messages.choices
        self._pool = pool
        self._settings = settings
        self._stop = stop
        self._channels: dict[str, Channel] = {}
        self._feeder = uuid.uuid4()
        self._queues: Mapping[Phase, PostgresQueue[Any, Any]] = {
            store.phase: PostgresQueue(pool, store, settings, self._feeder) for store in stores
        }
        self._wakes: Mapping[Phase, asyncio.Event] = {phase: asyncio.Event() for phase in self._queues}
        self._over = asyncio.Event()
        self._exhausted: set[Phase] = set()

    async def run(self, *, once: bool) -> None:
        """Feed and collect until stopped; with `once`, until no phase has anything due or under way."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._collect_repeatedly(), name="etl.collect")
            waking = group.create_task(self._wake_to_stop())
            async with asyncio.TaskGroup() as feeding:
                for phase in self._queues:
                    feeding.create_task(self._feed_repeatedly(phase, once=once), name=f"etl.{phase}")
            # No lease is left, so messages that still arrive are second copies.
            self._over.set()
            waking.cancel()

    async def _feed_repeatedly(self, phase: Phase, *, once: bool) -> None:
        settings, wake = self._settings, self._wakes[phase]
        before = [other for other in PHASES[: PHASES.index(phase)] if other in self._queues]
        idle_s = settings.idle_first_s
        while not self._stop.is_set():
            wake.clear()
            was_upstream_done = once and self._exhausted.issuperset(before)
            try:
                fed = await self._feed(phase)
                if not fed and was_upstream_done and await self._queues[phase].exhausted():
                    self._exhausted.add(phase)
                    return
            except Exception as error:  # noqa: BLE001 - the database or the service may be away: again later, with growing sleeps
                log.warning("feed.failed", phase=phase, error=str(error) or type(error).__name__)
                fed = 0
            if fed:
                idle_s = settings.idle_first_s
                continue
            longest = settings.idle_first_s if once else settings.idle_longest_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(idle_s, longest) * random.uniform(0.75, 1.25)):  # noqa: S311
                    await wake.wait()
            idle_s = min(idle_s * 2, settings.idle_longest_s)

    async def _feed(self, phase: Phase) -> int:
        """Send the next inputs that are due; how many, 0 also when enough are out."""
        ahead = self._choices.ahead
        out = await queries("deliveries").leased_count(self._pool, phase=phase, most=ahead)
        limit = min(self._settings.batch, ahead - out)
        if limit <= 0:
            return 0
        channel = await self._channel(phase)
        queue = self._queues[phase]
        leases = await queue.pull(limit)
        if not leases:
            return 0
        size = self._choices.inputs_per_message
        try:
            too_large = await send_inputs(
                channel, phase, self._feeder, [leases[at : at + size] for at in range(0, len(leases), size)]
            )
        except BaseException:
            # Outcomes that were sent all the same find their lease gone and are dropped.
            await asyncio.shield(queue.release(leases))
            raise
        # The messages are out, so the leases are extended until delivery. Before, they are short, in case we
        # die.
        await queries("deliveries").hand_back(
            self._pool,
            phase=phase,
            input_ids=[lease.input_id for lease in leases],
            lease_ids=[lease.lease_id for lease in leases],
            feeder=self._feeder,
            worker_id=self._feeder,
            queued_s=self._choices.queued_s,
        )
        if too_large:
            most = channel.largest_bytes
            await queue.push(
                [
                    Outcome(
                        lease,
                        error=MessageTooLarge(
                            f"This input does not fit into a message of {most} bytes", most=most
                        ),
                    )
                    for lease in too_large
                ]
            )
        return len(leases)

    async def _collect_repeatedly(self) -> None:
        idle_s = self._settings.idle_first_s
        while not self._over.is_set():
            try:
                results, dead = await self._channel(RESULTS), await self._channel(DEAD)
                deliveries = await results.receive(MESSAGES_AT_ONCE)
                for delivery in deliveries:
                    await self._collect(delivery, results, dead)
            except Exception as error:  # noqa: BLE001 - as above; what was not written is delivered again
                log.warning("collect.failed", error=str(error) or type(error).__name__)
                deliveries = []
            if deliveries:
                idle_s = self._settings.idle_first_s
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(idle_s):
                    await self._over.wait()
            idle_s = min(idle_s * 2, LONGEST_IDLE_S)

    async def _collect(self, delivery: Delivery, results: Channel, dead: Channel) -> None:
        """Write the outcomes of one message, then delete it."""
        try:
            # Some MB of pictures: not on the loop, which has leases to keep.
            batch = await asyncio.to_thread(unpacked, delivery.body)
        except BadMessage as error:
            await bury(results, dead, RESULTS, delivery, error)
            return
        if not isinstance(batch, OutcomeBatch) or batch.phase not in self._queues:
            misplaced = BadMessage("The message holds no outcomes that could be written.")
            await bury(results, dead, RESULTS, delivery, misplaced)
            return
        try:
            # Shielded: outcomes that were paid for are not dropped half-way through their write.
            pushed = await asyncio.shield(self._queues[batch.phase].push(batch.outcomes))
        except Exception:
            await results.extend([delivery.receipt], AGAIN_S)
            raise
        self.written += pushed.kept
        if pushed.bug is None:
            await results.delete([delivery.receipt])
        else:
            fault = BadMessage(f"A bug keeps it from being written: {pushed.bug[-_LONGEST_TRACEBACK:]}")
            await bury(results, dead, RESULTS, delivery, fault)
        after = PHASES.index(batch.phase) + 1
        if pushed.fed and after < len(PHASES) and PHASES[after] in self._wakes:
            self._wakes[PHASES[after]].set()

    async def _channel(self, name: str) -> Channel:
        if name not in self._channels:
            self._channels[name] = await self._service.channel(name, visibility_s=self._settings.lease_s)
        return self._channels[name]

    async def _wake_to_stop(self) -> None:
        await self._stop.wait()
        self._over.set()
        for wake in self._wakes.values():
            wake.set()
