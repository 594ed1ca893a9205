"""The verdict on a site: a pure function of facts.

Rules in order; the first that applies decides, and the reasons of all that apply are returned:

1. the asker's allowlist, the operator's, the operator's blocklist
2. a ranked site above all whose look it shares, or a member of the owner's family: trusted
3. a look without contrast, or one that unrelated trusted sites share: grey
4. a look like that of a more trusted site of another family: lock, or grey where that is not trusted enough
5. no icon, failures, reports: grey
6. trust on first use

A site may show several icons. Each is judged by rules 2 to 4 for itself, and a copy among honest icons is a
copy: rule 4's lock for one of them comes before rule 3's grey for another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from samelook.extension_api.reasons import Code, Reason
from samelook.facts.families import STRONG, Kinship
from samelook.facts.standing import Owner, Tiers
from samelook.looks.rules import Rule
from samelook.names.sites import Hosting, Site


class Verdict(StrEnum):
    TRUSTED = "trusted"
    FIRST_USE = "first_use"
    GREY = "grey"
    LOCK = "lock"


Action = Literal["allow", "warn", "lock"]
ACTIONS: Mapping[Verdict, Action] = {
    Verdict.TRUSTED: "allow",
    Verdict.FIRST_USE: "allow",
    Verdict.GREY: "warn",
    Verdict.LOCK: "lock",
}


@dataclass(frozen=True, slots=True)
class LookMatch:
    """A look of the asker's that is like one of an owner's, with what shows it."""

    owner: Owner
    rule: Rule
    asker_sha256: str
    owner_sha256: str
    form: str = ""
    """The owner's canonical form that shows it."""
    version: str = "as is"
    """What had to be done to the asker's icon."""
    pdq: int = 0
    colour: float = 0.0
    current: bool = True
    """False: the owner does not show this icon any more."""
    signal_only: bool = False
    asker_md5: str = ""
    owner_md5: str = ""
    owner_icon_url: str = ""
    also_worn_by: tuple[Site, ...] = ()
    """Other trusted sites that wear the owner's look, though the asker's look may not reach theirs."""


@dataclass(frozen=True, slots=True)
class AskerLook:
    """One icon of the asker's."""

    sha256: str
    degenerate: bool = False
    verified: bool = False
    """The crawl has fetched the same look from this site."""
    first_seen: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a verdict is made of."""

    site: Site
    position: int | None = None
    on_probation: int | None = None
    hosting: Hosting = Hosting.OWN
    allowlisted: Literal["client", "operator"] | None = None
    blocklisted: bool = False
    looks: tuple[AskerLook, ...] = ()
    matches: tuple[LookMatch, ...] = ()
    kinships: Mapping[frozenset[Site], Kinship] = field(default_factory=dict)
    """What is known of pairs among the asker and the owners; a pair that is not there is unrelated."""
    visited: bool = False
    no_icon: bool = False
    discovery_error: str | None = None
    hashing_errors: tuple[str, ...] = ()
    known_with_other_look: bool = False
    verified_since: float | None = None
    """Since when the crawl knows the site with one of these looks."""
    first_seen: float | None = None
    needed: tuple[str, ...] = ()
    reports: Mapping[str, float] = field(default_factory=dict)
    """The weight of reports by kind (`flag`, `unlock`, `false_lock`)."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with all its reasons, the deciding one first, and the owners that it names."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    looks_like: tuple[LookMatch, ...] = ()

    @property
    def action(self) -> Action:
        return ACTIONS[self.verdict]

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(str(reason.code) for reason in self.reasons)


FLAGGED_WEIGHT = 3.0
"""Reports that weigh so much make a site grey: at least three networks with old clients."""
SHOWN_MATCHES = 10


def decide(facts: Facts, tiers: Tiers | None = None) -> Decision:
    """The verdict on a site. The order in which looks, matches and kinships come changes nothing."""
    return _Deciding(facts, tiers or Tiers()).decision()


class _Deciding:
    """The steps of one decision."""

    def __init__(self, facts: Facts, tiers: Tiers) -> None:
        self.facts = facts
        self.tiers = tiers
        self.trusted_asker = tiers.rule_for(facts.position) is not None
        self.usable = tuple(look for look in facts.looks if not look.degenerate)
        self.family = self._family()
        self.matches = _strongest(match for match in facts.matches if self._counts(match))
        self.rivals = tuple(match for match in self.matches if self._is_rival(match))

    def decision(self) -> Decision:
        found: list[tuple[Verdict, Reason]] = [
            *self._lists(),
            *self._ownership(),
            *self._likeness(),
            *self._failures(),
            *self._first_use(),
        ]
        verdict, first = found[0]
        rest = [reason for _, reason in found[1:]] + self._asides()
        named = self.rivals or tuple(match for match in self.matches if match.owner.site in self.family)
        return Decision(verdict, (first, *_distinct(rest, first)), named[:SHOWN_MATCHES])

    # ---- what counts ----

    def _counts(self, match: LookMatch) -> bool:
        """Whether the match is close enough for the owner's tier; beyond the tiers only strict ones are."""
        if match.owner.site == self.facts.site:
            return False
        if self.trusted_asker:
            return match.rule is Rule.STRICT
        allowed = self.tiers.rule_for(match.owner.position)
        return match.rule <= (Rule.STRICT if allowed is None else allowed)

    def _kinship(self, match: LookMatch) -> Kinship:
        return self._kin(self.facts.site, match.owner.site)

    def _kin(self, one: Site, other: Site) -> Kinship:
        return self.facts.kinships.get(frozenset((one, other))) or Kinship()

    def _family(self) -> set[Site]:
        """The asker and all that are related to it, also through a third site."""
        family, related = (
            {self.facts.site},
            [pair for pair, kin in self.facts.kinships.items() if kin.related],
        )
        while grown := {site for pair in related if family & pair for site in pair} - family:
            family |= grown
        return family

    def _is_rival(self, match: LookMatch) -> bool:
        return self._is_more_trusted(match.owner) and match.owner.site not in self.family

    def _is_more_trusted(self, owner: Owner) -> bool:
        """A better position; between unranked sites, the earlier verified sighting."""
        mine = self.facts.position
        if owner.position is not None:
            return mine is None or owner.position < mine
        if mine is not None:
            return False
        if owner.on_probation is not None and self.facts.on_probation is None:
            return True
        if owner.verified_since is None:
            return False
        return self.facts.verified_since is None or owner.verified_since < self.facts.verified_since

    def _is_trusted(self, match: LookMatch) -> bool:
        return self.tiers.rule_for(match.owner.position) is not None and not match.signal_only

    def _families_wearing(self, sha256: str) -> list[set[Site]]:
        """The trusted sites that wear this look of the asker's, in groups; the asker too if it is one.

        Where a name or a redirect speaks for one organisation the two are no strangers, though not yet a
        family: a sister that is hard to recognise must not strip a brand of its protection.
        """
        wearers: set[Site] = set()
        for match in self.matches:
            if match.asker_sha256 == sha256 and self._is_trusted(match):
                wearers.update((match.owner.site, *match.also_worn_by))
        if wearers and self.trusted_asker:
            wearers.add(self.facts.site)
        families: list[set[Site]] = []
        for site in sorted(wearers):
            kin = [family for family in families if self._are_akin(site, family)]
            families = [family for family in families if family not in kin]
            families.append({site}.union(*kin))
        return families

    def _are_akin(self, site: Site, family: set[Site]) -> bool:
        return any(not self._kin(site, member).is_unrelated for member in family)

    # ---- the rules ----

    def _lists(self) -> Iterable[tuple[Verdict, Reason]]:
        facts = self.facts
        if facts.allowlisted is not None:
            yield (
                Verdict.TRUSTED,
                Reason(Code.ALLOWLISTED, f"1-{facts.allowlisted}", {"by": facts.allowlisted}),
            )
        if facts.blocklisted:
            yield Verdict.LOCK, Reason(Code.BLOCKLISTED, "1-blocklist")

    def _ownership(self) -> Iterable[tuple[Verdict, Reason]]:
        facts = self.facts
        # A shared host is not trusted for what one of its tenants shows, nor for its own rank.
        if not self.usable or self.rivals or facts.hosting in _SHARED:
            return
        relatives = [
            match
            for match in self.matches
            if self._is_more_trusted(match.owner)
            and match.owner.site in self.family
            and self._is_trusted(match)
        ]
        if relatives:
            best = relatives[0]
            detail: dict[str, Any] = {"of": best.owner.site, "proofs": list(self._kinship(best).proofs)}
            yield Verdict.TRUSTED, Reason(Code.FAMILY, "2-family", detail)
        if facts.position is not None:
            yield Verdict.TRUSTED, Reason(Code.RANKED, "2-ranked", {"position": facts.position})

    def _likeness(self) -> Iterable[tuple[Verdict, Reason]]:
        """Rules 3 and 4, a lock first."""
        found: list[tuple[Verdict, Reason]] = []
        if self.facts.looks and not self.usable:
            found.append((Verdict.GREY, Reason(Code.DEGENERATE, "3-degenerate")))
        for sha256 in sorted({match.asker_sha256 for match in self.rivals}):
            rivals = [match for match in self.rivals if match.asker_sha256 == sha256]
            families = self._families_wearing(sha256)
            if len(families) > 1:
                names = sorted(min(family) for family in families)
                found.append(
                    (Verdict.GREY, Reason(Code.SHARED_LOOK, "3-shared", {"with": names[:SHOWN_MATCHES]}))
                )
                continue
            best = rivals[0]
            if not self._is_trusted(best):
                found.append((Verdict.GREY, self._looks_like(best, "4-untrusted-owner")))
            elif self.trusted_asker:
                found.append((Verdict.GREY, self._looks_like(best, "4-ranked-asker")))
            elif self.facts.hosting in _SHARED:
                found.append((Verdict.GREY, self._looks_like(best, "4-shared-hosting")))
            elif any("same_label" in self._kinship(match).proofs for match in rivals):
                found.append((Verdict.GREY, self._looks_like(best, "4-perhaps-family")))
            else:
                rule = self.tiers.rule_for(best.owner.position)
                assert rule is not None
                found.append((Verdict.LOCK, self._looks_like(best, f"4-{rule.name.lower()}")))
        return sorted(found, key=lambda item: item[0] is not Verdict.LOCK)

    def _looks_like(self, match: LookMatch, rule: str) -> Reason:
        detail: dict[str, Any] = {
            "site": match.owner.site,
            "position": match.owner.position,
            "under": match.rule.name.lower(),
            "form": match.form,
            "version": match.version,
            "pdq": match.pdq,
            "colour": round(match.colour, 1),
        }
        return Reason(Code.LOOKS_LIKE, rule, detail)

    def _failures(self) -> Iterable[tuple[Verdict, Reason]]:
        facts = self.facts
        if not facts.looks:
            if facts.discovery_error is not None:
                yield (
                    Verdict.GREY,
                    Reason(Code.DISCOVERY_FAILED, "5-discovery", {"error": facts.discovery_error}),
                )
            elif facts.hashing_errors:
                detail = {"errors": sorted(set(facts.hashing_errors))}
                yield Verdict.GREY, Reason(Code.HASHING_FAILED, "5-hashing", detail)
            elif facts.no_icon:
                yield Verdict.GREY, Reason(Code.NO_ICON, "5-no-icon")
        flagged = facts.reports.get("flag", 0.0)
        if flagged >= FLAGGED_WEIGHT:
            yield Verdict.GREY, Reason(Code.REPORTED, "5-reported", {"weight": round(flagged, 1)})
        if facts.hosting in _SHARED and self.usable:
            yield Verdict.GREY, Reason(Code.SHARED_HOSTING, "5-shared-hosting")

    def _first_use(self) -> Iterable[tuple[Verdict, Reason]]:
        if self.usable and all(look.verified for look in self.usable):
            yield Verdict.TRUSTED, Reason(Code.SEEN_BEFORE, "6-seen")
        else:
            yield Verdict.FIRST_USE, Reason(Code.FIRST_USE, "6-first")

    def _asides(self) -> list[Reason]:
        """What decides nothing and is worth knowing."""
        facts, aside = self.facts, "aside"
        unverified = any(not look.verified for look in self.usable)
        said = {
            Code.PROVISIONAL: unverified and facts.first_seen is not None,
            Code.LOOK_CHANGED: unverified and facts.known_with_other_look,
            Code.UNVISITED: not facts.visited and facts.discovery_error is None,
            Code.SAME_PICTURE: any(m.asker_sha256 == m.owner_sha256 for m in self.rivals),
            Code.FORMER_LOOK: any(not m.current for m in self.rivals),
            Code.OWN_RANK: self.trusted_asker and bool(self.rivals),
            Code.LOW_RANK_OWNER: bool(self.rivals) and not any(self._is_trusted(m) for m in self.rivals),
            Code.PROBATION: facts.on_probation is not None
            or any(m.owner.on_probation is not None for m in self.rivals),
            # That a name contains a brand's is what copies have, unless the site is ranked well itself.
            Code.PERHAPS_FAMILY: any(
                not STRONG.isdisjoint(kin.proofs) or (self.trusted_asker and bool(kin.proofs))
                for kin in map(self._kinship, self.rivals)
            ),
            Code.SIGNAL_ONLY: any(m.signal_only for m in self.rivals),
            Code.ICON_NEEDED: bool(facts.needed),
            Code.HASHING_FAILED: bool(facts.looks) and bool(facts.hashing_errors),
            Code.UNLOCK_REPORTED: facts.reports.get("unlock", 0.0) >= 1,
            Code.FALSE_LOCK_REPORTED: facts.reports.get("false_lock", 0.0) >= 1,
        }
        return [Reason(code, aside) for code, holds in said.items() if holds]


_SHARED = frozenset({Hosting.SHARED_PATHS, Hosting.PERHAPS_SHARED})


def _strongest(matches: Iterable[LookMatch]) -> tuple[LookMatch, ...]:
    """One match for each owner and icon of the asker's, the closest; best-ranked owners first."""
    best: dict[tuple[Site, str], LookMatch] = {}
    for match in matches:
        key = (match.owner.site, match.asker_sha256)
        if key not in best or _closeness(match) < _closeness(best[key]):
            best[key] = match
    return tuple(sorted(best.values(), key=_order))


def _closeness(match: LookMatch) -> tuple[Any, ...]:
    return (
        match.signal_only,
        not match.current,
        match.rule,
        match.pdq,
        match.colour,
        match.form,
        match.version,
        match.owner_sha256,
        match.also_worn_by,
        *_seniority(match.owner),
    )


def _order(match: LookMatch) -> tuple[Any, ...]:
    return (*_seniority(match.owner), match.owner.site, match.asker_sha256, _closeness(match))


def _seniority(owner: Owner) -> tuple[Any, ...]:
    """The best position first, then the best that is on probation, then the earliest sighting."""
    return (
        owner.position is None,
        owner.position or 0,
        owner.on_probation is None,
        owner.on_probation or 0,
        owner.verified_since is None,
        owner.verified_since or 0.0,
    )


def _distinct(reasons: Iterable[Reason], first: Reason) -> Iterable[Reason]:
    """The reasons in order, without a second one of the same code and rule."""
    seen = {(first.code, first.rule)}
    for reason in reasons:
        if reason.rule in {"6-first", "6-seen"}:
            # Trust on first use applies to every site; as a reason it says something only where it decides.
            continue
        if (reason.code, reason.rule) not in seen and not (
            reason.rule == "aside" and any(code == reason.code for code, _ in seen)
        ):
            seen.add((reason.code, reason.rule))
            yield reason
