"""CSS colours (Color 4 and 5) as sRGB, in the light scheme.

tinycss2 has a parser of colours too, but none of mixing and relative colours, and it converts few
spaces to sRGB. Out of gamut each channel is clipped, as browsers do on an sRGB screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tinycss2.color3 import parse_color as parse_color_3

from samelook.hashing.svg.channels import FUNCTIONS, channels_of, filled, missing_in
from samelook.hashing.svg.hues import is_hue, turn, with_hues
from samelook.hashing.svg.mathematics import component, split_at_commas, without_space
from samelook.hashing.svg.spaces import FROM_RGB, INTO_RGB, RGB_TO_XYZ, linear, times

Rgba = tuple[float, float, float, float]
"""Red, green, blue and alpha, each from 0 to 1."""

_SYSTEM: Final[dict[str, Rgba]] = {
    name: (*(int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)), 1.0)  # type: ignore[misc]
    for name, digits in {
        "accentcolor": "0075ff", "accentcolortext": "ffffff", "activetext": "ff0000",
        "buttonborder": "000000",
        "buttonface": "efefef", "buttontext": "000000", "canvas": "ffffff", "canvastext": "000000",
        "field": "ffffff", "fieldtext": "000000", "graytext": "808080", "highlight": "3390ff",
        "highlighttext": "000000", "linktext": "0000ee", "mark": "ffff00", "marktext": "000000",
        "visitedtext": "551a8b",
    }.items()
}  # fmt: skip
_MOST_NESTED = 8
_ALPHA = 3


def colour_of(tokens: Sequence[Any], current: Rgba = (0, 0, 0, 1)) -> Rgba | None:
    """The colour that component values are, None if they are no colour. `current` is currentColor."""
    return _colour(tokens, current, _MOST_NESTED)


def as_text(colour: Rgba) -> str:
    """The colour as `#rrggbb`, or `rgba()` where it is not opaque: every renderer reads these."""
    red, green, blue = (round(min(max(channel, 0.0), 1.0) * 255) for channel in colour[:3])
    alpha = round(min(max(colour[3], 0.0), 1.0), 4)
    return f"#{red:02x}{green:02x}{blue:02x}" if alpha == 1 else f"rgba({red},{green},{blue},{alpha:g})"


def _colour(tokens: Sequence[Any], current: Rgba, depth: int) -> Rgba | None:  # noqa: C901, PLR0911 - one branch a kind
    tokens = without_space(tokens)
    if len(tokens) != 1 or not depth:
        return None
    token = tokens[0]
    if token.type == "ident":
        if token.lower_value == "currentcolor":
            return current
        if token.lower_value in _SYSTEM:
            return _SYSTEM[token.lower_value]
        if token.lower_value == "rebeccapurple":
            return 0.4, 0.2, 0.6, 1.0
    if token.type in {"ident", "hash"}:
        found = parse_color_3(token)
        if found is None and token.type == "hash" and len(token.value) in {4, 8}:
            return _hash_with_alpha(token.value)
        return None if found is None or isinstance(found, str) else (found[0], found[1], found[2], found[3])
    if token.type != "function":
        return None
    name, inner = token.lower_name, without_space(token.arguments)
    if name == "light-dark":
        parts = split_at_commas(inner)
        if len(parts) != 2 or _colour(parts[1], current, depth - 1) is None:  # noqa: PLR2004
            return None
        return _colour(parts[0], current, depth - 1)
    if name == "color-mix":
        return _mixed(inner, current, depth)
    if name == "contrast-color":
        base = _colour(inner, current, depth - 1)
        return None if base is None else _contrasting(base)
    return _by_channels(name, inner, current, depth)


def _hash_with_alpha(digits: str) -> Rgba | None:
    wide = digits if len(digits) == 8 else "".join(digit * 2 for digit in digits)  # noqa: PLR2004
    try:
        red, green, blue, alpha = bytes.fromhex(wide)
    except ValueError:
        return None
    return red / 255, green / 255, blue / 255, alpha / 255


def _contrasting(colour: Rgba) -> Rgba:
    luminance = times(RGB_TO_XYZ, linear(colour[:3]))[1]
    return (1, 1, 1, 1) if luminance < 0.1791 else (0, 0, 0, 1)  # noqa: PLR2004


# The channel that ends at 100 % when it is read: saturation, or lightness.
_BOUNDED: Final[dict[str, tuple[int, float]]] = {
    "hsl": (1, 100), "hsla": (1, 100), "lab": (0, 100), "lch": (0, 100), "oklab": (0, 1), "oklch": (0, 1),
}  # fmt: skip


def _by_channels(  # noqa: C901, PLR0911, PLR0912 - one branch a kind
    name: str, tokens: list[Any], current: Rgba, depth: int
) -> Rgba | None:
    named: dict[str, float] = {}
    base: Rgba | None = None
    if tokens and tokens[0].type == "ident" and tokens[0].lower_value == "from" and len(tokens) > 1:
        base = _colour(tokens[1:2], current, depth - 1)
        if base is None:
            return None
        tokens = tokens[2:]
    space = name.removesuffix("a") if name in {"rgba", "hsla"} else name
    if name == "color":
        if not tokens or tokens[0].type != "ident":
            return None
        space = tokens[0].lower_value.replace("xyz-d65", "xyz")
        tokens = tokens[1:]
        letters, whole = ("xyz" if space.startswith("xyz") else "rgb"), (1.0, 1.0, 1.0)
    elif name in FUNCTIONS:
        letters, whole = FUNCTIONS[name]
    else:
        return None
    if space not in INTO_RGB:
        return None
    if base is not None:
        if space not in FROM_RGB:
            return None
        named = {
            **dict(zip(letters, FROM_RGB[space](base[:3]), strict=True)),
            "alpha": base[3],
        }
    channels = channels_of(name, tokens, is_relative=base is not None)
    if channels is None:
        return None
    values: list[float] = []
    for token, per_cent in zip(channels, (*whole, 1.0), strict=False):
        value = component(token, per_cent, named)
        if value is None:
            return None
        values.append(value)
    if name in _BOUNDED and (base is None or space != "hsl"):
        place, most = _BOUNDED[name]
        values[place] = min(max(values[place], 0.0), most)
    alpha = values[3] if len(values) > 3 else named.get("alpha", 1.0)  # noqa: PLR2004
    red, green, blue = INTO_RGB[space]((values[0], values[1], values[2]))
    return red, green, blue, min(max(alpha, 0.0), 1.0)


def _mixed(tokens: list[Any], current: Rgba, depth: int) -> Rgba | None:
    """color-mix() (CSS Color 5, 3)."""
    parts = split_at_commas(tokens)
    method = [t.lower_value for t in parts[0] if t.type == "ident"]
    if len(parts) != 3 or len(method) not in {2, 4} or method[0] != "in" or method[3:] not in ([], ["hue"]):  # noqa: PLR2004
        return None
    way = method[2] if len(method) > 2 else "shorter"  # noqa: PLR2004
    space = method[1].replace("xyz-d65", "xyz")
    if space not in FROM_RGB or space not in INTO_RGB:
        return None
    colours: list[Rgba] = []
    shares: list[float | None] = []
    for part in parts[1:]:
        colour = _colour([t for t in part if t.type != "percentage"], current, depth - 1)
        if colour is None:
            return None
        colours.append(colour)
        shares.append(next((t.value / 100 for t in part if t.type == "percentage"), None))
    first, second = shares
    if first is None:
        first = 1 - second if second is not None else 0.5
    if second is None:
        second = 1 - first
    total = first + second
    if total <= 0:
        return None
    share = second / total
    gaps = [missing_in(part, space) for part in parts[1:]]
    # An alpha that is `none` is the other's.
    alphas = [colour[3] for colour in colours]
    alphas = [alphas[1 - at] if _ALPHA in gaps[at] else alphas[at] for at in (0, 1)]
    alpha = alphas[0] + (alphas[1] - alphas[0]) * share
    one, other = (
        filled(FROM_RGB[space](colour[:3]), FROM_RGB[space](beside[:3]), gap)
        for colour, beside, gap in zip(colours, reversed(colours), gaps, strict=True)
    )
    one, other = with_hues(space, one, other)
    mixed: list[float] = []
    for index, (a, b) in enumerate(zip(one, other, strict=True)):
        if is_hue(space, index):
            mixed.append(a + turn(b - a, way) * share)
        else:
            sum_of = a * alphas[0] * (1 - share) + b * alphas[1] * share
            mixed.append(sum_of / alpha if alpha else 0.0)
    red, green, blue = INTO_RGB[space]((mixed[0], mixed[1], mixed[2]))
    return red, green, blue, alpha * min(total, 1.0)
