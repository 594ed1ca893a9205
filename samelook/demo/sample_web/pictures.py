"""Icon files: a logo in a size and a format, as drawn or changed the way impersonators change one."""

from __future__ import annotations

import io
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from PIL import Image, ImageEnhance

from samelook.demo.sample_web.drawing import raster, svg
from samelook.demo.sample_web.logos import LOGOS


class Format(StrEnum):
    PNG = "png"
    ICO = "ico"
    SVG = "svg"
    JPEG = "jpeg"
    WEBP = "webp"
    AVIF = "avif"
    GIF = "gif"
    BMP = "bmp"

    @property
    def content_type(self) -> str:
        return {"ico": "image/x-icon", "svg": "image/svg+xml"}.get(self.value, f"image/{self.value}")


class Alteration(StrEnum):
    """What was done to a logo before it was saved."""

    NONE = "none"
    RESIZED = "resized"
    """Scaled from the owner's 180 pixels, as a thief would, instead of drawn in the new size."""
    RECOMPRESSED = "recompressed"
    """Saved as a JPEG of quality 55 on white on the way."""
    CONVERTED = "converted"
    """The owner's pixels in another file format."""
    PADDED = "padded"
    """Shrunk, with 6 % of empty margin at each side."""
    BACKGROUND_WHITE = "background_white"
    """The transparent background filled with white."""
    BACKGROUND_GREY = "background_grey"
    """The transparent background filled with light grey."""
    RECOLOURED = "recoloured"
    """A little lighter and less saturated, the hue turned by 4°."""
    HOTLINKED = "hotlinked"
    """Not changed at all: the page names the owner's own file."""


@dataclass(frozen=True, slots=True)
class IconFile:
    """One icon file: which logo, in which pixel sizes (more than one only in an ICO), format and change."""

    logo: str
    sizes: tuple[int, ...]
    format: Format
    change: Alteration = Alteration.NONE

    @property
    def data(self) -> bytes:
        """The file; the same picture gives the same bytes, drawn once a process."""
        return _encoded(self)

    @property
    def content_type(self) -> str:
        return self.format.content_type


def png(logo: str, size: int, change: Alteration = Alteration.NONE) -> IconFile:
    return IconFile(logo, (size,), Format.PNG, change)


def ico(logo: str, *sizes: int, change: Alteration = Alteration.NONE) -> IconFile:
    return IconFile(logo, sizes, Format.ICO, change)


@lru_cache(maxsize=512)
def _encoded(picture: IconFile) -> bytes:
    if picture.format is Format.SVG:
        return svg(LOGOS[picture.logo], size=picture.sizes[0]).encode()
    frames = [changed(picture.logo, size, picture.change) for size in picture.sizes]
    out = io.BytesIO()
    match picture.format:
        case Format.ICO:
            frames[-1].save(out, "ICO", sizes=[frame.size for frame in frames], append_images=frames[:-1])
        case Format.JPEG:
            _on(frames[0], "#ffffff").convert("RGB").save(out, "JPEG", quality=85)
        case Format.BMP:
            _on(frames[0], "#ffffff").convert("RGB").save(out, "BMP")
        case Format.GIF:
            _on(frames[0], "#ffffff").convert("RGB").quantize(64).save(out, "GIF")
        case Format.AVIF:
            # One thread, because how tiles are shared between threads shows in the bytes.
            frames[0].save(out, "AVIF", quality=85, speed=8, max_threads=1)
        case Format.WEBP:
            frames[0].save(out, "WEBP", quality=75)
        case _:
            frames[0].save(out, picture.format.value.upper())
    return out.getvalue()


def changed(logo: str, size: int, change: Alteration) -> Image.Image:  # noqa: PLR0911 - one a change
    """The logo in RGBA at `size` pixels after the change; raises `KeyError` for an unknown logo."""
    drawn = raster(LOGOS[logo], size)
    match change:
        case Alteration.RESIZED:
            return raster(LOGOS[logo], 180).resize((size, size), Image.Resampling.BICUBIC)
        case Alteration.RECOMPRESSED:
            spoilt = io.BytesIO()
            _on(drawn, "#ffffff").convert("RGB").save(spoilt, "JPEG", quality=55)
            return Image.open(spoilt).convert("RGBA")
        case Alteration.PADDED:
            margin = max(1, round(size * 0.06))
            inner = size - 2 * margin
            canvas = Image.new("RGBA", (size, size))
            canvas.paste(
                raster(LOGOS[logo], 180).resize((inner, inner), Image.Resampling.LANCZOS), (margin, margin)
            )
            return canvas
        case Alteration.BACKGROUND_WHITE:
            return _on(drawn, "#ffffff")
        case Alteration.BACKGROUND_GREY:
            return _on(drawn, "#eceff1")
        case Alteration.RECOLOURED:
            return _recoloured(drawn)
        case _:
            return drawn


def _on(picture: Image.Image, colour: str) -> Image.Image:
    filled = Image.new("RGBA", picture.size, colour)
    filled.alpha_composite(picture)
    return filled


def _recoloured(picture: Image.Image) -> Image.Image:
    alpha = picture.getchannel("A")
    hue, saturation, value = picture.convert("RGB").convert("HSV").split()
    turned = Image.merge("HSV", (hue.point([(level + 3) % 256 for level in range(256)]), saturation, value))
    lighter = ImageEnhance.Brightness(ImageEnhance.Color(turned.convert("RGB")).enhance(0.92)).enhance(1.05)
    lighter.putalpha(alpha)
    return lighter
