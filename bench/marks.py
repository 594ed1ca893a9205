"""How good the rule `mark` is on brands that nothing was trained on or fitted to: `python -m bench.marks`.

Detection is the share of renditions that find their brand; false matches are counted over every pair of icons
of different brands and of letters. `python -m training.icons` must have drawn the icons.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np

from bench.accuracy import FalsePairs
from bench.accuracy_data import fetch
from bench.accuracy_sets import CACHE
from bench.mark_sets import REAL, MarkSet, are_named_alike, marks_measured
from samelook.looks.look import Look
from samelook.looks.mark_gallery import MarkGallery, SameMark
from samelook.looks.rules import STANDARD, WIDE, compare
from samelook.looks.same_mark import LEAST_POINTS, marks_of

RATES: Final = (1e-4, 1e-5, 1e-6)
TRAINED: Final = Path.home() / ".cache" / "samelook-training"
ALL_DRAWN: Final = "all that are drawn"
_TOGETHER: Final = 64


@dataclass(frozen=True, eq=False)
class MarkOutcome:
    """What the rule did on a set."""

    own: list[float]
    """The points of each rendition with its brand; minus infinity where it was no candidate."""
    place: list[int]
    """How many others have more points."""
    brands: list[float]
    """The points of false pairs of brands that were candidates, the highest first."""
    brand_pairs: int
    letters: list[float]
    """The same of pairs of different letters, and of letters with brands."""
    letter_pairs: int
    twins: list[tuple[str, str]]
    """Pairs under two names that today's look takes for one; they count neither way."""


def outcome_of(marks: MarkSet, others: MarkSet | None = None) -> MarkOutcome:
    """What the rule makes of the renditions among the brands; false pairs also with `others`."""
    gallery = MarkGallery()
    names = [*marks.names, *(others.names if others else ())]
    everyone = [*marks.looks, *(others.looks if others else ()), *marks.letter_looks]
    for number, look in enumerate(everyone):
        gallery.add(number, [look])
    known, first_letter = len(marks.looks), len(names)
    own, place = [], []
    for one, found in zip(
        marks.renditions, _alike(gallery, [one.look for one in marks.renditions]), strict=True
    ):
        by_brand = {match.number: match.points for match in found if match.number < known}
        mine = by_brand.get(one.brand, -math.inf)
        own.append(mine)
        place.append(known if mine == -math.inf else sum(points > mine for points in by_brand.values()))
    brands: dict[tuple[int, int], float] = {}
    letters: dict[tuple[int, int], float] = {}
    for asker, found in enumerate(_alike(gallery, marks.looks)):
        for match in found:
            if match.number != asker:
                kind = letters if match.number >= first_letter else brands
                key = (min(asker, match.number), max(asker, match.number))
                kind[key] = max(kind.get(key, -math.inf), match.points)
    for asker, found in enumerate(_alike(gallery, marks.letter_looks)):
        for match in found:
            other = match.number - first_letter
            if other > asker and marks.letters[asker].lower() != marks.letters[other].lower():
                key = (first_letter + asker, match.number)
                letters[key] = max(letters.get(key, -math.inf), match.points)
    false, twins = [], []
    for (a, b), points in brands.items():
        if are_named_alike(names[a], names[b]):
            continue
        if points >= LEAST_POINTS - 1 and compare(everyone[a], everyone[b], STANDARD) is not None:
            twins.append((names[a], names[b]))
            continue
        false.append(points)
    drawn = len(marks.letters)
    unlike = sum(one.lower() != other.lower() for one in marks.letters for other in marks.letters) // 2
    return MarkOutcome(
        own,
        place,
        sorted(false, reverse=True),
        known * (known - 1) // 2 + known * (first_letter - known),
        sorted(letters.values(), reverse=True),
        unlike + known * drawn,
        twins,
    )


def _alike(gallery: MarkGallery, looks: Sequence[Look]) -> list[list[SameMark]]:
    found: list[list[SameMark]] = []
    for start in range(0, len(looks), _TOGETHER):
        found += gallery.alike([[look] for look in looks[start : start + _TOGETHER]], -math.inf)
    return found


def by_kind(marks: MarkSet) -> dict[str, list[int]]:
    """The renditions of each kind, and of all that are drawn together."""
    kinds: dict[str, list[int]] = defaultdict(list)
    for row, rendition in enumerate(marks.renditions):
        kinds[rendition.kind].append(row)
        if rendition.kind not in REAL:
            kinds[ALL_DRAWN].append(row)
    return dict(kinds)


def limit_at(points: Sequence[float], pairs: int, rate: float) -> float:
    """The least points that let no more than this share of pairs pass."""
    allowed = int(pairs * rate)
    return float(np.nextafter(points[allowed], math.inf)) if allowed < len(points) else -math.inf


def _print(marks: MarkSet, outcome: MarkOutcome) -> None:
    brands = FalsePairs(sum(points >= LEAST_POINTS for points in outcome.brands), outcome.brand_pairs)
    letters = FalsePairs(sum(points >= LEAST_POINTS for points in outcome.letters), outcome.letter_pairs)
    print(f"the rule (at least {LEAST_POINTS:g} points):")
    for name, pairs in (("brands", brands), ("letters", letters)):
        print(f"  {pairs.found} false of {pairs.pairs:,} pairs of {name}: {pairs.rate:.1e}, ", end="")
        print(f"at most {pairs.at_most():.1e}")
    counts = (outcome.brands, outcome.brand_pairs), (outcome.letters, outcome.letter_pairs)
    limits = {rate: max(limit_at(*count, rate) for count in counts) for rate in RATES}
    print(
        "  limits by rates of false brands and letters: "
        + ", ".join(f"{r:g}: {v:.2f}" for r, v in limits.items())
    )
    print(f"  {len(outcome.twins)} pairs under two names are one picture and do not count")
    own, place = np.array(outcome.own), np.array(outcome.place)
    print(f"\n{'kind':34}{'n':>6}{'rule':>7}{'± 95 %':>8}", end="")
    print("".join(f"{rate:>8g}" for rate in RATES) + f"{'first':>8}{'of 10':>7}{'standard':>10}{'wide':>6}")
    for kind, rows in by_kind(marks).items():
        found = float((own[rows] >= LEAST_POINTS).mean())
        error = 1.96 * math.sqrt(found * (1 - found) / len(rows))
        print(f"{kind:34}{len(rows):6}{found:7.3f}{error:8.3f}", end="")
        print("".join(f"{(own[rows] >= limit).mean():8.3f}" for limit in limits.values()), end="")
        print(f"{(place[rows] == 0).mean():8.3f}{(place[rows] < 10).mean():7.3f}", end="")
        today = [
            compare(marks.renditions[row].look, marks.looks[marks.renditions[row].brand], WIDE)
            for row in rows
        ]
        standard = sum(match is not None and match.rule != WIDE.name for match in today)
        print(f"{standard / len(rows):10.3f}{sum(match is not None for match in today) / len(rows):6.3f}")


def marks_ms(looks: Sequence[Look]) -> float:
    """Milliseconds of CPU for the signs of an icon and their vectors, icon by icon."""
    some = [look for look in looks if look.forms][:200]
    marks_of(some[:1])
    started = time.thread_time()
    for look in some:
        marks_of([look])
    return (time.thread_time() - started) / len(some) * 1000


def main() -> int:
    """Measure and print; exit status 2 if the icons are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--icons", type=Path, default=TRAINED / "icons.npz")
    parser.add_argument("--letters", type=Path, default=CACHE, help="where bench.accuracy keeps typefaces")
    parser.add_argument("--drawn", type=int, default=200, help="brands that renditions are drawn of")
    parser.add_argument(
        "--others", type=int, default=12_000, help="trained brands to be taken for by mistake"
    )
    parser.add_argument("--processes", type=int)
    arguments = parser.parse_args()
    fetch(arguments.letters)
    if not arguments.icons.exists():
        print("Run python -m training.icons first.", file=sys.stderr)
        return 2
    with get_context("spawn").Pool(arguments.processes) as pool:
        marks = marks_measured(
            arguments.icons, "checked", arguments.letters, pool, drawn_brands=arguments.drawn
        )
        others = marks_measured(
            arguments.icons, "trained", arguments.letters, pool, drawn_brands=0, most=arguments.others
        )
    print(
        f"{len(marks.names)} brands, {len(marks.renditions)} renditions, {len(others.names)} others, ", end=""
    )
    print(f"{len(marks.letters)} letters; {marks_ms(marks.looks):.2f} ms of CPU for an icon\n")
    _print(marks, outcome_of(marks, others))
    return 0


if __name__ == "__main__":
    sys.exit(main())
