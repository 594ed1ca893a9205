"""URLs as browsers resolve them; expected values are the URL Standard's own rules and examples."""

from __future__ import annotations

import ada_url
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samelook.crawler.discovery.data_urls import data_of, says_no_icon
from samelook.crawler.fetching import urls
from samelook.crawler.fetching.errors import BadUrl
from samelook.crawler.fetching.urls import host_of, origin_of, resolve, site_url_of, start_urls_of

BASE = "https://example.org/a/b/page.html?q=1#top"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("icon.png", "https://example.org/a/b/icon.png"),
        ("../icon.png", "https://example.org/a/icon.png"),
        ("../../../icon.png", "https://example.org/icon.png"),
        ("./%2e%2E/icon.png", "https://example.org/a/icon.png"),
        ("/icon.png", "https://example.org/icon.png"),
        ("//cdn.example/icon.png", "https://cdn.example/icon.png"),
        ("\\\\cdn.example\\icon.png", "https://cdn.example/icon.png"),
        ("images\\icon.png", "https://example.org/a/b/images/icon.png"),
        ("https:icon.png", "https://example.org/a/b/icon.png"),
        ("http:icon.png", "http://icon.png/"),
        ("https:///cdn.example/x", "https://cdn.example/x"),
        ("HTTPS://CDN.Example:443/x", "https://cdn.example/x"),
        ("http://cdn.example:80/x", "http://cdn.example/x"),
        ("http://cdn.example:443/x", "http://cdn.example:443/x"),
        ("\x00 \t/ic\non\r.p\tng \x1f", "https://example.org/icon.png"),
        ("?v=2", "https://example.org/a/b/page.html?v=2"),
        ("icon.svg#dark", "https://example.org/a/b/icon.svg"),
        ("a b.png", "https://example.org/a/b/a%20b.png"),
        ("é.png?é=ü", "https://example.org/a/b/%C3%A9.png?%C3%A9=%C3%BC"),
        ("%zz.png", "https://example.org/a/b/%zz.png"),
        ("https://user:secret@cdn.example/x", "https://cdn.example/x"),
        ("https://mortenmøller.dk/", "https://xn--mortenmller-mgb.dk/"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("https://ＧＯ.example。com/", "https://go.example.com/"),  # noqa: RUF001 - full-width forms are the point
        ("https://ex%41mple.org/", "https://example.org/"),
        ("https://example.org./", "https://example.org./"),
        ("data:image/png;base64,AA==#x", "data:image/png;base64,AA=="),
        ("\ud800", "https://example.org/a/b/%EF%BF%BD"),
    ],
)
def test_a_reference_resolves_as_in_a_browser(url: str, expected: str) -> None:
    assert resolve(url, BASE) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("0x7f.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("169.254.169.254.", "169.254.169.254"),
        ("１２７.0.0.1", "127.0.0.1"),  # noqa: RUF001 - full-width digits are the point
        ("[::FFFF:127.0.0.1]", "[::ffff:7f00:1]"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
    ],
)
def test_every_number_form_of_an_address_is_written_out(host: str, expected: str) -> None:
    assert host_of(resolve(f"http://{host}/")) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http://a b/",
        "http://a<b/",
        "http://a%00b/",
        "http://999.1/",
        "http://1.2.3.4.5/",
        "http://4294967296/",
        "http://foo.0x/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://example.org:65536/",
        "http://xn--a/",
        "http://xn--1ug.example/",
        "http://xn--zn7c.com/",
        "http://xn--/",
        "http://a..b/",
        "http://" + "a" * 64 + ".org/",
        "http://" + "a.b" * 100 + "/",
        "javascript:void(0)",
        "ftp://example.org/x",
        "file:///etc/passwd",
        "blob:https://example.org/1",
        "https://example.org/" + "a" * 9_000,
        "data:image/png;base64," + "A" * 2_000_000,
    ],
)
def test_what_no_browser_would_request_is_a_bad_url(url: str) -> None:
    with pytest.raises(BadUrl) as caught:
        resolve(url, BASE)
    assert caught.value.kind == "bad_url"


def test_a_bare_domain_starts_at_its_https_root() -> None:
    assert site_url_of("Example.ORG ") == "https://example.org/"
    assert site_url_of("mortenmøller.dk") == "https://xn--mortenmller-mgb.dk/"
    for wrong in ("", "a/b", "a b", "user@host", "http://x"):
        with pytest.raises(BadUrl):
            site_url_of(wrong)


def test_a_bare_domain_is_tried_over_https_then_http_then_with_www() -> None:
    everything = (
        "https://example.org/",
        "http://example.org/",
        "https://www.example.org/",
        "http://www.example.org/",
    )
    assert start_urls_of("example.org") == start_urls_of("https://example.org/") == everything
    assert start_urls_of("http://example.org") == ("http://example.org/",)
    assert start_urls_of("https://example.org/x") == ("https://example.org/x",)
    assert start_urls_of("192.0.2.1") == ("https://192.0.2.1/", "http://192.0.2.1/")
    assert start_urls_of("www.example.org") == ("https://www.example.org/", "http://www.example.org/")


def test_an_origin_has_no_default_port() -> None:
    assert origin_of("https://example.org:443/a?b") == "https://example.org"
    assert origin_of("http://example.org:8080/a?b") == "http://example.org:8080"


@given(st.text(max_size=60))
def test_resolving_twice_changes_nothing(text: str) -> None:
    try:
        once = resolve(text, BASE)
    except BadUrl:
        return
    assert resolve(once, BASE) == once
    assert once.startswith(("http://", "https://", "data:"))
    assert "#" not in once


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("data:,", (b"", "")),
        ("data:,a%20b", (b"a b", "")),
        ("data:image/svg+xml,<svg/>", (b"<svg/>", "image/svg+xml")),
        ("data:image/svg+xml;utf8,%3Csvg/%3E", (b"<svg/>", "image/svg+xml;utf8")),
        ("DATA:image/png;base64,iVBO Rw0K", (b"\x89PNG\r\n", "image/png")),
        ("data:image/png;BASE64,iVBORw0KGg", (b"\x89PNG\r\n\x1a", "image/png")),
        ("data:image/png;base64,iVBORw0KGg%3D%3D", (b"\x89PNG\r\n\x1a", "image/png")),
    ],
)
def test_a_data_url_holds_its_bytes(url: str, expected: tuple[bytes, str]) -> None:
    assert data_of(url) == expected


@pytest.mark.parametrize("url", ["data:image/png", "data:;base64,A", "data:;base64,!!!!", "https://x/"])
def test_a_broken_data_url_is_a_bad_url(url: str) -> None:
    with pytest.raises(BadUrl):
        data_of(url)


@pytest.mark.parametrize(
    "url", ["data:,", "data:;base64,", "data:;base64,=", "data:;base64,iVBORw0KGgo=", "data:image/x-icon,"]
)
def test_an_empty_data_url_says_that_there_is_no_icon(url: str) -> None:
    assert says_no_icon(url)


def test_a_data_url_with_a_picture_does_not_say_so() -> None:
    assert not says_no_icon("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert not says_no_icon("https://example.org/,")


@given(
    host=st.text("abxn-019.", min_size=1, max_size=16),
    rest=st.text("ab/.?=&~_%2eA#\\:@", max_size=14),
)
@settings(max_examples=2000)
def test_what_is_taken_as_canonical_is_what_the_parser_gives_back(host: str, rest: str) -> None:
    """The short cut around the parser never decides otherwise than the parser."""
    url = f"https://{host}/{rest}"
    if urls._CANONICAL.match(url):
        assert ada_url.URL(url).href == url
    for url in (f"https://{host}{rest}", f"http://{host}.ab/{rest}"):
        if urls._CANONICAL.match(url):
            assert ada_url.URL(url).href == url
