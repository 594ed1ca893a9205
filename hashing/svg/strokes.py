"""Strokes that are measured by what the renderer does not know: `pathLength` and `vector-effect`."""

from __future__ import annotations

import math
import re
from typing import Final

from samelook.hashing.svg.boxes import IDENTITY, Matrix, matrix_of, multiplied, outline_length
from samelook.hashing.svg.mathematics import Measure
from samelook.hashing.svg.size import Size
from samelook.hashing.svg.tree import Element

_WIDTH: Final = re.compile(r"(?<![\w-])stroke-width:([\d.e-]+)")


def scaled_dashes(element: Element, values: dict[str, str], measure: Measure) -> None:
    """Writes dashes in user units where `pathLength` says how long the path counts as."""
    try:
        claimed = float(element.attributes.pop("pathLength"))
    except (KeyError, ValueError):
        return
    if values.get("stroke-dasharray", "none") == "none" or claimed <= 0:
        return
    length = outline_length(element, measure.width, measure.height)
    if not length:
        return
    for name in ("stroke-dasharray", "stroke-dashoffset"):
        if name in values and "%" not in values[name]:
            values[name] = " ".join(
                f"{float(number) * length / claimed:.6g}" for number in values[name].split()
            )


def keeps_width(element: Element, values: dict[str, str]) -> bool:
    """Whether the stroke's width is one of the screen."""
    return "non-scaling-stroke" in (values.get("vector-effect"), element.attributes.get("vector-effect"))


def keep_widths(root: Element, kept: set[int], size: Size) -> None:
    """Writes the widths of strokes that no transform changes, by id() of their elements."""
    if not kept:
        return
    across = size.page_width / size.view[2], size.page_height / size.view[3]
    scale = min(across)
    start: Matrix = (scale, 0.0, 0.0, scale, 0.0, 0.0)
    waiting: list[tuple[Element, Matrix, str]] = [(root, IDENTITY, "1")]
    while waiting:
        element, matrix, width = waiting.pop()
        here = (
            start
            if element is root
            else multiplied(matrix, matrix_of(element.attributes.get("transform", "")))
        )
        found = _WIDTH.search(element.attributes.get("style", ""))
        width = found[1] if found else width
        if id(element) in kept:
            grown = math.sqrt(abs(here[0] * here[3] - here[1] * here[2]))
            if grown:
                rest = _WIDTH.sub("", element.attributes.get("style", ""))
                element.attributes["style"] = f"{rest};stroke-width:{float(width) / grown:.6g}"
            continue
        waiting.extend((child, here, width) for child in element.elements())
