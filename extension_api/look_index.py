"""Searching for looks like one: which are near by PDQ in some form, and which of these are the same.

Looks are searched under the rule that protects their best owner: wide over the top tier only, and so on;
looks of everybody else strictly. Each tier has two indexes of its own, of plain forms and of the others, as
versions derived from the asker's look are compared with plain forms only.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from extension_api.look_store import LookStore
from extension_api.looks import (
    LOOK_RULES,
    PLAIN,
    Likeness,
    likeness_in,
    likenesses,
    parse_look,
    versions_of,
)
from extension_api.verdict import Rule
from hashing.look import Look
from hashing.look_forms import FORM_NAMES
from hashing.look_probes import AS_IS, Probes
from hashing.look_rules import judge
from matching import HammingIndex

_PDQ_BYTES = 32
_FORMS = len(FORM_NAMES)
MOST_CANDIDATES = 400
"""Pairs of forms that one search compares in a tier, the nearest: 40 µs each, and the loop waits. Only a look
that very many wear can have more."""
MOST_RECENT = 500
"""Looks placed lately; comparing a look with all of them costs less than a search of everything."""
_PLACES: tuple[Rule | None, ...] = (*Rule, None)
_NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Found:
    """A look that is the same, by its number, and how."""

    number: int
    like: Likeness


@dataclass(frozen=True, slots=True)
class _Placed:
    """That a look came to be searched, or somewhere else than before."""

    version: int
    number: int
    place: int
    pdqs: bytes


class _Tier:
    """The looks that are searched under one rule."""

    def __init__(self) -> None:
        self.plain = HammingIndex(bits=256)
        self.others = HammingIndex(bits=256)
        self.waiting: dict[int, None] = {}

    def remove(self, number: int) -> None:
        if number in self.waiting:
            del self.waiting[number]
            return
        ids = np.arange(number * _FORMS, (number + 1) * _FORMS, dtype=np.int64)
        self.plain.remove(ids)
        self.others.remove(ids)

    def add(self, looks: Iterable[tuple[int, Look]]) -> None:
        rows: dict[bool, tuple[list[bytes], list[int]]] = {True: ([], []), False: ([], [])}
        for number, look in looks:
            for which, form in enumerate(look.forms):
                codes, ids = rows[form.name == PLAIN]
                codes.append(form.pdq)
                ids.append(number * _FORMS + which)
        for is_plain, (codes, ids) in rows.items():
            if ids:
                index = self.plain if is_plain else self.others
                index.add(_codes(b"".join(codes)), np.array(ids, np.int64))
        self.waiting.clear()

    def near(self, probes: Probes, radius: int) -> list[tuple[int, int, int]]:
        """The nearest forms within the radius: distance, id of the form, number of the version."""
        near: list[tuple[int, int, int]] = []
        as_is = probes.names.count(AS_IS)
        for index, codes in ((self.plain, probes.pdqs), (self.others, probes.pdqs[:as_is])):
            if not len(index) or not len(codes):
                continue
            for version, (ids, distances) in enumerate(index.search_many(codes, radius)):
                if len(ids):
                    kept = islice(zip(distances.tolist(), ids.tolist(), strict=True), MOST_CANDIDATES)
                    near += [(distance, form, version) for distance, form in kept]
        near.sort()
        return near[:MOST_CANDIDATES]


class LookIndex:
    """Looks by number, and where each is searched. Not for several threads."""

    def __init__(self, store: LookStore | None = None) -> None:
        self.version = 0
        """Goes up when a search may find something else than before."""
        self._bytes = store or LookStore()
        self._tiers: dict[Rule | None, _Tier] = {rule: _Tier() for rule in (*Rule, None)}
        self._places = array("b")
        """The place of each look among `_PLACES`, by its number."""
        self._recent: deque[_Placed] = deque(maxlen=MOST_RECENT)

    def __len__(self) -> int:
        return len(self._bytes)

    def add_many(self, looks: Iterable[tuple[int, bytes]]) -> list[int]:
        """Keep looks by their ids in the database; their numbers. They are searched once they have a place.

        Raises BadLook, and then keeps none.
        """
        given = list(looks)
        for _, look in given:
            parse_look(look)
        numbers = self._bytes.add_many(given)
        self._places.extend([_NOWHERE] * len(numbers))
        return numbers

    def close(self) -> None:
        """Leave what is shared with other processes."""
        self._bytes.close()

    def look(self, number: int) -> Look:
        return parse_look(self._bytes[number])

    def place(self, number: int, rule: Rule | None, *, searched: bool) -> None:
        """Search the look under `rule` from now on (None: strictly, for untrusted owners), or not at all."""
        place = _PLACES.index(rule) if searched else _NOWHERE
        before = self._places[number]
        if place == before:
            return
        self.version += 1
        if before != _NOWHERE:
            self._tiers[_PLACES[before]].remove(number)
        self._places[number] = place
        if searched:
            self._tiers[rule].waiting[number] = None
            pdqs = b"".join(form.pdq for form in self.look(number).forms)
            self._recent.append(_Placed(self.version, number, place, pdqs))

    def flush(self) -> None:
        """Make what was placed since the last flush searchable, in one go: single additions are dear."""
        for tier in self._tiers.values():
            if tier.waiting:
                tier.add([(number, self.look(number)) for number in tier.waiting])

    def merge(self) -> None:
        """Bring the indexes into the form that is searched fastest; for after a load."""
        for tier in self._tiers.values():
            for index in (tier.plain, tier.others):
                index.settle()
                index.merge()

    def search(
        self,
        asked: Look | Probes,
        *,
        tiers: Collection[Rule | None] = (*Rule, None),
        own: int | None = None,
    ) -> list[Found]:
        """The looks that are the same under the rule of their tier, with the narrowest rule for each.

        `own` is the number of the look that is asked for, if it is kept here: it need not be compared.
        """
        self.flush()
        probes = versions_of(asked) if isinstance(asked, Look) else asked
        found: list[Found] = []
        if own is not None and self._places[own] != _NOWHERE and _PLACES[self._places[own]] in tiers:
            found.append(Found(own, Likeness(Rule.STRICT, probes.forms[0], AS_IS, 0, 0.0)))
        for tier in tiers:
            found += self._search_tier(probes, tier, own)
        return found

    def _search_tier(self, probes: Probes, tier: Rule | None, own: int | None) -> list[Found]:
        rule = LOOK_RULES[_rule_of(tier)]
        near = self._tiers[tier].near(probes, rule.radius_bits)
        if own is not None:
            near = [one for one in near if one[1] // _FORMS != own]
        if not near:
            return []
        looks = {number: self.look(number) for number in {form // _FORMS for _, form, _ in near}}
        rows = judge(
            probes.pictures[[version for _, _, version in near]],
            np.stack([looks[form // _FORMS].pictures[form % _FORMS] for _, form, _ in near]),
            np.array([distance for distance, _, _ in near], np.int64),
            rule,
        )
        found: dict[int, Found] = {}
        for row in rows.best_first():
            _, form, version = near[row]
            number, which = divmod(form, _FORMS)
            if number not in found:
                match = rows.match(row, looks[number].forms[which].name, probes.names[version])
                found[number] = Found(number, likeness_in(match))
        return list(found.values())

    def search_again(
        self,
        asked: Look | Probes,
        found: list[Found],
        version: int,
        *,
        tiers: Collection[Rule | None] = (*Rule, None),
    ) -> list[Found] | None:
        """What `search` gives now, from what it gave at `version`: only looks placed since are compared.

        None when too much has changed since.
        """
        if self.version - version > len(self._recent):
            return None
        placed = [one for one in self._recent if one.version > version]
        moved = {one.number for one in placed}
        result = [one for one in found if one.number not in moved and self._places[one.number] != _NOWHERE]
        # Of a look that has moved again since, only the last place counts.
        last = {
            one.number: one
            for one in placed
            if self._places[one.number] == one.place and _PLACES[one.place] in tiers
        }
        if not last:
            return result
        probes = versions_of(asked) if isinstance(asked, Look) else asked
        for rule in Rule:
            here = [one for one in last.values() if _rule_of(_PLACES[one.place]) is rule]
            numbers = _near(probes, here, LOOK_RULES[rule].radius_bits)
            looks = [self.look(number) for number in numbers]
            for number, like in zip(numbers, likenesses(probes, looks, rule), strict=True):
                if like is not None:
                    result.append(Found(number, like))
        return result

    def search_pdq(self, pdq: bytes) -> list[tuple[int, str, int]]:
        """Looks within the strict radius of a bare PDQ in some form: number, form, distance."""
        self.flush()
        near: dict[int, tuple[int, int]] = {}
        for tier in self._tiers.values():
            for index in (tier.plain, tier.others):
                ids, distances = index.search(pdq, LOOK_RULES[Rule.STRICT].radius_bits)
                for form, distance in islice(
                    zip(ids.tolist(), distances.tolist(), strict=True), MOST_CANDIDATES
                ):
                    number, which = divmod(form, _FORMS)
                    near[number] = min(near.get(number, (distance, which)), (distance, which))
        return [
            (number, self.look(number).forms[which].name, distance)
            for number, (distance, which) in near.items()
        ]


def _rule_of(tier: Rule | None) -> Rule:
    return Rule.STRICT if tier is None else tier


def _near(probes: Probes, placed: Sequence[_Placed], radius: int) -> list[int]:
    """The numbers of those that have a form within the radius of a version."""
    if not placed:
        return []
    stored = _codes(b"".join(one.pdqs for one in placed)).view(np.uint64)
    asked = np.ascontiguousarray(probes.pdqs).view(np.uint64)
    distances = np.bitwise_count(asked[:, None] ^ stored).sum(axis=-1, dtype=np.int64).min(axis=0)
    owners = np.repeat(np.arange(len(placed)), [len(one.pdqs) // _PDQ_BYTES for one in placed])
    return [placed[which].number for which in np.unique(owners[distances <= radius]).tolist()]


def _codes(raw: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(raw, np.uint8).reshape(-1, _PDQ_BYTES)
