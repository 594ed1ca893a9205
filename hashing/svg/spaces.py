"""Colour spaces: how their channels become those of sRGB, and back (CSS Color 4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from samelook.hashing.svg.channels import Triple

Matrix = tuple[Triple, Triple, Triple]

# Rows of matrices to linear-light sRGB (CSS Color 4, 18).
_XYZ_TO_RGB = (
    (3.2409699419045226, -1.537383177570094, -0.4986107602930034),
    (-0.9692436362808796, 1.8759675015077202, 0.04155505740717559),
    (0.05563007969699366, -0.20397695888897652, 1.0569715142428786),
)
RGB_TO_XYZ = (
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


def times(matrix: Matrix, vector: Sequence[float]) -> Triple:
    a, b, c = vector
    first, second, third = (row[0] * a + row[1] * b + row[2] * c for row in matrix)
    return first, second, third


def _each(function: Callable[[float], float], values: Sequence[float]) -> Triple:
    first, second, third = (math.copysign(function(abs(value)), value) for value in values)
    return first, second, third


def _encoded(linear: Sequence[float]) -> Triple:
    return _each(lambda v: 1.055 * v ** (1 / 2.4) - 0.055 if v > 0.0031308 else 12.92 * v, linear)  # noqa: PLR2004


def linear(encoded: Sequence[float]) -> Triple:
    return _each(lambda v: ((v + 0.055) / 1.055) ** 2.4 if v > 0.04045 else v / 12.92, encoded)  # noqa: PLR2004


def _xyz(xyz: Sequence[float]) -> Triple:
    return _encoded(times(_XYZ_TO_RGB, xyz))


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
    return _xyz(times(_D50_TO_D65, (x * 0.3457 / 0.3585, y, z * 0.2958 / 0.3585)))


def _oklab(lab: Triple) -> Triple:
    return _xyz(times(_LMS_TO_XYZ, _each(lambda v: v**3, times(_OKLAB_TO_LMS, lab))))


def _to_oklab(rgb: Sequence[float]) -> Triple:
    xyz = times(RGB_TO_XYZ, linear(rgb))
    return times(_LMS_TO_OKLAB, _each(lambda v: v ** (1 / 3), times(_XYZ_TO_LMS, xyz)))


MIXING: Final[dict[str, tuple[Callable[[Triple], Triple], Callable[[Triple], Triple]]]] = {
    "oklab": (_to_oklab, _oklab),
    "linear": (linear, _encoded),
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
        xyz = times(matrix, _each(decode, channels))
        return _xyz(times(_D50_TO_D65, xyz) if name == "prophoto-rgb" else xyz)

    return convert


def _rec2020(value: float) -> float:
    return value / 4.5 if value < 0.0810 else ((value + 0.0993) / 1.0993) ** (1 / 0.45)  # noqa: PLR2004


def _inverse(rows: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = rows
    whole = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return (
        ((e * i - f * h) / whole, (c * h - b * i) / whole, (b * f - c * e) / whole),
        ((f * g - d * i) / whole, (a * i - c * g) / whole, (c * d - a * f) / whole),
        ((d * h - e * g) / whole, (b * g - a * h) / whole, (a * e - b * d) / whole),
    )


_D65_TO_D50 = _inverse(_D50_TO_D65)


def _to_xyz(rgb: Sequence[float]) -> Triple:
    return times(RGB_TO_XYZ, linear(rgb))


def _to_lab(rgb: Sequence[float]) -> Triple:
    x, y, z = times(_D65_TO_D50, _to_xyz(rgb))
    kappa, epsilon = 24389 / 27, 216 / 24389

    def bent(value: float) -> float:
        return value ** (1 / 3) if value > epsilon else (kappa * value + 16) / 116

    f0, f1, f2 = bent(x / (0.3457 / 0.3585)), bent(y), bent(z / (0.2958 / 0.3585))
    return 116 * f1 - 16, 500 * (f0 - f1), 200 * (f1 - f2)


def _to_rgb_space(name: str, encode: Callable[[float], float]) -> Callable[[Sequence[float]], Triple]:
    matrix = _inverse(_TO_XYZ[name])

    def convert(rgb: Sequence[float]) -> Triple:
        xyz = _to_xyz(rgb)
        return _each(encode, times(matrix, times(_D65_TO_D50, xyz) if name == "prophoto-rgb" else xyz))

    return convert


def _to_rec2020(value: float) -> float:
    return 4.5 * value if value < 0.0181 else 1.0993 * value**0.45 - 0.0993  # noqa: PLR2004


INTO_RGB: Final[dict[str, Callable[[Triple], Triple]]] = {
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
    "xyz-d50": lambda xyz: _xyz(times(_D50_TO_D65, xyz)),
    "display-p3": _rgb_space("display-p3", lambda v: linear((v, v, v))[0]),
    "a98-rgb": _rgb_space("a98-rgb", lambda v: v ** (563 / 256)),
    "rec2020": _rgb_space("rec2020", _rec2020),
    "prophoto-rgb": _rgb_space("prophoto-rgb", lambda v: v / 16 if v < 16 / 512 else v**1.8),
}
FROM_RGB: Final[dict[str, Callable[[Sequence[float]], Triple]]] = {
    "rgb": lambda rgb: (rgb[0] * 255, rgb[1] * 255, rgb[2] * 255),
    "srgb": _triple,
    "srgb-linear": linear,
    "hsl": _to_hsl,
    "hwb": _to_hwb,
    "oklab": _to_oklab,
    "oklch": lambda rgb: _polar(_to_oklab(rgb)),
    "lab": _to_lab,
    "lch": lambda rgb: _polar(_to_lab(rgb)),
    "xyz": _to_xyz,
    "xyz-d50": lambda rgb: times(_D65_TO_D50, _to_xyz(rgb)),
    "display-p3": _to_rgb_space("display-p3", lambda v: _encoded((v, v, v))[0]),
    "a98-rgb": _to_rgb_space("a98-rgb", lambda v: v ** (256 / 563)),
    "rec2020": _to_rgb_space("rec2020", _to_rec2020),
    "prophoto-rgb": _to_rgb_space("prophoto-rgb", lambda v: v * 16 if v < 1 / 512 else v ** (1 / 1.8)),
}
