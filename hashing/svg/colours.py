"""CSS colours (Color 4 and 5) as sRGB, in the light scheme.

tinycss2 has a parser of colours too, but none of mixing and relative colours, and it converts few
spaces to sRGB. Out of gamut each channel is clipped, as browsers do on an sRGB screen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from tinycss2.color3 import parse_color as parse_color_3

from samelook.hashing.svg.channels import FUNCTIONS, Triple, channels_of
from samelook.hashing.svg.hues import is_hue, turn, with_hues
from samelook.hashing.svg.mathematics import component, split_at_commas, without_space

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

# Rows of matrices to linear-light sRGB (CSS Color 4, 18).
_XYZ_TO_RGB = (
    (3.2409699419045226, -1.537383177570094, -0.4986107602930034),
    (-0.9692436362808796, 1.8759675015077202, 0.04155505740717559),
    (0.05563007969699366, -0.20397695888897652, 1.0569715142428786),
)
_RGB_TO_XYZ = (
    (0.41239079926595934, 0.357584339383878, 0.1804807884018343),
    (0.21263900587151027, 0.715168678767756, 0.07219231536073371),
    (0.01933081871559182, 0.11919477979462598, 0.9505321522496607),
)
_D50_TO_D65 = (
    (0.9554734527042182, -0.023098536874261423, 0.0632593086610217),
    (-0.028369706963208136, 1.0099954580058226, 0.021041398966943008),
    (0.012314001688319899, -0.020507696433477912, 1.3303659366080753),
)
_TO_XYZ: Final = {
    "display-p3": (
        (0.4865709486482162, 0.26566769316909306, 0.1982172852343625),
        (0.2289745640697488, 0.6917385218365064, 0.079286914093745),
        (0.0, 0.04511338185890264, 1.043944368900976),
    ),
    "a98-rgb": (
        (0.5766690429101305, 0.1855582379065463, 0.1882286462349947),
        (0.29734497525053605, 0.6273635662554661, 0.07529145849399788),
        (0.02703136138641234, 0.07068885253582723, 0.9913375368376388),
    ),
    "rec2020": (
        (0.6369580483012914, 0.14461690358620832, 0.1688809751641721),
        (0.2627002120112671, 0.6779980715188708, 0.05930171646986196),
        (0.0, 0.028072693049087428, 1.060985057710791),
    ),
    "prophoto-rgb": (
        (0.7977666449006423, 0.13518129740053308, 0.0313477341283922),
        (0.2880748288194013, 0.711835234241873, 0.00008993693872564),
        (0.0, 0.0, 0.8251046025104602),
    ),
}
_OKLAB_TO_LMS = (
    (1.0, 0.3963377773761749, 0.2158037573099136),
    (1.0, -0.1055613458156586, -0.0638541728258133),
    (1.0, -0.0894841775298119, -1.2914855480194092),
)
_LMS_TO_XYZ = (
    (1.2268798758459243, -0.5578149944602171, 0.2813910456659647),
    (-0.0405757452148008, 1.1122868032803170, -0.0717110580655164),
    (-0.0763729366746601, -0.4214933324022432, 1.5869240198367816),
)
_XYZ_TO_LMS = (
    (0.8190224379967030, 0.3619062600528904, -0.1288737815209879),
    (0.0329836539323885, 0.9292868615863434, 0.0361446663506424),
    (0.0481771893596242, 0.2642395317527308, 0.6335478284694309),
)
_LMS_TO_OKLAB = (
    (0.2104542683093140, 0.7936177747023054, -0.0040720430116193),
    (1.9779985324311684, -2.4285922420485799, 0.4505937096174110),
    (0.0259040424655478, 0.7827717124575296, -0.8086757549230774),
)


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
    luminance = _times(_RGB_TO_XYZ, _linear(colour[:3]))[1]
    return (1, 1, 1, 1) if luminance < 0.1791 else (0, 0, 0, 1)  # noqa: PLR2004


def _by_channels(name: str, tokens: list[Any], current: Rgba, depth: int) -> Rgba | None:  # noqa: C901, PLR0911 - one branch a kind
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
    if space not in _INTO_RGB:
        return None
    if base is not None:
        if space not in _FROM_RGB:
            return None
        named = {
            **dict(zip(letters, _FROM_RGB[space](base[:3]), strict=True)),
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
    alpha = values[3] if len(values) > 3 else named.get("alpha", 1.0)  # noqa: PLR2004
    red, green, blue = _INTO_RGB[space]((values[0], values[1], values[2]))
    return red, green, blue, min(max(alpha, 0.0), 1.0)


def _mixed(tokens: list[Any], current: Rgba, depth: int) -> Rgba | None:
    """color-mix() (CSS Color 5, 3)."""
    parts = split_at_commas(tokens)
    method = [t.lower_value for t in parts[0] if t.type == "ident"]
    if len(parts) != 3 or len(method) < 2 or method[0] != "in":  # noqa: PLR2004
        return None
    way = method[2] if len(method) > 2 else "shorter"  # noqa: PLR2004
    space = method[1].replace("xyz-d65", "xyz")
    if space not in _FROM_RGB or space not in _INTO_RGB:
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
    alphas = colours[0][3], colours[1][3]
    alpha = alphas[0] + (alphas[1] - alphas[0]) * share
    one, other = with_hues(space, *(_FROM_RGB[space](colour[:3]) for colour in colours))
    mixed: list[float] = []
    for index, (a, b) in enumerate(zip(one, other, strict=True)):
        if is_hue(space, index):
            mixed.append(a + turn(b - a, way) * share)
        else:
            sum_of = a * alphas[0] * (1 - share) + b * alphas[1] * share
            mixed.append(sum_of / alpha if alpha else 0.0)
    red, green, blue = _INTO_RGB[space]((mixed[0], mixed[1], mixed[2]))
    return red, green, blue, alpha * min(total, 1.0)


def _times(matrix: tuple[Triple, Triple, Triple], vector: Sequence[float]) -> Triple:
    a, b, c = vector
    first, second, third = (row[0] * a + row[1] * b + row[2] * c for row in matrix)
    return first, second, third


def _each(function: Callable[[float], float], values: Sequence[float]) -> Triple:
    first, second, third = (math.copysign(function(abs(value)), value) for value in values)
    return first, second, third


def _encoded(linear: Sequence[float]) -> Triple:
    return _each(lambda v: 1.055 * v ** (1 / 2.4) - 0.055 if v > 0.0031308 else 12.92 * v, linear)  # noqa: PLR2004


def _linear(encoded: Sequence[float]) -> Triple:
    return _each(lambda v: ((v + 0.055) / 1.055) ** 2.4 if v > 0.04045 else v / 12.92, encoded)  # noqa: PLR2004


def _xyz(xyz: Sequence[float]) -> Triple:
    return _encoded(_times(_XYZ_TO_RGB, xyz))


def _hsl(hsl: Triple) -> Triple:
    hue, saturation, lightness = hsl[0] % 360, max(hsl[1], 0) / 100, hsl[2] / 100
    reach = saturation * min(lightness, 1 - lightness)

    def channel(n: int) -> float:
        k = (n + hue / 30) % 12
        return lightness - reach * max(-1.0, min(k - 3, 9 - k, 1.0))

    return channel(0), channel(8), channel(4)


def _hwb(hwb: Triple) -> Triple:
    hue, white, black = hwb[0], hwb[1] / 100, hwb[2] / 100
    if white + black >= 1:
        return (white / (white + black),) * 3
    first, second, third = (c * (1 - white - black) + white for c in _hsl((hue, 100, 50)))
    return first, second, third


def _lab(lab: Triple) -> Triple:
    f1 = (lab[0] + 16) / 116
    f0, f2 = lab[1] / 500 + f1, f1 - lab[2] / 200
    kappa, epsilon = 24389 / 27, 216 / 24389
    x = f0**3 if f0**3 > epsilon else (116 * f0 - 16) / kappa
    y = f1**3 if lab[0] > kappa * epsilon else lab[0] / kappa
    z = f2**3 if f2**3 > epsilon else (116 * f2 - 16) / kappa
    return _xyz(_times(_D50_TO_D65, (x * 0.3457 / 0.3585, y, z * 0.2958 / 0.3585)))


def _oklab(lab: Triple) -> Triple:
    return _xyz(_times(_LMS_TO_XYZ, _each(lambda v: v**3, _times(_OKLAB_TO_LMS, lab))))


def _to_oklab(rgb: Sequence[float]) -> Triple:
    xyz = _times(_RGB_TO_XYZ, _linear(rgb))
    return _times(_LMS_TO_OKLAB, _each(lambda v: v ** (1 / 3), _times(_XYZ_TO_LMS, xyz)))


MIXING: Final[dict[str, tuple[Callable[[Triple], Triple], Callable[[Triple], Triple]]]] = {
    "oklab": (_to_oklab, _oklab),
    "linear": (_linear, _encoded),
}
"""The spaces that gradients mix colours in: how an sRGB colour gets there, and back."""


def _polar(lab: Triple) -> Triple:
    return lab[0], math.hypot(lab[1], lab[2]), math.degrees(math.atan2(lab[2], lab[1])) % 360


def _cartesian(lch: Triple) -> Triple:
    chroma = max(lch[1], 0)
    return lch[0], chroma * math.cos(math.radians(lch[2])), chroma * math.sin(math.radians(lch[2]))


def _to_hsl(rgb: Sequence[float]) -> Triple:
    high, low = max(rgb), min(rgb)
    reach, lightness = high - low, (high + low) / 2
    if reach <= 0:
        return 0.0, 0.0, lightness * 100
    red, green, blue = rgb
    if high == red:
        hue = (green - blue) / reach % 6
    elif high == green:
        hue = (blue - red) / reach + 2
    else:
        hue = (red - green) / reach + 4
    room = min(lightness, 1 - lightness)
    return hue * 60, ((high - lightness) / room if room else 0.0) * 100, lightness * 100


def _to_hwb(rgb: Sequence[float]) -> Triple:
    return _to_hsl(rgb)[0], min(rgb) * 100, (1 - max(rgb)) * 100


def _triple(values: Sequence[float]) -> Triple:
    return values[0], values[1], values[2]


def _rgb_space(name: str, decode: Callable[[float], float]) -> Callable[[Triple], Triple]:
    matrix = _TO_XYZ[name]

    def convert(channels: Triple) -> Triple:
        xyz = _times(matrix, _each(decode, channels))
        return _xyz(_times(_D50_TO_D65, xyz) if name == "prophoto-rgb" else xyz)

    return convert


def _rec2020(value: float) -> float:
    return value / 4.5 if value < 0.0810 else ((value + 0.0993) / 1.0993) ** (1 / 0.45)  # noqa: PLR2004


_INTO_RGB: Final[dict[str, Callable[[Triple], Triple]]] = {
    "rgb": lambda rgb: (rgb[0] / 255, rgb[1] / 255, rgb[2] / 255),
    "srgb": _triple,
    "srgb-linear": _encoded,
    "hsl": _hsl,
    "hwb": _hwb,
    "lab": _lab,
    "lch": lambda lch: _lab(_cartesian(lch)),
    "oklab": _oklab,
    "oklch": lambda lch: _oklab(_cartesian(lch)),
    "xyz": _xyz,
    "xyz-d50": lambda xyz: _xyz(_times(_D50_TO_D65, xyz)),
    "display-p3": _rgb_space("display-p3", lambda v: _linear((v, v, v))[0]),
    "a98-rgb": _rgb_space("a98-rgb", lambda v: v ** (563 / 256)),
    "rec2020": _rgb_space("rec2020", _rec2020),
    "prophoto-rgb": _rgb_space("prophoto-rgb", lambda v: v / 16 if v < 16 / 512 else v**1.8),
}
_FROM_RGB: Final[dict[str, Callable[[Sequence[float]], Triple]]] = {
    "rgb": lambda rgb: (rgb[0] * 255, rgb[1] * 255, rgb[2] * 255),
    "srgb": _triple,
    "srgb-linear": _linear,
    "hsl": _to_hsl,
    "hwb": _to_hwb,
    "oklab": _to_oklab,
    "oklch": lambda rgb: _polar(_to_oklab(rgb)),
    "xyz": lambda rgb: _times(_RGB_TO_XYZ, _linear(rgb)),
}
