"""SQS: its limits, its refusals, and crawling processes that are killed and stopped."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from dataclasses import replace
from typing import Any, Self

import psutil
import pytest
from aiohttp import web

from bench.crawl_web import ICONS, create_app
from samelook.crawler.queues.message_queue import QueueUnusable
from samelook.crawler.queues.settings import QueueSettings
from samelook.crawler.queues.sqs import open_sqs
from samelook.sql.pool import Pool

CHOICES = QueueSettings(prefix="test", wait_s=0.1)


def at(endpoint: str) -> QueueSettings:
    return replace(CHOICES, sqs_region="eu-central-1", sqs_endpoint=endpoint)


SITES = 60


async def test_messages_of_any_number_and_size_arrive_whole(sqs_endpoint: str) -> None:
    dice = random.Random(7)
    async with open_sqs(at(sqs_endpoint)) as service:
        channel = await service.channel("icons", visibility_s=60)
        bodies = [dice.randbytes(size) for size in (0, 1, channel.largest_bytes, 500_000, 400_000)]
        bodies += [bytes([number]) for number in range(25)]
        bodies = [body or b"\0" for body in bodies]
        await channel.send(bodies)
        found: list[bytes] = []
        receipts: list[str] = []
        while len(found) < len(bodies):
            deliveries = await channel.receive(100)
            found += [delivery.body for delivery in deliveries]
            receipts += [delivery.receipt for delivery in deliveries]
        assert sorted(found) == sorted(bodies)
        await channel.extend(receipts, 30)
        await channel.delete(receipts)
        # Receipts of deliveries that have ended are refused one by one; that is no error here.
        await channel.delete(["none", "of ours"])
        await channel.extend(["none", "of ours"], 30)


async def test_a_queue_that_is_there_is_used_as_it_is(sqs_endpoint: str) -> None:
    from aiobotocore.session import get_session

    async with get_session().create_client(
        "sqs", region_name="eu-central-1", endpoint_url=sqs_endpoint
    ) as client:
        await client.create_queue(QueueName="test-icons", Attributes={"MaximumMessageSize": "262144"})
    async with open_sqs(at(sqs_endpoint)) as service:
        narrow = await service.channel("icons", visibility_s=60)
        usual = await service.channel("hashes", visibility_s=60)
    assert 190_000 < narrow.largest_bytes < 262_144 * 3 / 4
    assert usual.largest_bytes > 700_000


async def test_a_service_that_cannot_be_used_says_why(
    sqs_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    async with open_sqs(at("http://127.0.0.1:9")) as service:
        with pytest.raises(QueueUnusable, match="test-icons cannot be used"):
            await service.channel("icons", visibility_s=60)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(QueueUnusable, match="region"):
        async with open_sqs(replace(CHOICES, sqs_region=None, sqs_endpoint=sqs_endpoint)):
            pass


async def run_samelook(url: str, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "samelook",
        *arguments,
        env={**os.environ, "SAMELOOK_DATABASE_URL": url, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


class HeldWeb:
    """Sites that answer so many requests, and hold the others until they are let through."""

    def __init__(self, count: int) -> None:
        self.port = 0
        self._left = 0
        self._opened = asyncio.Event()
        self.used_up = asyncio.Event()
        self._runner = web.AppRunner(self._app(count), access_log=None, shutdown_timeout=0.1)

    def let(self, requests: int) -> None:
        self._left = requests
        self.used_up.clear()
        self._opened.set()

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def _app(self, count: int) -> web.Application:
        app = create_app(count)

        @web.middleware
        async def held(request: web.Request, handler: Any) -> web.StreamResponse:
            while self._left == 0:
                await self._opened.wait()
            self._left -= 1
            if self._left == 0:
                self._opened.clear()
                self.used_up.set()
            response: web.StreamResponse = await handler(request)
            return response

        app.middlewares.append(held)
        return app


async def add_sites(pool: Pool, count: int) -> None:
    await pool.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source)"
        " SELECT 'example.s' || n, n + 1, 'test' FROM generate_series(0, $1::int - 1) AS n",
        count,
    )


def environment(endpoint: str, port: int) -> dict[str, str]:
    return {
        "SAMELOOK_RESOLVE": f"*=127.0.0.1:{port}",
        "SAMELOOK_LEASE_SECONDS": "2",
        "SAMELOOK_BATCH": "10",
        "SAMELOOK_CONCURRENCY": "20",
        "SAMELOOK_QUEUE": "sqs",
        "SAMELOOK_SQS_ENDPOINT": endpoint,
        "SAMELOOK_SQS_REGION": "eu-central-1",
    }


def kill_tree(pid: int) -> None:
    root = psutil.Process(pid)
    for process in [*root.children(recursive=True), root]:
        process.kill()


async def test_killed_workers_and_a_killed_etl_lose_nothing(
    pool: Pool, database_url: str, sqs_endpoint: str
) -> None:
    async with HeldWeb(SITES) as sites:
        await add_sites(pool, SITES)
        settings = environment(sqs_endpoint, sites.port)
        crawl = ("crawl", "run", "--once", "--quiet")
        work = ("--phase", "domains", "--phase", "icons", "--phase", "hashes")
        for _ in range(3):
            etl = await run_samelook(database_url, *crawl, "--phase", "etl", **settings)
            worker = await run_samelook(database_url, *crawl, *work, **settings)
            # A site takes more than five requests, so these rounds cannot finish the crawl on any machine.
            sites.let(SITES)
            async with asyncio.timeout(60):
                await sites.used_up.wait()
            for process in (worker, etl):
                assert process.returncode is None, "it ended before it could be killed"
                kill_tree(process.pid)
                await process.communicate()
        sites.let(sys.maxsize)
        etl = await run_samelook(database_url, *crawl, "--phase", "etl", **settings)
        # Workers without etl end when nothing is left to do, which only the database knows.
        worker = await run_samelook(database_url, *crawl, *work, **settings)
        for process in (worker, etl):
            async with asyncio.timeout(60):
                _, errors = await process.communicate()
            assert process.returncode == 0, errors.decode()
    for inputs, results, failures in (
        ("domains", "target_urls", "domain_errs"),
        ("target_urls", "page_visits", "icon_errs"),
        ("icon_urls", "favicon_metadata", "hashing_errs"),
    ):
        counted = await pool.fetchrow(
            f"SELECT (SELECT count(*) FROM {inputs}), (SELECT count(*) FROM {results}),"
            f" (SELECT count(*) FROM {failures})"
        )
        assert counted is not None
        assert counted[0] == counted[1] + counted[2], (inputs, *counted)
    assert await pool.fetchval("SELECT count(*) FROM page_visits") == SITES
    pictures = await pool.fetchval("SELECT count(*) FROM favicon_metadata WHERE sha256 IS NOT NULL")
    assert pictures == SITES * len(ICONS)
    assert await pool.fetchval("SELECT count(*) FROM leases") == 0


async def test_sigterm_stops_within_ten_seconds_and_loses_nothing(
    pool: Pool, database_url: str, sqs_endpoint: str
) -> None:
    async with HeldWeb(SITES) as sites:
        await add_sites(pool, SITES)
        settings = environment(sqs_endpoint, sites.port) | {"SAMELOOK_LEASE_SECONDS": "60"}
        process = await run_samelook(database_url, "crawl", "run", "--quiet", **settings)
        sites.let(SITES)
        async with asyncio.timeout(40):
            await sites.used_up.wait()
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, errors = await process.communicate()
        assert time.monotonic() - started < 10
        assert process.returncode == 0, errors.decode()
        # What was not done waits at the service for anybody: nobody's lease has to end first.
        sites.let(sys.maxsize)
        process = await run_samelook(database_url, "crawl", "run", "--once", "--quiet", **settings)
        async with asyncio.timeout(50):
            _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
    assert await pool.fetchval("SELECT count(*) FROM page_visits") == SITES
    assert await pool.fetchval("SELECT count(*) FROM leases") == 0


async def test_etl_has_nothing_to_do_where_the_database_is_the_queue(database_url: str) -> None:
    process = await run_samelook(database_url, "crawl", "run", "--phase", "etl", SAMELOOK_QUEUE="postgres")
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert b"nothing for etl to do" in output


@pytest.mark.parametrize(
    ("settings", "status", "message"),
    [
        ({"SAMELOOK_QUEUE": "kafka"}, 2, b"write postgres, sqs or pubsub"),
        ({"SAMELOOK_QUEUE": "pubsub"}, 2, b"needs SAMELOOK_PUBSUB_PROJECT"),
        ({"SAMELOOK_QUEUE": "sqs", "SAMELOOK_QUEUE_PREFIX": "a b"}, 2, b"SAMELOOK_QUEUE_PREFIX='a b'"),
        (
            {
                "SAMELOOK_QUEUE": "sqs",
                "SAMELOOK_SQS_ENDPOINT": "http://127.0.0.1:9",
                "SAMELOOK_SQS_REGION": "eu-central-1",
                "AWS_MAX_ATTEMPTS": "1",
            },
            1,
            b"The SQS queue samelook-dead cannot be used",
        ),
    ],
)
async def test_a_wrong_set_up_is_one_line(
    database_url: str, sqs_endpoint: str, settings: dict[str, str], status: int, message: bytes
) -> None:
    process = await run_samelook(database_url, "crawl", "run", "--once", **settings)
    _, errors = await process.communicate()
    assert process.returncode == status, errors.decode()
    assert message in errors
    assert b"Traceback" not in errors
