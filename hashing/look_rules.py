"""When two icons have the same look.

A rule asks four things of some version of one icon and some canonical form of the other: their PDQs are near
(so that an index finds the pair), the drawing in the middle is the same, the hues are near, and what
drawing, edges, brightness and colour say together, with how much there is to see, adds up to enough points.
No single distance tells icons apart at one false pair in ten million; together they do. The points were
fitted by `bench/accuracy_fit.py` on icons and changes that `docs/looks.md` lists, and confirmed on others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from hashing.look import PDQ_BYTES, Look
from hashing.look_forms import FormName
from hashing.look_measures import Aligned, Quick, aligned_measures, quick_measures, tints_of
from hashing.look_probes import AS_IS, Probes, probes_of

RuleName = Literal["strict", "standard", "wide"]
_Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LookRule:
    """How much alike two looks must be. Whatever passes a rule passes every wider one."""

    name: RuleName
    radius_bits: int
    """The largest PDQ distance, for the search of candidates."""
    least_points: float
    least_inner: float
    """The least correlation of the middles. Below it two icons share a tile or a ring, not a sign."""
    most_tint: float
    """The largest distance of hues. Without this limit a sign on a blue tile would be the same on a red one:
    what is alike in every other way has points enough."""


STRICT: Final = LookRule("strict", radius_bits=31, least_points=2.8, least_inner=0.85, most_tint=20)
STANDARD: Final = LookRule("standard", radius_bits=54, least_points=2.0, least_inner=0.85, most_tint=25)
WIDE: Final = LookRule("wide", radius_bits=59, least_points=1.2, least_inner=0.8, most_tint=25)
RULES: Final[dict[RuleName, LookRule]] = {rule.name: rule for rule in (STRICT, STANDARD, WIDE)}
"""From the narrowest to the widest."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Points by a measure's value: linear between knots, level beyond them."""

    at: tuple[float, ...]
    points: tuple[float, ...]

    def of(self, values: _Floats) -> NDArray[np.float64]:
        return np.interp(values, self.at, self.points)


_INNER: Final = Curve(
    at=(0, 0.6468, 0.8721, 0.9383, 0.9925, 0.9988, 0.9995, 1),
    points=(-3.16, -0.97, -0.97, -0.63, -0.23, 1.22, 3.36, 3.36),
)
_EDGES: Final = Curve(
    at=(0.2682, 0.5829, 0.6764, 0.8473, 0.8938, 0.9004, 0.9291, 1),
    points=(-0.49, -0.28, -0.28, -0.28, -0.15, -0.15, 0.01, 0.01),
)
_BRIGHT: Final = Curve(
    at=(0, 5.655, 14.89, 16.78, 24.26, 25.09, 27.69, 30.48, 55.01),
    points=(0.31, 0.12, -0.18, -0.42, -1.20, -1.67, -2.38, -2.38, -2.51),
)
_WORST: Final = Curve(
    at=(0, 4.301, 6.559, 9.921, 10.95, 13.79, 17.05, 32.7, 66.59),
    points=(1.42, 0.81, 0.22, 0.07, -0.16, -0.54, -0.71, -0.71, -0.71),
)
_TINT: Final = Curve(
    at=(0, 6.916, 10.55, 14.51, 28.58, 37.24, 41.63, 44.5, 57.73, 130.7),
    points=(1.91, 1.29, 0.45, -0.41, -1.04, -1.65, -2.55, -3.78, -3.78, -3.78),
)
_HUE: Final = Curve(
    at=(0, 0.2162, 0.3409, 0.4747, 0.5405, 0.7383, 1.388, 1.434, 1.952),
    points=(2.56, 1.18, 0.70, -0.16, -0.96, -1.51, -1.51, -2.02, -2.02),
)
_STROKES: Final = Curve(
    at=(2.264, 10.13, 18.11, 21.77, 24.56, 27.86, 31.96, 38.03, 42, 50.69),
    points=(-0.49, -0.49, -0.40, -0.25, 0.11, 0.44, 0.64, 0.76, 1.31, 1.31),
)
_DETAIL: Final = Curve(
    at=(0.0625, 0.1797, 0.2422, 0.2734, 0.3047, 0.3516, 0.4297, 0.6016, 0.7344, 0.875),
    points=(-2.62, -1.97, -1.44, -1.11, -0.34, 0.12, 0.56, 0.80, 1.30, 1.65),
)
ALIGNED_CURVES: Final = (_INNER, _EDGES, _BRIGHT, _WORST)
QUICK_CURVES: Final = (_TINT, _HUE, _STROKES, _DETAIL)


@dataclass(frozen=True, slots=True)
class Match:
    """Why two looks are the same."""

    rule: RuleName
    """The narrowest rule that they pass."""
    form: FormName
    """The canonical form of the look that was found."""
    version: str
    """What had to be done to the look that was searched with; "as is" for nothing."""
    pdq: int
    """Bits."""
    colour: float
    """Root mean square distance in brightness and colour once they lie on each other; near Lab's units."""
    points: float


def compare(look: Look | Probes, other: Look, rule: LookRule = STANDARD) -> Match | None:
    """How a look is the same as another under a rule, or None.

    The first is the one under suspicion: its versions are compared with the canonical forms of the second.
    """
    return compare_many(look, (other,), rule)[0]


def compare_many(
    look: Look | Probes, others: Sequence[Look], rule: LookRule = STANDARD
) -> list[Match | None]:
    """The same for many at once."""
    probes = look if isinstance(look, Probes) else probes_of(look)
    counts = [len(other.forms) for other in others]
    if not len(probes) or not sum(counts):
        return [None] * len(others)
    forms = [form for other in others for form in other.forms]
    stored = np.frombuffer(b"".join(form.pdq for form in forms), np.uint8).reshape(-1, PDQ_BYTES)
    distances = _distances(probes.pdqs, stored)
    plain = np.array([form.name == "plain" for form in forms])
    as_is = np.array([name == AS_IS for name in probes.names])
    near = (distances <= rule.radius_bits) & (as_is[:, None] | plain[None, :])
    versions, found = np.nonzero(near)
    pictures = np.concatenate([other.pictures for other in others if other.forms])
    rows = judge(probes.pictures[versions], pictures[found], distances[versions, found], rule)
    owners = np.repeat(np.arange(len(others)), counts)[found]
    matches: list[Match | None] = [None] * len(others)
    for row in rows.best_first():
        owner = int(owners[row])
        if matches[owner] is None:
            version, form = int(versions[row]), forms[int(found[row])]
            matches[owner] = rows.match(row, form.name, probes.names[version])
    return matches


@dataclass(frozen=True, eq=False)
class Judged:
    """Candidate pairs, row by row: the points of each, or minus infinity where the rule is not met."""

    points: NDArray[np.float64]
    pdq: NDArray[np.int64]
    colour: _Floats
    inner: _Floats
    tint: _Floats

    def best_first(self) -> list[int]:
        """The rows that pass, with the narrowest rule first, then the nearest."""
        passing = np.flatnonzero(np.isfinite(self.points))
        rank = [self._rank(row) for row in passing.tolist()]
        return [row for _, row in sorted(zip(rank, passing.tolist(), strict=True))]

    def match(self, row: int, form: FormName, version: str) -> Match:
        return Match(
            self._narrowest(row).name,
            form,
            version,
            int(self.pdq[row]),
            round(float(self.colour[row]), 2),
            round(float(self.points[row]), 2),
        )

    def _rank(self, row: int) -> tuple[int, int, float]:
        return list(RULES).index(self._narrowest(row).name), int(self.pdq[row]), float(self.colour[row])

    def _narrowest(self, row: int) -> LookRule:
        for rule in RULES.values():
            if (
                self.pdq[row] <= rule.radius_bits
                and self.tint[row] <= rule.most_tint
                and self.inner[row] >= rule.least_inner
                and self.points[row] >= rule.least_points
            ):
                return rule
        raise ValueError(f"Row {row} passes no rule.")


def judge(
    versions: NDArray[np.uint8], forms: NDArray[np.uint8], pdq: NDArray[np.integer], rule: LookRule
) -> Judged:
    """Which candidates are the same: picture i of a version, picture i of a stored form, at PDQ distance i.

    Rows beyond the rule's radius never pass. About 55 µs a row, most of it spared for rows whose colours
    alone lose them.
    """
    distances = pdq.astype(np.int64)
    points = np.full(len(distances), -np.inf)
    inner, tint, colour = (np.full(len(distances), np.inf, np.float32) for _ in range(3))
    judged = Judged(points, distances, colour, inner, tint)
    if not len(distances):
        return judged
    tint[:] = tints_of(versions, forms)
    near = np.flatnonzero((distances <= rule.radius_bits) & (tint <= rule.most_tint))
    if not len(near):
        return judged
    so_far = quick_points(quick_measures(versions[near], forms[near]))
    enough = so_far + _MOST_ALIGNED >= rule.least_points
    hopeful, so_far = near[enough], so_far[enough]
    if len(hopeful):
        aligned = aligned_measures(versions[hopeful], forms[hopeful])
        total = so_far + aligned_points(aligned)
        passed = (aligned.inner >= rule.least_inner) & (total >= rule.least_points)
        inner[hopeful] = aligned.inner
        points[hopeful[passed]] = total[passed]
        colour[hopeful] = np.sqrt(aligned.bright**2 + tint[hopeful] ** 2)
    return judged


def quick_points(quick: Quick) -> NDArray[np.float64]:
    """What the quick measures give together."""
    return sum_of(QUICK_CURVES, quick)


def aligned_points(aligned: Aligned) -> NDArray[np.float64]:
    """What the aligned measures give together."""
    return sum_of(ALIGNED_CURVES, aligned)


def sum_of(curves: Sequence[Curve], columns: Sequence[_Floats]) -> NDArray[np.float64]:
    """The sum of each curve's points for its column."""
    total = np.zeros(len(columns[0]))
    for curve, column in zip(curves, columns, strict=True):
        total += curve.of(column)
    return total


# What the measures that need an alignment can give at most.
_MOST_ALIGNED: Final = sum(max(curve.points) for curve in ALIGNED_CURVES)


def _distances(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.int64]:
    words = np.ascontiguousarray(left).view(np.uint64)[:, None] ^ np.ascontiguousarray(right).view(np.uint64)
    distances: NDArray[np.int64] = np.bitwise_count(words).sum(axis=-1, dtype=np.int64)
    return distances
