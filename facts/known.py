"""Columns of what is known of domains, pictures, and who shows which: a few bytes for each, no objects.

A million sites as objects would be gigabytes, and the collector of cycles would look at all of them now and
then. Here a domain, a picture and a showing are rows; what others see of them is made when they ask.
Rows that belong together are chained: each has the number of the next, or NONE.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, TypeVar

from samelook.sql.rows import DomainFacts, ShownPicture

NONE: Final = -1
_MD5_BYTES: Final = 16
_T = TypeVar("_T", bound=Hashable)


class DisplayedBy(StrEnum):
    """Which browsers show a picture in the tab of the site that offers it."""

    BOTH = "both"
    CHROMIUM = "chromium"
    FIREFOX = "firefox"
    NOBODY = "nobody"
    """It is for home screens, or another one is shown instead."""
    WALL = "wall"
    """The crawl has only met a wall before the site, and this is the wall's."""


_DISPLAYED_BY: Final = tuple(DisplayedBy)


class NumberedValues(Generic[_T]):
    """Few values that many rows have, by small numbers."""

    def __init__(self, first: _T) -> None:
        self._values: list[_T] = [first]
        self._numbers: dict[_T, int] = {first: 0}

    def number(self, value: _T) -> int:
        number = self._numbers.setdefault(value, len(self._values))
        if number == len(self._values):
            self._values.append(value)
        return number

    def __getitem__(self, number: int) -> _T:
        return self._values[number]


class Domains:
    """The facts of domains, as the keeper wrote them."""

    def __init__(self) -> None:
        self.sites: list[str] = []
        self.hosts: dict[int, str] = {}
        """Where the host is not the site's own name."""
        self.redirects: dict[int, str] = {}
        self.positions = array("q")
        self.on_probation = array("q")
        self.host_counts = array("q")
        self.visited = array("b")
        self.discovery_errors = array("i")
        self.hashing_errors = array("i")
        self.first_shown = array("i")
        self.next_of_site = array("i")
        self.discovery_words: NumberedValues[str | None] = NumberedValues(None)
        self.hashing_words: NumberedValues[tuple[str, ...]] = NumberedValues(())

    def __len__(self) -> int:
        return len(self.sites)

    def add(self, site: str) -> int:
        """A row for one more domain."""
        self.sites.append(site)
        for column in (self.positions, self.on_probation, self.host_counts):
            column.append(NONE)
        self.visited.append(0)
        for words in (self.discovery_errors, self.hashing_errors):
            words.append(0)
        for chain in (self.first_shown, self.next_of_site):
            chain.append(NONE)
        return len(self.sites) - 1

    def set(self, row: int, facts: DomainFacts, on_probation: int | None) -> None:
        """Take over a row of site_facts."""
        _set_sparse(self.hosts, row, facts["host"] if facts["host"] != facts["site"] else None)
        _set_sparse(self.redirects, row, facts["redirect_host"])
        self.positions[row] = _or_none(facts["trusted_position"])
        self.on_probation[row] = _or_none(on_probation)
        self.host_counts[row] = _or_none(facts["n_hosts"])
        self.visited[row] = bool(facts["visited"])
        self.discovery_errors[row] = self.discovery_words.number(facts["discovery_error"])
        self.hashing_errors[row] = self.hashing_words.number(tuple(facts["hashing_errors"]))


class KnownPictures:
    """Pictures, by their SHA-256, and which looks they have."""

    def __init__(self) -> None:
        self.rows: dict[bytes, int] = {}
        self.sha256s: list[bytes] = []
        self.first_looks = array("i")
        self.look_counts = array("H")
        self.first_shown = array("i")
        self.wearer_counts = array("i")
        self.of_look = array("i")
        """The picture of each look, by the look's number."""
        self._md5s = bytearray()

    def add(self, sha256: bytes, looks: range) -> int:
        row = len(self.sha256s)
        self.rows[sha256] = row
        self.sha256s.append(sha256)
        self.first_looks.append(looks.start)
        self.look_counts.append(len(looks))
        self.first_shown.append(NONE)
        self.wearer_counts.append(0)
        self.of_look.extend([row] * len(looks))
        self._md5s += bytes(_MD5_BYTES)
        return row

    def looks(self, row: int) -> range:
        """The numbers of a picture's looks."""
        first = self.first_looks[row]
        return range(first, first + self.look_counts[row])

    def md5(self, row: int) -> bytes:
        return bytes(self._md5s[row * _MD5_BYTES : (row + 1) * _MD5_BYTES])

    def set_md5(self, row: int, md5: bytes) -> None:
        self._md5s[row * _MD5_BYTES : (row + 1) * _MD5_BYTES] = md5[:_MD5_BYTES].ljust(_MD5_BYTES, b"\0")


@dataclass(frozen=True, slots=True)
class Shown:
    """That a site shows a picture, or did."""

    since: float
    gone_since: float | None
    confirmed: bool
    """The crawl has seen it twice or more, over the time that trust takes."""
    icon_url: str
    md5: bytes
    displayed_by: DisplayedBy = DisplayedBy.BOTH

    @property
    def is_displayed(self) -> bool:
        """Whether visitors see it in the tab: only that may accuse or defend the site."""
        return self.displayed_by not in _UNSEEN


_UNSEEN: Final = frozenset({DisplayedBy.NOBODY, DisplayedBy.WALL})


class Showings:
    """Who shows which picture: a row for each pair, in a chain of the domain's and one of the picture's."""

    def __init__(self, domains: Domains, pictures: KnownPictures) -> None:
        self._of_domains = domains.first_shown
        self._pictures = pictures
        self.domains = array("i")
        self.pictures = array("i")
        self._since = array("d")
        self._gone = array("d")
        self._confirmed = array("b")
        self._displayed_by = array("b")
        self._url_starts = array("Q")
        self._url_lengths = array("i")
        self._urls = bytearray()
        self._next_of_domain = array("i")
        self._next_of_picture = array("i")
        self._before_of_picture = array("i")
        self._free: list[int] = []

    def find(self, domain: int, picture: int) -> int:
        """The row of a pair, or NONE."""
        for row in self.of_domain(domain):
            if self.pictures[row] == picture:
                return row
        return NONE

    def of_domain(self, domain: int) -> Iterator[int]:
        row = self._of_domains[domain]
        while row != NONE:
            yield row
            row = self._next_of_domain[row]

    def of_picture(self, picture: int) -> Iterator[int]:
        row = self._pictures.first_shown[picture]
        while row != NONE:
            yield row
            row = self._next_of_picture[row]

    def shown(self, row: int) -> Shown:
        gone, start = self._gone[row], self._url_starts[row]
        return Shown(
            self._since[row],
            None if math.isnan(gone) else gone,
            bool(self._confirmed[row]),
            self._urls[start : start + self._url_lengths[row]].decode("utf-8", "surrogatepass"),
            self._pictures.md5(self.pictures[row]),
            _DISPLAYED_BY[self._displayed_by[row]],
        )

    def is_current(self, row: int) -> bool:
        return math.isnan(self._gone[row])

    def put(self, domain: int, picture: int, facts: ShownPicture) -> None:
        """Take over a row of site_looks."""
        row = self.find(domain, picture)
        if row == NONE:
            row = self._add(domain, picture)
        self._since[row] = facts["since"]
        self._gone[row] = math.nan if facts["gone_since"] is None else facts["gone_since"]
        self._confirmed[row] = bool(facts["confirmed"])
        self._displayed_by[row] = _DISPLAYED_BY.index(DisplayedBy(facts["displayed_by"]))
        url = facts["icon_url"].encode("utf-8", "surrogatepass")
        start = self._url_starts[row]
        if self._urls[start : start + self._url_lengths[row]] != url:
            self._url_starts[row], self._url_lengths[row] = len(self._urls), len(url)
            self._urls += url
        self._pictures.set_md5(picture, facts["md5"])

    def remove(self, domain: int, picture: int) -> None:
        """Forget a pair, if it is there."""
        row = self.find(domain, picture)
        if row == NONE:
            return
        before = NONE
        for other in self.of_domain(domain):
            if other == row:
                break
            before = other
        if before == NONE:
            self._of_domains[domain] = self._next_of_domain[row]
        else:
            self._next_of_domain[before] = self._next_of_domain[row]
        before, after = self._before_of_picture[row], self._next_of_picture[row]
        if before == NONE:
            self._pictures.first_shown[picture] = after
        else:
            self._next_of_picture[before] = after
        if after != NONE:
            self._before_of_picture[after] = before
        self._pictures.wearer_counts[picture] -= 1
        self._free.append(row)

    def _add(self, domain: int, picture: int) -> int:
        row = self._free.pop() if self._free else self._room()
        first = self._pictures.first_shown[picture]
        self.domains[row], self.pictures[row] = domain, picture
        self._url_lengths[row] = 0
        self._next_of_domain[row] = self._of_domains[domain]
        self._of_domains[domain] = row
        self._next_of_picture[row], self._before_of_picture[row] = first, NONE
        if first != NONE:
            self._before_of_picture[first] = row
        self._pictures.first_shown[picture] = row
        self._pictures.wearer_counts[picture] += 1
        return row

    def _room(self) -> int:
        for numbers in (self.domains, self.pictures, self._url_lengths):
            numbers.append(0)
        for times in (self._since, self._gone):
            times.append(0.0)
        self._confirmed.append(0)
        self._displayed_by.append(0)
        self._url_starts.append(0)
        for chain in (self._next_of_domain, self._next_of_picture, self._before_of_picture):
            chain.append(NONE)
        return len(self.domains) - 1


def _or_none(number: int | None) -> int:
    return NONE if number is None else number


def _set_sparse(column: dict[int, str], row: int, value: str | None) -> None:
    if value is None:
        column.pop(row, None)
    else:
        column[row] = value
