"""What an impersonator does to an icon: the changes by class that detection is measured on."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Change = Callable[[Image.Image], Image.Image]
Rgba = NDArray[np.uint8]


def _size(side: int) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        scale = side / max(icon.size)
        size = (max(1, round(icon.width * scale)), max(1, round(icon.height * scale)))
        return _resized(icon, size)

    return change


def _resized(icon: Image.Image, size: tuple[int, int]) -> Image.Image:
    return icon.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")


def _on(colour: tuple[int, int, int]) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        ground = Image.new("RGBA", icon.size, (*colour, 255))
        return Image.alpha_composite(ground, icon)

    return change


def _reencoded(image_format: str, **options: int) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        picture = icon if image_format == "WEBP" else _on((255, 255, 255))(icon).convert("RGB")
        if image_format == "GIF":
            picture = picture.quantize(64)
        buffer = io.BytesIO()
        picture.save(buffer, image_format, **options)
        buffer.seek(0)
        return Image.open(buffer).convert("RGBA")

    return change


def _padded(share: float, colour: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        side = max(icon.size)
        margin = max(1, round(side * share))
        out = Image.new("RGBA", (icon.width + 2 * margin, icon.height + 2 * margin), colour)
        out.alpha_composite(icon, (margin, margin))
        return out

    return change


def _bordered(share: float) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        pixels = np.asarray(icon)
        ring = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
        colour = np.median(ring, axis=0).astype(int).tolist()
        return _padded(share, (colour[0], colour[1], colour[2], colour[3]))(icon)

    return change


def _cropped(share: float) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        dx, dy = max(1, round(icon.width * share)), max(1, round(icon.height * share))
        return icon.crop((dx, dy, icon.width - dx, icon.height - dy))

    return change


def _shifted(share: float) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        out = Image.new("RGBA", icon.size)
        out.paste(icon, (max(1, round(icon.width * share)), 0))
        return out

    return change


def _blurred(share: float) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        radius = max(icon.size) * share
        return icon.convert("RGBa").filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")

    return change


_Enhancement = type[ImageEnhance.Brightness | ImageEnhance.Contrast | ImageEnhance.Color]


def _enhanced(kind: _Enhancement, by: float) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        out = kind(icon.convert("RGB")).enhance(by).convert("RGBA")
        out.putalpha(icon.getchannel("A"))
        return out

    return change


def _hue(degrees: float) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        hsv = np.array(icon.convert("RGB").convert("HSV"))
        hsv[..., 0] = (hsv[..., 0].astype(np.int32) + round(degrees / 360 * 256)) % 256
        out = Image.fromarray(hsv, "HSV").convert("RGBA")
        out.putalpha(icon.getchannel("A"))
        return out

    return change


def _rounded(share: float) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        scale = 4
        mask = Image.new("L", (icon.width * scale, icon.height * scale))
        radius = round(min(mask.size) * share)
        box = (0, 0, mask.width - 1, mask.height - 1)
        ImageDraw.Draw(mask).rounded_rectangle(box, radius, fill=255)
        mask = mask.resize(icon.size, Image.Resampling.BOX)
        out = icon.copy()
        out.putalpha(ImageChops.multiply(icon.getchannel("A"), mask))
        return out

    return change


def _badged(share: float, right: bool, bottom: bool, colour: tuple[int, int, int]) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        side = max(icon.size)
        scale = 4
        badge = Image.new("RGBA", (icon.width * scale, icon.height * scale))
        across = round(side * share * scale)
        x = badge.width - across - 1 if right else 0
        y = badge.height - across - 1 if bottom else 0
        ImageDraw.Draw(badge).ellipse((x, y, x + across, y + across), fill=(*colour, 255))
        return Image.alpha_composite(icon, badge.resize(icon.size, Image.Resampling.BOX))

    return change


def _turned(degrees: float) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        return icon.convert("RGBa").rotate(degrees, Image.Resampling.BILINEAR).convert("RGBA")

    return change


def _inverted(icon: Image.Image) -> Image.Image:
    out = ImageOps.invert(icon.convert("RGB")).convert("RGBA")
    out.putalpha(icon.getchannel("A"))
    return out


def _chain(*changes: Change) -> Change:
    def change(icon: Image.Image) -> Image.Image:
        for step in changes:
            icon = step(icon)
        return icon

    return change


_JPEG: Final = _reencoded("JPEG", quality=75)


def _framed_in(inner: float, ring: tuple[int, int, int] | None = None, least: int = 1) -> Change:
    """The icon small on a white disc, with a ring of a colour around it or without; `least` pixels wide."""

    def change(icon: Image.Image) -> Image.Image:
        side = 4 * max(*icon.size, least)
        disc = Image.new("RGBA", (side, side))
        edge = (*(ring or (255, 255, 255)), 255)
        ImageDraw.Draw(disc).ellipse(
            (0, 0, side - 1, side - 1), (255, 255, 255, 255), edge, max(1, round(side * 0.08))
        )
        scale = side * inner / max(icon.size)
        small = _resized(icon, (max(1, round(icon.width * scale)), max(1, round(icon.height * scale))))
        disc.alpha_composite(small, ((side - small.width) // 2, (side - small.height) // 2))
        return _resized(disc, (side // 4, side // 4))

    return change


def _exchanged(icon: Image.Image) -> Image.Image:
    """The icon with the colours of its ground and its sign exchanged: blue on white for white on blue."""
    rgb = np.asarray(_on((255, 255, 255))(icon).convert("RGB")).astype(np.float64)
    border = np.concatenate([rgb[0], rgb[-1], rgb[1:-1, 0], rgb[1:-1, -1]])
    ground = np.median(border, axis=0)
    far = np.abs(rgb - ground).sum(axis=2)
    sign = np.median(rgb[far >= np.quantile(far, 0.9)], axis=0)
    return Image.fromarray(np.clip(ground + sign - rgb, 0, 255).astype(np.uint8)).convert("RGBA")


# Class, name, change. Every class says one thing that people do to an icon.
VARIANTS: Final[tuple[tuple[str, str, Change], ...]] = (
    ("size", "16 px", _size(16)),
    ("size", "24 px", _size(24)),
    ("size", "32 px", _size(32)),
    ("size", "64 px", _size(64)),
    ("size", "180 px", _size(180)),
    ("format", "JPEG 75", _JPEG),
    ("format", "JPEG 40", _reencoded("JPEG", quality=40)),
    ("format", "WebP 60", _reencoded("WEBP", quality=60)),
    ("format", "GIF 64 colours", _reencoded("GIF")),
    ("background", "on white", _on((255, 255, 255))),
    ("background", "on black", _on((0, 0, 0))),
    ("background", "on grey", _on((200, 200, 200))),
    ("padding", "5 %", _padded(0.05)),
    ("padding", "10 %", _padded(0.10)),
    ("padding", "20 %", _padded(0.20)),
    ("padding", "10 % white", _padded(0.10, (255, 255, 255, 255))),
    ("padding", "8 % black", _padded(0.08, (0, 0, 0, 255))),
    ("padding", "10 % of the border's colour", _bordered(0.10)),
    ("crop", "3 %", _cropped(0.03)),
    ("crop", "5 %", _cropped(0.05)),
    ("crop", "10 %", _cropped(0.10)),
    ("crop", "shifted 6 %", _shifted(0.06)),
    ("blur", "2 %", _blurred(0.02)),
    ("blur", "3 %", _blurred(0.03)),
    ("colour", "brighter 20 %", _enhanced(ImageEnhance.Brightness, 1.2)),
    ("colour", "darker 20 %", _enhanced(ImageEnhance.Brightness, 0.8)),
    ("colour", "saturation 60 %", _enhanced(ImageEnhance.Color, 0.6)),
    ("colour", "contrast 70 %", _enhanced(ImageEnhance.Contrast, 0.7)),
    ("colour", "hue 15°", _hue(15)),
    ("rounding", "12 %", _rounded(0.12)),
    ("rounding", "20 %", _rounded(0.20)),
    ("badge", "red, bottom right, 40 %", _badged(0.40, right=True, bottom=True, colour=(220, 30, 30))),
    ("badge", "red, top right, 40 %", _badged(0.40, right=True, bottom=False, colour=(220, 30, 30))),
    ("badge", "green, bottom right, 33 %", _badged(0.33, right=True, bottom=True, colour=(30, 180, 60))),
    ("badge", "blue, top left, 30 %", _badged(0.30, right=False, bottom=False, colour=(40, 90, 220))),
    ("combined", "32 px + JPEG + pad 10 %", _chain(_size(32), _padded(0.1), _JPEG)),
    ("combined", "32 px + pad 5 % + blur", _chain(_size(32), _padded(0.05), _blurred(0.02))),
    ("combined", "32 px + JPEG + crop 5 %", _chain(_size(32), _cropped(0.05), _JPEG)),
    ("combined", "16 px + darker", _chain(_size(16), _enhanced(ImageEnhance.Brightness, 0.8))),
    ("combined", "rounded + white + JPEG", _chain(_rounded(0.2), _on((255, 255, 255)), _JPEG)),
    ("disc", "40 of 64 px on a white disc", _framed_in(40 / 64, least=64)),
    ("disc at its size", "62 % on a white disc", _framed_in(40 / 64)),
    ("ring", "36 of 64 px in a blue ring", _framed_in(0.56, (20, 80, 200), 64)),
    ("ring", "38 of 64 px in a grey ring", _framed_in(0.60, (90, 90, 90), 64)),
    ("ring at its size", "56 % in a blue ring", _framed_in(0.56, (20, 80, 200))),
    ("ring at its size", "60 % in a grey ring", _framed_in(0.60, (90, 90, 90))),
    ("hue 20°", "hue +20°", _hue(20)),
    ("hue 20°", "hue -20°", _hue(-20)),
    ("exchanged", "sign and ground exchanged", _exchanged),
    ("hard", "circle", _rounded(0.5)),
    ("hard", "turn 3°", _turned(3)),
    ("hard", "hue 60°", _hue(60)),
    ("hard", "mirror", ImageOps.mirror),
    ("hard", "invert", _inverted),
)


def changed(rgba: Rgba, change: Change) -> Rgba:
    """The icon after the change."""
    return np.array(change(Image.fromarray(rgba, "RGBA")).convert("RGBA"))
