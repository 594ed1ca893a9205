"""How fast the inspector answers on ten million domains and twenty million icon rows.

    python -m bench.inspector [--domains 10000000] [--keep FOLDER]

The database is generated: each domain has a page and two icon URLs, one in ten pages and icons
failed, and one in ten icons is a picture of its own (the others are shared by a hundred sites each).
Each figure is the median of five answers on a connection that has asked before, with the slowest
beside it; the first answer on a new connection also plans its statements.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from samelook.inspector.failures import errors_answer
from samelook.inspector.health import health_answer
from samelook.inspector.looks import look_answer, look_of_hash
from samelook.inspector.queues import queue_answer
from samelook.inspector.reading import reading
from samelook.inspector.settings import InspectorSettings
from samelook.inspector.sites import site_answer
from samelook.postgres.embedded import embedded_postgres
from samelook.settings import load_settings
from samelook.sql.migrate import migrate
from samelook.sql.pool import open_connection

SLICE = 1_000_000
TIMES = 5

FILL = (
    """
    INSERT INTO domains (reversed_name, harmonic_position, harmonic_value, source)
    SELECT 'example.s' || lpad(n::text, 9, '0'), n, 1e7 / n, 'bench' FROM generate_series($1::bigint, $2) AS n
    """,
    """
    INSERT INTO target_urls (domain_id, url, position)
    SELECT id, 'https://' || position || '.example/', position FROM domains WHERE position BETWEEN $1 AND $2
    """,
    """
    INSERT INTO page_visits (target_url_id, final_url, status, icon_count, crawled_at)
    SELECT id, url, 200, 2, now() - position * interval '50 milliseconds'
    FROM target_urls WHERE position BETWEEN $1 AND $2 AND position % 10 <> 0
    """,
    """
    INSERT INTO icon_errs (target_url_id, error, at, retry_at)
    SELECT id, jsonb_build_object('kind', (ARRAY['timeout', 'dns_failed', 'tls_failed', 'too_large'])
                                          [1 + position / 10 % 4], 'message', 'generated', 'detail', 0),
           now() - position * interval '50 milliseconds', now() + position * interval '1 second'
    FROM target_urls WHERE position BETWEEN $1 AND $2 AND position % 10 = 0
    """,
    # The digests ascend, so that the indexes are filled from one end.
    """
    INSERT INTO icon_urls (url_sha256, icon_url, declared, position)
    SELECT int8send(n * 2 + k) || sha256('u'), 'https://' || n || '.example/' || k || '.png', true, n
    FROM generate_series($1::bigint, $2) AS n, generate_series(0, 1) AS k
    """,
    """
    INSERT INTO site_icons (target_url_id, icon_url_id, ordinal, source, declared_url)
    SELECT t.id, u.id, 0, 'link-icon', u.icon_url
    FROM target_urls AS t JOIN icon_urls AS u ON u.position = t.position
    WHERE t.position BETWEEN $1 AND $2
    """,
    """
    INSERT INTO favicons (sha256, md5, size, format, width, height, frames)
    SELECT int8send(n) || substring(sha256('p') FROM 1 FOR 24),
           substring(sha256('p') FROM 1 FOR 8) || int8send(n), 1000, 'png', 32, 32, 1
    FROM generate_series($1 / 10, $2 / 10) AS n ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO hash_pdq
    SELECT sha256, sha256(sha256) FROM favicons
    WHERE sha256 BETWEEN int8send($1 / 10) AND int8send($2 / 10 + 1) ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO favicon_metadata (icon_url_id, sha256, size, format, status, crawled_at)
    SELECT id, int8send(CASE WHEN id % 10 = 1 THEN position / 10 ELSE position / 1000 END)
               || substring(sha256('p') FROM 1 FOR 24),
           1000, 'png', 200, now() - position * interval '50 milliseconds'
    FROM icon_urls WHERE position BETWEEN $1 AND $2 AND id % 10 <> 0
    """,
    """
    INSERT INTO hashing_errs (icon_url_id, error, at, retry_at)
    SELECT id, jsonb_build_object('kind', (ARRAY['truncated', 'http_status', 'empty', 'not_an_image'])
                                          [1 + id / 10 % 4], 'message', 'generated', 'detail', 0),
           now() - position * interval '50 milliseconds', now() + position * interval '1 second'
    FROM icon_urls WHERE position BETWEEN $1 AND $2 AND id % 10 = 0
    """,
)


async def fill(connection: Any, domains: int, console: Console) -> None:
    # Neither foreign keys nor the triggers of the verdict: the rows are right by construction.
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("SET synchronous_commit = off")
    started = time.perf_counter()
    for first in range(1, domains + 1, SLICE):
        last = min(first + SLICE - 1, domains)
        for statement in FILL:
            await connection.execute(statement, first, last)
        console.print(f"{last:,} domains after {time.perf_counter() - started:,.0f} s")
    for phase in ("domains", "icons", "hashes"):
        await connection.execute(f"SELECT setval('cursor_{phase}_fresh', {domains})")
    await connection.execute("VACUUM ANALYZE")
    size = await connection.fetchval("SELECT pg_size_pretty(pg_database_size(current_database()))")
    console.print(f"Generated in {time.perf_counter() - started:,.0f} s: {size}.")


async def measured(ask: Callable[[], Awaitable[Any]]) -> tuple[float, list[float]]:
    """Milliseconds of the first answer, and of five more."""
    taken = []
    for _ in range(TIMES + 1):
        started = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - started) * 1000)
    return taken[0], taken[1:]


async def main(url: str, domains: int) -> None:
    console = Console()
    database = load_settings().database_at(url)
    async with open_connection(replace(database, statement_timeout_s=0.0)) as connection:
        await migrate(connection)
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM domains)"):
            await fill(connection, domains, console)
        icons = await connection.fetchval(
            "SELECT reltuples::bigint FROM pg_class WHERE relname = 'icon_urls'"
        )
    settings = InspectorSettings()
    table = Table(title=f"{domains:,} domains, {icons:,} icon URLs", title_justify="left")
    table.add_column("question")
    for heading in ("first, ms", "median, ms", "slowest, ms"):
        table.add_column(heading, justify="right")
    middle = f"s{domains // 2 + 1:09}.example"
    async with reading(database, settings) as connection:
        picture = await connection.fetchval(
            "SELECT encode(sha256, 'hex') FROM favicon_metadata WHERE icon_url_id = $1", domains + 1
        )

        async def look() -> Any:
            return await look_answer(connection, settings, await look_of_hash(connection, picture, "pdq"))

        questions: dict[str, Callable[[], Awaitable[Any]]] = {
            f"site {middle}": lambda: site_answer(connection, settings, middle),
            "look SHA256": look,
            "errors": lambda: errors_answer(connection),
            "errors --phase icons --kind timeout": lambda: errors_answer(
                connection, phase="icons", kind="timeout"
            ),
            "errors --since 1h": lambda: errors_answer(
                connection, since=datetime.now(UTC) - timedelta(hours=1)
            ),
            "queue": lambda: queue_answer(connection, settings),
            "health": lambda: health_answer(connection, settings),
        }
        for name, ask in questions.items():
            first, taken = await measured(ask)
            table.add_row(name, f"{first:,.0f}", f"{statistics.median(taken):,.0f}", f"{max(taken):,.0f}")
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--domains", type=int, default=10_000_000)
    parser.add_argument(
        "--keep", type=Path, help="generate into this folder, or ask the database that is there"
    )
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="samelook-bench-") as folder,
        embedded_postgres(chosen.keep or Path(folder)) as database_url,
    ):
        asyncio.run(main(database_url, chosen.domains))
