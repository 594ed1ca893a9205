"""What a document costs to draw: parts that are drawn again for each reference, and filters above all.

The renderer draws a mask, a clip, a pattern or a marker anew wherever it is referred to, so that a few lines
which refer to each other take for ever. The cost is reckoned before, with one number for each part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from samelook.hashing.errors import SvgRefused
from samelook.hashing.svg.tree import Element

MOST: Final = 400_000
_MOST_DEPTH: Final = 300
_MOST_LETTERS: Final = 5_000
_LAYER: Final = 100
_PRIMITIVE: Final = 1_000
_REFERENCE: Final = re.compile(r"url\(#([^)]*+)(?:\)|\Z)")
_LARGEST: Final = {"radius": 64.0, "numOctaves": 12.0, "order": 12.0}
_NUMBER: Final = re.compile(r"\d+\.?\d*|\.\d+")
_LAYERS: Final = frozenset(("mask", "clipPath", "pattern", "marker"))


class _Costs:
    def __init__(self, root: Element) -> None:
        self._by_id: dict[str, Element] = {}
        self._letters = 0
        for element in root.walk():
            self._by_id.setdefault(element.attributes.get("id", ""), element)
        self._known: dict[int, int] = {}

    def of(self, element: Element, depth: int) -> int:
        """The cost of an element with all that is within it and that it refers to."""
        known = self._known.get(id(element))
        if known is not None:
            return known
        if depth > _MOST_DEPTH:
            raise _refused()
        # An element within its own reference counts as nothing: the renderer stops at such circles as well.
        self._known[id(element)] = 0
        cost = 1
        if element.name.startswith("fe"):
            cost = _primitive(element)
        elif element.name in _LAYERS:
            cost = _LAYER
        self._letters += sum(len(child.strip()) for child in element.children if isinstance(child, str))
        if self._letters > _MOST_LETTERS:
            raise SvgRefused(f"The SVG has more than {_MOST_LETTERS} letters.", limit=_MOST_LETTERS)
        for child in element.elements():
            cost += self.of(child, depth + 1) if child.name not in _LAYERS | {"filter", "defs"} else 0
        for name in self._references(element):
            target = self._by_id.get(name)
            if target is not None:
                cost += self.of(target, depth + 1)
        if cost > MOST:
            raise _refused()
        self._known[id(element)] = cost
        return cost

    def _references(self, element: Element) -> Iterable[str]:
        for name in ("style", "fill", "stroke", "mask", "clip-path", "filter"):
            if name in element.attributes:
                yield from _REFERENCE.findall(element.attributes[name])
        if element.name in {"use", "feImage"} and element.href().startswith("#"):
            yield element.href()[1:]


def _primitive(element: Element) -> int:
    for name, largest in _LARGEST.items():
        if any(float(number) > largest for number in _NUMBER.findall(element.attributes.get(name, ""))):
            raise _refused()
    return _PRIMITIVE


def _refused() -> SvgRefused:
    return SvgRefused("The SVG refers to its parts, or filters them, too often to be drawn.", limit=MOST)


def check(root: Element) -> None:
    """Raises SvgRefused for a document that takes too long to draw."""
    _Costs(root).of(root, 0)
