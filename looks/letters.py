"""Whether a look is nothing but a letter or a digit: white on a coloured square, or coloured on nothing.

Such an icon identifies nobody, in whatever colour, for it is what sites have before they have a logo. The
sign is cut out of the small picture, whatever its colours and the shape of its ground, and laid on the same
letters in the typefaces that come with the package. A letter of its own drawing, or with anything beside
it, is a logo.

No more does a disc or a square of one colour identify anybody, or the stripes of a flag.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from samelook.looks.colour import squeezed
from samelook.looks.forms import reached_from_border
from samelook.looks.look import BRIGHT_SIDE, Form, Look
from samelook.looks.probes import planes_of

LETTERS: Final = "ABCDEFGHIJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz123456789&?#@"
"""Without O, o, 0 and l: rings and bars are logos too."""
_FACES: Final = (
    "Arimo_400Regular", "Arimo_700Bold", "Arimo_400Regular_Italic", "Arimo_700Bold_Italic",
    "Tinos_400Regular", "Tinos_700Bold", "Tinos_400Regular_Italic", "Tinos_700Bold_Italic",
    "Cousine_400Regular", "Cousine_700Bold", "DejaVuSans", "DejaVuSans-Bold",
)  # fmt: skip
"""Pillow's own typeface, which is much like Helvetica, is taken too."""
_DRAWN: Final = 256
_POINTS: Final = 170
_SIDE: Final = 20  # side, in cells, that a sign is brought to when it is cut out
_LEAST_CORRELATION: Final = 0.88
_MOST_STRETCH: Final = 1.25
"""A sign may be wider or narrower than the letter by this factor: typefaces differ so."""
_LEAST_CELLS: Final = 7
"""Least height of a sign in cells, of the small picture's 32: in fewer no letter can be read."""
_LEAST_ACROSS: Final = 1.5
_LEAST_STRENGTH: Final = 24.0
_MOST_OTHER: Final = 0.35
_EVEN: Final = 14.0
_EVEN_SHARE: Final = 0.85
_SQUARE: Final = 1.15
_TILE_SHARE: Final = 0.7  # least share of its box that a square, a rounded one or a disc covers
DISC: Final = "●"
"""Stands for a disc or a square of one colour."""
STRIPES: Final = "▥"
_EVEN_TINT: Final = 10.0  # a tile has one colour if a* and b* vary by no more
_STRIPE_EVEN: Final = 6.0  # brightness and tint vary by no more along a stripe
_STRIPE_EDGE: Final = 2  # cells left out at a stripe's ends, which show other things too
_LEAST_STRIPE: Final = 0.17  # least width of a stripe, as a share of the flag's
_FEWEST_STRIPES: Final = 2
_MOST_STRIPES: Final = 4
_STEP: Final = 20.0  # least difference of brightness or tint from one stripe to the next

_WHITE: Final = 255
_NEUTRAL: Final = 128
_Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Sign:
    """A sign that was cut out of its ground: from 0, the ground, to 1, the sign, at `_SIDE` by `_SIDE`."""

    shape: _Floats
    aspect: float


def letter_in(look: Look) -> str | None:
    """The letter that is all there is to see, or None. A millisecond or two the first time.

    `DISC` or `STRIPES` where that is all.
    """
    form = _first_form(look)
    return None if form is None else _letter_in(form.picture)


@lru_cache(maxsize=4096)
def _letter_in(picture: bytes) -> str | None:
    bright, tint = planes_of(np.frombuffer(picture, np.uint8).astype(np.float32))
    if _is_striped(bright, tint):
        return STRIPES
    if _is_plain(bright, tint):
        return DISC
    sign = _sign_in(bright)
    if sign is None:
        return None
    letters, shapes, aspects = _alphabet()
    stretch = np.maximum(aspects / sign.aspect, sign.aspect / aspects)
    alike = np.where(stretch <= _MOST_STRETCH, shapes @ _unit(sign.shape), -1)
    best = int(alike.argmax())
    return letters[best] if alike[best] >= _LEAST_CORRELATION else None


def _first_form(look: Look) -> Form | None:
    """The form that shows the whole icon: on white, or, where a white sign is on nothing, on grey."""
    by_name = {form.name: form for form in look.forms}
    return by_name.get("plain") or by_name.get("trimmed_grey")


def _sign_in(bright: _Floats) -> _Sign | None:
    """The sign of a picture that shows one sign in one colour on one ground."""
    ring = np.concatenate([bright[0], bright[-1], bright[1:-1, 0], bright[1:-1, -1]])
    ground = float(np.median(ring))
    if float((np.abs(ring - ground) <= _EVEN).mean()) < _EVEN_SHARE:
        # Round corners, and a disc that touches the border: what is outside is what the corners show.
        corners = np.array([bright[0, 0], bright[0, -1], bright[-1, 0], bright[-1, -1]])
        ground = float(np.median(corners))
        if float(np.abs(corners - ground).max()) > _EVEN:
            return None
    inside = ~reached_from_border(np.abs(bright - ground) <= _EVEN)
    box = _box_of(inside)
    if box is None:
        return None
    top, left, bottom, right = box
    region = inside[top:bottom, left:right]
    height, width = region.shape
    if float(region.mean()) >= _TILE_SHARE and max(height, width) <= _SQUARE * min(height, width):
        seen, inner = bright[top:bottom, left:right], _shrunk(_shrunk(region))
        band = _shrunk(region) & ~inner
        if band.any():
            tile = float(np.median(seen[band]))
            # A tile's edge is of one colour; where it is not, the region is the sign itself.
            if float((np.abs(seen[band] - tile) <= 2 * _EVEN).mean()) >= _EVEN_SHARE:
                return _cut_out(np.where(inner, seen - tile, np.float32(0)))
    return _cut_out(np.where(inside, bright - ground, np.float32(0)))


def _is_plain(bright: _Floats, tint: _Floats) -> bool:
    """Whether there is a disc or a square of one colour on white, and nothing on it."""
    inside = ~reached_from_border(bright >= _WHITE - _EVEN)
    box = _box_of(inside)
    if box is None or bool(inside.all()):
        return False
    top, left, bottom, right = box
    region = inside[top:bottom, left:right]
    height, width = region.shape
    if float(region.mean()) < _TILE_SHARE or max(height, width) > _SQUARE * min(height, width):
        return False
    inner = _shrunk(_shrunk(region))
    if not inner.any() or float(np.ptp(bright[top:bottom, left:right][inner])) > _EVEN:
        return False
    # The colours are coarser: of the cells that lie inside with a margin.
    scale = tint.shape[-1] / BRIGHT_SIDE
    first, last = math.ceil((top + height * 0.2) * scale), math.floor((bottom - height * 0.2) * scale)
    start, end = math.ceil((left + width * 0.2) * scale), math.floor((right - width * 0.2) * scale)
    middle = tint[:, first:last, start:end]
    return middle.size > 0 and float(np.ptp(middle, axis=(1, 2)).max()) <= _EVEN_TINT


def _is_striped(bright: _Floats, tint: _Floats) -> bool:
    """Whether there are two to four broad stripes, upright or level, and nothing on them."""
    side = tint.shape[-1]
    light = squeezed(bright, side)
    planes = np.concatenate([light[None], tint])
    white = np.array([_WHITE, _NEUTRAL, _NEUTRAL], np.float32)[:, None, None]
    away = np.abs(planes - white).max(axis=0) > _STEP
    box = _box_of(away)
    if box is None:
        return False
    top, left, bottom, right = box
    # A white stripe at the end of a flag is not seen to end: stripes are looked for where all others do.
    for lines in (planes[:, top:bottom, :], planes[:, :, left:right].transpose(0, 2, 1)):
        if lines.shape[1] >= side // 3 and _are_stripes(lines):
            return True
    return False


def _are_stripes(lines: _Floats) -> bool:
    """Whether planes (3, along, across) are even along stripes, and step from each to the next."""
    margin = max(_STRIPE_EDGE, lines.shape[1] // 5)
    inner = lines[:, margin:-margin]
    if inner.shape[1] <= _STRIPE_EDGE or float(np.ptp(inner, axis=1).max()) > _STRIPE_EVEN:
        return False
    across = np.median(inner, axis=1)
    breaks = np.flatnonzero(np.abs(np.diff(across, axis=1)).max(axis=0) > _STEP) + 1
    stripes = np.split(across, breaks, axis=1)
    broad = [stripe for stripe in stripes if stripe.shape[1] >= _LEAST_STRIPE * across.shape[1]]
    edges = sum(stripe.shape[1] for stripe in stripes) - sum(stripe.shape[1] for stripe in broad)
    return (
        _FEWEST_STRIPES <= len(broad) <= _MOST_STRIPES
        and edges < len(stripes)
        and all(float(np.ptp(stripe, axis=1).max()) <= 2 * _STEP for stripe in broad)
    )


def _cut_out(strength: _Floats) -> _Sign | None:
    peak = float(np.quantile(np.abs(strength), 0.985))
    if peak < _LEAST_STRENGTH:
        return None
    way = 1.0 if float(strength[np.abs(strength) >= peak * 0.8].mean()) > 0 else -1.0
    shape = np.clip(strength * (way / peak), 0, 1).astype(np.float32)
    if float((strength * (-way / peak)).max()) > _MOST_OTHER:
        # Something is lighter and something darker than the ground: no letter in one colour.
        return None
    box = _edges_of(shape)
    if box is None:
        return None
    top, left, bottom, right = box
    height, width = bottom - top, right - left
    if height < _LEAST_CELLS or width < _LEAST_ACROSS:
        return None
    image = Image.fromarray(shape, "F").resize(
        (_SIDE, _SIDE), Image.Resampling.BILINEAR, box=(left, top, right, bottom)
    )
    return _Sign(np.asarray(image, np.float32), width / height)


def _edges_of(shape: _Floats) -> tuple[float, float, float, float] | None:
    """Top, left, bottom and right of a sign, to a part of a cell: where its strongest cells pass a half."""
    found: list[float] = []
    for axis in (1, 0):
        line = shape.max(axis=axis)
        over = np.flatnonzero(line >= 0.5)  # noqa: PLR2004 - a half, as it says
        if not len(over):
            return None
        first, last = int(over[0]), int(over[-1])
        before = float(line[first - 1]) if first else 0.0
        after = float(line[last + 1]) if last + 1 < len(line) else 0.0
        found += [first - min(before, 1.0), last + 1 + min(after, 1.0)]
    top, bottom, left, right = found
    return max(top, 0.0), max(left, 0.0), min(bottom, shape.shape[0]), min(right, shape.shape[1])


def _unit(shape: _Floats) -> _Floats:
    flat = shape.ravel() - shape.mean()
    unit: _Floats = flat / max(float(np.linalg.norm(flat)), 1e-6)
    return unit


def load_alphabet() -> None:
    """Draw the letters now rather than when the first icon is compared with them: it takes half a second."""
    _alphabet()


@cache
def _alphabet() -> tuple[list[str], _Floats, _Floats]:
    """The letters in all typefaces, each cut out as an icon's sign is: what they are, shapes and aspects."""
    letters, shapes, aspects = [], [], []
    fonts = files("samelook.hashing.svg").joinpath("fonts")
    faces = [ImageFont.truetype(str(fonts.joinpath(face + ".ttf")), _POINTS) for face in _FACES]
    for font in (*faces, ImageFont.load_default(_POINTS)):
        for letter in LETTERS:
            page = Image.new("L", (_DRAWN, _DRAWN))
            ImageDraw.Draw(page).text((_DRAWN // 2, _DRAWN // 2), letter, 255, font=font, anchor="mm")
            small = page.resize((BRIGHT_SIDE, BRIGHT_SIDE), Image.Resampling.BOX)
            sign = _cut_out(np.asarray(small, np.float32))
            if sign is not None:
                letters.append(letter)
                shapes.append(_unit(sign.shape))
                aspects.append(sign.aspect)
    return letters, np.stack(shapes), np.array(aspects, np.float32)


def _box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _shrunk(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(mask, 1)
    shrunk: NDArray[np.bool_] = (
        padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:] & mask
    )
    return shrunk
