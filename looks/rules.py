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
from samelook.looks.measures import Measures, inners_of, measures_of, tints_of
from samelook.looks.probes import AS_IS, NO_HANDICAPS, TURNED, Probes, probes_of
from samelook.looks.trees import points_of

RuleName = Literal["strict", "standard", "wide"]
_Floats = NDArray[np.float32]
_Flags = NDArray[np.bool_]


class Rule(IntEnum):
    """How alike two looks are: the narrowest rule under which they are the same."""

    STRICT = 0
    STANDARD = 1
    WIDE = 2


@dataclass(frozen=True, slots=True)
class SameDrawing:
    """When two pictures are one drawing in other colours: the same to the last line, with much to see in it.

    What is drawn again, a letter of another typeface, is never so near. The more there is to see, the less
    exactly they need to lie on each other; an exchange of colours is estimated, so it is given more room.
    """

    radius_bits: int
    least_inner: float
    most_tint: float
    most_rest: float
    least_detail: float
    least_direction: float = -1.0
    is_exact: bool = False
    """Whether shift and scale are limited."""

    def shows(self, measures: Measures, pdq: NDArray[np.int64], exchanged: _Flags) -> _Flags:
        """Row by row, for pictures at a PDQ distance."""
        shown: _Flags = (
            (pdq <= self.radius_bits)
            & (measures.inner >= self.least_inner)
            & (measures.tint <= self.most_tint)
            & (measures.rest <= self.most_rest)
            & (measures.detail >= self.least_detail)
            & (measures.direction >= self.least_direction)
        )
        if self.is_exact:
            shift = np.where(exchanged, _EXCHANGED_SHIFT, _SHIFT_BY_DETAIL * (measures.detail - _SHIFT_FROM))
            scale = np.where(exchanged, _EXCHANGED_SCALE, _SCALE_BY_DETAIL * (measures.detail - _SCALE_FROM))
            near = (pdq <= _SHADE_BITS) | exchanged
            shown &= (measures.shift <= shift) & (measures.scale <= scale) & near
            shown |= exchanged & _lies_on_the_other(measures, pdq, exchanged)
        return shown


def _lies_on_the_other(measures: Measures, pdq: NDArray[np.int64], exchanged: _Flags) -> _Flags:
    """Row by row, whether a plainer drawing with its colours exchanged is the other in every way.

    Of letters only the same ones in nearly the same two colours are.
    """
    lies: _Flags = (
        PLAINLY_EXCHANGED.shows(measures, pdq, exchanged)
        & (measures.quarter >= _PLAIN_QUARTER)
        & (measures.hue <= _PLAIN_HUE)
        & (measures.shift <= _PLAIN_SHIFT)
        & (measures.scale <= _PLAIN_SCALE)
    )
    return lies


_SHADE_BITS: Final = 24
_STEADY_INNER: Final = 0.6
_STEADY_REST: Final = 0.2
_SHIFT_BY_DETAIL: Final = 0.04
_SHIFT_FROM: Final = 0.1
_SCALE_BY_DETAIL: Final = 0.04
_SCALE_FROM: Final = 0.22
_EXCHANGED_SHIFT: Final = 0.1
_EXCHANGED_SCALE: Final = 0.03
_PLAIN_QUARTER: Final = 0.7
_PLAIN_HUE: Final = 0.4
_PLAIN_SHIFT: Final = 0.06
_PLAIN_SCALE: Final = 0.02


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
    drawing: SameDrawing | None = None
    """What passes instead of points and tint."""

    @property
    def floor(self) -> float:
        """The least inner correlation with which anything may pass."""
        if self.drawing is None:
            return self.least_inner
        return min(self.least_inner, self.drawing.least_inner)

    def able(self, handicaps: NDArray[np.float64]) -> NDArray[np.int64]:
        """The rows of versions that can pass at all: a recoloured one never is strictly the same."""
        may = handicaps[:, 1] >= self.least_points
        if self.drawing is not None:
            may |= handicaps[:, 2] >= 0
        return np.flatnonzero(may)

    def tint_at(self, pdq: NDArray[np.integer]) -> _Floats:
        """The largest distance of hues that may pass at a PDQ distance."""
        tint = np.full(len(pdq), self.most_tint, np.float32)
        if self.drawing is not None:
            tint[pdq <= self.drawing.radius_bits] = max(self.most_tint, self.drawing.most_tint)
        return tint

    def passes(
        self,
        measures: Measures,
        pdq: NDArray[np.int64],
        points: NDArray[np.float64],
        handicaps: NDArray[np.float64],
    ) -> _Flags:
        """Row by row whether the rule is met; `points` are those that count for the versions."""
        passed: _Flags = (
            (pdq <= self.radius_bits)
            & (measures.inner >= self.least_inner)
            & (measures.tint <= self.most_tint)
            & (points >= self.least_points)
        )
        if self.drawing is not None:
            way = handicaps[:, 2]
            passed |= (way >= 0) & self.drawing.shows(measures, pdq, way > 0)
        return passed


SHADE: Final = SameDrawing(
    40, least_inner=0.95, most_tint=70, most_rest=0.03, least_detail=0.45, least_direction=0.8, is_exact=True
)
PLAINLY_EXCHANGED: Final = SameDrawing(
    40, least_inner=0.97, most_tint=30, most_rest=0.015, least_detail=0.15, least_direction=0.95
)
STRICT: Final = LookRule("strict", radius_bits=36, least_points=3.8, least_inner=0.75, most_tint=20)
STANDARD: Final = LookRule("standard", 54, least_points=2.0, least_inner=0.75, most_tint=25, drawing=SHADE)
WIDE: Final = LookRule("wide", 59, least_points=0.5, least_inner=0.75, most_tint=25, drawing=SHADE)
FAINT: Final = LookRule(
    "wide", 70, least_points=-4.5, least_inner=0.6, most_tint=45,
    drawing=SameDrawing(70, least_inner=0.95, most_tint=200, most_rest=0.06, least_detail=0.1),
)  # fmt: skip
"""No rule: what is faintly alike accuses nobody, and is not trusted for its age alone. Two in a million pairs
of different brands are."""
RULES: Final[dict[RuleName, LookRule]] = {rule.name: rule for rule in (STRICT, STANDARD, WIDE)}
"""From the narrowest to the widest."""
_BY_WIDTH: Final = tuple(RULES.values())


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
    matches: list[Match | None] = [None] * len(others)
    rows, owners, versions, forms = _judged_all(probes, others, rule)
    for row in rows.best_first():
        owner = int(owners[row])
        if matches[owner] is None:
            matches[owner] = rows.match(row, forms[row], probes.names[versions[row]])
    return matches


def faintly_alike(probes: Probes, others: Sequence[Look]) -> list[bool]:
    """Which looks the one that these versions are of is faintly like."""
    rows, owners, _, _ = _judged_all(probes, others, FAINT)
    alike = set(owners[np.isfinite(rows.points)].tolist())
    return [owner in alike for owner in range(len(others))]


def is_steady(look: Look) -> bool:
    """Whether a look keeps its drawing when its hues are turned a little.

    Where it does not, it is drawn in hues of one brightness: what it is a copy of with other hues could not
    be told either. Of every thirteenth icon of the training set 1.3 % are not steady.
    """
    probes = probes_of(look)
    plain = [row for row, form in enumerate(probes.forms) if form == "plain" and probes.names[row] == AS_IS]
    turned = [row for row, name in enumerate(probes.names) if name in TURNED]
    if not plain or not turned:
        return True
    measures = measures_of(probes.pictures[turned], probes.pictures[plain].repeat(len(turned), axis=0))
    return bool((measures.inner >= _STEADY_INNER).all() and (measures.rest <= _STEADY_REST).all())


def _judged_all(
    probes: Probes, others: Sequence[Look], rule: LookRule
) -> tuple[JudgedPairs, NDArray[np.int64], NDArray[np.int64], list[FormName]]:
    """The pairs that may pass, and of each whose look, which version and which form it is."""
    counts = [len(other.forms) for other in others]
    forms = [form for other in others for form in other.forms]
    if not len(probes) or not forms:
        nothing = np.empty(0, np.int64)
        return judge(probes.pictures[:0], probes.pictures[:0], nothing, rule), nothing, nothing, []
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
    return rows, owners, versions, [forms[which].name for which in found.tolist()]


@dataclass(frozen=True, eq=False)
class JudgedPairs:
    """Candidate pairs, row by row: the points of each, or minus infinity where the rule is not met."""

    points: NDArray[np.float64]
    pdq: NDArray[np.int64]
    colour: _Floats
    narrowest: NDArray[np.int64]
    """The place among the rules of the narrowest that is met."""

    def best_first(self) -> list[int]:
        """The rows that pass, with the narrowest rule first, then the nearest."""
        passing = np.flatnonzero(np.isfinite(self.points))
        rank = [self._rank(row) for row in passing.tolist()]
        return [row for _, row in sorted(zip(rank, passing.tolist(), strict=True))]

    def match(self, row: int, form: FormName, version: str) -> Match:
        return Match(
            _BY_WIDTH[self.narrowest[row]].name,
            form,
            version,
            int(self.pdq[row]),
            round(float(self.colour[row]), 2),
            round(float(self.points[row]), 2),
        )

    def _rank(self, row: int) -> tuple[int, int, float]:
        return int(self.narrowest[row]), int(self.pdq[row]), float(self.colour[row])


def judge(
    versions: NDArray[np.uint8],
    forms: NDArray[np.uint8],
    pdq: NDArray[np.integer],
    rule: LookRule,
    handicaps: NDArray[np.float64] | None = None,
) -> JudgedPairs:
    """Which candidates are the same: picture i of a version, picture i of a stored form, at PDQ distance i.

    Rows beyond the rule's radius never pass. `handicaps` are those of the versions (`Probes.handicaps`), none
    where all are forms as they are. About 30 µs a row, most spared where colours or the middle say no.
    """
    distances = pdq.astype(np.int64)
    points = np.full(len(distances), -np.inf)
    colour = np.full(len(distances), np.inf, np.float32)
    narrowest = np.full(len(distances), len(_BY_WIDTH))
    judged = JudgedPairs(points, distances, colour, narrowest)
    if not len(distances):
        return judged
    near = np.flatnonzero(
        (distances <= rule.radius_bits) & (tints_of(versions, forms) <= rule.tint_at(distances))
    )
    near = near[inners_of(versions[near], forms[near]) >= rule.floor]
    if not len(near):
        return judged
    measures = measures_of(versions[near], forms[near])
    limits = NO_HANDICAPS.repeat(len(near), axis=0) if handicaps is None else handicaps[near]
    total = counted(points_of(np.column_stack(measures)), limits)
    passed = rule.passes(measures, distances[near], total, limits)
    if passed.any():
        points[near[passed]] = total[passed]
        colour[near] = np.sqrt(measures.bright**2 + measures.tint**2)
        for place, width_rule in reversed(list(enumerate(_BY_WIDTH))):
            narrowest[near[width_rule.passes(measures, distances[near], total, limits)]] = place
    return judged


def counted(points: NDArray[np.float64], handicaps: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points that count for versions with these handicaps (`Probes.handicaps`)."""
    return np.minimum(points - handicaps[:, 0], handicaps[:, 1])


def _distances(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.int64]:
    words = np.ascontiguousarray(left).view(np.uint64)[:, None] ^ np.ascontiguousarray(right).view(np.uint64)
    distances: NDArray[np.int64] = np.bitwise_count(words).sum(axis=-1, dtype=np.int64)
    return distances
