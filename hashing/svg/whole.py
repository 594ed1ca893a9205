"""Clips and masks that hold the whole picture, left out: they change nothing and cost two layers each.

Design programs write one around every drawing that they export, so that most icons have one.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Final

from samelook.hashing.svg.boxes import Box, box_around, number, path_points
from samelook.hashing.svg.tree import Element

_REFERENCE: Final = re.compile(r"(?:^|;)(clip-path|mask):url\(#([^();]++)\)(?=;|$)")
# Straight lines along the axes: what such a path encloses, its corners tell.
_PLAIN_PATH: Final = re.compile(r"\s*+[Mm][\d\s.,+-]*+(?:[HhVv][\d\s.,+-]*+)++[Zz]?\s*+")
_WHITE: Final = re.compile(r"(?:^|;)fill:(?:#fff|#ffffff|white)(?=;|$)", re.IGNORECASE)
_HARMLESS: Final = re.compile(
    r"(?:(?:^|;)(?:fill:[^;]*|fill-rule:[^;]*|clip-rule:[^;]*|mask-type:luminance|opacity:1|color:[^;]*"
    r"|image-rendering:[^;]*|font[a-z-]*:[^;]*))*;?"
)
_SHOWN: Final = frozenset(
    ("g", "a", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "image", "use")
)
_LONGEST_PATH: Final = 500
_SLACK: Final = 1e-4


def drop_whole_clips(root: Element, view: Box) -> None:
    """Takes away the clips and masks of `root`'s parts that hold all of `view`, which is all that is seen."""
    found = _Document(root, view)
    if found.is_blended:
        # A clip keeps what is blended within it from what is below.
        return
    waiting = [root]
    while waiting:
        element = waiting.pop()
        style = element.attributes.get("style", "")
        if "url(#" in style:
            style = _REFERENCE.sub(lambda part: "" if found.is_whole(part[2], part[1]) else part[0], style)
            element.attributes["style"] = style.lstrip(";")
        # A filter may bring into view what a clip within it cuts off.
        if "filter:" not in style:
            waiting.extend(child for child in element.elements() if found.stays_in_place(child))


class _Document:
    """What the parts of a document say of each other."""

    def __init__(self, root: Element, view: Box) -> None:
        self._view = view
        self._named: dict[str, Element] = {}
        self._used: set[str] = set()
        self._known: dict[tuple[str, str], bool] = {}
        self.is_blended = False
        for element in root.walk():
            self.is_blended = self.is_blended or "mix-blend-mode" in element.attributes.get("style", "")
            if "id" in element.attributes:
                self._named.setdefault(element.attributes["id"], element)
            if element.name == "use":
                self._used.add(element.href()[1:])

    def stays_in_place(self, element: Element) -> bool:
        """Whether it is drawn in its parent's coordinates, and nowhere else."""
        attributes = element.attributes
        return (
            element.name in _SHOWN
            and "transform" not in attributes
            and attributes.get("id") not in self._used
        )

    def is_whole(self, name: str, kind: str) -> bool:
        """Whether a clip or mask shows all of the view as it is."""
        if (name, kind) not in self._known:
            target = self._named.get(name)
            self._known[name, kind] = target is not None and self._holds_all(target, kind)
        return self._known[name, kind]

    def _holds_all(self, target: Element, kind: str) -> bool:
        children = target.elements()
        if len(children) != 1 or not all(map(_is_plain, (target, *children))):
            return False
        is_kind = _is_whole_mask if kind == "mask" else _is_clip
        return is_kind(target, children[0], self._view) and _covers(
            _rectangle(children[0], self._view), self._view
        )


def _is_plain(element: Element) -> bool:
    attributes = element.attributes
    return "transform" not in attributes and _HARMLESS.fullmatch(attributes.get("style", "")) is not None


def _is_clip(target: Element, _shape: Element, _view: Box) -> bool:
    return target.name == "clipPath" and target.attributes.get("clipPathUnits") != "objectBoundingBox"


def _is_whole_mask(target: Element, shape: Element, view: Box) -> bool:
    attributes = target.attributes
    return (
        target.name == "mask"
        and attributes.get("maskUnits") == "userSpaceOnUse"
        and attributes.get("maskContentUnits") != "objectBoundingBox"
        and _covers(_area(target, view), view)
        and _WHITE.search(shape.attributes.get("style", "")) is not None
    )


def _area(element: Element, view: Box) -> Box:
    return Box(
        number(element, "x", view.width),
        number(element, "y", view.height),
        number(element, "width", view.width, -1),
        number(element, "height", view.height, -1),
    )


def _rectangle(shape: Element, view: Box) -> Box | None:
    """The rectangle that a shape is; None for any other."""
    if shape.name == "rect":
        is_round = number(shape, "rx", 1) or number(shape, "ry", 1)
        return None if is_round else _area(shape, view)
    data = shape.attributes.get("d", "") if shape.name == "path" else ""
    if len(data) > _LONGEST_PATH or _PLAIN_PATH.fullmatch(data) is None:
        return None
    points = path_points(data) or []
    box = box_around(points)
    if box is None or len({x for x, _ in points}) != 2 or len({y for _, y in points}) != 2:  # noqa: PLR2004
        return None
    around = pairwise([*points, points[0]])
    area = abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in around)) / 2
    return box if math.isclose(area, box.width * box.height) else None


def _covers(box: Box | None, view: Box) -> bool:
    if box is None:
        return False
    slack = _SLACK * max(view.width, view.height)
    return (
        box.left <= view.left + slack
        and box.top <= view.top + slack
        and box.left + box.width >= view.left + view.width - slack
        and box.top + box.height >= view.top + view.height - slack
    )
