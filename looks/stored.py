"""Reading parts of stored looks without making objects of them, many at a time.

The form of the bytes is that of `samelook.looks.look.Look.to_bytes`; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from samelook.looks.forms import FORM_NAMES, FormName
from samelook.looks.look import BRIGHT_SIDE, COLOUR_SIDE, FORM_BYTES, PDQ_BYTES, PICTURE_BYTES, BadLook, Look

_EMPTY: Final = Look(()).to_bytes()
HEADER_BYTES: Final = len(_EMPTY)
MOST_FORMS: Final = len(FORM_NAMES)
HUES: Final = 8
"""Bytes that stand for a form's hues: the means of four blocks of its middle, in a* and in b*."""

_PICTURE_AT: Final = 1 + 2 * PDQ_BYTES
_TINT_AT: Final = _PICTURE_AT + BRIGHT_SIDE * BRIGHT_SIDE
_MIDDLE: Final = slice(2, COLOUR_SIDE - 2)
_BLOCK: Final = (COLOUR_SIDE - 4) // 2
# What rounding the means may have taken from their distance.
_ROUNDING: Final = 0.75


def names_in(raw: bytes) -> bytes:
    """The forms of a stored look, by their places in FORM_NAMES, a byte each. Raises BadLook."""
    names = raw[HEADER_BYTES::FORM_BYTES]
    head = _EMPTY[:-1] + bytes([len(names)])
    if raw[:HEADER_BYTES] != head or len(raw) != HEADER_BYTES + len(names) * FORM_BYTES:
        raise BadLook("These bytes are no look of this version.", bytes=len(raw))
    if not 0 < len(set(names)) == len(names) <= MOST_FORMS or max(names) >= MOST_FORMS:
        raise BadLook("A look has no forms, or one twice, or one that does not exist.", bytes=len(raw))
    return names


def pdqs_in(raw: bytes) -> bytes:
    """The PDQs of a stored look's forms, one after the other."""
    starts = range(HEADER_BYTES + 1, len(raw), FORM_BYTES)
    return b"".join(raw[start : start + PDQ_BYTES] for start in starts)


def form_name(number: int) -> FormName:
    return FORM_NAMES[number]


def picture_offset(which: int) -> int:
    """Where the small picture of a look's form number `which` begins."""
    return HEADER_BYTES + which * FORM_BYTES + _PICTURE_AT


def hues_in(raws: Sequence[bytes]) -> NDArray[np.uint8]:
    """What stands for the hues of all forms of some stored looks, shape (forms, HUES)."""
    forms = np.frombuffer(b"".join(raw[HEADER_BYTES:] for raw in raws), np.uint8).reshape(-1, FORM_BYTES)
    hues: NDArray[np.uint8] = np.rint(_means(forms[:, _TINT_AT:])).astype(np.uint8)
    return hues


def hues_of(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The same of small pictures, shape (n, PICTURE_BYTES), unrounded."""
    return _means(pictures[:, PICTURE_BYTES - 2 * COLOUR_SIDE * COLOUR_SIDE :])


def may_be_near(
    ours: NDArray[np.float32], theirs: NDArray[np.uint8], most_tint: NDArray[np.float32] | float
) -> NDArray[np.bool_]:
    """Which pairs of rows may be so near in hue; of the others it is certain that they are not.

    Means of blocks are never farther apart than what they are the means of.
    """
    difference = ours - theirs
    squares = np.einsum("ij,ij->i", difference, difference) / np.float32(HUES // 2)
    near: NDArray[np.bool_] = squares <= (most_tint + np.float32(_ROUNDING)) ** 2
    return near


def _means(tints: NDArray[np.uint8]) -> NDArray[np.float32]:
    planes = tints.reshape(-1, 2, COLOUR_SIDE, COLOUR_SIDE)[:, :, _MIDDLE, _MIDDLE]
    blocks = planes.reshape(-1, 2, 2, _BLOCK, 2, _BLOCK)
    means: NDArray[np.float32] = blocks.mean((3, 5), dtype=np.float32).reshape(-1, HUES)
    return means
