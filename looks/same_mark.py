"""Whether two looks show the same mark, in whatever rendition: the rule `mark`.

Of each look up to two signs are kept (`samelook.looks.signs`). Vectors of signs (`samelook.looks.marks`)
propose pairs. What is proposed is laid sign on sign; how these differ, how much there is to see in them, how
near the vectors are and how near they are to everybody else's adds up to points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from samelook.looks.contours import contours_of, laid_on
from samelook.looks.look import PICTURE_BYTES
from samelook.looks.mark_trees import points_of
from samelook.looks.marks import crowds_of, letters_of, vectors_of
from samelook.looks.measures import measures_of
from samelook.looks.signs import SIDE, Cut, cut_out

if TYPE_CHECKING:
    from samelook.looks.forms import FormName
    from samelook.looks.look import Form, Look

LEAST_COSINE: Final = 0.5
"""Of two vectors, for the pair to be looked at."""
LEAST_POINTS: Final = 1.5
"""For two looks to show the same mark: one of 100,000 pairs of strangers has so many."""
FAINT_POINTS: Final = -1.5
"""For two looks to be one mark where more speaks for it: of strangers fewer than one pair in 10,000."""

_Floats = NDArray[np.float32]
_Rows = NDArray[np.intp]
_Pictures = NDArray[np.uint8]
_NEUTRAL: Final = 128
_FIRST: Final[tuple[FormName, ...]] = ("trimmed", "plain", "keyed", "trimmed_grey")
_SECOND: Final[tuple[FormName, ...]] = ("inside", "keyed", "trimmed_grey", "plain")
_TOGETHER: Final = 256


class Marks(NamedTuple):
    """The signs of looks, row by row: at most two of each look."""

    owners: _Rows
    """Which look of those that were given."""
    forms: NDArray[np.str_]
    """The forms that the signs were cut from."""
    vectors: _Floats
    crowds: _Floats
    """How near the vectors of other marks are (`crowds_of`)."""
    letters: _Floats
    """How near the nearest letter is (`letters_of`)."""
    pictures: _Pictures
    """Small pictures without colour, shape (n, 1312): how far each point is from the ground."""
    outlines: _Floats
    """`contours_of` them, shape (n, 3, 16, 16)."""
    breadths: _Floats
    """The shorter side of each sign by the longer."""

    def of(self, rows: _Rows) -> Marks:
        return Marks(
            self.owners[rows],
            self.forms[rows],
            self.vectors[rows],
            self.crowds[rows],
            self.letters[rows],
            self.pictures[rows],
            self.outlines[rows],
            self.breadths[rows],
        )


def marks_of(looks: Sequence[Look]) -> Marks:
    """The signs that looks show. Raises BadModel."""
    parts = [_marks_of(looks[at : at + _TOGETHER], at) for at in range(0, len(looks), _TOGETHER)]
    if not parts:
        return _marks_of((), 0)
    return Marks(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _marks_of(looks: Sequence[Look], start: int) -> Marks:
    first = [(number, form) for number, look in enumerate(looks) if (form := _form(look, _FIRST))]
    chosen = {number: form.name for number, form in first}
    second = [
        (number, form)
        for number, look in enumerate(looks)
        if (form := _form(look, _SECOND)) and form.name != chosen.get(number)
    ]
    # Both forms are cut in one call, because calls of numpy, not the few pictures, are what takes time. Where
    # the first form shows a tile, the sign on the tile is the look's second one, and that of the second form
    # is dropped.
    whole, rows, under = cut_out(_stacked([form for _, form in (*first, *second)]))
    on_tiles = np.flatnonzero(rows < len(first))
    tiled = [first[row] for row in rows[on_tiles].tolist()]
    on_tile = {number for number, _ in tiled}
    others = [row for row, (number, _) in enumerate(second) if number not in on_tile]
    kept = [*range(len(first)), *(len(first) + row for row in others)]
    named = [*first, *(second[row] for row in others), *tiled]
    cut = Cut(
        np.concatenate([whole.signs[kept], under.signs[on_tiles]]),
        np.concatenate([whole.breadth[kept], under.breadth[on_tiles]]),
    )
    order = np.argsort([number for number, _ in named], kind="stable").astype(np.intp)
    outlines = contours_of(cut.signs)
    vectors = vectors_of(cut.signs, outlines)
    pictures = np.full((len(named), PICTURE_BYTES), _NEUTRAL, np.uint8)
    pictures[:, : SIDE * SIDE] = cut.signs.reshape(len(named), SIDE * SIDE)
    owners = np.array([number for number, _ in named], np.intp) + start
    names = np.array([form.name for _, form in named], np.str_)
    crowds, letters = crowds_of(vectors), letters_of(vectors)
    return Marks(owners, names, vectors, crowds, letters, pictures, outlines, cut.breadth).of(order)


def signs_in(pictures: _Pictures) -> _Pictures:
    """The signs in small pictures, shape (n, 32, 32)."""
    return pictures[:, : SIDE * SIDE].reshape(-1, SIDE, SIDE)


def _form(look: Look, names: Sequence[FormName]) -> Form | None:
    by_name = {form.name: form for form in look.forms}
    return next((by_name[name] for name in names if name in by_name), None)


def _stacked(forms: Sequence[Form]) -> _Pictures:
    return np.frombuffer(b"".join(form.picture for form in forms), np.uint8).reshape(-1, PICTURE_BYTES)


MEASURES: Final = (
    "cosine", "laid", "crowd", "letter", "outlines", "outline_quarter", "inner", "rest", "middle", "breadth",
)  # fmt: skip
"""What points are given for: the vectors' cosine, as the signs stand and with one laid on the other, how
near others are to both, how near a letter is to the one less like it, how the outlines lie on each other, how
the signs compare once the one lies on the other (`Measures`), and how broad the narrower one is."""
_OF_SIGNS: Final = ("inner", "rest", "middle")


def compared(asked: Marks, found: Marks, rows: _Rows, columns: _Rows) -> _Floats:
    """`MEASURES` of pairs of signs, row i of the one with column j of the other; 0.3 ms a pair."""
    if not len(rows):
        return np.empty((0, len(MEASURES)), np.float32)
    ours, theirs = asked.of(rows), found.of(columns)
    cosines = np.einsum("ij,ij->i", ours.vectors, theirs.vectors, dtype=np.float32)
    outlines = np.empty((len(rows), 2), np.float32)
    lying = ours.pictures
    order = np.argsort(rows, kind="stable")
    ends = np.flatnonzero(np.diff(rows[order])) + 1
    for group in np.split(order, ends):
        sign = signs_in(asked.pictures[rows[group[0]]][None])[0]
        laid = laid_on(sign, found.outlines[columns[group]])
        outlines[group, 0], outlines[group, 1] = laid.agreement, laid.quarter
        lying[group, : SIDE * SIDE] = laid.signs.reshape(len(group), SIDE * SIDE)
    of_signs = measures_of(lying, theirs.pictures)
    vectors = vectors_of(signs_in(lying))
    return np.column_stack(
        [
            cosines,
            np.einsum("ij,ij->i", vectors, theirs.vectors, dtype=np.float32),
            (ours.crowds + theirs.crowds) / 2,
            np.minimum(ours.letters, theirs.letters),
            outlines,
            *(getattr(of_signs, name) for name in _OF_SIGNS),
            np.minimum(ours.breadths, theirs.breadths),
        ]
    )


class Likest(NamedTuple):
    """The two signs, one of each of two icons, that show one mark most surely."""

    points: float
    cosine: float
    form: str
    """Of the icon that was found."""
    asked: str
    """Of the icon that was searched with."""


def likest(asked: Marks, found: Marks, least: float = LEAST_POINTS) -> Likest | None:
    """What shows that an icon has the mark of another, with so many points at least, if it has."""
    cosines = asked.vectors @ found.vectors.T
    rows, columns = np.nonzero(cosines >= LEAST_COSINE)
    points = points_of(compared(asked, found, rows, columns))
    if not len(points) or points.max() < least:
        return None
    best = int(points.argmax())
    row, column = rows[best], columns[best]
    return Likest(
        round(float(points[best]), 2),
        round(float(cosines[row, column]), 3),
        str(found.forms[column]),
        str(asked.forms[row]),
    )
