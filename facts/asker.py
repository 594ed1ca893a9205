"""What is known of the icons that a site shows: whether they are its own, a product's, or a mere letter."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from samelook.facts.evidence import AskerLook
from samelook.facts.families import kinship
from samelook.looks.letters import letter_in
from samelook.looks.likeness import likenesses, versions_of, wear_one_look
from samelook.looks.look import Look
from samelook.looks.rules import Rule
from samelook.names.sites import Site

if TYPE_CHECKING:
    from samelook.facts.common import Catalogue
    from samelook.facts.known import Shown
    from samelook.facts.lists import SiteLists
    from samelook.facts.memory import Memory
    from samelook.facts.standing import Tiers
    from samelook.looks.near import NearLooks


class Knowledge(Protocol):
    """What is known now: a follower of the database, or facts put together by hand."""

    memory: Memory
    lists: SiteLists
    catalogue: Catalogue


def looks_at(memory: Memory, sha256: bytes) -> tuple[Look, ...] | None:
    """The looks of a known picture, none when no frame has contrast; None for an unknown one."""
    numbers = memory.looks_of(sha256)
    return None if numbers is None else tuple(memory.index.look(number) for number in numbers)


@dataclass(frozen=True, slots=True)
class Asker:
    """The site that is asked about, and what it shows."""

    knowledge: Knowledge
    near: NearLooks
    tiers: Tiers
    now: float
    site: Site
    position: int | None
    shown: Mapping[bytes, Shown]
    """What the crawl saw at its front door, lately or now."""

    @property
    def in_tiers(self) -> bool:
        return self.tiers.rule_for(self.position) is not None

    def look(self, sha256: bytes, looks: tuple[Look, ...], wearers: Collection[Site]) -> AskerLook:
        """One icon, which other `wearers` have too or not.

        Whether it is like one that the site showed lately, or a mere letter, matters only where others do;
        whether it is faintly like somebody's, only where its age would make it trusted.
        """
        if not looks:
            return AskerLook(sha256.hex(), degenerate=True)
        current = {other: shown for other, shown in self.shown.items() if shown.gone_since is None}
        # The look is compared as it is: a brand's icon with a badge on it does not become the copier's own.
        same = (
            [current[sha256]]
            if sha256 in current
            else [shown for other, shown in current.items() if wear_one_look(looks, self._looks_at(other))]
        )
        confirmed = any(shown.confirmed for shown in same)
        asked_of_lately = bool(wearers) and self.in_tiers and not same
        asked_for_faint = confirmed and not self.in_tiers
        return AskerLook(
            sha256.hex(),
            own_since=min((shown.since for shown in same), default=None),
            confirmed=confirmed,
            like_own=asked_of_lately and self._is_like_one_of_its_own(looks),
            default_of=self.knowledge.catalogue.default_like(looks),
            letter=letter_in(looks[0]) if wearers and not self._are_much_copied(wearers) else None,
            faintly_like=self._faintly_like(sha256, looks) if asked_for_faint else None,
            unsteady=asked_for_faint and not self.near.are_steady(sha256, looks),
        )

    def _looks_at(self, sha256: bytes) -> tuple[Look, ...]:
        return looks_at(self.knowledge.memory, sha256) or ()

    def _is_like_one_of_its_own(self, looks: Sequence[Look]) -> bool:
        others = [look for sha256 in self.shown for look in self._looks_at(sha256)]
        return bool(others) and any(
            found is not None
            for look in looks
            for found in likenesses(versions_of(look), others, Rule.STANDARD)
        )

    def _are_much_copied(self, sites: Iterable[Site]) -> bool:
        """Whether one of them is of an organisation that people wrote down for being copied."""
        return any(map(self.knowledge.lists.families.is_written, sites))

    def _faintly_like(self, sha256: bytes, looks: Sequence[Look]) -> Site | None:
        """The best-placed of the sites in the tiers whose look the icon is faintly like, if there are any.

        Not those whose looks strangers show legitimately, nor the site's own family.
        """
        memory = self.knowledge.memory
        owners = {
            owner.name: owner.position
            for number in self.near.faintly_like(sha256, looks)
            for owner, _ in memory.owners_of(memory.picture_of_look(number), self.now, 1)
            if self.tiers.rule_for(owner.position) is not None
            and self.knowledge.catalogue.vendor_of(owner.name) is None
            and not self._is_kin(owner.name)
        }
        return min(owners, key=lambda site: (owners[site] or 0, site), default=None)

    def _is_kin(self, other: Site) -> bool:
        memory, lists = self.knowledge.memory, self.knowledge.lists
        ours, theirs = memory.site(self.site), memory.site(other)
        if other == self.site or ours is None or theirs is None:
            return other == self.site
        stated = lists.stated_of(self.site, other)
        return kinship(
            ours.as_member(),
            theirs.as_member(),
            stated=stated,
            says=lists.families.says,
            trusted_to=self.tiers.strict,
        ).related
