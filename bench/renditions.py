"""Renditions of marks that the map of `looks/marks.py` was not made from: drawn, and real other versions.

The icons are those of `training/icons.py`; what is done to them here shares no code with what training does.
"""

from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from bench.accuracy_data import Rgba, random_colour
from training.icons import Icons, is_held_out

Draw = Callable[["Mark", np.random.Generator], Rgba]
Part = Literal["trained", "fitted", "checked"]
"""Whether a brand's icons made the map, chose the points of its rule, or only check both."""
_NO_BRANDS: Final = ("letter ", "coin ", "@", "super-tiny-icons ")
_LINES: Final = "@iconify-json/arcticons"
_COLOURLESS: Final = 24
_LIGHT: Final = 150


@dataclass(frozen=True, eq=False)
class Mark:
    """An icon with its sign cut out, as sites show it: coloured, on nothing or on a tile."""

    brand: str
    package: str
    rgba: Rgba
    sign: NDArray[np.uint8]
    """How much of each point is sign."""
    colour: tuple[int, int, int]
    """The sign's, in the mean."""


def part_of(brand: str) -> Part:
    """What a brand serves for: those that the map was not made from are divided by their first letters."""
    if not is_held_out(brand):
        return "trained"
    return "fitted" if _seed("half" + brand[:4]) % 2 else "checked"


def marks(file: Path, part: Part) -> list[Mark]:
    """The brands' icons in a file of `training.icons` that serve for something."""
    icons = Icons.load(file)
    return [
        _mark(planes, brand, package)
        for planes, brand, package in zip(
            icons.pictures, icons.brands.tolist(), icons.packages.tolist(), strict=True
        )
        if not brand.startswith(_NO_BRANDS) and part_of(brand) == part
    ]


def is_of_lines(mark: Mark) -> bool:
    """Whether an icon is of a set that draws every brand anew as thin lines."""
    return mark.package == _LINES


def _mark(planes: NDArray[np.uint8], brand: str, package: str) -> Mark:
    alpha = planes[3].astype(np.float32)
    straight = planes[:3].astype(np.float32) * 255 / np.maximum(alpha, 1)
    rgba = np.concatenate([straight, alpha[None]]).clip(0, 255).round().astype(np.uint8).transpose(1, 2, 0)
    weight = planes[4].astype(np.float32) + 1e-3
    mean = (straight * weight).sum((1, 2)) / weight.sum()
    colour = (int(mean[0]), int(mean[1]), int(mean[2]))
    rng = np.random.default_rng(_seed(package + brand))
    if max(colour) < _COLOURLESS and (planes[4] == planes[3]).all():
        # A glyph without a colour of its own: sites give it one, or put it in white on one.
        colour = random_colour(rng)
        if rng.random() < 1 / 3:
            rgba = _in(colour, planes[4])
        else:
            rgba, colour = _over(_framed(_in((255, 255, 255), planes[4])), colour), (255, 255, 255)
            return Mark(brand, package, rgba, np.asarray(_framed(_in(colour, planes[4])))[..., 3], colour)
    return Mark(brand, package, rgba, planes[4], colour)


def _seed(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")


def _in(colour: tuple[int, ...], sign: NDArray[np.uint8]) -> Rgba:
    out = np.empty((*sign.shape, 4), np.uint8)
    out[..., :3] = colour
    out[..., 3] = sign
    return out


def _framed(icon: Rgba, share: float = 0.64) -> Rgba:
    """The icon with room around it."""
    side = icon.shape[0]
    small = max(1, round(side * share))
    out = Image.new("RGBA", (side, side))
    shrunk = Image.fromarray(icon, "RGBA").convert("RGBa").resize((small, small), Image.Resampling.BICUBIC)
    out.paste(shrunk.convert("RGBA"), ((side - small) // 2, (side - small) // 2))
    return np.asarray(out)


def _over(icon: Rgba, colour: tuple[int, ...], shape: int = 0) -> Rgba:
    """The icon on a tile: a square, a rounded one, a disc."""
    side = icon.shape[0]
    tile = Image.new("RGBA", (4 * side, 4 * side))
    draw, end = ImageDraw.Draw(tile), 4 * side - 1
    if shape == 0:
        draw.rectangle((0, 0, end, end), fill=colour)
    elif shape == 1:
        draw.rounded_rectangle((0, 0, end, end), side, fill=colour)
    else:
        draw.ellipse((0, 0, end, end), fill=colour)
    tile = tile.resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(Image.alpha_composite(tile, Image.fromarray(icon, "RGBA")))


def _bold_colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(rng.random(), rng.uniform(0.25, 0.5), rng.uniform(0.5, 1))
    return round(red * 255), round(green * 255), round(blue * 255)


def _exchanged(mark: Mark, rng: np.random.Generator) -> Rgba:
    if sum(mark.colour) > 3 * _LIGHT:
        return _over(_in(_bold_colour(rng), mark.sign), (255, 255, 255))
    return _over(_framed(_in((255, 255, 255), mark.sign), 0.8), mark.colour, int(rng.integers(2)))


def _glyph(mark: Mark, rng: np.random.Generator) -> Rgba:
    del rng
    colour = mark.colour if sum(mark.colour) < 3 * 215 else (40, 40, 40)
    return _in(colour, mark.sign)


def _tile(mark: Mark, rng: np.random.Generator) -> Rgba:
    sign = _framed(_in((255, 255, 255), mark.sign), float(rng.uniform(0.55, 0.8)))
    return _over(sign, _bold_colour(rng), int(rng.integers(3)))


def _recoloured(mark: Mark, rng: np.random.Generator) -> Rgba:
    return _in(_bold_colour(rng), mark.sign)


def _hue(mark: Mark, rng: np.random.Generator) -> Rgba:
    del rng
    hsv = np.array(Image.fromarray(mark.rgba[..., :3], "RGB").convert("HSV"))
    hsv[..., 0] += 85
    rgb = np.asarray(Image.fromarray(hsv, "HSV").convert("RGB"))
    return np.concatenate([rgb, mark.rgba[..., 3:]], axis=-1)


def _outline(mark: Mark, rng: np.random.Generator) -> Rgba:
    sign = Image.fromarray(np.pad(mark.sign, 3), "L")
    width = int(rng.choice([3, 5]))
    edge = np.asarray(sign.filter(ImageFilter.MaxFilter(width))).astype(np.int16)
    edge -= np.asarray(sign.filter(ImageFilter.MinFilter(3)))
    return _in(_bold_colour(rng), edge.clip(0, 255).astype(np.uint8))


def _badge(mark: Mark, rng: np.random.Generator) -> Rgba:
    icon = Image.fromarray(mark.rgba, "RGBA").resize((192, 192), Image.Resampling.BICUBIC)
    corner = [(115, 115), (115, 0), (0, 115), (0, 0)][int(rng.integers(4))]
    ImageDraw.Draw(icon).ellipse((*corner, corner[0] + 76, corner[1] + 76), fill=_bold_colour(rng))
    return np.asarray(icon.resize((48, 48), Image.Resampling.LANCZOS))


def _crop(mark: Mark, rng: np.random.Generator) -> Rgba:
    cut = round(mark.rgba.shape[0] * 0.11)
    left, top = cut + int(rng.integers(-2, 3)), cut + int(rng.integers(-2, 3))
    return np.ascontiguousarray(mark.rgba[top : -2 * cut + top, left : -2 * cut + left])


def _turn(mark: Mark, rng: np.random.Generator) -> Rgba:
    icon = Image.fromarray(mark.rgba, "RGBA").convert("RGBa")
    by = 10 if rng.random() < 0.5 else -10
    return np.asarray(icon.rotate(by, Image.Resampling.BICUBIC).convert("RGBA"))


def _small(mark: Mark, rng: np.random.Generator) -> Rgba:
    del rng
    icon = Image.fromarray(mark.rgba, "RGBA").convert("RGBa")
    return np.asarray(icon.resize((16, 16), Image.Resampling.LANCZOS).convert("RGBA"))


KINDS: Final[dict[str, Draw]] = {
    "sign and ground exchanged": _exchanged,
    "glyph alone": _glyph,
    "white on another tile": _tile,
    "recoloured": _recoloured,
    "hue turned by 120°": _hue,
    "outline": _outline,
    "badge of 40 %": _badge,
    "crop of 11 %": _crop,
    "turned by 10°": _turn,
    "16 pixels": _small,
}
"""Drawn renditions."""


def drawn(mark: Mark, kind: str) -> Rgba:
    """One rendition of a mark, the same every time."""
    return KINDS[kind](mark, np.random.default_rng(_seed(f"{mark.package} {mark.brand} {kind}")))
