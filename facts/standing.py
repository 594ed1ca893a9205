"""Whose standing counts for what: owners of looks, and the tiers of ranks that protect them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samelook.looks.rules import Rule
    from samelook.names.sites import Site


@dataclass(frozen=True, slots=True)
class Tiers:
    """Positions down to which each rule may lock for the owner of a look."""

    wide: int = 10_000
    standard: int = 50_000
    strict: int = 100_000

    def is_widest(self, position: int | None) -> bool:
        """Whether every rule may lock for a site at this position."""
        return position is not None and position <= self.wide

    def rule_for(self, position: int | None) -> Rule | None:
        """The widest rule that protects a site at this position; None when none may lock for it."""
        # Not at the top: settings hold tiers, every command reads settings, and rules need numpy.
        from samelook.looks.rules import Rule

        if position is None or position > self.strict:
            return None
        if position > self.standard:
            return Rule.STRICT
        return Rule.STANDARD if position > self.wide else Rule.WIDE


@dataclass(frozen=True, slots=True)
class Owner:
    """A site whose look was found to be like one of the asker's."""

    site: Site
    position: int | None = None
    """The rank that counts; None for a site without one."""
    on_probation: int | None = None
    """A rank that is too new to count."""
    verified_since: float | None = None
    """Since when the crawl has seen the look there, in seconds since 1970."""
