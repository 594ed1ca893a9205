"""The matching of sources in a Content Security Policy (CSP Level 3, 6.7.2)."""

from __future__ import annotations

import pytest

from samelook.crawler.discovery.policy import Policy

PAGE = "https://shop.example/page"


@pytest.mark.parametrize(
    ("policy", "url", "shown"),
    [
        ("", "https://a.example/i.png", True),
        ("script-src 'none'", "https://a.example/i.png", True),
        ("img-src 'none'", "https://shop.example/i.png", False),
        ("img-src", "https://shop.example/i.png", False),
        ("img-src 'self'", "https://shop.example/i.png", True),
        ("img-src 'self'", "http://shop.example/i.png", False),
        ("img-src 'self'", "https://www.shop.example/i.png", False),
        ("IMG-SRC *", "https://a.example/i.png", True),
        ("img-src https:", "http://a.example/i.png", False),
        ("img-src http:", "https://a.example/i.png", True),
        ("img-src a.example", "https://a.example/i.png", True),
        ("img-src a.example", "https://b.a.example/i.png", False),
        ("img-src *.a.example", "https://b.a.example/i.png", True),
        ("img-src *.a.example", "https://a.example/i.png", False),
        ("img-src a.example:8443", "https://a.example/i.png", False),
        ("img-src a.example:*", "https://a.example:8443/i.png", True),
        ("img-src a.example/icons/", "https://a.example/icons/i.png", True),
        ("img-src a.example/icons/", "https://a.example/i.png", False),
        ("img-src a.example/i.png", "https://a.example/i.png", True),
        ("default-src 'none'; img-src 'self'", "https://shop.example/i.png", True),
        ("default-src 'none'", "https://shop.example/i.png", False),
        ("img-src 'self'; img-src *", "https://a.example/i.png", False),
        ("img-src *, img-src 'self'", "https://a.example/i.png", False),
        ("img-src 'none'", "data:image/png;base64,AA", True),
    ],
)
def test_a_picture_is_shown_where_every_policy_allows_it(policy: str, url: str, shown: bool) -> None:
    assert Policy.of(PAGE, [policy]).shows(url) is shown


def test_a_base_is_asked_about_by_its_own_directive() -> None:
    assert not Policy.of(PAGE, ["base-uri 'none'"]).has_base("https://shop.example/")
    assert Policy.of(PAGE, ["base-uri 'self'; img-src 'none'"]).has_base("https://shop.example/x/")


def test_a_policy_of_megabytes_is_read_as_far_as_its_limit() -> None:
    long = "img-src " + "a.example " * 500_000 + "b.example"
    assert not Policy.of(PAGE, [long]).shows("https://b.example/i.png")
    assert Policy.of(PAGE, [long]).shows("https://a.example/i.png")
