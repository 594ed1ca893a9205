"""Contents as answers: as HMA shows them, and with everything that is known."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from samelook.api.answers import answer_model
from samelook.api.content_models import ContentAnswer, ContentDetailsAnswer, ContentQuery
from samelook.api.routes.curation import bank_answer
from samelook.api.state import CURATION
from samelook.banks.contents import Content, ContentSignal
from samelook.banks.details import shown_metadata
from samelook.banks.signal_types import SignalType, signal_type

WITHOUT_SIGNALS = frozenset(ContentAnswer.model_fields) - {"signals"}


async def shown(request: web.Request, content: Content, query: ContentQuery) -> web.Response:
    """A content as it was asked for."""
    kind = None if query.signal_type is None else signal_type(query.signal_type)
    full = await all_of(request, content, kind)
    if query.include_details:
        return answer_model(full)
    names = set(WITHOUT_SIGNALS)
    if query.include_signals or kind is not None:
        names.add("signals")
    # HMA leaves these out when there is nothing to say.
    if not query.include_metadata or full.metadata is None:
        names.discard("metadata")
    if full.note is None:
        names.discard("note")
    if full.removed:
        names |= {"removed", "removed_at", "removed_by"}
    return web.Response(body=full.model_dump_json(include=names).encode(), content_type="application/json")


async def all_of(request: web.Request, content: Content, kind: SignalType | None) -> ContentDetailsAnswer:
    """All that is known of a content, with its signals of one type or of all."""
    contents = request.app[CURATION].contents
    signals = (await contents.signals([content.id]))[content.id]
    crawled = await contents.crawled([content.id] if content.picture_sha256 is not None else [])
    signals = [signal for signal in signals if kind is None or signal.type == kind.name]
    return details_answer(content, signals, crawled.get(content.id, {}))


def details_answer(
    content: Content, signals: list[ContentSignal], crawled: dict[str, Any]
) -> ContentDetailsAnswer:
    """A content with all that is known of it."""
    details = content.details
    metadata = shown_metadata(details.metadata, content.shared)
    return ContentDetailsAnswer(
        id=content.id,
        disable_until_ts=details.disable_until_ts,
        collab_metadata=metadata.get("collab", {}),
        original_media_uri=details.original_media_uri,
        bank=bank_answer(content.bank),
        metadata={**metadata, **crawled} or None,
        note=details.note,
        signals={signal.type: signal.value for signal in signals},
        content_type=details.content_type,
        storage_bucket=details.storage_bucket,
        storage_key=details.storage_key,
        raw_content=details.raw_content,
        is_media_unavailable=details.media_unavailable,
        tags=list(details.tags),
        confirmed=details.confirmed,
        signal_ids={signal.type: signal.id for signal in signals},
        created_at=content.created_at,
        updated_at=content.updated_at,
        removed=content.removed_at is not None,
        removed_at=content.removed_at,
        removed_by=content.removed_by,
    )
