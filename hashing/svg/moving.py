"""The transform of an element, by its styles and its attribute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from samelook.hashing.svg.boxes import Box
from samelook.hashing.svg.canvas import TRANSFORMS
from samelook.hashing.svg.cascade import Style
from samelook.hashing.svg.transforms import about, individual, position_of, transform_of


def moved_by(style: Style, box: Box, attribute: str, tokens_of: Callable[[Style, str], list[Any]]) -> str:
    """All transforms of a style about its origin in `box`, or the attribute's.

    Raises NotANumber and IndexError for what is none.
    """
    pieces = [
        transform_of(style.tokens[name], style.measure, box)
        if name == "transform"
        else individual(name, style.tokens[name], style.measure, box)
        for name in TRANSFORMS
        if name in style.tokens
    ]
    if "transform" not in style.tokens:
        pieces.append(attribute)
    origin = (box.left, box.top)
    if "transform-origin" in style.values:
        is_attribute = "transform-origin" not in style.tokens
        origin = position_of(tokens_of(style, "transform-origin"), style.measure, box, unitless=is_attribute)
    return about(origin, " ".join(piece for piece in pieces if piece))
