"""Families by data: what people and lists state of groups of sites, and what sites say of others.

The curated groups of the most-copied organisations come with the package. Groups are not joined where they
share a site: two lists, each right in its own way, would make one family of half the web.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from samelook.names.sites import Site

CURATED = "curated"


@dataclass(frozen=True, slots=True)
class Group:
    """Sites of one organisation, and who says so."""

    provenance: str
    """`operator`, `curated`, or the name of an imported list."""
    sites: frozenset[Site]
    name: str = ""
    note: str = ""


_WRITTEN = frozenset({CURATED, "operator"})


class Families:
    """Look-ups over groups and statements. It does not change; a new one is made instead."""

    def __init__(self, groups: Iterable[Group] = (), statements: Iterable[tuple[str, str, str]] = ()) -> None:
        self.groups = tuple(groups)
        self._of_site: dict[Site, set[int]] = {}
        for number, group in enumerate(self.groups):
            for site in group.sites:
                self._of_site.setdefault(site, set()).add(number)
        self._statements: dict[tuple[Site, Site], set[str]] = {}
        for owner, other, kind in statements:
            self._statements.setdefault((Site(owner), Site(other)), set()).add(kind)

    def groups_of(self, site: Site) -> list[Group]:
        """The groups that a site is in, in the order in which they were given."""
        return [self.groups[number] for number in sorted(self._of_site.get(site, ()))]

    def is_written(self, site: Site) -> bool:
        """Whether people wrote it down for being copied: the curated families, and the operator's."""
        return any(group.provenance in _WRITTEN for group in self.groups_of(site))

    def shared(self, one: Site, other: Site) -> Group | None:
        """The first group that both sites are in."""
        both = self._of_site.get(one, set()) & self._of_site.get(other, set())
        return self.groups[min(both)] if both else None

    def says(self, site: Site, other: Site) -> frozenset[str]:
        """How a site says that another is its own: `hreflang`, `canonical`, `webauthn`, `assetlinks`.

        Proof only where the site that says it is the better-placed one.
        """
        return frozenset(self._statements.get((site, other), ()))


@cache
def curated_groups() -> tuple[Group, ...]:
    """The most-copied organisations: `families.csv` in the package, written by hand, each with a note why."""
    text = files("samelook.facts").joinpath("families.csv").read_text("utf-8")
    return tuple(
        Group(CURATED, frozenset(map(Site, row["sites"].split())), row["organisation"], row["note"])
        for row in csv.DictReader(io.StringIO(text))
    )


@cache
def curated_families() -> Families:
    """The families that come with the package."""
    return Families(curated_groups())


def families_from(groups: Iterable[Mapping[str, Any]], statements: Iterable[Mapping[str, Any]]) -> Families:
    """The families in rows of `stated_groups` and `all_statements`, and the curated ones behind them."""
    stated = [Group(row["provenance"], frozenset(map(Site, row["sites"])), row["name"]) for row in groups]
    # The operator's statements come first, so that a pair keeps the provenance that weighs most.
    stated.sort(key=lambda group: group.provenance != "operator")
    return Families(
        (*stated, *curated_groups()), ((row["site"], row["other"], row["kind"]) for row in statements)
    )
