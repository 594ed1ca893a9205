"""Whether two looks show the same mark, in whatever rendition: the rule `mark`.

Vectors of the forms (`samelook.looks.marks`) propose pairs. What is proposed is laid sign on sign: in each
small picture the sign is cut out of its ground, whatever the colours, and brought to one size. How these
differ, how much there is to see in them and how near the vectors are adds up to points.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from samelook.looks.forms import FormName
from samelook.looks.look import BRIGHT_SIDE, PICTURE_BYTES, Look
from samelook.looks.marks import planes_of
from samelook.looks.measures import measures_of

LEAST_COSINE: Final = 0.7
"""Of two vectors, for the pair to be looked at."""
LEAST_POINTS: Final = 1.0
"""For two looks to show the same mark."""

_Floats = NDArray[np.float32]
_Pictures = NDArray[np.uint8]
_SIGN: Final = 0.4  # of the greatest distance from the ground
_LEAST_CELLS: Final = 2  # of a row or column, that the sign reaches into it
_LEAST_SIDE: Final = 4
_NEUTRAL: Final = 128
_INSTEAD: Final[tuple[FormName, ...]] = ("keyed", "trimmed", "trimmed_grey", "inside")


def kept_forms(look: Look) -> list[int]:
    """Which forms of a look have vectors: the whole icon, and its sign without what is around it."""
    names = [form.name for form in look.forms]
    whole = names.index("plain") if "plain" in names else 0
    other = next((names.index(name) for name in _INSTEAD if name in names), whole)
    return sorted({whole, other} if names else ())


class Signs(NamedTuple):
    """The signs in small pictures, row by row."""

    pictures: _Pictures
    """Small pictures themselves, without colour, whose signs are all of one size."""
    breadth: _Floats
    """The shorter side by the longer: a line of words is a narrow strip, as every other is."""

    def of(self, rows: NDArray[np.intp]) -> Signs:
        return Signs(self.pictures[rows], self.breadth[rows])


def signs_of(pictures: _Pictures) -> Signs:
    """The signs cut out of their grounds, whatever the colours."""
    shown = (planes_of(pictures)[..., 3] + 1) / 2
    marked = shown > _SIGN
    top, bottom = _span(marked.sum(axis=2) >= _LEAST_CELLS)
    left, right = _span(marked.sum(axis=1) >= _LEAST_CELLS)
    height, width = bottom - top, right - left
    side = np.maximum(np.maximum(height, width), _LEAST_SIDE).astype(np.float32)
    rows, columns = _window(top, bottom, side), _window(left, right, side)
    signs = np.full((len(pictures), PICTURE_BYTES), _NEUTRAL, np.uint8)
    framed = rows @ shown @ columns.transpose(0, 2, 1)
    signs[:, : BRIGHT_SIDE * BRIGHT_SIDE] = np.rint(framed * 255).clip(0, 255).reshape(len(pictures), -1)
    return Signs(signs, (np.minimum(height, width) / side).astype(np.float32))


MEASURES: Final = (
    "cosine", "inner", "quarter", "rest", "middle", "shift", "scale", "detail", "length", "breadth"
)  # fmt: skip
"""What points are given for: the cosine of the vectors, how the signs compare (`Measures`), and how broad the
narrower of the two is."""


def compared(asked: Signs, found: Signs, cosines: _Floats) -> _Floats:
    """`MEASURES` of pairs of signs, row by row, whose vectors have these cosines; 20 µs a row."""
    of_signs = measures_of(asked.pictures, found.pictures)
    columns = [getattr(of_signs, name) for name in MEASURES[1:-1]]
    return np.column_stack([cosines, *columns, np.minimum(asked.breadth, found.breadth)])


def _span(lines: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the marked lines of each row begin and end; the whole where none is marked."""
    side, some = lines.shape[1], lines.any(axis=1)
    first, last = lines.argmax(axis=1), side - lines[:, ::-1].argmax(axis=1)
    return np.where(some, first, 0), np.where(some, last, side)


def _window(first: NDArray[np.intp], last: NDArray[np.intp], side: _Floats) -> _Floats:
    """Matrices (n, 32, 32) that draw straight lines between the points of a square window."""
    start = (first + last) / 2 - side / 2
    places = (np.arange(BRIGHT_SIDE) + 0.5) / BRIGHT_SIDE * side[:, None] + start[:, None] - 0.5
    apart = np.abs(places[:, :, None] - np.arange(BRIGHT_SIDE))
    weights: _Floats = np.maximum(1 - apart, 0).astype(np.float32)
    return weights
