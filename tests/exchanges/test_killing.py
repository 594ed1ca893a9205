"""Processes that are killed while they fetch: nothing is lost, nothing is there twice, nobody is left
behind.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

RECORDS, KILLS = 20_000, 5
# Slow machines take their time; a hang shows all the same.
pytestmark = pytest.mark.timeout(300)


async def fetching(database_url: str, folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "samelook", "exchange", "fetch", "LARGE", "--quiet"),
        env={**os.environ, "SAMELOOK_DATABASE_URL": database_url, "SAMELOOK_EXCHANGE_FOLDER": str(folder)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def test_killed_again_and_again_the_tables_are_those_of_an_undisturbed_fetch(
    store: Any, database_url: str, pool: Any, tmp_path: Path
) -> None:
    numbers = random.Random(11)
    hashes = [f"{numbers.getrandbits(256):064x}" for _ in range(RECORDS)]
    file = tmp_path / "hashes.txt"
    file.write_text("".join(f"pdq {one}\n" for one in hashes))
    await store.create("LARGE", "local_file", {"filename": str(file)})
    # One after each so many records, wherever in the next page that is: by what is committed, not by time.
    for number in range(KILLS):
        process = await fetching(database_url, tmp_path)
        children: list[psutil.Process] = []
        while process.returncode is None and await pool.fetchval(
            "SELECT count(*) FROM exchange_records"
        ) <= number * RECORDS // (KILLS + 2):
            if not children:
                children = psutil.Process(process.pid).children()
            await asyncio.sleep(numbers.random() * 0.02)
        assert process.returncode is None, "it was through before it could be killed"
        process.send_signal(signal.SIGKILL)
        await process.wait()
        _, alive = await asyncio.to_thread(psutil.wait_procs, children, 30)
        assert not alive
        assert (await store.status("LARGE")).records < RECORDS
    last = await fetching(database_url, tmp_path)
    _, said = await last.communicate()
    assert last.returncode == 0, said.decode()
    keys = await pool.fetch("SELECT DISTINCT key FROM exchange_records")
    assert {row["key"] for row in keys} == {f'["pdq","{one}"]' for one in hashes}
    banked = await pool.fetch(
        "SELECT encode(s.value, 'hex') AS value FROM bank_content AS c JOIN content_signals AS cs "
        "ON cs.content_id = c.id JOIN signals AS s ON s.id = cs.signal_id WHERE c.removed_at IS NULL"
    )
    assert sorted(row["value"] for row in banked) == sorted(hashes)
    assert await pool.fetchval("SELECT count(*) FROM bank_content WHERE removed_at IS NULL") == RECORDS
    status = await store.status("LARGE")
    assert (status.records, status.up_to_date, status.rebuilding) == (RECORDS, True, False)
