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
from enum import IntEnum
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from samelook.looks.forms import FormName
from samelook.looks.look import PDQ_BYTES, Look
from samelook.looks.measures import measures_of, tints_of
from samelook.looks.probes import AS_IS, Probes, probes_of
from samelook.looks.trees import points_of

RuleName = Literal["strict", "standard", "wide"]
_Floats = NDArray[np.float32]


class Rule(IntEnum):
    """How alike two looks are: the narrowest rule under which they are the same."""

    STRICT = 0
    STANDARD = 1
    WIDE = 2


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


STRICT: Final = LookRule("strict", radius_bits=36, least_points=3.8, least_inner=0.75, most_tint=20)
STANDARD: Final = LookRule("standard", radius_bits=54, least_points=2.0, least_inner=0.75, most_tint=25)
WIDE: Final = LookRule("wide", radius_bits=59, least_points=0.5, least_inner=0.75, most_tint=25)
RULES: Final[dict[RuleName, LookRule]] = {rule.name: rule for rule in (STRICT, STANDARD, WIDE)}
"""From the narrowest to the widest."""


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
    asked = probes.pictures[versions]
    rows = judge(asked, pictures[found], distances[versions, found], rule, probes.handicaps[versions])
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
    versions: NDArray[np.uint8],
    forms: NDArray[np.uint8],
    pdq: NDArray[np.integer],
    rule: LookRule,
    handicaps: NDArray[np.float64] | None = None,
) -> Judged:
    """Which candidates are the same: picture i of a version, picture i of a stored form, at PDQ distance i.

    Rows beyond the rule's radius never pass. `handicaps` are those of the versions (`Probes.handicaps`), none
    where all are forms as they are. About 30 µs a row, all but one spared where colours alone say no.
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
    measures = measures_of(versions[near], forms[near])
    inner[near] = measures.inner
    total = points_of(np.column_stack(measures))
    if handicaps is not None:
        total = counted(total, handicaps[near])
    passed = (measures.inner >= rule.least_inner) & (total >= rule.least_points)
    points[near[passed]] = total[passed]
    colour[near] = np.sqrt(measures.bright**2 + tint[near] ** 2)
    return judged


def counted(points: NDArray[np.float64], handicaps: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points that count for versions with these handicaps (`Probes.handicaps`)."""
    return np.minimum(points - handicaps[:, 0], handicaps[:, 1])


def _distances(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.int64]:
    words = np.ascontiguousarray(left).view(np.uint64)[:, None] ^ np.ascontiguousarray(right).view(np.uint64)
    distances: NDArray[np.int64] = np.bitwise_count(words).sum(axis=-1, dtype=np.int64)
    return distances
