"""What an icon looks like, in a few kilobytes: for each canonical form a PDQ and a small picture.

The PDQ finds candidates among millions of looks. The small picture (brightness on 32 x 32, colour on
12 x 12) is what `samelook.looks.rules` aligns and compares before it says that two looks are the same, and
what `samelook.looks.probes` derives cropped, padded or mirrored versions from. Nothing else is kept.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samelook.hashing.errors import HashingError
from samelook.hashing.pdq import pdq
from samelook.looks.colour import lab_of, squeezed
from samelook.looks.forms import CANVAS, FORM_NAMES, FormName, canonical_pictures

BRIGHT_SIDE: Final = 32
COLOUR_SIDE: Final = 12
GRID_SIDE: Final = 8
INNER_SHARE: Final = 0.7
_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)

VERSION: Final = 1
_HEADER: Final = struct.Struct(">2sBB")
_MAGIC: Final = b"lk"
PDQ_BYTES: Final = 32
_BRIGHT_BYTES: Final = BRIGHT_SIDE * BRIGHT_SIDE
_COLOUR_BYTES: Final = COLOUR_SIDE * COLOUR_SIDE * 2
PICTURE_BYTES: Final = _BRIGHT_BYTES + _COLOUR_BYTES
FORM_BYTES: Final = 1 + 2 * PDQ_BYTES + PICTURE_BYTES


class BadLook(HashingError):
    """These bytes are not a look that this version can read."""

    kind = "bad_look"


@dataclass(frozen=True, slots=True)
class Form:
    """One canonical picture of an icon, as signals."""

    name: FormName
    pdq: bytes
    """Of the 64 x 64 canvas."""
    inner_pdq: bytes
    """Of the canvas's inner 70 %: letters in like circles agree outside and differ inside."""
    picture: bytes
    """Brightness (32 x 32, Rec. 601 luma), then a* and b* (12 x 12 each, plus 128), a byte each."""

    def bright(self) -> NDArray[np.uint8]:
        return np.frombuffer(self.picture, np.uint8, _BRIGHT_BYTES).reshape(BRIGHT_SIDE, BRIGHT_SIDE)

    def grid(self) -> NDArray[np.uint8]:
        """The 8 x 8 colour grid, shape (8, 8, 3): brightness, a* + 128, b* + 128."""
        return _grid(self.picture)


@dataclass(frozen=True)
class Look:
    """What one frame of an icon looks like. Without forms it is degenerate: nothing can be told from it."""

    forms: tuple[Form, ...]

    @property
    def is_degenerate(self) -> bool:
        return not self.forms

    @cached_property
    def pictures(self) -> NDArray[np.uint8]:
        """The forms' small pictures, shape (forms, 1312)."""
        raw = b"".join(form.picture for form in self.forms)
        return np.frombuffer(raw, np.uint8).reshape(len(self.forms), PICTURE_BYTES)

    def to_bytes(self) -> bytes:
        """The look for storage; about 3.8 KB."""
        parts = [_HEADER.pack(_MAGIC, VERSION, len(self.forms))]
        for form in self.forms:
            parts += [bytes([FORM_NAMES.index(form.name)]), form.pdq, form.inner_pdq, form.picture]
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> Look:
        """The look that `to_bytes` stored. Raises BadLook."""
        if len(data) < _HEADER.size:
            raise BadLook("These bytes are too short for a look.", bytes=len(data))
        magic, version, count = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != VERSION:
            raise BadLook("These bytes are no look of this version.", starts_with=bytes(data[:3]).hex())
        if len(data) != _HEADER.size + count * FORM_BYTES or count > len(FORM_NAMES):
            raise BadLook("A look's length does not fit the forms it claims.", bytes=len(data), forms=count)
        forms = tuple(_form_at(data, _HEADER.size + i * FORM_BYTES) for i in range(count))
        if len({form.name for form in forms}) != count:
            raise BadLook("A look has the same form twice.", forms=count)
        return cls(forms)


def look_of(rgba: NDArray[np.uint8]) -> Look:
    """The look of straight RGBA pixels, shape (h, w, 4); about 2 ms of CPU for an icon of 48 pixels."""
    canvases = canonical_pictures(rgba)
    if not canvases:
        return Look(())
    rgb = np.stack(list(canvases.values()))
    pictures = _pictures_of(rgb)
    margin = (1 - INNER_SHARE) / 2 * CANVAS
    inside = (margin, margin, CANVAS - margin, CANVAS - margin)
    forms = []
    for name, canvas, picture in zip(canvases, rgb, pictures, strict=True):
        inner = Image.fromarray(canvas).resize((CANVAS, CANVAS), Image.Resampling.BICUBIC, box=inside)
        forms.append(Form(name, pdq(canvas)[0], pdq(np.asarray(inner))[0], picture))
    return Look(tuple(forms))


def _pictures_of(rgb: NDArray[np.uint8]) -> list[bytes]:
    planes = np.ascontiguousarray(rgb.transpose(0, 3, 1, 2)).astype(np.float32)
    bright = squeezed(np.tensordot(_LUMA, planes, (0, 1)), BRIGHT_SIDE)
    colours = lab_of(squeezed(planes, COLOUR_SIDE).transpose(0, 2, 3, 1))[..., 1:]
    shifted = colours.transpose(0, 3, 1, 2) + np.float32(128)
    return [
        _bytes_of(light).tobytes() + _bytes_of(tint).tobytes()
        for light, tint in zip(bright, shifted, strict=True)
    ]


def _bytes_of(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _grid(picture: bytes) -> NDArray[np.uint8]:
    flat = np.frombuffer(picture, np.uint8).astype(np.float32)
    bright = squeezed(flat[:_BRIGHT_BYTES].reshape(BRIGHT_SIDE, BRIGHT_SIDE), GRID_SIDE)
    tint = squeezed(flat[_BRIGHT_BYTES:].reshape(2, COLOUR_SIDE, COLOUR_SIDE), GRID_SIDE)
    return _bytes_of(np.stack([bright, tint[0], tint[1]], axis=-1))


def _form_at(data: bytes, start: int) -> Form:
    which = data[start]
    if which >= len(FORM_NAMES):
        raise BadLook("A look names a form that does not exist.", form=which)
    inner = start + 1 + PDQ_BYTES
    picture = inner + PDQ_BYTES
    end = start + FORM_BYTES
    return Form(FORM_NAMES[which], data[start + 1 : inner], data[inner:picture], data[picture:end])
