"""Middlewares: CORS for the extension's origins, and errors as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from samelook.extension_api.errors import ExtensionError, ForeignOrigin, RateLimited

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_METHODS = "GET, POST, DELETE, OPTIONS"
_HEADERS = "Content-Type, If-None-Match, Idempotency-Key, X-Samelook-Client, X-Samelook-Key"
_EXPOSED = "ETag, Retry-After"
_PREFLIGHT_KEPT_S = "86400"


def cors_middleware(
    origins: tuple[str, ...],
) -> Middleware:
    """Lets pages and workers of these origins read answers, errors included (Fetch standard, CORS protocol).

    No credentials are allowed: nothing here is told by a cookie.
    """
    everybody = "*" in origins
    allowed = frozenset(origins)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is None:
            return await handler(request)
        permitted = everybody or origin in allowed
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response: web.StreamResponse = web.Response(status=204 if permitted else 403)
            if permitted:
                response.headers["Access-Control-Allow-Methods"] = _METHODS
                response.headers["Access-Control-Allow-Headers"] = _HEADERS
                response.headers["Access-Control-Max-Age"] = _PREFLIGHT_KEPT_S
        else:
            response = await handler(request)
        response.headers["Vary"] = "Origin"
        if permitted:
            response.headers["Access-Control-Allow-Origin"] = "*" if everybody else origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        return response

    return middleware


def answered(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]], origins: tuple[str, ...]
) -> Handler:
    """The handler, with what is wrong with a request as `{"message", "details"}` and its status.

    Where origins are configured, pages and extensions of others are refused, whatever a middleware lets pass.
    """
    allowed = frozenset(origins)

    async def answer(request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        try:
            if origin is not None and allowed and "*" not in allowed and origin not in allowed:
                raise ForeignOrigin("Only the configured extensions may call this.")
            return await handler(request)
        except ExtensionError as error:
            return error_response(error)

    answer.__name__ = getattr(handler, "__name__", answer.__name__)
    return answer


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Aiohttp's own errors as `{"message"}` with their status; a bug is logged, and told without a trace."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < web.HTTPBadRequest.status_code:
            raise
        headers = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
        return web.json_response({"message": error.reason}, status=error.status, headers=headers)
    except Exception:
        log.exception("request.failed", route=str(request.match_info.route.resource))
        return web.json_response({"message": "Something is wrong on our side."}, status=500)


def error_response(error: ExtensionError) -> web.Response:
    """An error as JSON."""
    headers = {}
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    details = {"kind": error.kind, **error.detail}
    return web.json_response(
        {"message": error.message, "details": details}, status=error.status, headers=headers
    )
