"""What a process and its children say to each other: frames of bytes, values as JSON with bytes beside it.

A child may have been taken over by the picture that it decodes or by the server that it fetches from, so
nothing from it is unpickled and every length is checked.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import struct
from collections.abc import Iterator
from typing import BinaryIO

_LENGTH = struct.Struct("<I")
_PART_KEY = "$bytes"
MAX_FRAME_BYTES = 256 * 1024 * 1024


class BrokenFrame(ValueError):
    """The other side does not keep to the protocol."""


def framed(*pieces: bytes) -> bytes:
    """The pieces as one frame: four bytes of length, then the payload."""
    return b"".join((_LENGTH.pack(sum(map(len, pieces))), *pieces))


class Frames:
    """Cuts a stream of bytes into the payloads of frames."""

    def __init__(self, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_bytes = max_bytes
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Payloads that `data` completes. Raises `BrokenFrame` when a length is over the maximum."""
        held = self._held
        held += data
        at = 0
        while len(held) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(held, at)
            if length > self._max_bytes:
                raise BrokenFrame(f"A frame claims {length} bytes; the limit is {self._max_bytes}.")
            end = at + _LENGTH.size + length
            if end > len(held):
                break
            payload = bytes(memoryview(held)[at + _LENGTH.size : end])
            at = end
            yield payload
        if at:
            del held[:at]


def read_frame(stream: BinaryIO) -> bytes | None:
    """The payload of the next frame of our own parent's; None at the end."""
    head = stream.read(_LENGTH.size)
    return None if len(head) < _LENGTH.size else stream.read(_LENGTH.unpack(head)[0])


async def receive_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The payload of the next frame; None at the end. Raises `BrokenFrame`."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > MAX_FRAME_BYTES:
            raise BrokenFrame(f"A frame claims {length} bytes; the limit is {MAX_FRAME_BYTES}.")
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        return None


def encode(value: object) -> bytes:
    """JSON of a value in which bytes and dataclasses may occur anywhere; tuples come back as lists."""
    parts: list[bytes] = []

    def default(odd: object) -> object:
        if isinstance(odd, bytes | bytearray | memoryview):
            parts.append(bytes(odd))
            return {_PART_KEY: len(parts) - 1}
        if dataclasses.is_dataclass(odd) and not isinstance(odd, type):
            return {field.name: getattr(odd, field.name) for field in dataclasses.fields(odd)}
        raise TypeError(f"A {type(odd).__name__} cannot be sent; JSON values, bytes and dataclasses can.")

    text = json.dumps(value, default=default, separators=(",", ":"), allow_nan=False).encode()
    lengths = b"".join(_LENGTH.pack(len(part)) for part in parts)
    return b"".join((_LENGTH.pack(len(text)), _LENGTH.pack(len(parts)), lengths, text, *parts))


def decode(payload: bytes) -> object:
    """The value that `encode` was given. Raises `BrokenFrame` for anything else."""
    try:
        text_length, count = struct.unpack_from("<II", payload)
        lengths = struct.unpack_from(f"<{count}I", payload, 8) if count else ()
        at = 8 + 4 * count
        if at + text_length + sum(lengths) != len(payload):
            raise BrokenFrame("The lengths within a frame do not add up.")
        text = payload[at : at + text_length]
        if not count:
            value: object = json.loads(text)
            return value
        at += text_length
        parts: list[bytes] = []
        for length in lengths:
            parts.append(payload[at : at + length])
            at += length

        def part(found: dict[str, object]) -> object:
            index = found.get(_PART_KEY)
            return parts[index] if len(found) == 1 and isinstance(index, int) else found

        value = json.loads(text, object_hook=part)
    except (struct.error, ValueError, IndexError, RecursionError) as error:
        raise BrokenFrame(f"A frame cannot be read: {error}") from error
    return value
