from __future__ import annotations

import json

import pytest

from samelook.crawler.discovery.manifest import parse_manifest

URL = "https://example.org/static/app.webmanifest"


def test_icons_are_relative_to_the_manifest() -> None:
    body = json.dumps(
        {
            "icons": [
                {"src": "i.png", "sizes": "192x192", "type": "image/png"},
                {"src": "/m.svg", "sizes": "any", "purpose": "monochrome"},
                {"src": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg", "purpose": "any maskable"},
            ]
        }
    ).encode()
    icons = parse_manifest(body, URL).icons
    assert [icon.url for icon in icons] == [
        "https://example.org/static/i.png",
        "https://example.org/m.svg",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg",
    ]
    assert (icons[0].sizes, icons[0].type, icons[0].source, icons[0].declared) == (
        "192x192",
        "image/png",
        "manifest",
        "i.png",
    )
    assert [icon.purpose for icon in icons] == ["", "monochrome", "any maskable"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_tolerated(encoding: str) -> None:
    found = parse_manifest('{"icons": [{"src": "ä.png"}]}'.encode(encoding), URL)
    assert [icon.declared for icon in found.icons] == ["ä.png"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!DOCTYPE html>",
        b'{"icons": [',
        b"[]",
        b'"x"',
        b'{"icons": {"src": "x"}}',
        b"[" * 100_000,
        b"1" * 10_000,
    ],
)
def test_what_is_no_manifest_is_a_note(body: bytes) -> None:
    found = parse_manifest(body, URL)
    assert found.icons == ()
    assert found.note


def test_entries_that_name_no_icon_are_left_out() -> None:
    entries = [
        None,
        1,
        "x",
        {},
        {"src": 1},
        {"src": " "},
        {"src": "http://["},
        {"src": "data:,"},
        {"src": "ok.png"},
    ]
    found = parse_manifest(json.dumps({"icons": entries}).encode(), URL)
    assert [icon.declared for icon in found.icons] == ["ok.png"]


def test_a_lone_surrogate_and_odd_types_do_not_break_it() -> None:
    found = parse_manifest(b'{"icons": [{"src": "\\ud800.png", "sizes": 5, "type": null}]}', URL)
    assert found.icons[0].url == "https://example.org/static/%EF%BF%BD.png"
    assert found.icons[0].declared == "\ufffd.png"
    assert (found.icons[0].sizes, found.icons[0].type) == ("", "")


def test_icons_beyond_the_cap_are_not_looked_at() -> None:
    many = json.dumps({"icons": [{"src": f"{n}.png"} for n in range(10_000)]}).encode()
    assert len(parse_manifest(many, URL).icons) == 64


def test_a_manifest_without_icons_is_fine() -> None:
    assert parse_manifest(b'{"name": "x"}', URL).note == ""
