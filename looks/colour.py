"""Colours as people see them, and pictures squeezed to a few pixels."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float32]

# From linear sRGB to X, Y, Z over the white point D65 (IEC 61966-2-1).
_TO_XYZ: Final = (
    np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    / np.array([[0.95047], [1.0], [1.08883]])
).astype(np.float32)
_KNEE: Final = (6 / 29) ** 3


def lab_of(rgb: _Floats) -> _Floats:
    """CIE L*a*b* of sRGB from 0 to 255; the last axis is the channels."""
    share = np.clip(rgb / np.float32(255), 0, 1)
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004
    xyz = linear.astype(np.float32) @ _TO_XYZ.T
    curve = np.where(xyz > _KNEE, np.cbrt(xyz), xyz * (841 / 108) + 4 / 29)
    x, y, z = curve[..., 0], curve[..., 1], curve[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def squeezed(pictures: _Floats, side: int, share: float = 1.0) -> _Floats:
    """Pictures (..., n, n) as means over side x side cells of their middle `share`."""
    cells = cell_means(pictures.shape[-1], side, share)
    means: _Floats = (cells @ pictures @ cells.T).astype(np.float32, copy=False)
    return means


@lru_cache(maxsize=64)
def cell_means(length: int, cells: int, share: float, offset: float = 0.0) -> _Floats:
    """A matrix (cells, length): row i takes the mean of cell i of the middle `share` of a line.

    A share above 1 looks beyond the ends, where the line goes on with its last value. `offset` moves
    the window by a part of the line.
    """
    edges = (np.arange(cells + 1) / cells * share + (1 - share) / 2 + offset) * length
    matrix = np.zeros((cells, length))
    for cell in range(cells):
        left, right = edges[cell], edges[cell + 1]
        for pixel in range(int(np.floor(left)), int(np.ceil(right))):
            covered = min(right, pixel + 1) - max(left, pixel)
            if covered > 0:
                matrix[cell, min(max(pixel, 0), length - 1)] += covered
    matrix /= matrix.sum(axis=1, keepdims=True)
    return matrix.astype(np.float32)
