"""How well the outlines of two signs lie on each other, where one may be moved, turned, stretched a little.

A filled sign and its outline, a thin and a bold drawing have hardly a point in common, but their edges
run alike. Edges are compared by their direction (as in "Histograms of oriented gradients", Dalal and Triggs,
2005), under each of some hundred small changes.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from samelook.looks.signs import SIDE

_Floats = NDArray[np.float32]
_Cells = NDArray[np.uint8]
_CELLS_A_STEP: Final = 2
_COARSE: Final = SIDE // _CELLS_A_STEP
_WEAK: Final = np.float32(0.08)  # of a step from cell to cell, that is half an edge
_EVEN: Final = np.float32(1e-3)
_STEPS: Final = (-1, 0, 1)  # that outlines are moved by, in coarse cells
_TURNS: Final = tuple(
    (math.radians(degrees), scale)
    for degrees, scale in [(0, 1), (-5, 1), (5, 1), *((d, s) for s in (0.85, 1, 1.18) for d in (-10, 0, 10))]
    if (degrees, scale) != (0, 1) or scale == 1
)
_CHANNELS: Final = 3
OUTLINE_CELLS: Final = _CHANNELS * _COARSE * _COARSE


def contours_of(signs: _Cells) -> _Floats:
    """The outlines in signs, shape (n, 32, 32), as unit vectors of shape (n, 3, 16, 16)."""
    return _unit(_edges(signs.astype(np.float32) / np.float32(255)))


class Laid(NamedTuple):
    """One sign laid on several others: a row for each of these."""

    agreement: _Floats
    """How much the outlines agree, from -1 to 1, in the best place."""
    quarter: _Floats
    """The agreement in the second worst quarter of the picture: a badge in one corner does not lower it."""
    signs: _Cells
    """The sign as it was turned, stretched and moved for this, shape (n, 32, 32)."""


def laid_on(asked: _Cells, found: _Floats) -> Laid:
    """Lay a sign, shape (32, 32), where its outlines agree most with others', shape (n, 3, 16, 16)."""
    changed = _changed(asked)
    moved = _moved(_unit(_edges(changed)))
    others = found.reshape(len(found), -1)
    agree = others @ moved.reshape(len(moved), -1).T
    best = agree.argmax(axis=1)
    ours, theirs = moved[best], found
    products, own, other = (_in_quarters(pair) for pair in (ours * theirs, ours**2, theirs**2))
    quarters = (products + _EVEN) / np.sqrt((own + _EVEN) * (other + _EVEN))
    second = np.sort(quarters, axis=1)[:, 1].astype(np.float32)
    return Laid(agree[np.arange(len(found)), best], second, _lying(changed, best))


def _lying(changed: _Floats, best: NDArray[np.intp]) -> _Cells:
    """The pictures of a sign in the chosen places; `best` numbers them as the rows of `_moved`."""
    step, change = np.divmod(best, len(changed))
    down, across = (_CELLS_A_STEP * np.array(_STEPS)[place] for place in np.divmod(step, len(_STEPS)))
    reach = _CELLS_A_STEP * max(_STEPS)
    padded = np.pad(changed, ((0, 0), (reach, reach), (reach, reach)))
    cells = np.arange(reach, reach + SIDE)
    rows, columns = down[:, None] + cells, across[:, None] + cells
    lying = padded[change[:, None, None], rows[:, :, None], columns[:, None, :]]
    rounded: _Cells = np.rint(lying * 255).clip(0, 255).astype(np.uint8)
    return rounded


def _changed(sign: _Cells) -> _Floats:
    """The sign under every turn and stretch, shape (n, 32, 32)."""
    flat = sign.reshape(-1).astype(np.float32) / 255
    cells, shares = _changes()
    changed: _Floats = np.einsum("kcp,kcp->kp", flat[cells], shares).reshape(-1, SIDE, SIDE)
    return changed


def _edges(signs: _Floats) -> _Floats:
    """Edges in coarse cells: how strong, and twice their direction as a point on a circle."""
    padded = np.pad(signs, ((0, 0), (1, 1), (1, 1)))
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = np.sqrt(across * across + down * down)
    # A pale sign's edges count as much as a strong one's.
    weight = 1 / ((strength + _WEAK) * (strength + np.float32(1e-6)))
    planes = np.stack(
        [strength * strength * weight, (across * across - down * down) * weight, 2 * across * down * weight],
        axis=1,
    )
    coarse = planes.reshape(len(signs), _CHANNELS, _COARSE, 2, _COARSE, 2).mean(axis=(3, 5))
    return _blurred(coarse)


def _blurred(planes: _Floats) -> _Floats:
    return (_smoothing() @ planes @ _smoothing().T).astype(np.float32, copy=False)


@cache
def _smoothing() -> _Floats:
    apart = np.abs(np.arange(_COARSE)[:, None] - np.arange(_COARSE))
    weights: _Floats = np.array([0.5, 0.25, 0], np.float32)[np.minimum(apart, 2)]
    return weights


def _unit(planes: _Floats) -> _Floats:
    planes = planes - np.array([1, 0, 0], np.float32)[:, None, None] * planes.mean(axis=(2, 3), keepdims=True)
    norms = np.sqrt(np.einsum("ncij,ncij->n", planes, planes)) + np.float32(1e-6)
    unit: _Floats = planes / norms[:, None, None, None]
    return unit


def _moved(planes: _Floats) -> _Floats:
    """Each moved by all steps, shape (9 n, 3, 16, 16)."""
    padded = np.pad(planes, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = [
        padded[:, :, 1 + down : 1 + down + _COARSE, 1 + across : 1 + across + _COARSE]
        for down in _STEPS
        for across in _STEPS
    ]
    return np.concatenate(windows)


def _in_quarters(products: _Floats) -> _Floats:
    half = _COARSE // 2
    sums: _Floats = products.reshape(len(products), _CHANNELS, 2, half, 2, half).sum(axis=(1, 3, 5))
    return sums.reshape(len(products), 4)


@cache
def _changes() -> tuple[NDArray[np.intp], _Floats]:
    """For each turn and stretch, which four cells each cell of the changed sign is made of, and how much."""
    rows, columns = np.mgrid[:SIDE, :SIDE].reshape(2, -1) - (SIDE - 1) / 2
    cells, shares = [], []
    for turn, scale in _TURNS:
        down = (math.cos(turn) * rows - math.sin(turn) * columns) / scale + (SIDE - 1) / 2
        across = (math.sin(turn) * rows + math.cos(turn) * columns) / scale + (SIDE - 1) / 2
        top, left = np.floor(down), np.floor(across)
        places, weights = [], []
        for i in (0, 1):
            for j in (0, 1):
                y, x = (top + i).astype(np.intp), (left + j).astype(np.intp)
                inside = (y >= 0) & (y < SIDE) & (x >= 0) & (x < SIDE)
                weight = (1 - np.abs(down - y)) * (1 - np.abs(across - x)) * inside
                places.append(np.where(inside, y * SIDE + x, 0))
                weights.append(weight)
        cells.append(places)
        shares.append(weights)
    return np.array(cells), np.array(shares, np.float32)
