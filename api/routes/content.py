"""What is in banks, one content at a time, and what follows their changes."""

from __future__ import annotations

from typing import Any

from aiohttp import hdrs, web

from samelook.api.answers import answer, answer_model
from samelook.api.description import MEDIA_FORM, described
from samelook.api.errors import ApiError, bad_request
from samelook.api.models import (
    AddedAnswer,
    ChangeAnswer,
    ChangesAnswer,
    ChangesQuery,
    ContentAdd,
    ContentAddQuery,
    ContentAnswer,
    ContentDetailsAnswer,
    ContentQuery,
    ContentsPage,
    ContentUpdate,
    DeletedAnswer,
    LineWords,
    MemberAdd,
    MemberAnswer,
    MembersPage,
    PageQuery,
    SignalAnswer,
    SignalQuery,
)
from samelook.api.requests import body_of, id_of, json_of, parsed_json, query_of, validated
from samelook.api.routes.bulk import details_of
from samelook.api.routes.curation import bank_answer
from samelook.api.routes.hashing import fetcher_of, hashed
from samelook.api.state import CURATION, SETTINGS, check_hashing, show_at_once
from samelook.api.uploads import Media, fetched_media, form_of, media_in
from samelook.banks.changes import decode_id, encode_token
from samelook.banks.contents import LONGEST_NOTE, Content, Details, Signal
from samelook.banks.signal_types import SignalType, parsed_signals, signal_type
from samelook.banks.store import Bank

routes = web.RouteTableDef()
_TAG = "Bank Content"
_FOLLOWING = "Following"
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
_WITHOUT_SIGNALS = frozenset(ContentAnswer.model_fields) - {"signals"}


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
    media, said = await _media_and_words(request, query)
    signals = (await hashed(request, media, query.types)).signals
    details = Details(
        content_type=media.content_type,
        original_media_uri=query.url or said.url,
        metadata=said.metadata.stored() if said.metadata is not None else {},
        note=said.note,
        tags=said.tags,
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
    said = await json_of(request)
    words = {name: said.pop(name) for name in LineWords.model_fields.keys() & said.keys()}
    return await _add(request, bank, said, details_of(validated(words, LineWords)))


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
    return await _add(request, bank, body.signals, details)


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
    content = await contents.get(request.match_info["bank_name"], id_of(request, "content_id"))
    return await _shown(request, content, query)


@routes.put(_CONTENT)
@described(
    _TAG,
    "Disables or enables a content, or says something else of it",
    role="curator",
    body=ContentUpdate,
    answer=ContentAnswer,
    errors=(400, 403, 404, 415),
)
async def update_content(request: web.Request) -> web.Response:
    bank, content_id = request.match_info["bank_name"], id_of(request, "content_id")
    contents = request.app[CURATION].contents
    await contents.banks.writable(bank)
    await contents.get(bank, content_id)
    body = await body_of(request, ContentUpdate)
    changes: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
    if body.metadata is not None:
        changes["metadata"] = body.metadata.stored()
    if "is_media_unavailable" in changes:
        changes["media_unavailable"] = changes.pop("is_media_unavailable")
    content = await contents.update(bank, content_id, changes)
    await show_at_once(request, "")
    full = await _all_of(request, content, None)
    return web.Response(
        body=full.model_dump_json(include=set(_WITHOUT_SIGNALS)).encode(), content_type="application/json"
    )


@routes.delete(_CONTENT)
@described(
    _TAG, "Removes a content from its bank", role="curator", answer=DeletedAnswer, errors=(400, 403, 404)
)
async def delete_content(request: web.Request) -> web.Response:
    removed = await request.app[CURATION].contents.remove(
        request.match_info["bank_name"], id_of(request, "content_id")
    )
    await show_at_once(request)
    return answer({"deleted": removed})


@routes.get("/c/bank/{bank_name}/content")
@described(_TAG, "The contents of a bank, by page", query=PageQuery, answer=ContentsPage, errors=(400, 404))
async def list_contents(request: web.Request) -> web.Response:
    query = query_of(request, PageQuery)
    curation = request.app[CURATION]
    bank = await curation.banks.bank(request.match_info["bank_name"])
    after = 0 if query.page_token is None else decode_id(query.page_token, f"bank {bank.id}")
    page = await curation.contents.page(bank, after, query.page_size)
    signals = await curation.contents.signals(one.id for one in page)
    crawled = await curation.contents.crawled(one.id for one in page if one.picture_sha256 is not None)
    full = len(page) == query.page_size
    return answer_model(
        ContentsPage(
            contents=[_details(one, signals[one.id], crawled.get(one.id, {})) for one in page],
            next_page_token=encode_token(f"bank {bank.id}", page[-1].id) if full else None,
        )
    )


@routes.get("/c/signal")
@described(_FOLLOWING, "The id of a signal", query=SignalQuery, answer=SignalAnswer, errors=(400, 404))
async def find_signal(request: web.Request) -> web.Response:
    query = query_of(request, SignalQuery)
    contents = request.app[CURATION].contents
    return answer_model(_signal(await contents.find_signal(query.signal_type, query.signal_value)))


@routes.get(r"/c/signal/{id:\d+}")
@described(
    _FOLLOWING,
    "A signal, and the contents of any bank that have it",
    query=PageQuery,
    answer=MembersPage,
    errors=(400, 404),
)
async def show_signal(request: web.Request) -> web.Response:
    query = query_of(request, PageQuery)
    contents = request.app[CURATION].contents
    signal = await contents.signal(id_of(request, "id"))
    after = 0 if query.page_token is None else decode_id(query.page_token, f"signal {signal.id}")
    members = await contents.members(signal.id, after, query.page_size)
    full = len(members) == query.page_size
    return answer_model(
        MembersPage(
            signal=_signal(signal),
            members=[
                MemberAnswer(content_id=one.content_id, bank=one.bank, disable_until_ts=one.disable_until_ts)
                for one in members
            ],
            next_page_token=encode_token(f"signal {signal.id}", members[-1].content_id) if full else None,
        )
    )


@routes.get("/c/changes")
@described(
    _FOLLOWING,
    "What changed in the banks since a cursor, in order",
    query=ChangesQuery,
    answer=ChangesAnswer,
    description="Whoever applies all changes in order and goes on from the last cursor has what banks hold.",
)
async def list_changes(request: web.Request) -> web.Response:
    query = query_of(request, ChangesQuery)
    page = await request.app[CURATION].changes.page(query.cursor, query.limit)
    return answer_model(
        ChangesAnswer(
            changes=[
                ChangeAnswer(
                    content_id=one.content_id,
                    bank=one.bank,
                    removed=one.removed,
                    disable_until_ts=one.disable_until_ts,
                    changed_at=one.changed_at,
                    signals=[_signal(signal) for signal in one.signals],
                )
                for one in page.changes
            ],
            cursor=page.cursor,
            more=page.more,
        )
    )


async def _media_and_words(request: web.Request, query: ContentAddQuery) -> tuple[Media, ContentAdd]:
    if request.content_type == "multipart/form-data":
        form = await form_of(request, request.app[SETTINGS].max_upload_bytes)
        words: dict[str, Any] = {name: form.texts[name] for name in ("note", "url") if name in form.texts}
        if "metadata" in form.texts:
            words["metadata"] = parsed_json(form.texts["metadata"])
        said = validated(words, ContentAdd)
        if not query.url and not (said.url and not form.files):
            return media_in(form), said
    elif request.content_type == "application/json" and request.body_exists:
        said = await body_of(request, ContentAdd)
    else:
        said = ContentAdd.model_validate({})
        if hdrs.CONTENT_TYPE in request.headers and request.body_exists and not query.url:
            raise ApiError(415, "Send a multipart form with a file, or JSON.")
    url = query.url or said.url
    if not url:
        raise bad_request("Neither `url` nor multipart file upload was received")
    return await fetched_media(fetcher_of(request), url, query.content_type), said


async def _add(request: web.Request, bank: Bank, signals: dict[str, Any], details: Details) -> web.Response:
    parsed = parsed_signals(signals)
    content_id = await request.app[CURATION].contents.add(bank.name, parsed, details)
    await show_at_once(request, *(kind.name for kind in parsed))
    return answer(
        {"id": content_id, "signals": {kind.name: kind.text(value) for kind, value in parsed.items()}}
    )


async def _shown(request: web.Request, content: Content, query: ContentQuery) -> web.Response:
    kind = None if query.signal_type is None else signal_type(query.signal_type)
    full = await _all_of(request, content, kind)
    if query.include_details:
        return answer_model(full)
    names = set(_WITHOUT_SIGNALS)
    if query.include_signals or kind is not None:
        names.add("signals")
    # HMA leaves these out when there is nothing to say.
    if not query.include_metadata or full.metadata is None:
        names.discard("metadata")
    if full.note is None:
        names.discard("note")
    return web.Response(body=full.model_dump_json(include=names).encode(), content_type="application/json")


async def _all_of(request: web.Request, content: Content, kind: SignalType | None) -> ContentDetailsAnswer:
    """All that is known of a content, with its signals of one type or of all."""
    contents = request.app[CURATION].contents
    signals = (await contents.signals([content.id]))[content.id]
    crawled = await contents.crawled([content.id] if content.picture_sha256 is not None else [])
    signals = [one for one in signals if kind is None or one.type == kind.name]
    return _details(content, signals, crawled.get(content.id, {}))


def _details(content: Content, signals: list[Signal], crawled: dict[str, Any]) -> ContentDetailsAnswer:
    details = content.details
    collab = _said_by_exchange(content)
    shared = {"collab": collab} if collab else {}
    return ContentDetailsAnswer(
        id=content.id,
        disable_until_ts=details.disable_until_ts,
        collab_metadata=collab,
        original_media_uri=details.original_media_uri,
        bank=bank_answer(content.bank),
        metadata={**details.metadata, **crawled, **shared} or None,
        note=details.note,
        signals={one.type: one.value for one in signals},
        content_type=details.content_type,
        storage_bucket=details.storage_bucket,
        storage_key=details.storage_key,
        raw_content=details.raw_content,
        is_media_unavailable=details.media_unavailable,
        tags=list(details.tags),
        signal_ids={one.type: one.id for one in signals},
        created_at=content.created_at,
        updated_at=content.updated_at,
    )


def _said_by_exchange(content: Content) -> dict[str, list[str]]:
    """The opinion and the tags of a content that an exchange shares, under the exchange's name."""
    said = content.details.metadata.get("json")
    if content.bank.owner != "exchange" or not isinstance(said, dict):
        return {}
    words = [said.get("opinion"), *(said.get("tags") or ())]
    return {content.bank.name: [str(word) for word in words if word]}


def _signal(signal: Signal) -> SignalAnswer:
    return SignalAnswer(id=signal.id, signal_type=signal.type, signal_value=signal.value)
