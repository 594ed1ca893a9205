"""A load generator that costs little: requests made beforehand, answers hardly parsed.

Thirty-odd microseconds of processor time a request, so that on a machine with two cores most of them is
left to the service. A connection sends its next request when the answer to the one before is complete.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

Check = Callable[[int, bytes], bool]
_LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of requests took."""

    requests: int
    seconds: float
    latencies_ms: list[float]
    wrong: int
    """Answers with another status than 200, or that the check refused."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        """A latency in milliseconds."""
        return float(np.quantile(self.latencies_ms, share))


def get(url: str) -> bytes:
    """The bytes of a GET request."""
    return _request("GET", url, b"", b"")


def post(url: str, body: bytes, content_type: str) -> bytes:
    """The bytes of a POST request."""
    return _request("POST", url, body, b"Content-Type: %b\r\n" % content_type.encode())


def _request(method: str, url: str, body: bytes, headers: bytes) -> bytes:
    parts = urlsplit(url)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    head = f"{method} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n".encode()
    return head + headers + length + b"\r\n" + body


class _Connection(asyncio.Protocol):
    def __init__(
        self, address: tuple[str, int], requests: Iterator[tuple[int, bytes]], check: Check | None
    ) -> None:
        self.latencies: list[float] = []
        self.wrong = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._address = address
        self._opening: asyncio.Task[object] | None = None
        self._ended = False
        self._requests = requests
        self._check = check
        self._buffer = b""
        self._number = 0
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # of a TCP connection
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        lower = self._buffer[:head].lower()
        place = lower.find(_LENGTH)
        end = head + 4 + int(lower[place + len(_LENGTH) :].split(b"\r", 1)[0]) if place >= 0 else head + 4
        if len(self._buffer) < end:
            return
        self.latencies.append((time.perf_counter() - self._sent) * 1000)
        right = self._buffer.startswith(b"HTTP/1.1 200 ")
        if right and self._check is not None:
            right = self._check(self._number, self._buffer[head + 4 : end])
        self.wrong += not right
        self._buffer = self._buffer[end:]
        if b"connection: close" in lower:
            # A server that keeps no connection open: the next request goes over another.
            self._ended = True
            self._transport.close()
            loop = asyncio.get_running_loop()
            self._opening = loop.create_task(loop.create_connection(lambda: self, *self._address))
            self._opening.add_done_callback(self._opened)
        else:
            self._next()

    def _opened(self, opening: asyncio.Task[object]) -> None:
        if not opening.cancelled() and (error := opening.exception()) and not self.done.done():
            self.done.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ended:
            self._ended = False
        elif not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the service closed a connection"))

    def _next(self) -> None:
        following = next(self._requests, None)
        if following is None:
            if not self.done.done():
                self.done.set_result(None)
            self._transport.close()
            return
        self._number, request = following
        self._sent = time.perf_counter()
        self._transport.write(request)


async def run_load(
    address: tuple[str, int],
    requests: Sequence[bytes],
    *,
    at_once: int = 32,
    seconds: float | None = None,
    check: Check | None = None,
) -> Load:
    """Sends the requests over so many connections: each once, or again and again for so many seconds.

    `check` gets the number of a request and the body of its answer. Raises OSError when the service is away.
    """
    end = None if seconds is None else time.perf_counter() + seconds

    def numbered() -> Iterator[tuple[int, bytes]]:
        while True:
            for pair in enumerate(requests):
                if end is not None and time.perf_counter() > end:
                    return
                yield pair
            if end is None:
                return

    shared = numbered()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    connections = [
        (await loop.create_connection(lambda: _Connection(address, shared, check), *address))[1]
        for _ in range(at_once)
    ]
    await asyncio.gather(*(one.done for one in connections))
    took = time.perf_counter() - began
    latencies = [latency for one in connections for latency in one.latencies]
    return Load(len(latencies), took, latencies, sum(one.wrong for one in connections))
