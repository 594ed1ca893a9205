"""Both engines, sets of codes that are hard to search, and what brute force finds in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from samelook.matching import HammingIndex, IndexSettings
from samelook.matching.engine import Engine, c_engine, numpy_engine

# Merges happen when a test asks for them, unless it says otherwise.
BY_HAND = IndexSettings(tail_codes=1 << 30, background=False)


def purge(index: HammingIndex) -> None:
    """Takes dead codes out of the lists however few they are; a merge does so only where they are many."""
    with index._merging:
        index._purge()


def _c_or_skip() -> Engine:
    engine = c_engine()
    if engine is None:
        if os.environ.get("CI"):
            pytest.fail("samelook.matching._engine is not built, and CI has to test it")
        pytest.skip(
            "samelook.matching._engine is not built: no C compiler at installation? Its tests DO NOT RUN"
        )
    return engine


@pytest.fixture(params=["c", "numpy"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    return numpy_engine() if request.param == "numpy" else _c_or_skip()


@pytest.fixture(params=["avx512", "avx2", "portable", "numpy"])
def variant(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each engine, and of the C one each variant that this processor can run."""
    if request.param == "numpy":
        yield numpy_engine()
        return
    engine = _c_or_skip()
    try:
        engine.use_variant(request.param)
    except ValueError:
        pytest.skip(f"this processor cannot run the {request.param} variant")
    yield engine
    engine.use_variant(None)


@pytest.fixture
def new_index() -> Callable[..., HammingIndex]:
    """Makes an index that merges by hand."""

    def make(bits: int, engine: Engine, **settings: Any) -> HammingIndex:
        return HammingIndex(bits, engine=engine, settings=IndexSettings(**settings) if settings else BY_HAND)

    return make


def _flipped(code: Any, bits: Any) -> Any:
    out = np.unpackbits(code)
    out[bits] ^= 1
    return np.packbits(out)


def _families(bits: int) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    width = bits // 8
    random = rng.integers(0, 256, (300, width), dtype=np.uint8)
    centres = rng.integers(0, 256, (4, width), dtype=np.uint8)
    near = np.array([_flipped(centres[i % 4], rng.choice(bits, i % 40, replace=False)) for i in range(400)])
    zero = np.zeros(width, np.uint8)
    singles = np.array([zero, *(_flipped(zero, [b]) for b in range(bits))])
    pairs = np.array([_flipped(zero, rng.choice(bits, 2, replace=False)) for _ in range(300)])
    runs = np.array([np.packbits(np.arange(bits) < n) for n in range(bits + 1)])
    # Every 16th bit set lands in one chunk: all other chunks of these codes are equal.
    chunk = np.array(
        [
            np.packbits(
                np.where(np.arange(bits) % (bits // 16) == 3, rng.integers(0, 2, bits), 0).astype(np.uint8)
            )
            for _ in range(300)
        ]
    )
    return {
        "random": random,
        "near": near,
        "all_equal": np.repeat(centres[:1], 200, axis=0),
        "one_bit_family": singles,
        "near_constant": np.concatenate([pairs, 255 - pairs[:50]]),
        "runs": runs,
        "one_chunk": chunk,
    }


@pytest.fixture(
    params=["random", "near", "all_equal", "one_bit_family", "near_constant", "runs", "one_chunk"]
)
def family(request: pytest.FixtureRequest) -> Callable[[int], Any]:
    """A set of codes for a number of bits."""
    return lambda bits: _families(bits)[request.param]


def _brute(codes: Any, ids: Any, query: Any, radius: int) -> list[tuple[int, int]]:
    distances = np.bitwise_count(codes ^ query).sum(axis=1, dtype=np.int64)
    hit = distances <= radius
    return sorted(zip(distances[hit].tolist(), ids[hit].tolist(), strict=True))


@pytest.fixture
def brute() -> Callable[[Any, Any, Any, int], list[tuple[int, int]]]:
    """(distance, id) of all codes within a radius, sorted, by looking at each."""
    return _brute
