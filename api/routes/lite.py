"""HMA-lite: `/v1/hashes/query`, and the landing page with its forms."""

from __future__ import annotations

import json

from aiohttp import web
from pydantic import BaseModel, Field

from samelook.api.admission import turn_at_decoding
from samelook.api.description import FILE, described
from samelook.api.errors import bad_request
from samelook.api.lite import PDQ, LiteMatch
from samelook.api.pages.render import page
from samelook.api.requests import body_of, query_of
from samelook.api.state import LITE, MATCHING, POOL, SANDBOX, SETTINGS, check_hashing
from samelook.api.uploads import form_of
from samelook.banks.errors import BadSignal
from samelook.banks.media import Featureless, hash_media
from samelook.hashing.errors import HashingError
from samelook.sql.audit import note_change

routes = web.RouteTableDef()
_TAG = "HMA-lite"
_MOST_HASHES = 10_000


class LiteQuery(BaseModel):
    hash: str = Field(description="A PDQ, in lower or upper case.")


class LiteBody(BaseModel):
    hashes: list[str] = Field(max_length=_MOST_HASHES)


class LiteMatchAnswer(BaseModel):
    distance: int
    data: dict[str, object]


class LiteAnswer(BaseModel):
    match: bool
    result: list[LiteMatchAnswer]


class LiteManyAnswer(BaseModel):
    results: dict[str, list[LiteMatchAnswer]]


@routes.get("/v1/hashes/query")
@described(_TAG, "The matches of a hash in the list", query=LiteQuery, answer=LiteAnswer)
async def query_hash(request: web.Request) -> web.Response:
    query = query_of(request, LiteQuery)
    found = request.app[LITE].hashes.find(PDQ.parse(query.hash.lower()))
    match = "true" if found else "false"
    return _json(f'{{"match":{match},"result":{_listed(found)}}}')


@routes.post("/v1/hashes/query")
@described(_TAG, "The matches of many hashes", body=LiteBody, answer=LiteManyAnswer, errors=(400, 413, 415))
async def query_hashes(request: web.Request) -> web.Response:
    body = await body_of(request, LiteBody)
    values = [PDQ.parse(text.lower()) for text in body.hashes]
    found = request.app[LITE].hashes.find_many(values)
    results = {text: _listed(matches) for text, matches in zip(body.hashes, found, strict=True)}
    listed = ",".join(f"{json.dumps(text)}:{matches}" for text, matches in results.items())
    return _json(f'{{"results":{{{listed}}}}}')


@described(_TAG, "The landing page", role=None, produces="text/html", errors=())
async def landing(request: web.Request) -> web.Response:
    return _landing(request)


@described(_TAG, "To the landing page, from where HMA has its own", role=None, status=302, errors=())
async def to_landing(_: web.Request) -> web.Response:
    raise web.HTTPFound("/")


@described(_TAG, "To the pages", role=None, status=302, errors=())
async def to_pages(_: web.Request) -> web.Response:
    raise web.HTTPFound("/ui/")


def add_lite(app: web.Application) -> None:
    """The routes; the forms are the landing page where there are no other pages."""
    app.add_routes(routes)
    has_pages = "ui" in app[SETTINGS].roles
    app.router.add_get("/lite" if has_pages else "/", landing)
    if has_pages:
        app.router.add_get("/", to_pages)
    else:
        app.router.add_get("/ui/", to_landing)


@routes.post("/upload_hashes")
@described(
    _TAG,
    "Replaces the list by a CSV or .te file",
    role="curator",
    consumes={"multipart/form-data": {"type": "object", "properties": {"data_file": FILE}}},
    produces="text/html",
    errors=(400, 413),
)
async def upload_hashes(request: web.Request) -> web.Response:
    form = await form_of(request, request.app[SETTINGS].max_upload_bytes)
    if not form.files.get("data_file"):
        raise bad_request("Choose a CSV or .te file, in the field data_file.")
    hashes = await request.app[LITE].replace(form.files["data_file"], form.names["data_file"])
    if (pool := request.app.get(POOL)) is not None:
        async with pool.acquire() as connection, connection.transaction():
            listed = {"hashes": len(hashes.rows), "skipped": hashes.skipped}
            await note_change(connection, "upload_hashes", hashes.origin, after=listed)
    note = f"Hashes of {hashes.origin} that are in force now: {len(hashes.rows)}"
    return _landing(
        request, f"{note}; lines that held no PDQ: {hashes.skipped}." if hashes.skipped else f"{note}."
    )


@routes.get("/upload_hashes")
@described(_TAG, "Nothing; the form is on the landing page", status=204, errors=())
async def no_upload(_: web.Request) -> web.Response:
    return web.Response(status=204)


@routes.post("/check_for_match_hash")
@described(
    _TAG,
    "The matches of a hash, as a page",
    consumes={
        "application/x-www-form-urlencoded": {"type": "object", "properties": {"hash": {"type": "string"}}}
    },
    produces="text/html",
)
async def check_hash(request: web.Request) -> web.Response:
    form = await form_of(request, request.app[SETTINGS].max_upload_bytes)
    text = form.texts.get("hash", "").strip()
    try:
        found = request.app[LITE].hashes.find(PDQ.parse(text.lower()))
    except BadSignal as error:
        return _results(request, text, [], trouble=error.message)
    return _results(request, text, found)


@routes.post("/check_for_match_image")
@described(
    _TAG,
    "The matches of a picture, as a page",
    consumes={"multipart/form-data": {"type": "object", "properties": {"photo": FILE}}},
    produces="text/html",
    errors=(400, 403, 413),
)
async def check_image(request: web.Request) -> web.Response:
    check_hashing(request)
    form = await form_of(request, request.app[SETTINGS].max_upload_bytes)
    if not form.files.get("photo"):
        raise bad_request("Choose a picture, in the field photo.")
    try:
        most = request.app[SETTINGS].max_pixels
        async with turn_at_decoding(request):
            hashed = await hash_media(request.app[SANDBOX], form.files["photo"], ["pdq"], most)
        signals = hashed.usable()
    except (HashingError, Featureless) as error:
        return _results(request, form.names["photo"], [], trouble=error.message)
    return _results(request, signals["pdq"], request.app[LITE].hashes.find(PDQ.parse(signals["pdq"])))


def _landing(request: web.Request, note: str = "") -> web.Response:
    hashes = request.app[LITE].hashes
    matching = request.app.get(MATCHING)
    live = matching.live if matching is not None else None
    return page(
        request,
        "landing.html",
        note=note,
        number=len(hashes.rows),
        origin=hashes.origin,
        banks=None if live is None else len(live.banks),
        signals=None if live is None else {name: len(held.index) for name, held in live.indexes.items()},
    )


def _results(request: web.Request, asked: str, found: list[LiteMatch], trouble: str = "") -> web.Response:
    return page(
        request,
        "results.html",
        status=400 if trouble else 200,
        asked=asked,
        found=[(match.distance, json.loads(match.data)) for match in found],
        trouble=trouble,
        back="/lite" if "ui" in request.app[SETTINGS].roles else "/",
    )


def _listed(found: list[LiteMatch]) -> str:
    # What is known of a hash is kept as JSON and goes out as it is.
    return "[" + ",".join(f'{{"distance":{match.distance},"data":{match.data}}}' for match in found) + "]"


def _json(text: str) -> web.Response:
    return web.Response(body=text.encode(), content_type="application/json")
