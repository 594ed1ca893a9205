"""Regular expressions on text that others wrote: the cost is that of the text's length, not of its square."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from samelook.crawler.discovery.markup import passive
from samelook.crawler.discovery.page import parse_page, refresh_target
from samelook.hashing.svg.boxes import matrix_of
from samelook.hashing.svg.costs import _REFERENCE as REFERENCE_IN_COSTS
from samelook.hashing.svg.effects import present_filters
from samelook.hashing.svg.size import _pixels
from samelook.hashing.svg.whole import _REFERENCE as WHOLE_REFERENCE
from tests.fixtures.growth import grows_like_a_line

URL = "https://example.com/"


def _refreshes(size: int) -> bytes:
    return b"<html><head>" + (b'<meta http-equiv=refresh content="%s">' % (b"0" * 8_000)) * size


CASES: dict[str, tuple[Callable[..., object], Callable[[int], object], int]] = {
    "reference": (REFERENCE_IN_COSTS.findall, lambda size: "url(#" * size, 8_000),
    "clip": (WHOLE_REFERENCE.findall, lambda size: ";mask:url(#" * size, 4_000),
    "transform": (matrix_of, lambda size: "scale(" * size, 8_000),
    "filter": (lambda text: present_filters(text, ()), lambda size: "a" * size, 20_000),
    "digits": (_pixels, lambda size: "0" * size + "x", 15_000),
    "spaces": (_pixels, lambda size: "1" + " " * size + "x", 15_000),
}


@pytest.mark.parametrize("name", CASES)
def test_twice_the_text_costs_twice_the_time(name: str) -> None:
    work, made, size = CASES[name]
    assert grows_like_a_line(work, made, size)


def test_a_page_full_of_long_delays_is_read_at_once() -> None:
    # The length of what is read of a delay is bounded, so that one page holds many.
    page = _refreshes(8)
    assert grows_like_a_line(lambda count: parse_page(page * count, "text/html", URL), lambda size: size, 1)


@pytest.mark.parametrize(
    ("content", "target"),
    [
        ("0;url=/x", "/x"),
        ("0; URL = '/x'y", "/x"),
        ("000.5.1 , /x", "/x"),
        (".5;/x", "/x"),
        ("0 /x", "/x"),
        ("0\t\n; url=/x", "/x"),
        ("0 urls", "/urls"),
        ("00", None),
        ("0x", None),
        ("3;url=/x", None),
    ],
)
def test_ordinary_refreshes_lead_where_they_did(content: str, target: str | None) -> None:
    expected = URL.rstrip("/") + target if target else None
    assert refresh_target(content, URL, URL) == expected


def test_what_closes_is_found_as_before() -> None:
    assert matrix_of("scale(2) translate(1 1) rotate(") == (2.0, 0.0, 0.0, 2.0, 2.0, 2.0)
    assert present_filters("blur(2px) url(#a) url(#b)", ("b",)) == "blur(2px) url(#b)"
    assert REFERENCE_IN_COSTS.findall("fill:url(#a);mask:url(#b)") == ["a", "b"]
    assert _pixels(" 12.50px ") == 12.5
    assert _pixels("1.e1") == 10.0
    assert _pixels("1e") is None


def test_a_page_of_nothing_but_openings_is_one_run_of_them() -> None:
    page = b"<" * (1 << 20)
    began = time.process_time()
    assert passive(page) == page
    assert time.process_time() - began < 0.3
    assert passive(b"<<<a><<<link><<") == b"<<<!\x1fa><<<link><<"
