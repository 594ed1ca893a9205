"""Fits the points that `hashing.look_rules` gives for each measure, from pairs alike and pairs not alike.

A monotone additive model: boosted stumps (Friedman, "Greedy function approximation", 2001) on binned
measures, keeping only splits that point the right way, then each measure's sum of stumps as a line through
a few knots. It reads as a table of points, and no measure can do worse by looking more alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS: Final = 64
ROUNDS: Final = 250
RATE: Final = 0.1
KNOTS: Final = 10


@dataclass(frozen=True, slots=True)
class Curve:
    """Points by the value of one measure, linear between the knots."""

    at: Floats
    points: Floats

    def of(self, values: Floats) -> Floats:
        return np.interp(values, self.at, self.points)


def fit(measures: Floats, alike: NDArray[np.bool_], rising: tuple[bool, ...]) -> list[Curve]:
    """A curve for each column; `rising[k]` says that more of measure k means more alike."""
    edges = [np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1])) for column in measures.T]
    binned = [np.searchsorted(edge, column) for edge, column in zip(edges, measures.T, strict=True)]
    sums = [np.zeros(len(edge) + 1) for edge in edges]
    target = alike.astype(np.float64)
    share = target.mean()
    score = np.full(len(target), np.log(share / (1 - share)))
    start = score[0]
    for _ in range(ROUNDS):
        guess = 1 / (1 + np.exp(-score))
        slope, weight = target - guess, guess * (1 - guess)
        best = (0.0, -1, 0, 0.0, 0.0)
        for column, bins in enumerate(binned):
            size = len(sums[column])
            slopes = np.cumsum(np.bincount(bins, slope, size))
            weights = np.cumsum(np.bincount(bins, weight, size))
            low = slopes[:-1] / (weights[:-1] + 1)
            high = (slopes[-1] - slopes[:-1]) / (weights[-1] - weights[:-1] + 1)
            gain = low * slopes[:-1] + high * (slopes[-1] - slopes[:-1])
            gain[(high < low) if rising[column] else (high > low)] = 0
            split = int(gain.argmax())
            if gain[split] > best[0]:
                best = (float(gain[split]), column, split, float(low[split]), float(high[split]))
        _, column, split, low_step, high_step = best
        if column < 0:
            break
        sums[column][: split + 1] += RATE * low_step
        sums[column][split + 1 :] += RATE * high_step
        score += RATE * np.where(binned[column] <= split, low_step, high_step)
    return [_curve(edge, steps, start / len(edges)) for edge, steps in zip(edges, sums, strict=True)]


def _curve(edges: Floats, steps: Floats, base: float) -> Curve:
    """The steps as a line through as few knots as keep the shape: where most points are lost or won."""
    middles = np.concatenate([[edges[0]], (edges[1:] + edges[:-1]) / 2, [edges[-1]]])
    height = np.abs(np.diff(steps))
    travelled = np.concatenate([[0], np.cumsum(height / max(height.sum(), 1e-9))])
    position = travelled + np.linspace(0, 0.5, len(travelled))
    wanted = np.linspace(position[0], position[-1], KNOTS)
    picked = np.unique(np.searchsorted(position, wanted).clip(0, len(position) - 1))
    return Curve(middles[picked], steps[picked] + base)


RISING: Final = (True, True, False, False, False, False, True, True)
"""Whether more is more alike, for the aligned measures and then for the quick ones."""
NAMES: Final = ("INNER", "EDGES", "BRIGHT", "WORST", "TINT", "HUE", "STROKES", "DETAIL")


def main() -> None:
    """Fit on the training set and print the table of `hashing.look_rules`."""
    import argparse
    from pathlib import Path

    from bench.accuracy_data import fetch
    from bench.accuracy_pairs import are_one_letter, are_related
    from bench.accuracy_sets import CACHE, measured

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--brands", type=int, default=500, help="brands that changes are made of")
    arguments = parser.parse_args()
    if missing := fetch(arguments.cache):
        raise SystemExit("Packages are missing. Fetch them into the cache: " + "; ".join(missing))
    known = measured(arguments.cache, train=True, brands=arguments.brands)
    icons, apart, same = known.icons, known.apart, known.same
    counts = np.array(
        [
            not are_related(icons[a], icons[b]) and not are_one_letter(icons[a], icons[b])
            for a, b in zip(apart.asked, apart.found, strict=True)
        ]
    )
    no = apart.measures[counts]
    asked = known.soft_changes()
    soft = np.flatnonzero(np.isin(same.asked, asked))
    chosen = soft
    curves: list[Curve] = []
    for _ in range(3):
        # A change counts by its best pair only: the others are not what a rule has to accept.
        measures = np.concatenate([no, same.measures[chosen]])
        curves = fit(measures, np.arange(len(measures)) >= len(no), RISING)
        score = sum((curve.of(same.measures[:, k]) for k, curve in enumerate(curves)), np.zeros(1))
        order = soft[np.lexsort((-score[soft], same.asked[soft]))]
        first = np.concatenate([[True], np.diff(same.asked[order]) != 0])
        chosen = order[first]
    for name, curve in zip(NAMES, curves, strict=True):
        at = ", ".join(f"{value:.4g}" for value in curve.at)
        points = ", ".join(f"{value:.2f}" for value in curve.points)
        print(f"_{name}: Final = Curve(\n    at=({at}),\n    points=({points}),\n)")


if __name__ == "__main__":
    main()
