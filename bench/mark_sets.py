"""Icons that show what the rule `mark` finds: one of each brand, and others to be found by."""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Final

import numpy as np

from bench.accuracy_data import Rgba, letter_icons
from bench.renditions import KINDS, Part, drawn, is_of_lines, marks
from samelook.looks.look import Look, look_of

LETTERS: Final = 1500
OTHER_VERSION: Final = "another set's"
SAME_SET: Final = "the same set's"
LINES: Final = "redrawn as lines"
REAL: Final = (OTHER_VERSION, SAME_SET, LINES)
"""Kinds of renditions that people drew; all others are drawn by `bench.renditions`."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """An icon that shows the mark of one of the brands."""

    brand: int
    kind: str
    look: Look


@dataclass(frozen=True, eq=False)
class MarkSet:
    """Brands, and other renditions of their marks."""

    names: list[str]
    looks: list[Look]
    """One for each brand."""
    of_lines: list[bool]
    """Whether a brand's only icon is one of thin lines."""
    renditions: list[Rendition]
    letters: list[str]
    letter_looks: list[Look]


def marks_measured(
    file: Path, part: Part, letters: Path, pool: Pool, *, drawn_brands: int, most: int | None = None
) -> MarkSet:
    """The brands of a part with looks of everything; minutes of work. `most` brands, chosen at random."""
    by_brand: dict[str, list[int]] = {}
    found = marks(file, part)
    for row, mark in enumerate(found):
        by_brand.setdefault(mark.brand, []).append(row)
    names = list(by_brand)
    if most is not None and most < len(names):
        chosen = np.random.default_rng(2).permutation(len(names))[:most]
        names = [names[i] for i in np.sort(chosen)]
    first, kinds, icons = [], [], []
    for number, name in enumerate(names):
        rows = sorted(by_brand[name], key=lambda row: is_of_lines(found[row]))
        first.append(found[rows[0]])
        for row in rows[1:]:
            same = found[row].package == found[rows[0]].package
            kinds.append((number, LINES if is_of_lines(found[row]) else SAME_SET if same else OTHER_VERSION))
            icons.append(found[row].rgba)
    for number in np.random.default_rng(5).permutation(len(names)).tolist():
        if drawn_brands and not is_of_lines(first[number]):
            drawn_brands -= 1
            for kind in KINDS:
                kinds.append((number, kind))
                icons.append(drawn(first[number], kind))
    # Points are not checked on the typefaces that they were fitted to.
    alphabet = letter_icons(letters, LETTERS, train=part == "fitted")
    looks = _looks([mark.rgba for mark in first], pool)
    return MarkSet(
        names,
        looks,
        [is_of_lines(mark) for mark in first],
        [Rendition(*kind, look) for kind, look in zip(kinds, _looks(icons, pool), strict=True)],
        [icon.brand.split(" ")[0] for icon in alphabet],
        _looks([icon.rgba for icon in alphabet], pool),
    )


def _looks(icons: list[Rgba], pool: Pool) -> list[Look]:
    return pool.map(look_of, [np.ascontiguousarray(icon) for icon in icons], chunksize=32)


def are_named_alike(one: str, other: str) -> bool:
    """Whether two brands may be one for all that their names say; such pairs count neither way."""
    return one[:4] == other[:4] or one in other or other in one
