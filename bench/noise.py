"""What noise that nobody sees does to an icon's mark, and to its looks: `python -m bench.noise`.

Whoever knows every number of the rule `mark` can try many patterns of noise, and keep what brings its points
down (a copy hides) or up (a stranger is taken for somebody). No byte is changed by more than 8. Patterns are
searched for as in the Square Attack (Andriushchenko, Croce, Flammarion and Hein, 2020), which asks for no
gradient: signs are cut out by comparing, which has none. `python -m training.icons` draws the icons.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.mark_sets import are_named_alike
from bench.marks import TRAINED
from bench.renditions import is_of_lines, marks
from samelook.looks.look import Look, look_of
from samelook.looks.rules import STANDARD, STRICT, WIDE, compare
from samelook.looks.same_mark import LEAST_POINTS, likest, marks_of

MOST: Final = 8
_RULES: Final = (STRICT, STANDARD, WIDE)
_FIRST_SHARE: Final = 0.3
"""Of the picture's area, that the first tries change; later ones change less."""

_Rgb = NDArray[np.uint8]


class Pair(NamedTuple):
    """An icon that is changed, and the one that it shall not be found by, or shall."""

    icon: _Rgb
    other: _Rgb
    tries: int
    seed: int
    hides: bool


class Outcome(NamedTuple):
    """The points of the rule `mark`, and whether each rule of looks takes the two for one."""

    hides: bool
    points: tuple[float, ...]
    """Without noise, with noise by chance, with noise that was searched for."""
    alike: tuple[tuple[bool, ...], ...]
    """The same by `_RULES`."""


def outcome_of(pair: Pair) -> Outcome:
    """Search for noise, and say what it did."""
    dice = np.random.default_rng(pair.seed)
    other = _look(pair.other)
    their_marks = marks_of([other])

    def points(icon: _Rgb) -> float:
        found = likest(marks_of([_look(icon)]), their_marks, -np.inf)
        return -np.inf if found is None else found.points

    chance = noisy(pair.icon, dice.choice((-MOST, MOST), pair.icon.shape))
    sought = searched(pair.icon, (lambda icon: -points(icon)) if pair.hides else points, pair.tries, dice)
    shown = (pair.icon, chance, sought)
    return Outcome(pair.hides, tuple(map(points, shown)), tuple(_alike(_look(icon), other) for icon in shown))


def searched(icon: _Rgb, score: Callable[[_Rgb], float], tries: int, dice: np.random.Generator) -> _Rgb:
    """The icon with noise that brings the score up: stripes first, then ever smaller squares."""
    side = icon.shape[0]
    noise = np.repeat(dice.choice((-MOST, MOST), (1, side, 3)), side, axis=0)
    best = score(noisy(icon, noise))
    for number in range(tries):
        length = max(2, round(side * (_FIRST_SHARE * (1 - number / tries)) ** 0.5))
        top, left = dice.integers(0, side - length + 1, 2)
        tried = noise.copy()
        tried[top : top + length, left : left + length] = dice.choice((-MOST, MOST), (1, 1, 3))
        found = score(noisy(icon, tried))
        if found > best:
            best, noise = found, tried
    return noisy(icon, noise)


def noisy(icon: _Rgb, noise: NDArray[np.int64]) -> _Rgb:
    """The icon with noise upon it."""
    return (icon.astype(np.int64) + noise).clip(0, 255).astype(np.uint8)


def _look(icon: _Rgb) -> Look:
    return look_of(np.dstack([icon, np.full(icon.shape[:2], 255, np.uint8)]))


def _alike(one: Look, other: Look) -> tuple[bool, ...]:
    return tuple(compare(one, other, rule) is not None for rule in _RULES)


def pairs_of(file: Path, count: int, tries: int) -> list[Pair]:
    """Icons with themselves, and with the strangers that have the most points with them."""
    first = {mark.brand: _on_white(mark.rgba) for mark in marks(file, "checked") if not is_of_lines(mark)}
    names = list(first)
    chosen = np.random.default_rng(11).permutation(len(names))[: 10 * count]
    icons = [first[names[number]] for number in chosen]
    signs = [marks_of([_look(icon)]) for icon in icons]
    pairs = [Pair(icon, icon, tries, seed, hides=True) for seed, icon in enumerate(icons[:count])]
    for number, icon in enumerate(icons[:count]):
        others = [
            (found.points, other)
            for other, theirs in enumerate(signs)
            if other != number
            and not are_named_alike(names[chosen[number]], names[chosen[other]])
            and (found := likest(signs[number], theirs, -np.inf)) is not None
        ]
        if others:
            pairs.append(Pair(icon, icons[max(others)[1]], tries, count + number, hides=False))
    return pairs


def _on_white(rgba: NDArray[np.uint8]) -> _Rgb:
    alpha = rgba[..., 3:].astype(np.float32) / 255
    seen = rgba[..., :3] * alpha + 255 * (1 - alpha)
    return np.asarray(np.rint(seen), np.uint8)


def table(outcomes: Iterable[Outcome]) -> str:
    """How many are found, by each rule, without noise and with it."""
    lines = [f"{'':34}{'pairs':>6}{'mark':>7}" + "".join(f"{rule.name:>10}" for rule in _RULES)]
    known = list(outcomes)
    for hides, whose in ((True, "its own copy"), (False, "the likest stranger")):
        some = [one for one in known if one.hides == hides]
        for place, noise in enumerate(("no noise", "by chance", "searched for")):
            found = sum(one.points[place] >= LEAST_POINTS for one in some)
            alike = [sum(one.alike[place][rule] for one in some) for rule in range(len(_RULES))]
            cells = "".join(f"{count:10}" for count in alike)
            lines.append(f"{whose + ', ' + noise:34}{len(some):6}{found:7}{cells}")
    return "\n".join(lines)


def main() -> int:
    """Measure and print; exit status 2 if the icons are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--icons", type=Path, default=TRAINED / "icons.npz")
    parser.add_argument("--brands", type=int, default=40)
    parser.add_argument("--tries", type=int, default=400)
    parser.add_argument("--processes", type=int)
    asked = parser.parse_args()
    if not asked.icons.exists():
        print("Run python -m training.icons first.", file=sys.stderr)
        return 2
    pairs = pairs_of(asked.icons, asked.brands, asked.tries)
    with get_context("spawn").Pool(asked.processes) as pool:
        print(table(pool.imap_unordered(outcome_of, pairs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
