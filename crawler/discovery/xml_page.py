"""A page that is sent as XML, as HTML of what matters for icons: its XHTML up to its first fault.

Browsers read such pages by the rules of XML: names have a case and a namespace, entities are what the page
declares them to be, and nothing is behind a fault.
"""

from __future__ import annotations

from contextlib import suppress
from html import escape
from typing import Final
from xml.parsers import expat

_XHTML: Final = "http://www.w3.org/1999/xhtml"
_KEPT: Final = frozenset(("link", "meta", "base"))
_MOST_TAGS: Final = 3_000
_MOST_ENTITIES_CHARS: Final = 65_536
_PIECE: Final = 65_536


class _Stop(Exception):
    """Enough was read, or what follows could cost too much."""


class _Reader:
    def __init__(self) -> None:
        self.tags: list[str] = []
        self.title = ""
        self._open: list[str] = []
        self._in_body = False
        self._declared = 0

    def start(self, full_name: str, attributes: dict[str, str]) -> None:
        space, _, name = full_name.rpartition(" ")
        name = name if space == _XHTML else ""
        hidden = "template" in self._open or "noscript" in self._open
        if name == "body" and not self._in_body:
            self._in_body = True
            self.tags.append("</head><body>")
        self._open.append(name)
        if name not in _KEPT or hidden:
            return
        if len(self.tags) >= _MOST_TAGS:
            raise _Stop
        written = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items() if " " not in key)
        self.tags.append(f"<{name}{written}>")

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        if self._open[-1] == "title" and "head" in self._open and len(self.title) < _PIECE:
            self.title += text

    def entity(self, _name: str, is_parameter: bool, value: str | None, *_: str | None) -> None:
        # Entities within entities multiply; those of a plain text grow the page by what they say each time.
        self._declared += len(value or "")
        if is_parameter or value is None or "&" in value or self._declared > _MOST_ENTITIES_CHARS:
            raise _Stop


def html_of_xml(text: str) -> str:
    """HTML with the page's title, and the links, metas and bases that browsers find in it."""
    reader = _Reader()
    parser = expat.ParserCreate("utf-8", " ")
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.EntityDeclHandler = reader.entity
    with suppress(expat.ExpatError, _Stop):
        parser.Parse(text.encode("utf-8", "replace"), True)  # noqa: FBT003 - expat takes it by place
    return f"<!doctype html><head><title>{escape(reader.title)}</title>{''.join(reader.tags)}"
