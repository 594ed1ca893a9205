"""Fits the points that `samelook.looks.trees` gives, from pairs alike and pairs not alike.

Boosted trees (Friedman, "Greedy function approximation", 2001) of three questions each, the same on every
path (Prokhorenkova and others, "CatBoost", 2018). Only splits that point the right way are kept, so that no
measure can do worse by looking more alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.accuracy_pairs import are_one_letter, are_related
from bench.accuracy_sets import Known
from samelook.looks.measures import Measures

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

BINS: Final = 64
TREES: Final = 120
DEPTH: Final = 3
RATE: Final = 0.15
_RIDGE: Final = 5.0
_LEAST_WEIGHT: Final = 5.0
_PASSES: Final = 40

LETTERS: Final = 7500
TWINS: Final = 5000
# A pair of brands counts for eight pairs of letters, of which there are many more; a twin for half of one.
_BRAND_WEIGHT: Final = 8.0
_TWIN_WEIGHT: Final = 0.5
# Only pairs that a rule may take are learnt from.
_MOST_TINT: Final = 30
_LEAST_INNER: Final = 0.5

_RISING: Final = frozenset({"direction", "detail", "palette", "length", "inner", "quarter"})
RISING: Final = tuple(name in _RISING for name in Measures._fields)
"""Whether more of a measure is more alike."""


@dataclass(frozen=True, slots=True)
class Trees:
    """Sums of leaves. Question `d` of tree `t` is whether measure `asked[t, d]` is above `limits[t, d]`."""

    start: float
    asked: Counts
    limits: Floats
    points: Floats
    """By the answers, the first one being the lowest bit; shape (trees, 8)."""

    def of(self, measures: Floats) -> Floats:
        leaves = np.zeros((len(measures), len(self.asked)), np.int64)
        for depth in range(self.asked.shape[1]):
            leaves |= (measures[:, self.asked[:, depth]] > self.limits[:, depth]).astype(np.int64) << depth
        total: Floats = self.points[np.arange(len(self.points)), leaves].sum(axis=1) + self.start
        return total


def fit(
    measures: Floats, alike: NDArray[np.bool_], weights: Floats, rising: tuple[bool, ...], trees: int = TREES
) -> Trees:
    """Trees that tell the rows that are alike; `rising[k]` says that more of measure k means more alike."""
    edges = [np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1])) for column in measures.T]
    binned = [np.searchsorted(edge, column) for edge, column in zip(edges, measures.T, strict=True)]
    target = alike.astype(np.float64)
    share = float((weights * target).sum() / weights.sum())
    start = float(np.log(share / (1 - share)))
    score = np.full(len(target), start)
    asked = np.zeros((trees, DEPTH), np.int64)
    limits, points = np.zeros((trees, DEPTH)), np.zeros((trees, 1 << DEPTH))
    for tree in range(trees):
        guess = 1 / (1 + np.exp(-score))
        slope, weight = weights * (target - guess), weights * guess * (1 - guess)
        leaf = np.zeros(len(target), np.int64)
        for depth in range(DEPTH):
            gains = [
                _best_split(leaf, 1 << depth, bins, len(edge) + 1, slope, weight, up)
                for bins, edge, up in zip(binned, edges, rising, strict=True)
            ]
            column = int(np.argmax([gain for gain, _ in gains]))
            split = gains[column][1]
            asked[tree, depth], limits[tree, depth] = column, edges[column][split]
            leaf |= (binned[column] > split).astype(np.int64) << depth
        slopes = np.bincount(leaf, slope, 1 << DEPTH)
        masses = np.bincount(leaf, weight, 1 << DEPTH) + _RIDGE
        ways = [rising[column] for column in asked[tree]]
        values: Floats = (slopes / masses).astype(np.float64)
        points[tree] = RATE * _in_order(values, masses.astype(np.float64), ways)
        score += points[tree][leaf]
    return Trees(start, asked, limits, points)


def _best_split(
    leaf: Counts, leaves: int, bins: Counts, size: int, slope: Floats, weight: Floats, rising: bool
) -> tuple[float, int]:
    """What splitting every leaf at one limit of a measure gains at best, and which limit that is."""
    if size == 1:
        return -1.0, 0
    key = leaf * size + bins
    slopes = np.bincount(key, slope, leaves * size).reshape(leaves, size).cumsum(axis=1)
    weights = np.bincount(key, weight, leaves * size).reshape(leaves, size).cumsum(axis=1)
    below, light = slopes[:, :-1], weights[:, :-1]
    above, heavy = slopes[:, -1:] - below, weights[:, -1:] - light
    low, high = below / (light + _RIDGE), above / (heavy + _RIDGE)
    whole = slopes[:, -1:] ** 2 / (weights[:, -1:] + _RIDGE)
    wrong = (high < low) if rising else (high > low)
    poor = (light < _LEAST_WEIGHT) | (heavy < _LEAST_WEIGHT)
    gain = (np.where(wrong | poor, whole, low * below + high * above) - whole).sum(axis=0)
    split = int(gain.argmax())
    return float(gain[split]), split


def _in_order(values: Floats, masses: Floats, rising: list[bool]) -> Floats:
    """The leaves' values, with neighbours that are in the wrong order made equal, until none is."""
    values = values.copy()
    for _ in range(_PASSES):
        done = True
        for depth, up in enumerate(rising):
            for below in range(len(values)):
                above = below | 1 << depth
                wrong = values[below] > values[above] if up else values[below] < values[above]
                if above != below and wrong:
                    both = masses[below] + masses[above]
                    mean = (values[below] * masses[below] + values[above] * masses[above]) / both
                    values[below] = values[above] = mean
                    done = False
        if done:
            break
    return values


def table_of(trees: Trees) -> str:
    """The trees as `samelook.looks.trees` has them."""
    lines = [f"_START: Final = {round(trees.start * 1000)}", "_TREES: Final = ("]
    for asked, limits, points in zip(trees.asked, trees.limits, trees.points, strict=True):
        numbers = [*map(str, asked), *(f"{limit:.6g}" for limit in limits)]
        numbers += [str(round(value * 1000)) for value in points]
        lines.append(f"    ({', '.join(numbers)}),")
    return "\n".join([*lines, ")"])


def main() -> None:
    """Fit on the training set and print the table of `samelook.looks.trees`."""
    import argparse
    from pathlib import Path

    from bench.accuracy_data import fetch
    from bench.accuracy_pairs import measures_of_twins
    from bench.accuracy_sets import CACHE, measured
    from bench.accuracy_twins import letter_twins

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--brands", type=int, default=1200, help="brands that changes are made of")
    arguments = parser.parse_args()
    if missing := fetch(arguments.cache):
        raise SystemExit("Packages are missing. Fetch them into the cache: " + "; ".join(missing))
    known = measured(arguments.cache, train=True, brands=arguments.brands, letters=LETTERS)
    print(table_of(fitted(known, measures_of_twins(letter_twins(arguments.cache, TWINS)))))


def fitted(known: Known, twins: NDArray[np.float32]) -> Trees:
    """Trees that tell changed icons from strangers and letters from their twins."""
    icons, apart, same = known.icons, known.apart, known.same
    may = np.flatnonzero(_may_pass(apart.measures, apart.handicaps))
    pairs = list(zip(apart.asked[may].tolist(), apart.found[may].tolist(), strict=True))
    counts = [
        not are_related(icons[a], icons[b]) and not are_one_letter(icons[a], icons[b]) for a, b in pairs
    ]
    letters = [icons[a].source == icons[b].source == "letters" for a, b in pairs]
    no = apart.measures[may[counts]].astype(np.float64)
    twins = twins[_may_pass(twins, np.zeros(len(twins)))]
    against = np.concatenate([no, twins.astype(np.float64)])
    weights = np.where(np.array(letters)[counts], 1.0, _BRAND_WEIGHT)
    weights = np.concatenate([weights, np.full(len(twins), _TWIN_WEIGHT)])

    soft = np.isin(same.asked, known.soft_changes()) & _may_pass(same.measures, same.handicaps)
    asked, yes = same.asked[soft], same.measures[soft].astype(np.float64)
    score = -yes[:, Measures._fields.index("rest")] - yes[:, Measures._fields.index("hue")] / 2
    result = None
    for trees in (TREES // 2, TREES):
        # A change counts by its best pair only: the others are not what a rule has to accept.
        order = np.lexsort((-score, asked))
        best = order[np.concatenate([[True], np.diff(asked[order]) != 0])]
        rows = np.concatenate([against, yes[best]])
        alike = np.arange(len(rows)) >= len(against)
        result = fit(rows, alike, np.append(weights, np.ones(len(best))), RISING, trees)
        score = result.of(yes)
    assert result is not None
    return result


def _may_pass(measures: NDArray[np.float32], handicaps: Floats) -> NDArray[np.bool_]:
    named = Measures(*measures.T)
    plain = (handicaps[:, 0] == 0) & np.isinf(handicaps[:, 1])
    may: NDArray[np.bool_] = (named.tint <= _MOST_TINT) & (named.inner >= _LEAST_INNER) & plain
    return may


if __name__ == "__main__":
    main()
