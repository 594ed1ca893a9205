"""The root element as a CSS box: its ground, its round corners, its transform and its clip."""

from __future__ import annotations

import re
from collections.abc import Callable

import tinycss2

from samelook.hashing.svg import patterns
from samelook.hashing.svg.backgrounds import Grounds, Undrawn, layers_on
from samelook.hashing.svg.boxes import Box
from samelook.hashing.svg.cascade import Style
from samelook.hashing.svg.colours import as_text, colour_of
from samelook.hashing.svg.effects import clip_shape
from samelook.hashing.svg.mathematics import NotANumber
from samelook.hashing.svg.shapes import radii_of, rounded_path
from samelook.hashing.svg.size import Size
from samelook.hashing.svg.transforms import about, individual, position_of, transform_of
from samelook.hashing.svg.tree import Element
from samelook.hashing.svg.whole import drop_whole_clips

# What is drawn around or within the root's box, or moves it, and is not drawn here.
_AROUND = ("border", "padding", "outline", "box-shadow", "margin")
_NOTHING = re.compile(r"(?:0(?:px)?\s*)+|none|initial|inherit|unset|revert", re.IGNORECASE)
TRANSFORMS = ("translate", "rotate", "scale", "transform")


class Canvas:
    """Frames the root at the size to draw at."""

    def __init__(
        self,
        size: Size,
        style: Style,
        grounds: Grounds,
        made_clip: Callable[[dict[str, str]], str],
    ) -> None:
        self._size = size
        self._style = style
        self._grounds = grounds
        self._made_clip = made_clip
        self._page = Box(0, 0, size.page_width, size.page_height)
        self.is_missing = False
        """Whether a part of the ground cannot be drawn."""

    def framed(self, root: Element) -> Element:
        """The root, within a frame of CSS pixels if it has a ground, corners or a transform."""
        size, page, attributes = self._size, self._page, root.attributes
        if not size.has_view:
            attributes["preserveAspectRatio"] = "none"
        for name in ("x", "y"):
            attributes.pop(name, None)
        self._attribute = attributes.pop("transform", "")
        attributes["viewBox"] = " ".join(f"{value:.9g}" for value in size.view)
        drawn = {"width": str(size.width), "height": str(size.height)}
        if self._style.values.get("clip-path", "").startswith("url("):
            inner = Element("g", {"style": f"clip-path:{self._style.values['clip-path']}"}, root)
            inner.children, root.children = root.children, [inner]
        ground, transform, outline = self._ground(), self._transform(), self._outline()
        if not transform and self._shows_its_view_only(attributes.get("preserveAspectRatio", "")):
            drop_whole_clips(root, Box(*size.view))
            patterns.make_whole(root, size.width / size.view[2], self._grounds.made.taken)
        if not (ground or transform or outline):
            attributes.update(drawn)
            return root
        sides = {"width": f"{page.width:.9g}", "height": f"{page.height:.9g}"}
        attributes.update(sides)
        view = f"0 0 {page.width:.9g} {page.height:.9g}"
        outer = Element("svg", {**drawn, "viewBox": view, "preserveAspectRatio": "none"})
        # A root's ground is that of the whole canvas: corners and transforms do not reach it.
        outer.children.extend(ground)
        group = outer.add("g", {"transform": transform} if transform else {})
        if not transform:
            # The frame ends where the root does, and cutting off twice costs a layer.
            attributes["style"] = f"{attributes.get('style', '')};overflow:visible".lstrip(";")
        if outline:
            group.attributes["clip-path"] = f"url(#{self._made_clip({'d': outline})})"
        group.children.append(root)
        return outer

    def _shows_its_view_only(self, ratio: str) -> bool:
        size = self._size
        across, down = size.width / size.view[2], size.height / size.view[3]
        return ratio == "none" or abs(across - down) * max(size.view[2:]) < 1

    def _ground(self) -> list[Element]:
        style, page = self._style, self._page
        ground: list[Element] = []
        canvas = {"x": "0", "y": "0", "width": f"{page.width:.9g}", "height": f"{page.height:.9g}"}
        colour = colour_of(style.tokens.get("background-color", ()), style.colour)
        if colour is not None and colour[3]:
            ground.append(Element("rect", {**canvas, "style": f"fill:{as_text(colour)}"}))
        tokens = list(style.tokens.get("background-image", ()))
        for name, mark in (("background-position", ""), ("background-size", "/"), ("background-repeat", "")):
            if name in style.tokens and tokens:
                tokens += [*tinycss2.parse_component_value_list(mark), *style.tokens[name]]
        try:
            ground += layers_on(page, tokens, style.measure, self._grounds)
        except Undrawn:
            self.is_missing = True
        self.is_missing = self.is_missing or any(_is_something(style.values.get(name)) for name in _AROUND)
        return ground

    def _transform(self) -> str:
        style, page = self._style, self._page
        try:
            pieces = [
                transform_of(style.tokens[name], style.measure, page)
                if name == "transform"
                else individual(name, style.tokens[name], style.measure, page)
                for name in TRANSFORMS
                if name in style.tokens
            ]
            origin = (page.width / 2, page.height / 2)
            if "transform-origin" in style.values:
                tokens = tinycss2.parse_component_value_list(style.values["transform-origin"])
                origin = position_of(tokens, style.measure, page)
            if self._attribute and "transform" not in style.tokens:
                pieces.append(self._attribute)
            return about(origin, " ".join(piece for piece in pieces if piece))
        except (NotANumber, IndexError):
            return ""

    def _outline(self) -> str:
        style, page = self._style, self._page
        if "(" in style.values.get("clip-path", ""):
            shape = clip_shape(style.tokens.get("clip-path", ()), style.measure, lambda _kind: page)
            if shape is not None:
                return shape["d"]
        try:
            radii = radii_of(style.tokens.get("border-radius", ()), style.measure, page)
        except NotANumber:
            return ""
        return rounded_path(page, radii) if any(x and y for x, y in radii) else ""


def _is_something(value: str | None) -> bool:
    return bool(value) and _NOTHING.fullmatch((value or "").strip()) is None
