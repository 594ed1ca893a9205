"""The icons of a web application manifest (https://www.w3.org/TR/appmanifest/)."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass

from samelook.crawler.discovery.candidates import MAX_DECLARED_CHARS, IconCandidate
from samelook.crawler.discovery.data_urls import says_no_icon
from samelook.crawler.fetching.errors import BadUrl
from samelook.crawler.fetching.urls import resolve, well_formed

MAX_ICONS = 64


@dataclass(frozen=True, slots=True)
class DeclaredIcons:
    """What a manifest or browserconfig declares, with a note when it could not be read."""

    icons: tuple[IconCandidate, ...] = ()
    note: str = ""


def parse_manifest(body: bytes, url: str) -> DeclaredIcons:
    """The icons that the manifest at `url` declares. A broken manifest is a note, not an error.

    Its media type does not matter; a byte order mark is tolerated.
    """
    try:
        manifest = json.loads(_text_of(body), parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        return DeclaredIcons(note=f"The manifest is not JSON: {str(error)[:120]}")
    if not isinstance(manifest, dict):
        return DeclaredIcons(note="The manifest is not a JSON object")
    declared = manifest.get("icons")
    if declared is None:
        return DeclaredIcons()
    if not isinstance(declared, list):
        return DeclaredIcons(note="The manifest's icons are not a list")
    found = (_icon_of(entry, url, order) for order, entry in enumerate(declared[:MAX_ICONS]))
    return DeclaredIcons(tuple(icon for icon in found if icon is not None))


def _text_of(body: bytes) -> str:
    """The standard asks for UTF-8, whatever the headers say; UTF-16 marks itself."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", "replace")
    return body.decode("utf-8-sig", "replace")


def _icon_of(entry: object, url: str, order: int) -> IconCandidate | None:
    if not isinstance(entry, dict):
        return None
    declared = entry.get("src")
    if not isinstance(declared, str) or not declared.strip():
        return None
    try:
        resolved = resolve(declared, url)
    except BadUrl:
        return None
    if says_no_icon(resolved):
        return None
    return IconCandidate(
        url=resolved,
        declared=well_formed(declared[:MAX_DECLARED_CHARS]),
        source="manifest",
        sizes=_text(entry, "sizes"),
        type=_text(entry, "type"),
        media=_text(entry, "media"),
        purpose=_text(entry, "purpose"),
        order=order,
    )


def _text(entry: dict[object, object], name: str) -> str:
    value = entry.get(name)
    return well_formed(value.strip()[:MAX_DECLARED_CHARS]) if isinstance(value, str) else ""
