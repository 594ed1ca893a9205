"""What a site is, who speaks for it, and which names cannot be public."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samelook.names.errors import NotASite
from samelook.names.sites import (
    Hosting,
    host_of_url,
    hosting_of,
    is_front_door,
    is_tenant,
    operators_of,
    registrable_domain,
    registrable_label,
    site_of,
    site_of_url,
)


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://user:secret@www.Google.co.uk:8443/path?q#f", "google.co.uk"),
        ("a.b.github.io", "b.github.io"),
        ("github.io", "github.io"),
        ("co.uk", "co.uk"),
        ("https://Müller.de/", "xn--mller-kva.de"),
        ("lumora.test.", "lumora.test"),
        ("www.brand.example", "brand.example"),
        ("x.y.xn--55qx5d.cn", "y.xn--55qx5d.cn"),
        ("sites.google.com", "sites.google.com"),
        ("accounts.google.com", "google.com"),
        ("http://8.8.8.8/login", "8.8.8.8"),
        ("http://[2606:4700:4700::1111]:8080/", "2606:4700:4700::1111"),
        ("2606:4700:4700::1111", "2606:4700:4700::1111"),
        ("8.8.8.8.nip.io", "8.8.8.8.nip.io"),
        ("bucket.storage.googleapis.com", "bucket.storage.googleapis.com"),
        ("deep.shop.myshopify.com", "shop.myshopify.com"),
    ],
)
def test_a_site_is_what_somebody_registered(url: str, site: str) -> None:
    assert site_of_url(url) == site


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost",
        "https://",
        "a..b",
        "ftp://a.example/",
        "http://192.0.2.1/",
        "http://0x7f.1/",
        "http://2130706433/",
        "http://[::1]/",
        "http://[fd00::1]/",
        "http://router/",
        "gitlab.local",
        "git.lan",
        "wiki.corp",
        "nas.home",
        "printer.home.arpa",
        "ci.internal",
        "foo.localhost",
        "foo.invalid",
        "expyuzz4wqqyqhjn.onion",
        "firm.nosuchtld",
        "10.0.0.5.nip.io",
        "app-192-168-1-5.sslip.io",
        "0a000005.nip.io",
        "www.10.0.0.5.nip.io",
        "--1.sslip.io",
        "192-168-0-9.0123456789abcdef.plex.direct",
        "site.localtest.me",
    ],
)
def test_what_is_no_public_site_is_refused(url: str) -> None:
    with pytest.raises(NotASite):
        site_of_url(url)


@given(st.text(max_size=60))
def test_any_text_is_a_host_or_refused(text: str) -> None:
    try:
        host = host_of_url(text)
    except NotASite:
        return
    assert host_of_url(host) == host
    assert host.endswith(site_of(host))
    assert site_of(site_of(host)) == site_of(host)


def test_only_the_apex_and_www_speak_for_a_site() -> None:
    assert is_front_door("brand.example")
    assert is_front_door("www.brand.example")
    assert is_front_door("somebody.weebly.com")
    assert is_front_door("www.weebly.com")
    for host in ("git.brand.example", "www.git.brand.example", "login.wordpress.com", "www2.brand.example"):
        assert not is_front_door(host)


def test_platforms_tenants_and_shared_hosts_are_told_apart() -> None:
    def hosting(host: str, n_hosts: int = 5) -> Hosting:
        return hosting_of(host, n_hosts, shared_hosts={"builder.example"}, many_hosts=1000)

    assert hosting("www.brand.example") is Hosting.OWN
    assert hosting("somebody.github.io") is Hosting.TENANT
    assert hosting("somebody.wordpress.com") is Hosting.TENANT
    assert hosting("login.wordpress.com") is Hosting.OWN
    assert hosting("www.wordpress.com") is Hosting.OWN
    assert hosting("8.8.8.8") is Hosting.TENANT
    assert hosting("docs.google.com") is Hosting.SHARED_PATHS
    assert hosting("www-brand-example.translate.goog") is Hosting.PROXY
    assert hosting("x.builder.example") is Hosting.PERHAPS_SHARED
    assert hosting("x.brand.example", 1000) is Hosting.PERHAPS_SHARED
    assert hosting("www.brand.example", 1000) is Hosting.OWN
    assert is_tenant("somebody.github.io")
    assert not is_tenant("google.co.uk")


def test_the_label_that_an_owner_chose() -> None:
    assert registrable_label("google.co.uk") == "google"
    assert registrable_label("chase-login.weebly.com") == "chase-login"
    assert registrable_label("github.io") == ""
    assert registrable_label("8.8.8.8") == ""
    assert registrable_domain("co.uk") is None


def test_whose_icons_a_platform_shows_as_a_default() -> None:
    assert {"microsoft.com", "sharepoint.com"} <= operators_of("firm-my.sharepoint.com")
    assert "wordpress.com" in operators_of("blog.wordpress.com")
    assert operators_of("somebody.github.io") == {"github.io", "github.com"}
    assert "google.com" in operators_of("docs.google.com")
    assert operators_of("www.brand.example") == frozenset()
    # What a proxy shows is the other site's own.
    assert {"brand-mail.example", "google.com"} <= operators_of("www-brand--mail-example.translate.goog")
