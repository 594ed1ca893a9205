"""Common looks: icons that strangers show legitimately, and whose products they are.

Software that people run on hosts of their own, defaults of frameworks and hosting, icons of providers on
their customers' domains. What is in the catalogue is data (`samelook.facts.catalogue`); the verdict asks it
two questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from samelook.looks.look import Look
from samelook.names.resemblance import resembles
from samelook.names.sites import Site


class VendorKind(StrEnum):
    """Why strangers show a product's look."""

    SOFTWARE = "software"
    """People run it on their own hosts."""
    FRAMEWORK = "framework"
    """It leaves its icon in what is made with it. Nobody signs in there, so no name accuses."""
    HOSTING = "hosting"
    """A panel of a host's, or the page that a host or registrar shows where nothing else is yet."""
    PROVIDER = "provider"
    """It serves customers under their own domains."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """Whose product an icon stands for."""

    product: str
    sites: frozenset[Site] = frozenset()
    """The vendor's own."""
    has_accounts: bool = False
    """People sign in at the vendor's (a provider on customers' domains); else the product runs anywhere."""
    names: tuple[str, ...] = ()
    """A site whose registrable label resembles one of these is judged as a copy."""
    kind: VendorKind = VendorKind.SOFTWARE
    source: str = ""
    """Where it is known from."""

    def is_imitated_by(self, label: str) -> bool:
        """Whether a site of this registrable label was registered to be taken for the vendor's."""
        return any(resembles(label, name) for name in self.names)


class Catalogue(Protocol):
    """What is known of common looks."""

    def vendor_of(self, site: Site) -> Vendor | None:
        """The vendor whose own site this is: every look that the crawl saw there is common. O(1)."""

    def default_like(self, looks: Sequence[Look]) -> Vendor | None:
        """Whose default picture one of these looks is, under the strict rule. Well below a millisecond."""
