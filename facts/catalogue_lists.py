"""Public lists of software and its default icons, as entries of the catalogue, and why some are refused.

An entry that names a protected brand would switch the brand's protection off, whether somebody made a
mistake or poisoned the list. So brands are no vendors, and their icons are nobody's default.
"""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from samelook.facts.common import Vendor
from samelook.facts.families_known import Families
from samelook.facts.family_lists import BadSiteList
from samelook.names.errors import NotASite
from samelook.names.resemblance import folded
from samelook.names.sites import Site, registrable_label, site_of_url

_RECOG_PATTERN = re.compile(r"\^(?:\(\?:)?([0-9a-f]{32}(?:\|[0-9a-f]{32})*)\)?\$?")
_PRODUCT_PARAMS = ("service.product", "hw.product", "os.product", "service.vendor", "hw.vendor", "os.vendor")
_EMPTY_FILE = "d41d8cd98f00b204e9800998ecf8427e"
_MOST_NAME = 200


@dataclass(frozen=True, slots=True)
class ListedVendor:
    """That a product is from a site."""

    product: str
    site: Site


@dataclass(frozen=True, slots=True)
class ListedPicture:
    """That a product brings along the picture of this MD5."""

    product: str
    md5: bytes


@dataclass(frozen=True, slots=True)
class Entries:
    """What a list says, and which of its lines say nothing that is understood."""

    vendors: tuple[ListedVendor, ...] = ()
    pictures: tuple[ListedPicture, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that is not taken over, and why."""

    entry: str
    why: str


def entries_in(text: str) -> Entries:
    """The entries of Recog's favicons (XML), or of a table of domains and products. Raises BadList."""
    if text.lstrip("\ufeff \r\n\t").startswith("<"):
        return _recog(text)
    return _table(text)


def refused_vendors(
    vendors: Iterable[ListedVendor],
    known: Mapping[str, Vendor],
    curated: Families,
    high_ranked: Collection[Site],
) -> list[tuple[ListedVendor, str]]:
    """The vendors that are brands rather: whose looks are protected, and would be so no longer.

    `known` is the packaged catalogue, which was reviewed; `high_ranked` are sites with a rank that is
    protected under the widest rule.
    """
    reviewed = {site for vendor in known.values() for site in vendor.sites}
    refused = []
    for vendor in vendors:
        if vendor.site in reviewed:
            continue
        groups = curated.groups_of(vendor.site)
        if groups:
            refused.append((vendor, f"{vendor.site} is {groups[0].name}, a brand that is protected"))
        elif vendor.site in high_ranked:
            refused.append((vendor, f"{vendor.site} is ranked so well that its icon is protected"))
    return refused


def brand_named(product: str, known: Mapping[str, Vendor], curated: Families) -> str | None:
    """The curated organisation that a product is named as, unless the packaged catalogue has the product."""
    if product in known:
        return None
    name = _squeezed(product)
    for group in curated.groups:
        names = {_squeezed(group.name), *(_squeezed(registrable_label(site)) for site in group.sites)}
        if name in names:
            return group.name
    return None


def owner_among(product: str, wearers: Iterable[str], known: Mapping[str, Vendor]) -> str | None:
    """The first of the ranked sites that wear a picture which is not the product's own, or None.

    A site is the product's own when the catalogue says so, or when it is registered under the product's name.
    """
    vendor = known.get(product)
    own = vendor.sites if vendor is not None else frozenset()
    name = _squeezed(product)
    for site in wearers:
        if Site(site) not in own and _squeezed(registrable_label(site)) != name:
            return site
    return None


def _recog(text: str) -> Entries:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadSiteList("An XML list may not declare entities.")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without entities there is nothing to expand
    except ET.ParseError as error:
        raise BadSiteList(f"This is no XML: {error}") from error
    if root.tag != "fingerprints" or root.get("matches") != "favicon.md5":
        raise BadSiteList('This is no list of favicons: <fingerprints matches="favicon.md5"> is.')
    pictures: dict[ListedPicture, None] = {}
    left_out = []
    for fingerprint in root.iter("fingerprint"):
        values = {param.get("name", ""): param.get("value", "") for param in fingerprint.iter("param")}
        product = next(filter(None, (values.get(name, "").strip() for name in _PRODUCT_PARAMS)), "")
        product = product[:_MOST_NAME]
        pattern = _RECOG_PATTERN.fullmatch(fingerprint.get("pattern", ""))
        if not product or pattern is None:
            left_out.append(
                (fingerprint.findtext("description") or fingerprint.get("pattern") or "?").strip()[
                    :_MOST_NAME
                ]
            )
            continue
        for md5 in pattern[1].split("|"):
            if md5 != _EMPTY_FILE:
                pictures[ListedPicture(product, bytes.fromhex(md5))] = None
    return Entries(pictures=tuple(pictures), left_out=tuple(left_out))


def _table(text: str) -> Entries:
    vendors: dict[ListedVendor, None] = {}
    left_out = []
    for row in csv.reader(io.StringIO(text), delimiter="\t"):
        if not row or row[0].startswith("#"):
            continue
        if len(row) < 2 or not row[1].strip():  # noqa: PLR2004 - a domain and a product
            left_out.append("\t".join(row)[:_MOST_NAME])
            continue
        try:
            site = site_of_url(row[0].strip())
        except NotASite:
            left_out.append("\t".join(row)[:_MOST_NAME])
            continue
        vendors[ListedVendor(row[1].strip()[:_MOST_NAME], site)] = None
    if not vendors:
        raise BadSiteList(
            "This is no list that is known: Recog's favicons as XML, or lines of DOMAIN, tab, PRODUCT."
        )
    return Entries(vendors=tuple(vendors), left_out=tuple(left_out))


def _squeezed(name: str) -> str:
    return "".join(letter for letter in folded(name) if letter.isalnum())
