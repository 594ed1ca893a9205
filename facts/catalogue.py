"""The catalogue of common looks: vendors by their sites, and the pictures that their products bring along.

It comes with the package, and an operator's imports add to it. It says what is known; whether a look is
allowed somewhere the verdict decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from samelook.facts.catalogue_data import packaged_defaults, packaged_vendors
from samelook.facts.common import Vendor, VendorKind
from samelook.looks.files import MOST_LOOKS
from samelook.looks.likeness import LOOK_RULES, likenesses, versions_of
from samelook.looks.look import PDQ_BYTES, Look
from samelook.looks.remembered import Remembered
from samelook.looks.rules import Rule
from samelook.matching import HammingIndex
from samelook.names.sites import Site

_REMEMBERED = 10_000
"""Pictures for which the answer is kept."""


@dataclass(frozen=True, slots=True)
class DefaultPicture:
    """A picture that a product brings along, by its SHA-256 and the looks of its frames."""

    product: str
    sha256: bytes
    looks: tuple[bytes, ...]
    source: str
    """Package, version and path; or who imported it."""


class CommonLooks:
    """Look-ups over vendors and default pictures. What it knows does not change; a new one is made instead.

    Of what two sources say about one product, the first says what kind it is.
    """

    def __init__(self, vendors: Iterable[Vendor], pictures: Iterable[DefaultPicture] = ()) -> None:
        self.vendors: dict[str, Vendor] = {}
        for vendor in vendors:
            known = self.vendors.get(vendor.product)
            self.vendors[vendor.product] = vendor if known is None else _joined(known, vendor)
        self.pictures = tuple(picture for picture in pictures if picture.product in self.vendors)
        self._remembered: Remembered[bytes, tuple[Vendor | None]] = Remembered(_REMEMBERED)
        self._of_site = {site: vendor for vendor in self.vendors.values() for site in vendor.sites}

    def vendor_of(self, site: Site) -> Vendor | None:
        return self._of_site.get(site)

    def default_like(self, looks: Sequence[Look]) -> Vendor | None:
        # Most questions are about pictures that were asked about before.
        parts = (form.pdq + form.picture for look in looks for form in look.forms)
        key = hashlib.blake2b(b"".join(parts), digest_size=16).digest()
        remembered = self._remembered.get(key)
        if remembered is None:
            remembered = (self._default_like(looks),)
            self._remembered.put(key, remembered)
        return remembered[0]

    def _default_like(self, looks: Sequence[Look]) -> Vendor | None:
        defaults = self._defaults
        for look in looks[:MOST_LOOKS]:
            for place in defaults.near(look):
                default = defaults.looks[place]
                if likenesses(versions_of(look, derived=False), (default,), Rule.STRICT)[0] is not None:
                    return self.vendors[defaults.products[place]]
        return None

    @cached_property
    def _defaults(self) -> _Defaults:
        return _Defaults(self.pictures)


class _Defaults:
    """The default looks, searched by their PDQs."""

    def __init__(self, pictures: Iterable[DefaultPicture]) -> None:
        self.looks: list[Look] = []
        self.products: list[str] = []
        for picture in pictures:
            for raw in picture.looks:
                look = Look.from_bytes(raw)
                if not look.is_degenerate:
                    self.looks.append(look)
                    self.products.append(picture.product)
        codes = _codes(form.pdq for look in self.looks for form in look.forms)
        places = np.repeat(np.arange(len(self.looks)), [len(look.forms) for look in self.looks])
        self._index = HammingIndex(bits=256)
        self._index.add(codes, places.astype(np.int64))

    def near(self, look: Look) -> list[int]:
        """The places of the looks with a form within the strict radius of one of these, the nearest first."""
        if look.is_degenerate:
            return []
        radius = LOOK_RULES[Rule.STRICT].radius_bits
        near = self._index.search_many(_codes(form.pdq for form in look.forms), radius)
        places = np.concatenate([ids for ids, _ in near])
        order = np.argsort(np.concatenate([bits for _, bits in near]), kind="stable")
        return list(dict.fromkeys(places[order].tolist()))


@cache
def packaged_catalogue() -> CommonLooks:
    """The catalogue that comes with the package. Raises BadLook when its looks are of another version."""
    return CommonLooks(packaged_vendors_known(), packaged_pictures())


@cache
def packaged_vendors_known() -> tuple[Vendor, ...]:
    """The vendors in the package."""
    return tuple(
        vendor_from(row["product"], row["kind"], row["sites"].split(), row["names"].split(), row["source"])
        for row in packaged_vendors()
    )


@cache
def packaged_pictures() -> tuple[DefaultPicture, ...]:
    """The default pictures in the package."""
    return tuple(
        DefaultPicture(row["product"], bytes.fromhex(row["sha256"]), looks, row["source"])
        for row, looks in packaged_defaults()
    )


def vendor_from(product: str, kind: str, sites: Iterable[str], names: Iterable[str], source: str) -> Vendor:
    """A vendor as tables hold it."""
    known_kind = VendorKind(kind)
    return Vendor(
        product,
        frozenset(map(Site, sites)),
        known_kind is VendorKind.PROVIDER,
        tuple(names),
        known_kind,
        source,
    )


def _joined(one: Vendor, other: Vendor) -> Vendor:
    names = tuple(dict.fromkeys((*one.names, *other.names)))
    return replace(one, sites=one.sites | other.sites, names=names)


def _codes(pdqs: Iterable[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(pdqs), np.uint8).reshape(-1, PDQ_BYTES)
