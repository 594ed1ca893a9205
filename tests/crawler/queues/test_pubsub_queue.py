"""Pub/Sub: what is asked of its REST interface, and what becomes of its refusals."""

from __future__ import annotations

import asyncio
import random
import sys
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from samelook.crawler.etl import Messages
from samelook.crawler.queues.message_queue import Channel, Delivery, QueueUnusable
from samelook.crawler.queues.pubsub import open_pubsub
from samelook.crawler.queues.settings import QueueSettings
from samelook.crawler.settings import CrawlSettings
from samelook.crawler.slots import Slots
from samelook.crawler.stages import Stages
from samelook.crawler.stores import DomainInput, TargetUrl, domains_store
from samelook.crawler.worker import PhaseRunner
from samelook.sql.pool import Pool

if TYPE_CHECKING:
    from tests.crawler.queues.conftest import PubsubServer

CHOICES = QueueSettings(prefix="test", wait_s=0.1)


def at(endpoint: str | None) -> QueueSettings:
    return replace(CHOICES, pubsub_project="test", pubsub_endpoint=endpoint)


SETTINGS = CrawlSettings(flush_s=0.05, idle_first_s=0.05, idle_longest_s=0.2, batch=5)


async def test_topics_and_subscriptions_are_made_once(pubsub_server: PubsubServer) -> None:
    for _ in range(2):
        async with open_pubsub(at(f"{pubsub_server.endpoint}/")) as service:
            await service.channel("icons", visibility_s=3)
    assert pubsub_server.topics == {"projects/test/topics/test-icons"}
    made = pubsub_server.subscriptions["projects/test/subscriptions/test-icons"]
    assert made == {
        "topic": "projects/test/topics/test-icons",
        "ackDeadlineSeconds": 10,
        "messageRetentionDuration": "604800s",
        # An empty policy: a subscription that nobody asked for a month is kept all the same.
        "expirationPolicy": {},
    }
    assert [method for method, _ in pubsub_server.requests].count("PUT") == 2


async def test_two_processes_may_make_a_queue_at_once(pubsub_server: PubsubServer) -> None:
    async with open_pubsub(at(pubsub_server.endpoint)) as service:
        channels = await asyncio.gather(*(service.channel("icons", visibility_s=60) for _ in range(5)))
        await channels[0].send([b"one"])
        assert [delivery.body for delivery in await channels[1].receive(10)] == [b"one"]


async def test_messages_of_any_number_and_size_arrive_whole(pubsub_server: PubsubServer) -> None:
    dice = random.Random(7)
    async with open_pubsub(at(pubsub_server.endpoint)) as service:
        channel = await service.channel("icons", visibility_s=700)
        bodies = [
            dice.randbytes(channel.largest_bytes),
            *(dice.randbytes(9) for _ in range(1_050)),
            b"\xfb\xff",
        ]
        await channel.send(bodies)
        found = [delivery async for delivery in _all(channel)]
        assert sorted(delivery.body for delivery in found) == sorted(bodies)
        await channel.delete([delivery.receipt for delivery in found])
    assert pubsub_server.messages["projects/test/subscriptions/test-icons"] == []


async def _all(channel: Channel) -> AsyncIterator[Delivery]:
    while deliveries := await channel.receive(10_000):
        for delivery in deliveries:
            yield delivery


async def test_who_gives_up_waiting_swallows_nothing(
    pubsub_server: PubsubServer, pubsub_emulator: str | None
) -> None:
    async def given_up(name: str, endpoint: str) -> float:
        """Seconds until a message arrives that was sent just after somebody had given up waiting for it."""
        async with open_pubsub(at(endpoint)) as service:
            channel = await service.channel(name, visibility_s=60)
            waiting = asyncio.create_task(channel.receive(10))
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await channel.send([b"one"])
            began = time.monotonic()
            while not (found := await channel.receive(10)):
                pass
            assert [delivery.body for delivery in found] == [b"one"]
            return time.monotonic() - began

    # Ten at once: the emulator lost nearly all of those, and hardly any of one at a time.
    for endpoint in {pubsub_server.endpoint, pubsub_emulator or pubsub_server.endpoint}:
        name = uuid.uuid4().hex[:8]
        times = await asyncio.gather(*(given_up(f"icons-{name}-{n}", endpoint) for n in range(10)))
        assert max(times) < 8  # a deadline is ten seconds at least


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_a_service_that_cannot_be_used_says_why(pubsub_server: PubsubServer, status: int) -> None:
    pubsub_server.fail_with = status
    async with open_pubsub(at(pubsub_server.endpoint)) as service:
        with pytest.raises(
            QueueUnusable, match=f"test-icons cannot be used: it answered {status}.*out of order"
        ):
            await service.channel("icons", visibility_s=60)
    async with open_pubsub(at("http://127.0.0.1:9")) as service:
        with pytest.raises(QueueUnusable, match="test-icons cannot be used"):
            await service.channel("icons", visibility_s=60)


async def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcloud.aio.pubsub", None)
    with pytest.raises(QueueUnusable, match="extra `pubsub`"):
        async with open_pubsub(at(None)):
            pass


@pytest.mark.timeout(240)
async def test_an_outage_of_the_service_loses_nothing(pool: Pool, pubsub_server: PubsubServer) -> None:
    await pool.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source)"
        " SELECT 'example.d' || n, n, 'test' FROM generate_series(1, 30) AS n"
    )
    worked: list[int] = []

    async def work(domain: DomainInput) -> TargetUrl:
        worked.append(domain.position)
        if len(worked) == 10:
            pubsub_server.fail_with = 503
        return TargetUrl(f"https://d{domain.position}.example/", domain.position)

    async with open_pubsub(at(pubsub_server.endpoint)) as service:
        messages = Messages(service, CHOICES)
        etl = messages.etl(pool, [domains_store()], SETTINGS, asyncio.Event())
        assert etl is not None
        queue = messages.queue(pool, domains_store(), SETTINGS, uuid.uuid4())
        runner = PhaseRunner("domains", queue, work, SETTINGS, asyncio.Event(), Slots(5), Stages())
        async with asyncio.timeout(200), asyncio.TaskGroup() as group:
            group.create_task(etl.run(once=True))
            group.create_task(runner.run(once=True))
            while pubsub_server.fail_with is None:
                await asyncio.sleep(0.01)
            failed = len(pubsub_server.requests)
            while len(pubsub_server.requests) < failed + 10:
                await asyncio.sleep(0.01)
            pubsub_server.fail_with = None
    assert sorted(worked) == list(range(1, 31))
    assert await pool.fetchval("SELECT count(*) FROM target_urls") == 30
    assert await pool.fetchval("SELECT count(*) FROM leases") == 0
