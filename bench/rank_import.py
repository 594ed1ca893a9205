"""How fast a rank list is imported, and in how much memory: `python -m bench.rank_import --lines 10000000`.

Writes a list in the form of Common Crawl's domain ranks, with names in no order, as there, and
imports it in a process of its own, so that its peak of memory is its own: into an empty database,
again unchanged, and a newer release in which every rank has moved. Beside it, on the same rows
in the same run, what one would do without us: psql's \\copy into a bare table, which is the
floor, the same into a table with the columns and indexes of `domains` (one line twice, or one bad
line, and nothing is imported), and `executemany` upserts into such a table.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import asyncpg

HEADER = b"#harmonicc_pos\t#harmonicc_val\t#pr_pos\t#pr_val\t#host_rev\t#n_hosts\n"
SUFFIXES = [b"com"] * 50 + [
    b"org",
    b"net",
    b"de",
    b"uk.co",
    b"ru",
    b"fr",
    b"io",
    b"info",
    b"nl",
    b"br.com",
] * 4
SYLLABLES = [consonant + vowel for consonant in "bcdfghklmnprstvwz" for vowel in "aeiou"]
DATABASE = "samelook_bench_rank_import"
UPSERT_ROWS = 50_000
COLUMNS = "harmonic_position, harmonic_value, pagerank_position, pagerank_value, reversed_name, n_hosts"
BARE = (
    "CREATE TABLE {table} (harmonic_position bigint, harmonic_value float8, pagerank_position bigint,"
    ' pagerank_value float8, reversed_name text COLLATE "C", n_hosts bigint)'
)
LIKE_OURS = (
    "CREATE TABLE {table} (LIKE domains INCLUDING ALL);"
    " ALTER TABLE {table} ALTER COLUMN source SET DEFAULT 'bench'"
)


def write_ranks(path: Path, lines: int, moved: int = 0) -> None:
    """A list of `lines` domains; `moved` shifts every rank, as a newer release does."""
    noise = random.Random(7)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(HEADER)
        for position in range(1, lines + 1):
            # A multiplicative hash: distinct for each position, and in no order.
            number = ((position + moved - 1) % lines + 1) * 2654435761 % (1 << 32)
            name, rest = "", number
            while rest:
                rest, syllable = divmod(rest, len(SYLLABLES))
                name += SYLLABLES[syllable]
            file.write(
                b"%d\t%.7fE7\t%d\t%.15fE-9\t%s.%s\t%d\n"
                % (
                    position,
                    3 - 2 * position / lines,
                    position * 7919 % lines + 1,
                    4 + noise.random(),
                    SUFFIXES[number % len(SUFFIXES)],
                    name.encode(),
                    number % 50 + 1,
                )
            )


async def import_one(url: str, path: str) -> None:
    """The child process: import, and print figures as JSON."""
    from samelook.crawler.ranks.importing import RankImport
    from samelook.sql.pool import open_connection
    from samelook.sql.settings import DatabaseSettings

    async with open_connection(DatabaseSettings(url, statement_timeout_s=0)) as connection:
        counts = await RankImport(connection, path).run()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {**counts.as_json(), "rss_mb": usage.ru_maxrss / 1024, "cpu_s": usage.ru_utime + usage.ru_stime}
        )
    )


async def psql_copy(url: str, path: Path, table: str, schema: str) -> tuple[float, str]:
    """Seconds of psql's \\copy of the same rows, and the table's size."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"DROP TABLE IF EXISTS {table}")
        await connection.execute(schema.format(table=table))
        started = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            "psql",
            "-q",
            "-d",
            url,
            "-c",
            rf"\copy {table} ({COLUMNS}) FROM PROGRAM 'zcat {path} | tail -n +2'",
        )
        if await process.wait():
            raise SystemExit("psql failed")
        seconds = time.perf_counter() - started
        size = await connection.fetchval("SELECT pg_size_pretty(pg_total_relation_size($1::regclass))", table)
        await connection.execute(f"DROP TABLE {table}")
    finally:
        await connection.close()
    return seconds, size


async def executemany_upserts(url: str, path: Path) -> tuple[int, float]:
    """Rows and seconds of the loop one would write first, on the first rows only."""
    with gzip.open(path, "rt") as file:
        next(file)
        rows = [line.rstrip("\n").split("\t") for line, _ in zip(file, range(UPSERT_ROWS), strict=False)]
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(LIKE_OURS.format(table="bench_upserts"))
        started = time.perf_counter()
        await connection.executemany(
            f"INSERT INTO bench_upserts ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)"
            " ON CONFLICT (reversed_name) DO UPDATE SET harmonic_position = excluded.harmonic_position",
            [(int(a), float(b), int(c), float(d), e, int(f)) for a, b, c, d, e, f in rows],
        )
        return len(rows), time.perf_counter() - started
    finally:
        await connection.execute("DROP TABLE bench_upserts")
        await connection.close()


def child(url: str, path: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.rank_import", "--url", url, "--child", str(path)],
        check=True,
        stdout=subprocess.PIPE,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


async def fresh_database(server_url: str) -> str:
    from samelook.sql.migrate import migrate
    from samelook.sql.settings import DatabaseSettings

    connection = await asyncpg.connect(server_url)
    await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {DATABASE}")
    head, mark, query = server_url.partition("?")
    url = f"{head.rsplit('/', 1)[0]}/{DATABASE}{mark}{query}"
    await connection.close()
    await migrate(DatabaseSettings(url))
    return url


async def domains_size(url: str) -> str:
    connection = await asyncpg.connect(url)
    size: str = await connection.fetchval("SELECT pg_size_pretty(pg_total_relation_size('domains'))")
    await connection.close()
    return size


def show(what: str, rows: float, seconds: float, rss_mb: float | None = None, size: str = "") -> None:
    memory = f"{rss_mb:8.0f} MB" if rss_mb else " " * 11
    print(
        f"{what:<42} {rows:>12,.0f} {seconds:>8.1f} s {rows / seconds:>10,.0f}/s {memory}  {size}", flush=True
    )


def run(server_url: str, lines: int, *, peers: bool, folder: Path) -> None:
    ranks, newer = folder / "ranks.txt.gz", folder / "newer.txt.gz"
    write_ranks(ranks, lines)
    write_ranks(newer, lines, moved=lines // 3)
    url = asyncio.run(fresh_database(server_url))
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, list {ranks.stat().st_size >> 20} MB packed"
    )
    print(f"{'':<42} {'rows':>12} {'time':>10} {'rate':>12} {'importer':>11}  on disk")
    for what, path in (
        ("into an empty database", ranks),
        ("again, unchanged", ranks),
        ("newer, all moved", newer),
    ):
        figures = child(url, path)
        rows = figures["domains"]
        show(f"samelook: {what}", rows, figures["seconds"], figures["rss_mb"], asyncio.run(domains_size(url)))
    if peers:
        tables = (("bare table", "bench_bare", BARE), ("table like domains", "bench_like", LIKE_OURS))
        for what, table, schema in tables:
            seconds, size = asyncio.run(psql_copy(url, ranks, table, schema))
            show(f"psql \\copy: {what}", lines, seconds, None, size)
        count, seconds = asyncio.run(executemany_upserts(url, ranks))
        show("asyncpg executemany upserts", count, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument(
        "--url", help="a Postgres server where a database may be made; default: the embedded one"
    )
    parser.add_argument("--no-peers", action="store_true", help="only the imports")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        asyncio.run(import_one(options.url, options.child))
        return
    with tempfile.TemporaryDirectory() as folder:
        if options.url:
            server: AbstractContextManager[str] = nullcontext(options.url)
        else:
            from samelook.postgres.configured import configured_database
            from samelook.settings import load_settings

            server = configured_database(replace(load_settings(), data_dir=Path(folder) / "data"))
        with server as url:
            run(url, options.lines, peers=not options.no_peers, folder=Path(folder))


if __name__ == "__main__":
    main()
