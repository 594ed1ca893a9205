"""Signals of media: `/h/hash`."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from samelook.api.admission import turn_at_decoding
from samelook.api.answers import answer
from samelook.api.description import MEDIA_FORM, described
from samelook.api.models import HashQuery, UploadQuery
from samelook.api.requests import query_of
from samelook.api.state import FETCHER, MATCHING, SANDBOX, SETTINGS
from samelook.api.uploads import Media, fetched_media, form_of, media_in
from samelook.banks.media import (
    STREAMED,
    Hashed,
    StreamedFile,
    hash_media,
    known_content_type,
    wanted_types,
)
from samelook.banks.signal_types import SIGNAL_TYPES, ContentType
from samelook.crawler.fetching.fetcher import Fetcher

routes = web.RouteTableDef()
_TAG = "Hashing"
_GIVES = (
    "A photo gives its PDQ and a video its MD5, and with `types` whatever is named there. The PDQ of a "
    "picture with too little detail is an empty text, as in HMA; banking and lookups refuse such a picture."
)
_DEFAULT_RATIOS = dict.fromkeys(SIGNAL_TYPES, 1.0)


@routes.get("/h/hash")
@described(
    _TAG,
    "The signals of media behind a URL",
    query=HashQuery,
    answer=dict[str, str],
    description=_GIVES,
)
async def hash_url(request: web.Request) -> web.Response:
    query = query_of(request, HashQuery)
    media = await fetched_media(fetcher_of(request), query.url, query.content_type)
    return answer((await hashed(request, media, query.types)).as_hma())


@routes.post("/h/hash")
@described(
    _TAG,
    "The signals of an uploaded file",
    query=UploadQuery,
    consumes=MEDIA_FORM,
    answer=dict[str, str],
    errors=(400, 413),
    description=_GIVES,
)
async def hash_upload(request: web.Request) -> web.Response:
    query = query_of(request, UploadQuery)
    media = await sent_media(request, query.types)
    return answer((await hashed(request, media, query.types)).as_hma())


async def sent_media(request: web.Request, types: str | None) -> Media:
    """The one file in a form. Of one that only digests are asked of, nothing is kept. Raises ApiError."""
    streaming = partial(streamed_file, request, types)
    return media_in(await form_of(request, request.app[SETTINGS].max_upload_bytes, streaming))


def streamed_file(request: web.Request, types: str | None, field: str) -> StreamedFile | None:
    """What takes a file in pieces, where that is enough for the signals asked for."""
    wanted = _wanted(request, known_content_type(field), types)
    return StreamedFile(wanted) if STREAMED.keys() >= set(wanted) else None


async def hashed(request: web.Request, media: Media, types: str | None) -> Hashed:
    """The signals of media under the types that are switched on."""
    if media.streamed is not None:
        return media.streamed.hashed()
    wanted = _wanted(request, media.content_type, types)
    async with turn_at_decoding(request):
        return await hash_media(request.app[SANDBOX], media.data, wanted, request.app[SETTINGS].max_pixels)


def _wanted(request: web.Request, content_type: ContentType, types: str | None) -> list[str]:
    matching = request.app.get(MATCHING)
    live = matching.live if matching is not None else None
    return wanted_types(content_type, types, live.type_ratios if live is not None else _DEFAULT_RATIOS)


def fetcher_of(request: web.Request) -> Fetcher:
    """The one fetcher of the application."""
    return request.app[FETCHER]
