"""What people say: allowlists, the operator's lists and families, weights of reports; in memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from samelook.facts.families_known import Families, curated_families
from samelook.names.sites import Site
from samelook.sql.rows import AllowlistEntry, FamilyProof, ListedSite, ReportWeight

Stated = Literal["operator", "not_related"]


@dataclass(slots=True)
class SiteLists:
    """Small tables as they are in the database; entries may have an end, in seconds since 1970."""

    allowed: dict[int, dict[Site, float | None]] = field(default_factory=dict)
    """Allowed sites and until when each is allowed, by client."""
    operator: dict[Site, tuple[str, float | None]] = field(default_factory=dict)
    reports: dict[Site, dict[str, float]] = field(default_factory=dict)
    """The weight of each kind of report on a site, and under `asked` how often was asked about it."""
    stated: dict[frozenset[Site], Stated] = field(default_factory=dict)
    """What the operator says of a pair of sites: that they are one family, or are not."""
    families: Families = field(default_factory=curated_families)
    _ends: list[float] = field(default_factory=list)
    """When entries end; the next is first (a heap)."""
    _noted_ends: set[float] = field(default_factory=set)

    def have_ended(self, now: float) -> bool:
        """Whether an entry has expired since the last call. Nothing announces that, so it is polled."""
        ended = False
        while self._ends and self._ends[0] <= now:
            self._noted_ends.discard(heapq.heappop(self._ends))
            ended = True
        return ended

    def _note_end(self, until: float | None) -> None:
        if until is not None and until not in self._noted_ends:
            self._noted_ends.add(until)
            heapq.heappush(self._ends, until)

    def is_allowed(self, client: int | None, site: Site, now: float) -> bool:
        """Whether the client has the site on its allowlist."""
        sites = self.allowed.get(client) if client is not None else None
        return sites is not None and site in sites and _lasts(sites[site], now)

    def operator_list(self, site: Site, now: float) -> str | None:
        """`allow`, `block` or None."""
        entry = self.operator.get(site)
        return entry[0] if entry is not None and _lasts(entry[1], now) else None

    def stated_of(self, one: Site, other: Site) -> str | None:
        """Who vouches for two sites' being one family: `operator`, `curated`, a list; or `not_related`. O(1).

        The operator's word on the pair goes before that of lists.
        """
        stated = self.stated.get(frozenset((one, other)))
        group = None if stated is not None else self.families.shared(one, other)
        return stated if group is None else group.provenance

    def put_allowed(self, clients: Iterable[int] | None, rows: Iterable[AllowlistEntry]) -> None:
        """Replace the allowlists of some clients, or of all."""
        if clients is None:
            self.allowed.clear()
        else:
            for client in clients:
                self.allowed.pop(client, None)
        for row in rows:
            self.allowed.setdefault(row["client_id"], {})[Site(row["site"])] = row["expires_at"]
            self._note_end(row["expires_at"])

    def put_operator(self, sites: Iterable[str] | None, rows: Iterable[ListedSite]) -> None:
        """Replace the operator's entries for some sites, or all of them."""
        if sites is None:
            self.operator.clear()
        else:
            for site in sites:
                self.operator.pop(Site(site), None)
        for row in rows:
            self.operator[Site(row["site"])] = (row["list"], row["expires_at"])
            self._note_end(row["expires_at"])

    def put_reports(self, sites: Iterable[str] | None, rows: Iterable[ReportWeight]) -> None:
        """Replace the weights of reports on some sites, or of all."""
        if sites is None:
            self.reports.clear()
        else:
            for site in sites:
                self.reports.pop(Site(site), None)
        for row in rows:
            weights = self.reports.setdefault(Site(row["site"]), {})
            weights[row["kind"]], weights["asked"] = row["weight"], row["asked"]

    def put_stated(self, rows: Iterable[FamilyProof]) -> None:
        """Replace the families that the operator vouches for, or denies."""
        self.stated.clear()
        for row in rows:
            self.stated[frozenset((Site(row["site"]), Site(row["other"])))] = row["proof"]


def _lasts(until: float | None, now: float) -> bool:
    return until is None or until > now
