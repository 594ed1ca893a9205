"""What arrives too slowly is given up, and descriptors that run out are told of."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import structlog
from aiohttp import hdrs, web

from samelook.api.admission import HELD_AT_MOST
from samelook.api.description import Handler
from samelook.api.errors import ApiError

_log = structlog.get_logger(__name__)
HEADERS_S = 15.0
"""Seconds for a request's line and headers, from the connection or the first byte on."""
BODY_S = 15.0
SLOWEST_BYTES_S = 1024
"""A body that brings less in each BODY_S seconds, while it is waited for, is given up."""
WHOLE_S = 600.0
"""Seconds after which an incomplete body is given up: memory for all of it is set aside meanwhile."""
_LOOK_S = 5.0
_QUIET_LOOKS = 12
_NEARLY = 0.9


@web.middleware
async def with_body_deadline(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gives up a body that comes too slowly: connections are few. Refuses one that is packed."""
    if request.body_exists and request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        message = "Send the body as it is, without Content-Encoding."
        raise ApiError(415, message, {"kind": "unsupported_encoding"})
    if request.content.is_eof():
        return await handler(request)
    watching = asyncio.create_task(_watch(request))
    try:
        return await handler(request)
    finally:
        watching.cancel()


async def _watch(request: web.Request) -> None:
    content, seen = request.content, request.content.total_bytes
    least = BODY_S * max(SLOWEST_BYTES_S, min(HELD_AT_MOST, request.content_length or 0) / WHOLE_S)
    while not content.is_eof():
        await asyncio.sleep(BODY_S)
        transport = request.transport
        # While reading is paused the service is the slow side, not the client.
        waiting = transport is not None and getattr(transport, "is_reading", lambda: True)()
        if waiting and not content.is_eof() and content.total_bytes - seen < least:
            content.set_exception(ApiError(408, "The body came too slowly.", {"kind": "too_slow"}))
            return
        seen = content.total_bytes


async def descriptors_watched(_: web.Application) -> AsyncIterator[None]:
    """For `cleanup_ctx`: a line in the log before no connection can be taken any more."""
    task = asyncio.create_task(_watch_descriptors())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _watch_descriptors() -> None:
    quiet = 0
    while True:
        await asyncio.sleep(_LOOK_S)
        quiet = max(0, quiet - 1)
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        used = _descriptors(limit)
        if used >= _NEARLY * limit and not quiet:
            quiet = _QUIET_LOOKS
            _log.error("api.descriptors_run_out", used=used, limit=limit, advice="raise the limit: ulimit -n")


def _descriptors(limit: int) -> int:
    """How many are open."""
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir())
    except OSError:
        return limit  # not even a folder can be opened
