"""Sites a second in the real web's weather, against the same sites in still air: `bench.crawl --weather`.

The web is bench/weather_web: 15 % of the sites are dead or silent (no such name, a name server that does
not answer, refused, dropped by a firewall, connected and silent), the others answer after 30 to 800 ms
each time; 3 % of the pages drip, 80 % of the sites speak TLS, 20 % redirect to www, each has 1 to 8 icons
and one connection at once. In still air the same sites answer at once and the dead ones refuse at once.
The second round asks again for what has not changed.

Rates are up to the moment by which 95 % of all outcomes were written: what is left then is mostly waiting
for the last time limits, which a crawl that goes on does not notice. Whole runs are told beside them.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from samelook.postgres.embedded import embedded_postgres
from samelook.settings import load_settings
from samelook.sql.migrate import migrate
from samelook.sql.pool import open_pool

SHARE = 0.95
OUTCOMES = """
    SELECT count(*) AS outcomes,
           extract(epoch FROM percentile_disc($2::float8) WITHIN GROUP (ORDER BY at)
                              - $1::timestamptz)::float8 AS seconds,
           count(*) FILTER (WHERE kind IS NOT NULL) AS errors
    FROM (SELECT crawled_at AS at, NULL AS kind FROM page_visits
          UNION ALL SELECT crawled_at, NULL FROM favicon_metadata
          UNION ALL SELECT at, kind FROM icon_errs
          UNION ALL SELECT at, kind FROM hashing_errs) AS found
    WHERE at >= $1::timestamptz
"""


@dataclass(frozen=True, slots=True)
class Round:
    """One run of the crawl."""

    sites: int
    steady_s: float
    whole_s: float
    outcomes: int
    errors: int
    memory_mb: float
    cpu_s: float

    @property
    def per_second(self) -> float:
        return SHARE * self.sites / self.steady_s


async def crawl(pool: Any, sites: int, environment: dict[str, str], command: list[str]) -> Round:
    began = await pool.fetchval("SELECT now()")
    started = time.perf_counter()
    before = os.times()
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    peak = 0.0
    crawling = psutil.Process(process.pid)
    while process.returncode is None:
        try:
            peak = max(peak, crawling.memory_info().rss / 1e6)
        except psutil.Error:
            break
        try:
            await asyncio.wait_for(process.wait(), 0.25)
        except TimeoutError:
            continue
    await process.wait()
    assert process.returncode == 0, process.returncode
    used = os.times()
    found = await pool.fetchrow(OUTCOMES, began, SHARE)
    return Round(
        sites,
        found["seconds"],
        time.perf_counter() - started,
        found["outcomes"],
        found["errors"],
        peak,
        used.children_user + used.children_system - before.children_user - before.children_system,
    )


async def two_rounds(sites: int, air: str, url: str, launcher: list[str]) -> list[Round]:
    """A crawl of an empty database, and one of all that it found when it is old."""
    with tempfile.TemporaryDirectory(prefix="samelook-weather-") as folder:
        server = subprocess.Popen(
            [sys.executable, "-m", "bench.weather_web", str(sites), air, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            ports = json.loads(server.stdout.readline()) | {"still": air == "still"}
            environment = {
                **os.environ,
                "SAMELOOK_DATABASE_URL": url,
                "SAMELOOK_VERIFY_TLS": "0",
                "SAMELOOK_CONTACT": "bench@w.example",
                "BENCH_WEATHER": json.dumps(ports),
            }
            command = [*launcher, "crawl", "run", "--once", "--quiet"]
            async with open_pool(load_settings().database_at(url)) as pool:
                await pool.execute("TRUNCATE domains, favicons, icon_urls, leases, crawl_workers CASCADE")
                await start_over(pool)
                await pool.execute(
                    "INSERT INTO domains (reversed_name, harmonic_position, source)"
                    " SELECT 'example.w' || n, n + 1, 'bench' FROM generate_series(0, $1::int - 1) AS n",
                    sites,
                )
                first = await crawl(pool, sites, environment, command)
                for table, column in (("page_visits", "crawled_at"), ("favicon_metadata", "crawled_at")):
                    await pool.execute(f"UPDATE {table} SET {column} = {column} - interval '30 days'")
                for table in ("icon_errs", "hashing_errs"):
                    await pool.execute(f"UPDATE {table} SET retry_at = now()")
                await start_over(pool)
                return [first, await crawl(pool, sites, environment, command)]
        finally:
            server.stdin.close()
            server.wait(10)


async def start_over(pool: Any) -> None:
    for phase in ("domains", "icons", "hashes"):
        for source in ("fresh", "stale", "failed", "expired"):
            await pool.execute(f"SELECT setval('cursor_{phase}_{source}', 0)")


async def main(sites: int, launcher: list[str], airs: tuple[str, ...] = ("still", "weather")) -> None:
    console = Console(width=120)
    rounds: dict[str, list[Round]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="samelook-bench-") as folder,
        embedded_postgres(Path(folder)) as url,
    ):
        async with open_pool(load_settings().database_at(url)) as pool, pool.acquire() as connection:
            await migrate(connection)
        for air in airs:
            rounds[air] = await two_rounds(sites, air, url, launcher)
    table = Table(title=f"{sites} sites of 1 to 8 icons, {os.cpu_count()} processors, one crawling process")
    for heading in ("", "sites/s", "ratio", "whole run", "outcomes", "errors", "RSS MB", "CPU ms a site"):
        table.add_column(heading, justify="right" if heading else "left")
    for air, both in rounds.items():
        for number, run in enumerate(both):
            still = rounds.get("still", both)[number]
            table.add_row(
                f"{air}, {'first' if not number else 'second'} round",
                f"{run.per_second:.0f}",
                f"{run.per_second / still.per_second:.2f}",
                f"{run.whole_s:.1f} s",
                str(run.outcomes),
                str(run.errors),
                f"{run.memory_mb:.0f}",
                f"{run.cpu_s / sites * 1e3:.2f}",
            )
    console.print(table)
