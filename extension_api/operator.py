"""What an operator does about sites, families, reports and the catalogue: each act audited with its change.

`who` is a person's account or the name of an API key; nothing here asks whether they may.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from samelook.extension_api import curation
from samelook.extension_api.errors import BadRequest
from samelook.extension_api.outbox import request_visits
from samelook.facts.catalogue import packaged_catalogue, packaged_vendors_known
from samelook.facts.catalogue_lists import (
    Entries,
    ListedPicture,
    ListedVendor,
    Refused,
    brand_named,
    owner_among,
    refused_vendors,
)
from samelook.facts.families_known import curated_families
from samelook.facts.family_lists import ListedGroup, RefusedGroup, sorted_out
from samelook.facts.operator_data import added_vendor
from samelook.facts.protected import Protected
from samelook.facts.standing import Tiers
from samelook.names.hosts import reversed_host
from samelook.names.sites import Site, site_of_url
from samelook.sql.named import queries
from samelook.sql.storable import storable

if TYPE_CHECKING:
    from samelook.facts.common import Vendor
    from samelook.sql.pool import Connection

OPERATOR = "operator"
"""The provenance of what the operator states by hand."""
MOST_STATED = 300
RANKED_TO = 1_000_000
"""A rank beyond that says nothing: a list of the whole web ranks what nobody visits."""
_MOST_WHO = 100
MOST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Act:
    """Who acts, and why."""

    who: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class FamiliesImported:
    """What became of a list of families."""

    taken: list[ListedGroup]
    refused: list[RefusedGroup]
    replaced: int


@dataclass(frozen=True, slots=True)
class CatalogueImported:
    """What became of a list of common looks."""

    vendors: int
    pictures: int
    refused: list[Refused]
    left_out: tuple[str, ...]


async def list_site(
    connection: Connection,
    url: str,
    which: Literal["allow", "block"],
    act: Act,
    *,
    expires_s: float | None = None,
) -> str:
    """Put a site on the allowlist or the blocklist, and off the other; the site. Raises NotASite."""
    act = checked(act)
    async with connection.transaction():
        before = await _listed(connection, site_of_url(url))
        site = await curation.list_site(
            connection, url, which, by=act.who, note=act.note, expires_s=expires_s
        )
        await note(connection, act, which, site, expires_s=expires_s, before=before)
    return site


async def forget_site(connection: Connection, url: str, act: Act) -> str:
    """Take back what the operator said of a site: on the lists, and in families. Raises NotASite."""
    act = checked(act)
    async with connection.transaction():
        before = await _listed(connection, site_of_url(url))
        site = await curation.unlist_site(connection, url)
        groups = await _ask().leave_groups(connection, site=site, provenance=OPERATOR)
        await note(connection, act, "forget", site, groups=groups, before=before)
    return site


async def dismiss_reports(connection: Connection, url: str, act: Act) -> tuple[str, int]:
    """Disagree with all reports on a site so far; the site, and how many they were. Raises NotASite."""
    act, site = checked(act), site_of_url(url)
    async with connection.transaction():
        found = await _ask().dismiss_reports_on(connection, site=site)
        count = int(found["number"])
        await note(connection, act, "dismiss", site, reports=count, at=found["at"].isoformat())
    return site, count


async def state_family(
    connection: Connection, urls: Sequence[str], act: Act, *, related: bool = True
) -> list[str]:
    """State that sites are one organisation, or that no two of them are; the sites.

    Raises NotASite, and BadRequest for fewer than two sites or too many.
    """
    act = checked(act)
    sites = list(dict.fromkeys(str(site_of_url(url)) for url in urls))
    if not 2 <= len(sites) <= MOST_STATED:  # noqa: PLR2004 - one site is no family
        raise BadRequest(f"A family has 2 to {MOST_STATED} different sites; these are {len(sites)}.")
    async with connection.transaction():
        group = None
        if related:
            group = await _ask().add_group(connection, provenance=OPERATOR, name=act.note[:200], sites=sites)
        else:
            await curation.state_families(connection, [sites], provenance=act.who, related=False)
        for site in sites:
            await note(connection, act, "family" if related else "not_family", site, sites=sites, group=group)
    return sites


async def visit_now(connection: Connection, url: str, act: Act) -> str:
    """Send the crawler to a site before all others, at once; the site. Raises NotASite."""
    act, site = checked(act), site_of_url(url)
    async with connection.transaction():
        await note(connection, act, "visit", site)
        await request_visits(connection, [site], older_than_s=0.0)
    return site


async def import_families(
    connection: Connection, groups: Sequence[ListedGroup], source: str, act: Act
) -> FamiliesImported:
    """Take over a list's groups, in the place of those that the same list brought before."""
    act = checked(act)
    if source in {OPERATOR, "curated"}:
        raise BadRequest(f"A list cannot be called {source!r}; that is what such families are told from.")
    ranked = await _ranked(connection, (site for group in groups for site in group.sites), RANKED_TO)
    taken, refused = sorted_out(groups, ranked, curated_families())
    async with connection.transaction():
        replaced = int(await _ask().forget_groups(connection, provenance=source))
        for group in taken:
            await _ask().add_group(
                connection, provenance=source, name=storable(group.name), sites=list(group.sites)
            )
        await note(
            connection,
            act,
            "import_families",
            source,
            taken=len(taken),
            refused=len(refused),
            replaced=replaced,
        )
    return FamiliesImported(taken, refused, replaced)


async def import_catalogue(
    connection: Connection, entries: Entries, source: str, act: Act
) -> CatalogueImported:
    """Take over a list's entries, in the place of those that the same list brought before."""
    act = checked(act)
    known = packaged_catalogue().vendors
    high = await _ranked(connection, (vendor.site for vendor in entries.vendors), Tiers().wide)
    bad_vendors = dict(refused_vendors(entries.vendors, known, curated_families(), high))
    bad_pictures = await _refused_pictures(connection, entries.pictures)
    vendors = [vendor for vendor in entries.vendors if vendor not in bad_vendors]
    pictures = [picture for picture in entries.pictures if picture not in bad_pictures]
    async with connection.transaction():
        await _ask().forget_vendors(connection, source=source)
        await _ask().forget_default_pictures(connection, source=source)
        await _write(connection, vendors, pictures, source)
        await note(
            *(connection, act, "import_catalogue", source),
            vendors=len(vendors),
            pictures=len(pictures),
            refused=len(bad_vendors) + len(bad_pictures),
        )
    refused = [Refused(f"{vendor.product} ({vendor.site})", why) for vendor, why in bad_vendors.items()]
    refused += [
        Refused(f"{picture.product} ({picture.md5.hex()})", why) for picture, why in bad_pictures.items()
    ]
    return CatalogueImported(len(vendors), len(pictures), refused, entries.left_out)


async def add_common_picture(connection: Connection, product: str, digest: bytes, act: Act) -> None:
    """Take a picture that the crawl has fetched into the catalogue, as a product's default.

    The operator's word is final here but for one thing: while a ranked site wears the picture that is not the
    product's, it does not count. Raises BadRequest for a picture that is not known.
    """
    act = checked(act)
    found = [row async for row in _ask().pictures_of_digests(connection, digests=[digest])]
    if not found:
        raise BadRequest(f"The crawl knows no picture {digest.hex()}.", sha256=digest.hex())
    async with connection.transaction():
        await _write(connection, [], [ListedPicture(product, digest)], OPERATOR)
        await note(connection, act, "add_common", product, sha256=digest.hex())


async def forget_product(connection: Connection, product: str, act: Act) -> int:
    """Take what was added for a product out of the catalogue; how many entries that were."""
    act = checked(act)
    async with connection.transaction():
        count = int(await _ask().forget_product(connection, product=product))
        await note(connection, act, "forget_common", product, entries=count)
    return count


async def _refused_pictures(
    connection: Connection, pictures: Iterable[ListedPicture]
) -> dict[ListedPicture, str]:
    """The pictures that are a brand's: by the product's name, by who wears them, by what they look like."""
    listed = list(dict.fromkeys(pictures))
    added = [added_vendor(row) async for row in _ask().added_vendors(connection)]
    known: dict[str, Vendor] = {vendor.product: vendor for vendor in (*added, *packaged_vendors_known())}
    refused: dict[ListedPicture, str] = {}
    for picture in listed:
        brand = brand_named(picture.product, packaged_catalogue().vendors, curated_families())
        if brand is not None:
            refused[picture] = f"{brand} is a brand that is protected"
    seen = [
        row
        async for row in _ask().pictures_of_digests(
            connection, digests=[picture.md5 for picture in listed if picture not in refused]
        )
    ]
    if not seen:
        return refused
    protected = await Protected.read(connection)
    for row in seen:
        for picture in (candidate for candidate in listed if candidate.md5 == bytes(row["digest"])):
            like = protected.like(row["looks"] or ())
            owner = owner_among(picture.product, [*row["wearers"], *like], known)
            if owner is not None:
                refused[picture] = f"it is the icon of {owner}, which is protected"
    return refused


async def _write(
    connection: Connection,
    vendors: Sequence[ListedVendor],
    pictures: Sequence[ListedPicture],
    source: str,
) -> None:
    known = packaged_catalogue().vendors
    rows = [(vendor.product, vendor.site) for vendor in vendors]
    # A product of which only pictures are known is a vendor without a site.
    products = {picture.product for picture in pictures} - set(known) - {product for product, _ in rows}
    rows += [(product, Site("")) for product in sorted(products)]
    await _ask().add_vendors(
        connection,
        products=[storable(product) for product, _ in rows],
        kinds=[known[product].kind.value if product in known else "software" for product, _ in rows],
        sites=[str(site) for _, site in rows],
        source=source,
    )
    await _ask().add_default_pictures(
        connection,
        digests=[picture.md5 for picture in pictures],
        products=[storable(picture.product) for picture in pictures],
        source=source,
    )


async def _ranked(connection: Connection, sites: Iterable[Site], most: int) -> set[Site]:
    """Those of the sites that have a rank down to `most`."""
    names = {str(reversed_host(site)): site for site in sites}
    found = _ask().ranked_among(connection, reversed_names=list(names), most=most)
    return {names[row["reversed_name"]] async for row in found}


def checked(act: Act) -> Act:
    """The act as it can be stored. Raises BadRequest."""
    if not act.who.strip():
        raise BadRequest("Say who acts.")
    if len(act.note) > MOST_NOTE:
        raise BadRequest(f"A note has {MOST_NOTE} characters at most; this one has {len(act.note)}.")
    return Act(storable(act.who.strip())[:_MOST_WHO], storable(act.note.strip()))


async def note(connection: Connection, act: Act, action: str, subject: str, **detail: object) -> int:
    """Writes an act down; its number."""
    number: int = await _ask().note_audit(
        connection,
        who=act.who,
        action=action,
        subject=storable(subject),
        note=act.note,
        detail=json.dumps({name: value for name, value in detail.items() if value is not None}),
    )
    return number


async def _listed(connection: Connection, site: Site) -> dict[str, Any] | None:
    """What the lists say of a site, as the audit keeps it."""
    row = await _ask().listed(connection, site=site)
    if row is None:
        return None
    expires_at = row["expires_at"]
    return {**row, "expires_at": None if expires_at is None else expires_at.isoformat()}


def _ask() -> Any:
    return queries("operator")
