"""Verdicts: `/x/v1/check`, its evidence, and what the published ThreatSlayer extension asks."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import hdrs, web
from pydantic import BaseModel

from samelook.api.admission import DOOR, check_there
from samelook.api.answers import answer
from samelook.api.callers import CLIENT_HEADER, address_of, client_behind, client_if_known
from samelook.api.description import Header, described
from samelook.api.errors import ApiError
from samelook.api.metrics import METRICS
from samelook.api.pages.why import explanation_of, why_page
from samelook.api.requests import parsed_json, read_body, validated
from samelook.api.visitors import wants_page
from samelook.extension_api import models
from samelook.extension_api.answers import NotAnswerable, explained_number, explanation
from samelook.extension_api.errors import BadRequest, BodyTooLarge, NotFound, Unauthorised
from samelook.extension_api.extension import EXTENSION, Cached, Extension
from samelook.extension_api.limits import network_of
from samelook.sql.away import AWAY

routes = web.RouteTableDef()
TAG = "Extension"
COST_CACHED, COST_VERDICT, COST_ICON = 1.0, 10.0, 40.0
_MOST_UNITS = 200.0
_MOST_COMMAS = 30_000
"""In a question that is read; a hundred sites with all their icons have a tenth. Each part may be a fault."""
_BYTES_OF_A_UNIT = 100_000
_PIECE_BYTES = 256 << 10
_ICON_CHARS = 64
"""Icons with more data than this are counted as such."""
CLIENT = Header(CLIENT_HEADER, "A client's token, for verdicts by its own allowlist too.")
_KNOWN = Header("If-None-Match", "The ETag of the answer that is there already.", example='"0a1b2c"')
_ETAG = Header("ETag", "Names this answer; send it as If-None-Match to be told that it still holds.")
_UNCHANGED = "The answer of this ETag still holds."
_PICTURE_TYPES = {
    "png": "image/png",
    "ico": "image/x-icon",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "avif": "image/avif",
    "svg": "image/svg+xml",
}


class CompactQuery(BaseModel):
    """What is there already."""

    since: str | None = None
    """The version that an earlier list named."""


class LooksQuery(BaseModel):
    """Where to go on."""

    since: str | None = None
    """The version that an earlier answer named."""
    page: str | None = None
    """What the page before named as `next`."""


@routes.post("/x/v1/check")
@described(
    TAG,
    "The verdict on a site, or on up to a hundred",
    role="extension",
    headers=(CLIENT, _KNOWN),
    body=models.CheckQuestion,
    most_bytes=8 << 20,
    example={"url": "lumora-secure.example", "icons": [{"sha256": "ab" * 32}]},
    answer=models.CheckAnswer | models.ChecksAnswer,
    answer_headers=(_ETAG,),
    done="The verdict with its reasons and evidence; of several sites, each has its own or an error.",
    also={304: _UNCHANGED},
    errors=(400, 401, 413, 415, 429, 503),
    description="Send the host alone where you can; of a URL nothing but the host is used.",
)
async def check(request: web.Request) -> web.Response:
    extension = request.app[EXTENSION]
    body = await read_body(request)
    if body.count(b",") > _MOST_COMMAS:
        raise BodyTooLarge("The question has too many parts.")
    client = await client_if_known(request, extension)
    # The same question is answered again from the cache without being parsed.
    key = (hashlib.blake2b(body, digest_size=16).digest(), client)
    cached = extension.cached(key)
    if cached is None:
        async with request.app[DOOR].turn(request, units_of(body)):
            cached = await _checked(request, extension, body, client)
        extension.cache(key, cached)
    else:
        extension.work.take_little(client_behind(request), COST_CACHED)
    headers = {"ETag": cached.etag, "Cache-Control": "private, no-cache"}
    if _has(request, cached.etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=cached.payload, content_type="application/json", headers=headers)


async def _checked(request: web.Request, extension: Extension, body: bytes, client: int | None) -> Cached:
    parsed, address = parsed_json(body), address_of(request)
    version, at = extension.follower.version, extension.clock()
    if isinstance(parsed, dict) and "sites" in parsed:
        many = validated(parsed, models.CheckRequest).sites
        if len(many) > extension.settings.max_sites:
            raise BodyTooLarge(f"At most {extension.settings.max_sites} sites at once.", sites=len(many))
        questions = [_question(asked) for asked in many]
        extension.work.take(client_behind(request), sum(_cost(question) for question in questions))
        results = []
        for question in questions:
            check_there(request)
            results.append(await _answer_or_error(extension, question, client, address))
            await asyncio.sleep(0)  # others are answered in between
        results_answer: dict[str, Any] = {"results": results, "version": extension.follower.data_version}
        lasting: Any = [_lasting(result) for result in results]
    else:
        question = validated(parsed, models.SiteQuestion)
        extension.work.take(client_behind(request), _cost(question))
        results_answer = await _answer(extension, question, client, address)
        lasting = _lasting(results_answer)
    digest = hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()[:32]
    return Cached(version, at, json.dumps(results_answer).encode(), f'"{digest}"')


def units_of(body: bytes) -> float:
    """About how many sites and icons are asked about, before the body is parsed: parsing is work too.

    Each is an object of its own, whose brace nothing can spell in another way. A picture's bytes cost next to
    nothing here beside the search for it; what is none of a question's is parsed all the same.
    """
    return min(_MOST_UNITS, 1.0 + body.count(b"{") + len(body) / _BYTES_OF_A_UNIT)


def _question(asked: Any) -> models.SiteQuestion | ApiError:
    """One question of many, or what is wrong with it: the others are answered all the same."""
    try:
        return validated(asked, models.SiteQuestion)
    except ApiError as error:
        return error


async def _answer(
    extension: Extension, question: models.SiteQuestion, client: int | None, address: str
) -> dict[str, Any]:
    with extension.outbox.asked_from(network_of(address)):
        verdict: dict[str, Any] = await extension.answers.answer(
            question, client, may_crawl=lambda: extension.may_crawl(address)
        )
    METRICS.verdicts.labels(verdict["verdict"]).inc()
    return verdict


async def _answer_or_error(
    extension: Extension, question: models.SiteQuestion | ApiError, client: int | None, address: str
) -> dict[str, Any]:
    if isinstance(question, ApiError):
        return {"message": question.message, "details": question.details}
    try:
        return await _answer(extension, question, client, address)
    except NotAnswerable as error:
        return {"message": error.message, "details": {"kind": error.kind, **error.detail}}


def _cost(question: models.SiteQuestion | ApiError) -> float:
    if isinstance(question, ApiError):
        return COST_CACHED
    sent = sum(1 for icon in question.icons if icon.data and len(icon.data) > _ICON_CHARS)
    # Every icon is compared with those that the title names.
    named = len(question.icons) if question.page is not None and question.page.title else 0
    return COST_VERDICT * (1 + named) + COST_ICON * sent


def _lasting(verdict: dict[str, Any]) -> dict[str, Any]:
    """The answer without what changes while the verdict stays."""
    return {name: value for name, value in verdict.items() if name not in {"version", "ttl"}}


@routes.get("/x/v1/looks")
@described(
    TAG,
    "Looks of trusted sites: all, or what changed",
    role="extension",
    query=LooksQuery,
    headers=(_KNOWN,),
    answer=models.LooksAnswer,
    answer_headers=(_ETAG,),
    done="A page of the looks; go on while `next` is not null.",
    also={304: _UNCHANGED},
    errors=(400, 429, 503),
)
async def looks(request: web.Request) -> web.Response:
    extension = request.app[EXTENSION]
    extension.work.take(client_behind(request), COST_ICON)
    page = await extension.looks_page(request.query.get("since"), request.query.get("page"))
    etag = f'"{page["version"]}-{page["checksum"]}-{len(page["looks"])}"'
    headers = {"ETag": etag, "Cache-Control": "public, max-age=60"}
    if _has(request, etag):
        return web.Response(status=304, headers=headers)
    return web.json_response(page, headers=headers)


@routes.get("/x/v1/looks/compact")
@described(
    TAG,
    "Looks of trusted sites in a compact, signed file",
    role="extension",
    query=CompactQuery,
    produces="application/octet-stream",
    answer_headers=(Header("ETag", "The version of the list."),),
    done="The whole list, or what changed since a version.",
    errors=(400, 429, 503),
)
async def compact_looks(request: web.Request) -> web.Response:
    extension = request.app[EXTENSION]
    extension.work.take(client_behind(request), COST_ICON)
    version, body = await extension.compact.whole_or_since(request.query.get("since"))
    headers = {"ETag": f'"{version}"', "Cache-Control": "no-cache"}
    headers["Content-Length"] = str(len(body))
    return web.Response(body=_pieces(body), content_type="application/octet-stream", headers=headers)


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """Sends the list piece by piece, so that all its readers, however slow, share one copy of its bytes."""
    for start in range(0, len(body), _PIECE_BYTES):
        yield body[start : start + _PIECE_BYTES]


@routes.get("/x/v1/why/{id}")
@described(
    TAG,
    "Why a site is grey or locked",
    role="extension",
    answer=dict[str, object],
    done="The verdict with its evidence.",
    errors=(400, 404, 429, 503),
    meanings={404: "Nothing is known under this number; explanations are kept for 90 days."},
)
async def why(request: web.Request) -> web.StreamResponse:
    explained = explanation(await explanation_of(request, explained_number(request.match_info["id"])))
    if wants_page(request):
        return await why_page(request, explained)
    return web.json_response(explained, headers={"Vary": "Accept"})


@routes.get("/x/v1/icons/{sha256}")
@described(
    TAG,
    "A picture of the crawl, as evidence",
    role="extension",
    produces="image/*",
    done="The picture's bytes.",
    errors=(400, 404, 429, 503),
    meanings={404: "This picture is not kept here."},
)
async def icon(request: web.Request) -> web.Response:
    extension = request.app[EXTENSION]
    extension.work.take(client_behind(request), COST_VERDICT)
    try:
        sha256 = bytes.fromhex(request.match_info["sha256"])
    except ValueError as error:
        raise BadRequest("A picture is asked for by its SHA-256 in hex.") from error
    row = await extension.reads.picture(extension.pool, sha256=sha256)
    if row is None or row["body"] is None:
        raise NotFound("This picture is not kept here.")
    headers = {
        # An SVG is a document: opened by itself it must do nothing.
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "public, max-age=604800, immutable",
    }
    return web.Response(body=row["body"], content_type=_PICTURE_TYPES[row["format"]], headers=headers)


_ASKED: dict[str, Any] = {
    "role": "extension",
    "body": models.ThreatSlayerRequest,
    "example": {"url": "https://lumora-secure.example/login"},
    "answer": models.MaliciousAnswer,
    "answer_example": {"malicious": True},
    "done": "`malicious` is true where the verdict is `lock`.",
    "errors": (400, 413, 429, 503),
}


@routes.post("/malicious_p")
@described(TAG, "The same as /malicious-p, as the published ThreatSlayer extension spells it", **_ASKED)
async def malicious_as_spelt(request: web.Request) -> web.StreamResponse:
    return await malicious(request)


@routes.post("/malicious-p")
@described(TAG, "Whether a site is locked, as ThreatSlayer asks", **_ASKED)
async def malicious(request: web.Request) -> web.Response:
    extension = request.app[EXTENSION]
    # Whatever media type the extension names: pages that should not ask were refused by their origin.
    wanted = validated(parsed_json(await request.read()), models.ThreatSlayerRequest)
    address = address_of(request)
    extension.work.take(client_behind(request), COST_VERDICT)
    try:
        client = await extension.clients.known(wanted.key) if wanted.key else None
    except (Unauthorised, *AWAY):
        client = None
    async with request.app[DOOR].turn(request, 1.0):
        verdict = await _answer(extension, models.SiteQuestion(url=wanted.url), client, address)
    return answer({"malicious": verdict["action"] == "lock"})


def _has(request: web.Request, etag: str) -> bool:
    """Whether the client says that it has this answer (RFC 9110, 13.1.2)."""
    if hdrs.IF_NONE_MATCH not in request.headers:
        return False
    return any(known.value == etag.strip('"') for known in request.if_none_match or ())
