"""What an index promises about its contents."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from samelook.matching import (
    BadQuery,
    HammingIndex,
    IndexSettings,
    MatchingError,
    list_kernels,
    merging,
)
from samelook.matching.engine import Engine, c_engine, default_engine, numpy_engine
from tests.matching.conftest import purge

NewIndex = Callable[..., HammingIndex]
Work = Callable[[HammingIndex], None]


def codes_of(count: int, seed: int = 0, bits: int = 256) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (count, bits // 8), dtype=np.uint8)


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("count", [0, 1, 2, 500])
def test_an_index_of_any_number_of_hashes_is_right(
    count: int, merged: bool, engine: Engine, new_index: NewIndex
) -> None:
    codes = codes_of(count)
    index = new_index(256, engine)
    assert index.add(codes, np.arange(count)) == count
    if merged:
        index.merge()
    assert len(index) == count
    for i in range(min(count, 20)):
        assert index.search(codes[i], 0)[0].tolist() == [i]
    assert index.search(bytes(32), 256)[0].tolist() == sorted(
        range(count), key=lambda i: (int(np.bitwise_count(codes[i]).sum()), i)
    )
    assert len(index.search_many(codes, 0)) == count


def test_pairs_are_a_set(engine: Engine, new_index: NewIndex) -> None:
    index = new_index(64, engine)
    code, other = bytes(8), bytes(7) + b"\x01"
    rows = np.frombuffer(code + code + other + code, np.uint8).reshape(-1, 8)
    assert index.add(rows, np.array([1, 2, 1, 1])) == 3  # (code, 1) came twice
    assert index.add(rows, np.array([1, 2, 1, 1])) == 0
    index.merge()
    assert index.add(rows, np.array([1, 2, 1, 1])) == 0
    assert len(index) == 3
    assert index.search(code, 1)[0].tolist() == [1, 2, 1]
    assert index.search(code, 1)[1].tolist() == [0, 0, 1]
    assert index.remove([1]) == 2  # every code of the id
    assert index.search(code, 64)[0].tolist() == [2]
    assert index.remove([1, 77]) == 0
    assert index.add(rows[:1], np.array([1])) == 1
    assert index.search(code, 0)[0].tolist() == [1, 2]


def test_extreme_ids(engine: Engine, new_index: NewIndex) -> None:
    index = new_index(64, engine)
    ids = np.array([-(2**63), -1, 0, 2**63 - 1])
    index.add(codes_of(4, bits=64), ids)
    index.add(np.repeat(codes_of(1, 9, 64), 4, axis=0), ids)
    index.merge()
    assert sorted(index.search(bytes(8), 64)[0].tolist()) == sorted(ids.tolist() * 2)
    assert index.remove(ids[:1]) == 2
    assert index.remove(ids[3:]) == 2
    index.merge()
    assert sorted(index.search(bytes(8), 64)[0].tolist()) == [-1, -1, 0, 0]


def test_a_default_icon_with_very_many_sites(engine: Engine, new_index: NewIndex) -> None:
    index = new_index(256, engine)
    count = 50_000
    index.add(np.zeros((count, 32), np.uint8), np.arange(count))
    index.merge()
    assert index.status().codes == 1
    index.add(np.zeros((3, 32), np.uint8), np.array([-5, 7, count]))  # 7 is there
    assert len(index) == count + 2
    index.remove(np.arange(0, count, 2))
    index.merge()
    assert index.search(bytes(32), 0)[0].tolist() == [-5, *range(1, count, 2), count]
    index.remove(np.arange(-10, count + 10))
    assert len(index) == 0
    assert len(index.search(bytes(32), 256)[0]) == 0
    purge(index)
    assert index.status().codes == 0
    index.add(np.zeros((1, 32), np.uint8), np.array([3]))
    index.merge()
    assert index.search(bytes(32), 0)[0].tolist() == [3]


def test_dead_codes_are_purged_when_there_are_many(engine: Engine, new_index: NewIndex) -> None:
    index = new_index(256, engine, tail_codes=100, background=False)
    codes = codes_of(3000)
    index.add(codes, np.arange(3000))
    index.remove(np.arange(2500))
    index.add(codes_of(200, 1), np.arange(5000, 5200))
    status = index.status()
    assert status.items == 700
    assert status.codes == 700
    assert status.dead_codes == 0
    for i in (2500, 2999):
        assert index.search(codes[i], 0)[0].tolist() == [i]
    assert len(index.search(codes[0], 0)[0]) == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda index: index.add(np.zeros((2, 31), np.uint8), np.arange(2)), r"\(n, 32\)"),
        (lambda index: index.add(np.zeros(32, np.uint8), np.arange(1)), r"\(n, 32\)"),
        (lambda index: index.add(np.zeros((1, 32), np.int64), np.arange(1)), "uint8"),
        (lambda index: index.add(np.zeros((2, 32), np.uint8), np.arange(3)), "2 codes but 3 ids"),
        (lambda index: index.add(np.zeros((1, 32), np.uint8), np.array([0.5])), "integers"),
        (lambda index: index.add(np.zeros((1, 32), np.uint8), np.array([2**63], np.uint64)), "2\\*\\*63"),
        (lambda index: index.remove(["a"]), "integers"),
        (lambda index: index.search(bytes(31), 3), "32 bytes"),
        (lambda index: index.search(b"", 3), "32 bytes"),
        (lambda index: index.search(bytes(1 << 20), 3), "32 bytes"),
        (lambda index: index.search("00" * 32, 3), "fromhex"),
        (lambda index: index.search(np.zeros(4, np.int64), 3), "uint8"),
        (lambda index: index.search(np.zeros((1, 32), np.uint8), 3), "shape"),
        (lambda index: index.search(bytes(32), -1), "0 to 256"),
        (lambda index: index.search(bytes(32), 257), "0 to 256"),
        (lambda index: index.search(bytes(32), 2**70), "0 to 256"),
        (lambda index: index.search(bytes(32), 3.0), "whole number"),
        (lambda index: index.search(bytes(32), None), "whole number"),
        (lambda index: index.search_many(bytes(32), 3), "uint8"),
        (lambda index: index.search_many(np.zeros((1, 32), np.uint8), 300), "0 to 256"),
    ],
)
def test_bad_input_is_refused_with_advice(
    call: Callable[[HammingIndex], object], words: str, engine: Engine, new_index: NewIndex
) -> None:
    index = new_index(256, engine)
    index.add(codes_of(3), np.arange(3))
    with pytest.raises(ValueError, match=words) as caught:
        call(index)
    assert isinstance(caught.value, BadQuery)
    assert isinstance(caught.value, MatchingError)
    assert len(index) == 3


@pytest.mark.parametrize("bits", [0, 63, 128, 512, True, "256"])
def test_other_sizes_are_refused(bits: Any) -> None:
    with pytest.raises(BadQuery, match="64 or 256"):
        HammingIndex(bits)


def test_awkward_but_right_input_is_taken(engine: Engine, new_index: NewIndex) -> None:
    index = new_index(256, engine)
    wide = codes_of(4, bits=512)
    index.add(wide[:, ::2], np.array([5, 6, 7, 8], np.uint16))  # not contiguous; other integers
    assert index.search(wide[1, ::2], 0)[0].tolist() == [6]
    assert index.search(bytearray(wide[1, ::2].tobytes()), int(np.int64(0)))[0].tolist() == [6]
    assert index.search(memoryview(wide[1, ::2].tobytes()), 0)[0].tolist() == [6]
    assert index.remove(one for one in (5, 6)) == 2
    assert index.remove([]) == 0
    assert index.add(np.empty((0, 32), np.uint8), np.empty(0, np.int64)) == 0


def test_the_variable_forces_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMELOOK_PURE_NUMPY", "1")
    assert default_engine() is numpy_engine()
    assert HammingIndex(64).status().engine == "numpy"
    monkeypatch.setenv("SAMELOOK_PURE_NUMPY", "0")
    assert default_engine() is (c_engine() or numpy_engine())


@pytest.mark.parametrize("work", [HammingIndex.merge, purge])
def test_removals_during_a_merge_are_not_lost(
    work: Work, engine: Engine, new_index: NewIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A removal comes in after each chunk of a merge and of a purge, for old and new items alike."""
    index = new_index(256, engine)
    codes = codes_of(400)
    index.add(codes[:200], np.arange(200))
    index.add(codes[:50], np.arange(1000, 1050))  # two items to a code
    index.merge()
    index.remove(np.arange(150, 160))
    index.add(codes[200:], np.arange(200, 400))
    left = {(i, i) for i in range(400) if not 150 <= i < 160} | {(i, 1000 + i) for i in range(50)}
    published = index._publish
    victims = iter([3, 1003, 250, 20, 1020, 399, 60, 7, 1007, 1008, 201, 202, 203, 90, 91, 92, 1030, 30])

    def publish(*arguments: Any) -> None:
        nonlocal left
        published(*arguments)
        victim = next(victims, None)
        if victim is not None:
            # Called under the writer's lock; another thread would come right after it.
            index._writing.release()
            try:
                assert index.remove([victim]) == 1, victim
                left -= {pair for pair in left if pair[1] == victim}
                for i in (3, 20, 250, 399, 7):
                    assert {(i, one) for one in index.search(codes[i], 0)[0].tolist()} == {
                        pair for pair in left if pair[0] == i
                    }
            finally:
                index._writing.acquire()

    monkeypatch.setattr(index, "_publish", publish)
    work(index)
    monkeypatch.undo()
    for again in (False, True):
        if again:
            index.merge()
        assert len(index) == len(left)
        assert sorted(index.search(bytes(32), 256)[0].tolist()) == sorted(one for _, one in left)


@pytest.mark.parametrize("work", [HammingIndex.merge, purge])
@pytest.mark.parametrize("step", range(12))
def test_a_removal_at_any_step_of_the_making_of_a_body_counts(
    work: Work, step: int, engine: Engine, new_index: NewIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = new_index(256, engine)
    codes = codes_of(400)
    index.add(codes[:200], np.arange(200))
    index.add(codes[:50], np.arange(1000, 1050))
    index.merge()
    index.remove(np.arange(150, 160))
    index.add(codes[190:], np.arange(190, 400) + 500)
    calls = 0
    original = list_kernels.rows_of

    def rows_of(blocks: Any, numbers: Any) -> Any:
        # Columns are read in the middle of the work, outside any lock: one of the moments to come in.
        nonlocal calls
        if calls == step:
            index.remove(np.array([3, 1004, 60, 195, 695, 700]))
        calls += 1
        return original(blocks, numbers)

    monkeypatch.setattr(merging, "rows_of", rows_of)
    work(index)
    monkeypatch.undo()
    gone = index.remove(np.array([3, 1004, 60, 195, 695, 700]))
    assert gone == (0 if calls > step else 6)
    expected = {*range(200), *range(1000, 1050), *range(690, 900)} - {
        *range(150, 160),
        3,
        1004,
        60,
        195,
        695,
        700,
    }
    assert sorted(index.search(bytes(32), 256)[0].tolist()) == sorted(expected)
    assert len(index) == len(expected)


@pytest.mark.parametrize("work", [HammingIndex.merge, purge])
@pytest.mark.parametrize("chunk", [0, 7, 15])
def test_a_merge_that_fails_half_way_loses_nothing(
    work: Work, chunk: int, engine: Engine, new_index: NewIndex
) -> None:
    class Failing:
        def __init__(self) -> None:
            self.left = chunk

        def __getattr__(self, name: str) -> Any:
            original = getattr(engine, name)
            if name not in {"merge_chunk", "purge_chunk"}:
                return original

            def run(*arguments: Any) -> None:
                self.left -= 1
                if self.left < 0:
                    raise MemoryError("no room for the test")
                original(*arguments)

            return run

    index = new_index(256, engine)
    codes = codes_of(300)
    index.add(codes[:200], np.arange(200))
    index.merge()
    index.remove(np.arange(100, 120))
    index.add(codes[200:], np.arange(200, 300))
    index._engine = Failing()
    with pytest.raises(MemoryError):
        work(index)
    index._engine = engine
    expected = [i for i in range(300) if not 100 <= i < 120]
    for _ in range(2):
        assert len(index) == 280
        assert sorted(index.search(bytes(32), 256)[0].tolist()) == expected
        assert index.search(codes[150], 0)[0].tolist() == [150]
        index.merge()
    purge(index)
    assert sorted(index.search(bytes(32), 256)[0].tolist()) == expected


def test_readers_see_a_whole_index_while_a_writer_works(engine: Engine) -> None:
    """Items that stay are found by every query, whatever merges, purges and removals go on."""
    index = HammingIndex(256, engine=engine, settings=IndexSettings(tail_codes=64, purge_share=0.1))
    staying, coming = codes_of(50, 1), codes_of(1200, 2)
    index.add(staying, np.arange(50))
    failures: list[object] = []
    done = threading.Event()

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        try:
            while not done.is_set():
                i = int(rng.integers(50))
                ids, distances = index.search(staying[i], 10)
                if ids.tolist() != [i] or distances.tolist() != [0]:
                    failures.append((i, ids.tolist()))
        except Exception as error:  # noqa: BLE001 - reported by the assertion below
            failures.append(error)

    readers = [threading.Thread(target=read, args=(seed,)) for seed in range(3)]
    for reader in readers:
        reader.start()
    for start in range(0, 1200, 24):
        index.add(coming[start : start + 24], np.arange(100 + start, 124 + start))
        if start >= 240:
            index.remove(np.arange(100 + start - 240, 124 + start - 240))
    index.settle()
    done.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert len(index) == 50 + 240


def test_changes_beside_merges_and_purges_all_count(engine: Engine) -> None:
    """Removals and additions at any moment of a background merge or purge, counted at the end."""
    rng = np.random.default_rng(11)
    index = HammingIndex(64, engine=engine, settings=IndexSettings(tail_codes=150, purge_share=0.05))
    # Few codes and many ids, so that there are groups as well as single items.
    pool = codes_of(1500, 3, bits=64)
    live = np.arange(3000)
    codes = pool[rng.integers(0, len(pool), len(live))]
    index.add(codes, live)
    following = len(live)
    for _ in range(250):
        places = rng.choice(len(live), 20, replace=False)
        assert index.remove(live[places]) == 20
        live[places] = np.arange(following, following + 20)
        following += 20
        assert index.add(pool[rng.integers(0, len(pool), 20)], live[places]) == 20
        if len(index.search(bytes(8), 64)[0]) != len(live):
            break
    index.settle()
    assert sorted(index.search(bytes(8), 64)[0].tolist()) == sorted(live.tolist())
    assert len(index) == len(live)


@pytest.mark.parametrize("radius", [0, 31, 63, 64, 256])
def test_searching_by_lists_finds_the_same(radius: int, engine: Engine, new_index: NewIndex) -> None:
    codes = np.repeat(codes_of(50, 3), 20, axis=0)
    codes[:, 5:9] ^= codes_of(1000, 4)[:, :4] & 0x11
    index = new_index(256, engine)
    index.add(codes[:900], np.arange(900))
    index.merge()
    index.add(codes[900:], np.arange(900, 1000))
    for code in codes[::100]:
        by_lists, found = index.search_lists(code, radius), index.search(code, radius)
        assert [part.tolist() for part in by_lists] == [part.tolist() for part in found]
    with pytest.raises(BadQuery):
        index.search_lists(codes[0], -1)
    with pytest.raises(BadQuery):
        index.search_lists(b"short", radius)
