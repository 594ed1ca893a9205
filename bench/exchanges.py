"""A large fetch, killed again and again: `python -m bench.exchanges --records 1000000 --kills 10`.

A file of PDQ hashes is fetched twice into two databases: once undisturbed, and once by processes that are
killed with SIGKILL, each after a random share of what is left. The two must hold the same records and the
same signals, each once. Printed beside that: records a second, and the largest resident memory of the
fetching process and its child at a tenth and at the end of the undisturbed fetch. Bars: no difference, and
memory that does not grow with what has been fetched.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from samelook.exchanges.settings import ExchangeSettings
from samelook.exchanges.store import ExchangeStore
from samelook.postgres.embedded import embedded_postgres
from samelook.settings import child_environment
from samelook.sql.migrate import migrate
from samelook.sql.pool import open_pool
from samelook.sql.settings import DatabaseSettings

NAME = "LARGE"
_RECORDS = "SELECT count(*) FROM exchange_records"
_STATE = """
SELECT md5(string_agg(key || value || encode(fingerprint, 'hex'), ',' ORDER BY digest))
FROM exchange_records
"""
_SIGNALS = """
SELECT md5(string_agg(encode(s.value, 'hex'), ',' ORDER BY s.value)) AS digest, count(*) AS links,
       count(DISTINCT c.id) AS contents
FROM bank_content AS c
JOIN content_signals AS cs ON cs.content_id = c.id
JOIN signals AS s ON s.id = cs.signal_id
WHERE c.removed_at IS NULL
"""


def write_hashes(path: Path, count: int) -> None:
    numbers = random.Random(7)
    with path.open("w") as file:
        for _ in range(count):
            file.write(f"pdq {numbers.getrandbits(256):064x}\n")


async def new_database(server: str, name: str, file: Path) -> str:
    connection = await asyncpg.connect(server)
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()
    head, slash, rest = server.partition("://")
    hosts, _, path = rest.partition("/")
    _, mark, query = path.partition("?")
    url = f"{head}{slash}{hosts}/{name}{mark}{query}"
    await migrate(url)
    async with open_pool(DatabaseSettings(url=url)) as pool:
        await ExchangeStore(pool, ExchangeSettings(files_folder=file.parent)).create(
            NAME, "local_file", {"filename": str(file)}
        )
    return url


def fetching(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "samelook", "exchange", "fetch", NAME, "--quiet"],
        env=child_environment(url),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def memory_mb(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Of the process, and of its child."""
    with contextlib.suppress(psutil.Error):
        own = psutil.Process(process.pid)
        children = own.children()
        return own.memory_info().rss / 1e6, max(
            (one.memory_info().rss / 1e6 for one in children), default=0.0
        )
    return 0.0, 0.0


async def undisturbed(url: str, count: int) -> dict[str, Any]:
    connection = await asyncpg.connect(url)
    began = time.perf_counter()
    process = fetching(url)
    early: tuple[float, ...] = (0.0, 0.0)
    late = early
    while process.poll() is None:
        await asyncio.sleep(0.2)
        now = memory_mb(process)
        records = await connection.fetchval(_RECORDS)
        if records and records <= count * 0.2:
            early = tuple(map(max, early, now))
        elif records >= count * 0.8:
            late = tuple(map(max, late, now))
    await connection.close()
    return {
        "status": process.returncode,
        "seconds": time.perf_counter() - began,
        "early": early,
        "late": late,
    }


async def killed(url: str, count: int, kills: int, numbers: random.Random) -> list[int]:
    connection = await asyncpg.connect(url)
    killed_at = []
    for left in range(kills, 0, -1):
        process = fetching(url)
        children: list[psutil.Process] = []
        done = await connection.fetchval(_RECORDS)
        target = done + numbers.random() * (count - done) / left
        while process.poll() is None and await connection.fetchval(_RECORDS) <= target:
            with contextlib.suppress(psutil.Error):
                children = psutil.Process(process.pid).children() or children
            await asyncio.sleep(numbers.random() * 0.02)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=30)
        if alive:
            raise SystemExit("a fetching process outlived the one that started it")
        killed_at.append(await connection.fetchval(_RECORDS))
    if fetching(url).wait() != 0:
        raise SystemExit("the last fetch failed")
    await connection.close()
    return killed_at


async def state(url: str) -> tuple[Any, ...]:
    connection = await asyncpg.connect(url)
    signals: Any = await connection.fetchrow(_SIGNALS)
    found = (await connection.fetchval(_STATE), *signals)
    await connection.close()
    return found


async def run(server: str, count: int, kills: int, seed: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hashes.txt"
        write_hashes(file, count)
        calm, rough = [await new_database(server, name, file) for name in ("calm", "rough")]
        figures = await undisturbed(calm, count)
        seconds = figures["seconds"]
        print(f"{count:,} records undisturbed: {seconds:.0f} s, {count / seconds:,.0f} a second", flush=True)
        for place, word in enumerate(("the process", "its child")):
            early, late = figures["early"][place], figures["late"][place]
            print(f"  memory of {word}: {early:.0f} MB in the first fifth, {late:.0f} MB in the last")
        killed_at = await killed(rough, count, kills, random.Random(seed))
        print(
            f"killed {kills} times, with so many records there: {', '.join(f'{one:,}' for one in killed_at)}"
        )
        one, other = await state(calm), await state(rough)
        same = one == other and one[2] == count == one[3]
        print(
            f"records, signals and contents {'are the same, each once' if same else f'DIFFER: {one} {other}'}"
        )
        return same and figures["status"] == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--database-url", help="A Postgres to make two databases in. Default: an embedded one."
    )
    options = parser.parse_args()
    if options.database_url:
        good = asyncio.run(run(options.database_url, options.records, options.kills, options.seed))
    else:
        with tempfile.TemporaryDirectory() as folder, embedded_postgres(Path(folder)) as url:
            good = asyncio.run(run(url, options.records, options.kills, options.seed))
    if not good:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
