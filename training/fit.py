"""Fits the points of the rule `mark`: `python -m training.fit` prints the table of `looks/mark_trees.py`.

The brands are those that the map was not made from, less those that `bench/marks.py` checks the rule on.
"""

from __future__ import annotations

import argparse
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.accuracy_fit import Trees, fit, table_of
from bench.accuracy_sets import CACHE
from bench.mark_sets import REAL, MarkSet, are_named_alike, marks_measured
from samelook.looks.rules import WIDE, compare
from samelook.looks.same_mark import LEAST_COSINE, MEASURES, Marks, compared, marks_of

TREES: Final = 60
_RISING: Final = frozenset({"cosine", "laid", "outlines", "outline_quarter", "inner", "breadth"})
RISING: Final = tuple(name in _RISING for name in MEASURES)
"""Whether more of a measure is more alike."""
# A pair of brands counts for a dozen pairs of letters; a mark that people drew anew for two that we did.
_BRAND_WEIGHT: Final = 12.0
_REAL_WEIGHT: Final = 2.0
_TWIN_COSINE: Final = 0.85

_Floats = NDArray[np.float32]


def strangers(ours: Marks, theirs: Marks) -> tuple[NDArray[np.int64], _Floats]:
    """Pairs of different looks that the vectors propose, by their numbers, with their measures.

    Of the signs of two looks the pair with the nearest vectors counts.
    """
    cosines = ours.vectors @ theirs.vectors.T
    rows, columns = np.nonzero(cosines >= LEAST_COSINE)
    near = cosines[rows, columns]
    pairs = np.column_stack([ours.owners[rows], theirs.owners[columns]])
    if ours is theirs:
        kept = pairs[:, 0] < pairs[:, 1]
        rows, columns, near, pairs = rows[kept], columns[kept], near[kept], pairs[kept]
    order = np.lexsort((-near, pairs[:, 1], pairs[:, 0]))
    first = np.ones(len(order), np.bool_)
    first[1:] = (np.diff(pairs[order], axis=0) != 0).any(axis=1)
    best = order[first]
    return pairs[best], compared(ours, theirs, rows[best], columns[best])


def renditions(marks: MarkSet, brands: Marks, shown: Marks) -> tuple[_Floats, NDArray[np.float64]]:
    """The measures of each rendition with its brand, where the vectors propose it, and its weight."""
    rows, columns, weights = [], [], []
    by_brand: dict[int, list[int]] = {}
    for row, owner in enumerate(brands.owners.tolist()):
        by_brand.setdefault(owner, []).append(row)
    by_rendition: dict[int, list[int]] = {}
    for row, owner in enumerate(shown.owners.tolist()):
        by_rendition.setdefault(owner, []).append(row)
    for number, rendition in enumerate(marks.renditions):
        pairs = [(a, b) for a in by_rendition.get(number, ()) for b in by_brand.get(rendition.brand, ())]
        if pairs:
            row, column = max(pairs, key=lambda pair: float(shown.vectors[pair[0]] @ brands.vectors[pair[1]]))
            rows.append(row)
            columns.append(column)
            weights.append(_REAL_WEIGHT if rendition.kind in REAL else 1.0)
    measures = compared(shown, brands, np.array(rows, np.intp), np.array(columns, np.intp))
    kept = measures[:, MEASURES.index("cosine")] >= LEAST_COSINE
    return measures[kept], np.array(weights)[kept]


def fitted(marks: MarkSet) -> Trees:
    """Trees that tell renditions of a mark from other marks and from letters."""
    brands, shown, letters = (
        marks_of(looks)
        for looks in (marks.looks, [rendition.look for rendition in marks.renditions], marks.letter_looks)
    )
    apart, unlike = strangers(brands, brands)
    kept = [
        not are_named_alike(marks.names[a], marks.names[b])
        and (near < _TWIN_COSINE or compare(marks.looks[a], marks.looks[b], WIDE) is None)
        for (a, b), near in zip(apart.tolist(), unlike[:, 0].tolist(), strict=True)
    ]
    drawn, of_letters = strangers(letters, letters)
    other = [marks.letters[a].lower() != marks.letters[b].lower() for a, b in drawn.tolist()]
    _, with_letters = strangers(letters, brands)
    same, weights = renditions(marks, brands, shown)
    no = (unlike[kept], of_letters[other], with_letters)
    measures = np.concatenate([*no, same]).astype(np.float64)
    alike = np.arange(len(measures)) >= len(measures) - len(same)
    heavy = np.full(len(no[0]), _BRAND_WEIGHT), np.ones(len(no[1]) + len(no[2]))
    return fit(measures, alike, np.concatenate([*heavy, weights]), RISING, TREES)


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--icons", type=Path, default=Path("~/.cache/samelook-training/icons.npz").expanduser()
    )
    parser.add_argument("--letters", type=Path, default=CACHE)
    parser.add_argument("--drawn", type=int, default=200)
    parser.add_argument("--processes", type=int)
    asked = parser.parse_args()
    with get_context("spawn").Pool(asked.processes) as pool:
        marks = marks_measured(asked.icons, "fitted", asked.letters, pool, drawn_brands=asked.drawn)
    print(table_of(fitted(marks)))


if __name__ == "__main__":
    main()
