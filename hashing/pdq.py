"""PDQ, Meta's 256-bit perceptual hash, in C or in numpy.

Both repeat the arithmetic of Meta's C++ (which the `pdqhash` package wraps) in the same order and the
same 32-bit floats, so that all three give the same bits; tests compare them.
Reference: "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm" (Facebook, 2019) and
pdq/cpp of the ThreatExchange repository.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from samelook.hashing.loops import LONGEST_SIDE, LOOPS
from samelook.hashing.picture import composite_on

_SIDE = 64
_BITS_SIDE = 16
_SMALLEST_SIDE = 5
_PASSES = 2
_Floats = NDArray[np.float32]


def pdq(pixels: NDArray[np.uint8]) -> tuple[bytes, int]:
    """The hash (32 bytes, in the order of its usual hex) and the quality (0 to 100) of a picture.

    Its shape is (h, w, 3), or (h, w, 4) for straight RGBA, which is put on white. It is hashed at the size it
    has; with a side under 5 pixels it has a hash of zeros and quality 0.
    """
    height, width, channels = pixels.shape
    if height < _SMALLEST_SIDE or width < _SMALLEST_SIDE:
        return bytes(32), 0
    if LOOPS is None or max(height, width) > LONGEST_SIDE:
        return pdq_by_numpy(pixels if channels == 3 else composite_on(pixels))  # noqa: PLR2004
    hash_and_quality: tuple[bytes, int] = LOOPS.pdq(np.ascontiguousarray(pixels), width, height, channels)
    return hash_and_quality


def pdq_by_numpy(rgb: NDArray[np.uint8]) -> tuple[bytes, int]:
    """The same as `pdq` for shape (h, w, 3), without compiled code."""
    height, width = rgb.shape[:2]
    if height < _SMALLEST_SIDE or width < _SMALLEST_SIDE:
        return bytes(32), 0
    luma = (rgb[..., 0] * 0.299 + rgb[..., 1] * 0.587 + rgb[..., 2] * 0.114).astype(np.float32)
    if (height, width) != (_SIDE, _SIDE):
        luma = _shrunk(luma)
    waves = _cosine_transform(luma)
    # Torben's median, which the reference uses, is the lower of the two middle values.
    median = np.sort(waves, axis=None)[waves.size // 2 - 1]
    return np.packbits((waves > median).ravel()[::-1]).tobytes(), _quality(luma)


def _shrunk(luma: _Floats) -> _Floats:
    """64 x 64 samples of the picture after two passes of a box filter along rows and columns."""
    height, width = luma.shape
    for _ in range(_PASSES):
        luma = _box_mean(luma.T, _window(width)).T
        luma = _box_mean(luma, _window(height))
    rows = ((np.arange(_SIDE) + 0.5) * height / _SIDE).astype(np.intp)
    columns = ((np.arange(_SIDE) + 0.5) * width / _SIDE).astype(np.intp)
    samples: _Floats = luma[rows[:, None], columns]
    return samples


def _window(length: int) -> int:
    return (length + 2 * _SIDE - 1) // (2 * _SIDE)


def _box_mean(values: _Floats, window: int) -> _Floats:
    """The mean over a sliding window along the first axis, cut off at both ends.

    The reference keeps one running sum and adds the entering value before it subtracts the leaving one. The
    rounding of that order decides bits, so the steps are laid out in a row and accumulated.
    """
    length = len(values)
    before = (window + 2) // 2 - 1
    entering = np.arange(length + before)
    leaving = entering - window
    steps = np.zeros((2 * len(entering), values.shape[1]), np.float32)
    steps[0 : 2 * length : 2] = values
    steps[1::2][leaving >= 0] = -values[leaving[leaving >= 0]]
    sums = np.add.accumulate(steps, axis=0, dtype=np.float32)[1::2][before:]
    centre = np.arange(length)
    counts = np.minimum(centre + before, length - 1) - np.maximum(centre + before - window, -1)
    means: _Floats = (sums / counts[:, None].astype(np.float32)).astype(np.float32, copy=False)
    return means


@lru_cache(maxsize=1)
def _cosines() -> _Floats:
    """The rows 1 to 16 of a discrete cosine transform of 64 points."""
    scale = float(np.float32(math.sqrt(2 / _SIDE)))
    return np.array(
        [
            [
                scale * math.cos((math.pi / 2 / _SIDE) * (row + 1) * (2 * column + 1))
                for column in range(_SIDE)
            ]
            for row in range(_BITS_SIDE)
        ],
        np.float32,
    )


def _cosine_transform(luma: _Floats) -> _Floats:
    """The lowest 16 x 16 frequencies without the constant one; sums in the reference's order, not BLAS's."""
    cosines = _cosines()
    by_rows = np.add.accumulate(cosines.T[:, :, None] * luma[:, None, :], axis=0, dtype=np.float32)[-1]
    terms = by_rows.T[:, :, None] * cosines.T[:, None, :]
    waves: _Floats = np.add.accumulate(terms, axis=0, dtype=np.float32)[-1]
    return waves


def _quality(luma: _Floats) -> int:
    """How much gradient the 64 x 64 picture has, in the reference's percent."""
    total = 0
    for axis in (0, 1):
        steps = np.diff(luma, axis=axis) * np.float32(100) / np.float32(255)
        total += int(np.abs(np.trunc(steps)).sum(dtype=np.float64))
    return min(total // 90, 100)
