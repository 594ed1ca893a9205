"""A folder's worth of icons in memory, and who among them shows the same mark as another, however drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from numpy.typing import NDArray

from samelook.looks.agreement import agreement_png
from samelook.looks.mark_trees import points_of
from samelook.looks.same_mark import LEAST_COSINE, LEAST_POINTS, Marks, compared, marks_of

if TYPE_CHECKING:
    from samelook.looks.forms import FormName
    from samelook.looks.look import Look

MOST_CANDIDATES: Final = 100
"""Pairs of signs that are looked at for one sign that is searched with, the nearest by their vectors."""
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
    """Between the signs' vectors."""
    points: float
    picture: str | None = None
    """The file that shows it, if it was drawn."""


class MarkGallery:
    """Looks of icons by number, an icon having one for each frame. Fill it, then ask."""

    def __init__(self) -> None:
        self._owners: list[int] = []
        self._looks: list[Look] = []
        self._known: Marks | None = None

    def add(self, number: int, looks: Sequence[Look]) -> None:
        """Keep an icon's looks."""
        self._owners += [number] * len(looks)
        self._looks += looks
        self._known = None

    def alike(
        self, icons: Sequence[Sequence[Look]], least_points: float = LEAST_POINTS
    ) -> list[list[SameMark]]:
        """For each icon, given by its looks, who shows the same mark: the surest first. Raises BadModel."""
        found: list[dict[int, SameMark]] = [{} for _ in icons]
        askers = [number for number, icon in enumerate(icons) for _ in icon]
        asked, kept = marks_of([look for icon in icons for look in icon]), self._kept()
        if not len(asked.owners) or not len(kept.owners):
            return [[] for _ in icons]
        rows, columns, cosines = _near(asked.vectors, kept.vectors)
        points = points_of(compared(asked, kept, rows, columns))
        for pair in np.argsort(-points, kind="stable").tolist():
            if points[pair] < least_points:
                break
            row, column = int(rows[pair]), int(columns[pair])
            asker = askers[int(asked.owners[row])]
            owner = self._owners[int(kept.owners[column])]
            found[asker].setdefault(
                owner,
                SameMark(
                    owner,
                    cast("FormName", str(kept.forms[column])),
                    cast("FormName", str(asked.forms[row])),
                    round(float(cosines[pair]), 3),
                    round(float(points[pair]), 2),
                ),
            )
        return [list(marks.values()) for marks in found]

    def agreement(self, icon: Sequence[Look], number: int) -> bytes:
        """A PNG of how an icon's sign lies on that of a kept one (`agreement_of`). Raises BadModel."""
        of_number = [look for owner, look in zip(self._owners, self._looks, strict=True) if owner == number]
        return agreement_png(icon, of_number)

    def _kept(self) -> Marks:
        if self._known is None:
            self._known = marks_of(self._looks)
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
