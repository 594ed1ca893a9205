"""Pictures within an SVG, handed to the renderer in forms that it reads, under their true names.

The renderer believes a data URL's label and knows four formats; browsers look at the bytes and know more.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import zlib
from typing import Final
from urllib.parse import unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

from samelook.hashing.formats import sniff
from samelook.hashing.picture import DecodeLimits

_DATA_URL: Final = re.compile(r"data:([^,]*),(.*)", re.DOTALL | re.IGNORECASE)
_SPACE: Final = re.compile(rb"[ \t\n\r\f]+")
_PASSED_ON: Final = frozenset(("png", "jpeg", "gif", "webp"))


def data_of(url: str) -> bytes | None:
    """The bytes in a data URL (RFC 2397, as browsers read it); None for any other URL."""
    found = _DATA_URL.fullmatch(url.strip())
    if found is None:
        return None
    content = unquote_to_bytes(found[2])
    if not re.search(r";\s*base64\s*$", found[1], re.IGNORECASE):
        return content
    packed = _SPACE.sub(b"", content).rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def is_svg(data: bytes) -> bool:
    """Whether the bytes are an SVG document."""
    return sniff(data) == "svg"


def drawable(data: bytes, limits: DecodeLimits) -> str:
    """A data URL that the renderer draws. Raises HashingError if the picture cannot be decoded."""
    from samelook.hashing.decode import decode

    image_format = sniff(data)
    if image_format in _PASSED_ON and _is_plain(data, image_format):
        return f"data:image/{image_format};base64,{base64.b64encode(data).decode()}"
    return png_url(decode(data, limits, apply_orientation=True).rgba)


def _is_plain(data: bytes, image_format: str | None) -> bool:
    """Whether the renderer's own decoder shows what a browser shows, as far as a look at the bytes tells."""
    if image_format == "png":
        return not any(mark in data for mark in (b"acTL", b"eXIf", b"gAMA", b"CgBI")) and _sums_are_right(
            data
        )
    if image_format == "jpeg":
        # Pictures that Exif turns, or that are in CMYK, are rewritten: renderers read them in different ways.
        return b"Exif\0\0" not in data[:65536] and b"Adobe" not in data[:65536]
    return True


def _sums_are_right(png: bytes) -> bool:
    at = 8
    while at + 12 <= len(png):
        end = at + 8 + int.from_bytes(png[at : at + 4], "big")
        if zlib.crc32(png[at + 4 : end]) != int.from_bytes(png[end : end + 4], "big"):
            return False
        if png[at + 4 : at + 8] == b"IEND":
            return True
        at = end + 4
    return False


def png_url(rgba: NDArray[np.uint8]) -> str:
    """The pixels as a data URL."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgba)).save(buffer, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def natural_size(data: bytes, limits: DecodeLimits) -> tuple[int, int]:
    """Width and height of a raster picture. Raises HashingError."""
    from samelook.hashing.decode import decode

    picture = decode(data, limits, apply_orientation=True)
    return picture.width, picture.height


def svg_url(document: str) -> str:
    """An SVG as a data URL."""
    return f"data:image/svg+xml;base64,{base64.b64encode(document.encode()).decode()}"
