"""Pictures of the database as small grids of colours, decoded where hostile bytes do no harm."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samelook.hashing.errors import HashingError

if TYPE_CHECKING:
    from samelook.hashing.sandbox import Sandbox

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """Rows of colours, from the top; what was transparent is white."""

    width: int
    height: int
    rgb: bytes

    def at(self, x: int, y: int) -> Colour:
        """The colour at a place."""
        start = 3 * (y * self.width + x)
        red, green, blue = self.rgb[start : start + 3]
        return red, green, blue


def draw(data: bytes, side: int) -> dict[str, object]:
    """The first frame of an image file, at most `side` pixels wide and high. Runs in the sandbox."""
    import numpy as np
    from PIL import Image

    from samelook.hashing.decode import decode

    picture = decode(data)
    image = Image.fromarray(np.ascontiguousarray(picture.rgba), "RGBA")
    image.thumbnail((side, side), Image.Resampling.BOX)
    width, height = image.size
    height += height % 2  # two rows share a line of text
    ground = Image.new("RGBA", (width, height), (255, 255, 255, 255))
    ground.alpha_composite(image)
    return {"width": width, "height": height, "rgb": ground.convert("RGB").tobytes()}


@dataclass(frozen=True, slots=True)
class Pixels:
    """A picture with its transparency, rows from the top."""

    width: int
    height: int
    rgba: bytes


def draw_pixels(data: bytes, side: int) -> dict[str, object]:
    """The first frame of an image file, at most `side` pixels wide and high. Runs in the sandbox."""
    import numpy as np
    from PIL import Image

    from samelook.hashing.decode import decode

    image = Image.fromarray(np.ascontiguousarray(decode(data).rgba), "RGBA")
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return {"width": image.width, "height": image.height, "rgba": image.tobytes()}


async def pixels_of(sandbox: Sandbox, data: bytes, side: int) -> Pixels | None:
    """A picture as it was hashed, no larger than `side`; None where it cannot be decoded."""
    try:
        found = await sandbox.run(draw_pixels, data, side)
    except HashingError:
        return None
    # What the worker says is checked: whoever took it over may say anything.
    if not isinstance(found, dict):
        return None
    width, height, rgba = found.get("width"), found.get("height"), found.get("rgba")
    if not (isinstance(width, int) and isinstance(height, int) and isinstance(rgba, bytes)):
        return None
    fits = 0 < width <= side and 0 < height <= side and len(rgba) == 4 * width * height
    return Pixels(width, height, rgba) if fits else None


async def thumbnails(sandbox: Sandbox, bodies: Mapping[str, bytes], side: int) -> dict[str, Thumbnail]:
    """The pictures that can be drawn, by the keys of `bodies`."""

    async def thumbnail_of(data: bytes) -> Thumbnail | None:
        try:
            found = await sandbox.run(draw, data, side)
        except HashingError:
            return None
        return _checked(found, side)

    drawn = await asyncio.gather(*(thumbnail_of(data) for data in bodies.values()))
    return {key: picture for key, picture in zip(bodies, drawn, strict=True) if picture is not None}


def _checked(found: object, side: int) -> Thumbnail | None:
    """What the worker says, if it can be true: whoever took it over may say anything."""
    if not isinstance(found, dict):
        return None
    width, height, rgb = found.get("width"), found.get("height"), found.get("rgb")
    if not (isinstance(width, int) and isinstance(height, int) and isinstance(rgb, bytes)):
        return None
    if not (0 < width <= side and 0 < height <= side + 1 and len(rgb) == 3 * width * height):
        return None
    return Thumbnail(width, height, rgb)
