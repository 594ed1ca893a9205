"""Pictures as pages show them: decoded by the crawl's own decoder and written anew.

What is seen is what was hashed, and a hostile site's bytes never reach the browser of whoever looks at it.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from typing import TYPE_CHECKING, Any

from aiohttp import web
from PIL import Image

from samelook.hashing.sandbox import Sandbox
from samelook.inspector.thumbnails import Pixels, pixels_of
from samelook.looks.remembered import Remembered
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.sql.pool import Connection

SIDE = 128
_MOST_BYTES = 32 << 20


class DrawnPictures:
    """Drawn pictures, the ones asked for last kept in memory."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._kept: Remembered[bytes, bytes] = Remembered(_MOST_BYTES)
        self._queries: Any = queries("inspector")

    async def drawn(self, connection: Connection, sha256: bytes) -> bytes | None:
        """A picture of the crawl as PNG, at most `SIDE` pixels wide; None where its bytes are not kept."""
        kept = self._kept.get(sha256)
        if kept is not None:
            return kept
        row = await self._queries.picture(connection, sha256=sha256)
        if row is None or row["body"] is None:
            return None
        return await self.drawn_of(row["body"])

    async def drawn_of(self, body: bytes) -> bytes | None:
        """A file as PNG; None where it cannot be decoded."""
        sha256 = hashlib.sha256(body).digest()
        drawn = self._kept.get(sha256)
        if drawn is None:
            pixels = await pixels_of(self._sandbox, body, SIDE)
            if pixels is None:
                return None
            drawn = await asyncio.to_thread(_written, pixels)
            self._kept.put(sha256, drawn, len(drawn))
        return drawn


PICTURES = web.AppKey("pictures", DrawnPictures)


def _written(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.frombytes("RGBA", (pixels.width, pixels.height), pixels.rgba).save(file, "PNG")
    return file.getvalue()
