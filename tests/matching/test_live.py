"""Live indexes: nothing lost, nothing late, and a start from whatever is there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from samelook.matching import HammingIndex
from samelook.matching.errors import SourceUnavailable
from samelook.matching.live import LiveIndex, live_index
from samelook.matching.settings import LiveSettings
from tests.fixtures.waiting import until
from tests.matching.signals import Signals, value


@pytest.fixture
def signals() -> Signals:
    return Signals()


def finds(live: LiveIndex, number: int) -> list[int]:
    found: list[int] = live.index.search(value(number), 0)[0].tolist()
    return found


async def test_changes_show_at_once_here_and_soon_elsewhere(signals: Signals) -> None:
    (first,) = signals.add(1)
    async with (
        live_index(signals, LiveSettings()) as here,
        live_index(signals, LiveSettings(poll_s=60)) as elsewhere,
    ):
        assert finds(here, 1) == finds(elsewhere, 1) == [first]
        (second,) = signals.add(2)
        await here.refresh()
        assert finds(here, 2) == [second]
        assert await until(lambda: finds(elsewhere, 2) == [second]) < 2
        signals.remove(first)
        await here.refresh()
        assert finds(here, 1) == []
        assert await until(lambda: finds(elsewhere, 1) == []) < 2
        assert len(elsewhere.index) == 1
        assert elsewhere.status().age_s < 60


async def test_polling_finds_changes_when_no_hint_comes(signals: Signals) -> None:
    signals.deaf = True
    async with live_index(signals, LiveSettings(poll_s=0.05)) as live:
        signals.add(5)
        assert await until(lambda: bool(finds(live, 5))) < 2


async def test_a_start_from_a_snapshot_replays_what_came_since(signals: Signals, tmp_path: Path) -> None:
    settings = LiveSettings(snapshot_folder=tmp_path / "snapshots", poll_s=60)
    one, two = signals.add(1, 2)
    async with live_index(signals, settings) as live:
        assert live.status().started_from.startswith("no snapshot")
        assert await live.save()
    (three,) = signals.add(3)
    signals.remove(one)
    async with live_index(signals, settings) as live:
        assert live.status().started_from == "snapshot"
        assert live.status().replayed == 2
        assert sorted(live.index.search(bytes(8), 64)[0].tolist()) == [two, three]


async def test_a_snapshot_that_one_process_wrote_is_shared_by_all(signals: Signals, tmp_path: Path) -> None:
    settings = LiveSettings(snapshot_folder=tmp_path, poll_s=0.02, shared_from=3)
    one, two, three = signals.add(1, 2, 3)
    async with live_index(signals, settings) as here, live_index(signals, settings) as elsewhere:
        for round_ in range(3):
            before = here.index, elsewhere.index
            assert await here.save()
            # What comes between the writing and the sharing must be in what is shared.
            (more,) = signals.add(10 + round_)
            signals.remove(one)
            for live, old in zip((here, elsewhere), before, strict=True):
                await until(lambda live=live, old=old: live.index is not old)
            for live in (here, elsewhere):
                await until(lambda live=live, n=round_, id_=more: finds(live, 10 + n) == [id_])
                await until(lambda live=live: finds(live, 1) == [])
                assert finds(live, 2) == [two]
            (one,) = signals.add(1)
            signals.remove(more)
            for live in (here, elsewhere):
                await until(lambda live=live, id_=one: finds(live, 1) == [id_])
                await until(lambda live=live, n=round_: finds(live, 10 + n) == [])
        now = here.index
        (tmp_path / f"{signals.name}-64.index").write_bytes(b"damaged")
        (four,) = signals.add(4)
        await until(lambda: finds(here, 4) == finds(elsewhere, 4) == [four])
        assert here.index is now
        assert finds(here, 3) == [three]


async def test_a_small_index_is_left_alone(signals: Signals, tmp_path: Path) -> None:
    settings = LiveSettings(snapshot_folder=tmp_path, poll_s=0.01)
    signals.add(1)
    async with live_index(signals, settings) as live:
        before = live.index
        assert await live.save()
        (two,) = signals.add(2)
        await until(lambda: finds(live, 2) == [two])
        assert live.index is before


async def test_damaged_and_foreign_snapshots_are_replaced(signals: Signals, tmp_path: Path) -> None:
    settings = LiveSettings(snapshot_folder=tmp_path, poll_s=60)
    path = tmp_path / "blockhash8-64.index"
    (one,) = signals.add(1)

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
        await asyncio.to_thread(spoil)
        async with live_index(signals, settings) as live:
            assert words in live.status().started_from
            assert finds(live, 1) == [one]


async def test_a_log_that_was_cut_means_loading_anew(signals: Signals) -> None:
    signals.add(1)
    async with live_index(signals, LiveSettings(poll_s=60)) as live:
        signals.deaf = True
        signals.add(2)
        signals.kept_from = len(signals.log)
        await live.refresh()
        assert finds(live, 2)
        assert live.status().replayed == 0
        signals.add(3)
        await live.refresh()
        assert live.status().replayed == 1


async def test_a_log_that_was_replaced_means_loading_anew(signals: Signals) -> None:
    signals.add(1)
    async with live_index(signals, LiveSettings(poll_s=60)) as live:
        signals.deaf = True
        signals.named, signals.log = "b", []
        signals.contents[7] = value(7)
        await live.refresh()
        assert finds(live, 7) == [7]
        assert live.status().replayed == 0


async def test_more_changes_than_worth_replaying_mean_loading_anew(signals: Signals) -> None:
    async with live_index(signals, LiveSettings(poll_s=60, most_backlog=10, page=7)) as live:
        signals.deaf = True
        signals.add(*range(25))
        await live.refresh()
        assert len(live.index) == 25
        assert live.status().replayed == 0


async def test_values_of_the_wrong_length_are_counted_and_left_out(signals: Signals) -> None:
    signals.add_values(b"\x00")
    async with live_index(signals, LiveSettings(poll_s=60)) as live:
        signals.add_values(b"\x00\x11")
        signals.add(1)
        await live.refresh()
        assert len(live.index) == 1
        assert live.status().refused == 2


async def test_a_source_that_is_away_for_a_while_is_caught_up_with(signals: Signals) -> None:
    signals.add(1)
    async with live_index(signals, LiveSettings(poll_s=0.01)) as live:
        signals.failing = True
        with pytest.raises(SourceUnavailable):
            await live.refresh()
        signals.add(2)
        assert await until(lambda: live.status().age_s > 0.03) < 5
        assert finds(live, 1) == [1]
        assert finds(live, 2) == []
        signals.failing = False
        await until(lambda: finds(live, 2) == [2])


async def test_what_the_block_raises_comes_out_as_it_is(signals: Signals) -> None:
    with pytest.raises(KeyError):
        async with live_index(signals, LiveSettings()):
            raise KeyError("the block's own")
    signals.failing = True
    with pytest.raises(SourceUnavailable):
        async with live_index(signals, LiveSettings()):
            pass


async def test_snapshots_are_written_when_enough_has_changed(signals: Signals, tmp_path: Path) -> None:
    signals.add(1)
    settings = LiveSettings(snapshot_folder=tmp_path, poll_s=0.01, snapshot_interval_s=0, snapshot_share=0.5)
    async with live_index(signals, settings) as live:
        path = tmp_path / "blockhash8-64.index"
        await until(path.exists)
        signals.remove(1)
        await until(lambda: len(live.index) == 0)
    async with live_index(signals, settings) as live:
        assert live.status().started_from == "snapshot"
        assert len(live.index) == 0
