"""Live indexes: nothing lost, nothing late, and a start from whatever is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from samelook.matching import HammingIndex
from samelook.matching.errors import SourceUnavailable
from samelook.matching.live import LiveIndex, live_index
from samelook.matching.settings import LiveSettings
from samelook.matching.signal_log import DatabaseSignals
from samelook.matching.source import Change
from samelook.sql.named import queries
from samelook.sql.pool import Pool, open_pool
from samelook.sql.settings import DatabaseSettings

QUERIES = queries("matching")


@pytest.fixture
async def log(pool: Pool) -> Pool:
    """The database, where the log of signals begins empty."""
    await pool.execute("DELETE FROM signals; DELETE FROM signal_changes")
    return pool


def value(number: int) -> bytes:
    return number.to_bytes(4, "big") * 2


async def add(pool: Any, *numbers: int, kind: str = "blockhash8") -> list[int]:
    found = {
        row["value"]: row["id"]
        async for row in QUERIES.add_signals(pool, type=kind, values=[value(number) for number in numbers])
    }
    return [found[value(number)] for number in numbers]


async def eventually(holds: Any, within_s: float = 5.0) -> float:
    """Seconds until it held."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < within_s, "it never came to hold"
        await asyncio.sleep(0.01)
    return time.monotonic() - started


def finds(live: LiveIndex, number: int) -> list[int]:
    found: list[int] = live.index.search(value(number), 0)[0].tolist()
    return found


@pytest.fixture
def signals(log: Pool) -> DatabaseSignals:
    return DatabaseSignals(log, "blockhash8", 64)


async def test_changes_show_at_once_here_and_soon_elsewhere(signals: DatabaseSignals, log: Pool) -> None:
    (first,) = await add(log, 1)
    await add(log, 1, 2, kind="phash")  # another type is none of its business
    async with (
        live_index(signals, LiveSettings()) as here,
        live_index(DatabaseSignals(log, "blockhash8", 64), LiveSettings(poll_s=60)) as elsewhere,
    ):
        assert finds(here, 1) == finds(elsewhere, 1) == [first]
        (second,) = await add(log, 2)
        await here.refresh()
        assert finds(here, 2) == [second]
        assert await eventually(lambda: finds(elsewhere, 2) == [second]) < 2
        assert await add(log, 1) == [first]  # adding again changes nothing
        await QUERIES.remove_signals(log, ids=[first])
        await here.refresh()
        assert finds(here, 1) == []
        assert await eventually(lambda: finds(elsewhere, 1) == []) < 2
        (third,) = await add(log, 1)
        assert third != first
        assert await eventually(lambda: finds(elsewhere, 1) == [third]) < 2
        assert len(elsewhere.index) == 2
        assert elsewhere.status().age_s < 60


async def test_polling_finds_changes_when_no_hint_comes(log: Pool) -> None:
    class Deaf(DatabaseSignals):
        async def hint(self, changed: asyncio.Event) -> None:
            await asyncio.Event().wait()

    async with live_index(Deaf(log, "blockhash8", 64), LiveSettings(poll_s=0.05)) as live:
        await add(log, 5)
        assert await eventually(lambda: bool(finds(live, 5))) < 2


async def test_the_listener_comes_back_after_its_connection_is_cut(
    signals: DatabaseSignals, log: Pool
) -> None:
    async with live_index(signals, LiveSettings(poll_s=60)) as live:
        listeners = "FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        listening, cut = f"SELECT count(*) {listeners}", f"SELECT pg_terminate_backend(pid) {listeners}"
        while not await log.fetchval(listening):
            await asyncio.sleep(0.01)
        await log.execute(cut)
        await add(log, 6)
        # It looks when it listens again: what was announced in between is not missed.
        await eventually(lambda: bool(finds(live, 6)))


async def test_transactions_that_commit_out_of_order_are_not_lost(
    signals: DatabaseSignals, log: Pool
) -> None:
    async with live_index(signals, LiveSettings(poll_s=60)) as live, log.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        (late,) = await add(slow, 10)  # takes its change's id first, commits last
        (early,) = await add(log, 11)
        await live.refresh()
        assert finds(live, 11) == [early]  # a slow transaction holds nobody up
        assert finds(live, 10) == []
        (between,) = await add(log, 12)
        await live.refresh()
        await transaction.commit()
        await live.refresh()
        assert finds(live, 10) == [late]
        assert finds(live, 12) == [between]
        assert live.status().replayed == 3  # each change was read once


async def test_a_removal_that_began_before_the_addition_wins(signals: DatabaseSignals, log: Pool) -> None:
    async with live_index(signals, LiveSettings(poll_s=60)) as live, log.acquire() as remover:
        transaction = remover.transaction()
        await transaction.start()
        await add(remover, 20)  # has a transaction id now, older than the next one
        (victim,) = await add(log, 21)
        await QUERIES.remove_signals(remover, ids=[victim])
        await transaction.commit()
        await live.refresh()
        assert finds(live, 21) == []
        assert len(finds(live, 20)) == 1


async def test_rolled_back_changes_never_show(signals: DatabaseSignals, log: Pool) -> None:
    async with live_index(signals, LiveSettings(poll_s=60)) as live, log.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        await add(other, 30)
        await live.refresh()
        await transaction.rollback()
        await live.refresh()
        assert len(live.index) == 0


async def test_many_writers_at_once_lose_nothing(
    signals: DatabaseSignals, database_url: str, log: Pool
) -> None:
    async with live_index(signals, LiveSettings(poll_s=0.02)) as live:

        async def write(pool: Pool, seed: int) -> None:
            for step in range(15):
                async with pool.acquire() as one, one.transaction():
                    ids = await add(one, *(1000 * seed + step * 4 + i for i in range(4)))
                    await asyncio.sleep(0.002 * (seed % 3))
                    if step % 3 == 0:
                        await QUERIES.remove_signals(one, ids=ids[:2])

        async with open_pool(DatabaseSettings(url=database_url, max_connections=8)) as writers:
            await asyncio.gather(*(write(writers, seed) for seed in range(1, 9)))
        await live.refresh()
        stored = {row["id"] for row in await log.fetch("SELECT id FROM signals")}
        assert set(live.index.search(bytes(8), 64)[0].tolist()) == stored
        assert len(stored) == 8 * (15 * 4 - 5 * 2)


async def test_a_start_from_a_snapshot_replays_what_came_since(
    signals: DatabaseSignals, log: Pool, tmp_path: Path
) -> None:
    settings = LiveSettings(snapshot_folder=tmp_path / "snapshots", poll_s=60)
    one, two = await add(log, 1, 2)
    async with live_index(signals, settings) as live:
        assert live.status().started_from.startswith("no snapshot")
        assert await live.save()
    (three,) = await add(log, 3)
    await QUERIES.remove_signals(log, ids=[one])
    async with live_index(signals, settings) as live:
        assert live.status().started_from == "snapshot"
        assert live.status().replayed == 2
        assert sorted(live.index.search(bytes(8), 64)[0].tolist()) == [two, three]


async def test_a_snapshot_that_one_process_wrote_is_shared_by_all(
    signals: DatabaseSignals, log: Pool, tmp_path: Path
) -> None:
    settings = LiveSettings(snapshot_folder=tmp_path, poll_s=0.02, shared_from=3)
    one, two, three = await add(log, 1, 2, 3)
    async with (
        live_index(signals, settings) as here,
        live_index(DatabaseSignals(log, "blockhash8", 64), settings) as elsewhere,
    ):
        for round_ in range(3):
            before = here.index, elsewhere.index
            assert await here.save()
            # What comes between the writing and the sharing must be in what is shared.
            (more,) = await add(log, 10 + round_)
            await QUERIES.remove_signals(log, ids=[one])
            for live, old in zip((here, elsewhere), before, strict=True):
                await eventually(lambda live=live, old=old: live.index is not old)
            for live in (here, elsewhere):
                await eventually(lambda live=live, n=round_, id_=more: finds(live, 10 + n) == [id_])
                await eventually(lambda live=live: finds(live, 1) == [])
                assert finds(live, 2) == [two]
            (one,) = await add(log, 1)
            await QUERIES.remove_signals(log, ids=[more])
            for live in (here, elsewhere):
                await eventually(lambda live=live, id_=one: finds(live, 1) == [id_])
                await eventually(lambda live=live, n=round_: finds(live, 10 + n) == [])
        now = here.index
        (tmp_path / f"{signals.name}-64.index").write_bytes(b"damaged")
        (four,) = await add(log, 4)
        await eventually(lambda: finds(here, 4) == finds(elsewhere, 4) == [four])
        assert here.index is now
        assert finds(here, 3) == [three]


async def test_a_small_index_is_left_alone(signals: DatabaseSignals, log: Pool, tmp_path: Path) -> None:
    settings = LiveSettings(snapshot_folder=tmp_path, poll_s=0.01)
    await add(log, 1)
    async with live_index(signals, settings) as live:
        before = live.index
        assert await live.save()
        (two,) = await add(log, 2)
        await eventually(lambda: finds(live, 2) == [two])
        assert live.index is before


async def test_damaged_and_foreign_snapshots_are_replaced(
    signals: DatabaseSignals, log: Pool, tmp_path: Path
) -> None:
    settings = LiveSettings(snapshot_folder=tmp_path, poll_s=60)
    path = tmp_path / "blockhash8-64.index"
    (one,) = await add(log, 1)

    def damage() -> None:
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        data[4096] ^= 1
        path.write_bytes(data)

    def other_source() -> None:
        HammingIndex(64).save(path, {"source": "phash", "identity": "x", "position": "1:1:"})

    def other_database() -> None:
        HammingIndex(64).save(path, {"source": "blockhash8", "identity": "x", "position": "1:1:"})

    def other_bits() -> None:
        HammingIndex(256).save(path, {"source": "blockhash8"})

    def no_file_at_all() -> None:
        path.unlink()
        path.mkdir()

    for spoil, words in (
        (damage, "damaged"),
        (other_source, "another source"),
        (other_database, "another database"),
        (other_bits, "another source"),
        (no_file_at_all, "directory"),
    ):
        if path.is_file() or spoil is damage:
            async with live_index(signals, settings) as live:
                await live.save()
        spoil()
        async with live_index(signals, settings) as live:
            assert words in live.status().started_from
            assert finds(live, 1) == [one]


async def test_a_log_that_was_cut_means_loading_anew(signals: DatabaseSignals, log: Pool) -> None:
    await add(log, 1)
    async with live_index(signals, LiveSettings(poll_s=60)) as live:
        await add(log, 2)
        assert await QUERIES.prune_changes(log, older_than_s=0, most=1) == 1
        assert await QUERIES.prune_changes(log, older_than_s=0, most=100) == 1
        await live.refresh()
        assert finds(live, 2)
        assert live.status().replayed == 0
        assert await QUERIES.prune_changes(log, older_than_s=0, most=100) == 0
        await add(log, 3)
        await live.refresh()
        assert live.status().replayed == 1


async def test_more_changes_than_worth_replaying_mean_loading_anew(
    signals: DatabaseSignals, log: Pool
) -> None:
    async with live_index(signals, LiveSettings(poll_s=60, most_backlog=10, page=7)) as live:
        await add(log, *range(25))
        await live.refresh()
        assert len(live.index) == 25
        assert live.status().replayed == 0


async def test_a_log_from_another_cluster_is_recognised(signals: DatabaseSignals, log: Pool) -> None:
    await add(log, 1)
    before = await signals.identity()
    # As after a restore of a dump: the rows are there, their transactions are yet to come.
    await log.execute(
        "UPDATE signal_changes SET xid = (pg_current_xact_id()::text::bigint + 1000000)::text::xid8"
    )
    restored = DatabaseSignals(log, "blockhash8", 64)
    assert await restored.identity() != before
    assert await log.fetchval("SELECT count(*) FROM signal_changes") == 0
    async with live_index(restored, LiveSettings(poll_s=60)) as live:
        assert finds(live, 1)
        await add(log, 2)
        await live.refresh()
        assert finds(live, 2)


async def test_values_of_the_wrong_length_are_counted_and_left_out(
    signals: DatabaseSignals, log: Pool
) -> None:
    await log.execute("INSERT INTO signals (type, value) VALUES ('blockhash8', '\\x00')")
    async with live_index(signals, LiveSettings(poll_s=60)) as live:
        await log.execute("INSERT INTO signals (type, value) VALUES ('blockhash8', '\\x0011')")
        await add(log, 1)
        await live.refresh()
        assert len(live.index) == 1
        assert live.status().refused == 2


async def test_signals_are_added_and_deleted_never_changed(log: Pool) -> None:
    await add(log, 1)
    for statement in ("UPDATE signals SET value = '\\x00'", "TRUNCATE signals CASCADE"):
        with pytest.raises(Exception, match="added and deleted, never"):
            await log.execute(statement)


class Stub:
    """A source without a database, whose every answer a test decides."""

    name = "stub"
    bits = 64

    def __init__(self) -> None:
        self.contents: list[tuple[int, bytes]] = [(1, value(1))]
        self.log: list[Change] = []
        self.failing = False

    async def identity(self) -> str:
        if self.failing:
            raise SourceUnavailable("gone")
        return "stub"

    async def position(self) -> str:
        return str(len(self.log))

    async def signals(self, page: int) -> AsyncIterator[list[tuple[int, bytes]]]:
        for start in range(0, len(self.contents), page):
            yield self.contents[start : start + page]

    async def changes(self, position: str, most: int) -> tuple[str, list[Change]]:
        return str(len(self.log)), self.log[int(position) :]

    async def replay(self, position: str, most: int) -> list[Change]:
        return (await self.changes(position, most))[1]

    async def hint(self, changed: asyncio.Event) -> None:
        await asyncio.Event().wait()


async def test_a_source_that_is_away_for_a_while_is_caught_up_with() -> None:
    source = Stub()
    async with live_index(source, LiveSettings(poll_s=0.01)) as live:
        source.failing = True
        with pytest.raises(SourceUnavailable):
            await live.refresh()
        source.log.append(Change(2, value(2)))
        await asyncio.sleep(0.05)
        assert finds(live, 1) == [1]
        assert finds(live, 2) == []
        assert live.status().age_s > 0.03
        source.failing = False
        await eventually(lambda: finds(live, 2) == [2])


async def test_what_the_block_raises_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with live_index(Stub(), LiveSettings()):
            raise KeyError("the block's own")
    source = Stub()
    source.failing = True
    with pytest.raises(SourceUnavailable):
        async with live_index(source, LiveSettings()):
            pass


async def test_snapshots_are_written_when_enough_has_changed(tmp_path: Path) -> None:
    source = Stub()
    settings = LiveSettings(snapshot_folder=tmp_path, poll_s=0.01, snapshot_interval_s=0, snapshot_share=0.5)
    async with live_index(source, settings) as live:
        path = tmp_path / "stub-64.index"
        await eventually(path.exists)
        source.log.append(Change(1, None))
        await eventually(lambda: len(live.index) == 0)
    async with live_index(source, settings) as live:
        assert live.status().started_from == "snapshot"
        assert len(live.index) == 0
