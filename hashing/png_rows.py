"""Usual PNGs to RGBA, several times as fast as by Pillow, which takes a photograph's rows one by one.

Usual is whatever is not interlaced, whole, and without what changes how its samples are seen; the one key
that makes a colour transparent is left to Pillow too. So is whatever is damaged.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from samelook.hashing.loops import LONGEST_SIDE, LOOPS
from samelook.hashing.picture import DecodeLimits
from samelook.hashing.png import gamma_of

try:
    # Inflating is most of the work, and ISA-L takes two fifths of zlib's time for it.
    from isal import isal_zlib as deflated
except ImportError:  # there is no wheel for this machine
    import zlib as deflated  # type: ignore[no-redef]

_HEADER: Final = struct.Struct(">8sI4sIIBBBBB")
_HEADER_END: Final = 33
_PALETTE: Final = 3
_MOST_ENTRIES: Final = 256
_DEPTHS: Final = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, _PALETTE: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
"""Bits a sample by colour type."""
_SAMPLES: Final = {0: 1, 2: 3, _PALETTE: 1, 4: 2, 6: 4}
"""Samples of a pixel by colour type."""
_MOVES: Final = frozenset((b"acTL", b"fcTL"))
_TURNS: Final = frozenset((b"eXIf", b"tEXt", b"zTXt", b"iTXt"))
"""Where Pillow looks for Exif."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a right header says."""

    width: int
    height: int
    depth: int
    colour: int

    def row_bytes(self) -> int:
        """Bytes of an unpacked row, with that of its filter."""
        return 1 + (self.width * _SAMPLES[self.colour] * self.depth + 7) // 8


def usual_pixels(
    data: bytes, kinds: Collection[bytes], limits: DecodeLimits, *, apply_orientation: bool
) -> NDArray[np.uint8] | None:
    """RGBA of shape (h, w, 4), or None where Pillow is to be asked. Raises TooManyPixels."""
    shape = _shape_of(data)
    if LOOPS is None or shape is None or not _is_plain(data, kinds, shape, apply_orientation):
        return None
    limits.check_size(shape.width, shape.height)
    body = _body_of(data, shape)
    if body is None or max(shape.width, shape.height) > LONGEST_SIDE:
        return None
    packed, palette = body
    try:
        rows = deflated.decompressobj().decompress(packed, shape.height * shape.row_bytes())
        pixels = LOOPS.png_rows(rows, shape.width, shape.height, shape.colour, shape.depth, palette)
    except (zlib.error, deflated.error, ValueError):  # type: ignore[misc]  # a stub of isal has a value there
        return None
    return np.frombuffer(pixels, np.uint8).reshape(shape.height, shape.width, 4)


def _shape_of(data: bytes) -> _Shape | None:
    """What the header says, if it is right and that of a usual PNG."""
    if len(data) < _HEADER_END or zlib.crc32(data[12:29]) != int.from_bytes(data[29:33], "big"):
        return None
    _, length, kind, width, height, depth, colour, *rest = _HEADER.unpack_from(data)
    is_usual = (length, kind, rest) == (13, b"IHDR", [0, 0, 0]) and depth in _DEPTHS.get(colour, ())
    return _Shape(width, height, depth, colour) if is_usual and width and height else None


def _is_plain(data: bytes, kinds: Collection[bytes], shape: _Shape, apply_orientation: bool) -> bool:
    """Whether nothing changes how the samples are seen."""
    found = set(kinds)
    if found & _MOVES or (apply_orientation and found & _TURNS):
        return False
    if b"tRNS" in found and shape.colour != _PALETTE:
        return False
    return b"gAMA" not in found or gamma_of(data) is None


def _body_of(data: bytes, shape: _Shape) -> tuple[bytes, bytes] | None:
    """The bodies of the IDAT chunks, which follow each other, and the palette as RGBA; None if it is not so.

    The sums of IDAT are not looked at, as browsers do not.
    """
    view = memoryview(data)
    parts: list[memoryview] = []
    palette: dict[bytes, bytes] = {}
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
        elif kind in {b"PLTE", b"tRNS"} and shape.colour == _PALETTE:
            sum_is_right = zlib.crc32(view[at + 4 : end]) == int.from_bytes(view[end : end + 4], "big")
            if kind in palette or parts or not sum_is_right:
                return None
            palette[kind] = data[at + 8 : end]
        elif kind == b"IEND":
            entries = _entries(palette) if shape.colour == _PALETTE else b""
            return None if entries is None else (b"".join(parts), entries)
        at, before = end + 4, kind
    return None


def _entries(palette: dict[bytes, bytes]) -> bytes | None:
    """The palette's entries as RGBA; None if there is something wrong with it."""
    colours, alphas = palette.get(b"PLTE", b""), palette.get(b"tRNS", b"")
    count = len(colours) // 3
    if len(colours) != 3 * count or not 0 < count <= _MOST_ENTRIES or len(alphas) > count:
        return None
    if alphas and next(iter(palette)) != b"PLTE":
        return None
    entries = bytearray(b"\xff" * 4 * count)
    entries[0::4], entries[1::4], entries[2::4] = colours[0::3], colours[1::3], colours[2::3]
    entries[3 : 4 * len(alphas) : 4] = alphas
    return bytes(entries)
