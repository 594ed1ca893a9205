"""Home: one field to search with, and how everything stands, as it happens."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from samelook.api.callers import client_behind
from samelook.api.description import described
from samelook.api.errors import ApiError, bad_request
from samelook.api.exchange_service import EXCHANGES
from samelook.api.pages.frame import TAG
from samelook.api.pages.remembered import PageCache
from samelook.api.pages.render import fragment, page
from samelook.api.pages.sentences import how_alike, why_caught
from samelook.api.state import MATCHING, POOL
from samelook.inspector.overview import COUNTED_DAYS, overview
from samelook.inspector.settings import InspectorSettings
from samelook.sql.away import AWAY
from samelook.sql.cancelled import check_cancelled
from samelook.sql.named import queries

routes = web.RouteTableDef()
_NAMES = {"domains": "Names to addresses", "icons": "Pages visited", "hashes": "Icons hashed"}
_FRESH_S = 4.0
_LOOK_S = 5.0
_STREAM_S = 600.0
"""A stream ends then; the browser asks again, and shows once more that it may."""
_MOST_STREAMS, _MOST_OF_A_CLIENT = 64, 16
_HASH = re.compile(r"(?:[0-9a-fA-F]{16}|[0-9a-fA-F]{32}|[0-9a-fA-F]{64})|-?[0-9]{6,10}")
_PICTURE = re.compile(
    r"https?://[^\s?#]+\.(?:png|ico|svg|gif|jpe?g|webp|avif|bmp)(?:[?#]\S*)?", re.IGNORECASE
)


class Live:
    """Cached values of Home, and how many event streams each client has open."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.streams: Counter[str] = Counter()
        """By client."""
        self.cache = PageCache(_values, _FRESH_S)


LIVE = web.AppKey("live", Live)


@routes.get("/ui/")
@described(TAG, "Home", page=True)
async def home(request: web.Request) -> web.Response:
    return page(request, "home.html", **await request.app[LIVE].cache.values(request.app))


@routes.get("/ui")
@described(TAG, "To Home", role=None, page=True)
async def to_home(_: web.Request) -> web.Response:
    raise web.HTTPFound("/ui/")


@routes.get("/ui/search")
@described(TAG, "Leads from what somebody typed to the page about it", page=True)
async def search(request: web.Request) -> web.Response:
    text = request.query.get("q", "").strip()
    if not text:
        raise bad_request("Write a domain, a URL or a hash.")
    if _HASH.fullmatch(text):
        target = request.rel_url.with_path("/ui/match").with_query(hash=text)
    elif _PICTURE.fullmatch(text):
        target = request.rel_url.with_path("/ui/match").with_query(url=text)
    else:
        name = text.partition("://")[2] or text
        target = request.rel_url.with_path("/ui/site/" + re.split(r"[/?#]", name)[0]).with_query(None)
    raise web.HTTPFound(target)


@routes.get("/ui/events")
@described(TAG, "What Home shows, sent again whenever it changes", page=True)
async def events(request: web.Request) -> web.StreamResponse:
    live = request.app[LIVE]
    if "text/event-stream" not in request.headers.get("Accept", ""):
        raise ApiError(406, "This is a stream of events, for Accept: text/event-stream.")
    client = client_behind(request)
    if live.streams.total() >= _MOST_STREAMS or live.streams[client] >= _MOST_OF_A_CLIENT:
        raise ApiError(503, "Too many pages are being followed.", headers={"Retry-After": "60"})
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    live.streams[client] += 1
    try:
        await _send(request, response, live)
    finally:
        live.streams[client] -= 1
        live.streams += Counter()  # without those that follow none
    return response


async def _send(request: web.Request, response: web.StreamResponse, live: Live) -> None:
    sent, end = "", time.monotonic() + _STREAM_S
    while time.monotonic() < end and not live.stopping.is_set():
        try:
            text = fragment("home_live.html", **await live.cache.values(request.app))
        except AWAY:
            check_cancelled()
            text = sent
        changed = text != sent
        # A comment keeps what is in between from giving up on a quiet connection.
        await response.write(f"data: {json.dumps(text)}\n\n".encode() if changed else b": still here\n\n")
        sent = text
        try:
            async with asyncio.timeout(_LOOK_S):
                await live.stopping.wait()
        except TimeoutError:
            continue


async def _values(app: web.Application) -> Mapping[str, Any]:
    async with app[POOL].acquire() as connection:
        found = await overview(connection, InspectorSettings())
    live = app[MATCHING].live if MATCHING in app else None
    exchanges = None
    if EXCHANGES in app:
        exchanges = [
            {"name": row["name"], "enabled": row["enabled"], "failing": row["failures"] > 0}
            async for row in queries("exchanges").figures(app[POOL])
        ]
    return {
        "phases": found.phases,
        "workers": found.workers,
        "caught": found.caught,
        "waiting": found.waiting,
        "newest": found.newest,
        "runs": found.runs,
        "troubles": found.troubles,
        "days": COUNTED_DAYS,
        "names": _NAMES,
        "banks": None if live is None else len(live.banks),
        "signals": {} if live is None else {name: len(held.index) for name, held in live.indexes.items()},
        "age": 0.0 if live is None else live.age_s,
        "exchanges": exchanges,
        "why_caught": why_caught,
        "how_alike": how_alike,
    }
