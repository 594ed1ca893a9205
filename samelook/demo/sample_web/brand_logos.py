"""The logos of the sample web's invented brands, drawn for this project."""

from __future__ import annotations

from samelook.demo.sample_web.drawing import (
    Drawing,
    Ellipse,
    Point,
    Polygon,
    Shape,
    Stroke,
    arc,
    disc,
    leaf,
    regular,
    rounded,
)


def _mirrored(points: tuple[Point, ...]) -> tuple[Point, ...]:
    return tuple((96 - x, y) for x, y in points)


def _wave(y: float, reach: float, height: float, width: float, ink: str) -> Stroke:
    """Four half waves that reach from the middle of the drawing to both sides."""
    points: list[Point] = []
    half = reach / 4
    for crest in range(4):
        centre = 48 - reach + half + crest * 2 * half
        points += arc(centre, y, half, 180, 0 if crest % 2 else 360, height)
    return Stroke(tuple(points), width, ink)


def _envelope() -> Drawing:
    body, flap, shade = ("#ffc24b", "#ff8a3d"), ("#6b2fb3", "#4b1d8f"), "#e8662b"
    return Drawing(
        (
            rounded(4, 26, 92, 84, 9, body),
            Polygon(((6, 80), (38, 52), (48, 60), (58, 52), (90, 80), (86, 84), (10, 84)), shade),
            Polygon(((4, 32), (10, 26), (86, 26), (92, 32), (48, 66)), flap),
            disc(48, 22, 15, "#fff3c4"),
            disc(48, 22, 10, ("#ffd84d", "#ff9d2e")),
        )
    )


def _waves() -> Drawing:
    return Drawing(
        (
            disc(48, 48, 46, ("#0bb3b0", "#06607c")),
            disc(66, 28, 12, "#fff4d6"),
            _wave(50, 37, 8, 7, "#ffffff"),
            _wave(70, 30, 7, 7, "#bff3ee"),
        )
    )


def _cloud() -> Drawing:
    blue, light = ("#4f9dff", "#2154d8"), "#dbe9ff"
    return Drawing(
        (
            rounded(18, 62, 90, 86, 5, "#0f2560"),
            disc(28, 48, 24, blue),
            disc(54, 34, 28, blue),
            disc(74, 50, 20, blue),
            rounded(6, 44, 94, 72, 14, "#2f6ae8"),
            Stroke(((26, 52), (70, 52)), 6, light),
            Stroke(((26, 64), (56, 64)), 6, light),
            disc(80, 79, 3, "#58e0a0"),
        )
    )


def _kestrel() -> Drawing:
    wing = ((48, 40), (4, 6), (10, 34), (2, 36), (16, 54), (8, 58), (40, 74))
    return Drawing(
        (
            Polygon(wing, "#b3261e"),
            Polygon(_mirrored(wing), "#7d1512"),
            Polygon(((36, 34), (60, 34), (62, 66), (48, 94), (34, 66)), "#2b1a17"),
            disc(48, 30, 15, "#f3e3d0"),
            Polygon(((42, 32), (54, 32), (48, 46)), "#f5a800"),
            disc(42, 27, 3, "#2b1a17"),
            disc(54, 27, 3, "#2b1a17"),
        )
    )


def _bank() -> Drawing:
    gold = "#f2cf63"
    columns = tuple(rounded(x, 44, x + 10, 72, 1, gold) for x in (20, 43, 66))
    return Drawing(
        (
            rounded(0, 0, 96, 96, 18, ("#0e5f46", "#063427")),
            Polygon(((12, 38), (48, 14), (84, 38)), gold),
            *columns,
            rounded(12, 76, 84, 84, 1, gold),
            regular(48, 29, 6, 4, "#063427"),
        )
    )


def _anchor() -> Drawing:
    white = "#ffffff"
    return Drawing(
        (
            regular(48, 48, 48, 6, ("#1d3f8a", "#0b1c4d"), 30),
            disc(48, 22, 10, white),
            disc(48, 22, 4.5, "#19387d"),
            Stroke(((48, 32), (48, 78)), 8, white),
            Stroke(((34, 42), (62, 42)), 7, white),
            Stroke(arc(48, 52, 26, 165, 15), 8, white),
            Polygon(((14, 62), (22, 44), (34, 58)), "#38d6c4"),
            Polygon(((82, 62), (74, 44), (62, 58)), "#38d6c4"),
        )
    )


def _coin() -> Drawing:
    dark, gold = "#1b1426", ("#ffe08a", "#d98e04")
    return Drawing(
        (
            regular(48, 48, 48, 8, gold, 22.5),
            regular(48, 48, 37, 8, dark, 22.5),
            Polygon(((58, 14), (82, 38), (38, 82), (14, 58)), gold),
            Polygon(((58, 28), (68, 38), (38, 68), (28, 58)), dark),
            disc(70, 70, 8, "#8b5cf6"),
            disc(26, 26, 8, "#8b5cf6"),
        )
    )


def _newspaper() -> Drawing:
    ink, paper = "#161616", "#fbfaf5"
    lines = tuple(rounded(12, y, 44, y + 6, 0.5, ink) for y in (42, 55, 68, 81))
    return Drawing(
        (
            rounded(0, 0, 96, 96, 2, paper),
            rounded(0, 0, 96, 30, 2, ink),
            Stroke(((12, 15), (58, 15)), 8, paper),
            disc(80, 15, 8, "#d7263d"),
            *lines,
            rounded(52, 42, 86, 87, 0.5, ("#d7263d", "#8d1226")),
            Polygon(((56, 87), (68, 62), (76, 74), (80, 68), (86, 80), (86, 87)), "#f7d6c8"),
        )
    )


def sails(hull: str, stripe: str) -> Drawing:
    return Drawing(
        (
            Polygon(((50, 4), (50, 66), (8, 66)), ("#ff8364", "#f0437b")),
            Polygon(((56, 16), (90, 66), (56, 66)), ("#35c9e8", "#1577c9")),
            Polygon(((4, 72), (92, 72), (76, 92), (20, 92)), hull),
            Stroke(((26, 82), (70, 82)), 5, stripe),
        )
    )


def _fern() -> Drawing:
    green, pale = ("#2f9e44", "#0b5d2a"), "#a9e34b"
    leaves: list[Shape] = []
    for step in range(4):
        x, y = 22 + step * 14, 80 - step * 15
        reach = 34 - step * 5
        leaves.append(leaf((x, y), (x - reach * 0.55, y - reach * 0.75), 7 - step * 0.6, green))
        leaves.append(leaf((x, y), (x + reach, y + reach * 0.05), 7 - step * 0.6, pale))
    return Drawing(
        (*leaves, leaf((68, 32), (88, 4), 6, green), Stroke(((8, 92), (22, 80), (78, 18)), 5, "#123d22"))
    )


def _moth() -> Drawing:
    upper = ((46, 34), (20, 8), (2, 14), (6, 44), (44, 52))
    lower = ((45, 52), (12, 54), (16, 82), (34, 90), (46, 66))
    violet, lilac = ("#7c3aed", "#4c1d95"), "#c084fc"
    eyes = (disc(22, 30, 10, "#fde68a"), disc(74, 30, 10, "#fde68a"))
    pupils = (disc(22, 30, 4.5, "#1f1147"), disc(74, 30, 4.5, "#1f1147"))
    return Drawing(
        (
            Polygon(upper, violet),
            Polygon(_mirrored(upper), violet),
            Polygon(lower, lilac),
            Polygon(_mirrored(lower), lilac),
            *eyes,
            *pupils,
            leaf((48, 24), (48, 88), 7, "#1f1147"),
            Stroke(((47, 28), (38, 6)), 3.5, "#1f1147"),
            Stroke(((49, 28), (58, 6)), 3.5, "#1f1147"),
        )
    )


def _mango() -> Drawing:
    stops = ((26, 76), (36, 64), (50, 62), (62, 52))
    return Drawing(
        (
            Ellipse((44, 58), (40, 35), ("#ffb703", "#e8442a")),
            disc(62, 40, 27, ("#ffc93c", "#f98a1c")),
            leaf((64, 18), (94, 4), 9, ("#3fb950", "#157a35")),
            Stroke(((62, 24), (66, 12)), 5, "#5b3a1a"),
            Stroke(stops, 4, "#fff4d6"),
            *(disc(x, y, 5.5, "#5b1a10") for x, y in stops),
        )
    )


def _cube() -> Drawing:
    return Drawing(
        (
            Polygon(((48, 2), (90, 25), (48, 48), (6, 25)), "#c9d3df"),
            Polygon(((6, 25), (48, 48), (48, 95), (6, 71)), ("#66788c", "#4a5a6b")),
            Polygon(((90, 25), (48, 48), (48, 95), (90, 71)), ("#2c3947", "#1a232d")),
            Polygon(((18, 46), (36, 56), (36, 88), (18, 78)), "#11181f"),
            Polygon(((60, 56), (80, 45), (80, 55), (60, 66)), "#ff7a1a"),
            Polygon(((60, 71), (80, 60), (80, 66), (60, 77)), "#ffb347"),
        )
    )


def _rook() -> Drawing:
    black = "#191919"
    return Drawing(
        (
            Polygon(((48, 0), (96, 48), (48, 96), (0, 48)), ("#ffe14d", "#f5b800")),
            Polygon(
                (
                    *((30, 24), (38, 24), (38, 30), (44, 30), (44, 24), (52, 24)),
                    *((52, 30), (58, 30), (58, 24), (66, 24), (66, 40), (60, 45)),
                    *((62, 62), (70, 72), (26, 72), (34, 62), (36, 45), (30, 40)),
                ),
                black,
            ),
            Polygon(((42, 72), (42, 58), (48, 52), (54, 58), (54, 72)), "#fff6c9"),
        )
    )


def _shield() -> Drawing:
    outline = ((6, 6), (90, 6), (90, 46), (84, 66), (70, 82), (48, 94), (26, 82), (12, 66), (6, 46))
    blades = (((31, 80), (24, 54)), ((42, 86), (41, 46)), ((53, 86), (59, 49)), ((64, 80), (75, 57)))
    return Drawing(
        (
            Polygon(outline, ("#8fd3f4", "#d8f1ff")),
            Polygon(
                ((8, 56), (30, 46), (52, 54), (89, 40), (84, 66), (70, 82), (48, 94), (26, 82), (12, 66)),
                "#4f8a3a",
            ),
            *(Stroke(blade, 5, "#d9ed92") for blade in blades),
            disc(26, 26, 11, "#ffd166"),
            Stroke((*outline, outline[0]), 6, "#16425b"),
        )
    )


def _lantern() -> Drawing:
    iron = "#3b2f2f"
    return Drawing(
        (
            Stroke(arc(48, 26, 20, 180, 360), 6, iron),
            Polygon(((24, 30), (72, 30), (64, 20), (32, 20)), iron),
            rounded(26, 30, 70, 80, 4, ("#fff3b0", "#f4a261")),
            leaf((48, 76), (48, 38), 10, ("#ffdd00", "#e63946")),
            Stroke(((26, 30), (26, 80)), 6, iron),
            Stroke(((70, 30), (70, 80)), 6, iron),
            rounded(16, 80, 80, 94, 3, iron),
        )
    )


BRAND_LOGOS: dict[str, Drawing] = {
    "lumora": _envelope(),
    "tidepool": _waves(),
    "cirrusdeck": _cloud(),
    "kestrelshop": _kestrel(),
    "norrbank": _bank(),
    "harborpay": _anchor(),
    "obolia": _coin(),
    "dailyquorum": _newspaper(),
    "farewind": sails("#173a5e", "#f6fbff"),
    "inkfern": _fern(),
    "vaultmoth": _moth(),
    "mangotrack": _mango(),
    "stonequay": _cube(),
    "rookery": _rook(),
    "saltmeadow": _shield(),
    "tinlantern": _lantern(),
}
"""The drawing of each brand; no two look alike."""
