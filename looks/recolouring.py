"""A small picture in other colours: with its hues turned, or with sign and ground exchanged.

People turn hues in RGB, where a yellow becomes a green that is darker; a small picture holds brightness and
Lab's a* and b*. Tables say what a turn adds to each of the three.
"""

from __future__ import annotations

from functools import cache, cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from samelook.looks.colour import lab_of, squeezed
from samelook.looks.look import BRIGHT_SIDE, COLOUR_SIDE

_Floats = NDArray[np.float32]
_Places = NDArray[np.intp]

_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)
_BRIGHT_CELLS: Final = BRIGHT_SIDE * BRIGHT_SIDE
_NEUTRAL: Final = 128.0  # what a small picture holds where a* or b* is 0
# The leading bits of brightness, and of a* and of b*, make a colour's place in the tables.
_BRIGHT_BITS: Final = 5
_TINT_BITS: Final = 6
_PLACES: Final = 1 << _BRIGHT_BITS + 2 * _TINT_BITS
_BRIGHT_STEP: Final = 8 - _BRIGHT_BITS
_TINT_STEP: Final = 8 - _TINT_BITS
_LEVELS: Final = 52  # values of each RGB channel that the tables are computed from
_SIGN_FROM: Final = 0.6  # cells at least this share of the farthest from the ground's brightness are sign
_GROUND_TO: Final = 0.2  # cells at most this share of it are ground
_FULL_CELLS: Final = 6  # the sixth-farthest cell counts: those before may be a sharpening's or an edge's
_MOST_LACKING: Final = 2.0


class Recolouring:
    """One small picture, brightness (32, 32) and colours (2, 12, 12) after each other, in other colours."""

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        self._bright = picture[:_BRIGHT_CELLS].reshape(BRIGHT_SIDE, BRIGHT_SIDE)
        self._tint = picture[_BRIGHT_CELLS:].reshape(2, COLOUR_SIDE, COLOUR_SIDE)

    def turned(self, degrees: float) -> tuple[_Floats, _Floats]:
        """With all hues turned as HSV has them, brightness and colours.

        A cell of brightness has the colour that the cells of colour around it have between them.
        """
        by = _turns(degrees)
        light = by[0][self._fine_places]
        return self._bright + light, self._tint + np.stack([by[1][self._places], by[2][self._places]])

    def exchanged(self) -> tuple[_Floats, _Floats]:
        """With the colours of ground and sign exchanged: each is mirrored about the mean of the two.

        The ground is what most cells show; the sign is what is farthest from it in brightness. Thin
        lines fill no cell of colour: what their cells lack of the sign's brightness, they lack of its colour.
        """
        bright, tint, small = self._bright.astype(np.float32), self._tint.astype(np.float32), self._small
        ground = _most_common(self._bright)
        far = np.abs(small - ground)
        sign = far >= _SIGN_FROM * far.max()
        is_ground = far <= max(_GROUND_TO * float(far.max()), float(far.min()))
        seen = float(small[sign].mean()) - ground
        whole = _farthest(bright - ground, upwards=seen >= 0)
        lacking = max(1.0, min(whole / seen, _MOST_LACKING)) if seen else 1.0
        sums = []
        for plane in tint:
            of_ground = _median(plane[is_ground])
            sums.append(2 * of_ground + (_median(plane[sign]) - of_ground) * lacking)
        mirrored = np.stack([total - plane for total, plane in zip(sums, tint, strict=True)])
        return 2 * ground + whole - bright, mirrored

    @cached_property
    def _small(self) -> _Floats:
        return squeezed(self._bright.astype(np.float32), COLOUR_SIDE)

    @cached_property
    def _places(self) -> _Places:
        return _places_of(self._small.astype(np.uint8), self._tint)

    @cached_property
    def _fine_places(self) -> _Places:
        wide = _WIDENING @ self._tint.astype(np.float32) @ _WIDENING.T
        return _places_of(self._bright, wide.astype(np.uint8))


def _most_common(bright: NDArray[np.uint8]) -> float:
    """The commonest brightness: the mean of the fullest sixteenth of the range from 0 to 255."""
    counts = np.bincount(bright.ravel() >> 3, minlength=32)
    start = int(np.argmax(counts[:-1] + counts[1:])) << 3
    return float(bright[(bright >= start) & (bright < start + 16)].mean())


def _farthest(differences: _Floats, *, upwards: bool) -> float:
    """How much a sign is brighter or darker than the ground, read in the cells that its lines fill wholly."""
    ordered = np.sort(differences, axis=None)
    return float(ordered[-_FULL_CELLS] if upwards else ordered[_FULL_CELLS - 1])


def _median(values: _Floats) -> float:
    """The middle of some values, or the mean of both middles. Of so few NumPy's own takes 20 µs, this 3."""
    ordered = np.sort(values, axis=None)
    return (float(ordered[(len(ordered) - 1) // 2]) + float(ordered[len(ordered) // 2])) / 2


def _places_of(bright: NDArray[np.uint8], tint: NDArray[np.uint8]) -> _Places:
    """The places in the tables of colours, by brightness, a* and b*."""
    near = (bright >> _BRIGHT_STEP).astype(np.intp) << 2 * _TINT_BITS
    near |= (tint[0] >> _TINT_STEP).astype(np.intp) << _TINT_BITS
    near |= tint[1] >> _TINT_STEP
    return near


@lru_cache(maxsize=8)
def _turns(degrees: float) -> _Floats:
    """What turning all hues adds to brightness, a* and b*, for each place of the table; shape (3, places).

    The mean of all colours of a place: near the ends of what a screen shows its middle may be none.
    """
    rgb, lab, places = _colours()
    turned_rgb = _with_hue_turned(rgb, degrees)
    light = (turned_rgb - rgb) @ _LUMA
    return _means(np.column_stack([light, lab_of(turned_rgb)[:, 1:] - lab[:, 1:]]), places)


@cache
def _colours() -> tuple[_Floats, _Floats, _Places]:
    """Colours all over RGB, their Lab, and their places."""
    levels = np.linspace(0, 255, _LEVELS, dtype=np.float32)
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = lab_of(rgb)
    tint = (lab[:, 1:].T + _NEUTRAL).astype(np.uint8)
    return rgb, lab, _places_of((rgb @ _LUMA).astype(np.uint8), tint)


def _means(values: _Floats, places: _Places) -> _Floats:
    """The means of rows (n, 3) by place, shape (3, places); nothing where no colour is."""
    counts = np.maximum(np.bincount(places, minlength=_PLACES), 1)
    sums = [np.bincount(places, column, _PLACES) for column in values.T]
    return (np.stack(sums) / counts).astype(np.float32)


def _with_hue_turned(rgb: _Floats, degrees: float) -> _Floats:
    """Colours (n, 3) with another hue and the same saturation and value.

    Smith, "Color gamut transform pairs" (1978), with both halves in one formula.
    """
    value, least = rgb.max(axis=1), rgb.min(axis=1)
    chroma = value - least
    red, green, blue = rgb.T
    span = np.where(chroma > 0, chroma, 1.0)
    sextant = np.where(
        value == red,
        (green - blue) / span,
        np.where(value == green, (blue - red) / span + 2, (red - green) / span + 4),
    )
    place = (np.array([5.0, 3.0, 1.0]) + (sextant + degrees / 60)[:, None]) % 6
    turned_rgb: _Floats = value[:, None] - chroma[:, None] * np.clip(np.minimum(place, 4 - place), 0, 1)
    return turned_rgb


def _widening() -> _Floats:
    """A matrix (32, 12) that interpolates a row of 12 cells of colour where the 32 of brightness lie."""
    at = np.clip((np.arange(BRIGHT_SIDE) + 0.5) / BRIGHT_SIDE * COLOUR_SIDE - 0.5, 0, COLOUR_SIDE - 1)
    first = np.minimum(at.astype(np.intp), COLOUR_SIDE - 2)
    matrix = np.zeros((BRIGHT_SIDE, COLOUR_SIDE))
    rows = np.arange(BRIGHT_SIDE)
    matrix[rows, first] = 1 - (at - first)
    matrix[rows, first + 1] = at - first
    return matrix.astype(np.float32)


_WIDENING: Final = _widening()
