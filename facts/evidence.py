"""What a verdict is made of: frozen values, put together by `Gatherer.gather`, weighed by its rules.

Only what the crawl saw at front doors, what operators state, and what was asked is here. Nothing that a
client claims about a site makes anybody an owner, common, or a family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from samelook.facts.common import Vendor
from samelook.facts.families import Kinship
from samelook.facts.standing import Owner
from samelook.looks.rules import Rule
from samelook.names.sites import Hosting, Site


@dataclass(frozen=True, slots=True)
class Wearer:
    """A site that the crawl sees wearing a look now."""

    site: Site
    position: int | None = None
    since: float | None = None


class Claim(StrEnum):
    """By what a site gives itself out for an owner; the strongest first."""

    NAME = "name"
    """Its registrable label borrows the owner's."""
    ICON = "icon"
    """It sends browsers to the owner's front door for its icon."""
    TITLE = "title"
    """Its page's title names the owner."""


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
    displayed: bool = True
    """False: the owner offers it, for home screens perhaps, and shows another in the tab."""
    signal_only: bool = False
    mark: float | None = None
    """Set where the looks are not alike, but both show one mark and the asker gives itself out for the owner:
    how sure that is, in points. `rule`, `pdq` and `colour` then mean nothing."""
    claim: Claim | None = None
    """What gives it out for the owner: set with every `mark`, and where a like icon is the owner's file."""
    asker_md5: str = ""
    owner_md5: str = ""
    owner_icon_url: str = ""
    vendor: Vendor | None = None
    """Whose product the owner's look stands for, when strangers show it legitimately."""
    runs_the_platform: bool = False
    """The asker is a tenant, a proxied page or a shared host of the owner's: the icon is a default there."""
    also_worn_by: tuple[Wearer, ...] = ()
    """Other sites that the crawl sees wearing the owner's look."""

    @property
    def under(self) -> str:
        """The name of the rule that the two pass."""
        return "mark" if self.mark is not None else self.rule.name.lower()

    @property
    def distances(self) -> dict[str, float | None]:
        """The PDQ bits and the distance of colours as people are shown them; a mark has neither."""
        if self.mark is not None:
            return {"pdq": None, "colour": None}
        return {"pdq": self.pdq, "colour": round(self.colour, 1)}


@dataclass(frozen=True, slots=True)
class AskerLook:
    """One icon of the asker's."""

    sha256: str
    degenerate: bool = False
    own_since: float | None = None
    """Since when the crawl sees this very look at the site's front door; None: it does not."""
    confirmed: bool = False
    """The crawl has seen it there twice or more, over the time that trust takes."""
    like_own: bool = False
    """The look is not the site's own but like one that is or lately was: with a badge, or last year's."""
    default_of: Vendor | None = None
    """Whose product's default picture it is."""
    letter: str | None = None
    """The letter that is all there is to see; looked up where somebody else wears the look, and None where
    one of the most-copied organisations does."""
    faintly_like: Site | None = None
    """A site in the tiers, of another family, whose look this one is faintly like. That accuses nobody, but
    age alone does not make the look the site's own."""
    unsteady: bool = False
    """With its hues turned a little the look is not even faintly like itself: a recoloured copy would not be
    found, so age alone does not make it the site's own. Computed where age would make it trusted."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a verdict is made of."""

    site: Site
    now: float = 0.0
    position: int | None = None
    """The rank that counts; tenants of platforms have none."""
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
    first_seen: float | None = None
    seen_by_clients: bool = False
    """Clients have seen one of these icons here before; it is told, and weighs nothing."""
    needed: tuple[str, ...] = ()
    asks_password: bool = False
    """The page has a field for a password, as the asker sees it."""
    reports: Mapping[str, float] = field(default_factory=dict)
    """The weight of reports by kind (`flag`, `unlock`, `false_lock`), and how often was `asked` for it."""
