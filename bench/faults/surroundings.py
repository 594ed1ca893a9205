"""What is around the processes fails: clocks, disks, name servers, and the data folder."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path

import aiohttp
import asyncpg

from bench.faults.killing import command, small_web
from bench.faults.outcome import Outcome
from bench.faults.servers import Server, one_server, servers_folder, small_disk
from bench.faults.service import Load, Service, database_settings, loaded, serving
from samelook.crawler.crawl import Crawl
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.settings import CrawlSettings
from samelook.hashing.sandbox import Sandbox
from samelook.sql.migrate import migrate
from samelook.sql.pool import open_pool
from samelook.sql.queue_queries import PHASES

DAY_S = 86_400
_NEARLY_S = 60.0
SIGNALS = 60_000
"""Enough for a snapshot soon after a start."""
_FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


async def clock_of_service(folder: Path) -> Outcome:
    """The clock of the service jumps by a day, forwards and back, twice, and by ten years."""
    with one_server() as server:
        clock = folder / "clock"
        clock.write_text("+0")
        async with (
            serving(server.url, folder, **_faked(clock)) as service,
            loaded(service, server.url) as load,
        ):
            return await _jumping(load, clock, "clock of the service jumps", partial(_of_service, load))


async def clock_of_database(folder: Path) -> Outcome:
    """The clock of the database does."""
    with servers_folder() as place:
        clock = place / "clock"
        clock.write_text("+0")
        server = Server(place)
        server.create()
        server.start(**_faked(clock))
        try:
            async with serving(server.url, folder) as service, loaded(service, server.url) as load:
                return await _jumping(
                    load, clock, "clock of the database jumps", partial(_of_database, server.url)
                )
        finally:
            server.kill()


async def _jumping(load: Load, clock: Path, name: str, now: Callable[[], Awaitable[float]]) -> Outcome:
    if not _FAKETIME.exists():
        return Outcome(name, said="not run: libfaketime is not installed")
    longest = 0.0
    for offset in (DAY_S, -DAY_S, DAY_S, 0, 10 * 365 * DAY_S, 0):
        clock.write_text(f"{offset:+d}")
        longest = max(longest, await load.well_again())
        await load.acknowledges(10)
        if abs(await now() - time.time() - offset) > _NEARLY_S:
            load.wrong.append(f"the clock did not jump by {offset} s")
    return await load.outcome(name, longest)


async def _of_service(load: Load) -> float:
    async with load.session.get("/status/live") as answer:
        return parsedate_to_datetime(answer.headers["Date"]).timestamp()


async def _of_database(url: str) -> float:
    connection = await asyncpg.connect(url)
    try:
        return float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())"))
    finally:
        await connection.close()


def _faked(clock: Path) -> dict[str, str]:
    if not _FAKETIME.exists():
        return {}
    return {
        "LD_PRELOAD": str(_FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


async def snapshot_disk_full(_: Path) -> Outcome:
    """The disk of the index snapshots is full from the beginning; lookups and changes go on without them."""
    name, wrong = "disk of snapshots full", []
    with servers_folder() as place, small_disk(place / "disk", 1) as mounted, one_server() as server:
        if not mounted:
            return Outcome(name, said="not run: no disk can be mounted here")
        await migrate(server.url)
        values = await _filled(server.url, SIGNALS)
        async with serving(server.url, place / "disk") as service:
            async with asyncio.timeout(60):
                while not any("snapshot_not_saved" in line for line in service.said):
                    await asyncio.sleep(0.1)
            wrong += await _not_found(service, values)
            async with loaded(service, server.url) as load:
                await load.acknowledges(50)
                outcome = await load.outcome(name, await load.well_again())
    outcome.twice = 0  # what was there before is not of the load
    outcome.wrong += wrong
    outcome.said = "the log says so, lookups and changes went on"
    return outcome


async def torn_folder(folder: Path) -> Outcome:
    """Each file of the data folder is cut, emptied, or has a byte changed, and the service started again."""
    dice, wrong, starts = random.Random(7), [], 0
    with one_server() as server:
        await migrate(server.url)
        values = await _filled(server.url, SIGNALS)
        async with serving(server.url, folder) as service:
            wrong += await _not_found(service, values)
            await _saved(folder)
        files = sorted(one for one in folder.rglob("*") if one.is_file() and one.stat().st_size)
        for number in range(6):
            for file in files:
                if file.exists():
                    file.write_bytes(_torn(file.read_bytes(), number % 3, dice))
            async with serving(server.url, folder) as service:
                starts += 1
                wrong += await _not_found(service, values)
        connection = await asyncpg.connect(server.url)
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, sha256) VALUES (9999, 'of a later version', 'x')"
        )
        await connection.close()
        process = await command("crawl", "status", SAMELOOK_DATABASE_URL=server.url)
        if await process.wait() == 0:
            wrong.append("a database of a newer version is used")
    said = f"{starts} starts on {len(files)} torn files; a newer database is refused"
    return Outcome("data folder torn, or newer", len(values), said=said, wrong=wrong)


def _torn(data: bytes, way: int, dice: random.Random) -> bytes:
    at = dice.randrange(len(data)) if data else 0
    return (data[:at], b"", data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :] if data else b"")[way]


async def _saved(folder: Path) -> None:
    async with asyncio.timeout(60):
        while not any((folder / "indexes").glob("*.index")):
            await asyncio.sleep(0.1)


async def _filled(url: str, count: int) -> list[str]:
    """A bank with so many signals."""
    values = [secrets.token_hex(32) for _ in range(count)]
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            bank = await connection.fetchval("INSERT INTO banks (name) VALUES ('FULL') RETURNING id")
            ids = await connection.fetch(
                "INSERT INTO bank_content (bank_id) SELECT $1 FROM generate_series(1, $2) RETURNING id",
                bank,
                count,
            )
            await connection.execute(
                "WITH made AS (INSERT INTO signals (type, value) SELECT 'pdq', decode(v, 'hex') "
                "FROM unnest($1::text[]) AS v RETURNING id, value) INSERT INTO content_signals "
                "SELECT t.content, made.id FROM made "
                "JOIN unnest($1::text[], $2::bigint[]) AS t (value, content) "
                "ON decode(t.value, 'hex') = made.value",
                values,
                [row["id"] for row in ids],
            )
    finally:
        await connection.close()
    return values


async def _not_found(service: Service, values: Sequence[str]) -> list[str]:
    """What is said of values that are not found."""
    missing = 0
    async with aiohttp.ClientSession(service.url) as session:
        for value in values[:: len(values) // 50]:
            params = {"signal": value, "signal_type": "pdq"}
            async with session.get("/m/raw_lookup", params=params) as answer:
                missing += answer.status != 200 or not (await answer.json())["matches"]
    return [f"{missing} of {len(values)} are not found"] if missing else []


async def no_names(folder: Path) -> Outcome:
    """The name server is dead while a crawl runs; nothing is given up for good, and it is through later."""
    sites = 60

    def lookup(_: str) -> list[str]:
        raise OSError(-3, "Temporary failure in name resolution")

    with one_server() as server:
        await migrate(server.url)
        async with small_web(sites) as port, open_pool(database_settings(server.url)) as pool:
            await pool.execute(
                "INSERT INTO domains (reversed_name, harmonic_position, source)"
                " SELECT 'example.s' || n, n + 1, 'test' FROM generate_series(0, $1::int - 1) AS n",
                sites,
            )
            crawl = CrawlSettings(flush_s=0.05, idle_first_s=0.05)
            async with Fetcher(FetchSettings(), lookup=lookup) as fetcher, Sandbox(1) as sandbox:
                await Crawl(pool, fetcher, sandbox, crawl, PHASES).run(once=True)
            kinds = {row["kind"] for row in await pool.fetch("SELECT DISTINCT kind FROM icon_errs")}
            failed = await pool.fetchval("SELECT count(*) FROM icon_errs")
            # When the time has come to try again.
            await pool.execute("UPDATE icon_errs SET retry_at = now()")
            own = {
                "SAMELOOK_DATABASE_URL": server.url,
                "SAMELOOK_DATA_DIR": str(folder),
                "SAMELOOK_RESOLVE": f"*=127.0.0.1:{port}",
            }
            process = await command("crawl", "run", "--once", "--quiet", **own)
            await process.wait()
            visited = await pool.fetchval("SELECT count(*) FROM page_visits")
    wrong = [] if kinds == {"dns_failed"} else [f"errors are {sorted(kinds)}"]
    if process.returncode:
        wrong.append(f"the crawl ended with {process.returncode}")
    return Outcome("name server dead", visited, sites - visited, said=f"{failed} tried again", wrong=wrong)


SURROUNDINGS = (clock_of_service, clock_of_database, snapshot_disk_full, torn_folder, no_names)
