"""The catalogue of common looks: what comes with the package, and what its look-ups say."""

from __future__ import annotations

import io
import tarfile
import time
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from samelook.facts.catalogue import CommonLooks, DefaultPicture, packaged_catalogue, packaged_pictures
from samelook.facts.common import Vendor, VendorKind
from samelook.looks.files import looks_of_file
from samelook.looks.look import BadLook, Look
from samelook.names.sites import Site, site_of
from tools.default_looks import PINS, Pin, looks_of, pins_in


def icon(colour: str, shape: str = "star", side: int = 48) -> bytes:
    """A drawing with enough of its own to be told from others."""
    picture = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    middle, far = side / 2, side - 2
    if shape == "star":
        draw.regular_polygon((middle, middle, side * 0.46), 5, rotation=10, fill=colour)
        draw.ellipse((side * 0.4, side * 0.3, side * 0.6, side * 0.5), fill="white")
    else:
        draw.polygon([(2, far), (middle, 2), (far, far * 0.7), (middle, middle)], fill=colour)
        draw.rectangle((side * 0.1, side * 0.1, side * 0.3, side * 0.25), fill="navy")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def looks(data: bytes) -> list[Look]:
    return [Look.from_bytes(raw) for raw in looks_of_file(data)]


def test_the_package_knows_hundreds_of_products_each_with_its_source() -> None:
    vendors = packaged_catalogue().vendors
    assert len(vendors) >= 300
    assert all(vendor.source for vendor in vendors.values())
    assert {vendor.kind for vendor in vendors.values()} == set(VendorKind)
    for vendor in vendors.values():
        assert vendor.has_accounts is (vendor.kind is VendorKind.PROVIDER)
        # A name below a site speaks for nobody, and would never be found.
        assert all(site_of(site) == site for site in vendor.sites), vendor.product


@pytest.mark.parametrize(
    ("site", "product", "has_accounts"),
    [
        ("gitlab.com", "GitLab", False),
        ("grafana.com", "Grafana", False),
        ("zendesk.com", "Zendesk", True),
        ("okta.com", "Okta", True),
        ("plesk.com", "Plesk", False),
    ],
)
def test_a_vendors_site_names_its_product(site: str, product: str, has_accounts: bool) -> None:
    vendor = packaged_catalogue().vendor_of(Site(site))
    assert vendor is not None
    assert (vendor.product, vendor.has_accounts) == (product, has_accounts)


@pytest.mark.parametrize(
    "site", ["paypal.com", "google.com", "amazon.com", "microsoft.com", "chase.com", "dhl.com"]
)
def test_brands_that_nobody_else_shows_are_no_vendors(site: str) -> None:
    assert packaged_catalogue().vendor_of(Site(site)) is None


def test_a_registered_name_accuses_and_that_of_a_strangers_host_does_not() -> None:
    vendors = packaged_catalogue().vendors
    assert vendors["GitLab"].is_imitated_by("gitlab-login")
    assert vendors["Okta"].is_imitated_by("0kta-acme")
    assert vendors["Home Assistant"].is_imitated_by("homeassistant-cloud")
    assert not vendors["GitLab"].is_imitated_by("firm")
    # Nobody signs in at a framework's, so no name is one to be wary of.
    assert not vendors["Angular"].is_imitated_by("angular-shop")


def test_every_packaged_default_picture_is_found_as_its_products() -> None:
    catalogue = packaged_catalogue()
    assert len(catalogue.pictures) >= 40
    for picture in catalogue.pictures:
        found = catalogue.default_like([Look.from_bytes(raw) for raw in picture.looks])
        assert found is not None, picture.source
    for product in ("Next.js", "Vite", "Angular", "Vue", "Create React App", "Docusaurus", "Ghost"):
        own = [one for one in catalogue.pictures if one.product == product]
        found = catalogue.default_like([Look.from_bytes(own[0].looks[0])])
        assert found is not None
        assert found.product == product


def test_a_default_picture_is_found_in_another_size_and_a_strangers_is_not() -> None:
    catalogue = CommonLooks(
        [Vendor("Toy Panel", frozenset({Site("toypanel.example")}))],
        [DefaultPicture("Toy Panel", b"\1" * 32, tuple(looks_of_file(icon("crimson"))), "a test")],
    )
    assert catalogue.default_like(looks(icon("crimson", side=128))) == catalogue.vendors["Toy Panel"]
    assert catalogue.default_like(looks(icon("seagreen", shape="kite"))) is None
    assert catalogue.default_like([]) is None
    blank = io.BytesIO()
    Image.new("RGB", (32, 32), "white").save(blank, "PNG")
    assert catalogue.default_like(looks(blank.getvalue())) is None


def test_a_catalogue_without_pictures_finds_nothing() -> None:
    assert CommonLooks([Vendor("Toy Panel")]).default_like(looks(icon("crimson"))) is None


def test_two_sources_of_one_product_are_one_vendor_and_the_first_says_what_it_is() -> None:
    catalogue = CommonLooks(
        [
            Vendor("Toy Panel", frozenset({Site("toypanel.example")}), names=("toypanel",)),
            Vendor(
                "Toy Panel", frozenset({Site("toypanel.test")}), has_accounts=True, kind=VendorKind.PROVIDER
            ),
        ]
    )
    vendor = catalogue.vendor_of(Site("toypanel.test"))
    assert vendor is catalogue.vendor_of(Site("toypanel.example"))
    assert vendor is not None
    assert vendor.kind is VendorKind.SOFTWARE
    assert not vendor.has_accounts


def test_asking_for_a_default_costs_well_below_a_search() -> None:
    catalogue, asked = packaged_catalogue(), looks(icon("teal", shape="kite"))
    catalogue.default_like(asked)
    began = time.process_time()
    for _ in range(50):
        catalogue.default_like(asked)
    assert (time.process_time() - began) / 50 < 0.01


def test_the_pins_name_packages_once_and_products_of_the_catalogue() -> None:
    pins = list(pins_in(PINS))
    assert {pin.product for pin in pins} <= set(packaged_catalogue().vendors)
    pictures = [picture for picture in packaged_pictures() if picture.product != "Emoji"]
    known = {picture.source.rpartition(" ")[0] for picture in pictures}
    pinned = {f"{pin.ecosystem} {pin.package} {pin.version}" for pin in pins}
    # Two versions with the same picture are one default; nothing comes from elsewhere.
    assert known <= pinned


def test_what_is_remembered_of_one_picture_is_not_told_of_it_in_other_colours() -> None:
    catalogue = CommonLooks(
        [Vendor("Toy")], [DefaultPicture("Toy", b"x", tuple(looks_of_file(icon("crimson"))), "-")]
    )
    for _ in range(2):
        assert catalogue.default_like(looks(icon("crimson"))) is not None
        assert catalogue.default_like(looks(icon("seagreen"))) is None


def test_emoji_that_sites_have_for_an_icon_are_common_looks() -> None:
    emoji = [picture for picture in packaged_pictures() if picture.product == "Emoji"]
    assert len(emoji) >= 200
    assert all("Noto Color Emoji" in picture.source for picture in emoji)
    for sign in ("🚀", "🎯", "🦊"):
        text = f'<text y=".9em" font-size="90">{sign}</text>'
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">{text}</svg>'
        vendor = packaged_catalogue().default_like(looks(svg.encode()))
        assert vendor is not None
        assert vendor.product == "Emoji"


def test_looks_are_read_out_of_a_package_as_registries_serve_it(tmp_path: Path) -> None:
    pin = Pin("Toy Panel", "npm", "@toy/panel", "1.2.3", ("package/public/*.png",))
    folder = tmp_path / pin.folder
    folder.mkdir()
    with tarfile.open(folder / "toy-panel-1.2.3.tgz", "w:gz") as tar:
        for name, data in (
            ("package/public/favicon.png", icon("crimson")),
            ("package/README.md", b"no picture"),
            ("package/public/deep/other.png", icon("teal")),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        link = tarfile.TarInfo("package/public/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    rows = list(looks_of(pin, tmp_path))
    assert [row["source"] for row, _ in rows] == [
        "npm @toy/panel 1.2.3 package/public/deep/other.png",
        "npm @toy/panel 1.2.3 package/public/favicon.png",
    ]
    assert rows[1][1] == tuple(looks_of_file(icon("crimson")))


def test_a_package_without_the_picture_is_told(tmp_path: Path) -> None:
    pin = Pin("Toy Panel", "npm", "toy-panel", "1.2.3", ("package/favicon.ico",))
    (tmp_path / pin.folder).mkdir()
    with tarfile.open(tmp_path / pin.folder / "toy.tgz", "w:gz"):
        pass
    with pytest.raises(SystemExit, match=r"has no package/favicon\.ico"):
        list(looks_of(pin, tmp_path))


def test_looks_of_another_version_are_refused() -> None:
    picture = DefaultPicture("Toy Panel", b"\1" * 32, (b"lk\x63\0",), "a test")
    with pytest.raises(BadLook):
        CommonLooks([Vendor("Toy Panel")], [picture]).default_like(looks(icon("crimson")))
