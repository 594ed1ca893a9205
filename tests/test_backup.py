"""A backup is worth what comes back from it: by pg_dump, and by a copy of the server's files."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from samelook.banks.contents import ContentStore
from samelook.banks.details import Details
from samelook.banks.live import live_banks
from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.banks.store import BankStore
from samelook.matching.settings import LiveSettings
from samelook.sql.migrate import migrate
from samelook.sql.pool import open_pool
from samelook.sql.settings import DatabaseSettings
from tests.fixtures.clusters import Clusters, clusters, run_as_server

PDQ = SIGNAL_TYPES["pdq"]
KEPT, LATER = secrets.token_bytes(32), secrets.token_bytes(32)


@pytest.fixture(scope="module")
def servers() -> Iterator[Clusters]:
    """A server `service` whose bank holds KEPT."""
    with clusters() as some:
        url = some.new("service")

        async def fill() -> None:
            await migrate(url)
            async with open_pool(DatabaseSettings(url=url)) as pool:
                store = BankStore(pool)
                await store.create("A")
                await ContentStore(store).add("A", {PDQ: KEPT}, Details())

        asyncio.run(fill())
        yield some


async def _holds_what_was_saved(url: str, snapshots: Path) -> None:
    """It is current, found in and written to; an index that was kept from before is not believed."""
    assert await migrate(url) == []
    async with open_pool(DatabaseSettings(url=url)) as pool:
        contents = ContentStore(BankStore(pool))
        async with live_banks(pool, LiveSettings(snapshot_folder=snapshots)) as live:
            assert [one.bank.name for one in await live.find(PDQ, KEPT)] == ["A"]
            await contents.add("A", {PDQ: LATER}, Details())
            await live.refresh()
            assert [one.bank.name for one in await live.find(PDQ, LATER)] == ["A"]
            for index in live.indexes.values():
                await index.save()


async def test_a_dump_comes_back_in_another_server(servers: Clusters, tmp_path: Path) -> None:
    service = servers.url("service")
    dump = servers.folder / "dump"
    run_as_server("pg_dump", "--format", "custom", "--file", dump, service)
    # Snapshots of the service before: they name positions that mean nothing in the other server.
    async with (
        open_pool(DatabaseSettings(url=service)) as pool,
        live_banks(pool, LiveSettings(snapshot_folder=tmp_path)) as live,
    ):
        for index in live.indexes.values():
            await index.save()
    other = await asyncio.to_thread(servers.new, "restored")
    await asyncio.to_thread(run_as_server, "pg_restore", "--exit-on-error", "--dbname", other, dump)
    await _holds_what_was_saved(other, tmp_path)


async def test_a_copy_of_the_files_comes_back(servers: Clusters, tmp_path: Path) -> None:
    await asyncio.to_thread(servers.base_backup, "copied", "service", "--wal-method", "stream")
    await asyncio.to_thread(run_as_server, "pg_verifybackup", servers.folder / "copied")
    connection = await asyncpg.connect(servers.url("service"))
    try:
        await connection.execute("DROP TABLE bank_content CASCADE")  # the accident
    finally:
        await connection.close()
    await _holds_what_was_saved(await asyncio.to_thread(servers.start, "copied"), tmp_path)
