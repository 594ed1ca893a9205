"""The block mean value hash of Yang, Gu and Niu (2006), as the blockhash.io projects define it.

Bit-identical to the published reference in Python and JavaScript (commonsmachinery/blockhash-python,
npm's blockhash-core): the picture is reduced to N x N sums of R+G+B, and each sum is compared with
the median of its quarter of the rows. All four hashes of a picture are made in C where it was compiled;
a few matrix products give the same bits.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from samelook.hashing.loops import LONGEST_SIDE, LOOPS

_TRANSPARENT_COUNTS_AS = 3 * 255
_BANDS = 4
_SMALLEST = 16
_EXACT_IN_FLOAT32 = 16_000


class Blockhashes(NamedTuple):
    """The four hashes, in lower-case hex: 64 digits for 16 x 16 bits, 16 for 8 x 8."""

    precise_16: str
    quick_16: str
    precise_8: str
    quick_8: str


def blockhash(rgba: NDArray[np.uint8], bits: int = 16, *, quick: bool = False) -> str:
    """The hash of a picture of shape (h, w, 4), in bits*bits/4 hex digits; `bits` is a power of two from 2.

    The quick method gives each block the same whole number of pixels and drops the rest at the right
    and at the bottom; the precise one shares a pixel between the blocks it lies in. When both
    sides are divisible by `bits` they are the same. Fully transparent pixels count as white;
    partly transparent ones count by their colour alone. A side under `bits` pixels makes the quick hash zero.
    """
    if bits < 2 or bits & (bits - 1):  # noqa: PLR2004 - four bands need four blocks
        raise ValueError(f"bits must be a power of two from 2, not {bits}")
    height, width = rgba.shape[:2]
    return _hex(_sums(_brightness(rgba), bits, quick=quick), bits, _area(height, width, bits, quick=quick))


def blockhashes(rgba: NDArray[np.uint8]) -> Blockhashes:
    """All four hashes of a picture of shape (h, w, 4), for about the cost of one."""
    height, width = rgba.shape[:2]
    if LOOPS is None or max(height, width) > LONGEST_SIDE:
        return blockhashes_by_numpy(rgba)
    hashes = LOOPS.blockhashes(np.ascontiguousarray(rgba), width, height, 4).hex()
    return Blockhashes(hashes[:64], hashes[64:128], hashes[128:144], hashes[144:])


def blockhashes_by_numpy(rgba: NDArray[np.uint8]) -> Blockhashes:
    """The same as `blockhashes`, without compiled code."""
    height, width = rgba.shape[:2]
    brightness = _brightness(rgba)
    even = height % 16 == 0 and width % 16 == 0
    if even:
        precise_16 = quick_16 = _sums(brightness, 16, quick=True)
    else:
        precise_16, quick_16 = _both_sums(brightness)
    # Two blocks of sixteenths make one of eighths, exactly, unless pixels are larger than blocks
    # (then the reference's rounding differs), or the quick method drops different pixels.
    large = min(height, width) >= _SMALLEST
    precise_8 = _in_fours(precise_16) if large else _sums(brightness, 8, quick=False)
    same_cut = height // 8 == height // 16 * 2 and width // 8 == width // 16 * 2
    quick_8 = _in_fours(quick_16) if same_cut else _sums(brightness, 8, quick=True)
    precise_16_hex = _hex(precise_16, 16, height * width / 256)
    precise_8_hex = _hex(precise_8, 8, height * width / 64)
    return Blockhashes(
        precise_16_hex,
        precise_16_hex if even else _hex(quick_16, 16, (height // 16) * (width // 16)),
        precise_8_hex,
        precise_8_hex if even else _hex(quick_8, 8, (height // 8) * (width // 8)),
    )


def _area(height: int, width: int, bits: int, *, quick: bool) -> float:
    """Pixels in a block."""
    return (height // bits) * (width // bits) if quick else height * width / (bits * bits)


def _brightness(rgba: NDArray[np.uint8]) -> NDArray[np.float32]:
    """R+G+B of each pixel, white's for a fully transparent one."""
    total = np.add(rgba[..., 0], rgba[..., 1], dtype=np.uint16)
    total += rgba[..., 2]
    alpha = rgba[..., 3]
    if not alpha.all():
        total[alpha == 0] = _TRANSPARENT_COUNTS_AS
    return total.astype(np.float32)


def _sums(brightness: NDArray[np.float32], bits: int, *, quick: bool) -> NDArray[np.float64]:
    """The sum of each block, shape (bits, bits)."""
    height, width = brightness.shape
    if height % bits == 0 and width % bits == 0:
        quick = True
    rows, columns = (_quick_weights, _quick_weights) if quick else (_precise_weights, _precise_weights)
    sums: NDArray[np.float64] = _rows_summed(rows(height, bits), brightness) @ columns(width, bits).T
    return sums


def _both_sums(brightness: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The sums of 16 x 16 blocks by the precise and the quick method, reading the picture once."""
    height, width = brightness.shape
    by_rows = _rows_summed(_stacked_weights(height), brightness)
    precise: NDArray[np.float64] = by_rows[:16] @ _precise_weights(width, 16).T
    quick: NDArray[np.float64] = by_rows[16:] @ _quick_weights(width, 16).T
    return precise, quick


def _rows_summed(weights: NDArray[np.float64], brightness: NDArray[np.float32]) -> NDArray[np.float64]:
    """Weighted sums of rows, exact, so that the order in which BLAS adds cannot matter.

    A sum is a multiple of 1/bits and at most 765 * (height / bits + 1): under 16,000 rows that fits
    the 24 bits of a float32, which halves the time. All later sums fit the 53 bits of a float64.
    """
    if len(brightness) < _EXACT_IN_FLOAT32:
        return (weights.astype(np.float32) @ brightness).astype(np.float64)
    product: NDArray[np.float64] = weights @ brightness
    return product


def _in_fours(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    pairs = sums[0::2] + sums[1::2]
    folded: NDArray[np.float64] = pairs[:, 0::2] + pairs[:, 1::2]
    return folded


@lru_cache(maxsize=256)
def _quick_weights(length: int, bits: int) -> NDArray[np.float64]:
    """Which pixels of a side belong to which block, shape (bits, length)."""
    weights = np.zeros((bits, length))
    size = length // bits
    for block in range(bits):
        weights[block, block * size : (block + 1) * size] = 1
    return weights


@lru_cache(maxsize=256)
def _precise_weights(length: int, bits: int) -> NDArray[np.float64]:
    """How much of each pixel of a side belongs to which block, shape (bits, length).

    As in the reference, also where a block is smaller than a pixel: a pixel is given to the block in which it
    begins, and if the next block's edge lies in it, by the fraction after that edge to the next one.
    Every division is by a power of two, so all values are exact.
    """
    weights = np.zeros((bits, length))
    if length % bits == 0:
        return _quick_weights(length, bits)
    size = length / bits
    for pixel in range(length):
        into_block = (pixel + 1) % size
        after_edge = into_block % 1
        first = int(pixel // size)
        last = first
        if into_block < 1 and pixel + 1 != length:
            last = int(-(-pixel // size))
        weights[first, pixel] += 1 - after_edge
        weights[last, pixel] += after_edge
    return weights


@lru_cache(maxsize=256)
def _stacked_weights(length: int) -> NDArray[np.float64]:
    return np.vstack((_precise_weights(length, 16), _quick_weights(length, 16)))


def _hex(sums: NDArray[np.float64], bits: int, area: float) -> str:
    """One bit a block: brighter than the median of its band of rows.

    Where black or white covers most of a band its median is that colour and most blocks equal it. Those are 1
    in the brighter half of the scale and 0 in the darker; so the reference avoids hashes of noise.
    """
    bands = sums.reshape(_BANDS, bits * bits // _BANDS)
    ordered = np.sort(bands, axis=1)
    middle = bits * bits // _BANDS // 2
    # A band of one block (bits = 2) is its own median.
    median = ordered[:, middle : middle + 1]
    if middle:
        median = (ordered[:, middle - 1 : middle] + median) / 2
    difference = bands - median
    set_bits = difference > 0
    bright = median > area * 256 * 3 / 2
    if bright.any():
        set_bits |= (np.abs(difference) < 1) & bright
    return np.packbits(set_bits).tobytes().hex()
