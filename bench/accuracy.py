"""How good the look rules are on icons that they were not fitted to: `python -m bench.accuracy`.

Detection is the share of changed icons that a rule finds to be the same as their originals; false matches are
counted over every pair of icons of different brands, and over every pair of letter icons. The 16 x 16
blockhash alone is measured on the same icons for comparison.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Final

import faiss
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.accuracy_data import Icon, fetch, solid_icons
from bench.accuracy_pairs import Pairs, are_one_letter, are_related
from bench.accuracy_sets import CACHE, HARD, Known, measured
from bench.accuracy_variants import VARIANTS, Rgba, changed
from samelook.hashing.blockhash import blockhash
from samelook.looks.look import look_of
from samelook.looks.measures import Measures
from samelook.looks.rules import RULES, LookRule, counted
from samelook.looks.trees import points_of

BLOCKHASH_BITS: Final = (0, 4, 9)
"""Distances at which the 16 x 16 blockhash alone is tried."""
BARS: Final = {
    # rule: least detection, most false pairs among brands, most among letters
    "strict": (0.68, 0.0, 0.0),
    "standard": (0.80, 3e-8, 2e-6),
    "wide": (0.85, 1.5e-7, 1.0),
}
CONFIDENCE: Final = 0.95
_Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FalsePairs:
    """Pairs of different brands that a rule takes for one."""

    found: int
    pairs: float

    @property
    def rate(self) -> float:
        return self.found / self.pairs

    def at_most(self) -> float:
        """The upper end of the exact 95 % interval.

        Clopper and Pearson's (1934), which for rates as small as these is Garwood's for a Poisson count.
        """
        low, high = float(self.found), self.found + 10 * math.sqrt(self.found + 1) + 10
        for _ in range(80):
            middle = (low + high) / 2
            if _poisson_at_most(self.found, middle) > (1 - CONFIDENCE) / 2:
                low = middle
            else:
                high = middle
        return high / self.pairs


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one rule did on a set."""

    rule: str
    detection: float
    low: float
    high: float
    """Ends of the 95 % interval over brands, whose changes are not independent."""
    kinds: dict[str, float]
    news: float
    """Detection of favicons as sites serve them."""
    brands: FalsePairs
    letters: FalsePairs
    same_letters: int
    """Pairs of one letter in colours that hardly differ; not counted as false."""


def outcome_of(rule: LookRule, known: Known) -> Outcome:
    """Detection and false pairs of a rule on a set of icons."""
    apart = _passing(rule, known.apart)
    pairs = np.column_stack([known.apart.asked, known.apart.found])[apart]
    found = np.zeros(len(known.chosen) * len(VARIANTS), np.bool_)
    found[known.same.asked[_passing(rule, known.same)]] = True
    return _outcome(rule.name, found, pairs, known)


def blockhash_outcomes(known: Known, pool: Pool) -> list[Outcome]:
    """The same for the 16 x 16 blockhash alone, at several distances."""
    icons = [icon.rgba for icon in known.icons]
    codes = np.array(pool.map(_blockhash, icons, chunksize=64), np.uint8)
    changes = pool.map(_changed_blockhashes, [icons[i] for i in known.chosen], chunksize=4)
    distances = np.bitwise_count(np.array(changes, np.uint8) ^ codes[known.chosen, None]).sum(-1, dtype=int)
    index = faiss.IndexBinaryFlat(256)
    index.add(codes)
    limits, near, rows = index.range_search(codes, max(BLOCKHASH_BITS) + 1)
    asked = np.repeat(np.arange(len(codes)), np.diff(limits.astype(np.int64)))
    outcomes = []
    for bits in BLOCKHASH_BITS:
        kept = (near <= bits) & (asked < rows)
        pairs = np.column_stack([asked, rows])[kept]
        outcomes.append(_outcome(f"blockhash16 ≤ {bits}", distances.ravel() <= bits, pairs, known))
    return outcomes


def mean_look_ms(icons: Sequence[Icon], side: int = 48, count: int = 1000) -> float:
    """Milliseconds of CPU for the look of an icon of `side` pixels."""
    pictures = [
        np.array(Image.fromarray(icon.rgba).resize((side, side), Image.Resampling.LANCZOS))
        for icon in icons[:: max(1, len(icons) // count)]
    ]
    for picture in pictures[:20]:
        look_of(picture)
    started = time.process_time()
    for picture in pictures:
        look_of(picture)
    return (time.process_time() - started) / len(pictures) * 1000


def _passing(rule: LookRule, pairs: Pairs) -> _Flags:
    points = counted(points_of(pairs.measures), pairs.handicaps)
    return rule.passes(Measures(*pairs.measures.T), pairs.pdq, points, pairs.handicaps)


def _outcome(name: str, found: _Flags, pairs: NDArray[np.int64], known: Known) -> Outcome:
    by_brand = found.reshape(len(known.chosen), len(VARIANTS))
    kinds: dict[str, list[float]] = defaultdict(list)
    for (kind, _, _), share in zip(VARIANTS, by_brand.mean(axis=0), strict=True):
        kinds[kind].append(float(share))
    soft = by_brand[:, [kind not in HARD for kind, _, _ in VARIANTS]].mean(axis=1)
    error = 1.96 * float(soft.std(ddof=1)) / math.sqrt(len(soft))
    news = np.array([known.icons[i].brand.startswith("news ") for i in known.chosen])
    brands, letters, same = _strangers_among(pairs, known.icons)
    drawn = sum(icon.source == "letters" for icon in known.icons)
    others = len(known.icons) - drawn
    return Outcome(
        rule=name,
        detection=float(soft.mean()),
        low=float(soft.mean()) - error,
        high=float(soft.mean()) + error,
        kinds={kind: float(np.mean(shares)) for kind, shares in kinds.items()},
        news=float(soft[news].mean()) if news.any() else math.nan,
        brands=FalsePairs(len(brands), others * (others - 1) / 2 + others * drawn),
        letters=FalsePairs(len(letters), drawn * (drawn - 1) / 2),
        same_letters=same,
    )


def _strangers_among(
    pairs: NDArray[np.int64], icons: Sequence[Icon]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]], int]:
    """Pairs of different brands, pairs of letters, and how many pairs are one letter."""
    brands, letters, same = [], [], 0
    for a, b in {(min(pair), max(pair)) for pair in pairs.tolist()}:
        one, other = icons[a], icons[b]
        if are_one_letter(one, other):
            same += 1
        elif one.source == other.source == "letters":
            letters.append((a, b))
        elif not are_related(one, other):
            brands.append((a, b))
    return brands, letters, same


def _blockhash(rgba: Rgba) -> list[int]:
    return list(bytes.fromhex(blockhash(rgba)))


def _changed_blockhashes(rgba: Rgba) -> list[list[int]]:
    return [_blockhash(changed(rgba, change)) for _, _, change in VARIANTS]


def _poisson_at_most(count: int, mean: float) -> float:
    term = total = math.exp(-mean)
    for k in range(1, count + 1):
        term *= mean / k
        total += term
    return total


def _print(outcomes: Sequence[Outcome]) -> None:
    print(f"{'rule':18}{'detection':>22}{'news':>7}{'false pairs':>13}{'rate':>10}{'at most':>10}", end="")
    print(f"{'letters':>9}{'rate':>10}{'at most':>10}{'one letter':>12}")
    for one in outcomes:
        interval = f"{one.detection:.3f} ({one.low:.3f}-{one.high:.3f})"
        print(f"{one.rule:18}{interval:>22}{one.news:7.3f}", end="")
        print(f"{one.brands.found:13}{one.brands.rate:10.1e}{one.brands.at_most():10.1e}", end="")
        print(f"{one.letters.found:9}{one.letters.rate:10.1e}{one.letters.at_most():10.1e}", end="")
        print(f"{one.same_letters:12}")
    print(f"\n{'detection of':18}" + "".join(f"{one.rule:>18}" for one in outcomes))
    for kind in outcomes[0].kinds:
        print(f"{kind:18}" + "".join(f"{one.kinds[kind]:18.2f}" for one in outcomes))


def _bars(outcomes: Sequence[Outcome]) -> list[str]:
    """A line for each bar that is missed."""
    missed = []
    for one in outcomes:
        if one.rule not in BARS:
            continue
        detection, brands, letters = BARS[one.rule]
        if one.detection < detection:
            missed.append(f"{one.rule}: detection {one.detection:.3f}, wanted {detection}")
        if one.brands.rate > brands:
            missed.append(
                f"{one.rule}: {one.brands.rate:.1e} false pairs of brands, wanted at most {brands:g}"
            )
        if one.letters.rate > letters:
            missed.append(f"{one.rule}: {one.letters.rate:.1e} of letters, wanted at most {letters:g}")
    return missed


def main() -> int:
    """Measure and print; exit status 1 if a bar is missed, 2 if packages are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the packages are kept")
    parser.add_argument("--training", action="store_true", help="the set that the rules were fitted to")
    parser.add_argument("--brands", type=int, default=600, help="brands that changes are made of")
    parser.add_argument("--list", action="store_true", help="name the false pairs of the wide rule")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if missing := fetch(arguments.cache):
        print(f"Packages are missing. In {arguments.cache} run:", *missing, sep="\n  ", file=sys.stderr)
        return 2
    known = measured(arguments.cache, train=arguments.training, brands=arguments.brands)
    outcomes = [outcome_of(rule, known) for rule in RULES.values()]
    with get_context("spawn").Pool() as pool:
        outcomes += blockhash_outcomes(known, pool)
    solids = [icon for icon in solid_icons(400) if not look_of(icon.rgba).is_degenerate]
    look_ms = mean_look_ms(known.icons)
    if arguments.json:
        print(json.dumps({"outcomes": [asdict(one) for one in outcomes], "look_ms": look_ms}))
    else:
        brands = sum(icon.source != "letters" for icon in known.icons)
        print(
            f"{brands} brands, {len(known.icons) - brands} letters, {len(known.chosen)} brands changed in",
            end="",
        )
        print(f" {len(VARIANTS)} ways; {look_ms:.2f} ms of CPU for a look of 48 px;", end="")
        print(f" {len(solids)} of 400 nearly solid squares have a look\n")
        _print(outcomes)
    if arguments.list:
        apart = known.apart
        rows = _passing(RULES["wide"], apart)
        pairs = np.column_stack([apart.asked, apart.found])[rows]
        for kind in _strangers_among(pairs, known.icons)[:2]:
            for a, b in sorted(kind):
                one, other = known.icons[a], known.icons[b]
                print(f"{one.source} {one.brand} {one.name} | {other.source} {other.brand} {other.name}")
    missed = _bars(outcomes)
    print(*missed, sep="\n", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
