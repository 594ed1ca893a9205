"""Content codings undone under a cap: gzip, deflate, br and zstd, in any stack of a few.

No step ever holds more than the cap plus one chunk, whatever the body claims: each decoder is
asked for bounded output, so a bomb costs the cap and no more.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # ships no types
import zstandard

from samelook.crawler.fetching.errors import BadEncoding, TooLarge, TruncatedBody

ACCEPT_ENCODING = "gzip, deflate, br, zstd"

CHUNK_BYTES = 65_536

MAX_CODINGS = 3
"""Codings on top of each other; nobody honest sends more than two."""

# RFC 9659: a decoder need not support windows beyond 8 MiB; a frame may ask for far more memory.
_ZSTD_WINDOW = 8 << 20


def codings_of(header: str) -> tuple[str, ...]:
    """The codings a Content-Encoding header names, in the order to undo them.

    Unknown names are left out, as browsers do: servers write `utf-8` or `none` here and send
    the body as it is. Raises BadEncoding for too many.
    """
    names = [name.strip().lower() for name in header.split(",")]
    known = tuple(name for name in reversed(names) if name in _DECODERS)
    if len(known) > MAX_CODINGS:
        raise BadEncoding(f"the body is encoded {len(known)} times over", codings=list(known[:10]))
    return known


def decode(body: bytes, codings: tuple[str, ...], max_bytes: int) -> bytes:
    """`body` with `codings` undone in order.

    Raises TooLarge beyond `max_bytes`, TruncatedBody when the coded data stops early, and
    BadEncoding when it is no such data. An empty body stays empty: servers label those too.
    """
    for coding in codings:
        if not body:
            return b""
        body = _DECODERS[coding](body, max_bytes)
    return body


class _Output:
    """Collects decoded chunks and stops at the cap."""

    __slots__ = ("_chunks", "_max_bytes", "_size")

    def __init__(self, max_bytes: int) -> None:
        self._chunks: list[bytes] = []
        self._max_bytes = max_bytes
        self._size = 0

    def write(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._max_bytes:
            raise _too_large(self._max_bytes)
        self._chunks.append(chunk)

    def value(self) -> bytes:
        return b"".join(self._chunks)


def _too_large(max_bytes: int) -> TooLarge:
    message = f"the body has more than {max_bytes} bytes once decompressed"
    return TooLarge(message, where="decoded", max_bytes=max_bytes)


def _truncated(coding: str) -> TruncatedBody:
    return TruncatedBody(f"the {coding} data ends too early", coding=coding)


def _corrupt(coding: str, error: Exception) -> BadEncoding:
    return BadEncoding(f"the body is not {coding} as its header says: {error}", coding=coding)


def _inflate(body: bytes, max_bytes: int, coding: str, wbits: int) -> bytes:
    output = _Output(max_bytes)
    rest = body
    try:
        while rest:
            stream = zlib.decompressobj(wbits)
            while not stream.eof:
                chunk = stream.decompress(rest, CHUNK_BYTES)
                rest = stream.unconsumed_tail
                if chunk:
                    output.write(chunk)
                elif not rest and not stream.eof:
                    raise _truncated(coding)
            rest = stream.unused_data
            # A gzip file may have several members (RFC 1952, 2.2); what else follows is padding.
            if not rest.startswith(b"\x1f\x8b"):
                break
    except zlib.error as error:
        raise _corrupt(coding, error) from error
    return output.value()


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    return _inflate(body, max_bytes, "gzip", 16 + zlib.MAX_WBITS)


def _undeflate(body: bytes, max_bytes: int) -> bytes:
    # RFC 9110 means the zlib format; servers that send bare DEFLATE data have always existed.
    zlib_format = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0  # noqa: PLR2004
    return _inflate(body, max_bytes, "deflate", zlib.MAX_WBITS if zlib_format else -zlib.MAX_WBITS)


def _unbrotli(body: bytes, max_bytes: int) -> bytes:
    output = _Output(max_bytes)
    stream = brotli.Decompressor()
    try:
        chunk = stream.process(body, output_buffer_limit=CHUNK_BYTES)
        while chunk or not stream.can_accept_more_data():
            output.write(chunk)
            if stream.is_finished():
                break
            chunk = stream.process(b"", output_buffer_limit=CHUNK_BYTES)
    except brotli.error as error:
        raise _corrupt("br", error) from error
    if not stream.is_finished():
        raise _truncated("br")
    return output.value()


def _unzstd(body: bytes, max_bytes: int) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    pieces = []
    rest = body
    try:
        _measure_zstd(decompressor, body, max_bytes)
        while rest:
            # Its output cannot be bounded, but it alone tells a whole frame from a cut one; by
            # now the size is known to be within the cap.
            frame = decompressor.decompressobj()
            pieces.append(frame.decompress(rest))
            if not frame.eof:
                raise _truncated("zstd")
            rest = frame.unused_data
    except zstandard.ZstdError as error:
        raise _corrupt("zstd", error) from error
    return b"".join(pieces)


def _measure_zstd(decompressor: zstandard.ZstdDecompressor, body: bytes, max_bytes: int) -> None:
    """Decodes once without keeping anything; raises TooLarge. Four bytes may stand for 128 KiB."""
    size = 0
    with decompressor.stream_reader(body, read_across_frames=True) as reader:
        while chunk := reader.read(CHUNK_BYTES):
            size += len(chunk)
            if size > max_bytes:
                raise _too_large(max_bytes)


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
