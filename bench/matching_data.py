"""Test sets for the matching benchmarks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def uniform(count: int, seed: int = 1) -> NDArray[np.uint8]:
    """PDQ-like: every bit a coin."""
    return np.random.default_rng(seed).integers(0, 256, (count, 32), dtype=np.uint8)


def icon_like(count: int, seed: int = 2) -> NDArray[np.uint8]:
    """Distinct codes with the skew of block mean hashes (16 x 16) of favicons.

    A block mean hash is 1 where a block is lighter than the middle, so flat areas give runs of equal bits.
    An icon here is a shape on a flat ground: two thirds have a margin of one to four equal blocks around
    it, every row of the shape repeats the one above with a chance of a half, rows are one or two runs, and
    a tenth are small marks on nothing. As a column of blocks is a chunk of 16 bits, the margins put
    about half of all codes into one bucket of the outer chunks; and one code in eight is a near-copy of
    another one (a few blocks differ), as icons are redrawn and re-encoded.
    """
    rng = np.random.default_rng(seed)
    whole = np.empty((0, 32), np.uint8)
    while len(whole) < count:
        n = int((count - len(whole)) * 1.2) + 1000
        columns = np.arange(16)

        def run_of(n: int = n, columns: NDArray[np.int64] = columns) -> NDArray[np.bool_]:
            start, length = rng.integers(0, 15, (n, 16, 1)), rng.integers(1, 10, (n, 16, 1))
            inside: NDArray[np.bool_] = (columns >= start) & (columns < start + length)
            return inside

        fresh = run_of() ^ (run_of() & (rng.random((n, 16, 1)) < 0.5))
        new_row = rng.random((n, 16)) < 0.5
        new_row[:, 0] = True
        source = np.maximum.accumulate(np.where(new_row, columns, 0), axis=1)
        rows = np.take_along_axis(fresh, source[..., None], axis=1)
        rows ^= rng.random((n, 16, 16)) < 0.02
        kind = rng.random(n)
        margin = np.where(kind < 0.1, rng.integers(5, 7, n), np.where(kind < 0.67, rng.integers(1, 5, n), 0))
        near_edge = np.minimum(columns, 15 - columns)
        depth = np.minimum(near_edge[:, None], near_edge[None, :])
        rows &= depth >= margin[:, None, None]
        copies = rng.integers(0, n, n // 8)
        rows[: n // 8] = rows[copies] ^ (rng.random((n // 8, 16, 16)) < 0.015)
        whole = np.unique(np.concatenate([whole, np.packbits(rows.reshape(n, 256), axis=1)]), axis=0)
    return rng.permutation(whole)[:count]


def near(codes: NDArray[np.uint8], count: int, most_bits: int, seed: int = 3) -> list[bytes]:
    """Queries: stored codes with up to `most_bits` flipped bits, as a re-encoded picture gives."""
    rng = np.random.default_rng(seed)
    out = []
    for row in codes[rng.integers(0, len(codes), count)]:
        bits = np.unpackbits(row)
        bits[rng.choice(len(bits), int(rng.integers(0, most_bits + 1)), replace=False)] ^= 1
        out.append(np.packbits(bits).tobytes())
    return out


def sorted_pairs(ids: Any, distances: Any) -> list[tuple[int, int]]:
    """Findings in one order, for comparing engines."""
    return sorted(zip(np.asarray(distances).tolist(), np.asarray(ids).tolist(), strict=True))
