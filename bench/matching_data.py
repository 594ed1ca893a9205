"""Test sets for the matching benchmarks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def uniform(count: int, seed: int = 1) -> NDArray[np.uint8]:
    """PDQ-like: every bit a coin."""
    return np.random.default_rng(seed).integers(0, 256, (count, 32), dtype=np.uint8)


def icon_like(count: int, seed: int = 2) -> NDArray[np.uint8]:
    """Distinct codes with the skew of block mean hashes of favicons.

    A block mean hash of 16 x 16 blocks is 1 where a block is lighter than its band's median, so flat
    areas give long runs of equal bits. Drawn from that: an icon is a picture of 16 rows; most rows
    repeat the one above (with a few flipped bits at the edges), rows start as one or two runs, and half
    of all icons are nearly blank (transparent or one-coloured around a small mark): those share
    nearly all their bits. That puts about half of the codes in one bucket of most 16-bit chunks.
    """
    rng = np.random.default_rng(seed)
    parts: list[NDArray[np.uint8]] = []
    have = 0
    while have < count:
        n = int((count - have) * 1.3) + 1000
        rows = np.zeros((n, 16, 16), np.uint8)
        start, length = rng.integers(0, 16, (n, 16)), rng.integers(1, 12, (n, 16))
        columns = np.arange(16)
        fresh = (columns >= start[..., None]) & (columns < (start + length)[..., None])
        new_row = rng.random((n, 16)) < 0.35
        new_row[:, 0] = True
        source = np.maximum.accumulate(np.where(new_row, np.arange(16), 0), axis=1)
        rows[:] = np.take_along_axis(fresh, source[..., None], axis=1)
        blank = rng.random(n) < 0.5
        # A nearly blank icon: a mark of a few blocks somewhere in the middle.
        top, left = rng.integers(3, 11, n), rng.integers(3, 11, n)
        high, wide = rng.integers(1, 5, n), rng.integers(1, 5, n)
        r, c = np.arange(16)[None, :, None], columns[None, None, :]
        mark = (r >= top[:, None, None]) & (r < (top + high)[:, None, None])
        mark = mark & (c >= left[:, None, None]) & (c < (left + wide)[:, None, None])
        rows[blank] = (mark & (rng.random((n, 16, 16)) < 0.8))[blank]
        flips = rng.random((n, 16, 16)) < np.where(rng.random(n) < 0.5, 0.01, 0.03)[:, None, None]
        rows ^= flips
        parts.append(np.packbits(rows.reshape(n, 256), axis=1))
        whole = np.unique(np.concatenate(parts), axis=0)
        parts, have = [whole], len(whole)
    return rng.permutation(parts[0])[:count]


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
