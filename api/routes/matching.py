"""Lookups: `/m/…`."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

from aiohttp import web

from samelook.api.answers import answer
from samelook.api.description import MEDIA_FORM, described
from samelook.api.errors import bad_request
from samelook.api.models import (
    BankMatches,
    CompareAnswer,
    CompareBody,
    CompareQuery,
    IndexStatusAnswer,
    LookupQuery,
    LookupUploadQuery,
    RawLookupAnswer,
    RawLookupQuery,
    TypeQuery,
)
from samelook.api.requests import json_of, query_of
from samelook.api.routes.hashing import fetcher_of, hashed, sent_media
from samelook.api.state import CURATION, check_hashing, live_of
from samelook.api.uploads import Media, fetched_media
from samelook.banks.errors import SignalTypeDisabled
from samelook.banks.live import FoundContent, LiveBanks
from samelook.banks.lookup import Taken, bank_names, by_bank, coin
from samelook.banks.signal_types import SignalType, signal_type

routes = web.RouteTableDef()
_TAG = "Matching"
MUTED_BY = "Samelook-Muted-By"
_Matches = dict[str, list[dict[str, Any]]]


@routes.get("/m/lookup")
@described(
    _TAG,
    "The enabled matches of a signal, or of media behind a URL, by bank",
    query=LookupQuery,
    answer=BankMatches | dict[str, BankMatches],
    errors=(400, 403, 503),
    description="With `signal` and `signal_type` the banks are the outer object; with `url` they are nested "
    "under each signal type, unless `signal_type` picks one.",
)
async def lookup(request: web.Request) -> web.Response:
    live, query = live_of(request), query_of(request, LookupQuery)
    if query.url:
        check_hashing(request)
        media = await fetched_media(fetcher_of(request), query.url, query.content_type)
        found, muted_by = await _matches_of_media(request, media, query.types, query)
        shown = found if query.signal_type is None else found.get(query.signal_type, {})
        return _muted(answer(shown), muted_by)
    if query.signal is None or query.signal_type is None:
        raise bad_request("Either url or both signal and signal_type are required")
    kind = enabled_type(live, query.signal_type)
    taken = {kind: await _lookup(live, kind, kind.question(query.signal), query)}
    by_type, muted_by = await _shown(request, taken, query)
    return _muted(answer(by_type[kind.name]), muted_by)


@routes.post("/m/lookup")
@described(
    _TAG,
    "The enabled matches of an uploaded file, by signal type and bank",
    query=LookupUploadQuery,
    consumes=MEDIA_FORM,
    answer=dict[str, BankMatches],
    errors=(400, 403, 413, 503),
)
async def lookup_upload(request: web.Request) -> web.Response:
    live_of(request)
    query = query_of(request, LookupUploadQuery)
    check_hashing(request)
    media = await sent_media(request, query.types)
    found, muted_by = await _matches_of_media(request, media, query.types, query)
    return _muted(answer(found), muted_by)


@routes.get("/m/raw_lookup")
@described(
    _TAG,
    "All matches of a signal, disabled ones too",
    query=RawLookupQuery,
    answer=RawLookupAnswer,
    errors=(400, 503),
)
async def raw_lookup(request: web.Request) -> web.Response:
    live, query = live_of(request), query_of(request, RawLookupQuery)
    kind = enabled_type(live, query.signal_type)
    found = await live.find(kind, kind.question(query.signal), kind.checked_radius(query.radius))
    banks = bank_names(query.banks)
    if banks is not None:
        found = [content for content in found if content.bank.name in banks]
    if query.include_metadata:
        matches = _with_distances(kind, found)
        for match, content in zip(matches, found, strict=True):
            match["bank"] = content.bank.name
        await _describe(request, kind, matches)
        return answer({"matches": matches})
    if query.include_distance:
        return answer({"matches": _with_distances(kind, found)})
    return answer({"matches": [content.content_id for content in found]})


@routes.post("/m/compare")
@described(
    _TAG,
    "Whether two signals match, and their distance",
    query=CompareQuery,
    body=CompareBody,
    answer=CompareAnswer,
    errors=(400, 415, 503),
)
async def compare(request: web.Request) -> web.Response:
    live, query = live_of(request), query_of(request, CompareQuery)
    results: dict[str, tuple[bool, object]] = {}
    for name, pair in (await json_of(request)).items():
        if not isinstance(pair, list):
            raise bad_request(f"Comparison hashes for {name[:80]} was not a list")
        if len(pair) != 2:  # noqa: PLR2004 - a pair
            raise bad_request("Comparison hash list length must be exactly 2")
        kind = enabled_type(live, name)
        one, other = pair
        results[name] = kind.compared(one, other, kind.checked_radius(query.radius))
    return answer(results)


@routes.get("/m/index/status")
@described(
    _TAG,
    "How far each index has come",
    query=TypeQuery,
    answer=dict[str, IndexStatusAnswer],
    errors=(400, 503),
)
async def index_status(request: web.Request) -> web.Response:
    live, query = live_of(request), query_of(request, TypeQuery)
    names = list(live.type_ratios) if query.signal_type is None else [signal_type(query.signal_type).name]
    sizes = await live.sizes(names)
    built_to = int(time.time() - live.age_s)
    return answer({name: {"present": True, "built_to": built_to, "size": sizes[name]} for name in names})


def enabled_type(live: LiveBanks, name: str) -> SignalType:
    """The signal type of that name. Raises UnknownSignalType or SignalTypeDisabled."""
    kind = signal_type(name)
    if live.type_ratios[name] <= 0:
        raise SignalTypeDisabled(f"SignalType {name!r} is not enabled", signal_type=name)
    return kind


async def _matches_of_media(
    request: web.Request, media: Media, types: str | None, query: LookupQuery | LookupUploadQuery
) -> tuple[dict[str, _Matches], Collection[str]]:
    """The matches by signal type, and the negative banks that mute them: one signal's match mutes all."""
    live = live_of(request)
    signals = (await hashed(request, media, types)).usable()
    kinds = [signal_type(name) for name in signals]
    found = {kind: await _lookup(live, kind, kind.parse(signals[kind.name]), query) for kind in kinds}
    return await _shown(request, found, query)


async def _lookup(
    live: LiveBanks,
    kind: SignalType,
    value: bytes,
    query: LookupQuery | LookupUploadQuery,
) -> Taken:
    asked = kind.checked_radius(query.radius)
    by_own_radius = asked is None and kind.name in live.reach
    found = await live.find(kind, value, live.reach[kind.name] if by_own_radius else asked)
    if not found:
        return Taken({}, {})
    return by_bank(
        found,
        threshold=coin(query.seed, bypass=query.bypass_coinflip),
        banks=bank_names(query.banks),
        now=time.time(),
        kind=kind if by_own_radius else None,
    )


async def _shown(
    request: web.Request, found: Mapping[SignalType, Taken], query: LookupQuery | LookupUploadQuery
) -> tuple[dict[str, _Matches], Collection[str]]:
    muted_by = {name: None for taken in found.values() for name in taken.negative}
    banks = bank_names(query.banks)
    shown: dict[str, _Matches] = {}
    for kind, taken in found.items():
        answered = taken.answered(banks, muted=bool(muted_by))
        shown[kind.name] = {name: _with_distances(kind, contents) for name, contents in answered.items()}
        if query.include_metadata:
            await _describe(
                request, kind, [match for matches in shown[kind.name].values() for match in matches]
            )
    return shown, muted_by


def _muted(response: web.Response, muted_by: Collection[str]) -> web.Response:
    """The answer has HMA's shape, so what muted it is said beside it."""
    if muted_by:
        response.headers[MUTED_BY] = ",".join(muted_by)
    return response


async def _describe(request: web.Request, kind: SignalType, matches: list[dict[str, Any]]) -> None:
    """Adds to each match what is in the bank, and what is known of it."""
    ids = [match["bank_content_id"] for match in matches]
    contents = request.app[CURATION].contents
    signals = await contents.signals(ids)
    known = await contents.words(ids)
    known |= await contents.crawled(ids)
    for match in matches:
        content_id = match["bank_content_id"]
        match["signal"] = next((s.value for s in signals[content_id] if s.type == kind.name), None)
        match["metadata"] = known.get(content_id) or None


def _with_distances(kind: SignalType, found: list[FoundContent]) -> list[dict[str, Any]]:
    if kind.radius is None:
        return [{"bank_content_id": content.content_id, "distance": content.away or "-"} for content in found]
    return [{"bank_content_id": content.content_id, "distance": str(content.distance)} for content in found]
