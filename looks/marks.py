"""What mark a sign is, however it is drawn: a vector of 256 numbers, by a map that was learned.

Signs are cut out as `samelook.looks.signs` says, from the small pictures that a look keeps, so that every
stored look can be given vectors at any time, without its icon. Vectors of one mark point in nearly one
direction. `training/README.md` says how the map was made, `docs/looks.md` how good it is.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from samelook.looks.contours import OUTLINE_CELLS, contours_of
from samelook.looks.patches import ATOMS, FOUND, PATCH, Atoms, found_in

BITS: Final = 256
CODE_BYTES: Final = BITS // 8
CROWD: Final = 4096
"""Marks whose codes come with the map; how near the nearest of them are tells whether a shape is common."""
LETTERS: Final = 735
"""How many letters, of six families of typefaces, have codes in the map's file."""
MODEL: Final = 4
"""Goes up with every training: vectors of two models mean nothing to each other."""
SHA256: Final = "28eaab56a05a7ee79d3ff4b8a0c85a7c32fd09a78c9f15b4b34d9e31da368299"
FILE: Final = "marks.map"

FEATURES: Final = FOUND + OUTLINE_CELLS
"""Numbers that are measured of a sign."""

_Floats = NDArray[np.float32]
_Codes = NDArray[np.uint8]
_EVEN: Final = np.float32(1e-3)
_OUTLINES_COUNT: Final = np.float32(0.5)  # beside the pieces, when the map was made
# How common a shape is: how near it is, in the mean, to the _NEIGHBOURS nearest marks of the crowd, without
# the first _PASSED of them, which may be the mark itself.
_PASSED: Final = 10
_NEIGHBOURS: Final = 30


class BadModel(RuntimeError):
    """The file of the map is not the one that this version was made with."""


class _Model(NamedTuple):
    atoms: Atoms
    linear: _Floats
    added: _Floats
    crowd: _Floats
    """Vectors as far as codes say, shape (256, CROWD)."""
    letters: _Floats
    """Vectors of letters, as far as codes say, shape (256, LETTERS)."""


@cache
def _model() -> _Model:
    """Raises BadModel."""
    raw = files("samelook.looks").joinpath(FILE).read_bytes()
    of_atoms, of_map = (PATCH * PATCH + 1) * ATOMS, (FEATURES + 1) * BITS
    numbers = of_atoms + of_map
    if hashlib.sha256(raw).hexdigest() != SHA256 or len(raw) != 2 * numbers + (CROWD + LETTERS) * CODE_BYTES:
        raise BadModel(f"{FILE} is not the file of model {MODEL}; install the package again.")
    floats = np.frombuffer(raw, "<f2", numbers).astype(np.float32)
    patches, table = floats[:of_atoms].reshape(-1, ATOMS), floats[of_atoms:].reshape(-1, BITS)
    codes = np.frombuffer(raw, np.uint8, offset=2 * numbers).reshape(-1, CODE_BYTES)
    crowd, letters = _signed(codes[:CROWD]).T, _signed(codes[CROWD:]).T
    return _Model(Atoms(patches[:-1], patches[-1]), table[:-1], table[-1], crowd, letters)


def load_map() -> None:
    """Read the map, which otherwise the first vector waits for. Raises BadModel."""
    _model()


def vectors_of(signs: _Codes, outlines: _Floats | None = None) -> _Floats:
    """Unit vectors, shape (n, 256), of signs of shape (n, 32, 32) (`Cut.signs`). Raises BadModel.

    Whoever has the signs' outlines (`contours_of`) already may give them.

    Their last bits differ between machines.
    """
    model = _model()
    return mapped(features_of(signs, model.atoms, outlines), model.linear, model.added)


def mapped(features: _Floats, linear: _Floats, added: _Floats) -> _Floats:
    """Unit vectors by a map, of what was measured."""
    vectors = features @ linear + added
    unit: _Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _EVEN)
    return unit


def features_of(signs: _Codes, atoms: Atoms, outlines: _Floats | None = None) -> _Floats:
    """What is measured of signs, shape (n, FEATURES): what pieces they are made of, and their outlines."""
    if outlines is None:
        outlines = contours_of(signs)
    edges = outlines.reshape(len(signs), OUTLINE_CELLS) * _OUTLINES_COUNT
    return np.concatenate([found_in(signs, atoms), edges], axis=1)


def crowds_of(vectors: _Floats) -> _Floats:
    """How near other marks are, in the mean of some of the nearest: more for a ring than for a face.

    Raises BadModel.
    """
    near = np.partition(vectors @ _model().crowd, -_NEIGHBOURS, axis=1)[:, -_NEIGHBOURS:]
    crowds: _Floats = np.sort(near, axis=1)[:, : _NEIGHBOURS - _PASSED].mean(axis=1)
    return crowds


def letters_of(vectors: _Floats) -> _Floats:
    """How near the nearest letter is: a 5 and an S, or a b and an h, are nearly one sign. Raises BadModel."""
    nearest: _Floats = (vectors @ _model().letters).max(axis=1)
    return nearest


def codes_of(vectors: _Floats) -> _Codes:
    """The signs of vectors, shape (n, 32): what is alike differs in few of the 256 bits."""
    return np.packbits(vectors > 0, axis=1)


def _signed(codes: _Codes) -> _Floats:
    """Unit vectors with the signs that codes have."""
    bits = np.unpackbits(codes, axis=1).astype(np.float32)
    signed: _Floats = (2 * bits - 1) / np.float32(np.sqrt(BITS))
    return signed
