"""The verdict on a site: a pure function of facts.

Rules in order; the first that applies decides, and the reasons of all that apply are returned:

1. the asker's allowlist, the operator's, the operator's blocklist
2. the site is of the owner's family, or each look that it shows is its own or like nobody else's: trusted
3. a look without contrast: grey; a common look: allowed
4. a look like that of a protected owner of another family: lock, or grey where there is another explanation
5. a look like that of an unprotected owner who has had it for much longer: grey
6. no icon, failures, reports: grey
7. trust on first use

A site may show several icons. Each is judged by rules 2 to 5 for itself, and a copy among honest icons is a
copy: a lock for one comes before a grey for another, and both before trust for a third.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from samelook.extension_api.likeness import JudgedLook, Likenesses, is_faint
from samelook.extension_api.reasons import Code, Reason
from samelook.facts.evidence import Claim, Facts, LookMatch
from samelook.facts.families import HINTS, SAME_GOVERNMENT
from samelook.facts.standing import Tiers
from samelook.names.sites import Hosting, registrable_label


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
FLAGGED_WEIGHT = 3.0
"""Reports that weigh so much make a site grey: at least three networks with old clients."""
ASKED_FOR_ONE_MORE = 200.0
"""Reports must weigh one for each so many questions about the site, if that is more than FLAGGED_WEIGHT: what
is used much is reported much."""
SHOWN_MATCHES = 10
_Found = tuple[Verdict, Reason]


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


def decide(facts: Facts, tiers: Tiers | None = None) -> Decision:
    """The verdict on a site. The order in which looks, matches and kinships come changes nothing."""
    likenesses = Likenesses(facts, tiers or Tiers())
    return _Deciding(facts, likenesses).decision()


class _Deciding:
    """The rules of one decision."""

    def __init__(self, facts: Facts, likenesses: Likenesses) -> None:
        self.facts = facts
        self.likenesses = likenesses
        self.looks = likenesses.looks
        self.rivals = tuple(match for look in self.looks for match in look.rivals)

    def decision(self) -> Decision:
        found = [
            *self._lists(),
            *self._trust(),
            *self._likeness(),
            *self._failures(),
            *self._first_use(),
        ]
        verdict, first = found[0]
        rest = [reason for _, reason in found[1:]] + self._asides()
        named = self.rivals or tuple(match for look in self.looks for match in look.named)
        return Decision(verdict, (first, *_distinct(rest, first)), _in_order(named)[:SHOWN_MATCHES])

    # ---- the rules ----

    def _lists(self) -> Iterable[_Found]:
        facts = self.facts
        if facts.allowlisted is not None:
            detail = {"by": facts.allowlisted}
            yield Verdict.TRUSTED, Reason(Code.ALLOWLISTED, f"1-{facts.allowlisted}", detail)
        if facts.blocklisted:
            yield Verdict.LOCK, Reason(Code.BLOCKLISTED, "1-blocklist")

    def _trust(self) -> Iterable[_Found]:
        facts = self.facts
        speaking = [look for look in self.looks if look.common is None]
        # Strangers publish under the host's paths: its icon says nothing of their pages.
        if not speaking or self.rivals or facts.hosting is Hosting.SHARED_PATHS:
            return
        relative = min(
            (look.relative for look in speaking if look.relative is not None), default=None, key=_place
        )
        if relative is not None:
            proofs = self.likenesses.kinship_with(relative.owner.site).proofs
            detail: dict[str, Any] = {"of": relative.owner.site, "proofs": list(proofs)}
            yield Verdict.TRUSTED, Reason(Code.FAMILY, "2-family", detail)
        if self.likenesses.asker_in_tiers:
            yield Verdict.TRUSTED, Reason(Code.RANKED, "2-ranked", {"position": facts.position})
        elif not facts.needed and all(look.is_its_own_by_age for look in speaking):
            yield Verdict.TRUSTED, Reason(Code.SEEN_BEFORE, "2-seen")

    def _likeness(self) -> Iterable[_Found]:
        """Rules 3 to 5: a lock first, then what warns, then what allows."""
        found: list[_Found] = []
        if self.facts.looks and not self.looks:
            found.append((Verdict.GREY, Reason(Code.DEGENERATE, "3-degenerate")))
        for look in self.looks:
            if look.protected:
                found.append(self._copy(look))
            elif look.older:
                first = look.older[0]
                rule = "5-hotlinked" if first.claim is Claim.ICON else "5-older-look"
                found.append((Verdict.GREY, _looks_like(first, rule)))
        if not found:
            names = sorted({look.common for look in self.looks if look.common is not None})
            if names:
                found.append(
                    (Verdict.FIRST_USE, Reason(Code.COMMON_LOOK, "3-common", {"of": names[:SHOWN_MATCHES]}))
                )
        order = [Verdict.LOCK, Verdict.GREY, Verdict.FIRST_USE]
        return sorted(found, key=lambda item: order.index(item[0]))

    def _copy(self, look: JudgedLook) -> _Found:
        """Rule 4, for a look that a protected owner wears."""
        best = look.protected[0]
        kin = [self.likenesses.kinship_with(match.owner.site) for match in look.protected]
        excuse = None
        if all(match.signal_only for match in look.protected):
            excuse = "4-signal-only"
        elif self.likenesses.asker_in_tiers:
            excuse = "4-ranked-asker"
        elif self.facts.hosting is Hosting.SHARED_PATHS:
            excuse = "4-shared-hosting"
        elif look.is_settled:
            excuse = "4-openly-worn"
        elif self._may_be_kin([proof for kinship in kin for proof in kinship.proofs]):
            excuse = "4-perhaps-family"
        elif best.mark is not None and self._has_the_name_of(best):
            excuse = "4-same-name"
        elif best.mark is not None and best.claim is Claim.TITLE and not self.facts.asks_password:
            excuse = "4-titled"
        elif is_faint(best):
            excuse = "4-faint-mark"
        if excuse is not None:
            return Verdict.GREY, _looks_like(best, excuse)
        return Verdict.LOCK, _looks_like(best, f"4-{best.under}")

    def _may_be_kin(self, proofs: Collection[str]) -> bool:
        """Whether a hint is one that copies do not have: the owner's label or government, not its name."""
        return SAME_GOVERNMENT in proofs or (self.facts.position is not None and "same_label" in proofs)

    def _has_the_name_of(self, match: LookMatch) -> bool:
        """Whether the owner's very name stands under another suffix: a mark drawn anew may be the owner's."""
        return registrable_label(self.facts.site) == registrable_label(match.owner.site)

    def _failures(self) -> Iterable[_Found]:
        facts = self.facts
        if not facts.looks:
            if facts.discovery_error is not None:
                detail: dict[str, Any] = {"error": facts.discovery_error}
                yield Verdict.GREY, Reason(Code.DISCOVERY_FAILED, "6-discovery", detail)
            elif facts.hashing_errors:
                detail = {"errors": sorted(set(facts.hashing_errors))}
                yield Verdict.GREY, Reason(Code.HASHING_FAILED, "6-hashing", detail)
            elif facts.no_icon and not facts.needed:
                yield Verdict.GREY, Reason(Code.NO_ICON, "6-no-icon")
        flagged = facts.reports.get("flag", 0.0)
        needed = max(FLAGGED_WEIGHT, facts.reports.get("asked", 0.0) / ASKED_FOR_ONE_MORE)
        if flagged >= needed:
            detail = {"weight": round(flagged, 1)}
            yield Verdict.GREY, Reason(Code.REPORTED, "6-reported", detail)

    def _first_use(self) -> Iterable[_Found]:
        if self.facts.looks:
            yield Verdict.FIRST_USE, Reason(Code.FIRST_USE, "7-first")
        else:
            yield Verdict.FIRST_USE, Reason(Code.UNSEEN, "7-unseen")

    def _asides(self) -> list[Reason]:
        """What decides nothing and is worth knowing."""
        facts, aside, rivals = self.facts, "aside", self.rivals
        in_tiers = self.likenesses.asker_in_tiers
        faint = sorted({look.faintly_like for look in self.looks if look.faintly_like is not None})
        unverified = any(look.own_for_s < 0 for look in self.looks)
        kin = [self.likenesses.kinship_with(match.owner.site) for match in rivals]
        shown = {
            Code.PROVISIONAL: unverified and facts.seen_by_clients,
            Code.LOOK_CHANGED: facts.known_with_other_look,
            Code.UNVISITED: not facts.visited and facts.discovery_error is None,
            Code.SAME_PICTURE: any(match.asker_sha256 == match.owner_sha256 for match in rivals),
            Code.FAINT_LIKENESS: bool(faint) and not rivals,
            Code.UNSTEADY_LOOK: any(look.unsteady and look.is_settled for look in self.looks) and not rivals,
            Code.FORMER_LOOK: any(not match.current for match in rivals),
            Code.OWN_RANK: in_tiers and bool(rivals),
            Code.LOW_RANK_OWNER: bool(rivals) and not any(look.protected for look in self.looks),
            Code.PROBATION: facts.on_probation is not None
            or any(match.owner.on_probation is not None for match in rivals),
            # Copies have names that contain the brand's; a site that is ranked well itself may have one too.
            Code.PERHAPS_FAMILY: any(
                not HINTS.issuperset(kinship.proofs) or (in_tiers and bool(kinship.proofs)) for kinship in kin
            ),
            Code.SHARED_HOSTING: facts.hosting in _STRANGERS_PUBLISH,
            Code.SIGNAL_ONLY: any(match.signal_only for match in rivals),
            Code.ICON_NEEDED: bool(facts.needed),
            Code.HASHING_FAILED: bool(facts.looks) and bool(facts.hashing_errors),
            Code.UNLOCK_REPORTED: facts.reports.get("unlock", 0.0) >= 1,
            Code.FALSE_LOCK_REPORTED: facts.reports.get("false_lock", 0.0) >= 1,
        }
        details: dict[Code, dict[str, Any]] = {Code.FAINT_LIKENESS: {"of": faint[:SHOWN_MATCHES]}}
        return [Reason(code, aside, details.get(code, {})) for code, holds in shown.items() if holds]


_STRANGERS_PUBLISH = frozenset({Hosting.SHARED_PATHS, Hosting.PERHAPS_SHARED})


def _looks_like(match: LookMatch, rule: str) -> Reason:
    shown: dict[str, Any] = {"site": match.owner.site, "position": match.owner.position, "under": match.under}
    if match.mark is not None:
        detail = {**shown, "claim": match.claim, "form": match.form, "points": match.mark}
        return Reason(Code.SAME_MARK, rule, detail)
    detail = {
        **shown,
        **({} if match.claim is None else {"claim": match.claim}),
        "form": match.form,
        "version": match.version,
        **match.distances,
    }
    return Reason(Code.LOOKS_LIKE, rule, detail)


def _place(match: LookMatch) -> tuple[int, str]:
    return (match.owner.position or 1 << 62, match.owner.site)


def _in_order(matches: Iterable[LookMatch]) -> tuple[LookMatch, ...]:
    return tuple(sorted(matches, key=_place))


def _distinct(reasons: Iterable[Reason], first: Reason) -> Iterable[Reason]:
    """The reasons in order, without a second one of the same code and rule."""
    seen = {(first.code, first.rule)}
    for reason in reasons:
        if reason.rule.startswith("7-"):
            # Trust on first use applies to every site; as a reason it says something only where it decides.
            continue
        if (reason.code, reason.rule) not in seen and not (
            reason.rule == "aside" and any(code == reason.code for code, _ in seen)
        ):
            seen.add((reason.code, reason.rule))
            yield reason
