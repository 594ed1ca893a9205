"""Patterns with tiles of whole pixels: the renderer repeats a tile after so many pixels, rounded.

A tile of 25.6 pixels would come again after 26, and the tenth of them lie four pixels off. Five such tiles
are 128 pixels, so they are made one.
"""

from __future__ import annotations

import math
from typing import Final

from samelook.hashing.errors import SvgRefused
from samelook.hashing.svg.boxes import box_of, matrix_of, multiplied, number
from samelook.hashing.svg.tree import Element

_MOST_PIXELS: Final = 320
_MOST_COPIES: Final = 144
_MOST_COPIED: Final = 4_000
_LONGEST_PATH: Final = 4_000
"""Characters; longer ones take too long to measure."""
_GOOD_ENOUGH: Final = 0.02
_SLACK: Final = 1e-3
_TAKEN_OVER: Final = (
    "x", "y", "width", "height", "patternUnits", "patternContentUnits", "patternTransform", "viewBox",
    "preserveAspectRatio",
)  # fmt: skip


def make_whole(root: Element, scale: float, taken: set[str | None]) -> None:
    """Joins tiles until they are of whole pixels, of which there are `scale` to a unit of the root.

    Left alone is what is measured by the shape that it fills, and what reaches beyond its tile.
    """
    patterns = [element for element in root.walk() if element.name == "pattern"]
    named = {pattern.attributes.get("id", ""): pattern for pattern in patterns}
    left = [_MOST_COPIED]
    for pattern in patterns:
        _take_over(pattern, named, left)
    for pattern in patterns:
        _join(pattern, scale, taken)


def _take_over(pattern: Element, named: dict[str, Element], left: list[int]) -> None:
    """What a pattern does not say of itself comes from the one that it refers to (SVG 2, 14.3)."""
    seen = [pattern]
    other = named.get(pattern.href()[1:])
    while other is not None and other not in seen:
        for name in _TAKEN_OVER:
            if name in other.attributes:
                pattern.attributes.setdefault(name, other.attributes[name])
        if not pattern.elements():
            pattern.children = [_copied(child, pattern, left) for child in other.elements()]
        seen.append(other)
        other = named.get(other.href()[1:])


def _copied(original: Element, parent: Element, left: list[int]) -> Element:
    left[0] -= 1
    if left[0] < 0:
        raise SvgRefused("The SVG's patterns refer to each other too often.", limit=_MOST_COPIED)
    copy = Element(original.name, dict(original.attributes), parent)
    copy.children = [
        child if isinstance(child, str) else _copied(child, copy, left) for child in original.children
    ]
    return copy


def _join(pattern: Element, scale: float, taken: set[str | None]) -> None:
    attributes = pattern.attributes
    content = pattern.elements()
    if (
        not content
        or attributes.get("patternUnits") != "userSpaceOnUse"
        or attributes.get("patternContentUnits") == "objectBoundingBox"
        or "viewBox" in attributes
        or "%" in attributes.get("width", "") + attributes.get("height", "")
    ):
        return
    sides = number(pattern, "width", 0), number(pattern, "height", 0)
    if min(sides) <= 0:
        return
    matrix = multiplied((scale, 0, 0, scale, 0, 0), matrix_of(attributes.get("patternTransform", "")))
    across = _copies(sides[0] * math.hypot(matrix[0], matrix[1]))
    down = _copies(sides[1] * math.hypot(matrix[2], matrix[3]))
    if across * down == 1 or across * down > _MOST_COPIES or not _is_within(content, pattern, sides):
        return
    name = "tile"
    while name in taken:
        name += "-"
    taken.add(name)
    tile = Element("g", {"id": name}, pattern)
    tile.children = pattern.children
    pattern.children = [tile]
    for at in range(1, across * down):
        place = {"x": f"{at % across * sides[0]:.9g}", "y": f"{at // across * sides[1]:.9g}"}
        pattern.add("use", {"xlink:href": f"#{name}", **place})
    attributes["width"], attributes["height"] = f"{sides[0] * across:.9g}", f"{sides[1] * down:.9g}"


def _copies(pixels: float) -> int:
    """How many tiles of so many pixels come nearest to a whole number of them."""
    most = max(1, int(_MOST_PIXELS / max(pixels, 1)))
    best, error = 1, math.inf
    for count in range(1, most + 1):
        off = abs(count * pixels - round(count * pixels)) / count
        if off < error - 1e-9:
            best, error = count, off
        if error <= _GOOD_ENOUGH:
            break
    return best


def _is_within(content: list[Element], pattern: Element, sides: tuple[float, float]) -> bool:
    """Whether nothing that is drawn reaches beyond the tile, strokes not counted in where there are none."""
    left, top = number(pattern, "x", 0), number(pattern, "y", 0)
    for element in content:
        attributes = element.attributes
        if "transform" in attributes or "stroke:" in attributes.get("style", ""):
            return False
        if len(attributes.get("d", "")) > _LONGEST_PATH or len(element.children) > _MOST_COPIES:
            return False
        box = box_of(element, *sides)
        if box is None or (
            min(box.left - left, box.top - top) < -_SLACK
            or box.left + box.width > left + sides[0] + _SLACK
            or box.top + box.height > top + sides[1] + _SLACK
        ):
            return False
    return True
