"""Content codings undone as browsers do it, under caps: gzip, deflate, br and zstd, stacked up to five times.

A decoder works in steps of 64 KiB, so that a bomb costs its cap and no more; beyond a few steps it works in a
thread. Like Chromium it takes what came of a body that was cut off, looks at no checksum of gzip's, and
ignores what follows the first member of a gzip file: by the byte, empty members cost a hundred times what
data does.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from threading import Event

import brotli  # type: ignore[import-untyped]  # ships no types
import zstandard

from samelook.crawler.fetching.errors import BadEncoding, TooLarge

ACCEPT_ENCODING = "gzip, deflate, br, zstd"

STEP_BYTES = 65_536

MAX_CODINGS = 5
"""Codings on top of each other; nobody honest sends more than two."""

# Coded data hardly shrinks when it is coded once more. A body that is to be decoded again and grows more
# than this is made to cost us time: 27 bytes of br can stand for 8 MiB of empty gzip members.
_MOST_GROWTH_BETWEEN = 16

# Steps that are taken at once, well under a millisecond. A step of br or zstd may decode megabytes, because
# what it hands out in pieces is decoded by the window.
_INLINE_STEPS = 4
_SMALL_STEPS = frozenset({"gzip", "x-gzip", "deflate"})

# RFC 9659: a decoder need not support windows beyond 8 MiB; a frame may ask for far more memory.
_ZSTD_WINDOW = 8 << 20

# The library hands each frame over by itself, so that 8 MiB of empty frames cost half a minute. Every frame
# starts with one of these marks (RFC 8878, 3.1), so counting them bounds the frames.
_ZSTD_FRAME, _ZSTD_SKIPPABLE = b"\x28\xb5\x2f\xfd", b"\x2a\x4d\x18"
_MOST_ZSTD_FRAMES = 1_000

_GZIP_HEADER_BYTES = 10
_GZIP_CRC, _GZIP_EXTRA, _GZIP_NAME, _GZIP_COMMENT = 2, 4, 8, 16

_Steps = Generator[None, None, bytes]
"""Yields between two steps and returns the decoded body."""


def codings_of(header: str) -> tuple[str, ...]:
    """The codings a Content-Encoding header names, in the order to undo them.

    None when it names one that nobody knows (`utf-8`, `none`, `identity` in a list): browsers then take the
    body as it is, and so do servers that write such things. Raises BadEncoding for too many.
    """
    names = [name.strip().lower() for name in header.split(",")]
    if any(name not in _DECODERS for name in names):
        return ()
    codings = tuple(reversed(names))
    if len(codings) > MAX_CODINGS:
        raise BadEncoding(f"the body is encoded {len(codings)} times over", codings=list(codings[:10]))
    return codings


async def decoded(body: bytes, codings: tuple[str, ...], max_bytes: int) -> bytes:
    """`body` with `codings` undone in order; of a body that was cut off, what came.

    Raises TooLarge beyond `max_bytes`, and BadEncoding when it is no such data. An empty body stays empty:
    servers label those too.
    """
    steps = _undone(body, codings, max_bytes)
    for _ in range(_INLINE_STEPS if _SMALL_STEPS.issuperset(codings) else 0):
        try:
            next(steps)
        except StopIteration as done:
            return bytes(done.value)
    given_up = Event()
    try:
        return await asyncio.to_thread(_rest_of, steps, given_up)
    finally:
        # A thread cannot be cancelled: when our time is over, it ends with its next step.
        given_up.set()


def _rest_of(steps: _Steps, given_up: Event) -> bytes:
    while not given_up.is_set():
        try:
            next(steps)
        except StopIteration as done:
            return bytes(done.value)
    return b""


def _undone(body: bytes, codings: tuple[str, ...], max_bytes: int) -> _Steps:
    for place, coding in enumerate(codings, 1):
        if not body:
            return b""
        most = max_bytes
        if place < len(codings):
            most = min(max_bytes, STEP_BYTES + len(body) * _MOST_GROWTH_BETWEEN)
        body = yield from _DECODERS[coding](body, most)
    return body


class _Output:
    """Collects decoded chunks and stops at the cap."""

    __slots__ = ("_chunks", "_max_bytes", "_size")

    def __init__(self, max_bytes: int) -> None:
        self._chunks: list[bytes] = []
        self._max_bytes = max_bytes
        self._size = 0

    def write(self, chunk: bytes) -> int:
        self._size += len(chunk)
        if self._size > self._max_bytes:
            message = f"the body has more than {self._max_bytes} bytes once decompressed"
            raise TooLarge(message, where="decoded", max_bytes=self._max_bytes)
        self._chunks.append(chunk)
        return len(chunk)

    def value(self) -> bytes:
        return b"".join(self._chunks)


def _pieces(body: bytes, start: int = 0) -> Iterator[bytes]:
    """A step's input each: a decoder that is handed more keeps copying what it has not used yet."""
    return (body[at : at + STEP_BYTES] for at in range(start, len(body), STEP_BYTES))


def _corrupt(coding: str, why: object) -> BadEncoding:
    return BadEncoding(f"the body is not {coding} as its header says: {why}", coding=coding)


def _inflate(body: bytes, start: int, max_bytes: int, coding: str, wbits: int) -> _Steps:
    output = _Output(max_bytes)
    stream = zlib.decompressobj(wbits)
    try:
        for piece in _pieces(body, start):
            rest = piece
            while True:
                chunk = stream.decompress(rest, STEP_BYTES)
                output.write(chunk)
                rest = stream.unconsumed_tail
                if stream.eof or (not rest and len(chunk) < STEP_BYTES):
                    break
                yield
            if stream.eof:
                break
            yield
    except zlib.error as error:
        raise _corrupt(coding, error) from error
    return output.value()


def _gunzip(body: bytes, max_bytes: int) -> _Steps:
    # The header is read here and the rest inflated as bare data, because zlib insists on the checksums.
    return (yield from _inflate(body, _after_gzip_header(body), max_bytes, "gzip", -zlib.MAX_WBITS))


def _after_gzip_header(body: bytes) -> int:
    """Where the data of the first member starts (RFC 1952, 2.3). Raises BadEncoding."""
    if not b"\x1f\x8b\x08".startswith(body[:3]):
        raise _corrupt("gzip", "it does not start like a gzip file")
    if len(body) < _GZIP_HEADER_BYTES:
        return len(body)
    flags = body[3]
    at = _GZIP_HEADER_BYTES
    if flags & _GZIP_EXTRA:
        at += 2 + int.from_bytes(body[at : at + 2], "little")
    for flag in (_GZIP_NAME, _GZIP_COMMENT):
        if flags & flag:
            at = body.find(b"\0", at) + 1
            if not at:
                return len(body)
    return at + 2 if flags & _GZIP_CRC else at


def _undeflate(body: bytes, max_bytes: int) -> _Steps:
    # RFC 9110 means the zlib format; servers that send bare DEFLATE data have always existed.
    zlib_format = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0  # noqa: PLR2004
    wbits = zlib.MAX_WBITS if zlib_format else -zlib.MAX_WBITS
    return (yield from _inflate(body, 0, max_bytes, "deflate", wbits))


def _unbrotli(body: bytes, max_bytes: int) -> _Steps:
    fed: list[bytes] = []
    try:
        return (yield from _brotli_of(_pieces(body), max_bytes, fed))
    except brotli.error:
        # Bytes behind the end, which browsers ignore, are an error of the library's like any other, and what
        # it decoded in the same call is lost. Byte by byte it stops at the end.
        *good, last = fed
    single = [last[at : at + 1] for at in range(len(last))]
    try:
        return (yield from _brotli_of([*good, *single], max_bytes, fed))
    except brotli.error as error:
        raise _corrupt("br", error) from error


def _brotli_of(pieces: Iterable[bytes], max_bytes: int, fed: list[bytes]) -> _Steps:
    output = _Output(max_bytes)
    stream = brotli.Decompressor()
    for piece in pieces:
        fed.append(piece)
        chunk = stream.process(piece, output_buffer_limit=STEP_BYTES)
        while not stream.is_finished() and (chunk or not stream.can_accept_more_data()):
            output.write(chunk)
            yield
            chunk = stream.process(b"", output_buffer_limit=STEP_BYTES)
        output.write(chunk)
        if stream.is_finished():
            break
        yield
    return output.value()


def _unzstd(body: bytes, max_bytes: int) -> _Steps:
    if body.count(_ZSTD_FRAME) + body.count(_ZSTD_SKIPPABLE) > _MOST_ZSTD_FRAMES:
        raise _corrupt("zstd", f"it has more than {_MOST_ZSTD_FRAMES} frames")
    output = _Output(max_bytes)
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    # Of all its interfaces only this one bounds the memory of a step: what it decodes, it writes at once.
    # Frames that follow are read too, as browsers do.
    stream = decompressor.stream_writer(output, write_size=STEP_BYTES, closefd=False)  # type: ignore[arg-type]  # write is all it calls
    try:
        for piece in _pieces(body):
            stream.write(piece)
            yield
    except zstandard.ZstdError as error:
        raise _corrupt("zstd", error) from error
    return output.value()


_DECODERS: dict[str, Callable[[bytes, int], _Steps]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
