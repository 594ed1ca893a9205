"""How far two small pictures are apart once they lie on each other as well as they can; what they show.

Written twice: in C (`looks/_looks.c`), where a pair costs some 20 µs, and here in numpy, which says what is
meant and serves where no compiler was.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from samelook.looks import kernels as look_kernels
from samelook.looks.colour import squeezed
from samelook.looks.kernels import KERNELS
from samelook.looks.look import BRIGHT_SIDE, COLOUR_SIDE, PICTURE_BYTES

_Floats = NDArray[np.float32]
_Doubles = NDArray[np.float64]
_Pictures = NDArray[np.uint8]

_BRIGHT_CELLS: Final = BRIGHT_SIDE * BRIGHT_SIDE
_COLOUR_CELLS: Final = COLOUR_SIDE * COLOUR_SIDE
_REACH: Final = 2  # cells that a picture may be moved by, each way
_CORE: Final = BRIGHT_SIDE - 2 * _REACH
_BLOCK: Final = 4
_BLOCKS: Final = _CORE // _BLOCK
_HALF: Final = _CORE // 2
_MIDDLE: Final = slice(_CORE // 4, _CORE - _CORE // 4)
_TINT_MIDDLE: Final = slice(2, COLOUR_SIDE - 2)
_PERCENT: Final = 100 / 255
_CELLS: Final = 4  # side of the blocks in which detail is counted
_PLAIN: Final = 8  # a block shows nothing if its brightness has no larger standard deviation
_GREY: Final = 128
_BATCH: Final = 2048

# The least contrast and colour that are assumed, so that noise on an even picture is no difference.
_FAINT: Final = 4.0  # as a standard deviation of brightness
_COLOURLESS: Final = 9.0  # as a mean square of colour
_EVEN: Final = 1e4  # as a product of norms
_FLAT: Final = 30.0  # as a mean square of brightness
_QUARTER_EVEN: Final = 36.0 * _HALF * _HALF

# A badge covers at most this of a side, in cells of colour and in blocks of brightness.
_TINT_CORNER: Final = 5
_CORNER_BLOCKS: Final = 3

# The typical size of each harmless change: shift across and down (cells), scale across and down, blur, gain.
# The ridge regression that fits them weighs each by it, and all of them by the noise.
_USUAL: Final = np.array([0.7, 0.7, 0.05, 0.05, 0.35, 0.4])
_NOISE: Final = 240.0


class Measures(NamedTuple):
    """How two pictures differ and how much there is to see in them, row by row."""

    tint: _Floats
    """Root mean square distance in a* and b* within the middle two thirds."""
    hue: _Floats
    """The same distance in all but the worst corner, as a share of its colourfulness: a small sign counts."""
    direction: _Floats
    """Cosine between the colours: 1 for the same hues, however pale."""
    detail: _Floats
    """The share of blocks of 4 x 4 cells that show something, in the plainer of the two.

    Two letters or two discs are alike by chance far more often than two pictures with much in them.
    """
    palette: _Floats
    """How far the colours are from being mixtures of only two, in Lab's units, in the plainer of the two."""
    length: _Floats
    """Mean step of brightness from cell to cell by the contrast: how long the outlines are."""
    bright: _Floats
    """Root mean square difference of brightness where they lie on each other best, in percent."""
    inner: _Floats
    """Correlation of brightness in the middle half: 1 for the same drawing."""
    quarter: _Floats
    """Correlation of brightness in the second worst quarter: a badge spoils one."""
    shade: _Floats
    """The median difference of brightness and colour in one, among 12 x 12 cells; near Lab's units."""
    shades: _Floats
    """The upper quartile of these differences."""
    rest: _Floats
    """Share of the drawing that no small shift, scale, blur or gain explains, without its worst corner."""
    middle: _Floats
    """The same share in all but the outermost blocks."""
    shift: _Floats
    """How far the left one had to be moved, in cells."""
    scale: _Floats
    """How much it had to be stretched."""
    gain: _Floats
    """By how much its contrast is another."""


def measures_of(left: _Pictures, right: _Pictures) -> Measures:
    """Of picture i on the left against picture i on the right, of shape (n, 1312).

    The left one is moved by up to two cells, to where its brightness correlates best.
    """
    _check(left, right)
    if KERNELS is not None:
        return Measures(*look_kernels.measures(KERNELS, left, right))
    return measures_in_numpy(left, right)


def tints_of(left: _Pictures, right: _Pictures) -> _Floats:
    """The tint alone, which costs next to nothing and settles most candidates."""
    _check(left, right)
    return look_kernels.tints(KERNELS, left, right) if KERNELS is not None else tints_in_numpy(left, right)


def inners_of(left: _Pictures, right: _Pictures) -> _Floats:
    """The inner correlation alone, which costs a fraction of all and settles most of the rest."""
    _check(left, right)
    return look_kernels.inners(KERNELS, left, right) if KERNELS is not None else inners_in_numpy(left, right)


def inners_in_numpy(left: _Pictures, right: _Pictures) -> _Floats:
    if not len(left):
        return np.empty(0, np.float32)
    core = _bright_of(right)[:, _REACH:-_REACH, _REACH:-_REACH]
    moved, _, _ = _moved_onto(_bright_of(left), core)
    inners: _Floats = _inner(moved[:, _MIDDLE, _MIDDLE], core[:, _MIDDLE, _MIDDLE]).astype(np.float32)
    return inners


def tints_in_numpy(left: _Pictures, right: _Pictures) -> _Floats:
    ours = _colours_of(left)[..., _TINT_MIDDLE, _TINT_MIDDLE]
    difference = ours - _colours_of(right)[..., _TINT_MIDDLE, _TINT_MIDDLE]
    tints: _Floats = np.sqrt((difference**2).sum(axis=1).mean(axis=(1, 2))).astype(np.float32)
    return tints


def measures_in_numpy(left: _Pictures, right: _Pictures) -> Measures:
    """What `measures_of` gives, whether there is a compiler or not."""
    if not len(left):
        return Measures(*np.empty((len(Measures._fields), 0), np.float32))
    starts = range(0, len(left), _BATCH)
    parts = [_measured(left[start : start + _BATCH], right[start : start + _BATCH]) for start in starts]
    return Measures(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _check(left: _Pictures, right: _Pictures) -> None:
    if left.shape != right.shape or left.shape[1:] != (PICTURE_BYTES,):
        raise ValueError(f"Pictures of shapes {left.shape} and {right.shape} cannot be compared.")


def _measured(left: _Pictures, right: _Pictures) -> Measures:
    ours, theirs = _bright_of(left), _bright_of(right)
    our_tint, their_tint = _colours_of(left), _colours_of(right)
    core = theirs[:, _REACH:-_REACH, _REACH:-_REACH]
    moved, down, across = _moved_onto(ours, core)
    hue, direction = _hues(our_tint, their_tint)
    shade, shades = _shades(moved, theirs, our_tint, their_tint)
    left_over, by = _explained(moved, core)
    rest, middle = _unexplained(left_over, moved, core)
    columns = (
        tints_in_numpy(left, right),
        hue,
        direction,
        np.minimum(_detail(ours), _detail(theirs)),
        np.minimum(_palette(ours, our_tint), _palette(theirs, their_tint)),
        np.minimum(_length(ours), _length(theirs)),
        _PERCENT * np.sqrt(((moved - core) ** 2).mean(axis=(1, 2))),
        _inner(moved[:, _MIDDLE, _MIDDLE], core[:, _MIDDLE, _MIDDLE]),
        _quarter(moved, core),
        shade,
        shades,
        rest,
        middle,
        np.hypot(across + by[:, 0], down + by[:, 1]),
        np.abs(by[:, 2:4]).mean(axis=1),
        np.abs(by[:, 5]),
    )
    return Measures(*(column.astype(np.float32) for column in columns))


def _bright_of(pictures: _Pictures) -> _Doubles:
    return pictures[:, :_BRIGHT_CELLS].reshape(-1, BRIGHT_SIDE, BRIGHT_SIDE).astype(np.float64)


def _colours_of(pictures: _Pictures) -> _Doubles:
    shape = (len(pictures), 2, COLOUR_SIDE, COLOUR_SIDE)
    return pictures[:, _BRIGHT_CELLS:].reshape(shape).astype(np.float64) - _GREY


def _hues(ours: _Doubles, theirs: _Doubles) -> tuple[_Doubles, _Doubles]:
    apart = ((ours - theirs) ** 2).sum(axis=1)
    colour = (ours**2 + theirs**2).sum(axis=1)
    corners = _corners(apart, _TINT_CORNER)
    rows, worst = np.arange(len(ours)), corners.argmax(axis=1)
    outside = _COLOUR_CELLS - _TINT_CORNER**2
    seen = (colour.sum(axis=(1, 2)) - _corners(colour, _TINT_CORNER)[rows, worst]) / 2
    hue = np.sqrt((apart.sum(axis=(1, 2)) - corners[rows, worst]) / (seen + _COLOURLESS * outside))
    even = _COLOURLESS * _COLOUR_CELLS
    norms = [(colours**2).sum(axis=(1, 2, 3)) + even for colours in (ours, theirs)]
    return hue, ((ours * theirs).sum(axis=(1, 2, 3)) + even) / np.sqrt(norms[0] * norms[1])


def _corners(cells: _Doubles, side: int) -> _Doubles:
    """The sums over the four corners, shape (n, 4)."""
    ends = (slice(None, side), slice(-side, None))
    return np.stack([cells[:, rows, columns].sum(axis=(1, 2)) for rows in ends for columns in ends], axis=1)


def _shades(
    moved: _Doubles, theirs: _Doubles, our_tint: _Doubles, their_tint: _Doubles
) -> tuple[_Doubles, _Doubles]:
    padded = np.pad(moved, ((0, 0), (_REACH, _REACH), (_REACH, _REACH)), mode="edge")
    light = _light(padded) - _light(theirs)
    squares = light**2 + ((our_tint - their_tint) ** 2).sum(axis=1)
    ordered = np.sort(squares.reshape(-1, _COLOUR_CELLS), axis=1)
    return np.sqrt(ordered[:, _COLOUR_CELLS // 2]), np.sqrt(ordered[:, _COLOUR_CELLS * 3 // 4])


def _light(bright: _Doubles) -> _Doubles:
    return squeezed(bright.astype(np.float32), COLOUR_SIDE).astype(np.float64) * _PERCENT


def _detail(bright: _Doubles) -> _Doubles:
    side = BRIGHT_SIDE // _CELLS
    blocks = bright.reshape(-1, side, _CELLS, side, _CELLS)
    shown: _Doubles = (blocks.var(axis=(2, 4)) > _PLAIN * _PLAIN).mean(axis=(1, 2))
    return shown


def _palette(bright: _Doubles, tint: _Doubles) -> _Doubles:
    colours = np.concatenate([_light(bright)[:, None], tint], axis=1).reshape(-1, 3, _COLOUR_CELLS)
    colours -= colours.mean(axis=2, keepdims=True)
    covariance = colours @ colours.transpose(0, 2, 1) / _COLOUR_CELLS
    trace = np.trace(covariance, axis1=1, axis2=2)
    minors = trace**2 - (covariance**2).sum(axis=(1, 2))
    palette: _Doubles = np.sqrt(np.maximum(minors, 0) / (2 * trace + 1))
    return palette


def _length(bright: _Doubles) -> _Doubles:
    steps = [np.abs(np.diff(bright, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2)]
    length: _Doubles = (steps[0] + steps[1]) / (bright.std(axis=(1, 2)) + _FAINT)
    return length


def _moved_onto(pictures: _Doubles, core: _Doubles) -> tuple[_Doubles, _Doubles, _Doubles]:
    """The window of each picture that is most like the other's core; how far down and across it is."""
    aim = _centred(core)
    aim_norm = np.einsum("ij,ij->i", aim, aim)
    best = np.full(len(core), -np.inf, np.float32)
    moved = np.empty_like(core)
    place = np.zeros((2, len(core)))
    # The shift of zero comes first, so that it wins where several are equally good.
    steps = sorted(range(2 * _REACH + 1), key=lambda step: abs(step - _REACH))
    for down in steps:
        for across in steps:
            window = pictures[:, down : down + _CORE, across : across + _CORE]
            flat = _centred(window)
            norm = np.einsum("ij,ij->i", flat, flat)
            product = np.einsum("ij,ij->i", flat, aim)
            likeness = (product / np.sqrt(norm * aim_norm + _EVEN)).astype(np.float32)
            better = likeness > best
            best = np.where(better, likeness, best)
            moved[better] = window[better]
            place[:, better] = [[down - _REACH], [across - _REACH]]
    return moved, place[0], place[1]


def _inner(ours: _Doubles, theirs: _Doubles) -> _Doubles:
    left, right = _centred(ours), _centred(theirs)
    norms = np.einsum("ij,ij->i", left, left) * np.einsum("ij,ij->i", right, right)
    inner: _Doubles = np.einsum("ij,ij->i", left, right) / np.sqrt(norms + _EVEN)
    return inner


def _quarter(ours: _Doubles, theirs: _Doubles) -> _Doubles:
    halves = (slice(None, _HALF), slice(_HALF, None))
    quarters = []
    for rows in halves:
        for columns in halves:
            left, right = _centred(ours[:, rows, columns]), _centred(theirs[:, rows, columns])
            norms = [np.einsum("ij,ij->i", flat, flat) + _QUARTER_EVEN for flat in (left, right)]
            quarters.append(
                (np.einsum("ij,ij->i", left, right) + _QUARTER_EVEN) / np.sqrt(norms[0] * norms[1])
            )
    second: _Doubles = np.sort(np.stack(quarters, axis=1), axis=1)[:, 1]
    return second


def _explained(ours: _Doubles, theirs: _Doubles) -> tuple[_Doubles, _Doubles]:
    """What is left of the difference when a shift, a scale, a blur and a gain have explained what they can.

    To first order each of them adds a picture of its own: the slopes, the slopes times the place, the
    Laplacian, the picture itself (Lucas and Kanade, "An iterative image registration technique", 1981).
    Returns what is left, shape (n, 28, 28), and how much there is of each change, shape (n, 6).
    """
    mean = np.pad((ours + theirs) / 2, ((0, 0), (1, 1), (1, 1)), mode="edge")
    middle = mean[:, 1:-1, 1:-1]
    left, right, above, below = mean[:, 1:-1, :-2], mean[:, 1:-1, 2:], mean[:, :-2, 1:-1], mean[:, 2:, 1:-1]
    across, down = (right - left) / 2, (below - above) / 2
    place = np.arange(_CORE) - (_CORE - 1) / 2
    blur = left + right + above + below - 4 * middle
    terms = np.stack([across, down, across * place, down * place[:, None], blur, middle], axis=1)
    flat = terms.reshape(len(terms), len(_USUAL), -1)
    flat -= flat.mean(axis=2, keepdims=True)
    difference = _centred(ours - theirs)
    matrix = flat @ flat.transpose(0, 2, 1) + np.diag(_NOISE / _USUAL**2)
    by = np.linalg.solve(matrix, flat @ difference[..., None])[..., 0]
    by = np.clip(by, -2 * _USUAL, 2 * _USUAL)
    rest = difference - np.einsum("ik,ikj->ij", by, flat)
    return rest.reshape(ours.shape), by


def _unexplained(difference: _Doubles, ours: _Doubles, theirs: _Doubles) -> tuple[_Doubles, _Doubles]:
    squares = (_centred(ours) ** 2 + _centred(theirs) ** 2) / 2
    left, there = _in_blocks(difference**2), _in_blocks(squares.reshape(difference.shape))
    corners = _corners(left, _CORNER_BLOCKS)
    rows, worst = np.arange(len(left)), corners.argmax(axis=1)
    flat = _FLAT * _BLOCK * _BLOCK  # of a block without contrast
    outside = there.sum(axis=(1, 2)) - _corners(there, _CORNER_BLOCKS)[rows, worst]
    rest = left.sum(axis=(1, 2)) - corners[rows, worst]
    inside = (slice(None), slice(1, -1), slice(1, -1))
    middle, seen = left[inside].sum(axis=(1, 2)), there[inside].sum(axis=(1, 2))
    return (
        rest / (outside + flat * (_BLOCKS**2 - _CORNER_BLOCKS**2)),
        middle / (seen + flat * (_BLOCKS - 2) ** 2),
    )


def _in_blocks(squares: _Doubles) -> _Doubles:
    blocks: _Doubles = squares.reshape(-1, _BLOCKS, _BLOCK, _BLOCKS, _BLOCK).sum(axis=(2, 4))
    return blocks


def _centred(pictures: _Doubles) -> _Doubles:
    flat = pictures.reshape(len(pictures), -1)
    centred: _Doubles = flat - flat.mean(axis=1, keepdims=True)
    return centred
