"""Hues of two colours that are mixed: which way round, and whose where one is grey."""

from __future__ import annotations

import math

Triple = tuple[float, float, float]


def turn(apart: float, way: str) -> float:
    """How far a hue goes to another that lies so many degrees apart (CSS Color 4, 12.4)."""
    short = (apart + 180) % 360 - 180
    if way == "longer" and short:
        return short - math.copysign(360, short)
    if way == "increasing":
        return short % 360
    return -(-short % 360) if way == "decreasing" else short


def with_hues(space: str, first: Triple, second: Triple) -> tuple[Triple, Triple]:
    """The colours, of which a grey one takes over the hue of the other (CSS Color 4, 12.2)."""
    strength = {"hsl": (1, 1e-3), "lch": (1, 1.5e-2), "oklch": (1, 4e-4)}.get(space)
    if strength is None:
        return first, second
    place, least = strength
    hue = 0 if space == "hsl" else 2
    if first[place] < least:
        first = (*first[:hue], second[hue], *first[hue + 1 :])  # type: ignore[assignment]  # three again
    elif second[place] < least:
        second = (*second[:hue], first[hue], *second[hue + 1 :])  # type: ignore[assignment]  # three again
    return first, second


def is_hue(space: str, index: int) -> bool:
    """Whether a channel of a space is an angle."""
    return index == {"hsl": 0, "hwb": 0, "lch": 2, "oklch": 2}.get(space, -1)
