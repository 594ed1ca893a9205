"""The reason codes of verdicts: stable words, each with the sentence that explains it.

`docs/verdicts.md` has the same table; a test holds them together. A code is never given another
meaning: what means something new gets a new code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """Why a verdict is what it is, or what else is worth knowing about it."""

    ALLOWLISTED = "allowlisted"
    BLOCKLISTED = "blocklisted"
    RANKED = "ranked"
    FAMILY = "family"
    DEGENERATE = "degenerate"
    COMMON_LOOK = "common_look"
    LOOKS_LIKE = "looks_like"
    SAME_MARK = "same_mark"
    NO_ICON = "no_icon"
    DISCOVERY_FAILED = "discovery_failed"
    HASHING_FAILED = "hashing_failed"
    REPORTED = "reported"
    FIRST_USE = "first_use"
    UNSEEN = "unseen"
    SEEN_BEFORE = "seen_before"
    # The following never decide; they come with one that does.
    PROVISIONAL = "provisional"
    LOOK_CHANGED = "look_changed"
    UNVISITED = "unvisited"
    SAME_PICTURE = "same_picture"
    FAINT_LIKENESS = "faint_likeness"
    UNSTEADY_LOOK = "unsteady_look"
    FORMER_LOOK = "former_look"
    OWN_RANK = "own_rank"
    LOW_RANK_OWNER = "low_rank_owner"
    PROBATION = "probation"
    PERHAPS_FAMILY = "perhaps_family"
    SHARED_HOSTING = "shared_hosting"
    SIGNAL_ONLY = "signal_only"
    ICON_NEEDED = "icon_needed"
    UNLOCK_REPORTED = "unlock_reported"
    FALSE_LOCK_REPORTED = "false_lock_reported"


EXPLANATIONS: dict[Code, str] = {
    Code.ALLOWLISTED: "You, or the operator of this service, have put the site on the allowlist.",
    Code.BLOCKLISTED: "The operator of this service has put the site on the blocklist.",
    Code.RANKED: "The site is ranked well, and each icon is its own or like nobody else's.",
    Code.FAMILY: "The site belongs to the same organisation as the owner of the look.",
    Code.DEGENERATE: "The icon has too little contrast to be told from others.",
    Code.COMMON_LOOK: "Strangers show this look too: a product's or platform's default, a letter or a dot.",
    Code.LOOKS_LIKE: "The icon looks like another organisation's, which has the better claim to it.",
    Code.SAME_MARK: "The icon shows, drawn anew, the mark of whom the site gives itself out for.",
    Code.NO_ICON: "The site has no icon.",
    Code.DISCOVERY_FAILED: "The site's page could not be visited, so its icons are unknown.",
    Code.HASHING_FAILED: "The site's icons could not be decoded.",
    Code.REPORTED: "Several people in different networks have reported the site.",
    Code.FIRST_USE: "The site is not known with this icon for long; the icon is like no trusted site's.",
    Code.UNSEEN: "No icon of the site has been seen, so nothing can be said about it.",
    Code.SEEN_BEFORE: "The crawler has seen this icon here for a month; it is like no trusted site's.",
    Code.PROVISIONAL: "So far only users have seen this icon here; the crawler has not.",
    Code.LOOK_CHANGED: "The icon is not the one that the crawler saw at this site.",
    Code.UNVISITED: "The crawler has not visited the site yet.",
    Code.SAME_PICTURE: "The icon is the very same file as the owner's.",
    Code.FAINT_LIKENESS: "The icon is a little like a better-known site's, so age alone earns no trust.",
    Code.UNSTEADY_LOOK: "The icon is drawn in hues alone, so copies are hard to tell; age earns no trust.",
    Code.FORMER_LOOK: "The owner wore this look until lately; it stays protected for a while.",
    Code.OWN_RANK: "The site itself is ranked well, so likeness alone does not lock it.",
    Code.LOW_RANK_OWNER: "The owner of the look is not ranked well enough for likeness to lock others.",
    Code.PROBATION: "A rank is too new to be relied on.",
    Code.PERHAPS_FAMILY: "Something speaks for one organisation behind both sites, but not enough.",
    Code.SHARED_HOSTING: "Strangers may publish under this host.",
    Code.SIGNAL_ONLY: "Only a hash of the icon was given; that is too little to lock a site.",
    Code.ICON_NEEDED: "The icon with this SHA-256 is unknown here; send its bytes for a better verdict.",
    Code.UNLOCK_REPORTED: "People have unlocked the site all the same.",
    Code.FALSE_LOCK_REPORTED: "People have reported that locking the site is wrong.",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason; `rule` is the rule of the verdict that it comes from (docs/verdicts.md)."""

    code: Code
    rule: str
    detail: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        shown = {"code": str(self.code), "rule": self.rule, "text": EXPLANATIONS[self.code]}
        return {**shown, "detail": self.detail} if self.detail else shown
