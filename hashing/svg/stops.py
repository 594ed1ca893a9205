"""Gradients as the renderer needs them: with all their attributes, and stops as close as their mixing takes.

Chromium mixes in Oklab where a stop's colour is of a modern space, and in linear light where
`color-interpolation` asks for it; the renderer knows sRGB alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import tinycss2

from samelook.hashing.svg.cascade import Style
from samelook.hashing.svg.colours import Rgba, as_text, colour_of
from samelook.hashing.svg.mixing import MODERN, finer
from samelook.hashing.svg.tree import Element

GRADIENTS: Final = frozenset(("linearGradient", "radialGradient"))
_COMMON: Final = ("gradientUnits", "gradientTransform", "spreadMethod")
_OWN: Final = {
    "linearGradient": ("x1", "y1", "x2", "y2"),
    "radialGradient": ("cx", "cy", "r", "fx", "fy", "fr"),
}
_MOST_CHAINED: Final = 8
_MOST_STOPS: Final = 200


def inherit(root: Element) -> None:
    """Gives each gradient the attributes of those that it refers to."""
    gradients = [element for element in root.walk() if element.name in GRADIENTS]
    by_id: dict[str, Element] = {}
    for gradient in gradients:
        by_id.setdefault(gradient.attributes.get("id", ""), gradient)
    # All are looked up before any is changed: what one inherits, another inherits from there itself.
    inherited: list[tuple[Element, dict[str, str]]] = []
    for gradient in gradients:
        found: dict[str, str] = {}
        names = (*_COMMON, *_OWN[gradient.name])
        at = gradient
        for _ in range(_MOST_CHAINED):
            following = by_id.get(at.href()[1:]) if at.href().startswith("#") else None
            if following is None:
                break
            at = following
            for name in names if at.name == gradient.name else _COMMON:
                if name in at.attributes:
                    found.setdefault(name, at.attributes[name])
        inherited.append((gradient, found))
    for gradient, found in inherited:
        gradient.attributes.update({n: v for n, v in found.items() if n not in gradient.attributes})


def smooth(gradient: Element, styles: Mapping[int, Style], interpolation: str) -> None:
    """Puts stops between those of a gradient whose colours are not mixed in sRGB."""
    stops = [child for child in gradient.elements() if child.name == "stop"]
    space = "linear" if interpolation.lower() == "linearrgb" else ""
    if any(_is_modern(styles.get(id(stop), Style())) for stop in stops):
        space = "oklab"
    if not space or not 1 < len(stops) <= _MOST_STOPS:
        return
    placed: list[tuple[float, Rgba]] = []
    for stop in stops:
        offset = _offset(stop.attributes.get("offset", "0"))
        placed.append(
            (max(offset, placed[-1][0]) if placed else offset, _colour(styles.get(id(stop), Style())))
        )
    gradient.children = []
    for place, colour in finer(placed, space):
        _add(gradient, place, colour)


def _is_modern(style: Style) -> bool:
    tokens = style.tokens.get("stop-color", ())
    return any(token.type == "function" and token.lower_name in MODERN for token in tokens)


def _offset(text: str) -> float:
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        return 0.0
    return min(max(value / 100 if text.strip().endswith("%") else value, 0.0), 1.0)


def _colour(style: Style) -> Rgba:
    text = style.values.get("stop-color", "#000")
    found = colour_of(tinycss2.parse_component_value_list(text), style.colour) or (0.0, 0.0, 0.0, 1.0)
    try:
        opacity = float(style.values.get("stop-opacity", "1"))
    except ValueError:
        opacity = 1.0
    return found[0], found[1], found[2], found[3] * min(max(opacity, 0.0), 1.0)


def _add(gradient: Element, offset: float, colour: Rgba) -> None:
    opaque = (colour[0], colour[1], colour[2], 1.0)
    style = f"stop-color:{as_text(opaque)};stop-opacity:{colour[3]:.4g}"
    gradient.add("stop", {"offset": f"{offset:.6g}", "style": style})
