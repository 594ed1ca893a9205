"""Google Cloud Pub/Sub as the crawl's message service, over its REST interface.

A queue is a topic with one pull subscription of the same name. Credentials come from where
Google's libraries look for them: a service account's file, or the machine's own. Needs the extra
`pubsub` (gcloud-aio-pubsub).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog

from samelook.crawler.queues.message_queue import Delivery, QueueUnusable

if TYPE_CHECKING:
    from samelook.crawler.queues.settings import QueueSettings

log = structlog.get_logger()

LARGEST_REQUEST = 1_000_000
"""Bytes of one publish request. Pub/Sub takes ten times as much, which would hold up the loop."""
LARGEST_MESSAGE = LARGEST_REQUEST // 4 * 3 - 4_096
"""Before base64, with room for what is around it."""
ACK_IDS = 1_000
PULL_S = 30
_FIRST_PAUSE_S = 0.1
"""Between two pulls while nothing is there; it doubles until the wait is over."""
SHORTEST_ACK_S, LONGEST_ACK_S = 10, 600
RETENTION = "604800s"
"""A week, as long as a subscription keeps messages that nobody acknowledged."""
_NOT_FOUND, _EXISTS = 404, 409


class PubsubChannel:
    """One topic and its subscription."""

    largest_bytes = LARGEST_MESSAGE

    def __init__(self, pubsub: Pubsub, topic: str, subscription: str, visibility_s: float) -> None:
        self._pubsub = pubsub
        self._topic = topic
        self._subscription = subscription
        self._visibility_s = visibility_s

    async def send(self, bodies: Sequence[bytes]) -> None:
        """Publish messages."""
        from gcloud.aio.pubsub import PubsubMessage

        for some in _requests(bodies):
            await self._pubsub.publisher.publish(self._topic, [PubsubMessage(body) for body in some])

    async def receive(self, most: int) -> list[Delivery]:
        """Up to `most` messages that are there, or come within the time that is waited for them."""
        deadline = time.monotonic() + self._pubsub.wait_s
        pause_s = _FIRST_PAUSE_S
        while True:
            pull = asyncio.create_task(self._pulled(most))
            try:
                found = await asyncio.shield(pull)
            except asyncio.CancelledError:
                # The service may have handed over messages that nobody would hear of before their deadline.
                self._pubsub.end(self._gave_back(pull))
                raise
            left_s = deadline - time.monotonic()
            if found or left_s <= 0:
                return found
            await asyncio.sleep(min(pause_s, left_s))
            pause_s *= 2

    async def _pulled(self, most: int) -> list[Delivery]:
        """What is there now, ours for as long as the channel says."""
        found = await self._pubsub.pulled(self._subscription, min(most, ACK_IDS))
        deliveries = [Delivery(message.ack_id, message.data or b"") for message in found]
        await self.extend([delivery.receipt for delivery in deliveries], self._visibility_s)
        return deliveries

    async def _gave_back(self, pull: asyncio.Task[list[Delivery]]) -> None:
        # What fails is left to the deadline of its messages.
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            await self.extend([delivery.receipt for delivery in await pull], 0)

    async def extend(self, receipts: Sequence[str], seconds: float) -> None:
        """Change when these are delivered again, by ten minutes from now at most."""
        for some in _thousands(receipts):
            await self._pubsub.subscriber.modify_ack_deadline(
                self._subscription, list(some), max(0, min(LONGEST_ACK_S, round(seconds)))
            )

    async def delete(self, receipts: Sequence[str]) -> None:
        """Acknowledge these."""
        for some in _thousands(receipts):
            await self._pubsub.subscriber.acknowledge(self._subscription, list(some))


class Pubsub:
    """The topics and subscriptions of one prefix in one project."""

    def __init__(self, publisher: Any, subscriber: Any, project: str, choices: QueueSettings) -> None:
        self.publisher = publisher
        self.subscriber = subscriber
        self.wait_s = max(choices.wait_s, 0.1)
        self._project = project
        self._prefix = choices.prefix
        self._ending: set[asyncio.Task[None]] = set()

    def end(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work that the caller does not wait for; `ended` does, before connections are closed."""
        task = asyncio.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def ended(self) -> None:
        """Wait for all of it."""
        await asyncio.gather(*self._ending)

    async def channel(self, name: str, *, visibility_s: float) -> PubsubChannel:
        """The topic and subscription `PREFIX-name`, made when they are not there. Raises QueueUnusable."""
        full = f"{self._prefix}-{name}"
        topic = self.publisher.topic_path(self._project, full)
        subscription = self.subscriber.subscription_path(self._project, full)
        ack_s = round(max(SHORTEST_ACK_S, min(LONGEST_ACK_S, visibility_s)))
        try:
            try:
                await self.subscriber.get_subscription(subscription)
            except aiohttp.ClientResponseError as error:
                if error.status != _NOT_FOUND:
                    raise
                await self._made(self.publisher.create_topic(topic))
                await self._made(
                    self.subscriber.create_subscription(
                        subscription,
                        topic,
                        {
                            "ackDeadlineSeconds": ack_s,
                            "messageRetentionDuration": RETENTION,
                            "expirationPolicy": {},
                        },
                    )
                )
                log.info("pubsub.created", queue=full)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise QueueUnusable(
                f"The Pub/Sub subscription {full} cannot be used: {_reason(error)}", queue=full
            ) from error
        return PubsubChannel(self, topic, subscription, visibility_s)

    async def pulled(self, subscription: str, most: int) -> list[Any]:
        """The messages that are there now, at most so many: gcloud-aio's SubscriberMessages.

        Without `returnImmediately` a pull waits at the service, and whoever stops or is killed meanwhile
        leaves it there: messages that come then are handed to nobody, and wait for their deadline. Google
        discourages the word, because it may miss some that have just come; the next pull has them.
        """
        from gcloud.aio.pubsub import SubscriberMessage

        client = self.subscriber
        answer = await client.session.post(
            f"{client._api_root}/{subscription}:pull",  # noqa: SLF001 - its own pull cannot say so
            data=json.dumps({"maxMessages": most, "returnImmediately": True}).encode(),
            headers=await client._headers(),  # noqa: SLF001
            timeout=PULL_S,
        )
        found = (await answer.json()).get("receivedMessages", [])
        return [SubscriberMessage.from_repr(message) for message in found]

    @staticmethod
    async def _made(making: Any) -> None:
        try:
            await making
        except aiohttp.ClientResponseError as error:
            if error.status != _EXISTS:  # another process was faster
                raise


@asynccontextmanager
async def open_pubsub(choices: QueueSettings) -> AsyncIterator[Pubsub]:
    """Pub/Sub, with the credentials that Google's libraries find. Raises QueueUnusable."""
    try:
        from gcloud.aio.pubsub import PublisherClient, SubscriberClient
    except ImportError as error:
        raise QueueUnusable(
            "Pub/Sub needs gcloud-aio-pubsub: install samelook with its extra `pubsub`."
        ) from error
    root = f"{choices.pubsub_endpoint.rstrip('/')}/v1" if choices.pubsub_endpoint else None
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=150)) as opened:
        # The clients' Session is aiohttp's or that of requests; type checkers see the latter.
        session: Any = opened
        try:
            publisher = PublisherClient(session=session, api_root=root)
            subscriber = SubscriberClient(session=session, api_root=root, token=publisher.token)
        except (ValueError, OSError) as error:
            raise QueueUnusable(f"Pub/Sub cannot be used: {error}") from error
        pubsub = Pubsub(publisher, subscriber, choices.pubsub_project, choices)
        try:
            yield pubsub
        finally:
            await pubsub.ended()


def _requests(bodies: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The bodies in as few publish requests as Pub/Sub takes."""
    some: list[bytes] = []
    size = 0
    for body in bodies:
        if some and (len(some) == ACK_IDS or size + len(body) > LARGEST_MESSAGE - 100 * len(some)):
            yield some
            some, size = [], 0
        some.append(body)
        size += len(body)
    if some:
        yield some


def _thousands(receipts: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(receipts), ACK_IDS):
        yield receipts[at : at + ACK_IDS]


def _reason(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientResponseError):
        return f"it answered {error.status} {error.message[:300]}"
    return str(error) or type(error).__name__
