"""What is known, in memory: sites, the pictures they show, and who shows which picture."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extension_api.families import FamilyMember
from extension_api.look_index import LookIndex
from extension_api.look_store import LookStore
from extension_api.sites import Site, site_of_host
from extension_api.verdict import Owner, Tiers


@dataclass(frozen=True, slots=True)
class Shown:
    """That a site shows a picture, or did."""

    since: float
    gone_since: float | None
    own_host: bool
    icon_url: str
    md5: bytes


class KnownDomain:
    """The facts of one domain, as the keeper wrote them."""

    __slots__ = (
        "discovery_error",
        "hashing_errors",
        "host",
        "n_hosts",
        "on_probation",
        "position",
        "redirect_host",
        "shows",
        "site",
        "visited",
    )

    def __init__(self, row: Mapping[str, Any], tiers: Tiers) -> None:
        self.shows: dict[bytes, Shown] = {}
        self.set(row, tiers)

    def set(self, row: Mapping[str, Any], tiers: Tiers) -> None:
        self.site = Site(row["site"])
        # Nearly always the same text, which is then kept once.
        self.host: str = self.site if row["host"] == row["site"] else row["host"]
        self.position: int | None = row["trusted_position"]
        new: int | None = row["new_position"]
        # A rank that is gone, or that was better before, is no claim of its own.
        self.on_probation = new if new and tiers.rule_for(self.position) is None else None
        self.n_hosts: int | None = row["n_hosts"]
        self.visited: bool = row["visited"]
        self.redirect_host: str | None = row["redirect_host"]
        self.discovery_error: str | None = row["discovery_error"]
        self.hashing_errors: tuple[str, ...] = tuple(row["hashing_errors"])


class KnownSite:
    """All domains of one site; nearly always one."""

    __slots__ = ("domains", "name")

    def __init__(self, name: Site) -> None:
        self.name = name
        self.domains: tuple[KnownDomain, ...] = ()

    @property
    def main(self) -> KnownDomain:
        """The domain that is the site's own name, else its best-ranked one."""
        if len(self.domains) == 1:
            return self.domains[0]
        return min(self.domains, key=lambda one: (one.host != self.name, one.position or 1 << 62, one.host))

    @property
    def position(self) -> int | None:
        return self.main.position

    def shown(self, sha256: bytes) -> Shown | None:
        """How the site shows a picture now, or did last."""
        found = [domain.shows[sha256] for domain in self.domains if sha256 in domain.shows]
        return min(found, key=lambda one: (one.gone_since is not None, one.since)) if found else None

    def current(self) -> Iterator[tuple[bytes, Shown]]:
        """The pictures that the site shows now."""
        for domain in self.domains:
            for sha256, shown in domain.shows.items():
                if shown.gone_since is None:
                    yield sha256, shown

    def as_member(self) -> FamilyMember:
        main = self.main
        redirect = site_of_host(main.redirect_host) if main.redirect_host else None
        return FamilyMember(self.name, main.position, redirect)

    def as_owner(self, shown: Shown | None) -> Owner:
        main = self.main
        return Owner(self.name, main.position, main.on_probation, shown.since if shown else None)


BEST = 64
"""Owners of a picture that are told apart."""


def _by_trust(item: tuple[KnownSite, Shown]) -> tuple[Any, ...]:
    site, shown = item
    main = site.main
    return (
        main.position or 1 << 62,
        main.on_probation or 1 << 62,
        shown.gone_since is not None,
        shown.since,
        site.name,
    )


class Picture:
    """The looks of one picture and the domains that show or showed it."""

    __slots__ = ("best", "looks", "wearers")

    def __init__(self, looks: tuple[int, ...]) -> None:
        self.looks = looks
        """Numbers in the look index; empty when no frame has contrast."""
        self.wearers: dict[int, KnownDomain] = {}
        self.best: list[tuple[KnownSite, Shown]] | None = None
        """The best owners, once somebody asked: a default icon has a million of them."""


class Memory:
    """Facts of sites and pictures, and the index of looks that follows them."""

    def __init__(self, tiers: Tiers, former_look_s: float, store: LookStore | None = None) -> None:
        self.tiers = tiers
        self.former_look_s = former_look_s
        self.index = LookIndex(store)
        self.sites: dict[Site, KnownSite] = {}
        self.pictures: dict[bytes, Picture] = {}
        self._domains: dict[int, KnownDomain] = {}
        self._sha256s: list[bytes] = []
        """The picture of each look, by the look's number."""

    def __len__(self) -> int:
        return len(self._domains)

    # ---- reading ----

    def picture_of_look(self, number: int) -> bytes:
        return self._sha256s[number]

    def owners_of(self, sha256: bytes, now: float, most: int) -> list[tuple[KnownSite, Shown]]:
        """The sites that show a picture, or did lately: the best-ranked, then the earliest."""
        picture = self.pictures.get(sha256)
        if picture is None:
            return []
        return [item for item in self._best(picture, sha256) if self._is_protected(item[1], now)][:most]

    def _best(self, picture: Picture, sha256: bytes) -> list[tuple[KnownSite, Shown]]:
        if picture.best is None:
            sites = [self.sites[name] for name in {domain.site for domain in picture.wearers.values()}]
            shown = [(site, site.shown(sha256)) for site in sites]
            picture.best = heapq.nsmallest(BEST, [(site, how) for site, how in shown if how], key=_by_trust)
        return picture.best

    def _is_protected(self, shown: Shown, now: float) -> bool:
        return shown.gone_since is None or shown.gone_since + self.former_look_s > now

    # ---- following ----

    def put_domain(self, row: Mapping[str, Any]) -> KnownDomain:
        """Take over a row of site_facts."""
        domain = self._domains.get(row["domain_id"])
        if domain is None:
            domain = self._domains[row["domain_id"]] = KnownDomain(row, self.tiers)
            name = domain.site
            site = self.sites.get(name)
            if site is None:
                site = self.sites[name] = KnownSite(name)
            site.domains = (*site.domains, domain)
            return domain
        before = domain.position
        domain.set(row, self.tiers)
        for sha256 in domain.shows:
            self.pictures[sha256].best = None
        if self.tiers.rule_for(before) is not self.tiers.rule_for(domain.position):
            for sha256 in domain.shows:
                self._place(self.pictures[sha256], sha256)
        return domain

    def put_pictures(self, rows: Iterable[tuple[bytes, Sequence[tuple[int, bytes | None]]]]) -> None:
        """Take over pictures that are new here, with the id and the look of each frame."""
        new = {sha256: looks for sha256, looks in rows if sha256 not in self.pictures}
        telling = [(sha256, number, look) for sha256, looks in new.items() for number, look in looks if look]
        numbers: dict[bytes, list[int]] = {sha256: [] for sha256 in new}
        added = self.index.add_many((number, look) for _, number, look in telling)
        for (sha256, _, _), number in zip(telling, added, strict=True):
            numbers[sha256].append(number)
            self._sha256s.append(sha256)
        for sha256, its in numbers.items():
            self.pictures[sha256] = Picture(tuple(its))

    def put_shown(self, row: Mapping[str, Any]) -> KnownDomain | None:
        """Take over a row of site_looks; its domain and its picture are known already."""
        domain, picture = self._domains.get(row["domain_id"]), self.pictures.get(row["sha256"])
        if domain is None or picture is None:
            return None
        gone = row["gone_since"]
        if gone == float("-inf"):
            domain.shows.pop(row["sha256"], None)
            picture.wearers.pop(row["domain_id"], None)
        else:
            domain.shows[row["sha256"]] = Shown(
                row["since"], gone, row["own_host"], row["icon_url"], row["md5"]
            )
            picture.wearers[row["domain_id"]] = domain
        self._note_wearer(picture, domain, row["sha256"])
        self._place(picture, row["sha256"])
        return domain

    def _note_wearer(self, picture: Picture, domain: KnownDomain, sha256: bytes) -> None:
        """Keep the best owners in order without a look at all of them, unless one of the best has changed."""
        if picture.best is None:
            return
        site = self.sites[domain.site]
        shown = site.shown(sha256)
        if shown is None or any(known is site for known, _ in picture.best):
            picture.best = None
        else:
            picture.best = heapq.nsmallest(BEST, [*picture.best, (site, shown)], key=_by_trust)

    def _place(self, picture: Picture, sha256: bytes) -> None:
        """Put the picture's looks where the tier of its best owner is searched."""
        if not picture.looks:
            return
        positions = [site.position for site, _ in self._best(picture, sha256)[:1]]
        rule = self.tiers.rule_for(positions[0]) if positions else None
        for number in picture.looks:
            self.index.place(number, rule, searched=bool(picture.wearers))
