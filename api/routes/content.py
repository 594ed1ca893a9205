"""What is in banks, one content at a time."""

from __future__ import annotations

from functools import partial
from typing import Any

from aiohttp import hdrs, web

from samelook.api.answers import answer, answer_model
from samelook.api.content_answers import WITHOUT_SIGNALS, all_of, details_answer, shown
from samelook.api.content_models import (
    AddedAnswer,
    ChangedAnswer,
    ContentAdd,
    ContentAddQuery,
    ContentAnswer,
    ContentDetailsAnswer,
    ContentQuery,
    ContentsPage,
    ContentsQuery,
    ContentUpdate,
    DeletedAnswer,
    LineWords,
    MemberAdd,
)
from samelook.api.description import MEDIA_FORM, described
from samelook.api.errors import ApiError, bad_request
from samelook.api.requests import body_of, id_of, json_of, parsed_json, query_of, validated
from samelook.api.routes.bulk import details_of
from samelook.api.routes.exchange import tell_exchange
from samelook.api.routes.hashing import fetcher_of, hashed, streamed_file
from samelook.api.state import CALLER, CURATION, SETTINGS, check_hashing, show_at_once
from samelook.api.uploads import Media, fetched_media, form_of, media_in
from samelook.banks.changes import decode_id
from samelook.banks.contents import OPERATOR
from samelook.banks.details import DISABLED, ENABLED, LONGEST_NOTE, POINTERS, Details
from samelook.banks.signal_types import parsed_signals, signal_type
from samelook.banks.store import Bank
from samelook.sql.page_marks import page_mark

routes = web.RouteTableDef()
_TAG = "Bank Content"
_SIGNALS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "properties": {
        "note": {"anyOf": [{"type": "string", "maxLength": LONGEST_NOTE}, {"type": "null"}]},
        "metadata": {"anyOf": [{"type": "object"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string", "minLength": 1}},
        "disable_until_ts": {"type": "integer", "minimum": 0},
    },
    "minProperties": 1,
}
_CONTENT = r"/c/bank/{bank_name}/content/{content_id:\d+}"


@routes.post("/c/bank/{bank_name}/content")
@described(
    _TAG,
    "Hashes media and adds it to a bank",
    role="curator",
    query=ContentAddQuery,
    body=ContentAdd,
    consumes=MEDIA_FORM,
    answer=AddedAnswer,
    errors=(400, 403, 404, 413, 415),
    description="By `url`, or as a file in a form, whose fields `metadata` (JSON) and `note` say more of it.",
)
async def add_content(request: web.Request) -> web.Response:
    query = query_of(request, ContentAddQuery)
    bank = await request.app[CURATION].banks.writable(request.match_info["bank_name"])
    check_hashing(request)
    media, words = await _media_and_words(request, query)
    signals = (await hashed(request, media, query.types)).usable()
    details = Details(
        content_type=media.content_type,
        original_media_uri=query.url or words.url,
        metadata=words.metadata.stored() if words.metadata is not None else {},
        note=words.note,
        tags=words.tags,
    )
    return await _add(request, bank, signals, details)


@routes.post("/c/bank/{bank_name}/signal")
@described(
    _TAG,
    "Adds signals to a bank as one content",
    role="curator",
    consumes={"application/json": _SIGNALS},
    answer=AddedAnswer,
    errors=(400, 403, 404, 415),
    description="A value under the name of each signal type; `note`, `metadata`, `tags` and "
    "`disable_until_ts` say more of it.",
)
async def add_signals(request: web.Request) -> web.Response:
    bank = await request.app[CURATION].banks.writable(request.match_info["bank_name"])
    body = await json_of(request)
    words = {name: body.pop(name) for name in LineWords.model_fields.keys() & body.keys()}
    return await _add(request, bank, body, details_of(validated(words, LineWords)))


@routes.post("/c/bank/{bank_name}/member")
@described(
    _TAG,
    "Adds a content by its signals, with a pointer to its media or its text",
    role="curator",
    body=MemberAdd,
    answer=AddedAnswer,
    errors=(400, 403, 404, 415),
)
async def add_member(request: web.Request) -> web.Response:
    bank = await request.app[CURATION].banks.writable(request.match_info["bank_name"])
    body = await body_of(request, MemberAdd)
    if not (body.signals or body.raw_content or body.original_media_uri or body.storage_key):
        raise bad_request("A content has signals, raw_content, original_media_uri or storage_key.")
    details = Details(
        content_type=body.content_type,
        original_media_uri=body.original_media_uri,
        storage_bucket=body.storage_bucket,
        storage_key=body.storage_key,
        raw_content=body.raw_content,
        media_unavailable=body.is_media_unavailable,
        metadata=body.metadata.stored() if body.metadata is not None else {},
        note=body.notes,
        tags=body.tags,
        disable_until_ts=body.disable_until_ts,
    )
    return await _add(request, bank, body.signals, details, may_lack_signals=True)


@routes.get(_CONTENT)
@described(
    _TAG,
    "One content of a bank",
    query=ContentQuery,
    answer=ContentAnswer | ContentDetailsAnswer,
    errors=(400, 404),
)
async def show_content(request: web.Request) -> web.Response:
    query = query_of(request, ContentQuery)
    contents = request.app[CURATION].contents
    content = await contents.get(
        request.match_info["bank_name"], id_of(request, "content_id"), removed=query.include_removed
    )
    return await shown(request, content, query)


@routes.get(r"/c/content/{content_id:\d+}")
@described(
    _TAG,
    "One content by its id alone, as lookups name it",
    query=ContentQuery,
    answer=ContentAnswer | ContentDetailsAnswer,
    errors=(400, 404),
)
async def show_content_anywhere(request: web.Request) -> web.Response:
    query = query_of(request, ContentQuery)
    contents, content_id = request.app[CURATION].contents, id_of(request, "content_id")
    bank = await contents.bank_of(content_id)
    return await shown(request, await contents.get(bank, content_id, removed=query.include_removed), query)


@routes.put(_CONTENT)
@described(
    _TAG,
    "Disables or enables a content, or says something else of it",
    role="curator",
    body=ContentUpdate,
    answer=ChangedAnswer,
    errors=(400, 403, 404, 415),
)
async def update_content(request: web.Request) -> web.Response:
    bank, content_id = request.match_info["bank_name"], id_of(request, "content_id")
    contents = request.app[CURATION].contents
    await contents.banks.judged(bank)
    await contents.get(bank, content_id, removed=True)
    body = await body_of(request, ContentUpdate)
    if body.removed is False:
        await contents.restore(bank, content_id)
    changes = _changes(body)
    more = parsed_signals(body.signals) if body.signals else {}
    content = await (
        contents.update(bank, content_id, changes, more)
        if changes or more
        else contents.get(bank, content_id)
    )
    if body.confirmed is not None and content.bank.owner == "exchange":
        signals = (await contents.signals([content_id]))[content_id]
        await tell_exchange(request, bank, signals, confirmed=body.confirmed)
    if body.removed:
        await contents.remove(bank, content_id, _operator(request))
        content = await contents.get(bank, content_id, removed=True)
    await show_at_once(request, *([*(kind.name for kind in more), ""] if body.removed is None else []))
    full = await all_of(request, content, None)
    names = WITHOUT_SIGNALS | body.model_fields_set & {"confirmed", "removed", "signals", *POINTERS}
    shown_now = full.model_dump(mode="json", include=set(names))
    return answer({**shown_now, "user_metadata": dict(content.details.metadata) or None})


@routes.delete(_CONTENT)
@described(
    _TAG, "Removes a content from its bank", role="curator", answer=DeletedAnswer, errors=(400, 403, 404)
)
async def delete_content(request: web.Request) -> web.Response:
    removed = await request.app[CURATION].contents.remove(
        request.match_info["bank_name"], id_of(request, "content_id"), _operator(request)
    )
    await show_at_once(request)
    return answer({"deleted": removed})


@routes.get("/c/bank/{bank_name}/content")
@described(
    _TAG, "The contents of a bank, by page", query=ContentsQuery, answer=ContentsPage, errors=(400, 404)
)
async def list_contents(request: web.Request) -> web.Response:
    query = query_of(request, ContentsQuery)
    of_type = None if query.signal_type is None else signal_type(query.signal_type).name
    curation = request.app[CURATION]
    bank = await curation.banks.bank(request.match_info["bank_name"])
    after = 0 if query.page_token is None else decode_id(query.page_token, f"bank {bank.id}")
    page = await curation.contents.page(
        bank, after, query.page_size, content_type=query.content_type, of_signal_type=of_type
    )
    signals = await curation.contents.signals(content.id for content in page)
    crawled = await curation.contents.crawled(
        content.id for content in page if content.picture_sha256 is not None
    )
    full = len(page) == query.page_size
    return answer_model(
        ContentsPage(
            contents=[
                details_answer(content, signals[content.id], crawled.get(content.id, {})) for content in page
            ],
            next_page_token=page_mark(f"bank {bank.id}", page[-1].id) if full else None,
        )
    )


def _operator(request: web.Request) -> str:
    """Who decides, for those who look later: with the name of the key, where one was shown."""
    key = request.get(CALLER)
    return OPERATOR if key is None else f"{OPERATOR} {key.name}"


def _changes(body: ContentUpdate) -> dict[str, Any]:
    """What is to be said anew, without the removal and signals."""
    apart = {"removed", "signals"}
    changes: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set - apart}
    if body.metadata is not None:
        changes["metadata"] = body.metadata.stored()
    if "is_media_unavailable" in changes:
        changes["media_unavailable"] = changes.pop("is_media_unavailable")
    if body.confirmed is not None:
        changes.setdefault("disable_until_ts", ENABLED if body.confirmed else DISABLED)
    return changes


async def _media_and_words(request: web.Request, query: ContentAddQuery) -> tuple[Media, ContentAdd]:
    if request.content_type == "multipart/form-data":
        streaming = partial(streamed_file, request, query.types)
        form = await form_of(request, request.app[SETTINGS].max_upload_bytes, streaming)
        words: dict[str, Any] = {name: form.texts[name] for name in ("note", "url") if name in form.texts}
        if "metadata" in form.texts:
            words["metadata"] = parsed_json(form.texts["metadata"])
        wanted = validated(words, ContentAdd)
        if not query.url and not (wanted.url and not (form.files or form.streamed)):
            return media_in(form), wanted
    elif request.content_type == "application/json" and request.body_exists:
        wanted = await body_of(request, ContentAdd)
    else:
        wanted = ContentAdd.model_validate({})
        if hdrs.CONTENT_TYPE in request.headers and request.body_exists and not query.url:
            raise ApiError(415, "Send a multipart form with a file, or JSON.")
    url = query.url or wanted.url
    if not url:
        raise bad_request("Neither `url` nor multipart file upload was received")
    return await fetched_media(fetcher_of(request), url, query.content_type), wanted


async def _add(
    request: web.Request,
    bank: Bank,
    signals: dict[str, Any],
    details: Details,
    *,
    may_lack_signals: bool = False,
) -> web.Response:
    parsed = parsed_signals(signals) if signals or not may_lack_signals else {}
    content_id = await request.app[CURATION].contents.add(bank.name, parsed, details)
    await show_at_once(request, *(kind.name for kind in parsed))
    return answer(
        {"id": content_id, "signals": {kind.name: kind.text(value) for kind, value in parsed.items()}}
    )
