"""The channels of a colour function: what each is called, and the two ways to write them (CSS Color 4)."""

from __future__ import annotations

from typing import Any, Final

from samelook.hashing.svg.mathematics import without_space

Triple = tuple[float, float, float]
_ALIKE: Final[tuple[dict[str, int], ...]] = (
    {"hsl": 0, "hwb": 0, "lch": 2, "oklch": 2},
    {"hsl": 2, "lab": 0, "lch": 0, "oklab": 0, "oklch": 0},
    {"hsl": 1, "lch": 1, "oklch": 1},
)
"""Hue, lightness and strength: at which place each space has them."""

# Each function: its channels' names and what 100 % of each is (0: a hue).
FUNCTIONS: Final[dict[str, tuple[str, Triple]]] = {
    "rgb": ("rgb", (255, 255, 255)),
    "rgba": ("rgb", (255, 255, 255)),
    "hsl": ("hsl", (0, 100, 100)),
    "hsla": ("hsl", (0, 100, 100)),
    "hwb": ("hwb", (0, 100, 100)),
    "lab": ("lab", (100, 125, 125)),
    "lch": ("lch", (100, 150, 0)),
    "oklab": ("lab", (1, 0.4, 0.4)),
    "oklch": ("lch", (1, 0.4, 0)),
}


_WITH_COMMAS: Final = frozenset(("rgb", "rgba", "hsl", "hsla"))


def channels_of(name: str, tokens: list[Any], *, is_relative: bool) -> list[Any] | None:
    """The three channels, and alpha if it is said; None for what is neither of the two ways (4.1)."""
    marks = [token.value if token.type == "literal" else "" for token in tokens]
    channels = [token for token, mark in zip(tokens, marks, strict=True) if not mark]
    if "," not in marks:
        return channels if marks in (["", "", ""], ["", "", "", "/", ""]) else None
    if name not in _WITH_COMMAS or is_relative or len(channels) not in {3, 4}:
        return None
    if marks != ["", ","] * (len(channels) - 1) + [""] or any(token.type == "ident" for token in channels):
        return None
    kinds = {token.type for token in channels[:3] if token.type != "function"}
    if name.startswith("rgb"):
        return channels if kinds in ({"number"}, {"percentage"}, set()) else None
    return channels if all(token.type in {"percentage", "function"} for token in channels[1:3]) else None


def missing_in(part: list[Any], space: str) -> frozenset[int]:
    """Which channels of `space` a colour leaves open by `none`; 3 is alpha (CSS Color 4, 12.2)."""
    token = next((token for token in part if token.type == "function"), None)
    if token is None:
        return frozenset()
    inner = [t for t in without_space(token.arguments) if t.type != "literal"]
    own = token.lower_name.removesuffix("a") if token.lower_name in _WITH_COMMAS else token.lower_name
    if own == "color" and inner and inner[0].type == "ident":
        own, inner = inner[0].lower_value.replace("xyz-d65", "xyz"), inner[1:]
    gaps = {at for at, t in enumerate(inner) if t.type == "ident" and t.lower_value == "none"}
    if own == space or {own, space} <= {"rgb", "srgb", "srgb-linear"}:
        return frozenset(gaps)
    # Of other spaces alpha, a hue and a lightness are the same thing.
    kept = gaps & {3}
    for places in _ALIKE:
        if own in places and space in places and places[own] in gaps:
            kept.add(places[space])
    return frozenset(kept)


def filled(own: Triple, other: Triple, gaps: frozenset[int]) -> Triple:
    """The channels, those that are left open taken from the other colour."""
    first, second, third = (other[at] if at in gaps else own[at] for at in range(3))
    return first, second, third
