"""CSS transforms and their origin as a `transform` attribute (CSS Transforms 1 and 2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from samelook.hashing.svg.boxes import Box
from samelook.hashing.svg.mathematics import (
    Measure,
    NotANumber,
    angle,
    evaluated,
    split_at_commas,
    without_space,
)

_SIDES: Final = {"left": 0.0, "top": 0.0, "center": 0.5, "right": 1.0, "bottom": 1.0}
_FIRST_TWO: Final = 2


def transform_of(tokens: Sequence[Any], measure: Measure, box: Box) -> str:
    """The functions of a `transform` value. Raises NotANumber if it is invalid."""
    found: list[str] = []
    for token in without_space(tokens):
        if token.type == "ident" and token.lower_value == "none":
            continue
        if token.type != "function":
            raise NotANumber
        parts = [without_space(part) for part in split_at_commas(token.arguments)]
        if any(len(part) != 1 for part in parts):
            raise NotANumber
        found.append(_function(token.lower_name, [part[0] for part in parts], measure, box))
    return " ".join(found)


def individual(name: str, tokens: Sequence[Any], measure: Measure, box: Box) -> str:
    """The value of the property `translate`, `rotate` or `scale`. Raises NotANumber."""
    kept = without_space(tokens)
    if not kept or (kept[0].type == "ident" and kept[0].lower_value == "none"):
        return ""
    if name == "rotate":
        if kept[0].type == "ident" and kept[0].lower_value == "z":
            kept = kept[1:]
        return _function("rotate", kept[:1], measure, box)
    return _function(name, kept[:_FIRST_TWO], measure, box)


def _function(name: str, arguments: list[Any], measure: Measure, box: Box) -> str:  # noqa: C901, PLR0911 - one branch a kind
    if name in {"translate", "translate3d", "translatex", "translatey"}:
        lengths = [
            _length(token, whole, measure)
            for token, whole in zip(
                arguments,
                (box.height,) if name == "translatey" else (box.width, box.height),
                strict=False,
            )
        ]
        x, y = (0.0, lengths[0]) if name == "translatey" else (lengths[0], (*lengths, 0.0)[1])
        return f"translate({x:.9g} {y:.9g})"
    if name in {"rotate", "rotatez", "rotate3d"}:
        return f"rotate({angle(arguments[-1]):.9g})"
    if name in {"rotatex", "rotatey"}:
        flat = math.cos(math.radians(angle(arguments[0])))
        return f"scale(1 {flat:.9g})" if name == "rotatex" else f"scale({flat:.9g} 1)"
    if name in {"skew", "skewx", "skewy"}:
        angles = [angle(token) for token in arguments]
        if name == "skewy":
            return f"skewY({angles[0]:.9g})"
        if name == "skewx" or len(angles) < _FIRST_TWO:
            return f"skewX({angles[0]:.9g})"
        slopes = [math.tan(math.radians(angle)) for angle in angles]
        return f"matrix(1 {slopes[1]:.9g} {slopes[0]:.9g} 1 0 0)"
    values = [evaluated([token], 1.0, measure, {}) for token in arguments]
    if name in {"scale", "scale3d"} and values:
        return f"scale({values[0]:.9g} {(values[1] if len(values) > 1 else values[0]):.9g})"
    if name == "scalex":
        return f"scale({values[0]:.9g} 1)"
    if name == "scaley":
        return f"scale(1 {values[0]:.9g})"
    if name == "matrix" and len(values) == 6:  # noqa: PLR2004
        return f"matrix({' '.join(format(value, '.9g') for value in values)})"
    if name == "matrix3d" and len(values) == 16:  # noqa: PLR2004
        flat_part = (values[0], values[1], values[4], values[5], values[12], values[13])
        return f"matrix({' '.join(format(value, '.9g') for value in flat_part)})"
    if name in {"translatez", "scalez", "perspective"}:
        return ""
    raise NotANumber


def _length(token: Any, whole: float, measure: Measure, *, unitless: bool = False) -> float:
    if token.type == "number" and token.value and not unitless:
        raise NotANumber
    return evaluated([token], whole, measure, {})


def position_of(
    tokens: Sequence[Any], measure: Measure, box: Box, *, unitless: bool = False
) -> tuple[float, float]:
    """A point such as `center`, `left 20%` or `50% 2px`. Raises NotANumber."""
    kept = [token for token in without_space(tokens) if token.type != "literal"][:_FIRST_TWO]
    words = [token.lower_value if token.type == "ident" else "" for token in kept]
    if not kept or any(word and word not in _SIDES for word in words):
        raise NotANumber
    if len(kept) == 1 and words[0] in {"top", "bottom"}:
        return box.left + box.width / 2, box.top + box.height * _SIDES[words[0]]
    if len(kept) == _FIRST_TWO and (words[0] in {"top", "bottom"} or words[1] in {"left", "right"}):
        kept, words = kept[::-1], words[::-1]
    places = [box.left + box.width / 2, box.top + box.height / 2]
    for index, (token, word) in enumerate(zip(kept, words, strict=True)):
        side, start = (box.width, box.left) if index == 0 else (box.height, box.top)
        places[index] = start + (
            side * _SIDES[word] if word else _length(token, side, measure, unitless=unitless)
        )
    return places[0], places[1]


def edge_position_of(tokens: Sequence[Any], measure: Measure, box: Box) -> tuple[float, float]:
    """A point such as `right 4px bottom 10%`: sides, each with the distance from it. Raises NotANumber."""
    kept = [token for token in without_space(tokens) if token.type != "literal"]
    if len(kept) <= _FIRST_TWO:
        return position_of(kept, measure, box)
    places = [box.left + box.width / 2, box.top + box.height / 2]
    axis, share = None, 0.0
    for token in kept:
        word = token.lower_value if token.type == "ident" else ""
        if word in {"left", "right"}:
            axis, share = 0, _SIDES[word]
        elif word in {"top", "bottom"}:
            axis, share = 1, _SIDES[word]
        elif word == "center":
            axis = None
            continue
        elif axis is None or word:
            raise NotANumber
        side, start = (box.width, box.left) if axis == 0 else (box.height, box.top)
        offset = 0.0 if word else _length(token, side, measure)
        places[axis] = start + side * share + (-offset if share else offset)
    return places[0], places[1]


def about(origin: tuple[float, float], transform: str) -> str:
    """The transform with its origin elsewhere."""
    x, y = origin
    if not transform or (not x and not y):
        return transform
    return f"translate({x:.9g} {y:.9g}) {transform} translate({-x:.9g} {-y:.9g})"
