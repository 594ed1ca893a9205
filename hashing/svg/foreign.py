"""XHTML in a `foreignObject` as shapes: boxes with a ground, pictures, one below the other.

That is what makers of icons put there (a picture, or a ground that SVG lacks). Whatever else a browser would
lay out is told to be missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from samelook.hashing.svg.boxes import Box
from samelook.hashing.svg.cascade import Style
from samelook.hashing.svg.colours import as_text, colour_of
from samelook.hashing.svg.gradients import gradient_url
from samelook.hashing.svg.mathematics import Measure, NotANumber, evaluated, without_space
from samelook.hashing.svg.properties import address_of
from samelook.hashing.svg.shapes import radii_of, rounded_path
from samelook.hashing.svg.tree import Element

_BLOCKS: Final = frozenset(
    ("div", "body", "section", "main", "article", "header", "footer", "figure", "html")
)
_INLINE: Final = frozenset(("img", "span", "a", "picture"))
_NOT_SHOWN: Final = frozenset(
    ("style", "script", "title", "head", "meta", "br", "source", "template", "link")
)
_FLOWING: Final = frozenset(("block", "inline", "inline-block", "flow-root", "contents", ""))
_MOVED: Final = frozenset(("absolute", "fixed"))


class Unlaid(Exception):
    """Content that is not laid out here."""


class ForeignObject:
    """Draws the content of one `foreignObject` into a group."""

    def __init__(
        self,
        styles: dict[int, Style],
        picture: Callable[[str], str | None],
        size: Callable[[str], tuple[float, float]],
    ) -> None:
        self._styles = styles
        self._picture = picture
        self._size = size
        self.missing: set[str] = set()

    def draw(self, element: Element, into: Element, box: Box) -> None:
        """Adds the shapes of what is within `element`."""
        try:
            self._flow(element, into, box)
        except (Unlaid, NotANumber):
            self.missing.add("foreignObject")

    def _flow(self, parent: Element, into: Element, box: Box) -> float:
        """Lays the children below each other; how high they are together."""
        top = box.top
        if any(isinstance(child, str) and child.strip() for child in parent.children):
            raise Unlaid
        for child in parent.elements():
            style = self._styles.get(id(child), Style())
            if child.name in _NOT_SHOWN or style.values.get("display") == "none":
                continue
            if child.name not in _BLOCKS | _INLINE or not child.html:
                raise Unlaid
            display = style.values.get("display", "")
            if display not in _FLOWING and (child.elements() or child.text().strip()):
                raise Unlaid
            height = self._one(child, style, into, Box(box.left, top, box.width, box.height))
            if style.values.get("position") not in _MOVED:
                top += height
        return top - box.top

    def _one(self, child: Element, style: Style, into: Element, box: Box) -> float:
        measure = style.measure
        if any(
            name in style.values
            for name in ("border", "padding", "margin", "box-shadow", "transform", "filter")
        ):
            self._unless_zero(style)
        width = self._side(child, style, "width", box.width, measure)
        height = self._side(child, style, "height", box.height, measure)
        if child.name == "img":
            return self._image(child, into, box, width, height)
        if child.name in {"span", "a", "picture"}:
            width = height = None
        inner = Box(
            box.left, box.top, box.width if width is None else width, box.height if height is None else height
        )
        group = into.add("g", _effects(style))
        ground = group.add("g")
        used = self._flow(child, group, inner)
        shown = Box(inner.left, inner.top, inner.width, used if height is None else height)
        self._ground(style, ground, shown, measure)
        return shown.height

    def _unless_zero(self, style: Style) -> None:
        for name in ("border", "padding", "margin", "box-shadow", "transform", "filter"):
            text = style.values.get(name, "")
            if text and not re.fullmatch(r"(?:0(?:px)?[\s]*)+|none|initial|inherit", text):
                raise Unlaid

    def _side(self, child: Element, style: Style, name: str, whole: float, measure: Measure) -> float | None:
        tokens = style.tokens.get(name)
        if tokens is not None and style.values.get(name) not in {"auto", None}:
            return evaluated(without_space(tokens), whole, measure, {})
        text = child.attributes.get(name, "") if child.name == "img" else ""
        found = re.match(r"\s*(\d+\.?\d*)\s*(%?)", text)
        if not found:
            return None
        return float(found[1]) / 100 * whole if found[2] else float(found[1])

    def _image(
        self, child: Element, into: Element, box: Box, width: float | None, height: float | None
    ) -> float:
        source = child.attributes.get("src", "")
        url = self._picture(source)
        if url is None:
            self.missing.add("image")
            return height or 0.0
        natural = self._size(source)
        if width is None and height is None:
            width, height = natural
        elif width is None:
            width = (height or 0) * natural[0] / natural[1]
        elif height is None:
            height = width * natural[1] / natural[0]
        into.add("image", {**_place(box, width, height or 0.0), "href": url, "preserveAspectRatio": "none"})
        return height or 0.0

    def _ground(self, style: Style, into: Element, box: Box, measure: Measure) -> None:
        path = {"d": rounded_path(box, radii_of(style.tokens.get("border-radius", ()), measure, box))}
        colour = colour_of(style.tokens.get("background-color", ()), style.colour)
        if colour is not None and colour[3]:
            into.add("path", {**path, "style": f"fill:{as_text(colour)};stroke:none"})
        tokens = without_space(style.tokens.get("background-image", ()))
        for token in tokens:
            address = address_of(token)
            if address is not None:
                url = self._picture(address)
                if url is None or len(tokens) > 1:
                    raise Unlaid
                into.add(
                    "image",
                    {**_place(box, box.width, box.height), "href": url, "preserveAspectRatio": "none"},
                )
            elif token.type == "function" and token.lower_name.endswith("gradient"):
                drawn = gradient_url(token, box.width, box.height, measure)
                if drawn is None:
                    raise Unlaid
                into.add(
                    "image",
                    {**_place(box, box.width, box.height), "href": drawn, "preserveAspectRatio": "none"},
                )


def _place(box: Box, width: float, height: float) -> dict[str, str]:
    sides = {"x": box.left, "y": box.top, "width": width, "height": height}
    return {name: f"{value:.9g}" for name, value in sides.items()}


def _effects(style: Style) -> dict[str, str]:
    opacity = style.values.get("opacity")
    return {"style": f"opacity:{opacity}"} if opacity else {}
