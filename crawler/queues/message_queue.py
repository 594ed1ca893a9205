"""A phase's work queue on a message service (SQS, Pub/Sub).

The service carries work and outcomes; what is due, and who works on it, stays in the database. A
feeder (samelook.crawler.etl) leases inputs and sends them in batches; a worker that is delivered a
batch takes the leases over in one statement before any request or decoding, so that the second
delivery of a message costs that one statement; outcomes go back as messages, and whoever writes them
drops those whose lease is gone. A message is deleted only when the outcomes of all its inputs
were accepted by the service: a killed worker's messages are delivered again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol
from uuid import UUID

import structlog

from samelook.crawler.errors import CrawlError
from samelook.crawler.queues.interface import GaveUp, Input, Lease, LeaseKey, Outcome, Pushed, Result
from samelook.crawler.queues.messages import (
    BadMessage,
    DeadMessage,
    InputBatch,
    MessageTooLarge,
    OutcomeBatch,
    in_messages_of,
    packed_dead,
    packed_inputs,
    packed_outcomes,
    unpacked,
)
from samelook.sql.named import queries
from samelook.sql.queue_queries import Phase, queue_queries

if TYPE_CHECKING:
    import asyncpg

    from samelook.crawler.queues.interface import PhaseQueue
    from samelook.crawler.queues.settings import QueueSettings
    from samelook.crawler.settings import CrawlSettings

log = structlog.get_logger()

RESULTS = "results"
DEAD = "dead"
REMEMBERED = 100_000
"""Finished inputs that a process remembers, so that most second copies do not even cost a statement."""


class QueueUnusable(CrawlError):
    """The message service cannot be used as it is set up: no such queue, no right to it, no such region."""

    kind = "queue_unusable"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it was delivered; `receipt` is of this delivery only."""

    receipt: str
    body: bytes


class Channel(Protocol):
    """One queue of a message service. Whatever a service refuses or cannot do for now is an exception."""

    largest_bytes: int
    """Of a message's body."""

    async def send(self, bodies: Sequence[bytes]) -> None:
        """Hand messages over; when this returns, the service has all of them."""
        ...

    async def receive(self, most: int) -> list[Delivery]:
        """Up to `most` messages, which nobody else is delivered for a while; none when none is there soon."""
        ...

    async def extend(self, receipts: Sequence[str], seconds: float) -> None:
        """Deliver these to somebody else only after so many seconds from now (0: at once)."""
        ...

    async def delete(self, receipts: Sequence[str]) -> None:
        """These are done. What is deleted in vain is delivered again, which does no harm."""
        ...


class MessageService(Protocol):
    """A message service that is set up for use."""

    async def channel(self, name: str, *, visibility_s: float) -> Channel:
        """The queue of this name; deliveries are ours for `visibility_s`. Raises QueueUnusable."""
        ...


@dataclass(slots=True)
class _Open:
    """A message in hand."""

    receipt: str
    feeder: UUID
    unfinished: set[LeaseKey]
    look_again_s: float | None = None
    """Set when somebody else works on some of its inputs: the message is then given back and not deleted."""


@dataclass(slots=True)
class _Channels:
    inputs: Channel
    results: Channel
    dead: Channel


class MessageQueue(Generic[Input, Result]):
    """A `PhaseQueue` whose work and outcomes travel through a message service."""

    def __init__(
        self,
        pool: asyncpg.Pool[Any],
        phase: Phase,
        service: MessageService,
        settings: CrawlSettings,
        choices: QueueSettings,
        worker_id: UUID,
        due: PhaseQueue[Input, Result],
    ) -> None:
        """`due` is the database's own queue of the phase: it knows when nothing is left."""
        self._pool = pool
        self._phase = phase
        self._service = service
        self._settings = settings
        self._choices = choices
        self._worker_id = worker_id
        self._due = due
        self._opened: _Channels | None = None
        self._open: dict[str, _Open] = {}
        self._by_key: dict[LeaseKey, _Open] = {}
        self._finished: OrderedDict[LeaseKey, None] = OrderedDict()
        self._under_way: list[LeaseKey] = []
        """Whose outcomes were sent since the last renewal. Most of them are written by the next one."""
        self._spare: list[Lease[Input]] = []

    async def pull(self, limit: int) -> list[Lease[Input]]:
        """Up to `limit` inputs of the messages that wait; what one holds beyond that comes next time."""
        if not self._spare:
            channels = await self._channels()
            most = -(-limit // self._choices.inputs_per_message)
            for delivery in await channels.inputs.receive(most):
                self._spare += await self._accept(delivery, channels)
        taken, self._spare = self._spare[:limit], self._spare[limit:]
        return taken

    async def push(self, outcomes: Sequence[Outcome[Input, Result]]) -> Pushed:
        """Send the outcomes on their way to the database, then delete the messages that are done with."""
        channels = await self._channels()
        await self._send_outcomes(channels, outcomes)
        leases = [outcome.lease for outcome in outcomes]
        for lease in leases:
            self._finished[lease.input_id, lease.lease_id] = None
            self._under_way.append((lease.input_id, lease.lease_id))
        while len(self._finished) > REMEMBERED:
            self._finished.popitem(last=False)
        await self._put_down(leases, channels)
        return Pushed(len(outcomes))

    async def release(self, leases: Sequence[Lease[Input]]) -> None:
        """Give work back: it waits in a message of its own, for anybody."""
        leases, self._spare = [*leases, *self._spare], []
        if not leases:
            return
        channels = await self._channels()
        by_feeder: dict[UUID, list[Lease[Input]]] = {}
        for lease in leases:
            message = self._by_key.get((lease.input_id, lease.lease_id))
            if message is not None:
                by_feeder.setdefault(message.feeder, []).append(lease)
        for feeder, back in by_feeder.items():
            await queries("deliveries").hand_back(
                self._pool,
                phase=self._phase,
                input_ids=[lease.input_id for lease in back],
                lease_ids=[lease.lease_id for lease in back],
                feeder=feeder,
                worker_id=self._worker_id,
                queued_s=self._choices.queued_s,
            )
            await send_inputs(channels.inputs, self._phase, feeder, [back])
        await self._put_down(leases, channels)

    async def renew(self, held: Collection[LeaseKey]) -> None:
        """Keep for another term these leases, the messages in hand, and the leases of all that is in them.

        Where outcomes were sent and are not written yet, the leases are kept for as long as a message may be
        under way. If the message was lost, the inputs are sent again after that.
        """
        await self._due.renew({*held, *self._by_key})
        sent, most = self._under_way, len(self._under_way)
        if sent:
            await queue_queries(self._phase).renew_leases(
                self._pool,
                input_ids=[input_id for input_id, _ in sent],
                lease_ids=[lease_id for _, lease_id in sent],
                lease_s=self._choices.queued_s,
            )
            del self._under_way[:most]
        if self._open:
            await (await self._channels()).inputs.extend(list(self._open), self._settings.lease_s)

    async def exhausted(self) -> bool:
        """Whether the database has nothing due and nothing leased: what is on its way is leased too."""
        return await self._due.exhausted()

    async def _channels(self) -> _Channels:
        # Opened when first used: a service that is away is a failed pull, tried again like any other.
        if self._opened is None:
            visibility_s = self._settings.lease_s
            self._opened = _Channels(
                await self._service.channel(self._phase, visibility_s=visibility_s),
                await self._service.channel(RESULTS, visibility_s=visibility_s),
                await self._service.channel(DEAD, visibility_s=visibility_s),
            )
        return self._opened

    async def _accept(self, delivery: Delivery, channels: _Channels) -> list[Lease[Input]]:
        """The inputs of a message that are ours to work on; a message without any is settled here."""
        try:
            batch = unpacked(delivery.body)
        except BadMessage as error:
            await bury(channels.inputs, channels.dead, self._phase, delivery, error)
            return []
        if not isinstance(batch, InputBatch) or batch.phase != self._phase:
            misplaced = BadMessage(f"The message is not for the phase {self._phase}.")
            await bury(channels.inputs, channels.dead, self._phase, delivery, misplaced)
            return []
        keys = [(lease.input_id, lease.lease_id) for lease in batch.leases]
        fresh = [key for key in keys if key not in self._finished and key not in self._by_key]
        if any(key in self._by_key for key in keys):
            # The message itself, delivered again while we work on it: from now on the new receipt counts.
            self._take_over(delivery.receipt, keys)
        if not fresh:
            log.debug("message.duplicate", phase=self._phase, inputs=len(keys))
            if delivery.receipt not in self._open:
                await channels.inputs.delete([delivery.receipt])
            return []
        return await self._take(delivery, batch, set(fresh), channels)

    def _take_over(self, receipt: str, keys: list[LeaseKey]) -> None:
        old = next(self._by_key[key] for key in keys if key in self._by_key)
        self._open.pop(old.receipt, None)
        old.receipt = receipt
        self._open[receipt] = old

    async def _take(
        self, delivery: Delivery, batch: InputBatch, fresh: set[LeaseKey], channels: _Channels
    ) -> list[Lease[Input]]:
        standing = {
            row["input_id"]: row
            async for row in queries("deliveries").take_delivered(
                self._pool,
                phase=self._phase,
                input_ids=[input_id for input_id, _ in sorted(fresh)],
                lease_ids=[lease_id for _, lease_id in sorted(fresh)],
                feeder=batch.feeder,
                worker_id=self._worker_id,
                lease_s=self._settings.lease_s,
            )
        }
        wanted = [lease for lease in batch.leases if (lease.input_id, lease.lease_id) in fresh]
        ours: list[Lease[Input]] = []
        worn_out: list[Lease[Input]] = []
        elsewhere: list[float] = []
        for lease in wanted:
            row = standing.get(lease.input_id)
            if row is None:
                continue
            if row["attempts"] is None:
                elsewhere.append(row["wait_s"])
                continue
            taken = replace(lease, attempts=row["attempts"])
            (worn_out if taken.attempts > self._settings.max_attempts else ours).append(taken)
        if len(ours) + len(worn_out) < len(batch.leases):
            log.debug("message.duplicate", phase=self._phase, inputs=len(batch.leases) - len(ours))
        message = self._open.get(delivery.receipt) or _Open(delivery.receipt, batch.feeder, set())
        if elsewhere:
            message.look_again_s = max(0.0, min(elsewhere))
        for lease in (*ours, *worn_out):
            key = (lease.input_id, lease.lease_id)
            message.unfinished.add(key)
            self._by_key[key] = message
        self._open[delivery.receipt] = message
        try:
            if worn_out:
                await self.push([Outcome(lease, error=_gave_up(lease)) for lease in worn_out])
        except BaseException:
            self._untake(message, [*ours, *worn_out])
            raise
        await self._settle_finished(channels)
        return ours

    def _untake(self, message: _Open, leases: Sequence[Lease[Input]]) -> None:
        """Forget inputs that nobody was given: they are not renewed, and come again with their message."""
        for lease in leases:
            key = (lease.input_id, lease.lease_id)
            message.unfinished.discard(key)
            self._by_key.pop(key, None)
        if not message.unfinished:
            self._open.pop(message.receipt, None)

    async def _send_outcomes(self, channels: _Channels, outcomes: Sequence[Outcome[Input, Result]]) -> None:
        def pack(some: Sequence[Outcome[Input, Result]]) -> bytes:
            batch = OutcomeBatch(self._phase, tuple(some))
            return packed_outcomes(batch, keep_picture_bytes=self._settings.keep_picture_bytes)

        most = channels.results.largest_bytes
        messages, too_large = in_messages_of(outcomes, pack, most=most)
        refused: list[Outcome[Input, Result]] = [
            Outcome(
                outcome.lease,
                error=MessageTooLarge(
                    f"What this input gave does not fit into a message of {most} bytes", most=most
                ),
            )
            for outcome in too_large
        ]
        more, _ = in_messages_of(refused, pack, most=most)
        await channels.results.send(messages + more)

    async def _put_down(self, leases: Sequence[Lease[Input]], channels: _Channels) -> None:
        for lease in leases:
            key = (lease.input_id, lease.lease_id)
            message = self._by_key.pop(key, None)
            if message is not None:
                message.unfinished.discard(key)
        await self._settle_finished(channels)

    async def _settle_finished(self, channels: _Channels) -> None:
        """Delete the messages without unfinished inputs, or give them back where others work on some."""
        done = [message for message in self._open.values() if not message.unfinished]
        for message in done:
            del self._open[message.receipt]
        try:
            await channels.inputs.delete(
                [message.receipt for message in done if message.look_again_s is None]
            )
            for message in done:
                if message.look_again_s is not None:
                    await channels.inputs.extend([message.receipt], message.look_again_s)
        except Exception as error:  # noqa: BLE001 - they are delivered once more, and found to be done
            log.warning("message.undeleted", phase=self._phase, error=str(error) or type(error).__name__)


async def send_inputs(
    channel: Channel, phase: Phase, feeder: UUID, batches: Sequence[Sequence[Lease[Any]]]
) -> list[Lease[Any]]:
    """Send inputs to workers, a message for each batch (more where one is too large); gives misfits."""

    def pack(some: Sequence[Lease[Any]]) -> bytes:
        return packed_inputs(InputBatch(phase, feeder, tuple(some)))

    messages: list[bytes] = []
    too_large: list[Lease[Any]] = []
    for batch in batches:
        fitting, misfits = in_messages_of(batch, pack, most=channel.largest_bytes)
        messages += fitting
        too_large += misfits
    await channel.send(messages)
    return too_large


async def bury(channel: Channel, dead: Channel, queue: str, delivery: Delivery, error: BadMessage) -> None:
    """Put a message that nobody can use with the dead ones, so that it is not delivered for ever."""
    log.error("message.dead", queue=queue, reason=error.message)
    message = DeadMessage(queue, error.message, delivery.body)
    await dead.send([packed_dead(message, most=dead.largest_bytes)])
    await channel.delete([delivery.receipt])


def _gave_up(lease: Lease[Any]) -> GaveUp:
    return GaveUp(
        f"{lease.attempts - 1} workers took this input, and none came back", attempts=lease.attempts - 1
    )
