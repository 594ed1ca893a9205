"""How lists are laid out and rewritten, in numpy: half of the twin of matching/_engine.c (see `kernels`)."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

BUCKETS = 65536
BLOCK_SHIFT = 18
BLOCK_ROWS = 1 << BLOCK_SHIFT
DEAD, SINGLE, GROUP = 0, 1, 2
SLICE = 65536
_UNKEPT = 0xFFFFFFFF


def rows_of(blocks: tuple[Array, ...], numbers: Array) -> Array:
    """The rows of a column that is kept in blocks."""
    if len(blocks) == 1:
        return np.asarray(blocks[0][numbers])
    where = numbers >> BLOCK_SHIFT
    out = np.empty((len(numbers), *blocks[0].shape[1:]), blocks[0].dtype)
    for block in np.unique(where):
        chosen = where == block
        out[chosen] = blocks[block][numbers[chosen] & (BLOCK_ROWS - 1)]
    return out


def expand(starts: Array, lengths: Array) -> Array:
    """All positions of the ranges starts … starts + lengths, one range after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    positions: Array = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return positions


def permute(source: Array, target: Array, bits: int, /) -> None:
    """Writes codes in chunk form: bit j becomes bit j // M of chunk j % M, M = bits / 16."""
    chunks = bits // 16
    rows = source.reshape(-1, bits // 8)
    out = target.reshape(-1).view(np.uint8).reshape(-1, bits // 8)
    for start in range(0, len(rows), SLICE):
        part = rows[start : start + SLICE]
        square = np.unpackbits(part, axis=1, bitorder="little").reshape(len(part), 16, chunks)
        turned = np.ascontiguousarray(square.transpose(0, 2, 1)).reshape(len(part), bits)
        out[start : start + SLICE] = np.packbits(turned, axis=1, bitorder="little")


def _estimate(offsets: Array, estimates: Array) -> None:
    here = np.diff(offsets).astype(np.uint32)
    within_one = here + _neighbours(here)
    two = within_one + (_neighbours(within_one - here) - np.uint32(16) * here) // np.uint32(2)
    estimates[:] = _logarithm(within_one) | _logarithm(two) << 8


def _neighbours(counts: Array) -> Array:
    total = np.zeros(BUCKETS, np.uint32)
    for bit in range(16):
        total += counts.reshape(-1, 2, 1 << bit)[:, ::-1].reshape(-1)
    return total


def _logarithm(counts: Array) -> Array:
    logarithm = (counts.astype(np.float32).view(np.uint32) >> 20) - np.uint32((127 << 3) - 1)
    return np.where(counts == 0, np.uint32(0), np.minimum(logarithm, np.uint32(255)))


def decoded(numbers: Array, width: int, positions: Array) -> Array:
    rows = numbers[: len(numbers) // width * width].reshape(-1, width)[positions].astype(np.int64)
    powers: Array = rows @ (1 << (8 * np.arange(width)))
    return powers


def _encoded(numbers: Array, width: int) -> Array:
    return numbers.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :width]


def merge_chunk(
    old: tuple[Array, Array, Array, int],
    codes: Array,
    chunk: int,
    first: int,
    bits: int,
    width: int,
    targets: tuple[Array, Array, Array, Array],
    /,
) -> None:
    """Writes the lists of one chunk with new codes behind the old ones of each bucket."""
    old_offsets, old_next, old_numbers, old_width = old
    offsets, estimates, following, numbers = targets
    values = codes.reshape(-1).view(np.uint16).reshape(-1, bits // 16)
    column = values[:, chunk]
    order = np.argsort(column, kind="stable")
    length, added = int(old_offsets[-1]), len(column)
    fresh = old_offsets[1:][column[order]].astype(np.int64) + np.arange(added)
    kept = np.ones(length + added, bool)
    kept[fresh] = False
    offsets[0] = 0
    offsets[1:] = old_offsets[1:] + np.cumsum(np.bincount(column, minlength=BUCKETS)).astype(np.uint32)
    following = following[: length + added]
    following[kept] = old_next[:length]
    following[fresh] = values[order, (chunk + 1) % (bits // 16)]
    rows = numbers[: (length + added) * width].reshape(-1, width)
    if old_width == width:
        rows[kept] = old_numbers[: length * width].reshape(-1, width)
    else:
        rows[kept] = _encoded(decoded(old_numbers, old_width, np.arange(length)), width)
    rows[fresh] = _encoded(order + first, width)
    _estimate(offsets, estimates)


def purge_chunk(
    old: tuple[Array, Array, Array, int],
    renumbered: Array,
    kept: int,
    width: int,
    targets: tuple[Array, Array, Array, Array],
    /,
) -> None:
    """Writes the lists of one chunk without the codes that have no new number."""
    old_offsets, old_next, old_numbers, old_width = old
    offsets, estimates, following, numbers = targets
    length = int(old_offsets[-1])
    fresh = np.full(length, _UNKEPT, np.int64)
    found = decoded(old_numbers, old_width, np.arange(length))
    known = found < len(renumbered)
    fresh[known] = renumbered[found[known]]
    staying = fresh != _UNKEPT
    if int(staying.sum()) != kept:
        raise ValueError("the lists do not hold the codes that are kept")
    offsets[:] = np.concatenate([[0], np.cumsum(staying)])[old_offsets]
    following[:kept] = old_next[:length][staying]
    numbers[: kept * width].reshape(-1, width)[:] = _encoded(fresh[staying], width)
    _estimate(offsets, estimates)


def splice(source: Array, drops: Array, places: Array, values: Array, target: Array, /) -> None:
    """Writes `source` without the positions `drops` and with values put in before `places`."""
    kept = np.ones(len(source), bool)
    kept[drops] = False
    before = np.concatenate([[0], np.cumsum(kept)])
    put = before[places] + np.arange(len(places))
    fresh = np.zeros(len(target), bool)
    fresh[put] = True
    target[~fresh] = source[kept]
    target[put] = values
