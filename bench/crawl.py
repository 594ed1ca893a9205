"""Sites a second of a whole crawl, against a plain aiohttp download of the same URLs.

    python -m bench.crawl [--sites 6000] [--rounds 3] [--workers 1] [--weather]

One web server process answers from memory, without any delay. In turn, several times: aiohttp
downloads the URLs and throws them away; the crawler visits the same sites, from an empty database:
robots.txt, page, icons, decoding, hashing, writing. The ratio is of medians. CPU is that of each
process tree for one site. With `--weather` another web is crawled: slow, silent and dead sites
(bench/weather).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from aiohttp.abc import AbstractResolver
from rich.console import Console
from rich.table import Table

from bench import weather
from samelook.postgres.embedded import embedded_postgres
from samelook.settings import load_settings
from samelook.sql.migrate import migrate
from samelook.sql.pool import open_pool

CONCURRENCY = 100


class Loopback(AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[Any]:  # noqa: ARG002
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        return None


async def download(urls_by_site: list[list[str]]) -> float:
    """Seconds for aiohttp to download everything, 100 sites at once, a site's URLs one after the other."""
    waiting = iter(urls_by_site)
    connector = aiohttp.TCPConnector(resolver=Loopback(), limit=0)
    started = time.perf_counter()
    async with aiohttp.ClientSession(connector=connector) as session:

        async def fetch_sites() -> None:
            for urls in waiting:
                for url in urls:
                    async with session.get(url) as response:
                        await response.read()

        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(fetch_sites())
    return time.perf_counter() - started


def urls_of(sites: int, port: int) -> list[list[str]]:
    paths = (
        "robots.txt",
        "",
        "favicon.ico",
        "i16.png",
        "i32.png",
        "i48.png",
        "touch.png",
        "apple-touch-icon.png",
        "apple-touch-icon-precomposed.png",
    )
    return [[f"http://s{site}.example:{port}/{path}" for path in paths] for site in range(sites)]


async def crawl(sites: int, port: int, url: str, folder: str, workers: int) -> tuple[float, dict[str, float]]:
    """Seconds for the crawler to visit all sites from an empty database, and CPU seconds by process tree."""
    settings = load_settings()
    async with open_pool(settings.database_at(url)) as pool:
        await pool.execute("TRUNCATE domains, favicons, icon_urls, leases, crawl_workers CASCADE")
        for phase in ("domains", "icons", "hashes"):
            await pool.execute(f"SELECT setval('cursor_{phase}_fresh', 0)")
        await pool.execute(
            "INSERT INTO domains (reversed_name, harmonic_position, source)"
            " SELECT 'example.s' || n, n + 1, 'bench' FROM generate_series(0, $1::int - 1) AS n",
            sites,
        )
        environment = {
            **os.environ,
            "SAMELOOK_DATABASE_URL": url,
            "SAMELOOK_RESOLVE": f"*=127.0.0.1:{port}",
            "SAMELOOK_SITE_DELAY": "0",
        }
        postgres, before = postgres_cpu(folder), os.times()
        started = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "samelook",
            "crawl",
            "run",
            "--once",
            "--quiet",
            "--workers",
            str(workers),
            env=environment,
        )
        watching = asyncio.create_task(watch_cpu(process.pid))
        await process.wait()
        elapsed = time.perf_counter() - started
        watching.cancel()
        done = await pool.fetchval("SELECT count(*) FROM favicon_metadata WHERE sha256 IS NOT NULL")
        assert process.returncode == 0, process.returncode
        assert done == sites * 5, f"{done} icons of {sites * 5}"
        used = os.times()
        total = used.children_user + used.children_system - before.children_user - before.children_system
        decoding = sum(WATCHED.values())
        return elapsed, {
            "fetching, discovery, queues": total - decoding,
            "decoding and hashing": decoding,
            "Postgres": postgres_cpu(folder) - postgres,
        }


WATCHED: dict[int, float] = {}
"""CPU seconds of the processes that decode pictures, as last seen."""


async def watch_cpu(pid: int) -> None:
    WATCHED.clear()
    while True:
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "samelook.hashing.worker" in " ".join(process.cmdline()):
                    times = process.cpu_times()
                    WATCHED[process.pid] = times.user + times.system
        await asyncio.sleep(0.25)


def postgres_cpu(folder: str) -> float:
    """CPU seconds of the Postgres in `folder`: its processes that live, and those that ended."""
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "postgres" and any(
            folder in word for word in process.info["cmdline"] or ()
        ):
            tree = [process, *process.children(recursive=True)]
            ended = process.cpu_times()
            lived = sum(times.user + times.system for times in (member.cpu_times() for member in tree))
            return lived + ended.children_user + ended.children_system
    raise LookupError(folder)


async def main(sites: int, rounds: int, workers: int) -> None:
    console = Console()
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.crawl_web", str(sites)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    assert server.stdin is not None
    port = int(server.stdout.readline())
    plain, ours, cpu = [], [], []
    try:
        with (
            tempfile.TemporaryDirectory(prefix="samelook-bench-") as folder,
            embedded_postgres(Path(folder)) as url,
        ):
            async with open_pool(load_settings().database_at(url)) as pool, pool.acquire() as connection:
                await migrate(connection)
            for number in range(rounds):
                plain.append(await download(urls_of(sites, port)))
                seconds, used = await crawl(sites, port, url, folder, workers)
                ours.append(seconds)
                cpu.append(used)
                console.print(
                    f"round {number + 1}: {sites / plain[-1]:.0f} sites a second by aiohttp, "
                    f"{sites / ours[-1]:.0f} by the crawl"
                )
    finally:
        server.stdin.close()
        server.wait(10)
    table = Table(
        title=f"{sites} sites, 5 distinct icons each, {os.cpu_count()} processors, start-up included"
    )
    for heading in ("", "sites a second", "against aiohttp"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("aiohttp, download only", f"{sites / statistics.median(plain):.0f}", "1.00")
    table.add_row(
        "samelook crawl run --once",
        f"{sites / statistics.median(ours):.0f}",
        f"{statistics.median(plain) / statistics.median(ours):.2f}",
    )
    console.print(table)
    table = Table(title="CPU for one site")
    table.add_column("")
    table.add_column("ms", justify="right")
    for name in cpu[0]:
        table.add_row(name, f"{statistics.median(used[name] for used in cpu) / sites * 1e3:.2f}")
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sites", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--weather", action="store_true")
    arguments = parser.parse_args()
    if arguments.weather:
        asyncio.run(weather.main(arguments.sites, [sys.executable, "-m", "bench.weather_crawl"]))
    else:
        asyncio.run(main(arguments.sites, arguments.rounds, arguments.workers))
