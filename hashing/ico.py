"""ICO and CUR: a directory of pictures, each a PNG or a headless BMP with a mask.

Pillow's own reader believes the directory's sizes, drops the mask of 32-bit entries and fails on some
that browsers show; the layout is small enough to read here (Microsoft, "Icons", 1995; the header is
a BITMAPINFOHEADER whose height counts the colours and the mask).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samelook.hashing.dib import BITFIELDS, RGB, fill_by_masks, masks_of
from samelook.hashing.errors import DecodeFailed, HashingError, TooManyPixels, Truncated
from samelook.hashing.picture import DecodeLimits, Picture
from samelook.hashing.raster import decode_raster

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_DIRECTORY_ENTRY = struct.Struct("<4BHHII")
_BITMAP_INFO = struct.Struct("<IiiHHI")
_CORE_HEADER_BYTES = 12
_INFO_HEADER_BYTES = 40


@dataclass(frozen=True, slots=True)
class _Entry:
    """One frame, with the size of its payload's own header, or the directory's if that is unreadable."""

    width: int
    height: int
    bits: int
    offset: int
    payload: bytes
    directory_size: tuple[int, int]
    """Width and height as the directory has them."""
    readable: bool = True


def decode_largest(data: bytes, limits: DecodeLimits) -> Picture:
    """The largest frame; of equal sizes the one with most colours.

    A frame of which the directory lies, or in a form that is not supported, makes way for the next
    largest, as in browsers, but a frame that is cut off or over the limits is an error.
    """
    entries, count = _entries(data, limits)
    failure: DecodeFailed | None = None
    for entry in entries:
        try:
            return Picture.of(_decode(entry, limits), "ico", count)
        except DecodeFailed as error:
            failure = failure or error
    raise failure or DecodeFailed("The ICO's directory is empty.")


def decode_all(data: bytes, limits: DecodeLimits) -> list[Picture]:
    """Every distinct frame, largest first. Broken frames are left out unless all are broken."""
    entries, count = _entries(data, limits)
    pictures: list[Picture] = []
    seen: set[tuple[tuple[int, ...], bytes]] = set()
    failure: HashingError | None = None
    pixels_left = limits.max_pixels
    for entry in entries:
        if entry.width * entry.height > pixels_left:
            failure = failure or TooManyPixels(
                f"The frames of the ICO have more than {limits.max_pixels} pixels together.",
                max_pixels=limits.max_pixels,
            )
            continue
        pixels_left -= entry.width * entry.height
        try:
            rgba = _decode(entry, limits)
        except HashingError as error:
            failure = failure or error
            continue
        key = (rgba.shape, rgba.tobytes())
        if key not in seen:
            seen.add(key)
            pictures.append(Picture.of(rgba, "ico", count))
    if not pictures:
        raise failure or DecodeFailed("The ICO's directory is empty.")
    return pictures


def _entries(data: bytes, limits: DecodeLimits) -> tuple[list[_Entry], int]:
    """The distinct entries, best first, and the directory's count."""
    count = int.from_bytes(data[4:6], "little")
    limits.check_frames(count)
    if len(data) < 6 + count * _DIRECTORY_ENTRY.size:
        raise Truncated("The ICO ends within its directory.", entries=count)
    found: dict[int, _Entry] = {}
    for index in range(count):
        width, height, *_, bits, size, offset = _DIRECTORY_ENTRY.unpack_from(
            data, 6 + index * _DIRECTORY_ENTRY.size
        )
        if offset < 6 + count * _DIRECTORY_ENTRY.size:
            raise DecodeFailed("A frame of the ICO lies within its directory.", entries=count)
        if offset not in found:
            # A size of zero, or past the end, is taken as "to the end": some writers leave it out.
            payload = data[offset : offset + (size or len(data))]
            claimed = width or 256, height or 256
            found[offset] = _entry(payload, offset, claimed) or _Entry(
                *claimed, bits, offset, payload, claimed, readable=False
            )
    ranked = sorted(
        found.values(), key=lambda entry: (-entry.width * entry.height, -entry.bits, entry.offset)
    )
    return ranked, count


def _entry(payload: bytes, offset: int, claimed: tuple[int, int]) -> _Entry | None:
    """The entry as its payload describes it, None if that ends within its header."""
    if payload.startswith(_PNG_MAGIC):
        if len(payload) < 26:  # noqa: PLR2004 - up to IHDR's colour type
            return None
        width, height, depth, colour_type = struct.unpack_from(">IIBB", payload, 16)
        channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour_type, 0)
        return _Entry(width, height, depth * channels, offset, payload, claimed)
    if len(payload) < _INFO_HEADER_BYTES:
        return None
    header_size, width, height, _planes, bits, _compression = _BITMAP_INFO.unpack_from(payload)
    if header_size == _CORE_HEADER_BYTES:
        width, height, _planes, bits = struct.unpack_from("<HHHH", payload, 4)
    # The height counts the mask's rows as well. A negative one means rows from the top.
    return _Entry(width, abs(height) // 2, bits, offset, payload, claimed)


def _decode(entry: _Entry, limits: DecodeLimits) -> NDArray[np.uint8]:
    if not entry.readable:
        raise Truncated("A frame of the ICO ends within its header.", offset=entry.offset)
    if entry.width <= 0 or entry.height <= 0:
        raise DecodeFailed(f"A frame of the ICO claims {entry.width}x{entry.height} pixels.")
    if (entry.width, entry.height) != entry.directory_size:
        # Chromium and Firefox take such a frame for corrupt and show another one or nothing.
        raise DecodeFailed(
            f"The ICO's directory says {entry.directory_size[0]}x{entry.directory_size[1]} of a frame "
            f"of {entry.width}x{entry.height} pixels."
        )
    limits.check_size(entry.width, entry.height)
    if entry.payload.startswith(_PNG_MAGIC):
        return decode_raster(entry.payload, "png", limits).rgba
    return _decode_bitmap(entry)


def _decode_bitmap(entry: _Entry) -> NDArray[np.uint8]:
    payload, bits = entry.payload, entry.bits
    header_size = int.from_bytes(payload[:4], "little")
    core = header_size == _CORE_HEADER_BYTES
    if not core and not _INFO_HEADER_BYTES <= header_size <= len(payload):
        raise DecodeFailed(
            f"A bitmap inside the ICO has a header of {header_size} bytes, which no format has."
        )
    compression = RGB if core else int.from_bytes(payload[16:20], "little")
    if compression not in {RGB, BITFIELDS} or bits not in {1, 4, 8, 16, 24, 32}:
        raise DecodeFailed(f"A bitmap inside the ICO has {bits} bits a pixel with compression {compression}.")
    at = header_size
    if compression == BITFIELDS and header_size == _INFO_HEADER_BYTES:
        at += 12
    palette: NDArray[np.uint8] | None = None
    if bits <= 8:  # noqa: PLR2004 - indexed
        palette, at = _palette(payload, at, bits, core=core)
    rows, at = _rows(entry, at, bits)
    rgba = np.empty((entry.height, entry.width, 4), np.uint8)
    rgba[..., 3] = 255
    if palette is not None:
        rgba[..., :3] = palette[_indices(rows, bits, entry.width)]
    elif bits == 24:  # noqa: PLR2004
        rgba[..., :3] = rows[:, : entry.width * 3].reshape(entry.height, entry.width, 3)[..., ::-1]
    else:
        fill_by_masks(rgba, rows, bits, masks_of(payload, header_size, bits, compression))
    if not _has_alpha(rgba, bits):
        # An alpha channel that is zero everywhere was not written on purpose: the mask counts.
        rgba[..., 3] = 255
        transparent = _mask(entry, at)
        if transparent is not None:
            rgba[..., 3][transparent] = 0
    top_down = not core and int.from_bytes(payload[8:12], "little", signed=True) < 0
    return rgba if top_down else np.ascontiguousarray(rgba[::-1])


def _has_alpha(rgba: NDArray[np.uint8], bits: int) -> bool:
    return bits == 32 and bool(rgba[..., 3].any())  # noqa: PLR2004


def _palette(payload: bytes, at: int, bits: int, *, core: bool) -> tuple[NDArray[np.uint8], int]:
    """256 colours, black where the file has fewer, and where the pixels begin."""
    used = 0 if core else int.from_bytes(payload[32:36], "little")
    colours = min(used or 1 << bits, 1 << bits)
    width = 3 if core else 4
    palette = np.zeros((256, 3), np.uint8)
    available = min(colours, max(len(payload) - at, 0) // width)
    stored = np.frombuffer(payload, np.uint8, available * width, at if available else 0)
    palette[:available] = stored.reshape(available, width)[:, 2::-1]
    return palette, at + colours * width


def _rows(entry: _Entry, at: int, bits: int) -> tuple[NDArray[np.uint8], int]:
    """The stored rows from `at`, each padded to four bytes, and where they end."""
    stride = (entry.width * bits + 31) // 32 * 4
    needed = stride * entry.height
    if at + needed > len(entry.payload):
        raise Truncated(
            f"A bitmap of {entry.width}x{entry.height} inside the ICO ends too early.",
            missing_bytes=at + needed - len(entry.payload),
        )
    return np.frombuffer(entry.payload, np.uint8, needed, at).reshape(entry.height, stride), at + needed


def _mask(entry: _Entry, at: int) -> NDArray[np.bool_] | None:
    """Where the AND mask says transparent; None if the file ends before it."""
    try:
        rows, _ = _rows(entry, at, 1)
    except Truncated:
        return None
    return _indices(rows, 1, entry.width).astype(np.bool_)


def _indices(rows: NDArray[np.uint8], bits: int, width: int) -> NDArray[np.uint8]:
    """One palette index a pixel; the leftmost pixel is in the highest bits."""
    if bits == 1:
        return np.unpackbits(rows, axis=1)[:, :width]
    if bits == 4:  # noqa: PLR2004
        return np.stack((rows >> 4, rows & 15), axis=-1).reshape(len(rows), -1)[:, :width]
    return rows[:, :width]
