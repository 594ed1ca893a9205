"""Drawings made of a few shapes, given as pixels of any size or as an SVG document.

Everything is drawn with filled polygons and ellipses on a square of 96 units: no fonts, no
files, nothing random, so that every machine draws the same pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image, ImageDraw

UNITS = 96
"""Drawings use coordinates from 0 to 96 in both directions, y downwards."""

Point = tuple[float, float]
Fill = str | tuple[str, str]
"""A colour `#rrggbb`, or two of them: a gradient from the top of the shape to its bottom."""


@dataclass(frozen=True, slots=True)
class Polygon:
    points: tuple[Point, ...]
    fill: Fill


@dataclass(frozen=True, slots=True)
class Ellipse:
    centre: Point
    radii: Point
    fill: Fill


@dataclass(frozen=True, slots=True)
class Stroke:
    """A stroke with round ends and joints."""

    points: tuple[Point, ...]
    width: float
    fill: str


Shape = Polygon | Ellipse | Stroke


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes from back to front on a transparent square."""

    shapes: tuple[Shape, ...]


def disc(x: float, y: float, radius: float, fill: Fill) -> Ellipse:
    return Ellipse((x, y), (radius, radius), fill)


def rounded(left: float, top: float, right: float, bottom: float, radius: float, fill: Fill) -> Polygon:
    """A rectangle with round corners, as a polygon with eight points a corner."""
    corners = (
        (right - radius, bottom - radius, 0),
        (left + radius, bottom - radius, 90),
        (left + radius, top + radius, 180),
        (right - radius, top + radius, 270),
    )
    points: list[Point] = []
    for x, y, start in corners:
        points += arc(x, y, radius, start, start + 90)
    return Polygon(tuple(points), fill)


def arc(
    x: float, y: float, radius: float, start: float, end: float, radius_y: float = 0
) -> tuple[Point, ...]:
    """Points on a circle (or an upright ellipse) between two angles, in degrees clockwise from the right."""
    steps = max(2, round(abs(end - start) / 11.25))
    turns = (math.radians(start + (end - start) * step / steps) for step in range(steps + 1))
    return tuple(
        (round(x + radius * math.cos(turn), 2), round(y + (radius_y or radius) * math.sin(turn), 2))
        for turn in turns
    )


def regular(x: float, y: float, radius: float, corners: int, fill: Fill, turned: float = 0) -> Polygon:
    """A regular polygon; its first corner points to the right unless it is turned (degrees)."""
    points = (math.radians(turned + 360 * corner / corners) for corner in range(corners))
    return Polygon(
        tuple(
            (round(x + radius * math.cos(turn), 2), round(y + radius * math.sin(turn), 2)) for turn in points
        ),
        fill,
    )


def leaf(start: Point, end: Point, breadth: float, fill: Fill) -> Polygon:
    """A pointed leaf from one point to another; `breadth` is how far it bulges to each side."""
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    across = (-(y1 - y0) / length, (x1 - x0) / length)
    points: list[Point] = []
    for side, steps in ((1, range(13)), (-1, range(11, 0, -1))):
        for step in steps:
            part = step / 12
            bulge = side * breadth * math.sin(math.pi * part)
            points.append(
                (
                    round(x0 + (x1 - x0) * part + across[0] * bulge, 2),
                    round(y0 + (y1 - y0) * part + across[1] * bulge, 2),
                )
            )
    return Polygon(tuple(points), fill)


def raster(drawing: Drawing, size: int) -> Image.Image:
    """The drawing as an RGBA picture of `size` pixels a side, smoothed by drawing it larger."""
    factor = 4 if size <= 192 else 2  # noqa: PLR2004 - large ones are smooth enough
    canvas = Image.new("RGBA", (size * factor, size * factor))
    scale = size * factor / UNITS
    for shape in drawing.shapes:
        _paint(canvas, shape, scale)
    return canvas.reduce(factor)


def svg(drawing: Drawing, *, size: int = UNITS, style: str = "", extra: str = "") -> str:
    """The drawing as an SVG document; `style` and `extra` go in as they are, before the shapes."""
    gradients: list[str] = []
    shapes: list[str] = []
    for shape in drawing.shapes:
        paint = shape.fill
        if not isinstance(paint, str):
            name = f"g{len(gradients)}"
            gradients.append(
                f'<linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1">'
                f'<stop offset="0" stop-color="{paint[0]}"/>'
                f'<stop offset="1" stop-color="{paint[1]}"/></linearGradient>'
            )
            paint = f"url(#{name})"
        shapes.append(_svg_shape(shape, paint))
    defs = f"<defs>{''.join(gradients)}</defs>" if gradients else ""
    head = f"<style>{style}</style>" if style else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}"'
        f' viewBox="0 0 {UNITS} {UNITS}">'
        f"{head}{defs}{extra}{''.join(shapes)}</svg>"
    )


def _svg_shape(shape: Shape, paint: str) -> str:
    if isinstance(shape, Ellipse):
        (x, y), (rx, ry) = shape.centre, shape.radii
        return f'<ellipse cx="{x:g}" cy="{y:g}" rx="{rx:g}" ry="{ry:g}" fill="{paint}"/>'
    points = " ".join(f"{x:g},{y:g}" for x, y in shape.points)
    if isinstance(shape, Polygon):
        return f'<polygon points="{points}" fill="{paint}"/>'
    return (
        f'<polyline points="{points}" fill="none" stroke="{paint}" stroke-width="{shape.width:g}"'
        ' stroke-linecap="round" stroke-linejoin="round"/>'
    )


def _paint(canvas: Image.Image, shape: Shape, scale: float) -> None:
    mask = Image.new("1", canvas.size)
    pen = ImageDraw.Draw(mask)
    if isinstance(shape, Ellipse):
        _fill_ellipse(pen, shape.centre, shape.radii, scale)
    elif isinstance(shape, Polygon):
        pen.polygon([(round(x * scale), round(y * scale)) for x, y in shape.points], fill=1)
    else:
        half = shape.width / 2
        for start, end in zip(shape.points, shape.points[1:], strict=False):
            pen.polygon([(round(x * scale), round(y * scale)) for x, y in _bar(start, end, half)], fill=1)
        for point in shape.points:
            _fill_ellipse(pen, point, (half, half), scale)
    box = mask.getbbox()
    if box is not None:
        part = mask.crop(box)
        canvas.paste(_paint_of(shape.fill, part.size), box, part)


def _fill_ellipse(pen: ImageDraw.ImageDraw, centre: Point, radii: Point, scale: float) -> None:
    (x, y), (rx, ry) = centre, radii
    pen.ellipse(
        (
            round((x - rx) * scale),
            round((y - ry) * scale),
            round((x + rx) * scale) - 1,
            round((y + ry) * scale) - 1,
        ),
        fill=1,
    )


def _bar(start: Point, end: Point, half: float) -> tuple[Point, ...]:
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0) or 1.0
    dx, dy = -(y1 - y0) / length * half, (x1 - x0) / length * half
    return ((x0 + dx, y0 + dy), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy), (x0 - dx, y0 - dy))


def _paint_of(fill: Fill, size: tuple[int, int]) -> Image.Image:
    if isinstance(fill, str):
        return Image.new("RGBA", size, fill)
    width, height = size
    top, bottom = (bytes.fromhex(colour.removeprefix("#")) for colour in fill)
    last = max(1, height - 1)
    rows = b"".join(
        bytes([*((a * (last - row) + b * row) // last for a, b in zip(top, bottom, strict=True)), 255])
        for row in range(height)
    )
    return Image.frombytes("RGBA", (1, height), rows).resize((width, height), Image.Resampling.NEAREST)
