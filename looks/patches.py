"""What little pieces a sign is made of, and roughly where: strokes, corners, bows.

Every second patch of 8 by 8 cells is compared with typical ones, which were learned from signs (Coates, Lee
and Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", 2011). How much of each there
is, in each of 4 by 4 parts of the picture, tells drawings apart whose outlines run alike, and hardly changes
where a line is thicker or the whole is moved a little.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from samelook.looks.signs import SIDE

PATCH: Final = 8
ATOMS: Final = 128
_STEP: Final = 2
_PARTS: Final = 4
_PLACES: Final = (SIDE - PATCH) // _STEP + 1
FOUND: Final = ATOMS * _PARTS * _PARTS
"""Numbers that say which patches are where."""
_EVEN: Final = np.float32(0.01)
_FLAT: Final = np.float32(0.04)  # a patch with less contrast shows nothing
_LEAST: Final = np.float32(0.5)  # likeness to a typical patch that does not count yet
_SHARE: Final = np.float32(1 / 255)
_MEAN: Final = np.full(PATCH * PATCH, 1 / (PATCH * PATCH), np.float32)
_TOGETHER: Final = 64

_Floats = NDArray[np.float32]
_Signs = NDArray[np.uint8]


class Atoms(NamedTuple):
    """The typical patches."""

    weights: _Floats
    """What each cell of a patch adds to its likeness to each, shape (64, ATOMS)."""
    offsets: _Floats
    """What is taken off the likeness to each, shape (ATOMS,)."""


def patches_in(signs: _Signs) -> tuple[_Floats, _Floats]:
    """The patches of signs, shape (n, 169, 64), with mean 0 and deviation near 1, and their deviations."""
    patches = signs.reshape(-1, SIDE * SIDE)[:, _CELLS] * _SHARE
    patches -= (patches @ _MEAN)[..., None]
    variances = np.einsum("npc,npc->np", patches, patches) / np.float32(PATCH * PATCH)
    patches /= np.sqrt(variances + _EVEN)[..., None]
    return patches, np.sqrt(variances)


def found_in(signs: _Signs, atoms: Atoms) -> _Floats:
    """How much of each typical patch is where in signs of shape (n, 32, 32): unit vectors, (n, FOUND)."""
    starts = range(0, len(signs), _TOGETHER)
    parts = [_found_in(signs[start : start + _TOGETHER], atoms) for start in starts]
    return np.concatenate(parts) if parts else np.empty((0, FOUND), np.float32)


def _found_in(signs: _Signs, atoms: Atoms) -> _Floats:
    patches, deviations = patches_in(signs)
    likeness = patches @ atoms.weights
    likeness -= atoms.offsets + _LEAST
    np.maximum(likeness, 0, out=likeness)
    likeness *= (deviations >= _FLAT)[..., None]
    # The root keeps what there is much of from drowning the rest.
    roots = np.sqrt(_parts() @ likeness).reshape(len(signs), FOUND)
    roots /= np.linalg.norm(roots, axis=1, keepdims=True) + np.float32(1e-3)
    return roots


@cache
def _parts() -> _Floats:
    """A matrix (16, 169) of means over the patches that begin in each part of the picture.

    Parts overlap by a place, so that mirrored signs are measured alike.
    """
    places = np.arange(_PLACES) - (_PLACES - 1) // _PARTS * np.arange(_PARTS)[:, None]
    lines = ((places >= 0) & (places <= (_PLACES - 1) // _PARTS)) / ((_PLACES - 1) // _PARTS + 1)
    return np.kron(lines, lines).astype(np.float32)


_CORNERS: Final = np.arange(0, SIDE - PATCH + 1, _STEP)
_OFFSETS: Final = np.arange(PATCH)
_LINES: Final = _CORNERS[:, None] + _OFFSETS
# The cells of each patch, shape (169, 64).
_CELLS: Final = (_LINES[:, None, :, None] * SIDE + _LINES[None, :, None, :]).reshape(-1, PATCH * PATCH)
