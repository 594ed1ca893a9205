"""Colours between the stops of a gradient, in the space that they are mixed in (CSS Color 4, 12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from samelook.hashing.svg.channels import Triple
from samelook.hashing.svg.colours import Rgba
from samelook.hashing.svg.spaces import MIXING

MODERN: Final = frozenset(("oklab", "oklch", "lab", "lch", "color", "color-mix"))
"""Functions of which one in a gradient makes it mix in Oklab."""
_BETWEEN: Final = 8
Stop = tuple[float, Rgba]


def finer(stops: Sequence[Stop], space: str) -> list[Stop]:
    """The stops, and more between them, so that mixing in sRGB shows what mixing in `space` would."""
    if space == "srgb" or not stops:
        return list(stops)
    to, back = MIXING[space]
    found: list[Stop] = []
    for (first, one), (second, other) in pairwise(stops):
        steps = _BETWEEN if second > first else 1
        for step in range(steps):
            share = step / steps
            found.append((first + (second - first) * share, _mixed(one, other, share, to, back)))
    return [*found, stops[-1]]


def _mixed(
    one: Rgba, other: Rgba, share: float, to: Callable[[Triple], Triple], back: Callable[[Triple], Triple]
) -> Rgba:
    alpha = one[3] + (other[3] - one[3]) * share
    if not alpha:
        return one[0], one[1], one[2], 0.0
    weights = one[3] * (1 - share) / alpha, other[3] * share / alpha
    first, second = to(one[:3]), to(other[:3])
    x, y, z = (a * weights[0] + b * weights[1] for a, b in zip(first, second, strict=True))
    red, green, blue = back((x, y, z))
    return red, green, blue, alpha
