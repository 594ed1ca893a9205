"""The database fails under `samelook crawl run`, which is to end by itself with every site crawled once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from bench.faults.database import FEW_CONNECTIONS
from bench.faults.killing import add_sites, command, crawl_outcome, killed_after, small_web
from bench.faults.outcome import Outcome
from bench.faults.servers import PATIENCE_S, Server, one_server
from bench.faults.service import database_settings
from samelook.postgres.embedded import embedded_postgres
from samelook.postgres.postmaster import read_postmaster
from samelook.sql.migrate import migrate
from samelook.sql.pool import Pool, open_pool

SITES = 600
BEGUN = 150
"""Icons that are kept when the fault happens, of five a site."""
AWAY_S = 3.0


async def crawl_database_killed(folder: Path) -> Outcome:
    """Postgres is killed during a crawl, and started again by its operator."""

    async def killed(server: Server) -> None:
        server.kill()
        await asyncio.sleep(AWAY_S)
        server.start()

    return await _with_server("crawl, database killed", folder, killed)


async def crawl_out_of_connections(folder: Path) -> Outcome:
    """Somebody else takes all connections, those of the crawl too."""

    async def taken_away(server: Server) -> None:
        admin = await asyncpg.connect(server.url)
        taken: list[asyncpg.Connection[asyncpg.Record]] = []
        try:
            ends = time.monotonic() + AWAY_S
            while time.monotonic() < ends:
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name LIKE 'samelook%'"
                )
                with suppress(asyncpg.TooManyConnectionsError):
                    while True:
                        taken.append(await asyncpg.connect(server.url))
                await asyncio.sleep(0.2)
        finally:
            for connection in (*taken, admin):
                connection.terminate()

    return await _with_server("crawl, out of connections", folder, taken_away)


async def crawl_embedded_killed(folder: Path) -> Outcome:
    """The embedded Postgres is killed during a crawl, which starts it again."""
    data = folder / "data"
    with embedded_postgres(data) as url:
        await migrate(url)
        async with _crawl(url, {"SAMELOOK_DATA_DIR": str(data)}) as run:
            server = read_postmaster(data / "postgres" / "data")
            assert server is not None
            psutil.Process(server.pid).kill()
            return await run("crawl, embedded database killed")


async def _with_server(name: str, folder: Path, fault: Callable[[Server], Awaitable[None]]) -> Outcome:
    with one_server(*FEW_CONNECTIONS) as server:
        await migrate(server.url)
        own = {"SAMELOOK_DATABASE_URL": server.url, "SAMELOOK_DATA_DIR": str(folder)}
        async with _crawl(server.url, own) as run:
            await fault(server)
            return await run(name)


@asynccontextmanager
async def _crawl(url: str, own: dict[str, str]) -> AsyncIterator[Callable[[str], Awaitable[Outcome]]]:
    """A crawl that is at work; what it gives waits for its end and says what came of it."""
    async with small_web(SITES) as port:
        async with open_pool(database_settings(url)) as pool:
            await add_sites(pool, 0, SITES)
        choices = {"SAMELOOK_RESOLVE": f"*=127.0.0.1:{port}", "SAMELOOK_LEASE_SECONDS": "2"}
        process = await command("crawl", "run", "--once", "--quiet", **own, **choices)
        try:
            async with open_pool(database_settings(url)) as pool:
                await _begun(pool, process)

            async def ended(name: str) -> Outcome:
                began = time.monotonic()
                wrong = []
                try:
                    status: Any = await asyncio.wait_for(process.wait(), 2 * PATIENCE_S)
                except TimeoutError:
                    status = "no end"
                async with open_pool(database_settings(url)) as pool:
                    outcome = await crawl_outcome(name, pool, SITES)
                if status != 0:
                    wrong.append(f"the crawl ended with {status}")
                outcome.wrong += wrong
                outcome.said = f"through {time.monotonic() - began:.1f} s after the fault"
                return outcome

            yield ended
        finally:
            await killed_after(process, 0.0)


async def _begun(pool: Pool, process: asyncio.subprocess.Process) -> None:
    """Until some of the crawl is done."""
    async with asyncio.timeout(PATIENCE_S):
        while await pool.fetchval("SELECT count(*) FROM favicon_metadata") < BEGUN:
            if process.returncode is not None:
                raise RuntimeError("the crawl ended before the fault")
            await asyncio.sleep(0.02)


SCENARIOS = (crawl_database_killed, crawl_out_of_connections, crawl_embedded_killed)
