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
_HIDING: Final = frozenset(("template", "noscript"))
_KEPT: Final = frozenset(("link", "meta", "base"))
_MOST_TAGS: Final = 3_000
_MOST_ENTITIES_CHARS: Final = 65_536
_MOST_ATTRIBUTES_CHARS: Final = 4 << 20
_MOST_DEFAULTS: Final = 256
_LONGEST_TITLE: Final = 65_536
_PIECE: Final = 16_384
# Chromium's kMaxXMLTreeDepth (blink/renderer/core/xml/parser/xml_document_parser.cc).
_DEEPEST: Final = 5_000


class _Stop(Exception):
    """Enough was read, or what follows could cost too much."""


class _TooDeep(_Stop):
    """Browsers end a page whose tags are nested so deep; what came before stays."""


class _Reader:
    def __init__(self) -> None:
        self.tags: list[str] = []
        self._title: list[str] = []
        self._title_chars = 0
        self._open: list[str] = []
        # Counted, because to look through all open tags at each tag costs the square of the depth.
        self._open_heads = self._open_hiding = 0
        self._in_body = False
        self._declared = self._attributed = self._defaults = 0

    @property
    def title(self) -> str:
        return "".join(self._title)

    def start(self, full_name: str, attributes: dict[str, str]) -> None:
        space, _, name = full_name.rpartition(" ")
        name = name if space == _XHTML else ""
        hidden = self._open_hiding > 0
        if name == "body" and not self._in_body:
            self._in_body = True
            self.tags.append("</head><body>")
        if len(self._open) >= _DEEPEST:
            raise _TooDeep
        self._open.append(name)
        self._open_heads += name == "head"
        self._open_hiding += name in _HIDING
        # A default of a DTD comes with every tag that it is declared for.
        self._attributed += sum(len(key) + len(value) for key, value in attributes.items())
        if self._attributed > _MOST_ATTRIBUTES_CHARS:
            raise _Stop
        if name not in _KEPT or hidden:
            return
        if len(self.tags) >= _MOST_TAGS:
            raise _Stop
        written = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items() if " " not in key)
        self.tags.append(f"<{name}{written}>")

    def end(self, _name: str) -> None:
        name = self._open.pop()
        self._open_heads -= name == "head"
        self._open_hiding -= name in _HIDING

    def text(self, text: str) -> None:
        if self._open[-1] == "title" and self._open_heads and self._title_chars < _LONGEST_TITLE:
            self._title.append(text)
            self._title_chars += len(text)

    def default(self, *_: object) -> None:
        self._defaults += 1
        if self._defaults > _MOST_DEFAULTS:
            raise _Stop

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
    parser.AttlistDeclHandler = reader.default
    markup = text.encode("utf-8", "replace")
    # In pieces, because what a handler raises ends the parser only behind the piece that it is in.
    with suppress(expat.ExpatError, _Stop):
        for at in range(0, len(markup), _PIECE):
            parser.Parse(markup[at : at + _PIECE])
        parser.Parse(b"", True)  # noqa: FBT003 - expat takes it by place
    return f"<!doctype html><head><title>{escape(reader.title)}</title>{''.join(reader.tags)}"
