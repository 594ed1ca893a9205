"""What the two processes of a fetch send each other: JSON behind its length, over pipes.

A pipe holds little, so that whoever writes waits for whoever reads: the fetching process is never more
than a page ahead of the database.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">I")
LARGEST = 256 << 20


class BrokenFrame(Exception):
    """What came is not what the other side sends."""


def encoded(message: dict[str, Any]) -> bytes:
    """A message as it travels. Half surrogates, which foreign servers do send, travel as escapes."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


def read(stream: BinaryIO) -> dict[str, Any] | None:
    """The next message; None at the end."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    body = stream.read(_LENGTH.unpack(head)[0])
    return _decoded(body)


async def receive(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next message; None at the end. Raises BrokenFrame."""
    try:
        length = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))[0]
        if length > LARGEST:
            raise BrokenFrame(f"a message of {length} bytes")
        return _decoded(await reader.readexactly(length))
    except asyncio.IncompleteReadError:
        return None


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except ValueError as error:
        raise BrokenFrame("a message that is no JSON") from error
    if not isinstance(message, dict):
        raise BrokenFrame("a message that is no object")
    return message
