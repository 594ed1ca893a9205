"""What every request passes through: metrics, host, CORS, errors, access; `app.py` has the whole order."""

from __future__ import annotations

import time
import uuid

import asyncpg
import structlog
from aiohttp import hdrs, web

from samelook.api.access import (
    SAFE_METHODS,
    allows,
    host_named,
    is_foreign_fetch,
    is_own_name,
    is_trusted,
    key_in,
    key_needed,
    may_call,
)
from samelook.api.admission import Gone
from samelook.api.callers import address_of, network_behind
from samelook.api.description import Handler, Operation, operation_of
from samelook.api.errors import ApiError, error_response, explained
from samelook.api.health import HEARTBEAT
from samelook.api.metrics import METRICS
from samelook.api.pages.render import refusal
from samelook.api.state import CALLER, KEYS, ROLE, SETTINGS
from samelook.api.visitors import admit
from samelook.sql.audit import LOCAL, act_as

_log = structlog.get_logger(__name__)
_METHODS = "GET, POST, PUT, PATCH, DELETE"
_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-API-Key, X-Samelook-Client"
_EXPOSED = "ETag, Retry-After"
_CLIENT_CLOSED = 499


@web.middleware
async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Counts the request and its time by route, never by path: a path may hold anything."""
    began = time.perf_counter()
    status = _CLIENT_CLOSED
    try:
        response = await handler(request)
        status = response.status
    except web.HTTPException as redirect:
        status = redirect.status
        raise
    else:
        return response
    finally:
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "unknown"
        METRICS.observe(request.method, route, status, time.perf_counter() - began)


@web.middleware
async def with_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers to the service's own names only, on every route."""
    named = request.headers.getall(hdrs.HOST, [])
    if not named:  # of HTTP/1.0, which no browser speaks
        return await handler(request)
    host = host_named(named)
    if host is None:
        return error_response(ApiError(400, "The Host header names no host.", {"kind": "bad_request"}))
    if not is_own_name(host, request.app[SETTINGS]):
        message = (
            "This service is not known by this name. Its operator can name it in SAMELOOK_PUBLIC_URL or "
            "SAMELOOK_HOSTS; on the machine itself it is localhost."
        )
        return error_response(ApiError(403, message, {"kind": "foreign_host"}))
    return await handler(request)


@web.middleware
async def with_cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lets pages and browser extensions call what is meant for them, and nothing else.

    A service without keys on this machine's loopback can be reached by every page and extension in every
    browser on it; of unknown origin they may not even send what they could not read the answer to.
    """
    origin = request.headers.get(hdrs.ORIGIN)
    operation = operation_of(request.match_info.handler)
    preflight = request.method == hdrs.METH_OPTIONS and request.headers.get(
        hdrs.ACCESS_CONTROL_REQUEST_METHOD
    )
    if preflight:
        operation = await _asked_about(request, preflight)
    allowed = may_call(origin, request.headers.get(hdrs.HOST, ""), operation, request.app[SETTINGS])
    # Reading a route without a role does no harm: a foreign page may ask, and CORS keeps the answer from it.
    harmless = (
        request.method in SAFE_METHODS and not preflight and (operation is None or operation.role is None)
    )
    if (not allowed and not harmless) or is_foreign_fetch(request.headers, operation):
        message = "Pages and extensions of this origin may not call this."
        return error_response(ApiError(403, message, {"kind": "foreign_origin"}))
    if preflight:
        response: web.StreamResponse = web.Response(status=204)
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = _METHODS
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _HEADERS
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = "600"
    else:
        response = await handler(request)
    if origin is not None and allowed and not response.prepared:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED
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
        if isinstance(error, Gone):
            return web.Response(status=_CLIENT_CLOSED)  # which nobody reads
        known = explained(error)
        if isinstance(error, asyncpg.DiskFullError):
            request.app[HEARTBEAT].is_full = True
        if known is not None:
            response = _error_answer(request, known)
            if request.content.exception() is not None:
                # The body was not read to its end, so nobody can tell where the next request begins: the
                # connection is closed.
                response.force_close()
            return response
        number = str(uuid.uuid4())
        _log.exception("api.bug", method=request.method, number=number)
        return _error_answer(
            request, ApiError(500, "Internal error; its number is in the log.", {"number": number})
        )


@web.middleware
async def with_access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Asks for a key with the role that the operation needs."""
    operation = operation_of(request.match_info.handler)
    if operation is not None and operation.page and key_in(request.headers) is None:
        await admit(request, operation)
        return await handler(request)
    if operation is None or operation.role is None:  # nothing is there, or it is for everybody
        return await handler(request)
    settings = request.app[SETTINGS]
    if not key_needed(operation, settings):
        request[ROLE] = operation.role if settings.keys_needed else "admin"
        act_as(LOCAL)
        return await handler(request)
    secret = key_in(request.headers)
    if secret is None and not operation.proof and is_trusted(address_of(request), settings):
        request[ROLE] = "admin"
        act_as(f"trusted {address_of(request)}")
        return await handler(request)
    if secret is None:
        how = "Send an API key, as Authorization: Bearer KEY or X-API-Key: KEY."
        here = " This needs one on loopback too; samelook keys create makes them." if operation.proof else ""
        raise _unauthorised(how + here)
    key = await request.app[KEYS].key_of(secret, network_behind(request))
    if key is None:
        raise _unauthorised("This API key is not valid.")
    if not allows(key.role, operation.role):
        message = f"This needs a key with the role {operation.role}; yours is for a {key.role}."
        raise ApiError(403, message, {"kind": "forbidden"})
    if key.scopes is not None and operation.scope not in key.scopes:
        message = f"This key is for {', '.join(sorted(key.scopes))} only, not for {operation.scope}."
        raise ApiError(403, message, {"kind": "forbidden"})
    request[ROLE], request[CALLER] = key.role, key
    act_as(f"key {key.name}")
    return await handler(request)


def _error_answer(request: web.Request, error: ApiError) -> web.Response:
    """An error: as a page where a page was asked for, or nothing that is there, else as JSON."""
    operation = operation_of(request.match_info.handler)
    if operation is None or operation.page or operation.produces == "text/html":
        return refusal(request, error)
    return error_response(error)


def _unauthorised(message: str) -> ApiError:
    return ApiError(401, message, {"kind": "unauthorised"}, headers={hdrs.WWW_AUTHENTICATE: "Bearer"})


async def _asked_about(request: web.Request, method: str) -> Operation | None:
    """The operation that a preflight is about."""
    match = await request.app.router.resolve(request.clone(method=method))
    return operation_of(match.handler)
