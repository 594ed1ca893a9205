"""Public lists of software and its icons: what is read of them, and which entries are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from samelook.facts.catalogue import packaged_catalogue
from samelook.facts.catalogue_lists import (
    ListedVendor,
    brand_named,
    entries_in,
    owner_among,
    refused_vendors,
)
from samelook.facts.families_known import curated_families
from samelook.facts.family_lists import BadSiteList
from samelook.names.sites import Site

SHARED = Path(__file__).resolve().parents[3] / "shared" / "facts"
ONE, OTHER = "0" * 31 + "1", "0" * 31 + "2"


def recog(*fingerprints: str) -> str:
    return (
        f'<?xml version="1.0"?>\n<fingerprints matches="favicon.md5">{"".join(fingerprints)}</fingerprints>'
    )


def fingerprint(pattern: str, product: str | None = "Toy Panel") -> str:
    param = f'<param pos="0" name="service.product" value="{product}"/>' if product else ""
    return f'<fingerprint pattern="{pattern}"><description>d</description>{param}</fingerprint>'


def test_recogs_favicons_are_read_by_md5() -> None:
    entries = entries_in(recog(fingerprint(f"^{ONE}$"), fingerprint(f"^(?:{ONE}|{OTHER})$", "Other")))
    assert [(one.product, one.md5.hex()) for one in entries.pictures] == [
        ("Toy Panel", ONE),
        ("Other", ONE),
        ("Other", OTHER),
    ]
    assert entries.vendors == ()


def test_patterns_that_fit_more_than_named_pictures_are_left_out() -> None:
    text = recog(
        fingerprint("^.*$"),
        fingerprint(f"{ONE}"),
        fingerprint(f"^{ONE}$", None),
        fingerprint("^abc$"),
        fingerprint("^d41d8cd98f00b204e9800998ecf8427e$"),
        fingerprint(f"^{OTHER}$"),
    )
    entries = entries_in(text)
    assert [one.md5.hex() for one in entries.pictures] == [OTHER]
    assert len(entries.left_out) == 4


def test_a_table_of_domains_and_products_is_read_as_sites() -> None:
    entries = entries_in("# domain\tproduct\nwww.toy-panel.com\tToy Panel\n\nlocalhost\tNobody\nalone.com\n")
    assert entries.vendors == (ListedVendor("Toy Panel", Site("toy-panel.com")),)
    assert len(entries.left_out) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no tabs here",
        "<html></html>",
        "<fingerprints",
        '<!DOCTYPE x [<!ENTITY a "b">]><fingerprints matches="favicon.md5">&a;</fingerprints>',
        '<fingerprints matches="http_header.server"></fingerprints>',
        '{"12": "PayPal"}',
    ],
)
def test_what_is_no_such_list_is_refused(text: str) -> None:
    with pytest.raises(BadSiteList):
        entries_in(text)


def test_a_brand_is_no_vendor_unless_the_packaged_catalogue_was_reviewed_with_it() -> None:
    vendors = [
        ListedVendor("PayPal", Site("paypal.com")),
        ListedVendor("GitLab", Site("gitlab.com")),
        ListedVendor("Famous", Site("famous-shop.com")),
        ListedVendor("Toy Panel", Site("toy-panel.com")),
    ]
    refused = dict(
        refused_vendors(vendors, packaged_catalogue().vendors, curated_families(), {Site("famous-shop.com")})
    )
    assert list(refused) == [vendors[0], vendors[2]]
    assert "PayPal" in refused[vendors[0]]


@pytest.mark.parametrize(
    "product", ["PayPal", "paypal", "Pay-Pal", "DHL", "Chase", "Microsoft", "P\u0430yPal"]
)
def test_a_default_that_is_named_as_a_brand_is_told(product: str) -> None:
    assert brand_named(product, packaged_catalogue().vendors, curated_families()) is not None


@pytest.mark.parametrize("product", ["GitLab", "Toy Panel", "Jenkins", "Okta"])
def test_other_names_are_not(product: str) -> None:
    assert brand_named(product, packaged_catalogue().vendors, curated_families()) is None


def test_a_picture_belongs_to_the_product_whose_site_or_name_wears_it() -> None:
    known = packaged_catalogue().vendors
    assert owner_among("GitLab", ["gitlab.com"], known) is None
    assert owner_among("Toy Panel", ["toypanel.io", "toy-panel.com"], known) is None
    assert owner_among("Toy Panel", ["toypanel.io", "lumora.com"], known) == "lumora.com"
    assert owner_among("GitLab", ["paypal.com"], known) == "paypal.com"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the public lists are not beside this checkout")
def test_the_public_lists_are_read_whole() -> None:
    pictures = entries_in((SHARED / "recog-favicons.xml").read_text("utf-8"))
    assert len(pictures.pictures) > 500
    assert len(pictures.left_out) < 50
    vendors = entries_in((SHARED / "self-hosted-vendors.tsv").read_text("utf-8"))
    assert len(vendors.vendors) > 900
    refused = refused_vendors(vendors.vendors, packaged_catalogue().vendors, curated_families(), ())
    assert {vendor.site for vendor, _ in refused} <= {
        site for vendor in vendors.vendors for site in [vendor.site] if curated_families().groups_of(site)
    }
    assert len(refused) < len(vendors.vendors) / 10
