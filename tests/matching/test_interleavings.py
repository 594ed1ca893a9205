"""Random interleavings of everything an index can do, against a set of pairs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from samelook.matching import HammingIndex, IndexSettings
from samelook.matching.engine import Engine, default_engine, numpy_engine
from samelook.matching.kernels import CHEAPEST, PROBE, SCAN
from tests.matching.conftest import purge

IDS = st.integers(-6, 12) | st.sampled_from([-(2**63), 2**63 - 1])
# A base code with few flipped bits: collisions of codes and of buckets all the time.
FLIPS = st.sets(st.integers(0, 63), max_size=3)
PAIRS = st.lists(st.tuples(st.integers(0, 2), FLIPS, IDS), max_size=25)


class Interleavings(RuleBasedStateMachine):
    bits: ClassVar[int] = 64
    engine: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__()
        self.index = self.fresh()
        self.pairs: set[tuple[bytes, int]] = set()

    def settings(self) -> IndexSettings:
        return IndexSettings(tail_codes=30, most_tail_codes=60, purge_share=0.3, background=False)

    def fresh(self) -> HammingIndex:
        return HammingIndex(self.bits, engine=self.engine, settings=self.settings())

    def code(self, base: int, flips: set[int]) -> bytes:
        row = np.unpackbits(np.full(self.bits // 8, (0, 255, 0x5A)[base], np.uint8))
        row[sorted(flips)] ^= 1
        return np.packbits(row).tobytes()

    @rule(pairs=PAIRS)
    def add(self, pairs: list[tuple[int, set[int], int]]) -> None:
        items = [(self.code(base, flips), one) for base, flips, one in pairs]
        codes = np.frombuffer(b"".join(code for code, _ in items), np.uint8).reshape(-1, self.bits // 8)
        added = self.index.add(codes, np.array([one for _, one in items], np.int64))
        assert added == len(set(items) - self.pairs)
        self.pairs |= set(items)

    @rule(ids=st.lists(IDS, max_size=4))
    def remove(self, ids: list[int]) -> None:
        gone = {pair for pair in self.pairs if pair[1] in ids}
        assert self.index.remove(ids) == len(gone)
        self.pairs -= gone

    @rule()
    def merge(self) -> None:
        self.index.merge()

    @rule()
    def purge(self) -> None:
        purge(self.index)

    @rule()
    def restart(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "snapshot"
            self.index.save(path)
            self.index = HammingIndex.open(path, engine=self.engine, settings=self.settings())

    @rule(
        base=st.integers(0, 2),
        flips=FLIPS,
        radius=st.integers(0, 64),
        how=st.sampled_from([CHEAPEST, SCAN, PROBE]),
    )
    def search(self, base: int, flips: set[int], radius: int, how: int) -> None:
        query = self.code(base, flips)
        ids, distances = self.index._searcher.search(query, radius, how)
        found = list(
            zip(
                np.frombuffer(distances, np.uint16).tolist(),
                np.frombuffer(ids, np.int64).tolist(),
                strict=True,
            )
        )
        assert found == sorted(
            (d, one) for code, one in self.pairs if (d := _distance(code, query)) <= radius
        )

    @invariant()
    def has_as_many_items(self) -> None:
        assert len(self.index) == len(self.pairs)


def _distance(a: bytes, b: bytes) -> int:
    return (int.from_bytes(a) ^ int.from_bytes(b)).bit_count()


def _case(name: str, of_bits: int, with_engine: Engine) -> Any:
    machine: Any = type(name, (Interleavings,), {"bits": of_bits, "engine": with_engine})
    case: Any = machine.TestCase
    case.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
    return case


TestDefault64 = _case("Default64", 64, default_engine())
TestDefault256 = _case("Default256", 256, default_engine())
TestNumpy64 = _case("Numpy64", 64, numpy_engine())
TestNumpy256 = _case("Numpy256", 256, numpy_engine())
