"""What the animations of an SVG (SMIL) show in its first moment, which is what a tab shows."""

from __future__ import annotations

import re
from typing import Final

from samelook.hashing.svg.properties import is_known
from samelook.hashing.svg.tree import Element

ELEMENTS: Final = frozenset(("animate", "set", "animateTransform", "animateColor", "animateMotion"))
_ZERO: Final = re.compile(r"[+]?0*(?:\.0*)?(?:s|ms|min|h)?|0?0:00(?::00)?(?:\.0*)?")
_FIRST_POINT: Final = re.compile(r"\s*[Mm]\s*([-+.\deE]+)[\s,]+([-+.\deE]+)")
_PAIR: Final = re.compile(r"\s*([-+.\deE]+)[\s,]*([-+.\deE]*)")


def first_values(root: Element) -> dict[int, dict[str, str]]:
    """Takes out the animations; the properties that they set at once, by the element's id().

    Attributes that are no properties are set in place.
    """
    by_id: dict[str, Element] = {}
    animations: list[Element] = []
    for element in root.walk():
        if element.name in ELEMENTS:
            animations.append(element)
        by_id.setdefault(element.attributes.get("id", ""), element)
    found: dict[int, dict[str, str]] = {}
    for animation in animations:
        target = by_id.get(animation.href()[1:]) if animation.href() else animation.parent
        if target is not None and _begins_at_once(animation.attributes.get("begin", "0")):
            _apply(animation, target, found)
    for animation in animations:
        if animation.parent is not None:
            animation.parent.children.remove(animation)
    return found


def _begins_at_once(begin: str) -> bool:
    return any(_ZERO.fullmatch(part.strip()) for part in begin.split(";"))


def _first(animation: Element) -> str | None:
    """The value in the first moment; None if the element's own stays."""
    attributes = animation.attributes
    if animation.name == "set":
        return attributes.get("to")
    values = attributes.get("values", "").strip().rstrip(";")
    return values.split(";")[0].strip() if values else attributes.get("from")


def _apply(animation: Element, target: Element, found: dict[int, dict[str, str]]) -> None:
    value = _first(animation)
    if animation.name == "animateMotion":
        point = _FIRST_POINT.match(animation.attributes.get("path", "")) or _PAIR.match(value or "")
        if point is not None and point[2]:
            _prepend(target, f"translate({point[1]} {point[2]})")
        return
    name = animation.attributes.get("attributeName", "")
    if value is None or not name:
        return
    if animation.name == "animateTransform":
        function = animation.attributes.get("type", "translate")
        text = f"{function}({value})"
        if animation.attributes.get("additive") == "sum":
            text = f"{target.attributes.get('transform', '')} {text}"
        target.attributes[name] = text.strip()
    elif is_known(name) and name not in target.attributes.keys() & {"x", "y", "width", "height", "r", "d"}:
        found.setdefault(id(target), {})[name] = value
    else:
        target.attributes[name] = value


def _prepend(target: Element, transform: str) -> None:
    target.attributes["transform"] = f"{transform} {target.attributes.get('transform', '')}".strip()
