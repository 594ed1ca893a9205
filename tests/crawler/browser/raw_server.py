"""A web server of bare sockets: each host has answers of its own, sent byte for byte."""

from __future__ import annotations

import asyncio
import ssl
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

Answer = bytes | Callable[[bytes], bytes]
Sites = Mapping[str, Mapping[str, Answer]]


def png(colour: tuple[int, int, int], edge: int = 16) -> bytes:
    """A square of one colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + bytes(colour) * edge) * edge
    header = struct.pack(">IIBBBBB", edge, edge, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def whole(body: bytes, media_type: str = "text/html", status: str = "200 OK", headers: str = "") -> bytes:
    """An answer as it should be."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\n{headers}Content-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


NOT_FOUND = whole(b"no", status="404 Not Found")


@asynccontextmanager
async def serving(
    sites: Sites, files: Mapping[str, Answer], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """The port of a server for `sites`, by the first label of the host; `files` are there on all of them."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            host = next((line[5:].strip() for line in lines if line.lower().startswith("host:")), "")
            site = sites.get(host.partition(".")[0], {})
            path = lines[0].split(" ")[1]
            answer = site.get(path) or files.get(path.partition("?")[0]) or NOT_FOUND
            writer.write(answer if isinstance(answer, bytes) else answer(head))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0)
