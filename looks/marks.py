"""What mark an icon shows, however it is drawn: a vector of 256 numbers, by a small trained net.

The net sees the small picture that a look keeps of each form, so that every stored look can be given a vector
at any time, without its icon. Vectors of one mark point in nearly one direction, whatever its colours, its
ground or its frame. `training/README.md` says how the net was trained, `docs/looks.md` how good it is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from samelook.looks.look import BRIGHT_SIDE, COLOUR_SIDE, PICTURE_BYTES

BITS: Final = 256
CODE_BYTES: Final = BITS // 8
PLANES: Final = 4
MODEL: Final = 1
"""Goes up with every training: vectors of two models mean nothing to each other."""
SHA256: Final = "3e02eee4906553184cf519df5eb677483d792bd03fef0ac100750070764d524e"
WEIGHTS: Final = "marks.f16"

_Floats = NDArray[np.float32]
_Pictures = NDArray[np.uint8]
_BRIGHT_CELLS: Final = BRIGHT_SIDE * BRIGHT_SIDE
_NEUTRAL: Final = np.float32(128)
_PERCENT: Final = np.float32(0.4)  # of a byte of brightness, nearly Lab's
_MIDDLE: Final = np.float32(51)
_SCALE: Final = np.float32(1 / 32)
_LEAST_APART: Final = 12.0  # from the ground, in Lab's units, that is the farthest there is
_BATCH: Final = 32


class BadModel(RuntimeError):
    """The file of weights is not the one that this version was made with."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One convolution, with what goes on around it."""

    depth: int
    window: int = 3
    step: int = 1
    opens: bool = False
    """Whether it is the first of two whose sum with what came before goes on (He et al., 2015)."""
    joins: bool = False
    """Whether it is the second of the two."""


def _block(depth: int) -> tuple[Layer, Layer]:
    return Layer(depth, opens=True), Layer(depth, joins=True)


LAYERS: Final = (
    Layer(24, window=5, step=2),
    *_block(24),
    Layer(48, step=2),
    *_block(48),
    *_block(48),
    Layer(96, step=2),
    *_block(96),
    *_block(96),
)


def shapes() -> list[tuple[int, ...]]:
    """Of the arrays in the file of weights, in their order: a matrix and what is added, layer by layer."""
    found: list[tuple[int, ...]] = []
    depth, side = PLANES, BRIGHT_SIDE
    for layer in LAYERS:
        found += [(layer.window * layer.window * depth, layer.depth), (layer.depth,)]
        depth, side = layer.depth, side // layer.step
    return [*found, (side * side * depth, BITS), (BITS,)]


@cache
def _weights() -> list[_Floats]:
    """Raises BadModel."""
    raw = files("samelook.looks").joinpath(WEIGHTS).read_bytes()
    sizes = [int(np.prod(shape)) for shape in shapes()]
    if hashlib.sha256(raw).hexdigest() != SHA256 or len(raw) != 2 * sum(sizes):
        raise BadModel(f"{WEIGHTS} is not the file of model {MODEL}; install the package again.")
    flat = np.frombuffer(raw, "<f2").astype(np.float32)
    parts = np.split(flat, np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes(), strict=True)]


def vectors_of(pictures: _Pictures) -> _Floats:
    """Unit vectors, shape (n, 256), of small pictures, shape (n, 1312). Raises BadModel.

    Their last bits differ between machines.
    """
    if not len(pictures):
        return np.empty((0, BITS), np.float32)
    starts = range(0, len(pictures), _BATCH)
    return np.concatenate([_seen(planes_of(pictures[start : start + _BATCH])) for start in starts])


def codes_of(vectors: _Floats) -> NDArray[np.uint8]:
    """The signs of vectors, shape (n, 32): what is alike differs in few of the 256 bits."""
    return np.packbits(vectors > 0, axis=1)


def planes_of(pictures: _Pictures) -> _Floats:
    """What the net sees, shape (n, 32, 32, 4): brightness, a*, b*, and how far each point is from the ground.

    The last is the sign as it is in any colours: most of the border is taken for ground.
    """
    if pictures.shape[1:] != (PICTURE_BYTES,):
        raise ValueError(f"Pictures of shape {pictures.shape} have no marks.")
    n = len(pictures)
    seen = np.empty((n, BRIGHT_SIDE, BRIGHT_SIDE, PLANES), np.float32)
    seen[..., 0] = pictures[:, :_BRIGHT_CELLS].reshape(n, BRIGHT_SIDE, BRIGHT_SIDE) * _PERCENT
    tint = pictures[:, _BRIGHT_CELLS:].reshape(n, 2, COLOUR_SIDE, COLOUR_SIDE) - _NEUTRAL
    wide = _widening() @ tint @ _widening().T
    seen[..., 1:3] = wide.transpose(0, 2, 3, 1)
    ring = np.concatenate([seen[:, 0], seen[:, -1], seen[:, 1:-1, 0], seen[:, 1:-1, -1]], axis=1)[..., :3]
    middle = (ring.shape[1] - 1) // 2
    ground = np.partition(ring, middle, axis=1)[:, middle]
    difference = seen[..., :3] - ground[:, None, None]
    apart = np.sqrt(np.einsum("nhwc,nhwc->nhw", difference, difference) + np.float32(1))
    apart /= np.maximum(apart.max(axis=(1, 2), keepdims=True), np.float32(_LEAST_APART))
    seen[..., 0] -= _MIDDLE
    seen[..., :3] *= _SCALE
    seen[..., 3] = 2 * apart - 1
    return seen


def _seen(planes: _Floats) -> _Floats:
    weights = iter(_weights())
    seen = before = planes
    for layer in LAYERS:
        seen = _convolved(layer, seen, next(weights), next(weights), before if layer.joins else None)
        if not layer.opens:
            before = seen
    vectors: _Floats = seen.reshape(len(seen), -1) @ next(weights) + next(weights)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _convolved(
    layer: Layer, seen: _Floats, weights: _Floats, added: _Floats, before: _Floats | None
) -> _Floats:
    """What a layer makes of planes (n, side, side, depth), with what came before its pair if it joins."""
    n, side, _, depth = seen.shape
    reach, step, out = layer.window // 2, layer.step, side // layer.step
    padded = np.zeros((n, side + 2 * reach, side + 2 * reach, depth), np.float32)
    padded[:, reach:-reach, reach:-reach] = seen
    windows = np.empty((n, out, out, layer.window * layer.window, depth), np.float32)
    for down in range(layer.window):
        for across in range(layer.window):
            rows, columns = (slice(at, at + side, step) for at in (down, across))
            windows[:, :, :, down * layer.window + across] = padded[:, rows, columns]
    made = windows.reshape(n * out * out, -1) @ weights + added
    made = made.reshape(n, out, out, layer.depth)
    if before is not None:
        made += before
    seen_on: _Floats = np.maximum(made, 0, out=made)
    return seen_on


@cache
def _widening() -> _Floats:
    """A matrix (32, 12) that draws straight lines between the middles of 12 cells."""
    places = (np.arange(BRIGHT_SIDE) + 0.5) * COLOUR_SIDE / BRIGHT_SIDE - 0.5
    apart = np.abs(np.clip(places, 0, COLOUR_SIDE - 1)[:, None] - np.arange(COLOUR_SIDE))
    weights: _Floats = np.maximum(1 - apart, 0).astype(np.float32)
    return weights
