"""The extension's HTTP routes.

`setup(app, …)` adds them to an application, with all they need; `create_extension_app` is one with nothing
else. Handlers read the body's bytes themselves: the same question is answered again from the cache unparsed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from samelook.extension_api.answering import EXTENSION, Cached, Extension, extension_context
from samelook.extension_api.answers import NotAnswerable, explained_number, explanation
from samelook.extension_api.errors import BadRequest, NotFound, TooLarge, Unauthorised, Unavailable
from samelook.extension_api.http import Handler, answered, cors_middleware, error_middleware
from samelook.extension_api.limits import client_address, network_of
from samelook.extension_api.models import (
    LONGEST_KEY,
    AllowRequest,
    CheckRequest,
    ReportRequest,
    SiteQuestion,
    ThreatSlayerRequest,
)
from samelook.hashing.sandbox import Sandbox
from samelook.names.sites import site_of_url
from samelook.sql.away import AWAY

if TYPE_CHECKING:
    from samelook.extension_api.settings import ExtensionSettings
    from samelook.hashing.sandbox import SandboxLimits
    from samelook.sql.settings import DatabaseSettings

CLIENT_HEADER = "X-Samelook-Client"
KEY_HEADER = "X-Samelook-Key"
COST_CACHED, COST_VERDICT, COST_ICON = 1.0, 10.0, 40.0
_ICON_CHARS = 64
"""Icons with more data than this are counted as such."""

log = structlog.get_logger()
routes = web.RouteTableDef()
_SANDBOX = web.AppKey("sandbox", Sandbox)
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class AddedRoute:
    """A route as it was added, for whoever describes it."""

    name: str
    """Of the handler in this module."""
    handler: Handler


def setup(
    app: web.Application,
    settings: ExtensionSettings,
    database: DatabaseSettings,
    sandbox_of: Callable[[web.Application], Sandbox],
) -> list[AddedRoute]:
    """Add the routes and what they need: memory that follows the database, keeper, outbox.

    Icons are decoded in the application's own sandbox, open before the contexts that are added here.

    The application brings its own middlewares for CORS and for bugs; what is wrong with a request is
    answered here.
    """
    app.cleanup_ctx.append(extension_context(settings, database, sandbox_of))
    added = []
    for route in routes:
        assert isinstance(route, web.RouteDef)
        handler = answered(route.handler, settings.origins)
        app.router.add_route(route.method, route.path, handler)
        added.append(AddedRoute(route.handler.__name__, handler))
    return added


def create_extension_app(
    settings: ExtensionSettings, database: DatabaseSettings, *, sandbox: SandboxLimits | None = None
) -> web.Application:
    """An application with the extension's routes only."""
    app = web.Application(
        middlewares=[cors_middleware(settings.origins), error_middleware],
        client_max_size=settings.max_body_bytes,
    )

    async def decoding(app: web.Application) -> AsyncIterator[None]:
        async with Sandbox(1, limits=sandbox) as app[_SANDBOX]:
            yield

    app.cleanup_ctx.append(decoding)
    setup(app, settings, database, lambda app: app[_SANDBOX])
    return app


@routes.post("/x/v1/check")
async def check(request: web.Request) -> web.Response:
    """The verdict on one site, or on up to a hundred."""
    extension = request.app[EXTENSION]
    body = await _body(request)
    address = _address(request, extension)
    client = await _client(request, extension)
    key = (hashlib.blake2b(body, digest_size=16).digest(), client)
    cached = extension.cached(key)
    if cached is None:
        cached = await _checked(extension, body, client, address)
        extension.cache(key, cached)
    else:
        extension.work.take(address, COST_CACHED)
    headers = {"ETag": cached.etag, "Cache-Control": "private, no-cache"}
    if _has(request, cached.etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=cached.payload, content_type="application/json", headers=headers)


async def _checked(extension: Extension, body: bytes, client: int | None, address: str) -> Cached:
    parsed = _json(body)
    version, at = extension.follower.version, extension.clock()
    if isinstance(parsed, dict) and "sites" in parsed:
        many = _valid(CheckRequest, parsed).sites
        if len(many) > extension.settings.max_sites:
            raise TooLarge(f"At most {extension.settings.max_sites} sites at once.", sites=len(many))
        extension.work.take(address, sum(map(_cost, many)))
        results = [await _answer_or_error(extension, question, client, address) for question in many]
        answer: dict[str, Any] = {"results": results, "version": extension.follower.data_version}
        lasting: Any = [_lasting(result) for result in results]
    else:
        question = _valid(SiteQuestion, parsed)
        extension.work.take(address, _cost(question))
        answer = await _answer(extension, question, client, address)
        lasting = _lasting(answer)
    digest = hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()[:32]
    return Cached(version, at, json.dumps(answer).encode(), f'"{digest}"')


async def _answer(
    extension: Extension, question: SiteQuestion, client: int | None, address: str
) -> dict[str, Any]:
    return await extension.answers.answer(question, client, may_crawl=lambda: extension.may_crawl(address))


async def _answer_or_error(
    extension: Extension, question: SiteQuestion, client: int | None, address: str
) -> dict[str, Any]:
    try:
        return await _answer(extension, question, client, address)
    except NotAnswerable as error:
        return {"message": error.message, "details": {"kind": error.kind, **error.detail}}


def _cost(question: SiteQuestion) -> float:
    sent = sum(1 for icon in question.icons if icon.data and len(icon.data) > _ICON_CHARS)
    return COST_VERDICT + COST_ICON * sent


def _lasting(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without what changes while the verdict stays."""
    return {name: value for name, value in answer.items() if name not in {"version", "ttl"}}


@routes.post("/x/v1/clients")
async def create_client(request: web.Request) -> web.Response:
    """A token for an anonymous client."""
    extension = request.app[EXTENSION]
    await _body(request)
    _check_key(request, extension)
    extension.registrations.take(network_of(_address(request, extension)), 1)
    token = await _stored(extension.clients.create())
    return web.json_response({"client": token}, status=201)


@routes.post("/x/v1/report")
async def report(request: web.Request) -> web.Response:
    """Keep what somebody reports about a site; evidence with a weight, never the truth at once."""
    extension = request.app[EXTENSION]
    wanted = _valid(ReportRequest, _json(await _body(request)))
    client = await _needed_client(request, extension)
    address = _address(request, extension)
    site = site_of_url(wanted.url)
    key = wanted.idempotency_key or request.headers.get("Idempotency-Key") or None
    if key is not None and len(key) > LONGEST_KEY:
        raise BadRequest(f"An idempotency key has at most {LONGEST_KEY} characters.")
    extension.reports.take(f"client {client}", 1)
    extension.reports.take(network_of(address), 1)
    row = await _stored(
        extension.writes.add_report(
            extension.pool,
            site=site,
            kind=wanted.kind,
            client_id=client,
            network=await _stored(extension.network_digest(network_of(address))),
            idempotency_key=key,
            looks_like=site_of_url(wanted.looks_like) if wanted.looks_like else None,
        )
    )
    if row["added"]:
        extension.outbox.want_crawl(site, extension.clock())
    elif (row["site"], row["kind"]) != (site, wanted.kind):
        raise BadRequest("This idempotency key was used for another report.", idempotency_key=key)
    return web.json_response({"id": str(row["id"]), "site": site}, status=201 if row["added"] else 200)


@routes.get("/x/v1/allowlist")
async def allowed(request: web.Request) -> web.Response:
    """The sites on the client's allowlist."""
    extension = request.app[EXTENSION]
    client = await _needed_client(request, extension)
    rows = await _stored(_all(extension.writes.allowed_sites(extension.pool, client_id=client)))
    return web.json_response({"sites": [_allowed(row) for row in rows]})


@routes.post("/x/v1/allowlist")
async def allow(request: web.Request) -> web.Response:
    """Put a site on the client's allowlist, for ever or for some time."""
    extension = request.app[EXTENSION]
    wanted = _valid(AllowRequest, _json(await _body(request)))
    client = await _needed_client(request, extension)
    extension.reports.take(f"client {client}", 1)
    row = await _allow(extension, client, wanted.url, wanted.expires_in_s)
    return web.json_response(_allowed(row), status=201)


@routes.delete("/x/v1/allowlist/{site}")
async def disallow(request: web.Request) -> web.Response:
    """Take a site off the client's allowlist; nothing is wrong with one that is not there."""
    extension = request.app[EXTENSION]
    client = await _needed_client(request, extension)
    site = site_of_url(request.match_info["site"])
    await _stored(extension.writes.disallow_site(extension.pool, client_id=client, site=site))
    return web.Response(status=204)


@routes.get("/x/v1/looks")
async def looks(request: web.Request) -> web.Response:
    """The looks of trusted sites: all, or what changed since a version; page by page."""
    extension = request.app[EXTENSION]
    _check_key(request, extension)
    extension.work.take(_address(request, extension), COST_ICON)
    page = await _stored(extension.looks_page(request.query.get("since"), request.query.get("page")))
    etag = f'"{page["version"]}-{page["checksum"]}-{len(page["looks"])}"'
    headers = {"ETag": etag, "Cache-Control": "public, max-age=60"}
    if _has(request, etag):
        return web.Response(status=304, headers=headers)
    return web.json_response(page, headers=headers)


@routes.get("/x/v1/why/{id}")
async def why(request: web.Request) -> web.Response:
    """Why a site is grey or locked: the verdict with its evidence, for everybody to read."""
    extension = request.app[EXTENSION]
    number = explained_number(request.match_info["id"])
    extension.work.take(_address(request, extension), COST_VERDICT)
    answer = extension.outbox.explained(number)
    if answer is None:
        answer = await _stored(extension.reads.explanation(extension.pool, id=number))
    if answer is None:
        raise NotFound("Nothing is known under this number; explanations are kept for 90 days.")
    return web.json_response(explanation(answer))


@routes.get("/x/v1/icons/{sha256}")
async def icon(request: web.Request) -> web.Response:
    """A picture of the crawl, as evidence."""
    extension = request.app[EXTENSION]
    extension.work.take(_address(request, extension), COST_VERDICT)
    try:
        sha256 = bytes.fromhex(request.match_info["sha256"])
    except ValueError as error:
        raise BadRequest("A picture is asked for by its SHA-256 in hex.") from error
    row = await _stored(extension.reads.picture(extension.pool, sha256=sha256))
    if row is None or row["body"] is None:
        raise NotFound("This picture is not kept here.")
    headers = {
        # An SVG is a document: opened by itself it must do nothing.
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "public, max-age=604800, immutable",
    }
    return web.Response(body=row["body"], content_type=_MEDIA_TYPES[row["format"]], headers=headers)


_MEDIA_TYPES = {
    "png": "image/png",
    "ico": "image/x-icon",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "avif": "image/avif",
    "svg": "image/svg+xml",
}


@routes.post("/malicious_p")
async def malicious_as_spelt(request: web.Request) -> web.StreamResponse:
    """The same as `/malicious-p`: the published ThreatSlayer extension spells it so."""
    return await malicious(request)


@routes.post("/malicious-p")
async def malicious(request: web.Request) -> web.Response:
    """Whether a site is locked: what the published ThreatSlayer extension asks."""
    extension = request.app[EXTENSION]
    wanted = _valid(ThreatSlayerRequest, _json(await _body(request)))
    address = _address(request, extension)
    extension.work.take(address, COST_VERDICT)
    try:
        client = await extension.clients.known(wanted.key) if wanted.key else None
    except (Unauthorised, *AWAY):
        client = None
    answer = await _answer(extension, SiteQuestion(url=wanted.url), client, address)
    return web.json_response({"malicious": answer["action"] == "lock"})


@routes.post("/allowlist-add")
async def threatslayer_allow(request: web.Request) -> web.Response:
    """Put a site on the allowlist of whoever has this ThreatSlayer key."""
    extension = request.app[EXTENSION]
    wanted = _valid(ThreatSlayerRequest, _json(await _body(request)))
    network = network_of(_address(request, extension))
    extension.reports.take(network, 1)
    client = await _stored(extension.clients.known_or_new(wanted.key))
    if client is None:
        raise Unauthorised("An allowlist needs a key of its own; this one is shared or too short.")
    row = await _allow(extension, client, wanted.url, None)
    return web.json_response({"allowlisted": True, **_allowed(row)})


async def _allow(extension: Extension, client: int, url: str, expires_s: float | None) -> Any:
    return await _stored(
        extension.writes.allow_site(
            extension.pool, client_id=client, site=site_of_url(url), expires_s=expires_s
        )
    )


def _allowed(row: Any) -> dict[str, Any]:
    expires = row["expires_at"]
    return {"site": row["site"], "expires_at": expires.isoformat() if expires else None}


# ---- reading requests ----

_T = TypeVar("_T")


async def _stored(work: Awaitable[_T]) -> _T:
    """The result of work with the database. Raises Unavailable when that is away, BadRequest for bad data."""
    try:
        return await work
    except (asyncpg.DataError, ValueError) as error:
        raise BadRequest("The request holds something that cannot be kept.") from error
    except AWAY as error:
        log.warning("database.away", error=str(error) or type(error).__name__)
        raise Unavailable("The database does not answer now; try again in a moment.") from error


async def _all(rows: Any) -> list[Any]:
    return [row async for row in rows]


async def _body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise TooLarge("The request's body is too large.") from error


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not JSON.") from error


def _valid(model: type[_Model], parsed: Any) -> _Model:
    try:
        return model.model_validate(parsed)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise BadRequest("The body is not as documented.", faults=faults[:20]) from error


def _has(request: web.Request, etag: str) -> bool:
    """Whether the client says that it has this answer (RFC 9110, 13.1.2)."""
    return any(known.value == etag.strip('"') for known in request.if_none_match or ())


def _address(request: web.Request, extension: Extension) -> str:
    forwarded = request.headers.get("X-Forwarded-For")
    return client_address(request.remote, forwarded, extension.settings.trusted_proxies)


def _check_key(request: web.Request, extension: Extension) -> None:
    """Raises Unauthorised when an API key is needed and is not there, or one is there and is not valid."""
    key = request.headers.get(KEY_HEADER)
    if key is None and not extension.settings.require_key:
        return
    if key is None or not extension.is_key(key):
        raise Unauthorised(f"Send a valid API key in the header {KEY_HEADER}.")


async def _client(request: web.Request, extension: Extension) -> int | None:
    _check_key(request, extension)
    token = request.headers.get(CLIENT_HEADER)
    if token is None:
        return None
    try:
        return await extension.clients.known(token)
    except AWAY:
        # A verdict without the client's own allowlist is better than none.
        return None


async def _needed_client(request: web.Request, extension: Extension) -> int:
    _check_key(request, extension)
    token = request.headers.get(CLIENT_HEADER)
    if token is None:
        raise Unauthorised(
            f"Send a client token in the header {CLIENT_HEADER}; POST /x/v1/clients gives one."
        )
    return await _stored(extension.clients.known(token))
