"""`samelook crawl run` as an operator uses it: killed, stopped, several workers at once."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
from aiohttp import web

from bench.crawl_web import ICONS, create_app
from samelook.commands.crawl import CrawlWork, worker_command
from samelook.demo.sample_web.server import sample_web_server
from tests.fixtures.waiting import until

Pool = Any
SITES = 200


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


def test_a_worker_is_told_how_many_it_shares_the_memory_with() -> None:
    words = worker_command(CrawlWork(("icons",), workers=4, processes=4))
    assert words[words.index("--one-of") + 1] == "4"


class Gate:
    """Lets so many requests through, then holds the others until it lets more."""

    def __init__(self) -> None:
        self._left = 0
        self._opened = asyncio.Event()
        self.used_up = asyncio.Event()

    def let(self, requests: int) -> None:
        self._left = requests
        self.used_up.clear()
        self._opened.set()

    async def passed(self) -> None:
        while self._left == 0:
            await self._opened.wait()
        self._left -= 1
        if self._left == 0:
            self._opened.clear()
            self.used_up.set()


@asynccontextmanager
async def many_sites(count: int, *, delay_s: float = 0.0, gate: Gate | None = None) -> AsyncIterator[int]:
    """A server for so many sites, with five icons each; yields its port."""
    app = create_app(count)

    @web.middleware
    async def slow(request: web.Request, handler: Any) -> web.StreamResponse:
        if gate is not None:
            await gate.passed()
        await asyncio.sleep(delay_s)
        response: web.StreamResponse = await handler(request)
        return response

    app.middlewares.append(slow)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def add_sites(pool: Pool, count: int) -> None:
    await pool.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source)"
        " SELECT 'example.s' || n, n + 1, 'test' FROM generate_series(0, $1::int - 1) AS n",
        count,
    )


def kill_tree(pid: int) -> None:
    """SIGKILL for a process and all that it started, all at once."""
    root = psutil.Process(pid)
    for process in [*root.children(recursive=True), root]:
        process.kill()


async def test_killed_five_times_every_domain_ends_with_one_result_or_one_error(
    pool: Pool, database_url: str
) -> None:
    dice = random.Random(5)
    gate = Gate()
    async with many_sites(SITES, delay_s=0.01, gate=gate) as port:
        await add_sites(pool, SITES)
        settings = {
            "SAMELOOK_RESOLVE": f"*=127.0.0.1:{port}",
            "SAMELOOK_LEASE_SECONDS": "2",
            "SAMELOOK_BATCH": "10",
            "SAMELOOK_CONCURRENCY": "20",
        }
        command = ("crawl", "run", "--once", "--workers", "3")
        for _ in range(5):
            process = await run_samelook(database_url, *command, **settings)
            # A site takes more than five requests, so these rounds cannot finish the crawl on any machine.
            gate.let(dice.randint(SITES // 2, SITES))
            async with asyncio.timeout(60):
                await gate.used_up.wait()
            await asyncio.sleep(dice.uniform(0.0, 0.5))
            assert process.returncode is None, "it ended before it could be killed"
            kill_tree(process.pid)
            await process.communicate()
        assert await pool.fetchval("SELECT count(*) FROM page_visits"), "nothing was written before a kill"
        gate.let(sys.maxsize)
        process = await run_samelook(database_url, *command, **settings)
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
        assert counted[0] == counted[1] + counted[2], (inputs, *counted)
    assert await pool.fetchval("SELECT count(*) FROM target_urls") == SITES
    assert await pool.fetchval("SELECT count(*) FROM page_visits") == SITES
    pictures = await pool.fetchval("SELECT count(*) FROM favicon_metadata WHERE sha256 IS NOT NULL")
    assert pictures == SITES * len(ICONS)
    assert await pool.fetchval("SELECT count(*) FROM leases") == 0


async def test_sigterm_stops_within_ten_seconds_and_loses_nothing(pool: Pool, database_url: str) -> None:
    async with many_sites(400, delay_s=0.2) as port:
        await add_sites(pool, 400)
        process = await run_samelook(database_url, "crawl", "run", SAMELOOK_RESOLVE=f"*=127.0.0.1:{port}")
        await until(lambda: pool.fetchval("SELECT count(*) FROM favicon_metadata"))
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, errors = await process.communicate()
        assert time.monotonic() - started < 10
        assert process.returncode == 0, errors.decode()
        # What was in hand is either written or given back: nothing stays leased.
        assert await pool.fetchval("SELECT count(*) FROM leases WHERE expires_at > now()") == 0
        stopped = await pool.fetchrow("SELECT stopped_at, progress FROM crawl_workers")
        assert stopped["stopped_at"] is not None
        written = await pool.fetchval("SELECT count(*) FROM favicon_metadata")
        assert stopped["progress"]["hashes"]["done"] == written


async def test_a_killed_parent_takes_its_workers_with_it(pool: Pool, database_url: str) -> None:
    async with many_sites(400, delay_s=0.2) as port:
        await add_sites(pool, 400)
        process = await run_samelook(
            database_url, "crawl", "run", "--workers", "2", SAMELOOK_RESOLVE=f"*=127.0.0.1:{port}"
        )
        async with asyncio.timeout(30):
            while await pool.fetchval("SELECT count(*) FROM crawl_workers") < 2:
                await asyncio.sleep(0.05)
        process.kill()
        async with asyncio.timeout(15):
            while await pool.fetchval("SELECT count(*) FROM crawl_workers WHERE stopped_at IS NULL"):
                await asyncio.sleep(0.1)
        await process.communicate()


async def test_status_tells_what_the_crawl_did(pool: Pool, database_url: str) -> None:
    async with sample_web_server() as port:
        await pool.execute(
            "INSERT INTO domains (reversed_name, harmonic_position, source) VALUES"
            " ('example.lumora', 1, 'test'), ('example.keep-out', 2, 'test')"
        )
        process = await run_samelook(
            database_url, "crawl", "run", "--once", SAMELOOK_RESOLVE=f"*=127.0.0.1:{port}"
        )
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
    process = await run_samelook(database_url, "crawl", "status", "--json")
    output, _ = await process.communicate()
    figures = json.loads(output)
    domains, icons, hashes = figures["phases"]
    assert (domains["inputs"], domains["done"], domains["failed"]) == (2, 2, 0)
    assert (icons["inputs"], icons["done"], icons["failed"]) == (2, 1, 1)
    assert icons["errors"] == {"robots_disallowed": 1}
    assert hashes["due"] == 0
    assert figures["icons"] > 0
    process = await run_samelook(database_url, "crawl", "status")
    output, _ = await process.communicate()
    assert b"robots_disallowed" in output


async def test_bad_usage_is_status_2(database_url: str) -> None:
    process = await run_samelook(database_url, "crawl", "run", "--phase", "nonsense")
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"is no phase" in errors
    process = await run_samelook(database_url, "crawl", "run", SAMELOOK_BATCH="many")
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"SAMELOOK_BATCH='many'" in errors
    assert b"Traceback" not in errors
