"""Pictures as pages show them: decoded by the crawl's own decoder and written anew.

What is seen is what was hashed, and a hostile site's bytes never reach the browser of whoever looks at it.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from aiohttp import web
from PIL import Image

from samelook.hashing.sandbox import Sandbox
from samelook.inspector.thumbnails import Pixels, pixels_of
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.sql.pool import Connection

SIDE = 128
_MOST_BYTES = 32 << 20


class DrawnPictures:
    """Drawn pictures, the ones asked for last kept in memory."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._size = 0
        self._queries: Any = queries("inspector")

    async def drawn(self, connection: Connection, sha256: bytes) -> bytes | None:
        """A picture of the crawl as PNG, at most `SIDE` pixels wide; None where its bytes are not kept."""
        if sha256 in self._kept:
            self._kept.move_to_end(sha256)
            return self._kept[sha256]
        row = await self._queries.picture(connection, sha256=sha256)
        if row is None or row["body"] is None:
            return None
        return await self.drawn_of(row["body"])

    async def drawn_of(self, body: bytes) -> bytes | None:
        """A file as PNG; None where it cannot be decoded."""
        sha256 = hashlib.sha256(body).digest()
        if sha256 not in self._kept:
            pixels = await pixels_of(self._sandbox, body, SIDE)
            if pixels is None:
                return None
            self._keep(sha256, await asyncio.to_thread(_written, pixels))
        return self._kept[sha256]

    def _keep(self, sha256: bytes, drawn: bytes) -> None:
        self._kept[sha256] = drawn
        self._size += len(drawn)
        while self._size > _MOST_BYTES and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._size -= len(gone)


PICTURES = web.AppKey("pictures", DrawnPictures)


def _written(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.frombytes("RGBA", (pixels.width, pixels.height), pixels.rgba).save(file, "PNG")
    return file.getvalue()
