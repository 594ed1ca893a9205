"""Searching for looks like one: which are near by PDQ in some form, and which of these are the same.

Looks are searched under the rule that protects their best owner: wide over the top tier only, and so on;
looks of everybody else strictly. Each tier has two indexes, of plain forms and of the others, as versions
derived from the asker's look are compared with plain forms only.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from samelook.looks.likeness import (
    LOOK_RULES,
    Likeness,
    likeness_in,
    likenesses,
    parse_look,
    versions_of,
)
from samelook.looks.look import PDQ_BYTES, PICTURE_BYTES, Look
from samelook.looks.probes import AS_IS, Probes, probes_of
from samelook.looks.rules import FAINT, JudgedPairs, LookRule, Rule, faintly_alike, judge
from samelook.looks.store import LookStore
from samelook.looks.stored import (
    HUES,
    MOST_FORMS,
    form_name,
    hues_in,
    hues_of,
    may_be_near,
    names_in,
    pdqs_in,
    picture_offset,
)
from samelook.looks.tier_indexes import NearPairs, Placed, TierIndexes, codes_of, joined

MOST_CANDIDATES: dict[Rule | None, int] = {None: 50, Rule.STRICT: 50, Rule.STANDARD: 200, Rule.WIDE: 200}
"""Pairs of forms that one search compares in a tier, the nearest of those whose hues may be near. Only a
look that very many wear has more; each costs 30 to 40 µs, in which nobody else is answered."""
MOST_RECENT = 500
"""Looks placed lately; comparing a look with all of them costs less than a search of everything."""
_PAIRS_A_STEP = 50
"""Pairs of forms that are compared faintly before others have their turn."""
_PLACES: tuple[Rule | None, ...] = (*Rule, None)
_NOWHERE = -1


@dataclass(frozen=True, slots=True)
class FoundLook:
    """A look that is the same, by its number, and how."""

    number: int
    like: Likeness


class LookIndex:
    """Looks by number, and where each is searched. Not for several threads."""

    def __init__(self, store: LookStore | None = None) -> None:
        self.version = 0
        """Goes up when a search may find something else than before."""
        self._bytes = store or LookStore()
        self._indexes = {tier: TierIndexes() for tier in _PLACES}
        self._places = array("b")
        """The place of each look among `_PLACES`, by its number."""
        self._hues = np.empty((0, HUES), np.uint8)
        """By the id of a form. Most candidates are strangers for their colours alone."""
        self._recent: deque[Placed] = deque(maxlen=MOST_RECENT)

    def __len__(self) -> int:
        return len(self._bytes)

    def add_many(self, looks: Iterable[tuple[int, bytes]]) -> list[int]:
        """Keep looks by their ids in the database; their numbers. They are searched once they have a place.

        Raises BadLook, and then keeps none.
        """
        pairs = list(looks)
        names = [names_in(look) for _, look in pairs]
        numbers = self._bytes.add_many(pairs)
        self._places.extend([_NOWHERE] * len(numbers))
        if numbers:
            self._keep_hues(numbers, [len(name) for name in names], [look for _, look in pairs])
        return numbers

    def _keep_hues(self, numbers: Sequence[int], counts: Sequence[int], looks: Sequence[bytes]) -> None:
        needed = (numbers[-1] + 1) * MOST_FORMS
        if needed > len(self._hues):
            larger = np.zeros((needed + needed // 4, HUES), np.uint8)
            larger[: len(self._hues)] = self._hues
            self._hues = larger
        which = np.concatenate([np.arange(count) for count in counts])
        self._hues[np.repeat(np.array(numbers) * MOST_FORMS, counts) + which] = hues_in(looks)

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
        self._places[number] = place
        if before != _NOWHERE:
            self._indexes[_PLACES[before]].remove(number)
        if searched:
            raw = self._bytes[number]
            placed = Placed(self.version, number, place, names_in(raw), pdqs_in(raw))
            self._indexes[rule].waiting[number] = placed
            self._recent.append(placed)

    def flush(self) -> None:
        """Make what was placed since the last flush searchable, in one go: single additions are dear."""
        for indexes in self._indexes.values():
            indexes.flush()

    def merge(self) -> None:
        """Bring the indexes into the form that is searched fastest; for after a load."""
        for indexes in self._indexes.values():
            for index in (indexes.plain, indexes.others):
                index.settle()
                index.merge()

    def search(
        self,
        asked: Look | Probes,
        *,
        tiers: Collection[Rule | None] = (*Rule, None),
        own: int | None = None,
    ) -> list[FoundLook]:
        """The looks that are the same under the rule of their tier, with the narrowest rule for each.

        `own` is the number of the look that is asked for, if it is kept here: it need not be compared.
        """
        self.flush()
        probes = versions_of(asked) if isinstance(asked, Look) else asked
        found: list[FoundLook] = []
        if own is not None and self._places[own] != _NOWHERE and _PLACES[self._places[own]] in tiers:
            found.append(FoundLook(own, Likeness(Rule.STRICT, probes.forms[0], AS_IS, 0, 0.0)))
        hues = hues_of(probes.pictures)
        near = joined([self._near(probes, hues, tier, own, LOOK_RULES[_rule_of(tier)]) for tier in tiers])
        return found + (self._same(probes, near, max(map(_rule_of, tiers))) if len(near) else [])

    def faintly_like(
        self, look: Look, before: tuple[int, Sequence[int]] | None = None
    ) -> Generator[None, None, list[int]]:
        """The numbers of looks of owners in the tiers that are faintly like one, in more versions of it.

        Given in the end, after steps of a millisecond or two. `before` is what was found at an earlier
        `version`: then only what was placed since is compared, if that is little.
        """
        self.flush()
        probes = probes_of(look, far=True)
        placed = None if before is None else self._placed_since(before[0])
        if before is not None and placed is not None:
            moved = {entry.number for entry in placed}
            known = [number for number in before[1] if number not in moved and self._is_of_tiers(number)]
            new = [entry for entry in self._last_of(placed) if _PLACES[entry.place] is not None]
            numbers = _near(probes, new, FAINT.radius_bits)
            alike = faintly_alike(probes, [self.look(number) for number in numbers])
            return known + [number for number, is_alike in zip(numbers, alike, strict=True) if is_alike]
        hues = hues_of(probes.pictures)
        found: dict[int, None] = {}
        for tier in Rule:
            yield
            near = self._near(probes, hues, tier, None, FAINT)
            for start in range(0, len(near), _PAIRS_A_STEP):
                yield
                part = near.of(np.arange(start, min(start + _PAIRS_A_STEP, len(near))))
                rows, part_numbers = self._judged(probes, part, FAINT)
                found.update(dict.fromkeys(part_numbers[np.isfinite(rows.points)].tolist()))
        return list(found)

    def _is_of_tiers(self, number: int) -> bool:
        return self._places[number] != _NOWHERE and _PLACES[self._places[number]] is not None

    def _near(
        self,
        probes: Probes,
        hues: NDArray[np.float32],
        tier: Rule | None,
        own: int | None,
        limits: LookRule,
    ) -> NearPairs:
        """The nearest pairs of forms, of looks in a tier, that may be within some limits."""
        near = self._indexes[tier].near(probes, limits)
        if len(near):
            tints = limits.tint_at(near.distances)
            near = near.of(may_be_near(hues[near.versions], self._hues[near.forms], tints))
        if own is not None:
            near = near.of(near.forms // MOST_FORMS != own)
        most = MOST_CANDIDATES[tier]
        if len(near) > most:
            near = near.of(np.lexsort((near.versions, near.forms, near.distances))[:most])
        return near

    def _same(self, probes: Probes, near: NearPairs, widest: Rule) -> list[FoundLook]:
        """Those among the pairs that are the same under the rule of their tier, one for each look."""
        near = near.of(np.lexsort((near.versions, near.forms, near.distances)))
        rows, numbers = self._judged(probes, near, LOOK_RULES[widest])
        which = near.forms % MOST_FORMS
        found: dict[int, FoundLook | None] = {}
        for row in rows.best_first():
            number = int(numbers[row])
            # The first finding is by the narrowest rule; the look's tier may ask for a narrower one still.
            if number not in found:
                form = form_name(names_in(self._bytes[number])[which[row]])
                like = likeness_in(rows.match(row, form, probes.names[near.versions[row]]))
                allowed = like.rule <= _rule_of(_PLACES[self._places[number]])
                found[number] = FoundLook(number, like) if allowed else None
        return [match for match in found.values() if match is not None]

    def _judged(
        self, probes: Probes, near: NearPairs, limits: LookRule
    ) -> tuple[JudgedPairs, NDArray[np.int64]]:
        """What the pairs are worth, and the numbers of the looks that were found."""
        numbers, which = np.divmod(near.forms, MOST_FORMS)
        pictures = self._bytes.rows(
            numbers.tolist(), [picture_offset(form) for form in which.tolist()], PICTURE_BYTES
        )
        asked, handicaps = probes.pictures[near.versions], probes.handicaps[near.versions]
        return judge(asked, pictures, near.distances, limits, handicaps), numbers

    def search_again(
        self,
        asked: Look | Probes,
        found: list[FoundLook],
        version: int,
        *,
        tiers: Collection[Rule | None] = (*Rule, None),
    ) -> list[FoundLook] | None:
        """What `search` gives now, from what it gave at `version`: only looks placed since are compared.

        None when too much has changed since.
        """
        placed = self._placed_since(version)
        if placed is None:
            return None
        moved = {entry.number for entry in placed}
        result = [it for it in found if it.number not in moved and self._places[it.number] != _NOWHERE]
        last = [entry for entry in self._last_of(placed) if _PLACES[entry.place] in tiers]
        if not last:
            return result
        probes = versions_of(asked) if isinstance(asked, Look) else asked
        for rule in Rule:
            here = [entry for entry in last if _rule_of(_PLACES[entry.place]) is rule]
            numbers = _near(probes, here, LOOK_RULES[rule].radius_bits)
            looks = [self.look(number) for number in numbers]
            for number, like in zip(numbers, likenesses(probes, looks, rule), strict=True):
                result += [] if like is None else [FoundLook(number, like)]
        return result

    def _placed_since(self, version: int) -> list[Placed] | None:
        """What was placed after a version; None where that is too much to be remembered."""
        if self.version - version > len(self._recent):
            return None
        return [entry for entry in self._recent if entry.version > version]

    def _last_of(self, placed: Sequence[Placed]) -> list[Placed]:
        """Those that are where they were placed: a look may have moved again meanwhile."""
        here = (entry for entry in placed if self._places[entry.number] == entry.place)
        return list({entry.number: entry for entry in here}.values())

    def search_pdq(self, pdq: bytes) -> list[tuple[int, str, int]]:
        """Looks within the strict radius of a bare PDQ in some form: number, form, distance."""
        self.flush()
        near: dict[int, tuple[int, int]] = {}
        for indexes in self._indexes.values():
            for index in (indexes.plain, indexes.others):
                ids, distances = index.search(pdq, LOOK_RULES[Rule.STRICT].radius_bits)
                for form, distance in islice(
                    zip(ids.tolist(), distances.tolist(), strict=True), MOST_CANDIDATES[Rule.STRICT]
                ):
                    number, which = divmod(form, MOST_FORMS)
                    near[number] = min(near.get(number, (distance, which)), (distance, which))
        return [
            (number, self.look(number).forms[which].name, distance)
            for number, (distance, which) in near.items()
        ]


def _rule_of(tier: Rule | None) -> Rule:
    """The rule that a tier's looks are searched under; strictly for untrusted owners too."""
    return Rule.STRICT if tier is None else tier


def _near(probes: Probes, placed: Sequence[Placed], radius: int) -> list[int]:
    """The numbers of those that have a form within the radius of a version."""
    if not placed:
        return []
    stored = codes_of(b"".join(entry.pdqs for entry in placed)).view(np.uint64)
    asked = np.ascontiguousarray(probes.pdqs).view(np.uint64)
    distances = np.bitwise_count(asked[:, None] ^ stored).sum(axis=-1, dtype=np.int64).min(axis=0)
    owners = np.repeat(np.arange(len(placed)), [len(entry.pdqs) // PDQ_BYTES for entry in placed])
    return [placed[which].number for which in np.unique(owners[distances <= radius]).tolist()]
