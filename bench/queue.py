"""What a pull costs when 1 % and when 99 % of ten million domains are done.

    python -m bench.queue [--domains 10000000]

Beside ours, in the same database and run: the obvious pull, one LEFT JOIN over the whole input table
in order of position, without cursors. Each figure is the median of 30 pulls of 100 domains;
"buffers" are 8 KB pages that the claim touched.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from samelook.crawler.queues.postgres import PostgresQueue
from samelook.crawler.settings import CrawlSettings
from samelook.crawler.stores import domains_store
from samelook.postgres.embedded import embedded_postgres
from samelook.settings import load_settings
from samelook.sql.migrate import migrate
from samelook.sql.pool import open_pool
from samelook.sql.queue_queries import queue_queries

PULLS = 30
BATCH = 100

OBVIOUS_PULL = """
SELECT d.id
FROM domains AS d
LEFT JOIN target_urls AS t ON t.domain_id = d.id
LEFT JOIN domain_errs AS e ON e.domain_id = d.id
LEFT JOIN leases AS l ON l.phase = 'domains' AND l.input_id = d.id
WHERE t.domain_id IS NULL AND e.domain_id IS NULL AND l.input_id IS NULL
ORDER BY d.position
LIMIT 100
"""


async def main(count: int) -> None:
    console = Console()
    settings = load_settings()
    with (
        tempfile.TemporaryDirectory(prefix="samelook-bench-") as folder,
        embedded_postgres(Path(folder)) as url,
    ):
        patient = replace(settings.database_at(url), statement_timeout_s=0.0)
        async with open_pool(patient) as pool:
            async with pool.acquire() as connection:
                await migrate(connection)
                started = time.perf_counter()
                await connection.execute(
                    "INSERT INTO domains (reversed_name, harmonic_position, source)"
                    " SELECT 'com.d' || n, n, 'bench' FROM generate_series(1, $1::bigint) AS n",
                    count,
                )
                console.print(f"{count:,} domains made in {time.perf_counter() - started:.0f} s")
            table = Table(title=f"A pull of {BATCH} from {count:,} domains")
            table.add_column("done")
            for heading in ("ours, median", "ours, slowest", "buffers", "obvious LEFT JOIN", "buffers"):
                table.add_column(heading, justify="right")
            last = 0
            for share in (0.01, 0.99):
                done = int(count * share)
                await make_done(pool, last, done)
                last = done + PULLS * BATCH
                queue = PostgresQueue(pool, domains_store(), CrawlSettings(), uuid.uuid4())
                times, buffers = await time_pulls(pool, queue)
                obvious_s, obvious_buffers = await time_obvious_pull(pool)
                table.add_row(
                    f"{share:.0%}",
                    f"{statistics.median(times) * 1e3:.2f} ms",
                    f"{max(times) * 1e3:.2f} ms",
                    f"{buffers:,}",
                    f"{obvious_s * 1e3:,.1f} ms",
                    f"{obvious_buffers:,}",
                )
            console.print(table)


async def make_done(pool: Any, first: int, last: int) -> None:
    """Positions up to `last` get a result, as if the crawl had come so far."""
    async with pool.acquire() as connection:
        await connection.execute("TRUNCATE leases")
        await connection.execute(
            "INSERT INTO target_urls (domain_id, url, position)"
            " SELECT id, 'https://x.example/', position FROM domains WHERE position BETWEEN $1 AND $2"
            " ON CONFLICT DO NOTHING",
            first,
            last,
        )
        await connection.execute("SELECT setval('cursor_domains_fresh', $1::bigint)", last)
        await connection.execute("VACUUM ANALYZE target_urls")
        await connection.execute("VACUUM ANALYZE domains")


async def time_pulls(pool: Any, queue: PostgresQueue[Any, Any]) -> tuple[list[float], int]:
    times = []
    for _ in range(PULLS):
        started = time.perf_counter()
        leases = await queue.pull(BATCH)
        times.append(time.perf_counter() - started)
        assert len(leases) == BATCH, len(leases)
    queries = queue_queries("domains")
    values = {
        "worker_id": uuid.uuid4(),
        "lease_id": uuid.uuid4(),
        "lease_s": 60.0,
        "batch": BATCH,
        "span": BATCH,
    }
    names = queries.driver_adapter.var_sorted["claim_fresh"]
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await queries.lock_queue(connection)
        plan = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {queries.claim_fresh.sql}",
            *[values[name] for name in names],
        )
        await transaction.rollback()
    top = plan[0]["Plan"]
    return times, top["Shared Hit Blocks"] + top["Shared Read Blocks"]


async def time_obvious_pull(pool: Any) -> tuple[float, int]:
    async with pool.acquire() as connection:
        times = []
        for _ in range(3):
            started = time.perf_counter()
            await connection.fetch(OBVIOUS_PULL)
            times.append(time.perf_counter() - started)
        plans = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {OBVIOUS_PULL}", timeout=None
        )
    plan = plans[0]["Plan"]
    return statistics.median(times), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--domains", type=int, default=10_000_000)
    asyncio.run(main(parser.parse_args().domains))
