"""What it costs to give a bank on, and to match with what was given.

    python -m bench.exchange_export [--signals 1000000] [--index 200000]

First a bank of random PDQ hashes is exported, and the memory of this process watched: time, megabytes a
second and the growth of the resident set. Then the same number of 256-bit hashes is given to the
library's index of PDQ and to ours for blockhash16 (`exchanges.tx`), both at the library's interface and
at their own radii: built from text, stored, loaded again and asked for hashes a few bits away from ones
that they hold.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from samelook.banks.bulk import BulkAdd, NewContent
from samelook.banks.details import Details
from samelook.banks.export import checked_export, exported
from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.banks.store import BankStore
from samelook.exchanges.tx import Blockhash16Signal
from samelook.postgres.embedded import embedded_postgres
from samelook.sql.migrate import migrate
from samelook.sql.pool import Pool, open_pool
from samelook.sql.settings import DatabaseSettings

BATCH = 5000
QUERIES = 500
MB = 1e6


async def fill(pool: Pool, count: int) -> None:
    """Banks so many random PDQ hashes."""
    store = BankStore(pool)
    bulk = BulkAdd(store, await store.create("BENCH"))
    chance, pdq = random.Random(1), SIGNAL_TYPES["pdq"]
    for first in range(0, count, BATCH):
        size = min(BATCH, count - first)
        await bulk.add([NewContent({pdq: chance.randbytes(32)}, Details()) for _ in range(size)])


async def exports(url: str, count: int) -> Table:
    table = Table(title=f"Exporting {count:,} signals")
    for column in ("format", "seconds", "to the first line", "MB", "MB/s", "memory grew by, MB"):
        table.add_column(column, justify="right" if column != "format" else "left")
    process = psutil.Process()
    async with open_pool(DatabaseSettings(url=url, statement_timeout_s=0)) as pool:
        await fill(pool, count)
        await pool.execute("VACUUM ANALYZE")
        bank = await BankStore(pool).bank("BENCH")
        for format_name in ("local_file", "hashes", "ndjson"):
            before, most, size, first = process.memory_info().rss, 0, 0, 0.0
            began = time.perf_counter()
            async with exported(pool, checked_export(bank, format_name, ["pdq"])) as portions:
                async for portion in portions:
                    first = first or time.perf_counter() - began
                    size += len(portion.text)
                    most = max(most, process.memory_info().rss)
            took = time.perf_counter() - began
            table.add_row(
                format_name,
                f"{took:.1f}",
                f"{first:.1f}",
                f"{size / MB:.0f}",
                f"{size / MB / took:.0f}",
                f"{(most - before) / MB:.1f}",
            )
    return table


def indexes(count: int) -> Table:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from threatexchange.signal_type.pdq.signal import PdqSignal
    chance = random.Random(2)
    values = [chance.randbytes(32).hex() for _ in range(count)]
    asked = []
    for value in chance.sample(values, QUERIES):
        number = int(value, 16)
        for bit in chance.sample(range(256), 6):
            number ^= 1 << bit
        asked.append(f"{number:064x}")
    table = Table(title=f"Indexes of {count:,} hashes of 256 bits, {QUERIES} queries")
    for column in ("index", "build, s", "store, s", "MB", "load, s", "query, ms", "slowest, ms", "found"):
        table.add_column(column, justify="right" if column != "index" else "left")
    for name, kind in (
        ("library, PDQ", PdqSignal),
        ("samelook.exchanges.tx, blockhash16", Blockhash16Signal),
    ):
        classes, entries = kind.get_index_cls(), list(zip(values, range(count), strict=True))
        built, build_s = timed(classes.build, entries)
        file = io.BytesIO()
        _, store_s = timed(built.serialize, file)
        file.seek(0)
        loaded, load_s = timed(classes.deserialize, file)
        found, times = 0, []
        for query in asked:
            answer, took = timed(loaded.query, query)
            found += bool(answer)
            times.append(took * 1000)
        table.add_row(
            name,
            f"{build_s:.2f}",
            f"{store_s:.2f}",
            f"{file.getbuffer().nbytes / MB:.0f}",
            f"{load_s:.2f}",
            f"{statistics.median(times):.3f}",
            f"{max(times):.2f}",
            str(found),
        )
    return table


def timed(work: Callable[..., Any], *given: Any) -> tuple[Any, float]:
    began = time.perf_counter()
    value = work(*given)
    return value, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--signals", type=int, default=1_000_000)
    parser.add_argument("--index", type=int, default=200_000)
    chosen = parser.parse_args()
    console = Console(width=120)
    with (
        tempfile.TemporaryDirectory(prefix="samelook-bench-") as folder,
        embedded_postgres(Path(folder)) as url,
    ):
        asyncio.run(migrate(url))
        console.print(asyncio.run(exports(url, chosen.signals)))
    console.print(indexes(chosen.index))


if __name__ == "__main__":
    main()
