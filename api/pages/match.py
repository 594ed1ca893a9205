"""A picture, a hash or a URL: its matches in all banks and among all looks; and two pictures side by side."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field

from samelook.api.description import described
from samelook.api.errors import ApiError, bad_request, explained
from samelook.api.pages.frame import TAG
from samelook.api.pages.in_memory import PAGE_SETTINGS, looks_like
from samelook.api.pages.pictures import PICTURES
from samelook.api.pages.render import page
from samelook.api.requests import query_of
from samelook.api.state import CURATION, FETCHER, MATCHING, POOL, SANDBOX, SETTINGS
from samelook.api.uploads import fetched_media, form_of
from samelook.banks.errors import BankError
from samelook.banks.lookup import by_bank
from samelook.banks.signal_types import SIGNAL_TYPES, SignalType
from samelook.hashing.errors import HashingError
from samelook.inspector.asked import AskedPicture, apart, asked_picture, best_likeness, kinds_of_hash
from samelook.inspector.errors import InspectorError
from samelook.inspector.looks import SearchedLook, look_answer, look_of_hash

routes = web.RouteTableDef()
_MOST_MATCHES = 60
_MOST_WEARERS = 24
_COMPARED = "pdq"


class MatchAsked(BaseModel):
    """What is asked for."""

    hash: str = Field(default="", max_length=1000)
    url: str = Field(default="", max_length=8192)


@routes.get("/ui/match")
@described(TAG, "The matches of a hash, or of the picture behind a URL", page=True)
async def match(request: web.Request) -> web.Response:
    asked = query_of(request, MatchAsked)
    try:
        if asked.url:
            return await _of_picture(request, await _fetched(request, asked.url), asked.url)
        if asked.hash:
            return await _of_hash(request, asked.hash.strip())
    except (ApiError, BankError, HashingError, InspectorError) as error:
        return _trouble(request, error, asked)
    return _page(request, asked=asked)


@routes.post("/ui/match")
@described(TAG, "The matches of a picture, or how two pictures differ", page=True)
async def match_picture(request: web.Request) -> web.Response:
    form = await form_of(request, request.app[SETTINGS].max_upload_bytes)
    photo, other = form.files.get("photo"), form.files.get("other")
    try:
        if not photo:
            raise bad_request("Choose a picture.")
        name = form.names.get("photo", "")
        if not other:
            return await _of_picture(request, await _asked(request, photo), name)
        return await _of_two(request, await _asked(request, photo), await _asked(request, other))
    except (ApiError, BankError, HashingError, InspectorError) as error:
        return _trouble(request, error, MatchAsked())


async def _asked(request: web.Request, body: bytes) -> AskedPicture:
    return await asked_picture(request.app[SANDBOX], body, request.app[SETTINGS].max_pixels)


async def _fetched(request: web.Request, url: str) -> AskedPicture:
    fetcher = request.app.get(FETCHER)
    if fetcher is None:
        raise ApiError(403, "This process fetches nothing: it lacks the role hasher. Send the file itself.")
    try:
        media = await fetched_media(fetcher, url, "photo")
    except Exception as error:
        known = explained(error)
        if known is None:
            raise
        raise known from error
    return await _asked(request, media.data)


async def _of_picture(request: web.Request, picture: AskedPicture, name: str) -> web.Response:
    values = {
        kind: kind.parse(picture.signals[kind.name])
        for kind in SIGNAL_TYPES.values()
        if kind.name in picture.signals
    }
    drawn = await request.app[PICTURES].drawn_of(picture.body)
    signal = _COMPARED if _COMPARED in picture.signals else "phash"
    return _page(
        request,
        name=name,
        drawn=_as_data(drawn),
        signals=picture.signals,
        quality=picture.quality,
        banks=await _in_banks(request, values),
        **await _wearers(request, [picture.searched], signal),
    )


async def _of_hash(request: web.Request, text: str) -> web.Response:
    values = kinds_of_hash(text)
    if not values:
        raise bad_request("That is no hash of a kind that is known here.")
    names = [kind.name for kind in values]
    signal = _COMPARED if _COMPARED in names else next((name for name in ("phash", "blockhash16")), _COMPARED)
    found: dict[str, Any] = {"wearers": [], "notes": []}
    try:
        async with request.app[POOL].acquire() as connection:
            looks = await look_of_hash(connection, text, signal)
        found = await _wearers(request, looks, signal)
    except InspectorError:
        found["notes"] = ["The crawl knows no picture with this hash, and compares no hash of its length."]
    signals = {kind.name: text for kind in values}
    return _page(request, name=text, signals=signals, banks=await _in_banks(request, values), **found)


async def _of_two(request: web.Request, one: AskedPicture, other: AskedPicture) -> web.Response:
    pictures = request.app[PICTURES]
    drawn = [_as_data(await pictures.drawn_of(each.body)) for each in (one, other)]
    return _page(request, pair=drawn, apart=apart(one, other), likeness=best_likeness(one, other))


async def _in_banks(request: web.Request, values: Mapping[SignalType, bytes]) -> list[dict[str, Any]] | None:
    """What lookups find in each bank, by every signal; each content once, where it is nearest."""
    live = request.app[MATCHING].live if MATCHING in request.app else None
    if live is None:
        return None
    nearest: dict[int, dict[str, Any]] = {}
    for kind, value in values.items():
        if live.type_ratios[kind.name] <= 0:
            continue
        found = await live.find(kind, value, live.reach.get(kind.name))
        own = kind if kind.name in live.reach else None
        taken = by_bank(found, threshold=0.0, banks=None, now=time.time(), kind=own)
        for bank, matches in (taken.found | taken.negative).items():
            for content in matches:
                share = content.distance / max(1, kind.bits)
                known = nearest.get(content.content_id)
                if known is None or share < known["share"]:
                    nearest[content.content_id] = {
                        "bank": bank,
                        "negative": content.bank.negative,
                        "content": content.content_id,
                        "signal": kind.name,
                        "distance": content.distance,
                        "share": share,
                    }
    rows = sorted(nearest.values(), key=lambda row: (row["share"], row["content"]))[:_MOST_MATCHES]
    contents = request.app[CURATION].contents
    ids = [row["content"] for row in rows]
    words, notes, crawled = await contents.words(ids), await contents.notes(ids), await contents.crawled(ids)
    return [
        {
            **row,
            "note": notes.get(row["content"], ""),
            "words": words.get(row["content"], {}),
            "crawled": crawled.get(row["content"], {}),
        }
        for row in rows
    ]


async def _wearers(request: web.Request, looks: list[SearchedLook], signal: str) -> dict[str, Any]:
    async with request.app[POOL].acquire() as connection:
        found = await look_answer(
            connection,
            PAGE_SETTINGS,
            looks,
            signal=signal,
            limit=_MOST_WEARERS,
            looks_like=looks_like(request.app),
        )
    (listing,) = found.listings
    return {"wearers": listing.rows, "notes": list(listing.notes)}


def _trouble(request: web.Request, error: Exception, asked: MatchAsked) -> web.Response:
    known = explained(error)
    status = 400 if known is None else known.status
    message = str(getattr(error, "message", error)) if known is None else known.message
    return _page(request, status=status, asked=asked, trouble=message)


def _page(request: web.Request, *, status: int = 200, **found: Any) -> web.Response:
    defaults: dict[str, Any] = {
        "asked": MatchAsked(),
        "trouble": "",
        "name": "",
        "drawn": None,
        "signals": {},
        "quality": None,
        "banks": None,
        "wearers": None,
        "notes": [],
        "pair": None,
        "apart": [],
        "likeness": None,
    }
    return page(request, "match.html", status=status, **{**defaults, **found})


def _as_data(drawn: bytes | None) -> str | None:
    return None if drawn is None else "data:image/png;base64," + base64.b64encode(drawn).decode()
