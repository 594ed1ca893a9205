"""Pictures of many kinds, drawn the same way everywhere: what the two implementations must agree on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Pixels = NDArray[np.uint8]
_SIDES = (8, 15, 16, 24, 31, 32, 40, 48, 57, 64, 96, 100, 128, 144, 180, 192, 256)


def drawn_pictures(count: int) -> Iterator[Pixels]:
    """Straight RGBA of icons: flat signs, letters' shapes, photographs, noise; alpha of all kinds."""
    random = np.random.default_rng(20261130)
    for number in range(count):
        width = int(random.choice(_SIDES))
        height = width if number % 5 else int(random.choice(_SIDES))
        picture = _KINDS[number % len(_KINDS)](random, width, height)
        if number % 3 == 1:
            picture = _with_alpha(random, picture)
        yield np.ascontiguousarray(picture)


def _sign(random: np.random.Generator, width: int, height: int) -> Pixels:
    """A few flat shapes on a ground, with or without a margin."""
    scale = 4
    image = Image.new("RGBA", (width * scale, height * scale), _colour(random))
    draw = ImageDraw.Draw(image)
    for _ in range(int(random.integers(1, 5))):
        left, right = sorted(random.integers(0, width * scale + 1, 2).tolist())
        top, bottom = sorted(random.integers(0, height * scale + 1, 2).tolist())
        shape = draw.ellipse if random.random() < 0.5 else draw.rectangle
        shape((left, top, right, bottom), fill=_colour(random))
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


def _badge(random: np.random.Generator, width: int, height: int) -> Pixels:
    """A sign in the middle of a transparent or white margin."""
    inner = _sign(random, max(4, width // 2), max(4, height // 2))
    ground = (255, 255, 255, 255) if random.random() < 0.5 else (0, 0, 0, 0)
    image = Image.new("RGBA", (width, height), ground)
    image.paste(Image.fromarray(inner), (width // 4, height // 4))
    return np.asarray(image)


def _framed(random: np.random.Generator, width: int, height: int) -> Pixels:
    """A sign on a white disc, with a ring around it or without."""
    scale = 4
    image = Image.new("RGBA", (width * scale, height * scale))
    ring = _colour(random) if random.random() < 0.7 else (255, 255, 255, 255)
    edge = max(1, min(image.size) // 12)
    ImageDraw.Draw(image).ellipse((0, 0, image.width - 1, image.height - 1), (255, 255, 255, 255), ring, edge)
    sign = Image.fromarray(_sign(random, image.width // 2, image.height // 2))
    image.paste(sign, (image.width // 4, image.height // 4))
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


def _photograph(random: np.random.Generator, width: int, height: int) -> Pixels:
    seeds = random.integers(0, 256, (6, 6, 3), np.uint8)
    soft = Image.fromarray(seeds).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(soft.convert("RGBA"))


def _gradient(random: np.random.Generator, width: int, height: int) -> Pixels:
    ramp = np.linspace(0, 1, width)[None, :, None] * np.linspace(0.3, 1, height)[:, None, None]
    ends = random.integers(0, 256, (2, 1, 1, 3))
    rgb = (ends[0] * (1 - ramp) + ends[1] * ramp).astype(np.uint8)
    return np.dstack([rgb, np.full((height, width), 255, np.uint8)])


def _noise(random: np.random.Generator, width: int, height: int) -> Pixels:
    return random.integers(0, 256, (height, width, 4), np.uint8)


def _flat(random: np.random.Generator, width: int, height: int) -> Pixels:
    picture = np.empty((height, width, 4), np.uint8)
    picture[:] = _colour(random)
    picture[height // 2, width // 2] = _colour(random)
    return picture


_KINDS = (_sign, _badge, _framed, _photograph, _gradient, _noise, _sign, _badge, _flat)


def _colour(random: np.random.Generator) -> tuple[int, int, int, int]:
    red, green, blue = random.integers(0, 256, 3).tolist()
    return red, green, blue, 255


def _with_alpha(random: np.random.Generator, picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width]
    distance = np.hypot(rows / height - 0.5, columns / width - 0.5)
    soft = np.clip((random.uniform(0.3, 0.6) - distance) * 400, 0, 255).astype(np.uint8)
    picture = picture.copy()
    picture[..., 3] = np.minimum(picture[..., 3], soft)
    return picture
