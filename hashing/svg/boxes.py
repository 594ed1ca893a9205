"""Where the shapes of an SVG lie, for what CSS measures by an element's own box."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from samelook.hashing.svg.tree import Element

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_PATH_TOKEN: Final = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])|([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_ARGUMENTS: Final = {"m": 2, "l": 2, "h": 1, "v": 1, "c": 6, "s": 4, "q": 4, "t": 2, "a": 7, "z": 0}
_MOST_PATH_CHARACTERS: Final = 200_000
_SAMPLES: Final = tuple(step / 12 for step in range(1, 13))
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in user units."""

    left: float
    top: float
    width: float
    height: float

    def grown(self, by: float) -> Box:
        """With a margin all around."""
        return Box(self.left - by, self.top - by, self.width + 2 * by, self.height + 2 * by)


def box_around(points: list[Point]) -> Box | None:
    """The smallest box with all points; None without any."""
    if not points:
        return None
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def number(element: Element, name: str, whole: float, default: float = 0.0) -> float:
    """An attribute as a number of user units."""
    found = _NUMBER.match(element.attributes.get(name, "").strip())
    if found is None:
        return default
    value = float(found[0])
    return value / 100 * whole if element.attributes[name].strip().endswith("%") else value


def shape_points(element: Element, width: float, height: float) -> list[Point] | None:
    """Points on the outline of a basic shape or image; None for what is none or is not measured."""
    name = element.name
    whole = math.hypot(width, height) / math.sqrt(2)
    if name in {"rect", "image", "foreignObject", "svg"}:
        x, y = number(element, "x", width), number(element, "y", height)
        w, h = number(element, "width", width, -1), number(element, "height", height, -1)
        return [(x, y), (x + w, y + h)] if w >= 0 and h >= 0 else None
    if name in {"circle", "ellipse"}:
        cx, cy = number(element, "cx", width), number(element, "cy", height)
        rx = ry = number(element, "r", whole)
        if name == "ellipse":
            rx, ry = number(element, "rx", width, -1), number(element, "ry", height, -1)
            rx, ry = (ry if rx < 0 else rx), (rx if ry < 0 else ry)
        # Not only the corners: a turned circle has no corners.
        turns = (step * math.pi / 8 for step in range(16))
        return [(cx + rx * math.cos(turn), cy + ry * math.sin(turn)) for turn in turns]
    if name == "line":
        return [
            (number(element, "x1", width), number(element, "y1", height)),
            (number(element, "x2", width), number(element, "y2", height)),
        ]
    if name in {"polyline", "polygon"}:
        values = [float(v) for v in _NUMBER.findall(element.attributes.get("points", ""))]
        return list(zip(values[::2], values[1::2], strict=False))
    if name == "path":
        return path_points(element.attributes.get("d", ""))
    return None


def path_points(d: str) -> list[Point] | None:
    """Points on a path, on curves at twelve places each; None for a path that is too long to measure."""
    if len(d) > _MOST_PATH_CHARACTERS:
        return None
    points: list[Point] = []
    for draw in _segments(d):
        points += draw
    return points


def outline_length(element: Element, width: float, height: float) -> float | None:
    """How long the outline of a shape is; None for what is no shape or is not measured."""
    name = element.name
    if name == "path":
        d = element.attributes.get("d", "")
        return None if len(d) > _MOST_PATH_CHARACTERS else sum(map(_length, _segments(d)))
    points = shape_points(element, width, height)
    if not points or name not in _SHAPES:
        return None
    if name == "rect":
        (left, top), (right, bottom) = points
        corner = number(element, "rx", width, -1)
        corner = number(element, "ry", height, 0) if corner < 0 else corner
        corner = min(corner, (right - left) / 2, (bottom - top) / 2)
        return 2 * (right - left + bottom - top) - (8 - math.tau) * corner
    # An ellipse was measured at sixteen places, and its chords are 0.64 % shorter than it is.
    return _length([*points, points[0]] if name != "polyline" else points) * (
        math.pi / 16 / math.sin(math.pi / 16) if name in {"circle", "ellipse"} else 1.0
    )


_SHAPES: Final = frozenset(("rect", "circle", "ellipse", "line", "polyline", "polygon"))


def _length(points: list[Point]) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(points))


def _segments(d: str) -> Iterator[list[Point]]:
    command, arguments = "", list[float]()
    at = start = control = (0.0, 0.0)
    last = ""
    for letter, digits in _PATH_TOKEN.findall(d):
        if digits:
            arguments.append(float(digits))
        else:
            command, arguments = letter, []
        needed = _ARGUMENTS.get(command.lower(), 0)
        if not command or len(arguments) < needed or (digits and not needed):
            continue
        drawn, at, control = _segment(command, arguments, at, start, control, last)
        last = command.lower()
        if last == "m":
            start = at
            command = "L" if command == "M" else "l"
        yield drawn
        arguments = []


def _segment(  # noqa: PLR0911 - one return a kind of segment
    command: str, values: list[float], at: Point, start: Point, control: Point, last: str
) -> tuple[list[Point], Point, Point]:
    """Points drawn, where the pen is then, and the control point that a smooth curve mirrors."""
    kind = command.lower()
    dx, dy = at if command.islower() else (0.0, 0.0)
    if kind == "z":
        return [at, start], start, start
    if kind == "h":
        end = values[0] + dx, at[1]
        return [at, end], end, end
    if kind == "v":
        end = at[0], values[0] + dy
        return [at, end], end, end
    if kind == "a":
        end = values[5] + dx, values[6] + dy
        return [at, *_arc(at, values, end)], end, end
    pairs = [(x + dx, y + dy) for x, y in zip(values[::2], values[1::2], strict=True)]
    end = pairs[-1]
    if kind == "m":
        return [], end, end
    if kind == "l":
        return [at, end], end, end
    mirrored = 2 * at[0] - control[0], 2 * at[1] - control[1]
    if kind in {"c", "s"}:
        first = pairs[0] if kind == "c" else (mirrored if last in {"c", "s"} else at)
        second = pairs[-2]
        return [at, *(_cubic(at, first, second, end, t) for t in _SAMPLES)], end, second
    middle = pairs[0] if kind == "q" else (mirrored if last in {"q", "t"} else at)
    return [at, *(_quadratic(at, middle, end, t) for t in _SAMPLES)], end, middle


def _cubic(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    u = 1 - t
    w = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
    return (
        w[0] * a[0] + w[1] * b[0] + w[2] * c[0] + w[3] * d[0],
        w[0] * a[1] + w[1] * b[1] + w[2] * c[1] + w[3] * d[1],
    )


def _quadratic(a: Point, b: Point, c: Point, t: float) -> Point:
    u = 1 - t
    return (
        u * u * a[0] + 2 * u * t * b[0] + t * t * c[0],
        u * u * a[1] + 2 * u * t * b[1] + t * t * c[1],
    )


def _arc(start: Point, values: list[float], end: Point) -> list[Point]:
    """Points of an elliptical arc (SVG 2, B.2.4)."""
    rx, ry, turned = abs(values[0]), abs(values[1]), math.radians(values[2])
    if not rx or not ry or start == end:
        return [end]
    cos, sin = math.cos(turned), math.sin(turned)
    half_x, half_y = (start[0] - end[0]) / 2, (start[1] - end[1]) / 2
    x, y = cos * half_x + sin * half_y, -sin * half_x + cos * half_y
    grow = math.sqrt(max(1.0, (x / rx) ** 2 + (y / ry) ** 2))
    rx, ry = rx * grow, ry * grow
    below = (rx * y) ** 2 + (ry * x) ** 2
    root = math.sqrt(max(0.0, ((rx * ry) ** 2 - below) / below)) if below else 0.0
    if bool(values[3]) == bool(values[4]):
        root = -root
    cx, cy = root * rx * y / ry, -root * ry * x / rx
    centre = cos * cx - sin * cy + (start[0] + end[0]) / 2, sin * cx + cos * cy + (start[1] + end[1]) / 2
    first = math.atan2((y - cy) / ry, (x - cx) / rx)
    sweep = math.atan2((-y - cy) / ry, (-x - cx) / rx) - first
    if values[4] and sweep < 0:
        sweep += math.tau
    elif not values[4] and sweep > 0:
        sweep -= math.tau
    points: list[Point] = []
    for t in _SAMPLES:
        a, b = rx * math.cos(first + sweep * t), ry * math.sin(first + sweep * t)
        points.append((centre[0] + cos * a - sin * b, centre[1] + sin * a + cos * b))
    return points


Matrix = tuple[float, float, float, float, float, float]
IDENTITY: Final[Matrix] = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_TRANSFORM: Final = re.compile(r"(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^)]*)\)")


def multiplied(a: Matrix, b: Matrix) -> Matrix:
    """The transform that does `b`, then `a`."""
    return (
        a[0] * b[0] + a[2] * b[1],
        a[1] * b[0] + a[3] * b[1],
        a[0] * b[2] + a[2] * b[3],
        a[1] * b[2] + a[3] * b[3],
        a[0] * b[4] + a[2] * b[5] + a[4],
        a[1] * b[4] + a[3] * b[5] + a[5],
    )


def applied(matrix: Matrix, point: Point) -> Point:
    """The point after the transform."""
    x, y = point
    return matrix[0] * x + matrix[2] * y + matrix[4], matrix[1] * x + matrix[3] * y + matrix[5]


def matrix_of(text: str) -> Matrix:
    """A transform attribute as one matrix; what is no function of it is passed over."""
    matrix = IDENTITY
    # Without what no bracket closes: each name in it would be followed to the end of the text.
    for name, inner in _TRANSFORM.findall(text[: text.rfind(")") + 1]):
        v = [float(number) for number in _NUMBER.findall(inner)]
        build = _MATRICES[name]
        try:
            matrix = multiplied(matrix, build(v))
        except IndexError:
            continue
    return matrix


def _rotation(v: list[float]) -> Matrix:
    cos, sin = math.cos(math.radians(v[0])), math.sin(math.radians(v[0]))
    turned: Matrix = (cos, sin, -sin, cos, 0, 0)
    if len(v) < 3:  # noqa: PLR2004 - no centre is given
        return turned
    return multiplied(multiplied((1, 0, 0, 1, v[1], v[2]), turned), (1, 0, 0, 1, -v[1], -v[2]))


_MATRICES: Final[dict[str, Callable[[list[float]], Matrix]]] = {
    "matrix": lambda v: (v[0], v[1], v[2], v[3], v[4], v[5]),
    "translate": lambda v: (1, 0, 0, 1, v[0], v[1] if len(v) > 1 else 0),
    "scale": lambda v: (v[0], 0, 0, v[1] if len(v) > 1 else v[0], 0, 0),
    "rotate": _rotation,
    "skewX": lambda v: (1, 0, math.tan(math.radians(v[0])), 1, 0, 0),
    "skewY": lambda v: (1, math.tan(math.radians(v[0])), 0, 1, 0, 0),
}


def box_of(element: Element, width: float, height: float) -> Box | None:
    """The fill box of an element or group; None if it has none or part of it cannot be measured."""
    points = _points(element, width, height, IDENTITY, [4000])
    return None if points is None else box_around(points)


def _points(
    element: Element, width: float, height: float, matrix: Matrix, left: list[int]
) -> list[Point] | None:
    left[0] -= 1
    if left[0] < 0:
        return None
    own = shape_points(element, width, height)
    if own is not None:
        return [applied(matrix, point) for point in own]
    if element.name in {"g", "a", "switch"}:
        found: list[Point] = []
        for child in element.elements():
            inner = multiplied(matrix, matrix_of(child.attributes.get("transform", "")))
            points = _points(child, width, height, inner, left)
            if points is None:
                return None
            found += points
        return found
    if element.name in {"defs", "title", "desc", "metadata", "style", "linearGradient", "clipPath", "mask"}:
        return []
    return None
