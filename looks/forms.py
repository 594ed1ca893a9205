"""The canonical pictures of an icon: several plain ways to frame it, so that a change spoils few of them.

One clever framing would flip under a small change; several simple ones do not all flip at once.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FormName = Literal["plain", "trimmed", "trimmed_grey", "keyed", "inside"]
FORM_NAMES: Final[tuple[FormName, ...]] = ("plain", "trimmed", "trimmed_grey", "keyed", "inside")

CANVAS: Final = 64
"""The side of every canonical picture; PDQ tells icons apart better at 64 pixels than at 128 or 256."""

_WORK_SIDE: Final = 128  # larger icons are shrunk to this side first: trimming needs no more detail
_SOLID: Final = 64  # pixels with a higher alpha are part of the icon
_NEAR: Final = 32  # two colours are one if no channel differs by more
_RING_SHARE: Final = 0.85  # least share of the border ring in one colour that makes it a margin
_STRAY_SHARE: Final = 0.03  # most of a margin's row or column that may have another colour
_KEYED_RING_SHARE: Final = 0.6
_COLOURLESS: Final = 40  # a colour is a grey if its channels differ by no more
_LEAST_SIDE: Final = 4
_TURNS: Final = 12
_TOUCHING_SHARE: Final = 0.08  # least share of the border ring that a shape with round corners covers
_FRAME_NEAR: Final = 48
_FRAME_SHARE: Final = 0.7  # least share of a frame's outer edge in one colour
_INNER_FRAME_SHARE: Final = 0.5  # least share of white at its inner edge: a tile's corners may touch it
_LEAST_EDGE: Final = 16
_LEAST_CONTRAST: Final = 24
_PARTS: Final = 64  # parts that a pixel is divided into
_LEAST_PARTS: Final = 12  # a sign covers at least so many parts of its outermost line
_OPAQUE: Final = 255

_WHITE: Final = 255
_GREY: Final = 128
_BLACK: Final = 0

_WHITE_PIXEL: Final = (255, 255, 255, 255)

_Pixels = NDArray[np.uint8]
_Box = tuple[int, int, int, int]


def canonical_pictures(rgba: _Pixels) -> dict[FormName, _Pixels]:
    """RGB canvases of shape (64, 64, 3) by form, from straight RGBA of shape (h, w, 4).

    A form without contrast is left out, and so is one that would repeat another.
    """
    icon = _premultiplied_square(rgba)
    trimmed, is_trimmed = _trimmed(icon)
    canvases: dict[FormName, _Pixels] = {}
    whole = _canvas(icon)
    canvases["plain"] = _on(whole, _WHITE)
    cut = _canvas(trimmed) if is_trimmed else whole
    if is_trimmed:
        canvases["trimmed"] = _on(cut, _WHITE)
    if cut[..., 3].min() < _OPAQUE:
        canvases["trimmed_grey"] = _on(cut, _GREY)
    keyed = _keyed(icon)
    if keyed is not None:
        canvases["keyed"] = _on(_canvas(keyed), _BLACK)
    inside = _inside_frame(np.asarray(icon))
    if inside is not None:
        canvases["inside"] = _on(_canvas(inside), _WHITE)
    return {name: canvas for name, canvas in canvases.items() if contrast_of(canvas) >= _LEAST_CONTRAST}


def contrast_of(rgb: _Pixels) -> int:
    """The widest range of a channel between the 2nd and the 98th percentile, at half the size."""
    height, width = rgb.shape[0] // 2, rgb.shape[1] // 2
    quarters = rgb.reshape(height, 2, width, 2, 3).astype(np.uint16).sum(axis=(1, 3), dtype=np.uint16)
    levels = quarters.reshape(-1, 3).T
    few = levels.shape[1] * 2 // 100
    ordered = np.partition(levels, (few, levels.shape[1] - 1 - few), axis=1)
    return int((ordered[:, -1 - few].astype(np.int32) - ordered[:, few]).max()) // 4


def _premultiplied_square(rgba: _Pixels) -> Image.Image:
    icon = Image.fromarray(rgba, "RGBA").convert("RGBa")
    side = max(icon.size)
    if side > _WORK_SIDE:
        scale = _WORK_SIDE / side
        size = (max(1, round(icon.width * scale)), max(1, round(icon.height * scale)))
        icon = icon.resize(size, Image.Resampling.LANCZOS)
    return _padded_square(icon, (0, 0, 0, 0))


def _padded_square(icon: Image.Image, colour: tuple[int, ...]) -> Image.Image:
    width, height = icon.size
    if width == height:
        return icon
    side = max(width, height)
    square = Image.new("RGBa", (side, side), colour)
    square.paste(icon, ((side - width) // 2, (side - height) // 2))
    return square


def _canvas(icon: Image.Image) -> _Pixels:
    if icon.size != (CANVAS, CANVAS):
        icon = icon.resize((CANVAS, CANVAS), Image.Resampling.LANCZOS)
    return np.asarray(icon)


def _on(premultiplied: _Pixels, grey: int) -> _Pixels:
    rgb = premultiplied[..., :3]
    if grey == _BLACK:
        return np.ascontiguousarray(rgb)
    behind = ((_OPAQUE - premultiplied[..., 3:].astype(np.uint16)) * grey + _OPAQUE // 2) // _OPAQUE
    # Lanczos overshoots, so a premultiplied channel may be above its alpha.
    pixels: _Pixels = np.minimum(rgb + behind, _OPAQUE).astype(np.uint8)
    return pixels


def _trimmed(icon: Image.Image) -> tuple[Image.Image, bool]:
    """The icon without its transparent margin, then without a margin of one colour; was there any?

    The second margin is looked for in the icon on white, as people see it: a sign on a white disc has the
    same margin as one on a white square.
    """
    pixels = np.asarray(icon)
    box = _box_of(pixels[..., 3] > _SOLID)
    if box is None:
        return icon, False
    pixels = _cut(pixels, box)
    colour: tuple[int, ...] = (0, 0, 0, 0)
    margin = _margin_colour(pixels, _RING_SHARE)
    seen = pixels
    if margin is None and _ring_of(pixels[..., 3] > _SOLID).mean() >= _TOUCHING_SHARE:
        seen = _on_white(pixels)
        margin = _margin_colour(seen, _RING_SHARE)
        if margin is not None and int(margin.min()) < _OPAQUE - _NEAR:
            margin = None
    if margin is not None:
        strays = _distance(seen, margin) > _NEAR
        inside = _box_of_lines(strays.mean(axis=1) > _STRAY_SHARE, strays.mean(axis=0) > _STRAY_SHARE)
        if inside is not None and min(inside[2] - inside[0], inside[3] - inside[1]) >= _LEAST_SIDE:
            pixels = _cut(seen, inside)
            colour = tuple(margin.tolist())
    if pixels.shape == (icon.height, icon.width, 4):
        return icon, False
    return _padded_square(Image.fromarray(np.ascontiguousarray(pixels), "RGBa"), colour), True


def _inside_frame(pixels: _Pixels) -> Image.Image | None:
    """The sign on white inside a frame of one colour (a ring, a border), or None where there is no frame.

    A frame is a closed band of one colour with white on its inner side; a coloured tile has none, for the
    sign lies on the tile itself.
    """
    seen = _on_white(pixels)
    white = _distance(seen, np.full(4, _OPAQUE, np.int16)) <= _NEAR
    left = _left_after(np.ones_like(white), white)
    edge = _edge_of(left)
    if int(edge.sum()) < _LEAST_EDGE:
        return None
    colours = seen[edge].astype(np.int16)
    band: NDArray[np.int16] = np.sort(colours, axis=0)[len(colours) // 2]
    near = _distance(seen, band) <= _FRAME_NEAR
    if float(near[edge].mean()) < _FRAME_SHARE:
        return None
    left = _left_after(left, near | ~left)
    edge = _edge_of(left)
    if int(edge.sum()) < _LEAST_EDGE or float(white[edge].mean()) < _INNER_FRAME_SHARE:
        return None
    left &= ~reached_from_border(white | ~left)
    box = _box_of_lines(left.sum(axis=1) > 1, left.sum(axis=0) > 1)
    if box is None or min(box[2] - box[0], box[3] - box[1]) < max(_LEAST_SIDE, min(left.shape) // 5):
        return None
    return _cut_exactly(_cut(np.where(left[..., None], seen, np.uint8(_OPAQUE)), box))


def _cut_exactly(sign: _Pixels) -> Image.Image:
    """A sign on white, drawn so that its edges are the canvas's, to a part of a pixel.

    The outermost line of a small sign is often covered in part only. Drawn large, it would be a pale border
    around a coloured tile, which is another drawing to PDQ. So it is given its full colour, and cut.
    """
    away = _OPAQUE - sign[..., :3].min(axis=2).astype(np.int64)
    left, right = _cover(away.max(axis=0))
    top, bottom = _cover(away.max(axis=1))
    full = sign.astype(np.int64)
    ends = ((full[:, 0], left), (full[:, -1], right), (full[0], top), (full[-1], bottom))
    for line, cover in ends:
        # In whole numbers, so that the extension's twin rounds alike.
        ink = ((_OPAQUE - line) * 2 * _PARTS + cover) // (2 * cover)
        line[:] = _OPAQUE - np.minimum(ink, _OPAQUE)
    height, width = sign.shape[:2]
    across, down = _PARTS * (width - 2) + left + right, _PARTS * (height - 2) + top + bottom
    widest = max(across, down)
    size = (_rounded(across * CANVAS, widest), _rounded(down * CANVAS, widest))
    x, y = (_PARTS - left) / _PARTS, (_PARTS - top) / _PARTS
    box = (x, y, x + across / _PARTS, y + down / _PARTS)
    drawn = Image.fromarray(full.astype(np.uint8), "RGBa").resize(size, Image.Resampling.LANCZOS, box=box)
    return _padded_square(drawn, _WHITE_PIXEL)


def _cover(most: NDArray[np.int64]) -> tuple[int, int]:
    """How many parts of its first and of its last line a sign covers, by how far the lines are from white."""
    first = _rounded(int(most[0]) * _PARTS, max(int(most[1]), 1))
    last = _rounded(int(most[-1]) * _PARTS, max(int(most[-2]), 1))
    return min(max(first, _LEAST_PARTS), _PARTS), min(max(last, _LEAST_PARTS), _PARTS)


def _rounded(count: int, by: int) -> int:
    return (2 * count + by) // (2 * by)


def _left_after(left: NDArray[np.bool_], passable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is left when all that is reached from the border through passable pixels is gone.

    The next row of pixels goes too: where two colours meet, they are mixed.
    """
    left = left & ~reached_from_border(passable)
    return left if left.all() else left & ~_edge_of(left)


def _edge_of(left: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of a region that have a neighbour outside it."""
    padded = np.pad(left, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return left & ~inner


def _on_white(premultiplied: _Pixels) -> _Pixels:
    opaque = np.full((*premultiplied.shape[:2], 1), _OPAQUE, np.uint8)
    return np.concatenate([_on(premultiplied, _WHITE), opaque], axis=2)


def _keyed(icon: Image.Image) -> Image.Image | None:
    """The sign without the ground that touches the border, or None if the ground is a colour.

    A coloured ground is part of the look: without it, white letters on any two colours would be the same.
    """
    pixels = np.asarray(icon)
    opaque = pixels[..., 3] > _SOLID
    ring = _ring_of(opaque)
    if 2 * int(ring.sum()) > len(ring):
        ground = _margin_colour(pixels, _KEYED_RING_SHARE)
        if ground is None or int(ground[:3].max() - ground[:3].min()) > _COLOURLESS:
            return None
        outside = reached_from_border((_distance(pixels, ground) <= _NEAR) | ~opaque)
        pixels = np.where(outside[..., None], np.uint8(0), pixels)
        opaque &= ~outside
    box = _box_of(opaque)
    if box is None or min(box[2] - box[0], box[3] - box[1]) < _LEAST_SIDE:
        return None
    return _padded_square(Image.fromarray(np.ascontiguousarray(_cut(pixels, box)), "RGBa"), (0, 0, 0, 0))


def _margin_colour(pixels: _Pixels, share: float) -> NDArray[np.int16] | None:
    """The opaque colour that at least this share of the border ring is near, if any."""
    if min(pixels.shape[:2]) < _LEAST_SIDE:
        return None
    ring = _ring_of(pixels).astype(np.int16)
    median: NDArray[np.int16] = np.sort(ring, axis=0)[len(ring) // 2]
    if int(median[3]) <= _OPAQUE - _SOLID or float((_distance(ring, median) <= _NEAR).mean()) < share:
        return None
    return median


def _distance(pixels: NDArray[np.uint8] | NDArray[np.int16], colour: NDArray[np.int16]) -> NDArray[np.int16]:
    # Four small passes over planes: a maximum over a last axis of four is several times slower.
    widest: NDArray[np.int16] = np.abs(pixels[..., 0] - colour[0])
    for channel in (1, 2, 3):
        np.maximum(widest, np.abs(pixels[..., channel] - colour[channel]), out=widest)
    return widest


def reached_from_border(passable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where one gets from the border through passable pixels, up, down, left and right.

    Whole runs of passable pixels are reached at once, along rows and columns in turn. Few turns are needed;
    an icon in which it winds on after the last keeps a part of its ground.
    """
    reached = passable.copy()
    reached[1:-1, 1:-1] = False
    rows, columns = _runs_of(passable), _runs_of(passable.T).T
    count = int(reached.sum())
    for _ in range(_TURNS):
        for runs in (rows, columns):
            reached = passable & (np.bincount(runs[reached], minlength=passable.size + 1) > 0)[runs]
        before, count = count, int(reached.sum())
        if count == before:
            break
    return reached


def _runs_of(passable: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each pixel a number that passable neighbours in its row share. Of others it means nothing."""
    breaks = ~passable
    breaks[:, 0] = True
    runs: NDArray[np.intp] = np.cumsum(breaks.ravel(), dtype=np.intp).reshape(passable.shape)
    return runs


def _ring_of(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])


def _box_of(mask: NDArray[np.bool_]) -> _Box | None:
    return _box_of_lines(np.any(mask, axis=1), np.any(mask, axis=0))


def _box_of_lines(rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> _Box | None:
    """Left, top, right, bottom of the span from the first to the last marked row and column."""
    marked_rows, marked_columns = np.flatnonzero(rows), np.flatnonzero(columns)
    if not len(marked_rows) or not len(marked_columns):
        return None
    return int(marked_columns[0]), int(marked_rows[0]), int(marked_columns[-1]) + 1, int(marked_rows[-1]) + 1


def _cut(pixels: _Pixels, box: _Box) -> _Pixels:
    left, top, right, bottom = box
    return pixels[top:bottom, left:right]
