"""Whose look a site shows: for each of its icons, the owners that speak against it, and what explains them.

*Standing*: in the tiers the better rank; beyond them the older look. Popularity is not ownership: a look that
some owner in the tiers wears is nobody else's to show unless the crawl has seen it at the asker's front door.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from samelook.facts.common import Vendor
from samelook.facts.evidence import AskerLook, Claim, Facts, LookMatch
from samelook.facts.families import Kinship
from samelook.facts.standing import Tiers
from samelook.looks.rules import Rule
from samelook.looks.same_mark import LEAST_POINTS
from samelook.names.resemblance import resembles
from samelook.names.sites import Hosting, Site, registrable_label

TRUST_TAKES_S = 28 * 86_400.0
"""How long a look must have been a site's before that counts for it, or against another."""
COMMON_WEARERS = 3
"""So many unrelated sites of the tiers make a look common that all have worn so long."""
COMPARABLE = 10
"""The rank of each must be within so many times that of the one before it: the rest are suspects."""
_LAST = 1 << 62


@dataclass(frozen=True, slots=True)
class JudgedLook:
    """One icon with contrast, and who else wears it."""

    protected: tuple[LookMatch, ...] = ()
    """Owners in the tiers, of other families and better standing: whose look it is like, the best first,
    then those that the asker gives itself out for and whose mark it shows."""
    older: tuple[LookMatch, ...] = ()
    """Owners beyond the tiers who have had the look for much longer."""
    common: str | None = None
    """Whose look it is, if strangers show it legitimately."""
    relative: LookMatch | None = None
    """The best-placed owner in the tiers who is of the asker's family."""
    own_for_s: float = -1.0
    """How long it has been the site's own; negative: it is not, by what the crawl saw."""
    confirmed: bool = False
    faintly_like: Site | None = None
    unsteady: bool = False
    named: tuple[LookMatch, ...] = field(default=())
    """Matches that accuse nobody and are worth naming."""

    @property
    def rivals(self) -> tuple[LookMatch, ...]:
        return self.protected + self.older

    @property
    def is_settled(self) -> bool:
        """Whether it has been the site's own for as long as trust takes."""
        return self.confirmed and self.own_for_s >= TRUST_TAKES_S

    @property
    def is_its_own_by_age(self) -> bool:
        """Whether age alone makes the look the site's own.

        It must be long worn, steady, and not faintly like a look of the tiers, from which it may be taken.
        """
        return self.is_settled and self.faintly_like is None and not self.unsteady


class Likenesses:
    """What each look of the asker's is like."""

    def __init__(self, facts: Facts, tiers: Tiers) -> None:
        self._facts = facts
        self._tiers = tiers
        self.asker_in_tiers = self._is_in_tiers(facts.position)
        self._family = self._family_of_asker()
        self._own = {look.sha256 for look in facts.looks if look.own_since is not None}
        matches = _strongest(match for match in facts.matches if self._counts(match))
        self.looks = tuple(
            self._judged(look, [match for match in matches if match.asker_sha256 == look.sha256])
            for look in sorted(facts.looks, key=lambda asked_look: asked_look.sha256)
            if not look.degenerate
        )
        bare = [match for match in matches if match.signal_only]
        if bare:
            named = {look.sha256 for look in facts.looks}
            for sha256 in sorted({match.asker_sha256 for match in bare} - named):
                signalled = [match for match in bare if match.asker_sha256 == sha256]
                self.looks = (*self.looks, self._judged(AskerLook(sha256), signalled))

    def kinship_with(self, site: Site) -> Kinship:
        """What is known of the asker and another site."""
        return self._kin(self._facts.site, site)

    # ---- what counts ----

    def _is_in_tiers(self, position: int | None) -> bool:
        return self._tiers.rule_for(position) is not None

    def _counts(self, match: LookMatch) -> bool:
        """Whether the match is close enough for the owner's tier; beyond the tiers only strict ones are."""
        if match.owner.site == self._facts.site:
            return False
        if match.mark is not None:
            # What is given out for is seen to with the look.
            return True
        if self.asker_in_tiers:
            # What its owner shows to nobody cannot beat what the asker shows to all. Beyond the tiers it can:
            # a copy may be one of a brand's icon for home screens.
            return match.rule is Rule.STRICT and (match.displayed or match.asker_sha256 not in self._own)
        allowed = self._tiers.rule_for(match.owner.position)
        return match.rule <= (Rule.STRICT if allowed is None else allowed)

    def _is_given_out(self, match: LookMatch) -> bool:
        """Whether a mark accuses: a stranger's in the tiers, by a claim that only a copy makes.

        Whoever runs a vendor's software, or is a platform's tenant, has its name in titles with good reason.
        """
        if self.asker_in_tiers or not self._is_in_tiers(match.owner.position):
            return False
        excused = match.claim is not Claim.NAME and (match.vendor is not None or match.runs_the_platform)
        return match.owner.site not in self._family and not excused

    def _kin(self, one: Site, other: Site) -> Kinship:
        return self._facts.kinships.get(frozenset((one, other))) or Kinship()

    def _family_of_asker(self) -> set[Site]:
        """The asker and all that are related to it, also through a third site."""
        related = [pair for pair, kin in self._facts.kinships.items() if kin.related]
        family = {self._facts.site}
        while grown := {site for pair in related if family & pair for site in pair} - family:
            family |= grown
        return family

    # ---- one look ----

    def _judged(self, look: AskerLook, matches: list[LookMatch]) -> JudgedLook:
        facts = self._facts
        own_for_s = -1.0 if look.own_since is None else max(0.0, facts.now - look.own_since)
        # A letter is no mark, however it is drawn.
        marks = [match for match in matches if match.mark is not None and look.letter is None]
        marks = [match for match in marks if self._is_given_out(match)]
        # What may lock comes first.
        marks.sort(key=lambda match: (is_faint(match), match.claim is Claim.TITLE))
        matches = [match for match in matches if match.mark is None]
        relatives = [match for match in matches if match.owner.site in self._family]
        strangers = [match for match in matches if match.owner.site not in self._family]
        common = self._common(look, strangers)
        if common is None and strangers and self._is_mere_letter(look, strangers):
            if self.asker_in_tiers:
                # Nobody's look, so nobody is its better owner.
                strangers = []
            else:
                common = f"letter {look.letter}"
        if common is not None:
            return JudgedLook(
                common=common, own_for_s=own_for_s, confirmed=look.confirmed, named=tuple(strangers)
            )
        ours = [match.owner.position or _LAST for match in relatives if not match.signal_only]
        is_own = look.own_since is not None or look.like_own
        mine = (facts.position or _LAST) if is_own else None
        best = min([*ours, *([] if mine is None else [mine])], default=None)
        # A likeness says more than a mark, so it comes first.
        protected = [match for match in strangers if self._is_in_tiers(match.owner.position)] + marks
        older = [match for match in strangers if not self._is_in_tiers(match.owner.position)]
        kin = [
            match
            for match in relatives
            if self._is_in_tiers(match.owner.position)
            and not match.signal_only
            and (mine is None or (match.owner.position or _LAST) < mine)
        ]
        return JudgedLook(
            protected=tuple(
                match for match in protected if best is None or (match.owner.position or _LAST) < best
            ),
            older=tuple(match for match in older if self._is_older(match, look, best)),
            relative=kin[0] if kin else None,
            own_for_s=own_for_s,
            confirmed=look.confirmed,
            faintly_like=look.faintly_like,
            unsteady=look.unsteady,
            named=tuple(relatives),
        )

    def _is_older(self, match: LookMatch, look: AskerLook, best: int | None) -> bool:
        """Whether an owner beyond the tiers had the look long before; of two young ones nobody is blamed."""
        if self.asker_in_tiers or not match.displayed or (best is not None and self._is_in_tiers(best)):
            return False
        if match.owner.position is None and self._facts.position is not None:
            # A copy without rank gains no standing over a ranked site by being crawled early.
            return False
        if match.claim is Claim.ICON and not look.confirmed:
            # Who is served by another has it from there, however young both are.
            return True
        since = match.owner.verified_since
        mine = self._facts.now if look.own_since is None else look.own_since
        return since is not None and since + TRUST_TAKES_S <= mine

    # ---- common looks ----

    def _common(self, look: AskerLook, strangers: list[LookMatch]) -> str | None:
        """Whose common look it is: a platform's default, a product's, or one of many unrelated sites."""
        label = registrable_label(self._facts.site)
        chosen_by_stranger = self._facts.hosting is Hosting.TENANT
        for match in strangers:
            if match.runs_the_platform:
                resembling = chosen_by_stranger and resembles(label, registrable_label(match.owner.site))
                return None if resembling else match.owner.site
        vendor = look.default_of or self._vendor_among(strangers)
        if vendor is not None:
            return None if vendor.is_imitated_by(label) else vendor.product
        owner = self._owner_of_many(look, strangers)
        if owner is None or resembles(label, registrable_label(owner)):
            return None
        return owner

    def _is_mere_letter(self, look: AskerLook, strangers: Iterable[LookMatch]) -> bool:
        """Whether the look is a letter, and the site does not borrow the name of somebody who wears it."""
        label = registrable_label(self._facts.site)
        return look.letter is not None and not any(
            resembles(label, registrable_label(match.owner.site)) for match in strangers
        )

    def _vendor_among(self, strangers: list[LookMatch]) -> Vendor | None:
        """The vendor who wears the look, unless it is rather that of a brand which is placed far better.

        A vendor's domain may be sold, and would then make any brand's look common.
        """
        vendors = [match for match in strangers if match.vendor is not None and match.current]
        if not vendors:
            return None
        best = min(vendors, key=lambda match: (match.rule, _place(match)))
        place = best.owner.position or _LAST
        others = [match for match in strangers if match.vendor is None and match.rule <= best.rule]
        outranked = any((match.owner.position or _LAST) * COMPARABLE < place for match in others)
        closer = any(match.rule < best.rule and self._is_in_tiers(match.owner.position) for match in others)
        return None if outranked or closer else best.vendor

    def _owner_of_many(self, look: AskerLook, strangers: list[LookMatch]) -> Site | None:
        """The best-placed of enough unrelated sites that have worn the look for long enough, or None."""
        facts = self._facts
        worn: dict[Site, int] = {}
        for match in strangers:
            if match.rule is not Rule.STRICT or match.signal_only:
                continue
            if match.current and match.displayed and self._is_old(match.owner.verified_since):
                worn[match.owner.site] = match.owner.position or _LAST
            for other in match.also_worn_by:
                if self._is_old(other.since):
                    worn[other.site] = other.position or _LAST
        if self._is_old(look.own_since):
            worn[facts.site] = facts.position or _LAST
        # Three unranked strangers can copy a brand for a month; three sites in the tiers do not.
        families = self._families(site for site, place in worn.items() if self._is_in_tiers(place))
        if len(families) < COMMON_WEARERS:
            return None
        places = sorted((min(worn[site] for site in family), min(family)) for family in families)
        # Each rank is compared with the one before it; otherwise one sister site that nothing proves, and one
        # badly ranked copy, would make a look common.
        best = [place for place, _ in places[:COMMON_WEARERS]]
        comparable = all(worse <= better * COMPARABLE for better, worse in pairwise(best))
        return places[0][1] if comparable else None

    def _is_old(self, since: float | None) -> bool:
        return since is not None and since + TRUST_TAKES_S <= self._facts.now

    def _families(self, sites: Iterable[Site]) -> list[set[Site]]:
        """The sites in groups; a hint of one organisation is enough not to be strangers."""
        families: list[set[Site]] = []
        for site in sorted(sites):
            kin = [
                family
                for family in families
                if any(not self._kin(site, member).is_unrelated for member in family)
            ]
            families = [family for family in families if family not in kin]
            families.append({site}.union(*kin))
        return families


def is_faint(match: LookMatch) -> bool:
    """Whether it is a mark, and not as surely the owner's as a lock takes."""
    return match.mark is not None and match.mark < LEAST_POINTS


def _strongest(matches: Iterable[LookMatch]) -> tuple[LookMatch, ...]:
    """One match for each owner and icon of the asker's, the closest; best-placed owners first."""
    best: dict[tuple[Site, str], LookMatch] = {}
    for match in matches:
        key = (match.owner.site, match.asker_sha256)
        if key not in best or _closeness(match) < _closeness(best[key]):
            best[key] = match
    return tuple(sorted(best.values(), key=_place))


def _closeness(match: LookMatch) -> tuple[object, ...]:
    return (
        match.signal_only,
        match.mark is not None,
        -(match.mark or 0.0),
        not match.current,
        match.rule,
        match.pdq,
        match.colour,
        match.form,
        match.version,
        match.owner_sha256,
        tuple((wearer.site, wearer.position or 0, wearer.since or 0.0) for wearer in match.also_worn_by),
        _standing(match),
        match.runs_the_platform,
    )


def _place(match: LookMatch) -> tuple[object, ...]:
    return (*_standing(match), match.owner.site, match.asker_sha256)


def _standing(match: LookMatch) -> tuple[int, int, float]:
    """The best position first, then the best that is on probation, then the earliest sighting."""
    owner = match.owner
    since = float(_LAST) if owner.verified_since is None else owner.verified_since
    return (owner.position or _LAST, owner.on_probation or _LAST, since)
