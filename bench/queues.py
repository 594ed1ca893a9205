"""The same crawl through each queue: by one process, by two, with every message twice, and with ten kills.

    python -m bench.queues [--sites 300] [--only postgres,sqs,pubsub]

The tables that come out must be the same each time. SQS is moto's server; Pub/Sub is Google's emulator, where
it is installed. Seconds of every message twice stand beside those of the same run without.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from samelook.postgres.embedded import embedded_postgres
from samelook.settings import load_settings
from samelook.sql.migrate import migrate
from samelook.sql.pool import open_pool

KILLS = 10
LEASE_S = 3
EMULATOR = Path("/usr/lib/google-cloud-sdk/platform/pubsub-emulator/lib")
DIGEST = """
    SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
        SELECT concat_ws(' ', 'page', t.url, v.final_url, v.status, v.icon_count) AS line
        FROM page_visits AS v JOIN target_urls AS t ON t.id = v.target_url_id
        UNION ALL
        SELECT concat_ws(' ', 'icon', t.url, u.icon_url, s.source, s.ordinal)
        FROM site_icons AS s
        JOIN target_urls AS t ON t.id = s.target_url_id JOIN icon_urls AS u ON u.id = s.icon_url_id
        UNION ALL
        SELECT concat_ws(' ', 'picture', u.icon_url, encode(m.sha256, 'hex'), encode(h.hash, 'hex'))
        FROM favicon_metadata AS m
        JOIN icon_urls AS u ON u.id = m.icon_url_id LEFT JOIN hash_pdq AS h ON h.sha256 = m.sha256
    ) AS lines
"""


@contextmanager
def services(wanted: set[str]) -> Iterator[dict[str, dict[str, str]]]:
    """The settings of each queue that can be had here."""
    found: dict[str, dict[str, str]] = {}
    with ExitStack() as stack:
        if "postgres" in wanted:
            found["postgres"] = {}
        if "sqs" in wanted:
            from moto.server import ThreadedMotoServer

            logging.getLogger("werkzeug").setLevel(logging.WARNING)
            moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
            moto.start()
            stack.callback(moto.stop)
            host, port = moto.get_host_and_port()
            found["sqs"] = {
                "SAMELOOK_QUEUE": "sqs",
                "SAMELOOK_SQS_REGION": "eu-central-1",
                "SAMELOOK_SQS_ENDPOINT": f"http://{host}:{port}",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
            }
        jar = next(EMULATOR.glob("cloud-pubsub-emulator-*-all.jar"), None)
        if "pubsub" in wanted and jar is not None and shutil.which("java"):
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            java = subprocess.Popen(
                ["java", "-jar", str(jar), "--host=127.0.0.1", f"--port={port}"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(java.terminate)
            while socket.socket().connect_ex(("127.0.0.1", port)):
                time.sleep(0.1)
            found["pubsub"] = {
                "SAMELOOK_QUEUE": "pubsub",
                "SAMELOOK_PUBSUB_PROJECT": "bench",
                "SAMELOOK_PUBSUB_ENDPOINT": f"http://127.0.0.1:{port}",
            }
        yield found


async def started(environment: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.queues_crawl",
        "crawl",
        "run",
        "--once",
        "--quiet",
        *arguments,
        env={**os.environ, **environment},
    )


async def crawled(environment: dict[str, str], *, processes: int = 1, kills: int = 0) -> None:
    dice = random.Random(7)
    running = [await started(environment) for _ in range(processes)]
    for _ in range(kills):
        await asyncio.sleep(dice.uniform(1.5, 4))
        victim = dice.randrange(processes)
        with suppress(psutil.Error):
            tree = psutil.Process(running[victim].pid)
            for process in [*tree.children(recursive=True), tree]:
                process.kill()
        await running[victim].wait()
        running[victim] = await started(environment)
    for one_of_them in running:
        assert await one_of_them.wait() == 0


async def measured(pool: Any, sites: int, environment: dict[str, str], **how: int) -> tuple[float, str]:
    """Seconds of a crawl of an empty database, and a digest of what is in its tables then."""
    await pool.execute("TRUNCATE domains, favicons, icon_urls, leases, crawl_workers, crawl_runs CASCADE")
    for phase in ("domains", "icons", "hashes"):
        for cursor in ("fresh", "stale", "failed", "expired", "done"):
            await pool.execute(f"SELECT setval('cursor_{phase}_{cursor}', 0)")
    await pool.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source)"
        " SELECT 'example.s' || n, n + 1, 'bench' FROM generate_series(0, $1::int - 1) AS n",
        sites,
    )
    began = time.perf_counter()
    await crawled(environment, **how)
    return time.perf_counter() - began, await pool.fetchval(DIGEST)


async def main(sites: int, only: set[str]) -> None:
    table = Table(title=f"{sites} sites of 5 icons, {os.cpu_count()} processors; start-up included")
    for heading in ("queue", "one process", "two", "every message twice", f"{KILLS} kills", "tables"):
        table.add_column(heading, justify="right")
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.crawl_web", str(sites)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    assert server.stdin is not None
    port = int(server.stdout.readline())
    digests: set[str] = set()
    with (
        tempfile.TemporaryDirectory(prefix="samelook-bench-") as folder,
        embedded_postgres(Path(folder)) as url,
        services(only) as found,
    ):
        async with open_pool(load_settings().database_at(url)) as pool:
            async with pool.acquire() as connection:
                await migrate(connection)
            for name, settings in found.items():
                environment = {
                    **settings,
                    "SAMELOOK_DATABASE_URL": url,
                    "SAMELOOK_RESOLVE": f"*=127.0.0.1:{port}",
                    "SAMELOOK_CONTACT": "bench@s.example",
                    "SAMELOOK_LEASE_SECONDS": str(LEASE_S),
                }
                cells = []
                for extra, how in (
                    ({}, {}),
                    ({}, {"processes": 2}),
                    ({"BENCH_TWICE": "1"}, {}),
                    ({}, {"processes": 2, "kills": KILLS}),
                ):
                    if extra and name == "postgres":
                        cells.append("")
                        continue
                    prefix = {"SAMELOOK_QUEUE_PREFIX": f"bench{len(cells)}"}
                    seconds, digest = await measured(pool, sites, environment | extra | prefix, **how)
                    digests.add(digest)
                    cells.append(f"{seconds:.1f} s")
                table.add_row(name, *cells, "the same" if len(digests) == 1 else f"{len(digests)} kinds")
    server.stdin.close()
    server.wait(10)
    Console(width=110).print(table)
    assert len(digests) == 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sites", type=int, default=300)
    parser.add_argument("--only", default="postgres,sqs,pubsub")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.sites, set(arguments.only.split(","))))
