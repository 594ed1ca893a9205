"""Capital letters from strokes, and the coloured squares with a letter that so many sites wear."""

from __future__ import annotations

from samelook.demo.sample_web.drawing import UNITS, Drawing, Fill, Point, Polygon, Stroke, arc, rounded

_TOP, _MIDDLE, _BOTTOM = 24.0, 48.0, 72.0
_LEFT, _RIGHT = 32.0, 64.0

STROKES: dict[str, tuple[tuple[Point, ...], ...]] = {
    "A": (
        ((28, _BOTTOM), (48, _TOP), (68, _BOTTOM)),
        ((36, 58), (60, 58)),
    ),
    "B": (
        ((_LEFT, _BOTTOM), (_LEFT, _TOP), (50, _TOP), *arc(50, 36, 12, -90, 90), (_LEFT, _MIDDLE)),
        ((50, _MIDDLE), *arc(51, 60, 12, -90, 90), (_LEFT, _BOTTOM)),
    ),
    "E": (
        ((_RIGHT, _TOP), (_LEFT, _TOP), (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)),
        ((_LEFT, _MIDDLE), (58, _MIDDLE)),
    ),
    "R": (
        ((_LEFT, _BOTTOM), (_LEFT, _TOP), (50, _TOP), *arc(50, 37, 13, -90, 90), (_LEFT, 50)),
        ((48, 50), (66, _BOTTOM)),
    ),
}
"""Each letter as strokes of the pen on the square of 96 units."""


def letter_square(
    letter: str, square: Fill, ink: str = "#ffffff", *, corner: float = 0, pen: float = 10
) -> Drawing:
    """A letter on a square that fills the icon; raises `KeyError` for a letter without strokes."""
    full: Polygon
    if corner:
        full = rounded(0, 0, UNITS, UNITS, corner, square)
    else:
        full = Polygon(((0, 0), (UNITS, 0), (UNITS, UNITS), (0, UNITS)), square)
    return Drawing((full, *(Stroke(stroke, pen, ink) for stroke in STROKES[letter])))
