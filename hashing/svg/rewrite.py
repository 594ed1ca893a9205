"""An SVG as the renderer needs it to draw what a browser shows.

resvg knows the SVG of attributes and of plain selectors. Browsers know CSS: so the styles are applied here,
by `cascade`, and written out as plain values, attributes and paths. Scripts, references to anything outside
the document, and whatever nobody sees are left out.
"""

from __future__ import annotations

from typing import Any

import tinycss2

from samelook.hashing.errors import SvgRefused
from samelook.hashing.picture import DecodeLimits
from samelook.hashing.svg import costs, images, stops, strokes
from samelook.hashing.svg.animation import first_values
from samelook.hashing.svg.backgrounds import Grounds
from samelook.hashing.svg.boxes import Box, box_of, number
from samelook.hashing.svg.canvas import TRANSFORMS, Canvas
from samelook.hashing.svg.cascade import Cascade, Style
from samelook.hashing.svg.conditions import Screen
from samelook.hashing.svg.effects import clip_shape, filter_text, mask_text, present_filters
from samelook.hashing.svg.foreign import ForeignObject, framed
from samelook.hashing.svg.gradients import gradient_url
from samelook.hashing.svg.lettering import Lettering
from samelook.hashing.svg.made import Made
from samelook.hashing.svg.mathematics import Measure, NotANumber, without_space
from samelook.hashing.svg.moving import moved_by
from samelook.hashing.svg.output import (
    ATTRIBUTES_OF,
    MARK,
    NOT_DRAWN,
    PRESENTATION,
    STYLED,
    TEXT,
    TRANSFORM_NAMES,
    Rewritten,
    sampling_of,
)
from samelook.hashing.svg.pictures import EmbeddedPictures
from samelook.hashing.svg.shapes import path_data
from samelook.hashing.svg.sheet import Sheet
from samelook.hashing.svg.size import size_of, view_box
from samelook.hashing.svg.switches import left_out
from samelook.hashing.svg.tree import Element, parsed, written
from samelook.hashing.svg.uses import Uses

_MOST_NESTED = 3
_WHOLE = {"width": "100%", "height": "100%"}
# The renderer reckons these in other units than browsers.
_DRAWN_OTHERWISE = frozenset(("feDiffuseLighting", "feSpecularLighting", "feDisplacementMap", "feTile"))


def rewritten(
    data: bytes, limits: DecodeLimits, *, side: int | None, nested: int = 0, marks: bool = False
) -> Rewritten:
    """The document to draw. Raises DecodeFailed or SvgRefused.

    With `marks` whatever cannot be drawn is marked: a loud block where something is missing, and nothing
    where something would be drawn otherwise. What both documents show alike is not touched by it.
    """
    return _Rewriter(data, limits, side, nested, marks=marks).run()


class _Rewriter:
    def __init__(
        self,
        data: bytes,
        limits: DecodeLimits,
        side: int | None,
        nested: int,
        *,
        marks: bool,
        room: tuple[float, float] | None = None,
    ) -> None:
        self._limits = limits
        self._marks = marks
        self._nested = nested
        self._root = parsed(data, limits)
        self._size = size_of(self._root.attributes, side, room)
        self._styles: dict[int, Style] = {}
        self._hidden: set[int] = set()
        self._unscaled: set[int] = set()
        self._missing: set[str] = set()
        self._made = Made(self._root)
        self._uses = Uses(self._root, limits.max_svg_elements)
        self._pictures = EmbeddedPictures(limits, self._nested_document)
        self._room: tuple[float, float] | None = None

    def run(self) -> Rewritten:
        root, size = self._root, self._size
        sheet = Sheet(Screen(size.page_width, size.page_height))
        for element in root.walk():
            attributes = element.attributes
            if element.name == "style" and attributes.get("type", "").strip().lower() in {"", "text/css"}:
                linked = images.data_of(element.href()) or b""
                sheet.add(element.text() + linked.decode("utf-8", "replace"), attributes.get("media", ""))
        animated = first_values(root)
        self._lettering = Lettering(self._styles, sheet.fonts, marks=self._marks)
        self._off = left_out(root)
        stops.inherit(root)
        elements = self._compute(Cascade(sheet, animated))
        for what in sheet.unapplied:
            self._miss_all(root, what)
        for element in elements:
            self._geometry(element)
        for element in reversed(elements):
            self._finish(element)
        strokes.keep_widths(root, self._unscaled, size)
        canvas = Canvas(size, self._styles[id(root)], self._grounds(root), self._made.clip)
        outer = canvas.framed(root)
        if canvas.is_missing:
            self._miss(root, "background")
            if self._marks:
                outer.children[:] = [Element("rect", {**_WHOLE, "style": f"fill:{MARK}"})]
        if self._made.elements:
            outer.add("defs").children.extend(self._made.elements)
        costs.check(outer)
        fonts = frozenset(self._lettering.fonts | self._pictures.fonts)
        return Rewritten(written(outer), fonts, tuple(sorted(self._missing)), size.has_view)

    def _nested_document(self, data: bytes) -> Rewritten:
        if self._nested >= _MOST_NESTED:
            raise SvgRefused("SVGs are nested too deeply in each other.", limit=_MOST_NESTED)
        inner = _Rewriter(data, self._limits, None, self._nested + 1, marks=self._marks, room=self._room)
        return inner.run()

    def _picture(self, address: str, element: Element) -> str | None:
        """What an address shows, as a data URL that the renderer reads; None if nothing."""
        found = self._pictures.shown(address)
        for what in self._pictures.missing:
            self._miss(element, what)
        return found

    def _compute(self, cascade: Cascade) -> list[Element]:
        """The style of every element; all elements that are kept, in document order."""
        size = self._size
        measure = Measure(16, 16, size.view[2], size.view[3], size.page_width, size.page_height)
        root = self._root
        kept: list[Element] = []
        waiting: list[tuple[Element, Style | None, Measure]] = [(root, None, measure)]
        while waiting:
            element, around, measure = waiting.pop()
            style = cascade.style_of(self._uses.original(element), around, measure)
            self._styles[id(element)] = style
            kept.append(element)
            if element.name == "use":
                self._uses.take_sides(element)
                if style.variables is not self._styles[id(root)].variables:
                    self._uses.expand(element)
            if element is root:
                # `display: none` of an image's root hides nothing.
                style.values.pop("display", None)
            elif id(element) in self._off:
                style.values["display"] = "none"
            if style.values.get("display") == "none" or (
                element.parent is not None and id(element.parent) in self._hidden
            ):
                self._hidden.add(id(element))
            inner = self._inner_measure(element, style.measure)
            waiting.extend((child, style, inner) for child in reversed(element.elements()))
        return kept

    def _inner_measure(self, element: Element, measure: Measure) -> Measure:
        if element is self._root or element.name not in {"svg", "symbol"}:
            return measure
        view = view_box(element.attributes.get("viewBox", ""))
        width = view[2] if view else number(element, "width", measure.width, measure.width)
        height = view[3] if view else number(element, "height", measure.height, measure.height)
        return Measure(
            measure.font_size, measure.root_font_size, width, height, measure.page_width, measure.page_height
        )

    def _geometry(self, element: Element) -> None:
        style = self._styles[id(element)]
        # A nested `svg` takes its sides from attributes alone, unless it is a box of HTML.
        is_nested = element.name == "svg" and not (element.parent is not None and element.parent.html)
        if element is self._root or is_nested:
            return
        for name in ATTRIBUTES_OF.get(element.name, ()):
            value = style.values.get(name)
            if value is None:
                if "(" in element.attributes.get(name, "") and name != "d":
                    del element.attributes[name]
                continue
            if name == "d":
                self._path(element, style)
            elif value in {"auto", ""}:
                element.attributes.pop(name, None)
            else:
                element.attributes[name] = value

    def _path(self, element: Element, style: Style) -> None:
        tokens = without_space(style.tokens.get("d", ()))
        try:
            if tokens and tokens[0].type == "function" and tokens[0].lower_name == "path":
                element.attributes["d"] = path_data(tokens[0].arguments)[0]
            elif tokens and getattr(tokens[0], "lower_value", "") == "none":
                element.attributes.pop("d", None)
        except NotANumber:
            return

    def _finish(self, element: Element) -> None:
        """Everything that needs the shapes within the element; children come first."""
        style = self._styles[id(element)]
        if element.html:
            return
        # Elements that are not drawn are removed only now: selectors such as :nth-child count them.
        element.children = [
            child for child in element.children if isinstance(child, str) or child.name not in NOT_DRAWN
        ]
        self._content(element, style)
        if element is not self._root:
            self._transform(element, style)
        strokes.scaled_dashes(element, style.values, style.measure)
        if strokes.keeps_width(element, style.values):
            self._unscaled.add(id(element))
        if style.values.get("offset-path", "none") != "none":
            self._miss_all(element, "offset-path")
        self._effects(element, style)
        if element is self._root or "image-rendering" in style.values:
            style.values["image-rendering"] = sampling_of(style.values.get("image-rendering", ""))
        for name in PRESENTATION & element.attributes.keys():
            del element.attributes[name]
        is_clipped = element is self._root and "(" in style.values.get("clip-path", "")
        shown_values = {**style.values, "clip-path": ""} if is_clipped else style.values
        shown = ";".join(f"{name}:{shown_values[name]}" for name in STYLED if shown_values.get(name))
        if shown:
            element.attributes["style"] = shown

    def _content(self, element: Element, style: Style) -> None:
        """What the element holds or refers to."""
        if element.name in {"image", "feImage"}:
            self._image(element)
        elif element.name == "foreignObject":
            self._foreign(element, style)
        elif not element.href().startswith("#"):
            element.attributes.pop("href", None)
            element.attributes.pop("xlink:href", None)
        if element.name in TEXT or (element.name == "a" and self._in_text(element)):
            for what in self._lettering.set(element, style):
                self._miss(element, what)
        if element.name in stops.GRADIENTS:
            stops.smooth(element, self._styles, self._lettering.inherited(element, "color-interpolation"))
        if element.name == "switch":
            element.name = "g"

    def _in_text(self, element: Element) -> bool:
        while element.parent is not None:
            element = element.parent
            if element.name == "text":
                return True
        return False

    def _miss(self, element: Element, what: str) -> None:
        if id(element) not in self._hidden:
            self._missing.add(what)

    def _miss_all(self, element: Element, what: str) -> None:
        self._miss(element, what)
        if self._marks:
            self._styles[id(element)].values["display"] = "none"

    def _box(self, element: Element, style: Style, kind: str) -> Box | None:
        """A reference box; the stroke's is that of a stroke with round joins."""
        measure = style.measure
        if kind == "view-box":
            return Box(0, 0, measure.width, measure.height)
        box = box_of(element, measure.width, measure.height)
        if box is None or kind in {"fill-box", "content-box", "padding-box"}:
            return box
        return box.grown(self._stroke_width(element) / 2)

    def _stroke_width(self, element: Element) -> float:
        stroke = self._lettering.inherited(element, "stroke") or "none"
        width = self._lettering.inherited(element, "stroke-width") or "1"
        try:
            return 0.0 if stroke == "none" else float(width)
        except ValueError:
            return 1.0

    def _tokens(self, style: Style, name: str) -> list[Any]:
        if name in style.tokens:
            return style.tokens[name]
        return list(tinycss2.parse_component_value_list(style.values.get(name, "")))

    def _transform(self, element: Element, style: Style) -> None:
        names = [name for name in TRANSFORMS if name in style.tokens]
        attribute = TRANSFORM_NAMES.get(element.name, "transform")
        is_boxed = style.values.get("transform-box", "view-box").lower() != "view-box"
        if not names and "transform-origin" not in style.values and not is_boxed:
            return
        if "perspective(" in style.values.get("transform", ""):
            self._miss_all(element, "perspective")
        box = self._box(element, style, style.values.get("transform-box", "view-box").lower())
        if box is None:
            box = Box(0, 0, style.measure.width, style.measure.height)
            self._miss_all(element, "transform")
        try:
            combined = moved_by(style, box, element.attributes.get(attribute, ""), self._tokens)
        except (NotANumber, IndexError):
            return
        element.attributes.pop(attribute, None)
        if combined:
            element.attributes[attribute] = combined

    def _effects(self, element: Element, style: Style) -> None:
        values = style.values
        if element.name == "mask":
            # Browsers mask no mask, and one that is not displayed is as if it were not there.
            values.pop("mask", None)
            if values.pop("display", "") == "none":
                element.attributes.pop("id", None)
        if element.name in _DRAWN_OTHERWISE:
            self._miss(element, "filter")
            if self._marks:
                element.name, element.attributes = "feFlood", {}
                values["flood-color"] = MARK
        if "caps" in f"{values.get('font-variant', '')} {values.get('font-variant-caps', '')}":
            self._miss_all(element, "small capitals")
        if "clip-path" in values and "(" in values["clip-path"] and element is not self._root:
            self._clip(element, style)
        if "mask" in values:
            values["mask"] = self._mask(element, style)
        if "(" in values.get("filter", ""):
            found = filter_text(self._tokens(style, "filter"), style.measure, style.colour)
            values["filter"] = present_filters(found, self._made.taken)

    def _mask(self, element: Element, style: Style) -> str:
        """A mask as a reference, made where it is a gradient; `none` is what cannot be drawn, and told."""
        tokens = without_space(self._tokens(style, "mask"))
        found = mask_text(tokens)
        words = {token.lower_value for token in tokens if token.type == "ident"}
        if found is not None:
            mask = self._made.masked_by_alpha(found) if "alpha" in words else None
            if mask is not None:
                self._styles[id(mask)].values["mask-type"] = "alpha"
                mask.attributes["style"] = f"{mask.attributes.get('style', '')};mask-type:alpha"
            return found
        box = self._box(element, style, "fill-box")
        gradients = [token for token in tokens if token.type == "function"]
        url = None
        if box is not None and len(tokens) == 1 and gradients:
            self._made.spend_gradient()
            url = gradient_url(gradients[0], box.width, box.height, style.measure)
        if box is None or url is None:
            self._miss_all(element, "mask")
            return "none"
        return f"url(#{self._made.mask(box, url)})"

    def _clip(self, element: Element, style: Style) -> None:
        tokens = self._tokens(style, "clip-path")
        if not any(token.type == "function" and token.lower_name != "url" for token in tokens):
            return
        found = clip_shape(tokens, style.measure, lambda kind: self._box(element, style, kind))
        if found is None:
            self._miss_all(element, "clip-path")
            style.values["clip-path"] = "none"
            return
        style.values["clip-path"] = f"url(#{self._made.clip(found)})"

    def _grounds(self, element: Element) -> Grounds:
        return Grounds(lambda url: self._picture(url, element), self._pictures.natural_size, self._made)

    def _image(self, element: Element) -> None:
        address = element.href()
        refers_inside = element.name == "feImage" and address.startswith("#")
        box = box_of(element, self._size.view[2], self._size.view[3])
        self._room = (box.width, box.height) if box and box.width > 0 and box.height > 0 else None
        url = address if refers_inside else self._picture(address, element)
        self._room = None
        if self._pictures.is_stretched:
            element.attributes["preserveAspectRatio"] = "none"
        element.attributes.pop("href", None)
        element.attributes.pop("xlink:href", None)
        if url is not None:
            element.attributes["xlink:href"] = url
        elif self._marks and element.name == "image":
            element.name = "rect"
            self._styles[id(element)].values["fill"] = MARK

    def _foreign(self, element: Element, style: Style) -> None:
        measure = style.measure
        box = Box(
            number(element, "x", measure.width),
            number(element, "y", measure.height),
            number(element, "width", measure.width),
            number(element, "height", measure.height),
        )
        content, frame = framed(element, box)
        if frame is None:
            return
        inside = Box(0, 0, box.width, box.height)
        layout = ForeignObject(self._styles, self._grounds(element))
        layout.draw(content, frame, inside)
        for what in layout.missing:
            self._miss(element, what)
            if self._marks:
                frame.add("rect", {**_WHOLE, "style": f"fill:{MARK}"})
