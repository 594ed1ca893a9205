"""The database fails under a service that works with it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg

from bench.faults.outcome import Outcome
from bench.faults.servers import Server, one_server, servers_folder, small_disk
from bench.faults.service import Load, loaded, serving

AWAY_S = 4.0


async def killed(server: Server, load: Load, away_s: float) -> float:
    """All processes of Postgres are killed; its operator starts it again after some seconds."""
    server.kill()
    await asyncio.sleep(away_s)
    server.start()
    return await _well_again(load)


async def restarted(server: Server, load: Load, _: float) -> float:
    """Postgres is restarted in order, twice on end."""
    longest = 0.0
    for _ in range(2):
        server.stop()
        server.start()
        longest = max(longest, await _well_again(load))
    return longest


async def silent(server: Server, load: Load, away_s: float) -> float:
    """Postgres stops answering, with all connections open, and goes on later."""
    server.freeze()
    try:
        await asyncio.sleep(2 * away_s)
    finally:
        server.thaw()
    return await _well_again(load)


async def out_of_connections(server: Server, load: Load, away_s: float) -> float:
    """Somebody else takes all connections that are left, and drops those of the service."""
    admin = await asyncpg.connect(server.url)
    taken: list[asyncpg.Connection[asyncpg.Record]] = []
    try:
        for _ in range(3):
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'samelook serve'"
            )
            try:
                while True:
                    taken.append(await asyncpg.connect(server.url))
            except asyncpg.TooManyConnectionsError:
                await asyncio.sleep(0.5)
        await asyncio.sleep(away_s)
    finally:
        for connection in (*taken, admin):
            connection.terminate()
    took = await _well_again(load)
    # Whether it was there is a matter of words: the service could not use it, and said so.
    load.true.clear()
    load.told.clear()
    return took


FAULTS = (killed, restarted, silent, out_of_connections)
FEW_CONNECTIONS = ("max_connections=30", "superuser_reserved_connections=0")


async def one_fault(
    fault: Callable[[Server, Load, float], Awaitable[float]], folder: Path, away_s: float = AWAY_S
) -> Outcome:
    """Starts a server and a service, lets `fault` happen to them under load, and says what came of it."""
    with one_server(*FEW_CONNECTIONS) as server:
        async with serving(server.url, folder) as service, loaded(service, server.url) as load:
            name = f"Postgres {fault.__name__.replace('_', ' ')}"
            return await load.outcome(name, await fault(server, load, away_s))


async def failed_over(folder: Path) -> Outcome:
    """The primary is killed, its synchronous standby is promoted; the service's URL names both."""
    with servers_folder() as place:
        primary = Server(place, 1, None, "wal_level=replica")
        standby = Server(place, 2)
        primary.create()
        primary.start()
        try:
            standby.copy_of(primary)
            standby.start()
            await _follow_in_step(primary)
            both = (
                f"postgresql://owner@/postgres?host={place},{place}&port=1,2&target_session_attrs=read-write"
            )
            async with serving(both, folder) as service, loaded(service, both) as load:
                primary.kill()
                await asyncio.sleep(1.0)
                standby.promote()
                return await load.outcome("failed over to a standby", await _well_again(load), standby.url)
        finally:
            for server in (primary, standby):
                if server.runs:
                    server.kill()


async def out_of_disk(folder: Path) -> Outcome:
    """The disk fills up; somebody makes room later, and starts Postgres again if it gave up."""
    name = "out of disk"
    with servers_folder() as place, small_disk(place / "disk", 220) as mounted:
        if not mounted:
            return Outcome(name, said="not run: no disk can be mounted here")
        small = ("max_wal_size=32MB", "min_wal_size=32MB", "shared_buffers=16MB")
        server = Server(place, 1, place / "disk" / "data", *small)
        server.create()
        server.start()
        try:
            async with serving(server.url, folder) as service, loaded(service, server.url) as load:
                ballast = place / "disk" / "ballast"
                _fill(ballast)
                refused = load.statuses["write 503"]
                async with asyncio.timeout(60):
                    while load.statuses["write 503"] < refused + 5:
                        await asyncio.sleep(0.05)
                ballast.unlink()
                await asyncio.sleep(1.0)
                if not server.runs:
                    server.start()
                return await load.outcome(name, await _well_again(load))
        finally:
            if server.runs:
                server.kill()


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


async def embedded_killed(folder: Path) -> Outcome:
    """The embedded Postgres is killed three times; nobody starts it but the service itself."""
    import psutil

    from samelook.postgres.embedded import embedded_postgres

    with embedded_postgres(folder) as url:
        # The service is told of no database: it finds the one of its folder, and keeps that running.
        async with serving("", folder) as service, loaded(service, url) as load:
            longest = 0.0
            for number in (signal.SIGKILL, signal.SIGQUIT, signal.SIGKILL):
                file = folder / "postgres" / "data" / "postmaster.pid"
                server = psutil.Process(int(file.read_text().split()[0]))
                server.send_signal(number)
                await asyncio.to_thread(server.wait, 20)
                longest = max(longest, await _well_again(load))
            return await load.outcome("embedded Postgres killed 3 times", longest)


async def _well_again(load: Load) -> float:
    took = await load.well_again()
    await load.acknowledges(10)
    return took


async def _follow_in_step(primary: Server) -> None:
    """From now on the primary acknowledges what its standby has too."""
    connection = await asyncpg.connect(primary.url)
    try:
        await connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        await connection.fetchval("SELECT pg_reload_conf()")
        async with asyncio.timeout(30):
            while await connection.fetchval("SELECT sync_state FROM pg_stat_replication") != "sync":
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


SCENARIOS = (out_of_disk, failed_over, embedded_killed)
