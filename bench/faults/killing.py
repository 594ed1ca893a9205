"""Processes are killed at random moments of their work, again and again; then they are let finish."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import asyncpg
import numpy as np
import psutil
from aiohttp import web

from bench.crawl_web import ICONS, create_app
from bench.faults.outcome import Outcome
from bench.faults.servers import one_server
from bench.faults.service import Load, compared, database_settings, serving
from samelook.sql.migrate import migrate
from samelook.sql.pool import Pool, open_pool

SITES, RECORDS = 120, 30_000
_SNAPSHOTS = """
import sys, numpy as np
from pathlib import Path
from samelook.matching.places import FilePlace
rng, count, place = np.random.default_rng(1), 0, FilePlace("pdq", 256, Path(sys.argv[1]), None)
index = place.new()
print("began", flush=True)
while True:
    index.add(rng.integers(0, 256, (20_000, 32), dtype=np.uint8), np.arange(count, count + 20_000))
    count += 20_000
    index.merge()
    place.save(index, {})
    print(count, flush=True)
    if count > 400_000:
        index.remove(np.arange(20_000, count)); count = 20_000; index.merge()
"""
Work = Callable[[], Awaitable[asyncio.subprocess.Process]]


KILLS_IN_A_ROW = 5
"""Of a crawl, before one is let end."""


async def migration(_: Path, kills: int) -> Outcome:
    """`samelook db migrate` of an empty database."""
    with one_server("fsync=off", "max_connections=50") as server:
        admin = await asyncpg.connect(server.url)
        whole_s, dice, wrong, in_hand = 0.0, random.Random(1), [], 0
        try:
            for number in range(kills + 1):
                await admin.execute("DROP DATABASE IF EXISTS m WITH (FORCE)")
                await admin.execute("CREATE DATABASE m")
                url = server.url.replace("/postgres?", "/m?")
                began = time.monotonic()
                process = await command("db", "migrate", SAMELOOK_DATABASE_URL=url)
                if number == 0:
                    await process.wait()
                    whole_s = time.monotonic() - began
                else:
                    in_hand += await killed_after(process, whole_s * dice.uniform(0.3, 1.0))
                applied = await migrate(url)
                if number == 0 and (applied or process.returncode != 0):
                    wrong.append("it was not whole")
                if await migrate(url):
                    wrong.append(f"kill {number}: not whole the second time")
        finally:
            await admin.close()
    return Outcome("migration killed", kills, said=f"{in_hand} of {kills} in hand", wrong=wrong)


async def crawl(folder: Path, kills: int) -> Outcome:
    """`samelook crawl run` of new sites each time, until every one has its one result."""
    dice, sites = random.Random(2), kills * SITES
    with one_server() as server:
        await migrate(server.url)
        async with small_web(sites) as port, open_pool(database_settings(server.url)) as pool:
            own = {
                "SAMELOOK_DATABASE_URL": server.url,
                "SAMELOOK_DATA_DIR": str(folder),
                "SAMELOOK_RESOLVE": f"*=127.0.0.1:{port}",
                "SAMELOOK_LEASE_SECONDS": "2",
                "SAMELOOK_BATCH": "20",
            }
            in_hand, status = 0, 0
            for number in range(kills):
                await add_sites(pool, number * SITES, SITES)
                process = await command("crawl", "run", "--once", "--quiet", **own)
                in_hand += await killed_after(process, dice.uniform(0.8, 2.5))
                # An input whose workers all die is held to be at fault, so now and then one lives.
                if number % KILLS_IN_A_ROW == KILLS_IN_A_ROW - 1 or number == kills - 1:
                    await asyncio.sleep(2.5)
                    process = await command("crawl", "run", "--once", "--quiet", **own)
                    status = await process.wait()
            outcome = await crawl_outcome("crawl killed", pool, sites)
    outcome.said = f"{in_hand} of {kills} in hand"
    outcome.wrong += [] if status == 0 else [f"the last run ended with {status}"]
    return outcome


async def add_sites(pool: Pool, first: int, count: int) -> None:
    """Domains of the small web, to be crawled."""
    await pool.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source)"
        " SELECT 'example.s' || n, n + 1, 'test' FROM generate_series($1::int, $2::int) AS n",
        first,
        first + count - 1,
    )


async def crawl_outcome(name: str, pool: Pool, sites: int) -> Outcome:
    """What a crawl of the small web that is through has kept: each site and icon once, and no lease."""
    twice = 0
    for inputs, results, failures in (
        ("domains", "target_urls", "domain_errs"),
        ("target_urls", "page_visits", "icon_errs"),
        ("icon_urls", "favicon_metadata", "hashing_errs"),
    ):
        more = await pool.fetchval(
            f"SELECT (SELECT count(*) FROM {results}) + (SELECT count(*) FROM {failures}) "
            f"- (SELECT count(*) FROM {inputs})"
        )
        twice += max(0, more)
    icons = await pool.fetchval("SELECT count(*) FROM favicon_metadata WHERE sha256 IS NOT NULL")
    pages = await pool.fetchval("SELECT count(*) FROM page_visits")
    leases = await pool.fetchval("SELECT count(*) FROM leases WHERE expires_at > now()")
    missing = sites * len(ICONS) - icons + sites - pages
    return Outcome(name, icons, missing, twice, wrong=[f"{leases} leases are left"] if leases else [])


async def service(folder: Path, kills: int) -> Outcome:
    """`samelook serve` while banks are edited, sites are checked and reported."""
    dice = random.Random(3)
    acknowledged: dict[str, int] = {}
    sent: set[str] = set()
    reports: dict[str, str] = {}
    slowest = 0.0
    wrong: list[str] = []
    with one_server() as server:
        for number in range(kills):
            began = time.monotonic()
            async with serving(server.url, folder) as running:
                slowest = max(slowest, time.monotonic() - began)
                async with aiohttp.ClientSession(running.url) as session:
                    load = Load(session, server.url, acknowledged, sent)
                    if number == 0:
                        await session.post("/c/banks", json={"name": "FAULTS"})
                    tasks = [
                        asyncio.create_task(load.write_for_ever()),
                        asyncio.create_task(load.write_for_ever()),
                        asyncio.create_task(_report_for_ever(session, reports)),
                        asyncio.create_task(_check_for_ever(session, wrong)),
                    ]
                    await asyncio.sleep(dice.uniform(0.1, 2.0))
                    running.process.kill()
                    await running.process.wait()
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
        lost, twice = await compared(server.url, acknowledged, sent)
        connection = await asyncpg.connect(server.url)
        rows = await connection.fetch("SELECT id::text AS id, idempotency_key FROM reports")
        await connection.close()
    there = [row["idempotency_key"] for row in rows]
    lost += len(reports.keys() - set(there))
    twice += len(there) - len(set(there))
    said = f"{kills} kills, {len(reports)} reports; well again by the next start"
    return Outcome(
        "service killed: checks, edits",
        len(acknowledged) + len(reports),
        lost,
        twice,
        slowest,
        0,
        said,
        wrong,
    )


async def _report_for_ever(session: aiohttp.ClientSession, acknowledged: dict[str, str]) -> None:
    async with session.post("/x/v1/clients", json={}) as answer:
        token = (await answer.json())["client"]
    while True:
        key = secrets.token_hex(8)
        body = {"url": f"https://s{key}.example.com/", "kind": "flag", "idempotency_key": key}
        # Whoever got no answer asks again, with the same key.
        for _ in range(2):
            async with session.post(
                "/x/v1/report", json=body, headers={"X-Samelook-Client": token}
            ) as answer:
                if answer.status in (200, 201):
                    acknowledged[key] = (await answer.json())["id"]
                elif answer.status == 429:
                    await asyncio.sleep(5)


async def _check_for_ever(session: aiohttp.ClientSession, wrong: list[str]) -> None:
    while True:
        body = {"url": f"https://{secrets.token_hex(4)}.example.com/", "icons": []}
        async with session.post("/x/v1/check", json=body) as answer:
            if answer.status not in (200, 429, 503) and len(wrong) < 5:
                wrong.append(f"a check was answered {answer.status}")


async def index_build(folder: Path, kills: int) -> Outcome:
    """A process that builds an index and saves it: what is on the disk is whole, the last or the former."""
    from samelook.matching import HammingIndex

    dice, path, wrong, saved = random.Random(4), folder / "pdq-256.index", [], 0
    first = np.random.default_rng(1).integers(0, 256, (20_000, 32), dtype=np.uint8)
    for number in range(kills):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _SNAPSHOTS, str(folder)), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        await process.stdout.readline()
        await asyncio.sleep(dice.uniform(0.0, 2.0))
        process.kill()
        said = (await process.stdout.read()).split()
        await process.wait()
        saved += len(said)
        if not path.exists():
            if said:
                wrong.append(f"kill {number}: the snapshot is not there")
            continue
        index = HammingIndex.open(path)
        if len(index) % 20_000 or len(index) == 0:
            wrong.append(f"kill {number}: {len(index)} items")
        if index.search(first[7].tobytes(), 0)[0].tolist() != [7]:
            wrong.append(f"kill {number}: what was saved is not found")
    left = [file.name for file in folder.glob(".*.part")]
    if len(left) > 1:
        wrong.append(f"{len(left)} unfinished files are left")
    return Outcome(
        "index build killed", saved, said=f"{kills} kills, {len(left)} files left over", wrong=wrong
    )


async def exchange_fetch(folder: Path, kills: int) -> Outcome:
    """`samelook exchange fetch` of a list of hashes, until all are there once."""
    from samelook.exchanges.settings import ExchangeSettings
    from samelook.exchanges.store import ExchangeStore

    dice = random.Random(5)
    hashes = [f"{dice.getrandbits(256):064x}" for _ in range(RECORDS)]
    file = folder / "hashes.txt"
    file.write_text("".join(f"pdq {one}\n" for one in hashes))
    with one_server() as server:
        await migrate(server.url)
        async with open_pool(database_settings(server.url)) as pool:
            store = ExchangeStore(pool, ExchangeSettings(files_folder=folder))
            await store.create("LARGE", "local_file", {"filename": str(file)})
            own = {"SAMELOOK_DATABASE_URL": server.url, "SAMELOOK_EXCHANGE_FOLDER": str(folder)}
            in_hand = 0
            for _ in range(kills):
                process = await command("exchange", "fetch", "LARGE", "--quiet", **own)
                in_hand += await killed_after(process, dice.uniform(0.5, 2.5))
                if process.returncode == 0:
                    await store.delete("LARGE")
                    await store.create("LARGE", "local_file", {"filename": str(file)})
            process = await command("exchange", "fetch", "LARGE", "--quiet", **own)
            status = await process.wait()
            rows = await pool.fetch(
                "SELECT encode(s.value, 'hex') AS value FROM bank_content AS c JOIN banks AS b "
                "ON b.id = c.bank_id JOIN content_signals AS cs ON cs.content_id = c.id "
                "JOIN signals AS s ON s.id = cs.signal_id "
                "WHERE c.removed_at IS NULL AND b.removed_at IS NULL AND b.name = 'LARGE'"
            )
    found = [row["value"] for row in rows]
    lost, twice = len(set(hashes) - set(found)), len(found) - len(set(found))
    wrong = [] if status == 0 else [f"the last fetch ended with {status}"]
    said = f"{in_hand} of {kills} in hand"
    return Outcome("exchange fetch killed", len(found), lost, twice, 0.0, 0, said, wrong)


async def command(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    """A command of ours."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "samelook", *arguments),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )


async def killed_after(process: asyncio.subprocess.Process, seconds: float) -> bool:
    """Kills it and all that it started; whether it was still at work."""
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), seconds)
    if process.returncode is not None:
        return False
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.send_signal(signal.SIGKILL)
    process.kill()
    await process.wait()
    return True


@asynccontextmanager
async def small_web(sites: int) -> AsyncIterator[int]:
    """The port of a web of so many sites, each with five icons, which answer after 10 ms."""
    app = create_app(sites)

    @web.middleware
    async def slow(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        await asyncio.sleep(0.01)
        return await handler(request)

    app.middlewares.append(slow)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


KILLED = (migration, crawl, service, index_build, exchange_fetch)
