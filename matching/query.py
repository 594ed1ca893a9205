"""One question to an index under the rules of banks: thresholds, filters, exclusions, a limit.

Pure: which banks a signal is in comes from outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import BadQuery
from .interface import Code, Ids, RangeIndex


class Memberships(Protocol):
    """Which banks signals are in."""

    def banks_of(self, ids: Ids) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs (row, bank): signal ids[row] is in the bank. A signal may be in none or in several."""
        ...


@dataclass(frozen=True, slots=True)
class BankRule:
    radius: int | None = None
    """The bank's own threshold in bits. None: the default."""
    enabled: bool = True
    excluding: bool = False
    """A negative bank: what it matches is not to be reported, whatever else matches."""


@dataclass(frozen=True, slots=True)
class Question:
    default_radius: int
    """For banks without a threshold of their own."""
    radius: int | None = None
    """A threshold for this question, instead of those of the banks. Excluding banks keep theirs."""
    banks: frozenset[int] | None = None
    """Only these banks. None: all. Excluding banks always count."""
    limit: int | None = None
    """At most so many matches, the nearest first."""


@dataclass(frozen=True, slots=True)
class Match:
    signal_id: int
    bank: int
    distance: int


@dataclass(frozen=True, slots=True)
class Answer:
    matches: tuple[Match, ...]
    more: bool
    """There were more matches than the limit."""
    excluded_by: tuple[Match, ...]
    """Matches of excluding banks. When there are any, there are no other matches."""


def ask(
    index: RangeIndex, code: Code, question: Question, rules: Mapping[int, BankRule], memberships: Memberships
) -> Answer:
    """The matches of one code, nearest first; signals in no bank with a rule match nothing.

    Costs one search at the widest radius that a bank of the question needs.
    """
    if question.limit is not None and question.limit < 0:
        raise BadQuery(f"a limit of {question.limit}: 0 or more make sense")
    radii = _radii(question, rules)
    if not radii:
        return Answer((), more=False, excluded_by=())
    ids, distances = index.search(code, max(radii.values()))
    rows, banks = memberships.banks_of(ids)
    known = np.array(sorted(radii), np.int64)
    limits = np.array([radii[bank] for bank in known.tolist()], np.int64)
    excluding = np.array([rules[bank].excluding for bank in known.tolist()])
    place = np.minimum(np.searchsorted(known, banks), len(known) - 1)
    kept = (known[place] == banks) & (distances[rows] <= limits[place])
    found = np.array([ids[rows], banks, distances[rows]], np.int64)
    against = found[:, kept & excluding[place]]
    if against.shape[1]:
        return Answer((), more=False, excluded_by=_matches(against))
    matches = _matches(found[:, kept & ~excluding[place]])
    shown = matches if question.limit is None else matches[: question.limit]
    return Answer(shown, more=len(shown) < len(matches), excluded_by=())


def _radii(question: Question, rules: Mapping[int, BankRule]) -> dict[int, int]:
    radii = {}
    for bank, rule in rules.items():
        if not rule.enabled:
            continue
        own = question.default_radius if rule.radius is None else rule.radius
        if rule.excluding:
            radii[bank] = own
        elif question.banks is None or bank in question.banks:
            radii[bank] = own if question.radius is None else question.radius
    return radii


def _matches(found: NDArray[Any]) -> tuple[Match, ...]:
    ids, banks, distances = found
    order = np.lexsort((banks, ids, distances))
    return tuple(Match(*row) for row in np.stack([ids, banks, distances], axis=1)[order].tolist())
