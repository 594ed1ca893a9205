"""Pictures as photographs are: light and shade of all sizes, edges, and the grain of a sensor; made by code.

Soft little pictures decode in no time and hide what real uploads cost.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

_GRAIN = 5.0
"""Standard deviation in grey levels: what a telephone's camera has at dusk."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of upload."""

    name: str
    width: int
    height: int
    form: str
    """PNG or JPEG."""
    number: int
    """Different ones that are sent in turn."""
    quality: int = 88
    """Of a JPEG."""


KINDS = (
    Kind("PNG, 256 px", 256, 256, "PNG", 100),
    Kind("JPEG, 640 x 480", 640, 480, "JPEG", 60),
    Kind("PNG, 1200 x 900", 1200, 900, "PNG", 16),
    Kind("JPEG, 3 megapixels", 2048, 1536, "JPEG", 16),
    Kind("JPEG, 12 megapixels", 4032, 3024, "JPEG", 6, quality=94),
)


def photograph(kind: Kind, seed: int) -> bytes:
    """The bytes of a PNG or JPEG file of this kind, drawn from noise; the same for the same seed."""
    rng = np.random.default_rng(seed)
    pixels = np.full((kind.height, kind.width, 3), 110.0, np.float32)
    side, strength = 3, 60.0
    while side < min(kind.width, kind.height) / 4:
        pixels += _smooth(rng, kind, side) * strength
        side, strength = side * 2, strength * 0.62
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    _draw_edges(image, rng)
    grain = rng.normal(0, _GRAIN, (kind.height, kind.width, 1)).astype(np.float32)
    pixels = np.asarray(image, np.float32) + grain
    stored = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(stored, kind.form, quality=kind.quality)
    return stored.getvalue()


def _smooth(rng: np.random.Generator, kind: Kind, side: int) -> NDArray[np.float32]:
    """Noise of a coarseness, between -1 and 1."""
    coarse = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    large = Image.fromarray(coarse).resize((kind.width, kind.height), Image.Resampling.BICUBIC)
    return np.asarray(large, np.float32) / np.float32(128) - np.float32(1)


def _draw_edges(image: Image.Image, rng: np.random.Generator) -> None:
    drawing = ImageDraw.Draw(image)
    for _ in range(12):
        corners = [(int(rng.integers(image.width)), int(rng.integers(image.height))) for _ in range(3)]
        drawing.polygon(corners, fill=tuple(int(level) for level in rng.integers(0, 256, 3)))
