"""Which image format bytes are in, told by the bytes alone.

File names and Content-Type headers are not asked: a fifth of the `.ico` files on the web are PNGs.
The list is explicit; whatever is not on it never reaches a decoder.
"""

from __future__ import annotations

import re
from typing import Literal

ImageFormat = Literal["png", "ico", "gif", "jpeg", "webp", "bmp", "avif", "svg"]

_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"icns", "ICNS"),
    (b"8BPS", "PSD"),
    (b"\x1f\x8b", "gzip (SVGZ is not unpacked)"),
)
# A BITMAPFILEHEADER is followed by the size of one of these headers (OS/2 1 and 2, Windows 3 to 5).
_DIB_HEADER_SIZES = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_SVG_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?svg[\s/>]")
_DOCTYPE_END = re.compile(r"[^\[>]*(?:\[(?:[^\]\"']|\"[^\"]*\"|'[^']*')*\]\s*)?>")


def sniff(data: bytes) -> ImageFormat | None:  # noqa: PLR0911 - one line a format
    """The format of an image file by its first bytes, None for anything that is not decoded here.

    A Windows cursor (CUR) has the layout of an ICO, browsers show it as an icon, and it is reported
    as "ico". AVIF image sequences are "avif". Compressed SVG (svgz) is None.
    """
    head = data[:16]
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] in {b"\0\0\1\0", b"\0\0\2\0"}:
        return "ico"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _DIB_HEADER_SIZES:
        return "bmp"
    if head[4:8] == b"ftyp":
        return "avif" if _AVIF_BRANDS.intersection(_brands(data)) else None
    return "svg" if _looks_like_svg(data) else None


def foreign_format(data: bytes) -> str | None:
    """The name of an image format that is known, but not decoded here."""
    for magic, name in _FOREIGN:
        if data.startswith(magic):
            return name
    if data[4:8] == b"ftyp":
        brand = data[8:12].decode("ascii", "replace").strip()
        return f"ISO media file of brand {brand!r}"
    return None


def _brands(data: bytes) -> list[bytes]:
    """Major and compatible brands of an ISO base media file (ISO/IEC 14496-12, 4.3)."""
    size = min(int.from_bytes(data[:4], "big"), 4096, len(data))
    return [data[8:12], *(data[at : at + 4] for at in range(16, size - 3, 4))]


def _looks_like_svg(data: bytes) -> bool:
    """Whether the root element is `svg`, after what XML allows before it."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    elif data.startswith((b"<\0", b"\0<")):
        text = data.decode("utf-16-le" if data[0] else "utf-16-be", "replace")
    else:
        # Markup is ASCII in every encoding left, and this takes back any error in the text.
        text = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    at = 0
    end = len(text)
    while at < end:
        if text[at].isspace() or text[at] == "\ufeff":
            at += 1
        elif text.startswith("<?", at):
            at = _after(text, "?>", at)
        elif text.startswith("<!--", at):
            at = _after(text, "-->", at)
        elif text[at : at + 9].upper() == "<!DOCTYPE":
            found = _DOCTYPE_END.match(text, at + 9)
            at = found.end() if found else end
        else:
            return _SVG_ROOT.match(text, at) is not None
    return False


def _after(text: str, mark: str, at: int) -> int:
    found = text.find(mark, at)
    return len(text) if found < 0 else found + len(mark)


_ICO_ENTRY_BYTES = 16


def told_ico_sizes(data: bytes) -> tuple[tuple[int, int], ...]:
    """The sizes that the directory tells, each once; browsers show no frame of another size than it says."""
    claimed = (
        (data[at], data[at + 1])
        for at in range(6, min(len(data), 6 + 256 * _ICO_ENTRY_BYTES) - 15, _ICO_ENTRY_BYTES)
        if (at - 6) // _ICO_ENTRY_BYTES < int.from_bytes(data[4:6], "little")
    )
    return tuple(dict.fromkeys((width or 256, height or 256) for width, height in claimed))
