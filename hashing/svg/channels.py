"""The channels of a colour function: what each is called, and the two ways to write them (CSS Color 4)."""

from __future__ import annotations

from typing import Any, Final

Triple = tuple[float, float, float]

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
