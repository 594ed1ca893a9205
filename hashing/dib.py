"""Pixels of Windows bitmaps whose channels are told by masks, in an ICO or a BMP."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from samelook.hashing.errors import DecodeFailed, Truncated

RGB, BITFIELDS, ALPHA_BITFIELDS = 0, 3, 6
_PLAIN_32: Final = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
_PLAIN_16: Final = (0x7C00, 0x3E0, 0x1F, 0)
_FILE_HEADER_BYTES: Final = 14
_WITH_MASKS: Final = 52
_WITH_ALPHA_MASK: Final = 56


def masks_of(payload: bytes, header_size: int, bits: int, compression: int) -> tuple[int, int, int, int]:
    if compression == RGB:
        return _PLAIN_32 if bits == 32 else _PLAIN_16  # noqa: PLR2004
    red, green, blue = struct.unpack_from("<III", payload.ljust(52, b"\0"), 40)
    has_alpha = header_size >= _WITH_ALPHA_MASK or compression == ALPHA_BITFIELDS
    alpha = int.from_bytes(payload[52:56], "little") if has_alpha else 0
    return red, green, blue, alpha


def fill_by_masks(
    rgba: NDArray[np.uint8], rows: NDArray[np.uint8], bits: int, masks: tuple[int, int, int, int]
) -> None:
    """Writes pixels of 16 or 32 bits, each channel stretched to 0...255; no alpha mask leaves alpha zero."""
    height, width = rgba.shape[:2]
    if bits == 32 and masks == _PLAIN_32:  # noqa: PLR2004
        rgba[...] = rows.reshape(height, width, 4)[..., (2, 1, 0, 3)]
        return
    values = np.ascontiguousarray(rows[:, : width * bits // 8]).view("<u4" if bits == 32 else "<u2")  # noqa: PLR2004
    rgba[...] = 0
    for channel, mask in enumerate(masks):
        if mask:
            shift = (mask & -mask).bit_length() - 1
            samples = (values.astype(np.uint64) & mask) >> shift
            rgba[..., channel] = samples * 255 // (mask >> shift)


def is_masked(bmp: bytes) -> bool:
    """Whether a BMP's pixels are of 16 or 32 bits, with masks of its own."""
    bits, compression = struct.unpack_from("<HI", bmp.ljust(34, b"\0"), 28)
    return bits in {16, 32} and compression in {BITFIELDS, ALPHA_BITFIELDS}


def has_alpha_mask(bmp: bytes) -> bool:
    """Whether a BMP says where its alpha is: then alpha of zero everywhere is meant."""
    has_room = int.from_bytes(bmp[14:18], "little") >= _WITH_ALPHA_MASK or bmp[30] == ALPHA_BITFIELDS
    return is_masked(bmp) and has_room and any(bmp[66:70])


def decode_masked(bmp: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
    """RGBA of a BMP with masks, `size` wide and high. Raises DecodeFailed, Truncated."""
    width, height = size
    header_size = int.from_bytes(bmp[14:18], "little")
    bits = int.from_bytes(bmp[28:30], "little")
    if header_size < _WITH_MASKS and len(bmp) < _FILE_HEADER_BYTES + _WITH_MASKS:
        raise Truncated("The BMP ends within its masks.")
    compression = int.from_bytes(bmp[30:34], "little")
    masks = masks_of(bmp[_FILE_HEADER_BYTES:], header_size, bits, compression)
    if not any(masks[:3]):
        raise DecodeFailed("The BMP has no masks.")
    start = int.from_bytes(bmp[10:14], "little")
    stride = (width * bits + 31) // 32 * 4
    if start + stride * height > len(bmp):
        raise Truncated("The BMP ends too early.", missing_bytes=start + stride * height - len(bmp))
    rows = np.frombuffer(bmp, np.uint8, stride * height, start).reshape(height, stride)
    rgba = np.empty((height, width, 4), np.uint8)
    fill_by_masks(rgba, rows, bits, masks)
    if not masks[3]:
        rgba[..., 3] = 255
    top_down = int.from_bytes(bmp[22:26], "little", signed=True) < 0
    return rgba if top_down else np.ascontiguousarray(rgba[::-1])
