"""Basic shapes of CSS, such as `clip-path: circle(40%)`, as paths (CSS Shapes 1)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Final

from samelook.hashing.svg.boxes import Box
from samelook.hashing.svg.mathematics import Measure, NotANumber, evaluated, split_at_commas, without_space
from samelook.hashing.svg.transforms import position_of

BOXES: Final = frozenset(
    ("fill-box", "stroke-box", "view-box", "border-box", "padding-box", "content-box", "margin-box")
)
_PATH: Final = re.compile(r"[MmLlHhVvCcSsQqTtAaZz0-9eE+\-.,\s]*")


def shape_path(token: Any, measure: Measure, box: Box) -> tuple[str, bool]:
    """Path data of a shape's function, and whether it is filled by the even-odd rule. Raises NotANumber.

    The data of path() are relative to the box, all others are in user units.
    """
    name, tokens = token.lower_name, without_space(token.arguments)
    if name in {"circle", "ellipse"}:
        return _round(name, tokens, measure, box), False
    if name in {"inset", "rect", "xywh"}:
        return _inset(name, tokens, measure, box), False
    if name == "polygon":
        return _polygon(tokens, measure, box)
    if name == "path":
        return path_data(tokens)
    raise NotANumber


def path_data(tokens: Sequence[Any]) -> tuple[str, bool]:
    """The data in path(…), and whether it is filled by the even-odd rule."""
    parts = split_at_commas(tokens)
    is_even_odd = (
        len(parts) > 1 and getattr(parts[0][0] if parts[0] else None, "lower_value", "") == "evenodd"
    )
    last = without_space(parts[-1])
    if len(last) != 1 or last[0].type != "string" or not _PATH.fullmatch(last[0].value):
        raise NotANumber
    return str(last[0].value), is_even_odd


def _split_word(tokens: list[Any], word: str) -> tuple[list[Any], list[Any]]:
    for at, token in enumerate(tokens):
        if token.type == "ident" and token.lower_value == word:
            return tokens[:at], tokens[at + 1 :]
    return tokens, []


def _round(name: str, tokens: list[Any], measure: Measure, box: Box) -> str:
    sizes, place = _split_word(tokens, "at")
    cx, cy = box.left + box.width / 2, box.top + box.height / 2
    if place:
        cx, cy = position_of(place, measure, box)
    sides = (cx - box.left, box.left + box.width - cx), (cy - box.top, box.top + box.height - cy)
    if name == "circle":
        whole = math.hypot(box.width, box.height) / math.sqrt(2)
        every = [abs(side) for pair in sides for side in pair]
        rx = ry = _radius(sizes[0] if sizes else None, whole, every, measure)
    else:
        x_token, y_token = (sizes[0], sizes[1]) if len(sizes) > 1 else (None, None)
        rx = _radius(x_token, box.width, [abs(side) for side in sides[0]], measure)
        ry = _radius(y_token, box.height, [abs(side) for side in sides[1]], measure)
    return ellipse_path(cx, cy, rx, ry)


def ellipse_path(cx: float, cy: float, rx: float, ry: float) -> str:
    """An ellipse as two arcs."""
    arc = f"A{rx:.9g} {ry:.9g} 0 1 1"
    return f"M{cx - rx:.9g} {cy:.9g}{arc} {cx + rx:.9g} {cy:.9g}{arc} {cx - rx:.9g} {cy:.9g}Z"


def _radius(token: Any, whole: float, sides: list[float], measure: Measure) -> float:
    word = "closest-side" if token is None else getattr(token, "lower_value", "")
    if word == "closest-side":
        return min(sides)
    if word == "farthest-side":
        return max(sides)
    return max(0.0, evaluated([token], whole, measure, {}))


def _inset(name: str, tokens: list[Any], measure: Measure, box: Box) -> str:
    offsets, corners = _split_word(tokens, "round")
    if name == "inset":
        top, right, bottom, left = four_of(
            [
                evaluated([token], box.height if index % 2 == 0 else box.width, measure, {})
                for index, token in enumerate(offsets)
            ]
        )
        x, y = box.left + left, box.top + top
        width, height = box.width - left - right, box.height - top - bottom
    else:
        values = [
            (0.0 if index in {0, 3} else side)
            if getattr(token, "lower_value", "") == "auto"
            else evaluated([token], side, measure, {})
            for index, (token, side) in enumerate(zip(offsets, _sides(name, box), strict=True))
        ]
        if name == "xywh":
            x, y, width, height = box.left + values[0], box.top + values[1], values[2], values[3]
        else:
            x, y = box.left + values[3], box.top + values[0]
            width, height = values[1] - values[3], values[2] - values[0]
    return rounded_path(Box(x, y, max(width, 0), max(height, 0)), radii_of(corners, measure, box))


def _sides(name: str, box: Box) -> tuple[float, float, float, float]:
    if name == "xywh":
        return box.width, box.height, box.width, box.height
    return box.height, box.width, box.height, box.width


def four_of(values: list[float]) -> tuple[float, float, float, float]:
    if not 1 <= len(values) <= 4:  # noqa: PLR2004
        raise NotANumber
    top = values[0]
    right = values[1] if len(values) > 1 else top
    bottom = values[2] if len(values) > 2 else top  # noqa: PLR2004
    return top, right, bottom, values[3] if len(values) > 3 else right  # noqa: PLR2004


def radii_of(tokens: Sequence[Any], measure: Measure, box: Box) -> list[tuple[float, float]]:
    """Radii of the corners from the top left clockwise, as `border-radius` has them. Raises NotANumber."""
    kept = without_space(tokens)
    if not kept:
        return [(0.0, 0.0)] * 4
    slash = next((at for at, token in enumerate(kept) if getattr(token, "value", "") == "/"), len(kept))
    across = four_of([evaluated([token], box.width, measure, {}) for token in kept[:slash]])
    down_tokens = kept[slash + 1 :] or kept[:slash]
    down = four_of([evaluated([token], box.height, measure, {}) for token in down_tokens])
    radii = [(max(x, 0), max(y, 0)) for x, y in zip(across, down, strict=True)]
    # Radii that do not fit shrink together (CSS Backgrounds 3, 4.5).
    sums = (
        (box.width, radii[0][0] + radii[1][0]),
        (box.width, radii[3][0] + radii[2][0]),
        (box.height, radii[0][1] + radii[3][1]),
        (box.height, radii[1][1] + radii[2][1]),
    )
    shrink = min([1.0, *(side / total for side, total in sums if total > 0)])
    return [(x * shrink, y * shrink) for x, y in radii]


def rounded_path(box: Box, radii: list[tuple[float, float]]) -> str:
    """A rectangle with round corners."""
    left, top, right, bottom = box.left, box.top, box.left + box.width, box.top + box.height
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = radii
    # Corners that would overlap shrink together (CSS Backgrounds 3, 4.5).
    sides = ((box.width, ax + bx), (box.width, cx + dx), (box.height, ay + dy), (box.height, by + cy))
    shrunk = min([1.0, *(side / needed for side, needed in sides if needed > side)])
    ax, ay, bx, by, cx, cy, dx, dy = (radius * shrunk for radius in (ax, ay, bx, by, cx, cy, dx, dy))
    pieces = [
        f"M{left + ax:.9g} {top:.9g}H{right - bx:.9g}",
        f"A{bx:.9g} {by:.9g} 0 0 1 {right:.9g} {top + by:.9g}V{bottom - cy:.9g}",
        f"A{cx:.9g} {cy:.9g} 0 0 1 {right - cx:.9g} {bottom:.9g}H{left + dx:.9g}",
        f"A{dx:.9g} {dy:.9g} 0 0 1 {left:.9g} {bottom - dy:.9g}V{top + ay:.9g}",
        f"A{ax:.9g} {ay:.9g} 0 0 1 {left + ax:.9g} {top:.9g}Z",
    ]
    return "".join(pieces)


def _polygon(tokens: list[Any], measure: Measure, box: Box) -> tuple[str, bool]:
    parts = split_at_commas(tokens)
    is_even_odd = False
    if parts[0] and getattr(parts[0][0], "lower_value", "") in {"evenodd", "nonzero"}:
        is_even_odd = parts[0][0].lower_value == "evenodd"
        parts = parts[1:]
    points: list[str] = []
    for part in parts:
        if len(part) != 2:  # noqa: PLR2004
            raise NotANumber
        x = box.left + evaluated(part[:1], box.width, measure, {})
        y = box.top + evaluated(part[1:], box.height, measure, {})
        points.append(f"{x:.9g} {y:.9g}")
    if not points:
        raise NotANumber
    return f"M{'L'.join(points)}Z", is_even_odd
