"""Usual PNGs to RGBA, several times as fast as by Pillow, which takes a photograph's rows one by one.

Usual is 8 bits a sample, grey or in colour, not interlaced, whole, and without what changes how its samples
are seen. Whatever is not, or is damaged, is left to Pillow.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection
from typing import Final

import numpy as np
from numpy.typing import NDArray

from samelook.hashing.loops import LONGEST_SIDE, LOOPS
from samelook.hashing.picture import DecodeLimits

_HEADER: Final = struct.Struct(">8sI4sIIBBBBB")
_HEADER_END: Final = 33
_CHANNELS: Final = {0: 1, 2: 3, 4: 2, 6: 4}
"""Samples of a pixel by colour type."""
_CHANGES_COLOURS: Final = frozenset((b"tRNS", b"gAMA", b"acTL", b"fcTL"))
_TURNS: Final = frozenset((b"eXIf", b"tEXt", b"zTXt", b"iTXt"))
"""Where Pillow looks for Exif."""


def usual_pixels(
    data: bytes, kinds: Collection[bytes], limits: DecodeLimits, *, apply_orientation: bool
) -> NDArray[np.uint8] | None:
    """RGBA of shape (h, w, 4), or None where Pillow is to be asked. Raises TooManyPixels."""
    changes = _CHANGES_COLOURS | _TURNS if apply_orientation else _CHANGES_COLOURS
    shape = _shape_of(data)
    if LOOPS is None or shape is None or not changes.isdisjoint(kinds):
        return None
    width, height, channels = shape
    limits.check_size(width, height)
    packed = _packed_rows(data)
    if packed is None or max(width, height) > LONGEST_SIDE:
        return None
    needed = height * (1 + width * channels)
    try:
        rows = zlib.decompressobj().decompress(packed, needed)
        pixels = LOOPS.png_rows(rows, width, height, channels)
    except (zlib.error, ValueError):
        return None
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 4)


def _shape_of(data: bytes) -> tuple[int, int, int] | None:
    """Width, height and samples a pixel, if its header is right and that of a usual PNG."""
    if len(data) < _HEADER_END or zlib.crc32(data[12:29]) != int.from_bytes(data[29:33], "big"):
        return None
    _, length, kind, width, height, depth, colour, *rest = _HEADER.unpack_from(data)
    is_usual = (length, kind, depth, rest) == (13, b"IHDR", 8, [0, 0, 0]) and colour in _CHANNELS
    return (width, height, _CHANNELS[colour]) if is_usual and width and height else None


def _packed_rows(data: bytes) -> bytes | None:
    """The bodies of the IDAT chunks, which follow each other; None if the file is not whole.

    Their sums are not looked at, as browsers do not.
    """
    view = memoryview(data)
    parts: list[memoryview] = []
    at, size, before = _HEADER_END, len(data), b""
    while at + 12 <= size:
        end = at + 8 + int.from_bytes(view[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if end + 4 > size:
            return None
        if kind == b"IDAT":
            if parts and before != kind:
                return None
            parts.append(view[at + 8 : end])
        if kind == b"IEND":
            return b"".join(parts)
        at, before = end + 4, kind
    return None
