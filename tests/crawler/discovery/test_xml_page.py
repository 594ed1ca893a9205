"""Pages that are sent as XML and made to cost more than they are long."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from samelook.crawler.discovery.page import parse_page
from samelook.crawler.discovery.xml_page import html_of_xml
from tests.fixtures.growth import grows_like_a_line

XHTML = "application/xhtml+xml"
HEAD = (
    '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>t</title>'
    '<link rel="icon" href="/i.png"/></head><body>'
)


def _default(number: int) -> str:
    return f'b{number} CDATA ""'


COSTLY: dict[str, tuple[Callable[[int], str], int]] = {
    "nested": (lambda size: HEAD + "<a>" * size, 20_000),
    "text in nested": (lambda size: HEAD + "<title>" * size + "&#97;" * size, 10_000),
    "a long default": (
        lambda size: f'<!DOCTYPE html [<!ATTLIST a b CDATA "{"x" * size}">]>{HEAD}' + "<a/>" * size,
        40_000,
    ),
    "many defaults": (
        lambda size: (
            f"<!DOCTYPE html [<!ATTLIST a {' '.join(map(_default, range(size)))}>]>{HEAD}" + "<a/>" * size
        ),
        4_000,
    ),
    "a title of characters": (lambda size: HEAD[:45] + "<title>" + "&#97;" * size, 100_000),
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_page_costs_as_much_as_it_is_long(name: str) -> None:
    made, size = COSTLY[name]
    assert grows_like_a_line(html_of_xml, made, size)


def test_what_stands_before_too_deep_a_tag_is_kept() -> None:
    deep = HEAD + "<a>" * 6_000 + "</a>" * 6_000 + '<link rel="icon" href="/late.png"/></body></html>'
    page = parse_page(deep.encode(), XHTML, "https://example.com/")
    assert [icon.url for icon in page.icons] == ["https://example.com/i.png"]
    assert page.title == "t"
    shallower = HEAD + "<a>" * 4_000 + "</a>" * 4_000 + '<link rel="icon" href="/late.png"/></body></html>'
    page = parse_page(shallower.encode(), XHTML, "https://example.com/")
    assert [icon.url for icon in page.icons] == ["https://example.com/i.png", "https://example.com/late.png"]


def test_links_are_hidden_until_the_last_template_around_them_is_closed() -> None:
    markup = (
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><template><noscript><template/></noscript>'
        '<link rel="icon" href="/hidden.png"/></template><link rel="icon" href="/seen.png"/></head></html>'
    )
    page = parse_page(markup.encode(), XHTML, "https://example.com/")
    assert [icon.url for icon in page.icons] == ["https://example.com/seen.png"]
