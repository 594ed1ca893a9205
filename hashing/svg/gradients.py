"""CSS gradients, which SVG lacks or draws otherwise, as pixels (CSS Images 4, 3)."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from samelook.hashing.svg.boxes import Box
from samelook.hashing.svg.colours import Rgba, colour_of
from samelook.hashing.svg.images import png_url
from samelook.hashing.svg.mathematics import (
    Measure,
    NotANumber,
    angle,
    evaluated,
    split_at_commas,
    without_space,
)
from samelook.hashing.svg.mixing import MODERN, finer
from samelook.hashing.svg.spaces import MIXING
from samelook.hashing.svg.transforms import position_of

_SIDE: Final = 128
_TURNS: Final = {
    "top": 0.0, "right": 90.0, "bottom": 180.0, "left": 270.0,
}  # fmt: skip
Stop = tuple[float | None, Rgba]


def gradient_url(token: Any, width: float, height: float, measure: Measure) -> str | None:
    """The gradient of a function on a box, as a data URL; None if it is none that is known."""
    if width <= 0 or height <= 0:
        return None
    name = token.lower_name.removeprefix("-webkit-")
    repeats = name.startswith("repeating-")
    parts = [without_space(part) for part in split_at_commas(token.arguments)]
    kind = name.removeprefix("repeating-").removesuffix("-gradient")
    try:
        first = parts[0]
        has_colour = any(colour_of([token]) is not None for token in first)
        prelude, rest = ([], parts) if has_colour else (first, parts[1:])
        prelude, space = _interpolation(prelude)
        if any(token.type == "function" and token.lower_name in MODERN for part in rest for token in part):
            space = space or "oklab"
        places, whole = _places(kind, prelude, Box(0, 0, width, height), measure)
        stops = finer(_stops(rest, whole, kind, measure), space or "srgb")
    except (NotANumber, IndexError):
        return None
    if len(stops) < 2:  # noqa: PLR2004
        return None
    return png_url(_painted(places, stops, repeats=repeats))


def _interpolation(prelude: list[Any]) -> tuple[list[Any], str]:
    """What comes before the stops without the space that it names, and that space. Raises NotANumber."""
    at = next((i for i, t in enumerate(prelude) if t.type == "ident" and t.lower_value == "in"), None)
    if at is None:
        return prelude, ""
    space = {"srgb-linear": "linear"}.get(prelude[at + 1].lower_value, prelude[at + 1].lower_value)
    if space not in {*MIXING, "srgb"}:
        raise NotANumber
    return prelude[:at] + prelude[at + 2 :], space


def _places(kind: str, prelude: list[Any], box: Box, measure: Measure) -> tuple[NDArray[np.float64], float]:
    """Where on the gradient's line each pixel lies, and how long the line is (for percentages: 1)."""
    xs = (np.arange(_SIDE) + 0.5) / _SIDE * box.width
    ys = ((np.arange(_SIDE) + 0.5) / _SIDE * box.height)[:, None]
    words = [t.lower_value for t in prelude if t.type == "ident"]
    if kind == "linear":
        turned = math.radians(_direction(prelude, words, box))
        dx, dy = math.sin(turned), -math.cos(turned)
        line = abs(box.width * dx) + abs(box.height * dy)
        along = (xs - box.width / 2) * dx + (ys - box.height / 2) * dy
        return along / line + 0.5, line
    at = next((i for i, t in enumerate(prelude) if t.type == "ident" and t.lower_value == "at"), len(prelude))
    centre = (
        position_of(prelude[at + 1 :], measure, box) if at < len(prelude) else (box.width / 2, box.height / 2)
    )
    x, y = xs - centre[0], ys - centre[1]
    if kind == "conic":
        start = 0.0
        if prelude and getattr(prelude[0], "lower_value", "") == "from":
            start = angle(prelude[1])
        return ((np.degrees(np.arctan2(x, -y)) - start) % 360) / 360, 360.0
    if kind == "radial":
        rx, ry = _extent(prelude[:at], words, centre, box, measure)
        return np.hypot(x / rx, y / ry), rx
    raise NotANumber


def _direction(prelude: list[Any], words: list[str], box: Box) -> float:
    if not prelude:
        return 180.0
    if words and words[0] == "to":
        sides = words[1:]
        if len(sides) == 1:
            return _TURNS.get(sides[0], 180.0)
        # To a corner: the line of half way goes through the other two.
        across = math.degrees(math.atan2(box.height, box.width))
        right, bottom = "right" in sides, "bottom" in sides
        if right:
            return 90 + (90 - across) if bottom else across
        return 270 - (90 - across) if bottom else 360 - across
    return angle(prelude[0])


def _extent(
    sizes: list[Any], words: list[str], centre: tuple[float, float], box: Box, measure: Measure
) -> tuple[float, float]:
    numbers = [t for t in sizes if t.type in {"dimension", "percentage", "number", "function"}]
    if len(numbers) == 1:
        radius = evaluated(numbers, box.width, measure, {})
        return radius, radius
    if len(numbers) == 2:  # noqa: PLR2004
        return evaluated(numbers[:1], box.width, measure, {}), evaluated(numbers[1:], box.height, measure, {})
    left, top = centre
    far_x, far_y = max(left, box.width - left), max(top, box.height - top)
    near_x, near_y = min(left, box.width - left), min(top, box.height - top)
    is_near = any(word.startswith("closest") for word in words)
    x, y = (near_x, near_y) if is_near else (far_x, far_y)
    is_side = any(word.endswith("-side") for word in words)
    if "circle" in words:
        radius = (min(x, y) if is_near else max(x, y)) if is_side else math.hypot(x, y)
        return max(radius, 1e-6), max(radius, 1e-6)
    stretch = 1.0 if is_side else math.sqrt(2)
    return max(x * stretch, 1e-6), max(y * stretch, 1e-6)


def _stops(parts: list[list[Any]], whole: float, kind: str, measure: Measure) -> list[tuple[float, Rgba]]:
    found: list[Stop] = []
    for part in parts:
        colour = next((c for c in (colour_of([t]) for t in part) if c is not None), None)
        places = [t for t in part if colour_of([t]) is None]
        if colour is None:
            raise NotANumber
        if not places:
            found.append((None, colour))
        for token in places:
            value = angle(token) if kind == "conic" and token.type != "percentage" else None
            if value is None:
                value = evaluated([token], whole, measure, {})
            found.append((value / whole, colour))
    return _placed(found)


def _placed(stops: list[Stop]) -> list[tuple[float, Rgba]]:
    """Stops without a place lie evenly between their neighbours; none lies before an earlier one."""
    places: list[float | None] = [place for place, _ in stops]
    if places:
        places[0] = 0.0 if places[0] is None else places[0]
        places[-1] = 1.0 if places[-1] is None else places[-1]
    latest = -math.inf
    for index, place in enumerate(places):
        if place is not None:
            latest = places[index] = max(place, latest)
    known = [index for index, place in enumerate(places) if place is not None]
    filled = np.interp(range(len(places)), known, [places[index] or 0.0 for index in known])
    return [(float(place), colour) for place, (_, colour) in zip(filled, stops, strict=True)]


def _painted(
    places: NDArray[np.float64], stops: list[tuple[float, Rgba]], *, repeats: bool
) -> NDArray[np.uint8]:
    at = np.array([place for place, _ in stops])
    if repeats and at[-1] > at[0]:
        places = at[0] + (places - at[0]) % (at[-1] - at[0])
    colours = np.array([colour for _, colour in stops])
    weighted = colours.copy()
    weighted[:, :3] *= colours[:, 3:]
    # np.interp takes the last of several stops at one place to the right, as hard edges need it.
    at = at + np.arange(len(at)) * 1e-9
    mixed = np.stack([np.interp(places, at, weighted[:, channel]) for channel in range(4)], axis=-1)
    mixed[..., :3] /= np.maximum(mixed[..., 3:], 1e-9)
    painted: NDArray[np.uint8] = np.round(np.clip(mixed, 0, 1) * 255).astype(np.uint8)
    return painted
