from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from samelook.crawler.discovery.browserconfig import parse_browserconfig
from samelook.crawler.discovery.markup import INERT, original, passive
from samelook.crawler.discovery.page import MAX_PARSED_BYTES, Page, is_html, parse_page

URL = "https://example.org/dir/page.html"


def page_of(markup: str | bytes, url: str = URL) -> Page:
    body = markup.encode() if isinstance(markup, str) else markup
    return parse_page(body, "text/html; charset=utf-8", url)


def listed(markup: str | bytes) -> list[tuple[str, str]]:
    return [(icon.source, icon.url) for icon in page_of(markup).icons]


HERE = "https://example.org/dir/"


@pytest.mark.parametrize(
    ("rel", "sources"),
    [
        ("icon", ["link-icon"]),
        ("SHORTCUT ICON", ["link-icon"]),
        ("icon shortcut", ["link-icon"]),
        ("  Icon\n\tnofollow ", ["link-icon"]),
        ("apple-touch-icon", ["apple-touch-icon"]),
        ("Apple-Touch-Icon-Precomposed", ["apple-touch-icon-precomposed"]),
        ("icon apple-touch-icon", ["link-icon", "apple-touch-icon"]),
        ("fluid-icon", ["fluid-icon"]),
        ("mask-icon", []),
        ("shortcut", []),
        ("icons", []),
        ("my-icon", []),
        # Only ASCII white space parts tokens.
        ("x\u00a0icon", []),
        ("x\u2003icon", []),
        ("x\x0bicon", []),
        ("image_src", []),
        ("preload", []),
        ("stylesheet", []),
        ("", []),
    ],
)
def test_rel_is_read_by_whole_tokens(rel: str, sources: list[str]) -> None:
    assert listed(f'<link rel="{rel}" href=a.png>') == [(source, HERE + "a.png") for source in sources]


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- {} -->",
        "<!-- <div> {} -->",
        "<script>document.write('{}')</script>",
        "<script type=text/template><div>{}</div></script>",
        "<style>{}</style>",
        "<title>{}</title>",
        "<textarea>{}</textarea>",
        "<noscript>{}</noscript>",
        "<body><noscript><p>{}</p></noscript>",
        "<template>{}</template>",
        "<template><div><p>{}</div></template>",
        "<iframe>{}</iframe>",
        "<div title='{}'>",
        "<div title='1 > 0 {} <b>'>",
        "<iframe srcdoc='<p>{}'></iframe>",
        "<xmp>{}</xmp>",
        "<plaintext>{}",
        "&lt;{}",
    ],
)
def test_only_markup_holds_links(hidden: str) -> None:
    link = "<link rel=icon href=no.png>"
    inside = hidden.format(link) if not hidden.startswith("&lt;") else link.replace("<", "&lt;")
    assert listed(f"<link rel=icon href=before.png>{inside}") == [("link-icon", HERE + "before.png")]


@pytest.mark.parametrize(
    "around", ["<body>{}", "<p><div><b>{}</p>", "<table><tr><td>{}</table>", "<ul><li>{}", "{}</html>"]
)
def test_links_in_the_body_count(around: str) -> None:
    assert listed(around.format("<link rel=icon href=a.png>")) == [("link-icon", HERE + "a.png")]


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("<base href=/x/>", "https://example.org/x/i.png"),
        ("<base target=_top><base href=/x/><base href=/y/>", "https://example.org/x/i.png"),
        ("<base href='//cdn.example/v/'>", "https://cdn.example/v/i.png"),
        ("<base href='ftp://cdn.example/v/'>", HERE + "i.png"),
        ("<base href='data:text/html,x'>", HERE + "i.png"),
        ("<base href='javascript:0'><base href=/y/>", HERE + "i.png"),
        ("<!-- <base href=/x/> -->", HERE + "i.png"),
    ],
)
def test_the_first_base_with_an_href_counts(base: str, expected: str) -> None:
    assert [icon.url for icon in page_of(f"<link rel=icon href=i.png>{base}").icons] == [expected]


def test_attributes_are_kept_as_declared() -> None:
    (dark,) = page_of(
        '<link href=" i.png " media="(prefers-color-scheme: dark)" '
        'SIZES="16x16 32x32" type=image/png rel=icon>'
    ).icons
    assert (dark.declared, dark.url) == (" i.png ", HERE + "i.png")
    assert (dark.sizes, dark.type, dark.media) == ("16x16 32x32", "image/png", "(prefers-color-scheme: dark)")


def test_an_svg_in_a_data_url_survives_whole() -> None:
    svg = "data:image/svg+xml,<svg xmlns='x'><!-- c --><g><path d='M0 0'/></g><text y='.9em'>A</text></svg>"
    assert listed(f'<link rel=icon href="{svg}">') == [("link-icon", svg)]


def test_empty_and_unusable_links_are_no_candidates() -> None:
    assert (
        listed(
            "<link rel=icon><link rel=icon href=''><link rel=icon href='#'><link rel=icon href='http://[/'>"
        )
        == []
    )
    assert listed("<link rel=icon href='javascript:x'><link rel=icon href=cut.png") == []


def test_an_empty_data_url_is_kept_as_the_page_saying_it_has_none() -> None:
    page = page_of("<link rel=icon href='data:,'>")
    assert page.icons == ()
    assert page.says_no_icon
    assert not page_of("<link rel=apple-touch-icon href='data:,'>").says_no_icon


def test_manifest_browserconfig_and_tiles() -> None:
    page = page_of(
        "<link rel=manifest href=app.json><link rel=manifest href=late.json>"
        "<meta name=MSApplication-TileImage content=t.png><meta name=msapplication-config content=b.xml>"
        "<meta property=og:image content=og.png><meta name=twitter:image content=tw.png>"
    )
    assert page.manifest == HERE + "app.json"
    assert page.browserconfig == HERE + "b.xml"
    assert [(icon.source, icon.url) for icon in page.icons] == [("tile-image", HERE + "t.png")]
    assert page_of("<meta name=msapplication-config content=none>").browserconfig is None


@pytest.mark.parametrize(
    ("content", "target"),
    [
        ("0;url=/x", "https://example.org/x"),
        ("0; URL='/x'", "https://example.org/x"),
        (' 0 , url = "/x" ', "https://example.org/x"),
        ("0;/x", "https://example.org/x"),
        ("0 /x", "https://example.org/x"),
        (".5;url=/x", "https://example.org/x"),
        ("0.9;url=/x", "https://example.org/x"),
        ("5;url=/x", None),
        ("0", None),
        ("0;", None),
        ("url=/x", None),
        ("0;url=page.html", None),
        ("0;url=page.html#top", None),
        ("0;url=javascript:x", None),
        ("0;url=", None),
        ("0;url=''", None),
        ('0;url=/x"', "https://example.org/x%22"),
        ("0;url=data:text/html,x", None),
        ("99999999999999999999999;url=/x", None),
    ],
)
def test_an_immediate_refresh_to_elsewhere_is_followed(content: str, target: str | None) -> None:
    quoted = content.replace('"', "&quot;")
    assert page_of(f'<meta http-equiv=Refresh content="{quoted}">').refresh == target
    assert page_of(f'<noscript><meta http-equiv=refresh content="{quoted}"></noscript>').refresh is None


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"x", "text/html", True),
        (b"x", "Application/XHTML+xml; charset=utf-8", True),
        (b"<html>", "text/plain", False),
        (b"<html>", "application/json", False),
        (b"\x89PNG", None, False),
        (b" \n<html>", None, True),
        (b"", None, False),
        (b"<html>", "html", True),
        (b"x", "text/html, text/html", True),
        (b"x", "text/plain, text/html; charset=utf-8", True),
        (b"<html>", "text/html, text/plain", False),
    ],
)
def test_what_a_browser_reads_as_html(body: bytes, content_type: str | None, *, expected: bool) -> None:
    assert is_html(body, content_type) is expected


@pytest.mark.parametrize(
    "drawing",
    [
        "<svg><title/><path d=''/></svg>",
        "<svg><style/></svg>",
        "<SVG viewBox='0 0 1 1'><script/></SVG>",
        "<svg><base href=/no/><link rel=icon href=no.png></svg>",
        "<svg><style><![CDATA[ a>b ]]></style></svg>",
        "<svg><svg><title/></svg></svg>",
        "<script>x = '<svg>'</script>",
        "<!-- <svg> -->",
        "<div title='<svg><title/></svg>'></div>",
        "<svg><path></div>",
        "<svg><foreignObject><p>x</p></foreignObject></svg>",
    ],
)
def test_a_drawing_on_the_page_swallows_nothing_and_holds_no_links(drawing: str) -> None:
    assert listed(f"{drawing}<link rel=icon href=a.png><svg></svg>") == [("link-icon", HERE + "a.png")]


def test_in_a_frameset_only_frames_count() -> None:
    head = "<head><link rel=icon href=a.png></head>"
    frames = "<frameset><link rel=icon href=no.png><frame src=x></frameset>"
    assert listed(head + frames) == [("link-icon", HERE + "a.png")]


@pytest.mark.parametrize("empty", ["<script src='a.js'/>", "<title/>", "<style type='a' />", "<noscript/>"])
def test_in_xhtml_every_element_may_close_itself(empty: str) -> None:
    body = (
        f"<html xmlns='http://www.w3.org/1999/xhtml'>{empty}<link rel='icon' href='a.png'/></html>".encode()
    )
    icons = parse_page(body, "application/xhtml+xml", URL).icons
    assert [icon.url for icon in icons] == [HERE + "a.png"]
    assert [
        icon.url for icon in parse_page(b"<link rel=icon href=a.png>" + body, "text/html", URL).icons
    ] == [HERE + "a.png"]


def test_in_xhtml_cdata_holds_no_tags() -> None:
    body = (
        b"<html xmlns='http://www.w3.org/1999/xhtml'><script><![CDATA['</script>"
        b"<link rel=icon href=no.png>']]></script><link rel='icon' href='a.png'/></html>"
    )
    assert [icon.url for icon in parse_page(body, "text/xml", URL).icons] == [HERE + "a.png"]


def test_in_xml_names_have_a_namespace_and_a_case_and_nothing_is_behind_a_fault() -> None:
    def found(body: str) -> list[str]:
        return [icon.url for icon in parse_page(body.encode(), "application/xhtml+xml", URL).icons]

    page = "<html xmlns='http://www.w3.org/1999/xhtml'>%s</html>"
    assert found("<html><link rel='icon' href='a.png'/></html>") == []
    assert found(page % "<LINK rel='icon' href='a.png'/>") == []
    assert found(page % "<link rel='icon' href='a.png'/><br><link rel='icon' href='b.png'/>") == [
        HERE + "a.png",
        HERE + "b.png",
    ]
    assert found(page % "<link rel='icon' href='a.png'/></br><link rel='icon' href='b.png'/>") == [
        HERE + "a.png"
    ]
    prefixed = "<h:html xmlns:h='http://www.w3.org/1999/xhtml'><h:link rel='icon' href='a.png'/></h:html>"
    assert found(prefixed) == [HERE + "a.png"]
    entity = "<!DOCTYPE html [<!ENTITY i 'a.png'>]>" + page % "<link rel='icon' href='&i;'/>"
    assert found(entity) == [HERE + "a.png"]
    bomb = (
        "<!DOCTYPE html [<!ENTITY a 'x'><!ENTITY b '&a;&a;'>]>" + page % "<link rel='icon' href='&b;.png'/>"
    )
    assert found(bomb) == []


def test_a_picture_of_any_size_may_be_in_a_link() -> None:
    url = "data:image/png;base64," + "A" * 900_000
    assert listed(f'<link rel=icon href="{url}">') == [("link-icon", url)]


def test_a_query_is_sent_as_the_page_is_written() -> None:
    body = '<link rel=icon href="/ü.png?n=ü">'.encode("latin-1")
    icons = parse_page(body, "text/html; charset=iso-8859-1", URL).icons
    assert [icon.url for icon in icons] == ["https://example.org/%C3%BC.png?n=%FC"]


HOSTILE = {
    "links": b"<link rel=icon href=x>" * 100_000,
    "arrows": b"<i x='>'>" * 100_000,
    "names": b"".join(b"<i%d a%d='>'>" % (n, n) for n in range(60_000)),
    "nesting": b"<div>" * 200_000,
    "formatting": b"<p>" + b"".join(b"<b a=%d>" % n for n in range(10_000)) + b"</p>x<p>" * 10_000,
    "attributes": b"<div " + b" ".join(b"a%d" % n for n in range(150_000)) + b">",
    "attributes of a link": b"<link rel=icon href=x " + b" ".join(b"a%d" % n for n in range(150_000)) + b">",
    "attributes with >": b"<div " + b" ".join(b'a%d=">"' % n for n in range(90_000)) + b">",
    "attributes with tags": b"<div " + b" ".join(b'a%d="<a>"' % n for n in range(90_000)) + b">",
    "body attributes": b"".join(b"<body a%d=1>" % n for n in range(80_000)),
    "end tag attributes": b"</link " + b" ".join(b"a%d" % n for n in range(150_000)) + b">",
    "a tag like our own": b"<meta samelook " + b" ".join(b"a%d" % n for n in range(150_000)) + b">",
    "text between tags": b"text of some length<i>" * 45_000,
    "unclosed tags": b"<a\n" * 300_000,
    "unclosed values": b"<a a='<a a=\"" * 80_000,
    "long unquoted values": b"<link/a=" * 130_000,
    "regions": (b"<a b" * 500 + b'="' + b"<a b " * 400 + b'"') * 250,
    "spaces": b"<link " + b" " * 1_000_000,
    "templates": b"<template>" * 100_000,
    "comments": b"<!--" * 250_000,
    "brackets": b"<" * 1_000_000,
    "zeros": b"\x00" * 1_000_000,
    "long attribute": b"<link rel=icon href='" + b"a" * 50_000_000 + b"'>",
    "svg": b"<svg><g>" * 100_000 + b"</div>" * 40_000,
    "drawings": b"<svg></svg>" * 90_000,
    "drawings without end": b"<svg><title/>" * 80_000 + b"</svg",
    "scripts without end": b"<script>" * 120_000 + b"</svg",
    "many links": b"<link a='<link a=\"" * 60_000,
    "tables": b"<table><tr><td><a>" * 50_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_markup_costs_little(kind: str) -> None:
    body = b"<title>t</title><link rel=icon href=first.png>" + HOSTILE[kind]
    began = time.process_time()
    page = parse_page(body, "text/html", URL)
    assert time.process_time() - began < 2.0
    assert page.icons[0].url == HERE + "first.png"
    assert len(page.icons) <= 256 + 5


PIECES = [
    *("<div class=a>", "</div>", "<p title='a>b'>", "text", "<b>", "</b>", "<link rel=icon href=1>", "<br/>"),
    *("<LINK rel='icon' href=\"2\"/>", "<link rel = icon href=x <meta>", "</link>", "<link a=\"<p x='>'>\">"),
    *(
        "<base href=/x>",
        "<script>",
        "</script>",
        "<!--",
        "-->",
        "<style>",
        "</style>",
        "<title>",
        "</title >",
    ),
    *("<textarea>", "</textarea>", "<noscript>", "</noscript>", "<iframe>", "</iframe>", "<xmp>", "</xmp/>"),
    *(
        "<meta name=a\n>",
        "<img src='<link>'>",
        "<i x='<b>'y=\"<link rel=icon>\">",
        "&",
        "&lt;",
        "<",
        "</",
        "<!",
    ),
    *("<!--svg", "a < b", "<1>", "<li>", "<linkx>", "<me>"),
    *("<h1>", "</h1 a=b>", "<a b=c d>", "<?x>", "<a =b>", "<link =b>"),
]
MARKUP = st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join)


@settings(deadline=None)
@given(MARKUP)
def test_inert_tags_change_nothing_that_matters(markup: str) -> None:
    """The same links as without the preparation, as long as markup is not monstrous."""
    plain = LexborHTMLParser(markup.encode(), scripting=True)
    inert = LexborHTMLParser(passive(markup.encode()), scripting=True)
    for name in ("link", "base", "meta"):
        expected = [tuple(node.attributes.items()) for node in plain.tags(name)]
        got = [
            tuple(
                (key, value if value is None else original(value)) for key, value in node.attributes.items()
            )
            for node in inert.tags(name)
            if INERT not in node.attributes
        ]
        assert got == expected


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_page(body: bytes) -> None:
    for icon in parse_page(body, "text/html", URL).icons:
        assert icon.url.startswith(("http", "data:"))


def test_a_browserconfig_declares_tiles_relative_to_itself() -> None:
    body = b"""\xef\xbb\xbf<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e "ee"><!ENTITY f SYSTEM "file:///etc/passwd">]>
    <browserconfig><msapplication><tile><square70x70logo src="s.png"/><TileImage src="&e;&f;.png"/>
    <wide310x150logo src="http://[/"/><TileColor>#fff</TileColor></tile></msapplication></browserconfig>"""
    found = parse_browserconfig(body, "application/xml", "https://cdn.example/conf/b.xml")
    assert [(icon.url, icon.sizes) for icon in found.icons] == [
        ("https://cdn.example/conf/s.png", "70x70"),
        # An entity stays the text it is.
        ("https://cdn.example/conf/&e;&f;.png", ""),
    ]
    assert found.note == ""


def test_an_error_page_is_no_browserconfig() -> None:
    found = parse_browserconfig(b"<html><img src=x>", "text/html", URL)
    assert found.icons == ()
    assert found.note


@pytest.mark.parametrize(
    ("markup", "asks"),
    [
        (b"<title>x</title><body><input type=PassWord>", True),
        (b"<form><div><INPUT name=a class='b c'\n type = 'password' />", True),
        (b"<script>form.innerHTML = \"<input type='password'>\"</script>", True),
        (b"<input type=text value=password>", False),
        (b"<input type=passwords><p>type=password", False),
        (b"<textarea type=password>", False),
        (b"", False),
    ],
)
def test_whether_a_page_asks_for_a_password(markup: bytes, *, asks: bool) -> None:
    assert parse_page(markup, "text/html", "https://a.example/").asks_password == asks


def test_a_page_of_nothing_but_beginnings_of_fields_takes_no_time() -> None:
    for part in (b"<input ", b"<a type=password ", b"type=password ", b"<input type=  ", b"type= \n"):
        page = part * (MAX_PARSED_BYTES // len(part))
        started = time.thread_time()
        assert not parse_page(page, "text/html", "https://a.example/").asks_password
        assert time.thread_time() - started < 3
