"""Every way of searching finds what brute force finds, in the same order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from samelook.matching import HammingIndex
from samelook.matching.backends.faiss import FaissIndex
from samelook.matching.engine import Engine
from samelook.matching.kernels import CHEAPEST, PROBE, SCAN

Brute = Callable[[Any, Any, Any, int], list[tuple[int, int]]]
NewIndex = Callable[..., HammingIndex]

EVERY_RADIUS = [*range(65), 100, 128, 200, 255, 256]


def asked(index: HammingIndex, query: Any, radius: int, how: int) -> list[tuple[int, int]]:
    ids, distances = index._searcher.search(query, radius, how)
    return list(
        zip(np.frombuffer(distances, np.uint16).tolist(), np.frombuffer(ids, np.int64).tolist(), strict=True)
    )


@pytest.mark.parametrize("bits", [256, 64])
def test_every_way_and_radius_equals_brute_force(
    bits: int, variant: Engine, family: Callable[[int], Any], brute: Brute, new_index: NewIndex
) -> None:
    codes = family(bits)
    ids = np.random.default_rng(1).permutation(len(codes)).astype(np.int64) - 50
    index = new_index(bits, variant)
    index.add(codes[: len(codes) * 3 // 4], ids[: len(codes) * 3 // 4])
    index.merge()
    index.add(codes[len(codes) * 3 // 4 :], ids[len(codes) * 3 // 4 :])
    rng = np.random.default_rng(2)
    stranger = rng.integers(0, 256, bits // 8, dtype=np.uint8)
    queries = [codes[0], codes[-1], codes[len(codes) // 2] ^ np.uint8(17), stranger]
    for radius in (r for r in EVERY_RADIUS if r <= bits):
        query = queries[radius % len(queries)]
        expected = brute(codes, ids, query, radius)
        for how in (CHEAPEST, SCAN, PROBE):
            assert asked(index, query, radius, how) == expected, (radius, how)


@pytest.mark.parametrize("bits", [256, 64])
def test_faiss_agrees(bits: int, engine: Engine, new_index: NewIndex) -> None:
    rng = np.random.default_rng(3)
    centres = rng.integers(0, 256, (20, bits // 8), dtype=np.uint8)
    codes = centres[rng.integers(0, 20, 4000)] ^ (
        rng.integers(0, 256, (4000, bits // 8), dtype=np.uint8)
        & rng.integers(0, 256, (4000, bits // 8), dtype=np.uint8)
        & rng.integers(0, 256, (4000, bits // 8), dtype=np.uint8)
    )
    ids = rng.integers(-(2**63), 2**63 - 1, 4000)
    ours, faiss = new_index(bits, engine), FaissIndex(bits)
    assert ours.add(codes, ids) == faiss.add(codes, ids) == 4000
    ours.merge()
    gone = ids[::7]
    assert ours.remove(gone) == faiss.remove(gone) == len(gone)
    for radius in (0, 3, 12, 20, 31, 50, 63, 64):
        for mine, theirs in zip(
            ours.search_many(codes[:60], radius), faiss.search_many(codes[:60], radius), strict=True
        ):
            assert mine[0].tolist() == theirs[0].tolist()
            assert mine[1].tolist() == theirs[1].tolist()


def test_lists_of_any_length_are_read_to_their_end(
    variant: Engine, new_index: NewIndex, brute: Brute
) -> None:
    # The lengths around one, two and many cache lines and around a batch of candidates, wherever in a line a
    # list begins; nearly all entries pass the filter.
    rng = np.random.default_rng(8)
    lengths = [1, 2, 31, 32, 33, 63, 64, 65, 66, 127, 128, 129, 511, 512, 513, 514, 1030]
    centres = rng.integers(0, 256, (len(lengths), 32), dtype=np.uint8)
    families = []
    for centre, length in zip(centres, lengths, strict=True):
        flips = np.zeros((length, 256), np.uint8)
        np.put_along_axis(flips, rng.integers(0, 256, (length, 2)), 1, axis=1)
        families.append(centre ^ np.packbits(flips, axis=1))
    codes = np.concatenate(families)
    index = new_index(256, variant)
    index.add(codes, np.arange(len(codes)))
    index.merge()
    for centre in centres:
        for radius in (0, 2, 4, 31):
            expected = brute(codes, np.arange(len(codes)), centre, radius)
            assert asked(index, centre, radius, PROBE) == expected, radius


@pytest.mark.parametrize("bits", [256, 64])
def test_many_at_once_each_find_what_one_finds(
    bits: int, variant: Engine, new_index: NewIndex, brute: Brute
) -> None:
    # A crowd that the lists do not help with, strangers that they do, members of groups, a tail, removals.
    rng = np.random.default_rng(9)
    codes = rng.integers(0, 256, (9000, bits // 8), dtype=np.uint8)
    codes[:4000] = codes[0] ^ (rng.random((4000, bits // 8)) < 0.06).astype(np.uint8)
    ids = rng.permutation(len(codes)).astype(np.int64)
    index = new_index(bits, variant)
    index.add(codes[:8800], ids[:8800])
    index.merge()
    index.add(codes[8800:], ids[8800:])
    index.remove(ids[::9])
    kept = np.ones(len(codes), bool)
    kept[::9] = False
    asked_for = codes[rng.permutation(len(codes))[:90]]
    for radius in (0, 3, 12, 31, 64, bits):
        found = index.search_many(asked_for, radius)
        assert len(found) == len(asked_for)
        for query, (found_ids, distances) in zip(asked_for, found, strict=True):
            pairs = list(zip(distances.tolist(), found_ids.tolist(), strict=True))
            assert pairs == brute(codes[kept], ids[kept], query, radius), radius
    assert index.search_many(asked_for[:0], 3) == []


def test_large_index_chooses_the_lists_and_stays_exact(
    engine: Engine, new_index: NewIndex, brute: Brute
) -> None:
    # Large enough for the cheapest way to be the lists at small radii, the scan at large ones, and for
    # more than one block of codes.
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 256, (300_000, 32), dtype=np.uint8)
    codes[100_000:150_000] = codes[0] ^ (rng.random((50_000, 32)) < 0.05).astype(np.uint8)
    ids = np.arange(300_000) * 3
    index = new_index(256, engine)
    index.add(codes, ids)
    index.merge()
    unique: dict[bytes, list[int]] = {}
    for code, one in zip(codes, ids, strict=True):
        unique.setdefault(code.tobytes(), []).append(int(one))
    assert index.status().codes == len(unique)
    for query in (codes[5], codes[0], codes[123_456] ^ np.uint8(1), codes[299_999]):
        for radius in (0, 12, 31, 63):
            ids_found, distances = index.search(query, radius)
            found = list(zip(distances.tolist(), ids_found.tolist(), strict=True))
            assert found == brute(codes, ids, query, radius)


def test_results_are_arrays_of_the_promised_types(engine: Engine, new_index: NewIndex) -> None:
    index = new_index(256, engine)
    index.add(np.zeros((2, 32), np.uint8), np.array([4, -4]))
    for ids, distances in (index.search(bytes(32), 0), *index.search_many(np.zeros((1, 32), np.uint8), 5)):
        assert ids.dtype == np.int64
        assert distances.dtype == np.uint16
        assert ids.tolist() == [-4, 4]
        ids[0] = 1  # the caller's own
    nothing = index.search(b"\xff" * 32, 3)
    assert nothing[0].dtype == np.int64
    assert len(nothing[0]) == len(nothing[1]) == 0
