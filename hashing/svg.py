"""SVG, drawn by resvg from a cleaned copy of the document.

The renderer gets neither files nor network nor system fonts: it would open any path that an `href` names, and
fonts would make the same bytes look different on two machines. So the document is read by expat first, which
is bounded in elements and depth and refuses entities that are external or built from others, and is
written anew without the document type, scripts, and references to anything outside the document.
"""

from __future__ import annotations

import re
from typing import NoReturn
from xml.parsers import expat

import numpy as np

from samelook.hashing.errors import DecodeFailed, DecoderMemory, HashingError, SvgRefused, SvgUnsupported
from samelook.hashing.picture import DecodeLimits, Picture
from samelook.hashing.raster import decode_raster

_LENGTH = re.compile(
    r"\s*\+?(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)\s*(px|pt|pc|in|cm|mm|q|em|rem|ex)?\s*", re.ASCII
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
# CSS Values 4, 6.2: an inch is 96 pixels. Font-relative units at the initial font size of 16.
_PIXELS = {
    "px": 1.0,
    "pt": 4 / 3,
    "pc": 16.0,
    "in": 96.0,
    "cm": 96 / 2.54,
    "mm": 96 / 25.4,
    "q": 96 / 101.6,
    "em": 16.0,
    "rem": 16.0,
    "ex": 8.0,
}
# The standard library has the same in xml.sax.saxutils, which imports an HTTP client: 8 MB in every decoder.
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_NOT_DRAWN = frozenset(("script", "foreignObject"))
_TEXT = frozenset(("text", "tspan", "textPath"))
_MAX_GROWTH = 1024 * 1024


def draw(data: bytes, limits: DecodeLimits) -> Picture:
    """The picture of an SVG, its longer side `limits.svg_side` pixels, on a transparent ground.

    The shape is that of `width` and `height`, else of `viewBox`, else a square in which one unit
    is one pixel. Text is not drawn; if nothing else is visible that is `SvgUnsupported`.
    """
    document = _Cleaner(limits).clean(data)
    png = _render(document.text)
    picture = decode_raster(png, "png", limits)
    if document.has_text and not picture.rgba[..., 3].any():
        raise SvgUnsupported(
            "The SVG shows nothing but text, and text is not drawn: fonts differ by machine."
        )
    return Picture.of(np.array(picture.rgba), "svg")


def _render(text: str) -> bytes:
    import resvg_py

    try:
        return bytes(resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True))
    except MemoryError as error:
        raise DecoderMemory("Not enough memory to draw this SVG.") from error
    except ValueError as error:
        raise DecodeFailed(f"This SVG cannot be drawn: {error}.") from error
    except BaseException as error:
        # A panic of the renderer arrives as pyo3's PanicException, which is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise DecodeFailed("This SVG breaks the renderer.") from error


class _Document:
    """A cleaned SVG document."""

    __slots__ = ("has_text", "text")

    def __init__(self, text: str, *, has_text: bool) -> None:
        self.text = text
        self.has_text = has_text


class _Cleaner:
    """Copies a document event by event, leaving out what must not reach the renderer."""

    def __init__(self, limits: DecodeLimits) -> None:
        self._limits = limits
        self._out: list[str] = []
        self._written = 0
        self._max_written = 0
        self._elements = 0
        self._depth = 0
        self._skipped_from: int | None = None
        self._has_text = False

    def clean(self, data: bytes) -> _Document:
        self._max_written = 2 * len(data) + _MAX_GROWTH
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.EntityDeclHandler = self._entity
        try:
            parser.Parse(data.lstrip() if data[:1].isspace() else data, True)  # noqa: FBT003
        except HashingError:
            raise
        except expat.ExpatError as error:
            raise DecodeFailed(f"The SVG is not well-formed XML: {error}.") from error
        except (LookupError, UnicodeError, ValueError) as error:
            raise DecodeFailed(f"The SVG's text cannot be read: {error}.") from error
        return _Document("".join(self._out), has_text=self._has_text)

    def _write(self, piece: str) -> None:
        self._written += len(piece)
        if self._written > self._max_written:
            raise SvgRefused("The SVG grows too much when its entities are put in.")
        self._out.append(piece)

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
        # Drawing programs declare their namespaces as entities; those are plain text and harmless.
        if is_parameter or value is None or "&" in value or "<" in value:
            raise SvgRefused(f"The SVG declares the entity {name!r}, which is external or refers to others.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        self._depth += 1
        if self._elements > self._limits.max_svg_elements:
            self._refuse("elements", self._limits.max_svg_elements)
        if self._depth > self._limits.max_svg_depth:
            self._refuse("levels", self._limits.max_svg_depth)
        if self._skipped_from is not None:
            return
        local = name.rpartition(":")[2]
        if self._depth == 1:
            if local != "svg":
                raise DecodeFailed(f"The root element is {local!r}, not 'svg'.")
            attributes = self._sized(attributes)
            prefix = name.rpartition(":")[0]
            # Browsers refuse a document without the namespace; icons made by hand forget it.
            attributes.setdefault(f"xmlns:{prefix}" if prefix else "xmlns", "http://www.w3.org/2000/svg")
            attributes.setdefault("xmlns:xlink", "http://www.w3.org/1999/xlink")
        elif local in _NOT_DRAWN:
            self._skipped_from = self._depth
            return
        elif local in _TEXT:
            self._has_text = True
        kept = "".join(
            f' {key}="{value.translate(_ESCAPES)}"'
            for key, value in attributes.items()
            if key.rpartition(":")[2] != "href" or value.strip().startswith(("#", "data:"))
        )
        self._write(f"<{name}{kept}>")

    def _end(self, name: str) -> None:
        if self._skipped_from is None:
            self._write(f"</{name}>")
        elif self._depth == self._skipped_from:
            self._skipped_from = None
        self._depth -= 1

    def _characters(self, text: str) -> None:
        if self._skipped_from is None:
            self._write(text.translate(_ESCAPES))

    def _refuse(self, what: str, limit: int) -> NoReturn:
        raise SvgRefused(f"The SVG has more than {limit} {what}.", limit=limit)

    def _sized(self, attributes: dict[str, str]) -> dict[str, str]:
        """The root's attributes with the size to draw at, so that no claim reaches the renderer."""
        side = self._limits.svg_side
        view = [float(number) for number in _NUMBER.findall(attributes.get("viewBox", ""))]
        has_view = len(view) == 4 and view[2] > 0 and view[3] > 0  # noqa: PLR2004
        width, height = _pixels(attributes.get("width")), _pixels(attributes.get("height"))
        if has_view:
            # One missing length follows from the other and the shape of the viewBox (SVG 2, 8.12).
            width = width or (height * view[2] / view[3] if height else view[2])
            height = height or width * view[3] / view[2]
        width, height = width or height or float(side), height or width or float(side)
        if not (0 < width < float("inf") and 0 < height < float("inf")):
            raise DecodeFailed("The SVG's size is not a finite number.")
        scale = side / max(width, height)
        sized = dict(attributes)
        if not has_view:
            sized["viewBox"] = f"0 0 {width:.9g} {height:.9g}"
        sized["width"] = str(max(1, round(width * scale)))
        sized["height"] = str(max(1, round(height * scale)))
        return sized


def _pixels(length: str | None) -> float | None:
    """A CSS length in pixels; None for percentages, zero, and what is no length."""
    found = _LENGTH.fullmatch(length.lower()) if length else None
    return float(found[1]) * _PIXELS[found[2] or "px"] or None if found else None
