"""An SVG document as a tree, read by expat within bounds and written anew.

Nothing but elements, their attributes and text survive: no document type, no processing instructions, no
foreign namespaces besides XHTML, which `foreign` turns into shapes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NoReturn
from xml.parsers import expat

from samelook.hashing.errors import DecodeFailed, HashingError, SvgRefused
from samelook.hashing.picture import DecodeLimits

SVG = "http://www.w3.org/2000/svg"
XHTML = "http://www.w3.org/1999/xhtml"
_XLINK = "http://www.w3.org/1999/xlink"
_XML = "http://www.w3.org/XML/1998/namespace"
_PREFIXES = {_XLINK: "xlink:", _XML: "xml:"}
_SHEET = re.compile(r"""href=["'](data:text/css[^"']*)["']""")
_MAX_GROWTH = 1024 * 1024
_MOST_ATTRIBUTES = 500
# The standard library has the same in xml.sax.saxutils, which imports an HTTP client: 8 MB in every decoder.
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)


class Element:
    """One element: `name` without prefix, in the SVG namespace unless `html`."""

    __slots__ = ("attributes", "children", "html", "name", "parent")

    def __init__(
        self, name: str, attributes: dict[str, str] | None = None, parent: Element | None = None
    ) -> None:
        self.name = name
        self.attributes = {} if attributes is None else attributes
        self.children: list[Element | str] = []
        self.parent = parent
        self.html = False

    def elements(self) -> list[Element]:
        """The child elements."""
        return [child for child in self.children if isinstance(child, Element)]

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in document order."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed(element.elements()))

    def text(self) -> str:
        """Its own text, without that of elements in it."""
        return "".join(child for child in self.children if isinstance(child, str))

    def add(self, name: str, attributes: dict[str, str] | None = None) -> Element:
        """A new last child."""
        child = Element(name, attributes, self)
        self.children.append(child)
        return child

    def replace(self, child: Element, by: Element) -> None:
        """Puts another element in a child's place."""
        self.children[self.children.index(child)] = by
        by.parent = self

    def href(self) -> str:
        """Where it refers to; `href` goes before `xlink:href`."""
        return self.attributes.get("href", self.attributes.get("xlink:href", "")).strip()


def parsed(data: bytes, limits: DecodeLimits) -> Element:
    """The root element. Raises DecodeFailed for what browsers refuse too, SvgRefused over a limit."""
    return _Reader(limits).read(data)


def written(root: Element) -> str:
    """The document as XML."""
    out: list[str] = []
    _write(root, {"xmlns": SVG, "xmlns:xlink": _XLINK, **root.attributes}, out)
    return "".join(out)


def _write(element: Element, attributes: dict[str, str], out: list[str]) -> None:
    # Recursion is bounded by the document's depth, which the reader limits.
    kept = "".join(f' {key}="{value.translate(_ESCAPES)}"' for key, value in attributes.items())
    if not element.children:
        out.append(f"<{element.name}{kept}/>")
        return
    out.append(f"<{element.name}{kept}>")
    for child in element.children:
        if isinstance(child, str):
            out.append(child.translate(_ESCAPES))
        else:
            _write(child, child.attributes, out)
    out.append(f"</{element.name}>")


class _Reader:
    def __init__(self, limits: DecodeLimits) -> None:
        self._limits = limits
        self._root: Element | None = None
        self._open: list[Element | None] = []
        self._elements = 0
        self._characters_left = 0
        self._sheets: list[str] = []

    def read(self, data: bytes) -> Element:
        self._characters_left = 2 * len(data) + _MAX_GROWTH
        # Browsers read an image of SVG as UTF-8 whatever it declares, unless it starts with UTF-16's mark.
        encoding = None if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
        parser = expat.ParserCreate(encoding, " ")
        parser.buffer_text = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = self._entity
        parser.ProcessingInstructionHandler = self._instruction
        try:
            parser.Parse(data, True)  # noqa: FBT003
        except HashingError:
            raise
        except expat.ExpatError as error:
            raise DecodeFailed(f"The SVG is not well-formed XML: {error}.") from error
        except (LookupError, UnicodeError, ValueError) as error:
            raise DecodeFailed(f"The SVG's text cannot be read: {error}.") from error
        if self._root is None:
            raise DecodeFailed("The SVG has no root element.")
        for address in reversed(self._sheets):
            self._root.children.insert(0, Element("style", {"href": address}, self._root))
        return self._root

    def _count(self, text: str) -> None:
        self._characters_left -= len(text)
        if self._characters_left < 0:
            raise SvgRefused("The SVG grows too much when its entities are put in.")

    def _entity(
        self,
        name: str,
        is_parameter: bool,
        value: str | None,
        _base: str | None,
        _system_id: str | None,
        _public_id: str | None,
        _notation: str | None,
    ) -> None:
        # Entities within entities multiply: expat refuses hundredfold growth, and what is put in is counted.
        if is_parameter or value is None:
            raise SvgRefused(f"The SVG declares the entity {name!r}, which is external or of parameters.")
        self._count(value)

    def _instruction(self, target: str, data: str) -> None:
        # <?xml-stylesheet href="data:…"?>; of the root's children the sheet is the first.
        found = _SHEET.search(data) if target == "xml-stylesheet" and not self._open else None
        if found is not None:
            self._sheets.append(found[1])

    def _start(self, full_name: str, own_attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > self._limits.max_svg_elements:
            self._refuse("elements", self._limits.max_svg_elements)
        if len(self._open) >= self._limits.max_svg_depth:
            self._refuse("levels", self._limits.max_svg_depth)
        if len(own_attributes) > _MOST_ATTRIBUTES:
            self._refuse("attributes of one element", _MOST_ATTRIBUTES)
        space, _, name = full_name.rpartition(" ")
        parent = self._open[-1] if self._open else None
        if not self._open:
            if (space, name) != (SVG, "svg"):
                raise DecodeFailed(f"The root element is {name!r} of namespace {space!r}, not SVG's 'svg'.")
        elif parent is None or space not in {SVG, XHTML}:
            self._open.append(None)
            return
        attributes: dict[str, str] = {}
        for full_key, value in own_attributes.items():
            self._count(value)
            key_space, _, key = full_key.rpartition(" ")
            prefix = _PREFIXES.get(key_space) if key_space else ""
            if prefix is not None:
                attributes[prefix + key] = value
        element = Element(name, attributes, parent)
        element.html = space == XHTML
        if parent is None:
            self._root = element
        else:
            parent.children.append(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._count(text)
        element = self._open[-1]
        if element is not None:
            element.children.append(text)

    def _refuse(self, what: str, limit: int) -> NoReturn:
        raise SvgRefused(f"The SVG has more than {limit} {what}.", limit=limit)
