"""The application on a socket, where what is no HTTP at all gets an error like every other."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from samelook.api.admission import DOOR, Door
from samelook.api.callers import client_behind
from samelook.api.errors import ApiError, error_response
from samelook.api.slowness import BODY_S, HEADERS_S, SLOWEST_BYTES_S
from samelook.api.state import SETTINGS
from samelook.extension_api.limits import client_of

_log = structlog.get_logger(__name__)
_FAULT = 500
_LOWEST_ERROR = 400
MOST_CONNECTIONS = 1024
"""Of one address, where addresses are those of clients: each takes a descriptor and some kilobytes."""
IDLE_S = 75.0
"""A client's connection without a request is closed then; a proxy's is left to the proxy."""
_LARGE = 64 << 10
_TOO_MANY = (
    b"HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nRetry-After: 10\r\nContent-Length: 0\r\n\r\n"
)


class ServiceRunner(web.AppRunner):
    """Runs an application; requests that no handler ever sees are answered in JSON too."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        handle = made.request_handler

        async def answered(request: web.BaseRequest) -> web.StreamResponse:
            try:
                return await handle(request)
            except web.HTTPException as error:  # of what aiohttp refuses before any middleware sees it
                if error.status < _LOWEST_ERROR:
                    raise
                return error_response(ApiError(error.status, error.text or error.reason))

        more = made._kwargs  # noqa: SLF001 - aiohttp has no hook for this
        behind_proxies = self.app[SETTINGS].extension.trusted_proxies > 0
        if not behind_proxies:
            more = {"keepalive_timeout": IDLE_S, **more}
        # aiohttp would unpack on the loop, also what no handler reads: some kilobytes may hold gigabytes.
        more = {"auto_decompress": False, **more}
        server = _Server(answered, request_factory=made.request_factory, **more)
        server.door, server.are_clients = self.app[DOOR], not behind_proxies
        return server


class _Server(web.Server):
    door: Door
    are_clients: bool
    """Whether who connects are clients, and no proxy of ours."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.peers: Counter[str] = Counter()
        """How many connections each address has."""

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(RequestHandler):
    """One connection. aiohttp answers what it cannot parse with a text that quotes it."""

    __slots__ = ("_late", "_peer", "_server", "_unread")

    def __init__(self, server: _Server, **more: Any) -> None:
        super().__init__(server, **more)
        self._server = server
        self._late: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the deadline for a request's line and headers; close what is too much for one address."""
        peer = transport.get_extra_info("peername")
        self._peer = client_of(str(peer[0])) if isinstance(peer, tuple) and self._server.are_clients else ""
        if self._peer:
            self._server.peers[self._peer] += 1
        super().connection_made(transport)
        if self._peer and self._server.peers[self._peer] > MOST_CONNECTIONS and self.transport is not None:
            self.transport.write(_TOO_MANY)
            self.force_close()
            return
        self._wait_for_headers()

    def data_received(self, data: bytes) -> None:
        """Takes bytes; those that do not complete a request's headers must be followed by more soon."""
        before = self._request_count
        super().data_received(data)
        if self._request_count > before or self._current_request is not None:
            self._stop_waiting()
        elif self._late is None:
            self._wait_for_headers()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Waits for nothing any more."""
        self._stop_waiting()
        self._stop_watching()
        if self._peer:
            self._server.peers[self._peer] -= 1
            if self._server.peers[self._peer] <= 0:
                del self._server.peers[self._peer]
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """From now on what was sent has to be read, if slowly: it is kept until then."""
        super().pause_writing()
        if self.transport is not None:
            self._watch(self.transport, self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """It was read."""
        self._stop_watching()
        super().resume_writing()

    def _watch(self, transport: asyncio.Transport, before: int) -> None:
        self._unread = self._loop.call_later(BODY_S, self._look, transport, before)

    def _look(self, transport: asyncio.Transport, before: int) -> None:
        self._unread, unread = None, transport.get_write_buffer_size()
        if before - unread >= BODY_S * SLOWEST_BYTES_S:
            self._watch(transport, unread)
        else:
            _log.debug("api.unread_answer", seconds=BODY_S, bytes=unread)
            transport.abort()

    def _stop_watching(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Sends an answer; a large one counts as its client's until it is read."""
        body = resp.body if isinstance(resp, web.Response) else None
        if not isinstance(body, bytes) or len(body) <= _LARGE or not isinstance(request, web.Request):
            return await super().finish_response(request, resp, start_time)
        with self._server.door.sending(client_behind(request), len(body)):
            return await super().finish_response(request, resp, start_time)

    def _wait_for_headers(self) -> None:
        self._late = self._loop.call_later(HEADERS_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        if self._current_request is None and not self._messages:
            _log.debug("api.late_headers", seconds=HEADERS_S)
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = _FAULT,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a request that never reached the application; the connection ends with it."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was being sent already")
        if status >= _FAULT:
            _log.error("api.broken_request", exc_info=exc)
            problem = ApiError(status, "Internal error.")
        else:
            _log.debug("api.malformed_request", reason=message)
            problem = ApiError(status, f"The request is no valid HTTP ({_reason(exc)}).")
        response = error_response(problem)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Notes a fault, unless it is the sender's: a body that breaks off while its rest is thrown away."""
        if isinstance(kw.get("exc_info"), web.RequestPayloadError):
            _log.debug("api.broken_body", reason=str(kw["exc_info"]))
            return
        super().log_exception(*args, **kw)


def _reason(error: BaseException | None) -> str:
    # The name says what is wrong; the message would quote the request, which may hold anything.
    return type(error).__name__ if error is not None else "it cannot be parsed"


def service_runner(app: web.Application, **options: Any) -> ServiceRunner:
    """What runs the service: without an access log, as it has metrics."""
    return ServiceRunner(app, access_log=None, **options)
