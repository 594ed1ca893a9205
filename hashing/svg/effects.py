"""Clips, masks and filters of CSS in the forms that the renderer knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from samelook.hashing.svg.boxes import Box
from samelook.hashing.svg.colours import Rgba, colour_of
from samelook.hashing.svg.mathematics import Measure, NotANumber, angle, evaluated, without_space
from samelook.hashing.svg.properties import address_of
from samelook.hashing.svg.shapes import BOXES, shape_path


def clip_shape(
    tokens: Sequence[Any], measure: Measure, box_of: Callable[[str], Box | None]
) -> dict[str, str] | None:
    """The attributes of a path for `clip-path` with a basic shape; None if it cannot be made."""
    kept = without_space(tokens)
    kinds = [token.lower_value for token in kept if token.type == "ident" and token.lower_value in BOXES]
    functions = [token for token in kept if token.type == "function"]
    if len(functions) != 1:
        return None
    box = box_of(kinds[0] if kinds else "border-box")
    if box is None:
        return None
    try:
        data, is_even_odd = shape_path(functions[0], measure, box)
    except (NotANumber, IndexError, ValueError):
        return None
    path = {"d": data}
    if functions[0].lower_name == "path" and (box.left or box.top):
        path["transform"] = f"translate({box.left:.9g} {box.top:.9g})"
    if is_even_odd:
        path["clip-rule"] = "evenodd"
    return path


def mask_text(tokens: Sequence[Any]) -> str | None:
    """A mask as a reference or `none`; None if it is an image, which is not drawn."""
    for token in without_space(tokens):
        address = address_of(token)
        if address is not None:
            return f"url({address})" if address.startswith("#") else None
        if token.type == "function":
            return None
    return "none"


def filter_text(tokens: Sequence[Any], measure: Measure, current: Rgba) -> str:
    """A list of filters with plain numbers and colours; `none` if one is invalid."""
    found: list[str] = []
    for token in without_space(tokens):
        address = address_of(token)
        if address is not None:
            found.append(f"url({address})" if address.startswith("#") else "")
        elif token.type == "function":
            try:
                found.append(_function(token, measure, current))
            except (NotANumber, ValueError):
                return "none"
        elif not (token.type == "ident" and token.lower_value == "none"):
            return "none"
    return " ".join(part for part in found if part) or "none"


def present_filters(found: str, names: Collection[str | None]) -> str:
    """A list of filters without those that are not there, which browsers pass over."""
    parts = re.findall(r"(?<![a-z-])[a-z-]++\([^()]*+\)", found)
    return " ".join(part for part in parts if not part.startswith("url(#") or part[5:-1] in names) or "none"


def _function(token: Any, measure: Measure, current: Rgba) -> str:
    name = token.lower_name
    parts: list[str] = []
    for inner in without_space(token.arguments):
        colour = colour_of([inner], current)
        if colour is not None:
            # The renderer knows no rgba() in a filter.
            parts.append(
                "#" + "".join(f"{round(min(max(channel, 0.0), 1.0) * 255):02x}" for channel in colour)
            )
        elif name in {"blur", "drop-shadow"}:
            parts.append(f"{evaluated([inner], 0.0, measure, {}):.6g}px")
        elif name == "hue-rotate":
            parts.append(f"{angle(inner):.6g}deg")
        else:
            parts.append(f"{evaluated([inner], 1.0, measure, {}):.6g}")
    return f"{name}({' '.join(parts)})"
