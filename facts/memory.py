"""What is known, in memory: sites, the pictures they show, and who shows which picture."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from samelook.facts.families import FamilyMember
from samelook.facts.known import NONE, DisplayedBy, Domains, KnownPictures, Showings, Shown
from samelook.facts.standing import Owner, Tiers
from samelook.looks.index import LookIndex
from samelook.looks.store import LookStore
from samelook.names.namesakes import Namesakes
from samelook.names.sites import Site, registrable_label, site_of
from samelook.sql.rows import DomainFacts, ShownPicture


class KnownDomain:
    """One domain as it is known now."""

    __slots__ = ("_domains", "row")

    def __init__(self, domains: Domains, row: int) -> None:
        self._domains = domains
        self.row = row

    @property
    def host(self) -> str:
        return self._domains.hosts.get(self.row) or self._domains.sites[self.row]

    @property
    def position(self) -> int | None:
        """The rank that counts."""
        return _or_none(self._domains.positions[self.row])

    @property
    def on_probation(self) -> int | None:
        """A rank that is too new to count."""
        return _or_none(self._domains.on_probation[self.row])

    @property
    def n_hosts(self) -> int | None:
        return _or_none(self._domains.host_counts[self.row])

    @property
    def visited(self) -> bool:
        return bool(self._domains.visited[self.row])

    @property
    def redirect_host(self) -> str | None:
        return self._domains.redirects.get(self.row)

    @property
    def discovery_error(self) -> str | None:
        return self._domains.discovery_words[self._domains.discovery_errors[self.row]]

    @property
    def hashing_errors(self) -> tuple[str, ...]:
        return self._domains.hashing_words[self._domains.hashing_errors[self.row]]


class KnownSite:
    """All domains of one site, nearly always one, as they are known now."""

    __slots__ = ("_memory", "name")

    def __init__(self, memory: Memory, name: Site) -> None:
        self._memory = memory
        self.name = name

    @property
    def domains(self) -> list[KnownDomain]:
        return [KnownDomain(self._memory.domains, row) for row in self._memory.domains_of(self.name)]

    @property
    def main(self) -> KnownDomain:
        """The domain that is the site's own name, else its best-ranked one."""
        domains = self.domains
        if len(domains) == 1:
            return domains[0]
        return min(
            domains, key=lambda domain: (domain.host != self.name, domain.position or _LAST, domain.host)
        )

    @property
    def position(self) -> int | None:
        return self.main.position

    def shown(self, sha256: bytes) -> Shown | None:
        """How the site shows a picture now, or did last."""
        picture = self._memory.pictures.get(sha256)
        if picture is None:
            return None
        showings = self._memory.showings
        rows = [showings.find(domain.row, picture) for domain in self.domains]
        found = [showings.shown(row) for row in rows if row != NONE]
        return min(found, key=_by_claim) if found else None

    def shown_looks(self, now: float) -> Iterator[tuple[bytes, Shown]]:
        """The pictures that the site offers, or did lately: in the end how it shows each."""
        sha256s = self._memory.known_pictures.sha256s
        for picture in {
            self._memory.showings.pictures[row]
            for domain in self._memory.domains_of(self.name)
            for row in self._memory.showings.of_domain(domain)
        }:
            shown = self.shown(sha256s[picture])
            if shown is not None and self._memory.is_protected(shown, now):
                yield sha256s[picture], shown

    def as_member(self) -> FamilyMember:
        redirect = site_of(self.main.redirect_host) if self.main.redirect_host else None
        return FamilyMember(self.name, self.main.position, redirect)

    def as_owner(self, shown: Shown | None) -> Owner:
        main = self.main
        return Owner(self.name, main.position, main.on_probation, shown.since if shown else None)


BEST = 64
"""How many owners of a picture are kept in order, the best first."""
_FEW = 8
"""Up to so many wearers of a picture are sorted at each call; where there are more, the order is kept."""
_LAST = 1 << 62


def _by_claim(shown: Shown) -> tuple[bool, bool, float]:
    return (shown.gone_since is not None, not shown.is_displayed, shown.since)


def _by_trust(item: tuple[KnownSite, Shown]) -> tuple[Any, ...]:
    site, shown = item
    main = site.main
    return (
        main.position or _LAST,
        main.on_probation or _LAST,
        shown.gone_since is not None,
        shown.since,
        site.name,
    )


class Memory:
    """Facts of sites and pictures, and the index of looks that follows them."""

    def __init__(self, tiers: Tiers, former_look_s: float, store: LookStore | None = None) -> None:
        self.tiers = tiers
        self.former_look_s = former_look_s
        self.index = LookIndex(store)
        self.domains = Domains()
        self.known_pictures = KnownPictures()
        self.showings = Showings(self.domains, self.known_pictures)
        self.sites: dict[Site, int] = {}
        """The first domain of each site."""
        self.pictures = self.known_pictures.rows
        """Every known picture, by its SHA-256."""
        self.namesakes = Namesakes()
        """The names of the sites in the widest tier, which others may borrow."""
        self._rows: dict[int, int] = {}
        """The rows of domains, by their ids in the database."""
        self._best: dict[int, list[tuple[KnownSite, Shown]]] = {}
        """The best owners of pictures with many, once somebody asked: a default icon has a million."""

    def __len__(self) -> int:
        return len(self.domains)

    # ---- reading ----

    def site(self, name: Site) -> KnownSite | None:
        """What is known of a site."""
        return KnownSite(self, name) if name in self.sites else None

    def domains_of(self, name: Site) -> Iterator[int]:
        """The rows of a site's domains."""
        row = self.sites.get(name, NONE)
        while row != NONE:
            yield row
            row = self.domains.next_of_site[row]

    def looks_of(self, sha256: bytes) -> Sequence[int] | None:
        """The numbers of a picture's looks, none when no frame has contrast; None for an unknown picture."""
        picture = self.pictures.get(sha256)
        return None if picture is None else self.known_pictures.looks(picture)

    def md5_of(self, sha256: bytes) -> bytes:
        """The MD5 of a picture that somebody shows or showed, else nothing."""
        picture = self.pictures.get(sha256)
        if picture is None or not self.known_pictures.wearer_counts[picture]:
            return b""
        return self.known_pictures.md5(picture)

    def picture_of_look(self, number: int) -> bytes:
        return self.known_pictures.sha256s[self.known_pictures.of_look[number]]

    def owners_of(self, sha256: bytes, now: float, most: int) -> list[tuple[KnownSite, Shown]]:
        """The sites that show a picture, or did lately: the best-ranked, then the earliest."""
        picture = self.pictures.get(sha256)
        if picture is None:
            return []
        owners = [item for item in self._best_of(picture) if self.is_protected(item[1], now)]
        # A wall's icon is nobody's: what many sites hide behind is no look of theirs.
        return [item for item in owners if item[1].displayed_by is not DisplayedBy.WALL][:most]

    def _best_of(self, picture: int) -> list[tuple[KnownSite, Shown]]:
        few = self.known_pictures.wearer_counts[picture] <= _FEW
        best = None if few else self._best.get(picture)
        if best is None:
            names = {self._site_of(row) for row in self.showings.of_picture(picture)}
            best = heapq.nsmallest(BEST, [self._owning(name, picture) for name in names], key=_by_trust)
            if not few:
                self._best[picture] = best
        return best

    def _site_of(self, showing: int) -> Site:
        return Site(self.domains.sites[self.showings.domains[showing]])

    def _owning(self, name: Site, picture: int) -> tuple[KnownSite, Shown]:
        site = KnownSite(self, name)
        shown = site.shown(self.known_pictures.sha256s[picture])
        assert shown is not None, "the site is among those that show the picture"
        return site, shown

    def is_protected(self, shown: Shown, now: float) -> bool:
        return shown.gone_since is None or shown.gone_since + self.former_look_s > now

    # ---- following ----

    def put_domain(self, row: DomainFacts) -> None:
        """Take over a row of site_facts."""
        name = Site(row["site"])
        known = self.site(name)
        before = known.position if known else None
        domain = self._rows.get(row["domain_id"])
        if domain is None:
            domain = self._rows[row["domain_id"]] = self.domains.add(name)
            self._link(domain, name)
        former = Site(self.domains.sites[domain])
        if former != name:
            # The list of suffixes or of platforms has changed.
            self._unlink(domain)
            self._link(domain, name)
        # A rank on probation matters only to a site that its trusted rank does not place in the tiers.
        in_tiers = self.tiers.rule_for(row["trusted_position"]) is not None
        self.domains.set(domain, row, None if in_tiers else row["new_position"] or None)
        if self.tiers.is_widest(before) or self.tiers.is_widest(row["trusted_position"]):
            self._note_name(name)
        if former != name:
            self._note_name(former)
            self._note_facts(former, moved=True)
            self._note_facts(name, moved=True)
        elif known is not None:
            moved = self.tiers.rule_for(before) is not self.tiers.rule_for(known.position)
            self._note_facts(name, moved=moved)

    def _link(self, domain: int, name: Site) -> None:
        self.domains.sites[domain] = name
        self.domains.next_of_site[domain] = self.sites.get(name, NONE)
        self.sites[name] = domain

    def _unlink(self, domain: int) -> None:
        """Take a domain out of the chain of its site."""
        name = Site(self.domains.sites[domain])
        rest = [other for other in self.domains_of(name) if other != domain]
        for place, other in enumerate(rest):
            self.domains.next_of_site[other] = rest[place + 1] if place + 1 < len(rest) else NONE
        if rest:
            self.sites[name] = rest[0]
        else:
            del self.sites[name]

    def _note_name(self, name: Site) -> None:
        """Know a site's name as one that others may borrow, or forget it."""
        known, label = self.site(name), registrable_label(name)
        # Whoever has an x between hyphens borrows nobody's name.
        if known is not None and self.tiers.is_widest(known.position) and len(label) > 1:
            self.namesakes.add(label, name)
        else:
            self.namesakes.remove(label, name)

    def _note_facts(self, name: Site, *, moved: bool) -> None:
        """See to the pictures of a site whose facts have changed, or that has `moved` to another tier."""
        for domain in self.domains_of(name):
            for showing in self.showings.of_domain(domain):
                picture = self.showings.pictures[showing]
                self._best.pop(picture, None)
                if moved:
                    self._place(picture)

    def put_pictures(self, rows: Iterable[tuple[bytes, Sequence[tuple[int, bytes | None]]]]) -> None:
        """Take over pictures that are new here, with the id and the look of each frame."""
        new = {sha256: looks for sha256, looks in rows if sha256 not in self.pictures}
        telling = {
            sha256: [(number, look) for number, look in looks if look] for sha256, looks in new.items()
        }
        added = self.index.add_many(item for looks in telling.values() for item in looks)
        first = added[0] if added else 0
        for sha256, looks in telling.items():
            self.known_pictures.add(sha256, range(first, first + len(looks)))
            first += len(looks)

    def put_shown(self, row: ShownPicture) -> None:
        """Take over a row of site_looks; its domain and its picture are known already."""
        domain, picture = self._rows.get(row["domain_id"]), self.pictures.get(row["sha256"])
        if domain is None or picture is None:
            return
        if row["gone_since"] == float("-inf"):
            self.showings.remove(domain, picture)
        else:
            self.showings.put(domain, picture, row)
        self._note_wearer(picture, Site(self.domains.sites[domain]))
        self._place(picture)

    def _note_wearer(self, picture: int, name: Site) -> None:
        """Keep the best owners in order without a look at all of them, unless one of the best has changed."""
        best = self._best.get(picture)
        if best is None:
            return
        shows = any(self._site_of(row) == name for row in self._showings_of(name, picture))
        if not shows or any(known.name == name for known, _ in best):
            del self._best[picture]
        else:
            self._best[picture] = heapq.nsmallest(BEST, [*best, self._owning(name, picture)], key=_by_trust)

    def _showings_of(self, name: Site, picture: int) -> Iterator[int]:
        for domain in self.domains_of(name):
            row = self.showings.find(domain, picture)
            if row != NONE:
                yield row

    def _place(self, picture: int) -> None:
        """Put the picture's looks where the tier of its best owner is searched."""
        numbers = self.known_pictures.looks(picture)
        if not numbers:
            return
        positions = [site.position for site, _ in self._best_of(picture)[:1]]
        rule = self.tiers.rule_for(positions[0]) if positions else None
        for number in numbers:
            self.index.place(number, rule, searched=bool(positions))


def _or_none(number: int) -> int | None:
    return None if number == NONE else number
