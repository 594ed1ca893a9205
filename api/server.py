"""The application on a socket, where what is no HTTP at all gets an error like every other."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from samelook.api.errors import ApiError, error_response
from samelook.api.slowness import HEADERS_S

_log = structlog.get_logger(__name__)
_FAULT = 500
_LOWEST_ERROR = 400


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

        return _Server(answered, request_factory=made.request_factory, **made._kwargs)  # noqa: SLF001 - aiohttp has no hook for this


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(RequestHandler):
    """One connection. aiohttp answers what it cannot parse with a text that quotes it."""

    __slots__ = ("_late",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the deadline for a request's line and headers."""
        self._late: asyncio.TimerHandle | None = None
        super().connection_made(transport)
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
        super().connection_lost(exc)

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
