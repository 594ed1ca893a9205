"""A server on a thread of its own that answers as it is told, and fails when it is told to."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    """The last value of each parameter, blank ones included."""
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An answer."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


def as_json(value: Any, status: int = 200, **headers: str) -> Reply:
    text = json.dumps(value).encode()
    return Reply(text, status, {name.replace("_", "-"): one for name, one in headers.items()})


# What may happen instead of, or to, an answer.
Fault = Callable[[Reply], Reply | None]


def reset(_: Reply) -> None:
    """The connection is reset."""


def cut_off(reply: Reply) -> Reply:
    """The connection ends in the middle of the body."""
    return Reply(reply.body, reply.status, {**reply.headers, "X-Cut": "yes"}, reply.content_type)


def status(code: int, body: bytes = b"", content_type: str = "text/html", **headers: str) -> Fault:
    """Another status and body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Reply(body, code, named, content_type)


def instead(body: bytes) -> Fault:
    """Another body, with the status and type of the right one."""
    return lambda reply: Reply(body, reply.status, reply.headers, reply.content_type)


def changed(change: Callable[[bytes], bytes]) -> Fault:
    """The body, changed."""
    return lambda reply: Reply(change(reply.body), reply.status, reply.headers, reply.content_type)


@dataclass
class _Planned:
    when: Callable[[Asked], bool]
    fault: Fault
    times: int


class StandIn:
    """Serves until the end of the block; what it serves is `answer`, of a subclass."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._plans: list[_Planned] = []
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, asked: Asked) -> Reply:
        raise NotImplementedError

    def is_page(self, asked: Asked) -> bool:
        """Whether a request is one for data, which pages are counted by."""
        raise NotImplementedError

    @property
    def pages(self) -> list[Asked]:
        """The requests for data so far."""
        return [one for one in self.asked if self.is_page(one)]

    def fail(
        self, fault: Fault, *, times: int = 1, when: Callable[[Asked], bool] | None = None, after: int = 0
    ) -> None:
        """Makes the next requests for data that `when` holds for fail, but for the first `after` of them."""
        chosen = when or self.is_page
        if after:
            self._plans.append(_Planned(chosen, lambda reply: reply, after))
        self._plans.append(_Planned(chosen, fault, times))

    def mend(self) -> None:
        """No further failures."""
        with self._lock:
            self._plans.clear()

    def handle(self, asked: Asked) -> Reply | None:
        with self._lock:
            self.asked.append(asked)
            reply = self.answer(asked)
            plan = next((one for one in self._plans if one.times and one.when(asked)), None)
            if plan is None:
                return reply
            plan.times -= 1
            return plan.fault(reply)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stand_in = stand_in

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is none of our business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.stand_in.handle(Asked(self.command, parts.path, query, headers, body))
        # A connection an answer: a client that keeps idle ones would keep the server from closing.
        self.close_connection = True
        if reply is None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            return
        sent = reply.body[: len(reply.body) // 2] if "X-Cut" in reply.headers else reply.body
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Connection", "close")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing: the test asks `asked`."""
