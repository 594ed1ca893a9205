"""Every drawing of the sample web: the brands' logos, letters, and icons that belong to nobody."""

from __future__ import annotations

from samelook.demo.sample_web.brand_logos import BRAND_LOGOS, sails
from samelook.demo.sample_web.drawing import Drawing, Polygon, Stroke, arc, disc, leaf, regular, rounded
from samelook.demo.sample_web.letters import letter_square


def _page_with_quill() -> Drawing:
    grey = "#7b8794"
    return Drawing(
        (
            Polygon(((14, 4), (62, 4), (82, 24), (82, 92), (14, 92)), "#e4e9ee"),
            Polygon(((62, 4), (82, 24), (62, 24)), grey),
            Stroke(((26, 80), (48, 80)), 4, grey),
            Stroke(((26, 38), (44, 38)), 4, grey),
            leaf((34, 74), (78, 30), 10, ("#52606d", "#323f4b")),
            Stroke(((28, 80), (62, 46)), 3, "#f5f7fa"),
        )
    )


def _patchwork() -> Drawing:
    return Drawing(
        (
            rounded(4, 4, 46, 46, 4, "#264653"),
            Polygon(((50, 46), *arc(50, 46, 42, 270, 360), (92, 46)), "#e9c46a"),
            Polygon(((46, 50), *arc(46, 50, 42, 90, 180), (4, 50)), "#e76f51"),
            disc(71, 71, 21, "#2a9d8f"),
            disc(25, 25, 9, "#f4f1de"),
        )
    )


def _confetti() -> Drawing:
    colours = ("#f94144", "#f9c74f", "#43aa8b", "#577590", "#9d4edd")
    # 37 is coprime to 96, so the dots spread over the square without a pattern that repeats.
    return Drawing(
        tuple(
            disc(8 + dot * 37 % 80, 8 + dot * dot * 11 % 80, 4 + dot % 4, colours[dot % 5])
            for dot in range(24)
        )
    )


def _gearwheel() -> Drawing:
    teeth = tuple(regular(48, 48, 46, 4, "#8a5a44", turned) for turned in (0, 30, 60))
    return Drawing((*teeth, disc(48, 48, 34, ("#c08552", "#8a5a44")), disc(48, 48, 16, "#fff8f0")))


LOGOS: dict[str, Drawing] = {
    **BRAND_LOGOS,
    "quillpress": _page_with_quill(),
    "blue-A": letter_square("A", "#1f6feb"),
    "orange-A": letter_square("A", "#f08c00", corner=20),
    "blue-B": letter_square("B", "#1f6feb", corner=14),
    "green-E": letter_square("E", "#2b8a3e"),
    "blue-R": letter_square("R", "#1f6feb"),
    "farewind-dark": sails("#b9d6f2", "#173a5e"),
    "patchwork": _patchwork(),
    "confetti": _confetti(),
    "gearwheel": _gearwheel(),
    "blank": Drawing((Polygon(((0, 0), (96, 0), (96, 96), (0, 96)), "#ffffff"),)),
}
"""Every drawing by name: brands first, then the default icon of "quillpress", letters and odd ones."""
