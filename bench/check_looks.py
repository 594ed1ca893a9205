"""Looks and icons for measuring: a few shapes in a few colours, drawn at random, as most icons are.

Random bits would not do: no two are ever near, while a real icon has strangers near it that must be told
apart. Among 10,000 of these drawings 0.75 forms are within the standard radius of another drawing, 1.2
within the wide one and 0.05 within the strict one; among real icons (those of `bench/accuracy.py`) 1.1, 2.1
and 0.014. With a million looks in their tiers that is nine pairs for a new icon, and eight among real ones.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samelook.looks.colour import lab_of, squeezed
from samelook.looks.forms import FORM_NAMES
from samelook.looks.look import BRIGHT_SIDE, COLOUR_SIDE, FORM_BYTES, PDQ_BYTES, PICTURE_BYTES, Look

_Floats = NDArray[np.float32]
_Bytes = NDArray[np.uint8]

_FORMS: Final = len(FORM_NAMES) - 1  # few icons have the form inside a frame
_BATCH: Final = 512
_TURNS: Final = 16
"""Looks made of one drawing: turned, mirrored, and with light and dark exchanged."""
_MOST_SHAPES: Final = 5
_BARE_SHARE: Final = 0.05
"""Of drawings with a single shape."""
_PLAIN_SHARE: Final = 0.5
"""Of drawings with one large shape and one or two small ones."""
_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)
_NEARLY: Final = 0.1
_FLIPPED_BITS: Final = 16
_SIZE: Final = 48


def drawn_looks(count: int, seed: int) -> Iterator[bytes]:
    """Looks with four forms each. One in ten is the one before it with some bits of its hashes changed."""
    rng = np.random.default_rng(seed)
    before: _Bytes | None = None
    for start in range(0, count, _BATCH * _TURNS):
        rows = _looks_of(_drawings(rng, _BATCH, BRIGHT_SIDE), rng)
        for row in rows[: count - start]:
            if before is not None and rng.random() < _NEARLY:
                row[:] = before
                _change_bits(row, rng)
            before = row
            yield row.tobytes()


def fresh_icons(count: int, seed: int) -> list[bytes]:
    """PNG files of 48 pixels that nobody has seen."""
    rng = np.random.default_rng(seed)
    icons = []
    for pixels in _drawings(rng, count, _SIZE):
        stored = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(stored, "PNG")
        icons.append(stored.getvalue())
    return icons


def _drawings(rng: np.random.Generator, count: int, side: int) -> _Floats:
    """RGB from 0 to 255, shape (count, side, side, 3): a ground, and shapes one over the other."""
    canvas: _Floats = np.empty((count, side, side, 3), np.float32)
    canvas[:] = _colours(rng, count)[:, None, None]
    at = (np.arange(side, dtype=np.float32) + 0.5) / side
    kind = rng.random(count)
    shapes = rng.integers(2, _MOST_SHAPES + 1, count)
    is_plain = kind < _PLAIN_SHARE + _BARE_SHARE
    shapes[is_plain] = rng.integers(2, 4, np.count_nonzero(is_plain))
    shapes[kind < _BARE_SHARE] = 1
    for number in range(_MOST_SHAPES):
        centre = rng.uniform(0.25, 0.75, (count, 2)).astype(np.float32)
        # The first is the sign's body, which is large and in the middle.
        if number == 0:
            centre = 0.5 + (centre - 0.5) * np.float32(0.2)
        half = rng.uniform(*((0.25, 0.48) if number == 0 else (0.04, 0.3)), (count, 2)).astype(np.float32)
        if number > 0:
            half[is_plain] /= 2
        across, down = ((at[None, :] - centre[:, axis, None]) / half[:, axis, None] for axis in (0, 1))
        across, down = across[:, None, :], down[:, :, None]
        # How round: 2 is an ellipse, more is a rectangle with round corners, 1 a rhombus.
        power = rng.choice(np.array([1, 2, 2, 4, 16], np.float32), count)[:, None, None]
        reach = (np.abs(across) ** power + np.abs(down) ** power) ** (1 / power)
        hollow = np.where(rng.random(count) < 0.25, rng.uniform(0.4, 0.8, count), 0).astype(np.float32)
        soft = np.float32(side / 4)
        inside = np.clip((1 - reach) * soft + 0.5, 0, 1) * np.clip(
            (reach - hollow[:, None, None]) * soft + 0.5, 0, 1
        )
        inside *= (shapes > number)[:, None, None]
        canvas += inside[..., None] * (_colours(rng, count)[:, None, None] - canvas)
    return canvas


def _colours(rng: np.random.Generator, count: int) -> _Floats:
    """White, black, or any colour: a third each."""
    colours = rng.integers(0, 256, (count, 3)).astype(np.float32)
    kind = rng.random(count)
    colours[kind < 1 / 3] = 255
    colours[kind > 2 / 3] = rng.integers(0, 40)
    return colours


def _looks_of(drawings: _Floats, rng: np.random.Generator) -> _Bytes:
    bright = drawings @ _LUMA
    tint = lab_of(squeezed(drawings.transpose(0, 3, 1, 2), COLOUR_SIDE).transpose(0, 2, 3, 1))[..., 1:]
    tint = tint.transpose(0, 3, 1, 2) + np.float32(128)
    turned = [
        (255 - b if inverted else b, t)
        for flip in (slice(None), slice(None, None, -1))
        for b, t in ((bright[:, flip], tint[:, :, flip]), (bright[:, flip, ::-1], tint[:, :, flip, ::-1]))
        for b, t in ((b, t), (b.transpose(0, 2, 1), t.transpose(0, 1, 3, 2)))
        for inverted in (False, True)
    ]
    bright, tint = (np.concatenate(parts) for parts in zip(*turned, strict=True))
    order = rng.permutation(len(bright))
    bright, tint = bright[order], tint[order]
    rows = np.empty((len(bright), len(Look(()).to_bytes()) + _FORMS * FORM_BYTES), np.uint8)
    header = len(Look(()).to_bytes())
    rows[:, :header] = np.frombuffer(Look(()).to_bytes(), np.uint8)
    rows[:, header - 1] = _FORMS
    for which, (light, hue) in enumerate(_framed(bright, tint)):
        form = rows[:, header + which * FORM_BYTES : header + (which + 1) * FORM_BYTES]
        form[:, 0] = which
        form[:, 1 : 1 + PDQ_BYTES] = _pdqs(light)
        form[:, 1 + PDQ_BYTES : 1 + 2 * PDQ_BYTES] = form[:, 1 : 1 + PDQ_BYTES]
        picture = form[:, 1 + 2 * PDQ_BYTES :]
        assert picture.shape[1] == PICTURE_BYTES
        picture[:, : BRIGHT_SIDE * BRIGHT_SIDE] = _bytes_of(light.reshape(len(light), -1))
        picture[:, BRIGHT_SIDE * BRIGHT_SIDE :] = _bytes_of(hue.reshape(len(hue), -1))
    return rows


def _framed(bright: _Floats, tint: _Floats) -> Iterator[tuple[_Floats, _Floats]]:
    """The drawing as the four forms would show it: whole, closer, closer on grey, closer on black."""
    yield bright, tint
    closer, hue = _closer(bright), _closer(tint)
    yield closer, hue
    ground = np.abs(closer - closer[:, :1, :1]) < 8
    yield np.where(ground, np.float32(128), closer), hue
    yield np.where(ground, np.float32(0), closer), hue


def _closer(planes: _Floats) -> _Floats:
    """The middle of planes (..., n, n) at their own size, by linear interpolation."""
    side = planes.shape[-1]
    places = np.linspace(side * 0.1, side * 0.9 - 1, side, dtype=np.float32)
    low = places.astype(int)
    matrix = np.zeros((side, side), np.float32)
    rest = (places - low).astype(np.float32)
    matrix[np.arange(side), low] = 1 - rest
    matrix[np.arange(side), low + 1] += rest
    return np.asarray(matrix @ planes @ matrix.T, np.float32)


def _pdqs(bright: _Floats) -> _Bytes:
    """PDQ's bits of small pictures: which cosine waves are above the middle one."""
    orders, points = np.arange(1, 17), np.arange(BRIGHT_SIDE)
    cosines = np.cos(np.pi / 2 / BRIGHT_SIDE * orders[:, None] * (2 * points + 1)).astype(np.float32)
    waves = (cosines @ bright @ cosines.T).reshape(len(bright), -1)
    middle = np.partition(waves, 127, axis=1)[:, 127]
    return np.packbits((waves > middle[:, None])[:, ::-1], axis=1)


def _change_bits(row: _Bytes, rng: np.random.Generator) -> None:
    header = len(Look(()).to_bytes())
    for which in range(_FORMS):
        start = header + which * FORM_BYTES + 1
        for bit in rng.integers(0, 8 * PDQ_BYTES, _FLIPPED_BITS).tolist():
            row[start + bit // 8] ^= 1 << bit % 8


def _bytes_of(values: _Floats) -> _Bytes:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def encoded(icon: bytes) -> str:
    """An icon as a question carries it."""
    return base64.b64encode(icon).decode()
