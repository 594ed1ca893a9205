"""Common looks: icons that strangers show legitimately, and whose products they are.

Software that people run on hosts of their own, defaults of frameworks and hosting, icons of providers on
their customers' domains. What is in the catalogue is data (`Catalogue`); the verdict asks it two questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from samelook.looks.look import Look
from samelook.names.sites import Site


@dataclass(frozen=True, slots=True)
class Vendor:
    """Whose product an icon stands for."""

    product: str
    sites: frozenset[Site] = frozenset()
    """The vendor's own. A site whose registrable label resembles one of theirs is judged as a copy."""
    has_accounts: bool = False
    """People sign in at the vendor's (a provider on customers' domains); else the product runs anywhere."""


class Catalogue(Protocol):
    """What is known of common looks."""

    def vendor_of(self, site: Site) -> Vendor | None:
        """The vendor whose own site this is: every look that the crawl saw there is common. O(1)."""

    def default_like(self, looks: Sequence[Look]) -> Vendor | None:
        """Whose default picture one of these looks is, under the strict rule. Well below a millisecond."""


class NothingCommon:
    """A catalogue without entries."""

    def vendor_of(self, site: Site) -> Vendor | None:  # noqa: ARG002 - the protocol's
        return None

    def default_like(self, looks: Sequence[Look]) -> Vendor | None:  # noqa: ARG002 - the protocol's
        return None
