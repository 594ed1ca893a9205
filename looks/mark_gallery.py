"""A folder's worth of icons in memory, and who among them shows the same mark as another, however drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from samelook.looks.mark_trees import points_of
from samelook.looks.marks import vectors_of
from samelook.looks.same_mark import (
    LEAST_COSINE,
    LEAST_POINTS,
    Signs,
    compared,
    kept_forms,
    signs_of,
)

if TYPE_CHECKING:
    from samelook.looks.forms import FormName
    from samelook.looks.look import Look

MOST_CANDIDATES: Final = 100
"""Pairs of forms that are looked at for one form that is searched with, the nearest by their vectors."""
_ROWS: Final = 1 << 25  # cosines held at once


@dataclass(frozen=True, slots=True)
class SameMark:
    """An icon of the gallery that shows the same mark, and why."""

    number: int
    form: FormName
    """Of the icon that was found."""
    asked: FormName
    """Of the icon that was searched with."""
    cosine: float
    """Between the forms' vectors."""
    points: float


class MarkGallery:
    """Looks of icons by number, an icon having one for each frame. Fill it, then ask."""

    def __init__(self) -> None:
        self._owners: list[int] = []
        self._names: list[FormName] = []
        self._raw: list[bytes] = []
        self._known: tuple[NDArray[np.float32], Signs] | None = None

    def add(self, number: int, looks: Sequence[Look]) -> None:
        """Keep an icon's looks."""
        for look in looks:
            for which in kept_forms(look):
                self._owners.append(number)
                self._names.append(look.forms[which].name)
                self._raw.append(look.forms[which].picture)
        self._known = None

    def alike(
        self, icons: Sequence[Sequence[Look]], least_points: float = LEAST_POINTS
    ) -> list[list[SameMark]]:
        """For each icon, given by its looks, who shows the same mark: the surest first. Raises BadModel."""
        found: list[dict[int, SameMark]] = [{} for _ in icons]
        forms = [
            (number, look.forms[which])
            for number, icon in enumerate(icons)
            for look in icon
            for which in kept_forms(look)
        ]
        if not forms or not self._owners:
            return [[] for _ in icons]
        pictures = _stacked([form.picture for _, form in forms])
        vectors, signs = self._kept()
        rows, columns, cosines = _near(vectors_of(pictures), vectors)
        if len(rows):
            points = points_of(compared(signs_of(pictures).of(rows), signs.of(columns), cosines))
            for pair in np.argsort(-points, kind="stable").tolist():
                if points[pair] < least_points:
                    break
                (asker, form), column = forms[int(rows[pair])], int(columns[pair])
                owner = self._owners[column]
                cosine, total = round(float(cosines[pair]), 3), round(float(points[pair]), 2)
                mark = SameMark(owner, self._names[column], form.name, cosine, total)
                found[asker].setdefault(owner, mark)
        return [list(marks.values()) for marks in found]

    def _kept(self) -> tuple[NDArray[np.float32], Signs]:
        if self._known is None:
            pictures = _stacked(self._raw)
            self._known = vectors_of(pictures), signs_of(pictures)
        return self._known


def _near(
    vectors: NDArray[np.float32], kept: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Which of the vectors are near which kept ones, pair by pair, and their cosines."""
    step = max(1, _ROWS // len(kept))
    parts = []
    for start in range(0, len(vectors), step):
        cosines = vectors[start : start + step] @ kept.T
        least = np.full(len(cosines), LEAST_COSINE, np.float32)
        if len(kept) > MOST_CANDIDATES:
            hundredth = np.partition(cosines, -MOST_CANDIDATES, axis=1)[:, -MOST_CANDIDATES]
            least = np.maximum(least, hundredth)
        rows, columns = np.nonzero(cosines >= least[:, None])
        parts.append((rows + start, columns, cosines[rows, columns]))
    rows, columns, near = (np.concatenate(column) for column in zip(*parts, strict=True))
    return rows, columns, near


def _stacked(pictures: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(pictures), np.uint8).reshape(len(pictures), -1)
