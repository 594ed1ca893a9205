"""How large an SVG is, and the viewport that it is drawn in, as browsers reckon it for an image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from samelook.hashing.errors import DecodeFailed, SvgBlank
from samelook.hashing.svg.mathematics import PIXELS

_LENGTH: Final = re.compile(
    r"\s*([+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d+)?)\s*+(px|pt|pc|in|cm|mm|q|em|rem|ex)?\s*+", re.ASCII
)
_NUMBER: Final = r"([+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)"
_VIEW: Final = re.compile(r"\s*" + r"(?:\s*,\s*|\s+|(?=[+-]))".join((_NUMBER,) * 4) + r"\s*", re.ASCII)
_UNITS: Final = {**PIXELS, "em": 16.0, "rem": 16.0, "ex": 8.0}
# The size of an image that has neither width, height nor ratio (CSS 2.1, 10.3.2).
_DEFAULT_WIDTH, _DEFAULT_HEIGHT = 300.0, 150.0
_TAB_SIDE = 32.0
"""Pixels of a tab's icon on a screen of double density, for an SVG that does not say its size."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size to draw at, and the coordinates and CSS pixels that go with it."""

    width: int
    height: int
    view: tuple[float, float, float, float]
    """The viewBox, given or made."""
    has_view: bool
    page_width: float
    """In CSS pixels, which media queries see."""
    page_height: float


def size_of(attributes: Mapping[str, str], side: int | None, room: tuple[float, float] | None = None) -> Size:
    """The size by the root's attributes, the longer side `side` pixels, or its own without one.

    What says neither size nor shape fills the `room` of the `image` that shows it.

    Raises SvgBlank if the size is zero or the viewBox is empty, DecodeFailed if it is no finite number.
    """
    view = view_box(attributes.get("viewBox", ""))
    if view is None and _has_no_area(attributes.get("viewBox", "")):
        raise SvgBlank("The SVG's viewBox has no area.")
    width, height = _pixels(attributes.get("width")), _pixels(attributes.get("height"))
    if width == 0 or height == 0:
        raise SvgBlank("The SVG is of size zero.")
    if view is not None:
        # One missing length follows from the other and the shape of the viewBox (SVG 2, 8.12).
        natural_width = width or (height * view[2] / view[3] if height else view[2])
        natural_height = height or natural_width * view[3] / view[2]
    else:
        default = room or (_DEFAULT_WIDTH, _DEFAULT_HEIGHT)
        natural_width, natural_height = width or default[0], height or default[1]
    longer = max(natural_width, natural_height)
    if not 0 < longer < float("inf") or min(natural_width, natural_height) <= 0:
        raise DecodeFailed("The SVG's size is not a finite number.")
    scale = side / longer if side else 1.0
    drawn = max(1, round(natural_width * scale)), max(1, round(natural_height * scale))
    # What has no size of its own is laid out on the tab's pixels.
    page = 1.0 if width or height else _TAB_SIDE / longer
    return Size(
        drawn[0],
        drawn[1],
        view or (0.0, 0.0, width or drawn[0], height or drawn[1]),
        view is not None,
        natural_width * page,
        natural_height * page,
    )


def view_box(text: str) -> tuple[float, float, float, float] | None:
    """The four numbers of a viewBox; None unless it has an area."""
    numbers = _view_numbers(text)
    if len(numbers) != 4 or numbers[2] <= 0 or numbers[3] <= 0:  # noqa: PLR2004
        return None
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _view_numbers(text: str) -> list[float]:
    found = _VIEW.fullmatch(text)
    return [float(number) for number in found.groups()] if found else []


def _has_no_area(text: str) -> bool:
    """Whether a viewBox is valid and empty, which turns drawing off (SVG 2, 8.6)."""
    numbers = _view_numbers(text)
    return len(numbers) == 4 and min(numbers[2:]) == 0  # noqa: PLR2004


def _pixels(length: str | None) -> float | None:
    """A CSS length in pixels; None for percentages, negative ones, and what is no length."""
    found = _LENGTH.fullmatch(length.lower()) if length else None
    if found is None:
        return None
    value = float(found[1]) * _UNITS[found[2] or "px"]
    return value if value >= 0 else None
