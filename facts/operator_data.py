"""The operator's families and catalogue, read from the database: the package's, and what was added to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from samelook.facts.catalogue import (
    CommonLooks,
    DefaultPicture,
    packaged_catalogue,
    packaged_pictures,
    packaged_vendors_known,
    vendor_from,
)
from samelook.facts.catalogue_lists import owner_among
from samelook.facts.families_known import Families, families_from
from samelook.names.sites import registrable_label
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.facts.common import Vendor
    from samelook.sql.pool import Connection


async def read_families(connection: Connection) -> Families:
    """The curated families, those that were stated or imported, and what sites say of others."""
    ask: Any = queries("operator")
    groups = [row async for row in ask.stated_groups(connection)]
    return families_from(groups, [row async for row in ask.all_statements(connection)])


async def read_catalogue(connection: Connection) -> CommonLooks:
    """The catalogue in the package with what was added.

    An added picture counts only while no ranked site wears it but the product's own: a list may be wrong, or
    say that a brand's icon is a default, before the crawl has seen whose it is.
    """
    ask: Any = queries("operator")
    vendors = [added_vendor(row) async for row in ask.added_vendors(connection)]
    rows = [row async for row in ask.added_pictures(connection)]
    if not vendors and not rows:
        return packaged_catalogue()
    catalogue = CommonLooks([*packaged_vendors_known(), *vendors])
    pictures = [
        DefaultPicture(row["product"], row["sha256"], tuple(row["looks"]), row["source"])
        for row in rows
        if row["looks"] and owner_among(row["product"], row["wearers"], catalogue.vendors) is None
    ]
    return CommonLooks(catalogue.vendors.values(), (*packaged_pictures(), *pictures))


def added_vendor(row: Any) -> Vendor:
    """A vendor in a row of `added_vendors`; its own label is the name that nobody else may register under."""
    label = registrable_label(row["site"]) if row["site"] else ""
    sites, names = ([row["site"]], [label]) if row["site"] else ([], [])
    return vendor_from(row["product"], row["kind"], sites, [name for name in names if name], row["source"])
