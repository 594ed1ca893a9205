"""What the banks hold is what lookups find: at once here, soon elsewhere, after any restart."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from samelook.banks import equal
from samelook.banks.bulk import BulkAdd, NewContent
from samelook.banks.contents import ContentStore
from samelook.banks.details import Details
from samelook.banks.live import live_banks
from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.banks.store import BankStore
from samelook.matching.settings import LiveSettings
from samelook.sql.pool import Pool, open_pool
from samelook.sql.settings import DatabaseSettings
from tests.fixtures.waiting import until

PDQ = SIGNAL_TYPES["pdq"]
MD5 = SIGNAL_TYPES["video_md5"]


async def test_a_content_matches_as_soon_as_the_banks_were_refreshed(pool: Pool) -> None:
    store = BankStore(pool)
    contents = ContentStore(store)
    await store.create("A")
    async with live_banks(pool, LiveSettings()) as live:
        value = secrets.token_bytes(32)
        added = await contents.add("A", {PDQ: value, MD5: bytes(16)}, Details())
        await live.refresh("pdq")
        found = await live.find(PDQ, value)
        assert [(one.content_id, one.bank.name, one.distance) for one in found] == [(added, "A", 0)]
        near = bytes([value[0] ^ 7]) + value[1:]
        assert [one.distance for one in await live.find(PDQ, near)] == [3]
        assert [one.content_id for one in await live.find(MD5, bytes(16))] == [added]
        assert await contents.remove("A", added) == 1
        await live.refresh()
        assert await live.find(PDQ, value) == []
        assert await live.find(MD5, bytes(16)) == []


async def test_another_process_follows(pool: Pool) -> None:
    store = BankStore(pool)
    await store.create("A")
    async with live_banks(pool, LiveSettings()) as live:
        value = secrets.token_bytes(32)
        await ContentStore(store).add("A", {PDQ: value}, Details())
        await until(lambda: live.find(PDQ, value))


async def test_what_was_there_before_is_loaded(pool: Pool) -> None:
    store = BankStore(pool)
    bank = await store.create("A")
    values = [secrets.token_bytes(32) for _ in range(100)]
    ids = await BulkAdd(store, bank).add([NewContent({PDQ: value}, Details()) for value in values])
    async with live_banks(pool, LiveSettings(page=7)) as live:
        for content_id, value in zip(ids, values, strict=True):
            assert [one.content_id for one in await live.find(PDQ, value)] == [content_id]


async def test_a_removed_bank_matches_nothing_and_is_cleared_away(pool: Pool) -> None:
    store = BankStore(pool)
    bank = await store.create("A")
    value = secrets.token_bytes(32)
    await BulkAdd(store, bank).add([NewContent({PDQ: value}, Details()) for _ in range(10)])
    await store.delete("A")
    async with live_banks(pool, LiveSettings()) as live:
        assert await live.find(PDQ, value) == []
        async with asyncio.timeout(60):
            while await pool.fetchval("SELECT count(*) FROM bank_content WHERE removed_at IS NULL"):
                await asyncio.sleep(0.01)
        assert len(live.states) == 0 or await live.find(PDQ, value) == []


async def test_who_may_only_read_follows_what_others_write(pool: Pool, database_url: str) -> None:
    store = BankStore(pool)
    contents = ContentStore(store)
    await store.create("A")
    mark = "&" if "?" in database_url else "?"
    reading = DatabaseSettings(url=f"{database_url}{mark}default_transaction_read_only=on")
    async with open_pool(reading) as reader, live_banks(reader, LiveSettings()) as live:
        value = secrets.token_bytes(32)
        added = await contents.add("A", {PDQ: value}, Details())
        await live.refresh("pdq")
        assert [one.content_id for one in await live.find(PDQ, value)] == [added]
        await contents.remove("A", added)
        await live.refresh()
        assert await live.find(PDQ, value) == []
        await contents.restore("A", added)
        await live.refresh()
        assert [one.content_id for one in await live.find(PDQ, value)] == [added]


async def test_values_that_must_be_equal_are_found_from_memory(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(equal, "_FEWEST_TO_MERGE", 5)
    store = BankStore(pool)
    contents = ContentStore(store)
    bank = await store.create("A")
    values = [secrets.token_bytes(16) for _ in range(20)]
    ids = await BulkAdd(store, bank).add([NewContent({MD5: value}, Details()) for value in values])
    async with live_banks(pool, LiveSettings(page=7)) as live:
        async with asyncio.timeout(30):
            while MD5.name not in live.equal:
                await asyncio.sleep(0.01)
        # What the database is asked for now would fail.
        monkeypatch.setattr(live, "_banks_queries", None)
        added = [await contents.add("A", {MD5: value}, Details()) for value in values]
        await live.refresh()
        for one, other, value in zip(ids, added, values, strict=True):
            assert [found.content_id for found in await live.find(MD5, value)] == [one, other]
        assert await live.find(MD5, secrets.token_bytes(16)) == []
        await contents.remove("A", added[0])
        more = [NewContent({MD5: secrets.token_bytes(16)}, Details()) for _ in range(20)]
        await BulkAdd(store, bank).add(more)
        await live.refresh()
        assert [found.content_id for found in await live.find(MD5, values[0])] == [ids[0]]
        await contents.restore("A", added[0])
        await live.refresh()
        assert [found.content_id for found in await live.find(MD5, values[0])] == [ids[0], added[0]]
        monkeypatch.undo()
        before = live.equal[MD5.name]
        live.feed.lost += 1
        await live.refresh()
        async with asyncio.timeout(30):
            while live.equal.get(MD5.name) in (None, before):
                await asyncio.sleep(0.01)
        assert [found.content_id for found in await live.find(MD5, values[1])] == [ids[1], added[1]]
