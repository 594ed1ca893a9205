"""How far two small pictures are apart once they lie on each other as well as they can; what they show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from hashing.look import BRIGHT_SIDE, COLOUR_SIDE, PICTURE_BYTES
from hashing.look_colour import squeezed

_Floats = NDArray[np.float32]
_Pictures = NDArray[np.uint8]

_BRIGHT_CELLS: Final = BRIGHT_SIDE * BRIGHT_SIDE
_REACH: Final = 2  # cells that a picture may be moved by, each way
_CORE: Final = BRIGHT_SIDE - 2 * _REACH
_BLOCK: Final = 4
_BLOCKS: Final = _CORE // _BLOCK
_MIDDLE: Final = slice(_CORE // 4, _CORE - _CORE // 4)
_TINT_MIDDLE: Final = slice(2, COLOUR_SIDE - 2)
_LUMA_TO_L: Final = np.float32(100 / 255)
_CELLS: Final = 4  # a side of the blocks that detail is counted in
_PLAIN: Final = 8  # standard deviation of brightness up to which a block shows nothing
_GREY: Final = 128
# Added to a mean square of colour, so that the noise of grey icons is no difference of hue.
_COLOURLESS: Final = np.float32(9)
# Added to a product of norms, so that two all but even pictures are not alike by their noise.
_EVEN: Final = np.float32(1e4)
_BATCH: Final = 2048


class Quick(NamedTuple):
    """What is seen without laying one picture on the other, row by row."""

    tint: _Floats
    """Root mean square distance in a* and b* within the middle two thirds."""
    hue: _Floats
    """The same of the whole picture as a share of its colourfulness: that of a small sign on white counts."""
    strokes: _Floats
    """Mean step of brightness from cell to cell, in the plainer of the two."""
    detail: _Floats
    """The share of blocks of 4 x 4 cells that show something, in the plainer of the two.

    Two letters or two discs are alike by chance far more often than two pictures with much in them.
    """


class Aligned(NamedTuple):
    """How two pictures differ where they lie on each other best, row by row."""

    inner: _Floats
    """Correlation of brightness in the middle half: 1 for the same drawing."""
    edges: _Floats
    """Correlation of directed edges, which is strict about strokes and blind to slow shading."""
    bright: _Floats
    """Root mean square difference of brightness, in percent."""
    worst: _Floats
    """The same of the 90th percentile among blocks of 4 x 4 cells."""


def quick_measures(left: _Pictures, right: _Pictures) -> Quick:
    """Of picture i on the left against picture i on the right, of shape (n, 1312), n > 0; 11 µs a row."""
    _check(left, right)
    return _in_batches(_quick, Quick, left, right)


def aligned_measures(left: _Pictures, right: _Pictures) -> Aligned:
    """The same for what needs an alignment; 45 µs a row.

    The left one is moved by up to two cells, to where its brightness correlates best.
    """
    _check(left, right)
    return _in_batches(_aligned, Aligned, left, right)


_Table = TypeVar("_Table", Quick, Aligned)


def _in_batches(
    measure: Callable[[_Pictures, _Pictures], _Table], table: type[_Table], left: _Pictures, right: _Pictures
) -> _Table:
    if len(left) <= _BATCH:
        return measure(left, right)
    starts = range(0, len(left), _BATCH)
    parts = [measure(left[start : start + _BATCH], right[start : start + _BATCH]) for start in starts]
    return table(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _check(left: _Pictures, right: _Pictures) -> None:
    if left.shape != right.shape or left.shape[1:] != (PICTURE_BYTES,):
        raise ValueError(f"Pictures of shapes {left.shape} and {right.shape} cannot be compared.")


def _quick(left: _Pictures, right: _Pictures) -> Quick:
    ours, theirs = _bright_of(left), _bright_of(right)
    return Quick(
        tint=tints_of(left, right),
        hue=_hues(left, right),
        strokes=np.minimum(_strokes(ours), _strokes(theirs)),
        detail=np.minimum(_detail(ours), _detail(theirs)),
    )


def tints_of(left: _Pictures, right: _Pictures) -> _Floats:
    """The tint alone, which costs 1 µs a row and settles most candidates."""
    shape = (len(left), 2, COLOUR_SIDE, COLOUR_SIDE)
    ours = left[:, _BRIGHT_CELLS:].reshape(shape)[..., _TINT_MIDDLE, _TINT_MIDDLE].astype(np.float32)
    theirs = right[:, _BRIGHT_CELLS:].reshape(shape)[..., _TINT_MIDDLE, _TINT_MIDDLE]
    difference = (ours - theirs).reshape(len(left), 2 * 8 * 8)
    return _root(np.einsum("ij,ij->i", difference, difference) / np.float32(difference.shape[1] // 2))


def _aligned(left: _Pictures, right: _Pictures) -> Aligned:
    shape = (len(left), BRIGHT_SIDE, BRIGHT_SIDE)
    core = right[:, :_BRIGHT_CELLS].reshape(shape)[:, _REACH:-_REACH, _REACH:-_REACH].astype(np.float32)
    moved = _moved_onto(left[:, :_BRIGHT_CELLS].reshape(shape).astype(np.float32), core)
    difference = (moved - core) * _LUMA_TO_L
    square = difference * difference
    blocks = square.reshape(len(left), _BLOCKS, _BLOCK, _BLOCKS, _BLOCK).mean((2, 4))
    blocks = np.sort(blocks.reshape(len(left), -1), axis=1)
    return Aligned(
        inner=_correlation(_centred(moved[:, _MIDDLE, _MIDDLE]), _centred(core[:, _MIDDLE, _MIDDLE])),
        edges=_correlation(_edges(moved), _edges(core)),
        bright=_root(blocks.mean(axis=1)),
        worst=_root(blocks[:, blocks.shape[1] * 9 // 10]),
    )


def _hues(left: _Pictures, right: _Pictures) -> _Floats:
    ours = left[:, _BRIGHT_CELLS:].astype(np.float32) - _GREY
    theirs = right[:, _BRIGHT_CELLS:].astype(np.float32) - _GREY
    cells = np.float32(COLOUR_SIDE * COLOUR_SIDE)
    apart = np.einsum("ij,ij->i", ours - theirs, ours - theirs) / cells
    colourful = (np.einsum("ij,ij->i", ours, ours) + np.einsum("ij,ij->i", theirs, theirs)) / (2 * cells)
    return _root(apart / (colourful + _COLOURLESS))


def _bright_of(pictures: _Pictures) -> _Floats:
    return pictures[:, :_BRIGHT_CELLS].reshape(-1, BRIGHT_SIDE, BRIGHT_SIDE).astype(np.float32)


def _strokes(bright: _Floats) -> _Floats:
    flat = bright.reshape(len(bright), -1)
    # Down the rows first: each step is BRIGHT_SIDE cells further on.
    down = np.abs(flat[:, BRIGHT_SIDE:] - flat[:, :-BRIGHT_SIDE]).mean(axis=1)
    across = np.abs(bright[:, :, 1:] - bright[:, :, :-1]).reshape(len(bright), -1).mean(axis=1)
    strokes: _Floats = across + down
    return strokes


def _detail(bright: _Floats) -> _Floats:
    cells = BRIGHT_SIDE // _CELLS
    means = squeezed(bright, cells)
    variances = squeezed(bright * bright, cells) - means * means
    detail: _Floats = (variances > _PLAIN * _PLAIN).mean((1, 2), dtype=np.float32)
    return detail


def _moved_onto(pictures: _Floats, core: _Floats) -> _Floats:
    """The window of each picture that correlates best with the other's core."""
    aim = _centred(core)
    aim_norm = np.einsum("ij,ij->i", aim, aim)
    best = np.full(len(core), -np.inf, np.float32)
    moved = np.empty_like(core)
    # The middle comes first and wins a tie.
    steps = sorted(range(2 * _REACH + 1), key=lambda step: abs(step - _REACH))
    for down in steps:
        for right in steps:
            window = pictures[:, down : down + _CORE, right : right + _CORE]
            flat = _centred(window)
            norm = np.einsum("ij,ij->i", flat, flat)
            likeness = np.einsum("ij,ij->i", flat, aim) / np.sqrt(norm * aim_norm + _EVEN)
            better = likeness > best
            best = np.where(better, likeness, best)
            moved[better] = window[better]
    return moved


def _centred(pictures: _Floats) -> _Floats:
    flat = pictures.reshape(len(pictures), -1)
    centred: _Floats = flat - flat.mean(axis=1, keepdims=True)
    return centred


def _edges(pictures: _Floats) -> _Floats:
    across = pictures[:, 1:-1, 2:] - pictures[:, 1:-1, :-2]
    down = pictures[:, 2:, 1:-1] - pictures[:, :-2, 1:-1]
    return np.concatenate([across.reshape(len(across), -1), down.reshape(len(down), -1)], axis=1)


def _correlation(left: _Floats, right: _Floats) -> _Floats:
    norms = np.einsum("ij,ij->i", left, left) * np.einsum("ij,ij->i", right, right)
    correlation: _Floats = np.einsum("ij,ij->i", left, right) / np.sqrt(norms + _EVEN)
    return correlation


def _root(squares: _Floats) -> _Floats:
    root: _Floats = np.sqrt(squares)
    return root
