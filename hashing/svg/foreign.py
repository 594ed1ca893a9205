"""XHTML in a `foreignObject` as shapes: boxes with a ground, pictures, one below the other.

That is what makers of icons put there (a picture, or a ground that SVG lacks). Whatever else a browser would
lay out is told to be missing.
"""

from __future__ import annotations

import re
from typing import Final

from samelook.hashing.svg.backgrounds import Grounds, Undrawn, layers_on
from samelook.hashing.svg.boxes import Box, number
from samelook.hashing.svg.cascade import Style
from samelook.hashing.svg.colours import as_text, colour_of
from samelook.hashing.svg.mathematics import Measure, NotANumber, evaluated, without_space
from samelook.hashing.svg.shapes import four_of, radii_of, rounded_path
from samelook.hashing.svg.size import view_box
from samelook.hashing.svg.tree import Element

_BLOCKS: Final = frozenset(
    ("div", "body", "section", "main", "article", "header", "footer", "figure", "html")
)
_INLINE: Final = frozenset(("img", "span", "a", "picture"))
_NOT_SHOWN: Final = frozenset(
    ("style", "script", "title", "head", "meta", "br", "source", "template", "link")
)
_FLOWING: Final = frozenset(("block", "inline", "inline-block", "flow-root", "contents", ""))
# Properties that move or frame a box, and are not laid out here.
_AROUND: Final = re.compile(
    r"(?:border(?!-radius\Z|-spacing|-collapse)|padding|outline|margin-).*|box-shadow|transform|translate|rotate|scale|filter"
    r"|clip-path|mask|(?:min|max)-(?:width|height)|aspect-ratio|float|flex|grid"
)
_NOTHING: Final = re.compile(r"(?:0(?:px)?[\s]*)+|none|initial|inherit|auto|unset")
_MOVED: Final = frozenset(("absolute", "fixed"))


def framed(element: Element, box: Box) -> tuple[Element, Element | None]:
    """What a `foreignObject` holds, and the frame to draw it in, which takes its place; None without area."""
    content = Element("foreignObject")
    content.children = element.children
    element.children = []
    element.name = "g"
    place = _place(box, box.width, box.height)
    for name in place:
        element.attributes.pop(name, None)
    return content, element.add("svg", place) if box.width > 0 and box.height > 0 else None


class Unlaid(Exception):
    """Content that is not laid out here."""


class ForeignObject:
    """Draws the content of one `foreignObject` into a group."""

    def __init__(
        self,
        styles: dict[int, Style],
        grounds: Grounds,
    ) -> None:
        self._styles = styles
        self._grounds = grounds
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
            if child.name == "svg" and not child.html:
                top += self._drawing(child, into, Box(box.left, top, box.width, box.height))
                continue
            if child.name not in _BLOCKS | _INLINE or not child.html:
                raise Unlaid
            display = style.values.get("display", "")
            if display not in _FLOWING and (child.elements() or child.text().strip()):
                raise Unlaid
            margin = self._margins(style, box)
            place = Box(box.left + margin[3], top + margin[0], box.width - margin[1] - margin[3], box.height)
            if style.values.get("position") in _MOVED:
                self._lay_out(child, style, into, self._moved(style, place))
            else:
                top += self._lay_out(child, style, into, place) + margin[0] + margin[2]
        return top - box.top

    def _drawing(self, child: Element, into: Element, box: Box) -> float:
        """An `svg` in the flow, whose parts were made ready like those of any other."""
        width = number(child, "width", box.width, box.width)
        view = view_box(child.attributes.get("viewBox", ""))
        height = number(child, "height", box.height, width * view[3] / view[2] if view else 150.0)
        child.attributes.update(_place(box, width, height))
        into.children.append(child)
        child.parent = into
        return height

    def _margins(self, style: Style, box: Box) -> tuple[float, float, float, float]:
        tokens = without_space(style.tokens.get("margin", ()))
        if not tokens or any(token.type == "ident" for token in tokens):
            # `auto` centres, which takes a width; nothing else here has one.
            if any(getattr(token, "lower_value", "") == "auto" for token in tokens):
                raise Unlaid
            return 0.0, 0.0, 0.0, 0.0
        return four_of([evaluated([token], box.width, style.measure, {}) for token in tokens[:4]])

    def _moved(self, style: Style, box: Box) -> Box:
        if {"right", "bottom", "inset"} & style.values.keys():
            raise Unlaid
        left, top = (
            evaluated(without_space(style.tokens[name]), whole, style.measure, {})
            if name in style.tokens
            else 0.0
            for name, whole in (("left", box.width), ("top", box.height))
        )
        return Box(box.left + left, box.top + top, box.width, box.height)

    def _lay_out(self, child: Element, style: Style, into: Element, box: Box) -> float:
        measure = style.measure
        self._unless_zero(style)
        width = self._side(child, style, "width", box.width, measure)
        height = self._side(child, style, "height", box.height, measure)
        if child.name == "img":
            if style.values.get("border-radius", "0").strip("0px% "):
                raise Unlaid
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
        for name, text in style.values.items():
            if _AROUND.fullmatch(name) and text and not _NOTHING.fullmatch(text):
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
        url = self._grounds.picture(source)
        if url is None:
            self.missing.add("image")
            return height or 0.0
        natural = self._grounds.natural_size(source)
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
        try:
            drawn = layers_on(box, style.tokens.get("background-image", ()), measure, self._grounds)
        except Undrawn as error:
            raise Unlaid from error
        if drawn:
            group = into.add("g", {"clip-path": f"url(#{self._grounds.made.clip(path)})"})
            group.children.extend(drawn)


def _place(box: Box, width: float, height: float) -> dict[str, str]:
    sides = {"x": box.left, "y": box.top, "width": width, "height": height}
    return {name: f"{value:.9g}" for name, value in sides.items()}


def _effects(style: Style) -> dict[str, str]:
    opacity = style.values.get("opacity")
    return {"style": f"opacity:{opacity}"} if opacity else {}
