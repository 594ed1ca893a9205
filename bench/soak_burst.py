"""Who asks more than can be answered, and who watches meanwhile: processes of their own for `bench.soak`.

`URL SECONDS RATE` asks about invented sites over 400 connections from 50 addresses, at a fixed rate, whether
answers come or not; a rate of 0 has eight connections ask as fast as they are answered.
`URL SECONDS watch VALUE` looks a value up fifty times a second. Requests and answers are handled as bytes, so
that little time goes there.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

import numpy as np

CONNECTIONS, ADDRESSES, CLOSED_LOOP = 400, 50, 8
PATIENCE_S = 40.0
_SHED = (b"429", b"503")


@dataclass(slots=True)
class Burst:
    """What came of it."""

    asked: int = 0
    answered: int = 0
    shed: int = 0
    """Answers that said to come back later."""
    wrong: int = 0
    """Other answers, connections that broke, and what was never answered."""
    late_s: float = 0.0
    """How long after the last question the last answer came."""
    p99_ms: float = 0.0


class _Asking(asyncio.Protocol):
    """One connection; its questions wait for each other's answers."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._buffer = b""
        self._waiting: deque[float] = deque()
        self._transport: asyncio.Transport | None = None
        self.idle = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # of a TCP connection
        self.idle = True

    def ask(self, request: bytes, since: float) -> None:
        assert self._transport is not None
        self.idle = False
        self._waiting.append(since)
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            place = self._buffer.lower().find(b"content-length:", 0, head)
            length = int(self._buffer[place + 15 : head + 2].split(b"\r", 1)[0]) if place >= 0 else 0
            if len(self._buffer) < head + 4 + length:
                return
            status, self._buffer = self._buffer[9:12], self._buffer[head + 4 + length :]
            self.idle = True
            self._asking.answered(self, status, self._waiting.popleft())

    def connection_lost(self, _: Exception | None) -> None:
        while self._waiting:
            self._waiting.popleft()
            self._asking.answered(None, b"", 0.0)
        self._asking.lost(self)


class Asking:
    """All connections, and the questions that wait for one."""

    def __init__(self, url: str, request: Callable[[str], bytes]) -> None:
        self.burst = Burst()
        parts = urlsplit(url)
        self._address = (str(parts.hostname), int(parts.port or 80))
        self._host = parts.netloc
        self._request = request
        self._queue: deque[float] = deque()
        self._idle: deque[_Asking] = deque()
        self.latencies: list[float] = []
        """Of those that were answered with 200, in ms."""
        self._last = 0.0
        self._opening: set[asyncio.Task[object]] = set()

    async def open(self, count: int) -> None:
        """Opens so many connections."""
        for number in range(count):
            await self._open(number)

    async def _open(self, number: int) -> None:
        local = (f"127.0.1.{1 + number % ADDRESSES}", 0)
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(lambda: _Asking(self), *self._address, local_addr=local)
        self._idle.append(protocol)

    def lost(self, protocol: _Asking) -> None:
        """Opens another connection in place of one that was closed."""
        if protocol in self._idle:
            self._idle.remove(protocol)
        task: asyncio.Task[object] = asyncio.ensure_future(self._open(self.burst.asked))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def ask(self) -> None:
        """One question more; it waits here while all connections wait for answers."""
        self.burst.asked += 1
        self._queue.append(time.monotonic())
        self._send()

    def _send(self) -> None:
        while self._queue and self._idle:
            self._idle.popleft().ask(self._request(self._host), self._queue.popleft())

    def answered(self, protocol: _Asking | None, status: bytes, since: float) -> None:
        """Counts an answer, or that there will be none."""
        self._last = time.monotonic()
        self.burst.answered += status == b"200"
        self.burst.shed += status in _SHED
        self.burst.wrong += status not in (b"200", *_SHED)
        if status == b"200":
            self.latencies.append(1000 * (self._last - since))
        if protocol is not None:
            self._idle.append(protocol)
        self._send()

    @property
    def waiting(self) -> int:
        """Questions without an answer."""
        return self.burst.asked - self.burst.answered - self.burst.shed - self.burst.wrong

    def result(self, ended: float) -> Burst:
        """What came of it, when the last question was asked then."""
        self.burst.wrong += self.waiting
        self.burst.late_s = max(0.0, self._last - ended)
        self.burst.p99_ms = float(np.quantile(self.latencies, 0.99)) if self.latencies else 0.0
        return self.burst


def _check(host: str) -> bytes:
    icon = {"signals": {"pdq": secrets.token_hex(32)}}
    body = json.dumps({"url": f"https://{secrets.token_hex(5)}.example.org/", "icons": [icon]}).encode()
    head = f"POST /x/v1/check HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _asked(url: str, seconds: float, per_s: float) -> Burst:
    asking = Asking(url, _check)
    await asking.open(CONNECTIONS if per_s else CLOSED_LOOP)
    began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        wanted = per_s * (now - began) if per_s else asking.burst.asked - asking.waiting + CLOSED_LOOP
        while asking.burst.asked < wanted:
            asking.ask()
        await asyncio.sleep(0.002 if per_s else 0.001)
    ended = time.monotonic()
    while asking.waiting and time.monotonic() < ended + PATIENCE_S:
        await asyncio.sleep(0.02)
    return asking.result(ended)


async def _watched(url: str, seconds: float, value: str) -> list[tuple[float, float]]:
    path = f"/m/raw_lookup?signal_type=pdq&signal={value}"
    asking = Asking(url, lambda host: f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    await asking.open(CLOSED_LOOP)
    found: list[tuple[float, float]] = []
    until = time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        before = len(asking.latencies)
        asking.ask()
        while len(asking.latencies) == before and time.monotonic() < until:
            await asyncio.sleep(0.0005)
        found.append((now, 1000 * (time.monotonic() - now)))
        await asyncio.sleep(max(0.0, now + 0.02 - time.monotonic()))
    return found


def main() -> None:
    url, seconds, what, *more = sys.argv[1:]
    if what == "watch":
        print(json.dumps(asyncio.run(_watched(url, float(seconds), *more))))
    else:
        print(json.dumps(asdict(asyncio.run(_asked(url, float(seconds), float(what))))))


if __name__ == "__main__":
    main()
