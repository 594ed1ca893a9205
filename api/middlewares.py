"""What every request passes through, outermost first: metrics, CORS, errors, access."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiohttp import hdrs, web

from samelook.api.description import AccessRole, Handler, operation_of
from samelook.api.errors import ApiError, explained
from samelook.api.keys import ROLES
from samelook.api.metrics import METRICS
from samelook.api.settings import is_loopback
from samelook.api.state import KEYS, ROLE, SETTINGS

_log = structlog.get_logger(__name__)
_SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_EXTENSIONS = ("chrome-extension://", "moz-extension://", "safari-web-extension://")
_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, "
    "X-API-Key, X-Samelook-Client, X-Samelook-Key"
)
_CLIENT_CLOSED = 499


@web.middleware
async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Counts the request and its time by route, never by path: a path may hold anything."""
    began = time.perf_counter()
    status = _CLIENT_CLOSED
    try:
        response = await handler(request)
        status = response.status
        return response
    finally:
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "unknown"
        METRICS.observe(request.method, route, status, time.perf_counter() - began)


@web.middleware
async def with_cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lets browser extensions and configured pages call, and no other page on the web.

    A service without keys on this machine's loopback can be reached by every page in every browser on it;
    pages of unknown origin therefore may not even send what they could not read the answer to.
    """
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return await handler(request)
    allowed = _is_allowed(request, origin)
    if not allowed and (request.method not in _SAFE or hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers):
        return error_response(ApiError(403, "Pages of this origin may not call this service."))
    if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
        response: web.StreamResponse = web.Response(status=204)
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = "GET, POST, PUT, PATCH, DELETE"
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _HEADERS
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = "600"
    else:
        response = await handler(request)
    if allowed and not response.prepared:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = "ETag, Retry-After"
        response.headers[hdrs.VARY] = hdrs.ORIGIN
    return response


@web.middleware
async def with_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns whatever is raised into a status and a JSON message; a bug into a number for the log."""
    try:
        return await handler(request)
    except Exception as error:
        # The root of every request: what is no known error is a bug, which callers hear of by a number.
        if isinstance(error, web.HTTPException) and error.status < 400:  # noqa: PLR2004 - a redirect
            raise
        if isinstance(error, web.HTTPMethodNotAllowed) and request.method == hdrs.METH_OPTIONS:
            allowed = sorted({*error.allowed_methods, hdrs.METH_OPTIONS})
            return web.Response(headers={hdrs.ALLOW: ", ".join(allowed)})
        known = explained(error)
        if known is not None:
            response = error_response(known)
            if request.content.exception() is not None:
                # Nobody can tell where the next request would begin: say that there is none.
                response.force_close()
            return response
        number = str(uuid.uuid4())
        _log.exception("api.bug", method=request.method, number=number)
        return error_response(ApiError(500, "Internal error; its number is in the log.", {"number": number}))


@web.middleware
async def with_access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Asks for a key with the role that the operation needs; on loopback, only for an honest Host header."""
    operation = operation_of(request.match_info.handler)
    needed = operation.role if operation is not None else None
    if not request.app[SETTINGS].keys_needed:
        if operation is None or needed is not None:
            _check_host(request)
        request[ROLE] = "admin"
        return await handler(request)
    if needed is None:  # it is for everybody, nothing is there, or its room asks for proofs of its own
        return await handler(request)
    key = _key_in(request)
    if key is None:
        raise ApiError(
            401,
            "Send an API key, as Authorization: Bearer KEY or X-API-Key: KEY.",
            headers={hdrs.WWW_AUTHENTICATE: "Bearer"},
        )
    role = await request.app[KEYS].role_of(key)
    if role is None:
        raise ApiError(401, "This API key is not valid.", headers={hdrs.WWW_AUTHENTICATE: "Bearer"})
    if not allows(role, needed):
        raise ApiError(403, f"This needs a key with the role {needed}; yours is for a {role}.")
    request[ROLE] = role
    return await handler(request)


def allows(role: AccessRole, needed: AccessRole) -> bool:
    """Whether a role includes another."""
    return ROLES.index(role) >= ROLES.index(needed)


def error_response(error: ApiError) -> web.Response:
    """An error as clients get it."""
    body: dict[str, Any] = {"message": error.message}
    if error.details is not None:
        body["details"] = error.details
    return web.Response(
        status=error.status,
        body=json.dumps(body, default=str).encode(),
        content_type="application/json",
        headers=error.headers,
    )


def _key_in(request: web.Request) -> str | None:
    key = request.headers.get("X-API-Key")
    if key is not None:
        return key
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _is_allowed(request: web.Request, origin: str) -> bool:
    if origin in request.app[SETTINGS].allowed_origins:
        return True
    return origin.startswith(_EXTENSIONS) or urlsplit(origin).netloc == request.host


def _check_host(request: web.Request) -> None:
    # A name of the attacker's that resolves to 127.0.0.1 makes his page same-origin with us (DNS rebinding).
    host = urlsplit(f"//{request.host}").hostname or ""
    if not is_loopback(host):
        raise ApiError(403, "Without API keys this service answers to localhost and loopback addresses only.")
