"""When two icons have the same look.

A rule asks three things of some version of one icon and some canonical form of the other: their PDQs are
near (so that an index finds the pair), the drawing in the middle is the same, and what PDQ, drawing, edges,
brightness and colour say together adds up to enough points. No single distance tells icons apart at one
false pair in ten million; together they do. The points were fitted by `bench/accuracy_fit.py` on icons and
changes that `docs/looks.md` lists, and confirmed on others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from hashing.look import PDQ_BYTES, Look
from hashing.look_forms import FormName
from hashing.look_measures import Measures, measures_of, tints_of
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
    most_tint: float
    """The largest distance of hues. Without this limit a sign on a blue tile would be the same on a red one:
    what is alike in every other way has points enough."""


STRICT: Final = LookRule("strict", radius_bits=31, least_points=2.3, most_tint=15)
STANDARD: Final = LookRule("standard", radius_bits=54, least_points=1.5, most_tint=20)
WIDE: Final = LookRule("wide", radius_bits=59, least_points=0.0, most_tint=25)
RULES: Final[dict[RuleName, LookRule]] = {rule.name: rule for rule in (STRICT, STANDARD, WIDE)}
"""From the narrowest to the widest."""

LEAST_INNER: Final = 0.8
"""The least correlation of the middles. Below it two icons share a tile or a ring, not a sign."""


@dataclass(frozen=True, slots=True)
class _Curve:
    """Points by a measure's value: linear between knots, level beyond them."""

    at: tuple[float, ...]
    points: tuple[float, ...]

    def of(self, values: _Floats) -> NDArray[np.float64]:
        return np.interp(values, self.at, self.points)


_PDQ: Final = _Curve(
    at=(0, 1, 3, 7, 10, 13, 23, 41, 58),
    points=(2.00, 1.52, 0.99, 0.69, 0.09, -0.27, -0.52, -0.52, -0.52),
)
_INNER: Final = _Curve(
    at=(0, 0.6567, 0.8958, 0.9656, 0.996, 0.9988, 0.9995, 1),
    points=(-1.69, -0.97, -0.97, -0.72, -0.22, 1.01, 3.03, 3.50),
)
_EDGES: Final = _Curve(
    at=(0.2764, 0.5904, 0.7945, 0.8349, 0.8682, 0.8955, 0.9313, 0.9883, 1),
    points=(-2.46, -1.49, -1.19, -0.92, -0.54, -0.07, 0.25, 0.46, 0.71),
)
_BRIGHT: Final = _Curve(
    at=(0, 10.18, 14.8, 15.45, 20.52, 23.69, 24.52, 54.86),
    points=(0.03, 0.03, -0.18, -0.45, -0.53, -0.82, -1.00, -1.00),
)
_WORST: Final = _Curve(
    at=(0, 1.156, 1.808, 3.492, 6.33, 11.44, 13.37, 15.99, 31.96, 66.36),
    points=(2.46, 1.65, 1.35, 0.79, 0.43, 0.05, -0.39, -0.84, -0.84, -0.84),
)
_TINT: Final = _Curve(
    at=(0, 2.038, 5.025, 8.083, 12.06, 16.4, 23.91, 36.12, 56.92, 130.2),
    points=(4.71, 3.83, 2.40, 1.33, 0.13, -1.04, -1.82, -2.66, -2.89, -2.89),
)


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
            near = self.pdq[row] <= rule.radius_bits and self.tint[row] <= rule.most_tint
            if near and self.points[row] >= rule.least_points:
                return rule
        raise ValueError(f"Row {row} passes no rule.")


def judge(
    versions: NDArray[np.uint8], forms: NDArray[np.uint8], pdq: NDArray[np.integer], rule: LookRule
) -> Judged:
    """Which candidates are the same: picture i of a version, picture i of a stored form, at PDQ distance i.

    Rows beyond the rule's radius never pass. About 40 µs a row, most of it spared for rows whose colours
    alone lose them.
    """
    distances = pdq.astype(np.int64)
    points = np.full(len(distances), -np.inf)
    colour = np.full(len(distances), np.inf, np.float32)
    if not len(distances):
        return Judged(points, distances, colour, colour)
    tints = tints_of(versions, forms)
    at_most = _TINT.of(tints) + _PDQ.of(distances.astype(np.float32)) + _MOST
    near = (distances <= rule.radius_bits) & (tints <= rule.most_tint)
    hopeful = np.flatnonzero(near & (at_most >= rule.least_points))
    if len(hopeful):
        measures = measures_of(versions[hopeful], forms[hopeful])
        total = points_of(measures, distances[hopeful])
        passed = (measures.inner >= LEAST_INNER) & (total >= rule.least_points)
        points[hopeful[passed]] = total[passed]
        difference = np.sqrt(measures.bright**2 + measures.tint**2)
        colour[hopeful[passed]] = difference[passed]
    return Judged(points, distances, colour, tints)


def points_of(measures: Measures, pdq: NDArray[np.integer]) -> NDArray[np.float64]:
    """The sum over all measures, before any rule."""
    return (
        _PDQ.of(pdq.astype(np.float32))
        + _INNER.of(measures.inner)
        + _EDGES.of(measures.edges)
        + _BRIGHT.of(measures.bright)
        + _WORST.of(measures.worst)
        + _TINT.of(measures.tint)
    )


# What the measures that need an alignment can give at most.
_MOST: Final = sum(max(curve.points) for curve in (_INNER, _EDGES, _BRIGHT, _WORST))


def _distances(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.int64]:
    words = np.ascontiguousarray(left).view(np.uint64)[:, None] ^ np.ascontiguousarray(right).view(np.uint64)
    distances: NDArray[np.int64] = np.bitwise_count(words).sum(axis=-1, dtype=np.int64)
    return distances
