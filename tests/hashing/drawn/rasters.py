"""Raster files with the faults and liberties that decoders take differently."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samelook.hashing.png import written

_MAGIC_BYTES: Final = 8
_HEADER: Final = (b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 6, 0, 0, 0))


def pixels(size: int = 32) -> NDArray[np.uint8]:
    """RGBA without symmetry: a disc with a bar, half transparent at the right."""
    y, x = np.mgrid[:size, :size] / size
    rgba = np.zeros((size, size, 4), np.uint8)
    rgba[(x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.2] = (220, 30, 30, 255)
    rgba[(x > 0.2) & (x < 0.4) & (y > 0.2) & (y < 0.8)] = (30, 60, 220, 255)
    rgba[x > 0.8] = (20, 160, 60, 128)
    return rgba


def _rows(rgba: NDArray[np.uint8]) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in rgba)


def _idat(rgba: NDArray[np.uint8]) -> tuple[bytes, bytes]:
    return b"IDAT", zlib.compress(_rows(rgba))


def _png(*extra: tuple[bytes, bytes], behind: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    return written([_HEADER, *extra, _idat(pixels()), *behind, (b"IEND", b"")])


def _broken_sum(png: bytes, kind: bytes) -> bytes:
    at = png.index(kind)
    length = int.from_bytes(png[at - 4 : at], "big")
    end = at + 4 + length
    return png[:end] + bytes(byte ^ 0xFF for byte in png[end : end + 4]) + png[end + 4 :]


def _bad_adler() -> bytes:
    packed = bytearray(zlib.compress(_rows(pixels())))
    packed[-1] ^= 0xFF
    return written([_HEADER, (b"IDAT", bytes(packed)), (b"IEND", b"")])


def _animated(*, default_is_frame: bool, part: bool = False) -> bytes:
    size, left = (16, 8) if part else (32, 0)
    frame = pixels()[::-1][:size, :size]
    decoy = np.full((32, 32, 4), (250, 200, 0, 255), np.uint8)
    control = struct.pack(">IIIIIHHBB", 0, size, size, left, left, 1, 10, 0, 0)
    second = struct.pack(">IIIIIHHBB", 1 if default_is_frame else 2, 32, 32, 0, 0, 1, 10, 0, 0)
    first = (b"fcTL", control)
    if default_is_frame:
        middle = [
            first,
            _idat(frame),
            (b"fcTL", second),
            (b"fdAT", b"\0\0\0\2" + zlib.compress(_rows(decoy))),
        ]
    else:
        middle = [
            _idat(decoy),
            first,
            (b"fdAT", b"\0\0\0\1" + zlib.compress(_rows(frame))),
            (b"fcTL", second),
            (b"fdAT", b"\0\0\0\3" + zlib.compress(_rows(decoy))),
        ]
    return written([_HEADER, (b"acTL", struct.pack(">II", 2, 0)), *middle, (b"IEND", b"")])


def _grey16(key: int | None = None) -> bytes:
    values = (np.mgrid[:32, :32][0] * 2048).astype(">u2")
    raw = b"".join(b"\0" + row.tobytes() for row in values)
    header = (b"IHDR", struct.pack(">IIBBBBB", 32, 32, 16, 0, 0, 0, 0))
    keyed = [(b"tRNS", struct.pack(">H", key))] if key is not None else []
    return written([header, *keyed, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")])


def _saved(image_format: str, image: Image.Image | None = None, **options: object) -> bytes:
    stored = io.BytesIO()
    (image or Image.fromarray(pixels())).save(stored, image_format, **options)
    return stored.getvalue()


def _on_white(size: int = 32) -> Image.Image:
    image = Image.new("RGB", (size, size), "white")
    drawn = Image.fromarray(pixels(size))
    image.paste(drawn, (0, 0), drawn)
    return image.crop((0, 0, size, size * 3 // 4))


def _turned(image_format: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"exif": exif.tobytes()}
    if image_format == "JPEG":
        options.update(quality=95, subsampling=0)
    if image_format == "WEBP":
        options["lossless"] = True
    return _saved(image_format, _on_white(), **options)


def _bmp(
    bits: int, masks: tuple[int, int, int, int] | None, header: int = 108, *, compression: int = 3
) -> bytes:
    rgba = pixels()[::-1].astype(np.uint32)
    red, green, blue, alpha = (rgba[..., channel] for channel in range(4))
    if masks is None:
        values = (alpha << 24) | (red << 16) | (green << 8) | blue
        written_masks = (0, 0, 0, 0)
    else:
        values = np.zeros((32, 32), np.uint32)
        for channel, mask in zip((red, green, blue, alpha), masks, strict=True):
            if mask:
                shift = (mask & -mask).bit_length() - 1
                values |= (channel * (mask >> shift) // 255) << shift
        written_masks = masks
    body = values.astype("<u4" if bits == 32 else "<u2").tobytes()
    info = struct.pack("<IiiHHIIiiII", header, 32, 32, 1, bits, compression, len(body), 2835, 2835, 0, 0)
    if header > 40:
        info = (info + struct.pack("<IIII", *written_masks) + b"BGRs" + bytes(64))[:header]
    elif compression == 3:
        info += struct.pack("<III", *written_masks[:3])
    start = 14 + len(info)
    return struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start) + info + body


def _ico(*entries: tuple[int, int, bytes], kind: int = 1) -> bytes:
    """A directory with the sizes as told, whatever the payloads are."""
    at = 6 + 16 * len(entries)
    directory = struct.pack("<HHH", 0, kind, len(entries))
    payloads = b""
    for width, height, payload in entries:
        directory += struct.pack(
            "<4BHHII", width % 256, height % 256, 0, 0, 1, 32, len(payload), at + len(payloads)
        )
        payloads += payload
    return directory + payloads


def _dib(size: int) -> bytes:
    rgba = pixels(size)[::-1]
    info = struct.pack("<IiiHHIIiiII", 40, size, size * 2, 1, 32, 0, 0, 0, 0, 0, 0)
    return info + rgba[..., (2, 1, 0, 3)].tobytes() + bytes((size + 31) // 32 * 4 * size)


def _png_of(size: int) -> bytes:
    return _saved("PNG", Image.fromarray(pixels(size)))


def _gif() -> bytes:
    frames = [Image.fromarray(pixels()).convert("RGB").quantize(32) for _ in range(2)]
    return _saved("GIF", frames[0], save_all=True, append_images=frames[1:], duration=900)


_LINEAR = (b"gAMA", struct.pack(">I", 100_000))
RASTERS: Final[dict[str, bytes]] = {
    "plain.png": _png(),
    "ancillary_sum_wrong.png": _broken_sum(_png((b"gAMA", struct.pack(">I", 45455))), b"gAMA"),
    "gamma_sum_wrong.png": _broken_sum(_png(_LINEAR), b"gAMA"),
    "text_sum_wrong.png": _broken_sum(_png(behind=((b"tEXt", b"Title\0x"),)), b"tEXt"),
    "pixels_sum_wrong.png": _broken_sum(_png(), b"IDAT"),
    "header_sum_wrong.png": _broken_sum(_png(), b"IHDR"),
    "end_sum_wrong.png": _broken_sum(_png(), b"IEND"),
    "adler_wrong.png": _bad_adler(),
    "critical_unknown.png": _png((b"ABCD", b"x")),
    "iphone.png": written([(b"CgBI", b"\x50\0\x20\2"), _HEADER, _idat(pixels()), (b"IEND", b"")]),
    "gamma_linear.png": _png(_LINEAR),
    "gamma_of_macs.png": _png((b"gAMA", struct.pack(">I", 55556))),
    "gamma_as_srgb.png": _png((b"gAMA", struct.pack(">I", 45455))),
    "gamma_beside_srgb.png": _png((b"sRGB", b"\0"), _LINEAR),
    "gamma_before_srgb.png": _png(_LINEAR, (b"sRGB", b"\0")),
    "animation_without_frame.png": _png((b"acTL", struct.pack(">II", 2, 0))),
    "animation_of_none.png": _png((b"acTL", struct.pack(">II", 0, 0))),
    "animated.png": _animated(default_is_frame=True),
    "animated_decoy.png": _animated(default_is_frame=False),
    "animated_decoy_part.png": _animated(default_is_frame=False, part=True),
    "grey_16.png": _grey16(),
    "grey_16_keyed.png": _grey16(2048 * 9),
    "turned_3.png": _turned("PNG", 3),
    "turned_6.png": _turned("PNG", 6),
    "turned_6.jpg": _turned("JPEG", 6),
    "turned_8.jpg": _turned("JPEG", 8),
    "turned_2.jpg": _turned("JPEG", 2),
    "turned_5.jpg": _turned("JPEG", 5),
    "turned_6.webp": _turned("WEBP", 6),
    "turned_6.avif": _turned("AVIF", 6),
    "turned_9.jpg": _turned("JPEG", 9),
    "cmyk.jpg": _saved("JPEG", _on_white().convert("CMYK"), quality=95),
    "grey.jpg": _saved("JPEG", _on_white().convert("L"), quality=95),
    "lossless.webp": _saved("WEBP", lossless=True),
    "plain.avif": _saved("AVIF", quality=95),
    "plain.gif": _gif(),
    "argb_4444.bmp": _bmp(16, (0x0F00, 0x00F0, 0x000F, 0xF000)),
    "argb_1555.bmp": _bmp(16, (0x7C00, 0x03E0, 0x001F, 0x8000)),
    "rgb_565_v4.bmp": _bmp(16, (0xF800, 0x07E0, 0x001F, 0)),
    "argb_v5.bmp": _bmp(32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), 124),
    "abgr_v4.bmp": _bmp(32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "argb_v3.bmp": _bmp(32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), 56),
    "rgb_32_v4_no_mask.bmp": _bmp(32, None, 108, compression=0),
    "rgb_32_info.bmp": _bmp(32, None, 40, compression=0),
    "rgb_565_info.bmp": _bmp(16, (0xF800, 0x07E0, 0x001F, 0), 40),
    "argb_10_bits.bmp": _bmp(32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
    "honest.ico": _ico((16, 16, _dib(16)), (32, 32, _dib(32))),
    "honest_png.ico": _ico((16, 16, _dib(16)), (48, 48, _png_of(48))),
    "says_less_dib.ico": _ico((16, 16, _dib(32))),
    "says_more_dib.ico": _ico((64, 64, _dib(32))),
    "says_less_png.ico": _ico((16, 16, _png_of(48))),
    "says_more_png.ico": _ico((0, 0, _png_of(48))),
    "says_256_is_512.ico": _ico((0, 0, _png_of(512))),
    "lie_beside_truth.ico": _ico((16, 16, _png_of(64)), (32, 32, _dib(32))),
    "large_lie_beside_truth.ico": _ico((64, 64, _dib(16)), (32, 32, _dib(32))),
    "lie_of_height.ico": _ico((32, 16, _dib(32))),
    "cursor.ico": _ico((32, 32, _dib(32)), kind=2),
}
