"""What follows the changes of banks: `/c/signal…` and `/c/changes`."""

from __future__ import annotations

from aiohttp import web

from samelook.api.answers import answer_model
from samelook.api.content_models import (
    ChangeAnswer,
    ChangesAnswer,
    ChangesQuery,
    MemberAnswer,
    MembersPage,
    PageQuery,
    SignalAnswer,
    SignalQuery,
)
from samelook.api.description import described
from samelook.api.requests import id_of, query_of
from samelook.api.state import CURATION
from samelook.banks.changes import decode_id
from samelook.banks.contents import ContentSignal
from samelook.banks.signal_types import signal_type
from samelook.sql.page_marks import page_mark

routes = web.RouteTableDef()
_TAG = "Following"


@routes.get("/c/signal")
@described(_TAG, "The id of a signal", query=SignalQuery, answer=SignalAnswer, errors=(400, 404))
async def find_signal(request: web.Request) -> web.Response:
    query = query_of(request, SignalQuery)
    contents = request.app[CURATION].contents
    return answer_model(_signal(await contents.find_signal(query.signal_type, query.signal_value)))


@routes.get(r"/c/signal/{id:\d+}")
@described(
    _TAG,
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
                MemberAnswer(
                    content_id=member.content_id, bank=member.bank, disable_until_ts=member.disable_until_ts
                )
                for member in members
            ],
            next_page_token=page_mark(f"signal {signal.id}", members[-1].content_id) if full else None,
        )
    )


@routes.get("/c/changes")
@described(
    _TAG,
    "What changed in the banks since a cursor, in order",
    query=ChangesQuery,
    answer=ChangesAnswer,
    errors=(400,),
    description="Whoever applies all changes in order and goes on from the last cursor has what banks hold.",
)
async def list_changes(request: web.Request) -> web.Response:
    query = query_of(request, ChangesQuery)
    of_type = None if query.signal_type is None else signal_type(query.signal_type).name
    page = await request.app[CURATION].changes.page(query.cursor, query.limit, of_type)
    return answer_model(
        ChangesAnswer(
            changes=[
                ChangeAnswer(
                    content_id=change.content_id,
                    bank=change.bank,
                    removed=change.removed,
                    disable_until_ts=change.disable_until_ts,
                    changed_at=change.changed_at,
                    signals=[_signal(signal) for signal in change.signals],
                )
                for change in page.changes
            ],
            cursor=page.cursor,
            more=page.more,
        )
    )


def _signal(signal: ContentSignal) -> SignalAnswer:
    return SignalAnswer(id=signal.id, signal_type=signal.type, signal_value=signal.value)
