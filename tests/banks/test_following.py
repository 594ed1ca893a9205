"""Followers of the banks: in whatever order transactions commit, nothing is lost or shows too early."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from samelook.banks.contents import ContentStore
from samelook.banks.details import Details
from samelook.banks.live import live_banks
from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.banks.store import BankStore
from samelook.matching.settings import LiveSettings
from samelook.sql.pool import OwnConnection, Pool

PDQ = SIGNAL_TYPES["pdq"]
ADD = """
WITH s AS (INSERT INTO signals (type, value) VALUES ('pdq', $2) RETURNING id),
     c AS (INSERT INTO bank_content (bank_id) SELECT id FROM banks WHERE name = $1 RETURNING id)
INSERT INTO content_signals (content_id, signal_id) SELECT c.id, s.id FROM c, s RETURNING content_id
"""


async def test_a_transaction_that_commits_late_is_not_lost_and_delays_nobody(
    pool: Pool, connection: OwnConnection
) -> None:
    await BankStore(pool).create("A")
    slow, fast, between = (secrets.token_bytes(32) for _ in range(3))
    async with live_banks(pool, LiveSettings(poll_s=60)) as live:
        transaction = connection.transaction()
        await transaction.start()
        late = await connection.fetchval(ADD, "A", slow)  # takes its id first, commits last
        early = await pool.fetchval(ADD, "A", fast)
        await live.refresh()
        assert [each.content_id for each in await live.find(PDQ, fast)] == [early]
        assert await live.find(PDQ, slow) == []
        await pool.fetchval(ADD, "A", between)
        await live.refresh()
        await transaction.commit()
        await live.refresh()
        assert [each.content_id for each in await live.find(PDQ, slow)] == [late]
        assert len(await live.find(PDQ, between)) == 1


async def test_what_is_rolled_back_never_shows(pool: Pool, connection: OwnConnection) -> None:
    await BankStore(pool).create("A")
    value = secrets.token_bytes(32)
    async with live_banks(pool, LiveSettings(poll_s=60)) as live:
        transaction = connection.transaction()
        await transaction.start()
        await connection.fetchval(ADD, "A", value)
        await live.refresh()
        await transaction.rollback()
        await live.refresh()
        assert await live.find(PDQ, value) == []


async def test_the_listener_comes_back_after_its_connection_is_cut(pool: Pool) -> None:
    store = BankStore(pool)
    await store.create("A")
    listeners = "FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
    value = secrets.token_bytes(32)
    async with live_banks(pool, LiveSettings(poll_s=60)) as live, asyncio.timeout(60):
        while not await pool.fetchval(f"SELECT count(*) {listeners}"):
            await asyncio.sleep(0.01)
        await pool.execute(f"SELECT pg_terminate_backend(pid) {listeners}")
        await ContentStore(store).add("A", {PDQ: value}, Details())
        # It looks when it listens again: what was announced in between is not missed.
        while not await live.find(PDQ, value):
            await asyncio.sleep(0.01)


async def test_many_writers_at_once_lose_nothing(pool: Pool) -> None:
    store = BankStore(pool)
    await store.create("A")
    contents = ContentStore(store)
    async with live_banks(pool, LiveSettings(poll_s=0.02)) as live:

        async def write(seed: int) -> dict[bytes, bool]:
            written = {}
            for step in range(10):
                value = secrets.token_bytes(32)
                added = await contents.add("A", {PDQ: value}, Details())
                if (step + seed) % 3 == 0:
                    await contents.remove("A", added)
                written[value] = (step + seed) % 3 != 0
            return written

        portions = await asyncio.gather(*(write(seed) for seed in range(6)))
        await live.refresh()
        await live.refresh("pdq")
        for value, there in (pair for portion in portions for pair in portion.items()):
            assert bool(await live.find(PDQ, value)) is there


async def test_signals_are_added_and_deleted_never_changed(pool: Pool) -> None:
    await pool.execute("INSERT INTO signals (type, value) VALUES ('pdq', '\\x01')")
    for statement in ("UPDATE signals SET value = '\\x00'", "TRUNCATE signals CASCADE"):
        with pytest.raises(Exception, match="added and deleted, never"):
            await pool.execute(statement)
