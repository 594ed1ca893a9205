"""The signs in small pictures: cut out of their ground, off their tile, and brought to one size.

A mark is shown in any colours, on any ground, large or small. What is left when all that is taken away is
nearly the same each time, so that neither the map of `samelook.looks.marks` nor the comparison of two signs
has to know how marks are framed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from samelook.looks.look import BRIGHT_SIDE, COLOUR_SIDE, PICTURE_BYTES

SIDE: Final = BRIGHT_SIDE

_Floats = NDArray[np.float32]
_Bools = NDArray[np.bool_]
_Pictures = NDArray[np.uint8]
_BRIGHT_CELLS: Final = BRIGHT_SIDE * BRIGHT_SIDE
_NEUTRAL: Final = np.float32(128)
_PERCENT: Final = np.float32(0.4)  # from a byte of brightness to nearly Lab's lightness
# a* and b* count half: they are kept so coarsely that a sign's colour reaches beyond its edge.
_TINT: Final = np.float32(0.5)
_SIGN: Final = np.float32(0.35)  # points farther from the ground than this share of the farthest are sign
_LEAST_APART: Final = np.float32(12)  # a sign's farthest point is at least so many Lab units from the ground
_LEAST_CELLS: Final = 2  # a sign reaches into rows and columns with at least so many of its cells
_LEAST_SIDE: Final = 4
_FILLED: Final = 28  # cells of the frame's 32 that a sign's longer side is brought to
_CORNERS_AGREE: Final = 3
# A tile fills most of the box around it, is nearly as high as broad, and has one colour along its edge.
_TILE_SHARE: Final = 0.72
_LEAST_TILE: Final = 10
_TILE_NEAR: Final = np.float32(14)
_TILE_EVEN: Final = 0.7
_LEAST_SIGN: Final = 0.02
_MOST_SIGN: Final = 0.85


class Cut(NamedTuple):
    """Signs in frames, row by row."""

    signs: _Pictures
    """Shape (n, 32, 32): how far each point is from the ground, by the farthest one's distance, up to 255."""
    breadth: _Floats
    """The shorter side by the longer: a line of words is a narrow strip, as every other is."""


def cut_out(pictures: _Pictures) -> tuple[Cut, NDArray[np.intp], Cut]:
    """The signs of small pictures, shape (n, 1312): of every one, then by row those under something.

    The first are the signs on the ground that the corners show, a tile or a badge being part of a sign. The
    last are those without the badge, or those on the tile.
    """
    if pictures.shape[1:] != (PICTURE_BYTES,):
        raise ValueError(f"Pictures of shape {pictures.shape} have no signs.")
    colours = _colours_of(pictures)
    ground = _ground(colours)
    apart = _norm(colours - ground)
    widest = np.maximum(apart.max(axis=(1, 2)), _LEAST_APART)
    marked = apart > (_SIGN * widest)[:, None, None]
    within = ~_reached(~marked)
    spans = _spans(marked)
    whole = _framed(apart / widest[:, None, None], spans)
    badges = _badges(colours, apart)
    rows = np.flatnonzero(_are_solid(within, spans) | (badges < len(_BADGES)))
    inner = _inner(colours[rows], within[rows])
    bare = _without(_OFF[badges[rows]], apart[rows])
    under = _chosen(badges[rows] < len(_BADGES), bare, inner)
    kept = np.flatnonzero(under.is_sign)
    spans = _spans(under.marked[kept])
    cut = _framed(under.shares[kept], spans)
    return whole, rows[kept], cut


class _Under(NamedTuple):
    is_sign: _Bools
    shares: _Floats

    @property
    def marked(self) -> _Bools:
        return self.shares > _SIGN


def _chosen(which: _Bools, ones: _Under, others: _Under) -> _Under:
    plane = which[:, None, None]
    return _Under(
        np.where(which, ones.is_sign, others.is_sign),
        np.where(plane, ones.shares, others.shares),
    )


def _badges(colours: _Floats, apart: _Floats) -> NDArray[np.intp]:
    """Which of `_BADGES` is there: a disc of one colour, in one corner only. Their number where none is."""
    flat, away = colours.reshape(-1, SIDE * SIDE, 3), apart.reshape(-1, SIDE * SIDE)
    discs = flat[:, _DISCS.cells]
    colour = np.einsum("nbpc,bp->nbc", discs, _DISCS.shares)[:, :, None]
    even = _share_near(discs - colour, _DISCS) >= _BADGE_EVEN
    alone = _share_near(flat[:, _HALOS.cells] - colour, _HALOS) <= _BADGE_LEAK
    found = even & alone & (np.einsum("nbp,bp->nb", away[:, _DISCS.cells], _DISCS.shares) >= _LEAST_APART)
    corners = found.reshape(-1, len(_CORNERS), len(_RADII)).any(axis=2).sum(axis=1)
    only: NDArray[np.intp] = np.where(corners == 1, found.argmax(axis=1), len(_BADGES))
    return only


def _share_near(apart: _Floats, points: _Points) -> _Floats:
    """The share of points around each possible badge whose colour is nearly the badge's, shape (n, badges).

    `apart` is by how much each of `points` differs in colour from the badge, shape (n, badges, points, 3).
    """
    shares: _Floats = np.einsum("nbp,bp->nb", (_norm(apart) < _TILE_NEAR).astype(np.float32), points.shares)
    return shares


def _without(off: _Floats, apart: _Floats) -> _Under:
    """What is left where part of the picture does not count."""
    apart = apart * off
    widest = np.maximum(apart.max(axis=(1, 2), initial=0), _LEAST_APART)
    shares = apart / widest[:, None, None]
    marked = shares > _SIGN
    is_sign = marked.mean(axis=(1, 2)) > _LEAST_SIGN
    return _Under(is_sign, shares)


def _inner(colours: _Floats, within: _Bools) -> _Under:
    """What lies on shapes, if these are tiles of one colour or of one that changes evenly."""
    first = _shrunk(within)
    second = _shrunk(first)
    band = first & ~_shrunk(second)
    count = np.maximum(band.sum(axis=(1, 2)), 1).astype(np.float32)
    mean = np.einsum("nhw,nhwc->nc", band.astype(np.float32), colours) / count[:, None]
    apart = _norm(colours - _even_ground(colours, band, mean))
    even = (band & (apart < _TILE_NEAR)).sum(axis=(1, 2)) >= _TILE_EVEN * count
    apart *= second
    widest = apart.max(axis=(1, 2), initial=0)
    shares = apart / np.maximum(widest, _LEAST_APART)[:, None, None]
    marked = shares > _SIGN
    share = marked.sum(axis=(1, 2)) / np.maximum(within.sum(axis=(1, 2)), 1)
    is_tile = even & (widest >= _LEAST_APART) & (share > _LEAST_SIGN) & (share < _MOST_SIGN)
    return _Under(is_tile, shares)


def _colours_of(pictures: _Pictures) -> _Floats:
    """Brightness, half of a* and of b* of each point, shape (n, 32, 32, 3)."""
    n = len(pictures)
    colours = np.empty((n, SIDE, SIDE, 3), np.float32)
    colours[..., 0] = pictures[:, :_BRIGHT_CELLS].reshape(n, SIDE, SIDE) * _PERCENT
    tint = pictures[:, _BRIGHT_CELLS:].reshape(n, 2, COLOUR_SIDE, COLOUR_SIDE) - _NEUTRAL
    tint *= _TINT
    colours[..., 1:] = (_widening() @ tint @ _widening().T).transpose(0, 2, 3, 1)
    return colours


def _ground(colours: _Floats) -> _Floats:
    """The colour that the corners have; where they do not agree, that of most of the border; as `colours`."""
    corners = np.stack(
        [colours[:, rows, columns].mean(axis=(1, 2)) for rows in _ENDS for columns in _ENDS], axis=1
    )
    ordered = np.sort(corners, axis=1)
    middle = (ordered[:, 1] + ordered[:, 2]) / 2
    agree = (_norm(corners - middle[:, None]) <= _LEAST_APART).sum(axis=1) >= _CORNERS_AGREE
    ground = np.broadcast_to(middle[:, None, None], colours.shape).copy()
    rows = np.flatnonzero(~agree)
    ring = colours[rows][:, _RING]
    half = (ring.shape[1] - 1) // 2
    border = np.partition(ring, half, axis=1)[:, half]
    ground[rows] = _even_ground(colours[rows], _RING[None], border)
    return ground


def _even_ground(colours: _Floats, where: _Bools, colour: _Floats) -> _Floats:
    """The ground that is seen in some points: one colour, or one that changes evenly across the picture.

    What is unlike it counts little, and less each time, for signs may reach into those points.
    """
    flat = colours.reshape(len(colours), SIDE * SIDE, 3)
    ground = np.broadcast_to(colour[:, None], flat.shape)
    for _ in range(_PASSES):
        apart = _norm(flat - ground) / _TILE_NEAR
        weights = where.reshape(-1, SIDE * SIDE) / (1 + apart * apart)
        moments = (weights @ _PLACE_PAIRS).reshape(-1, 3, 3) + _STIFF
        sums = _PLACES.T @ (weights[..., None] * flat)
        ground = _PLACES @ np.linalg.solve(moments, sums)
    return ground.reshape(colours.shape)


_CORNERS: Final = ((1, 1), (1, -1), (-1, 1), (-1, -1))
_RADII: Final = (7.0, 5.6, 4.2)


def _badge(down: int, across: int, radius: float) -> tuple[NDArray[np.intp], NDArray[np.intp], _Floats]:
    """Points that a badge in a corner covers, points around it, and where it is not."""
    reach = SIDE / 2 - radius
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    apart = np.hypot(rows + down * reach, columns + across * reach)
    around = (apart > radius + _HALO) & (apart < radius + 2 * _HALO)
    return (
        np.flatnonzero(apart < radius - _EDGE),
        np.flatnonzero(around),
        (apart > radius + _HALO) * np.float32(1),
    )


class _Points(NamedTuple):
    """Some points of the picture for each possible badge, shape (badges, points).

    Badges have unequally many; the rows of those with fewer are filled up with points that do not count.
    """

    cells: NDArray[np.intp]
    shares: _Floats
    """The weight of each point: they add up to 1 in each row, and are 0 for points that only fill it up."""


def _filled_up(points: Sequence[NDArray[np.intp]]) -> _Points:
    """Lists of points of unequal length as rows of one length."""
    most = max(map(len, points))
    cells = np.stack([np.pad(cells, (0, most - len(cells)), mode="edge") for cells in points])
    shares = [np.pad(np.full(len(cells), 1 / len(cells)), (0, most - len(cells))) for cells in points]
    return _Points(cells, np.stack(shares).astype(np.float32))


_EDGE: Final = 2.2  # cells inside a badge's edge where colours are mixed
_HALO: Final = 2.8  # cells outside it where they are too, or that a larger or moved badge covers
_BADGES: Final = [_badge(*corner, radius) for corner in _CORNERS for radius in _RADII]
_OFF: Final = np.stack([*(off for _, _, off in _BADGES), np.ones((SIDE, SIDE), np.float32)])
_DISCS: Final = _filled_up([disc for disc, _, _ in _BADGES])
_HALOS: Final = _filled_up([around for _, around, _ in _BADGES])
_BADGE_EVEN: Final = 0.9
_BADGE_LEAK: Final = 0.3
_ENDS: Final = (slice(None, 2), slice(-2, None))
_RING: Final = np.pad(np.zeros((SIDE - 2, SIDE - 2), np.bool_), 1, constant_values=True)
_LINE: Final = ((np.arange(SIDE) + 0.5) / SIDE * 2 - 1).astype(np.float32)
_PLACES: Final = np.stack(
    [np.ones(SIDE * SIDE, np.float32), np.repeat(_LINE, SIDE), np.tile(_LINE, SIDE)], axis=1
)
_PLACE_PAIRS: Final = (_PLACES[:, :, None] * _PLACES[:, None]).reshape(-1, 9)
_PASSES: Final = 3
_STIFF: Final = np.diag(np.array([1e-3, 10, 10], np.float32))  # slopes are dear: one colour is likelier


def _norm(vectors: _Floats) -> _Floats:
    norms: _Floats = np.sqrt(np.einsum("...c,...c->...", vectors, vectors))
    return norms


def _reached(passable: _Bools) -> _Bools:
    """Where one gets from the border in a straight line."""
    reached = np.zeros_like(passable)
    for axis in (1, 2):
        reached |= np.logical_and.accumulate(passable, axis=axis)
        back = np.flip(passable, axis)
        reached |= np.flip(np.logical_and.accumulate(back, axis=axis), axis)
    return reached


def _shrunk(inside: _Bools) -> _Bools:
    """Without the outermost points, those at the picture's border included."""
    left = np.zeros_like(inside)
    left[:, 1:-1, 1:-1] = inside[:, 1:-1, 1:-1] & inside[:, 2:, 1:-1] & inside[:, :-2, 1:-1]
    left[:, 1:-1, 1:-1] &= inside[:, 1:-1, 2:] & inside[:, 1:-1, :-2]
    return left


class _Spans(NamedTuple):
    top: NDArray[np.intp]
    bottom: NDArray[np.intp]
    left: NDArray[np.intp]
    right: NDArray[np.intp]

    @property
    def sides(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        return self.bottom - self.top, self.right - self.left


def _spans(marked: _Bools) -> _Spans:
    down, across = (_span(marked.sum(axis=axis) >= _LEAST_CELLS) for axis in (2, 1))
    return _Spans(*down, *across)


def _span(lines: _Bools) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the marked lines of each row begin and end; the whole where none is marked."""
    side, some = lines.shape[1], lines.any(axis=1)
    first, last = lines.argmax(axis=1), side - lines[:, ::-1].argmax(axis=1)
    return np.where(some, first, 0), np.where(some, last, side)


def _are_solid(within: _Bools, spans: _Spans) -> _Bools:
    height, width = spans.sides
    shorter, longer = np.minimum(height, width), np.maximum(height, width)
    share = within.sum(axis=(1, 2)) / np.maximum(height * width, 1)
    solid: _Bools = (share >= _TILE_SHARE) & (shorter >= _TILE_SHARE * longer) & (shorter >= _LEAST_TILE)
    return solid


def _framed(shares: _Floats, spans: _Spans) -> Cut:
    """The box around each sign, brought to the size of the frame."""
    height, width = spans.sides
    side = np.maximum(np.maximum(height, width), _LEAST_SIDE).astype(np.float32)
    rows = _window(spans.top, spans.bottom, side)
    columns = _window(spans.left, spans.right, side)
    framed = rows @ shares @ columns.transpose(0, 2, 1)
    signs = np.rint(framed * np.float32(255)).clip(0, 255).astype(np.uint8)
    return Cut(signs, (np.minimum(height, width) / side).astype(np.float32))


def _window(first: NDArray[np.intp], last: NDArray[np.intp], side: _Floats) -> _Floats:
    """Matrices (n, 32, 32) that draw straight lines between the points of a square window."""
    middle = (first + last).astype(np.float32) / 2
    places = (np.arange(SIDE, dtype=np.float32) + np.float32(0.5 - SIDE / 2)) / _FILLED
    at = places * side[:, None] + (middle - np.float32(0.5))[:, None]
    apart = np.abs(at[:, :, None] - np.arange(SIDE, dtype=np.float32))
    weights: _Floats = np.maximum(1 - apart, 0)
    return weights


@cache
def _widening() -> _Floats:
    """A matrix (32, 12) that draws straight lines between the middles of 12 cells."""
    places = (np.arange(SIDE) + 0.5) * COLOUR_SIDE / SIDE - 0.5
    apart = np.abs(np.clip(places, 0, COLOUR_SIDE - 1)[:, None] - np.arange(COLOUR_SIDE))
    weights: _Floats = np.maximum(1 - apart, 0).astype(np.float32)
    return weights
