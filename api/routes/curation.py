"""Banks, signal types and content types: `/c/…`."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from aiohttp import web

from samelook.api.answers import answer, answer_model, answer_models
from samelook.api.description import described
from samelook.api.exchange_service import EXCHANGES
from samelook.api.models import (
    BankAnswer,
    BankCreate,
    BankDetailsAnswer,
    BankUpdate,
    ContentTypeAnswer,
    DetailsQuery,
    Message,
    SignalTypeAnswer,
    SignalTypeIndexAnswer,
    SignalTypeUpdate,
    TypeQuery,
)
from samelook.api.requests import body_of, query_of
from samelook.api.state import CURATION, MATCHING, check_admin, show_at_once
from samelook.banks.errors import UnknownBank
from samelook.banks.signal_types import SIGNAL_TYPES, content_types, signal_type
from samelook.banks.store import Bank

routes = web.RouteTableDef()
_BANKS = "Banks"
_CONFIGURATION = "Configuration"
_DETAILS = frozenset({"active", "negative", "description", "tags", "radii"})
_NO_TYPES = ("",)
"""Banks changed, and the index of no type."""


@routes.get("/c/banks")
@described(_BANKS, "All banks", query=DetailsQuery, answer=list[BankAnswer | BankDetailsAnswer])
async def list_banks(request: web.Request) -> web.Response:
    query = query_of(request, DetailsQuery)
    banks = await request.app[CURATION].banks.banks()
    return answer_models([_answer(bank, details=query.include_details) for bank in banks])


@routes.post("/c/banks")
@described(
    _BANKS,
    "A new bank",
    role="curator",
    body=BankCreate,
    answer=BankAnswer | BankDetailsAnswer,
    status=201,
    errors=(400, 403, 415),
)
async def create_bank(request: web.Request) -> web.Response:
    body = await body_of(request, BankCreate)
    ratio = body.enabled_ratio
    if ratio is None:
        ratio = 0.0 if body.enabled is False else 1.0
    bank = await request.app[CURATION].banks.create(
        body.name,
        enabled_ratio=ratio,
        active=body.active,
        negative=body.negative,
        description=body.description,
        tags=body.tags,
        radii=body.radii,
    )
    await show_at_once(request, *_NO_TYPES)
    return answer_model(_answer(bank, details=bool(_DETAILS & body.model_fields_set)), 201)


@routes.get("/c/bank/{bank_name}")
@described(
    _BANKS,
    "One bank",
    query=DetailsQuery,
    answer=BankAnswer | BankDetailsAnswer,
    errors=(400, 404),
    description="With `include_details` also how many contents and signals it has, which takes a count.",
)
async def show_bank(request: web.Request) -> web.Response:
    query = query_of(request, DetailsQuery)
    store = request.app[CURATION].banks
    bank = await store.bank(request.match_info["bank_name"])
    if not query.include_details:
        return answer_model(_answer(bank, details=False))
    contents, signals = await store.counts(bank)
    return answer_model(_details(bank).model_copy(update={"contents": contents, "signals": signals}))


@routes.put("/c/bank/{bank_name}")
@described(
    _BANKS,
    "Renames a bank, or changes how it takes part",
    role="curator",
    body=BankUpdate,
    answer=BankAnswer | BankDetailsAnswer,
    errors=(400, 403, 404, 415),
)
async def update_bank(request: web.Request) -> web.Response:
    body = await body_of(request, BankUpdate)
    ratio = body.enabled_ratio
    if ratio is None and body.enabled is not None:
        ratio = float(body.enabled)
    bank = await request.app[CURATION].banks.update(
        request.match_info["bank_name"],
        new_name=body.name,
        enabled_ratio=ratio,
        active=body.active,
        negative=body.negative,
        description=body.description,
        tags=body.tags,
        radii=body.radii,
    )
    await show_at_once(request, *_NO_TYPES)
    return answer_model(_answer(bank, details=bool(_DETAILS & body.model_fields_set)))


@routes.delete("/c/bank/{bank_name}")
@described(
    _BANKS,
    "Removes a bank with everything in it",
    role="curator",
    answer=Message,
    errors=(400, 403),
    description="That of an exchange goes together with its exchange; this needs the role admin.",
)
async def delete_bank(request: web.Request) -> web.Response:
    name, store = request.match_info["bank_name"], request.app[CURATION].banks
    with suppress(UnknownBank):
        if (await store.bank(name)).owner == "exchange":
            check_admin(request, "To remove a bank with the exchange that feeds it")
            await request.app[EXCHANGES].delete(name)
    await store.delete(name)
    await show_at_once(request)
    return answer({"message": "Done"})


@routes.get("/c/signal_type")
@described(_CONFIGURATION, "All signal types", answer=list[SignalTypeAnswer])
async def list_signal_types(request: web.Request) -> web.Response:
    ratios = await request.app[CURATION].banks.type_ratios()
    return answer([{"name": name, "enabled_ratio": ratio} for name, ratio in ratios.items()])


@routes.get("/c/signal_type/index")
@described(_CONFIGURATION, "Sizes of the indexes", query=TypeQuery, answer=dict[str, SignalTypeIndexAnswer])
async def signal_type_index(request: web.Request) -> web.Response:
    query = query_of(request, TypeQuery)
    names = list(SIGNAL_TYPES) if query.signal_type is None else [signal_type(query.signal_type).name]
    stored = await request.app[CURATION].banks.type_sizes(names)
    matching = request.app.get(MATCHING)
    live = matching.live if matching is not None else None
    indexed = {} if live is None else {name: len(index.index) for name, index in live.indexes.items()}
    built_to = -1 if live is None else int(time.time() - live.age_s)
    return answer({name: _index_sizes(*stored[name], indexed.get(name), built_to) for name in names})


@routes.put("/c/signal_type/{signal_type_name}")
@described(
    _CONFIGURATION,
    "Switches a signal type off (0) or on",
    role="admin",
    body=SignalTypeUpdate,
    answer=SignalTypeAnswer,
    errors=(400, 415),
)
async def update_signal_type(request: web.Request) -> web.Response:
    name = request.match_info["signal_type_name"]
    body = await body_of(request, SignalTypeUpdate)
    await request.app[CURATION].banks.set_type_ratio(name, body.enabled_ratio)
    await show_at_once(request, *_NO_TYPES)
    return answer({"name": name, "enabled_ratio": body.enabled_ratio})


@routes.get("/c/content_type")
@described(_CONFIGURATION, "All content types", answer=list[ContentTypeAnswer])
async def list_content_types(_: web.Request) -> web.Response:
    return answer([{"name": name, "enabled": True} for name in content_types()])


def bank_answer(bank: Bank) -> BankAnswer:
    """A bank as HMA shows it."""
    return BankAnswer(name=bank.name, matching_enabled_ratio=bank.enabled_ratio)


def _answer(bank: Bank, *, details: bool) -> BankAnswer | BankDetailsAnswer:
    return _details(bank) if details else bank_answer(bank)


def _details(bank: Bank) -> BankDetailsAnswer:
    return BankDetailsAnswer(
        id=bank.id,
        name=bank.name,
        matching_enabled_ratio=bank.enabled_ratio,
        description=bank.description,
        tags=list(bank.tags),
        active=bank.active,
        negative=bank.negative,
        radii=dict(bank.radii),
        owner=bank.owner,
        created_at=bank.created_at,
        updated_at=bank.updated_at,
        contents=None,
        signals=None,
    )


def _index_sizes(stored: int, newest: float | None, indexed: int | None, built_to: int) -> dict[str, Any]:
    size = stored if indexed is None else indexed
    return {
        "db_size": stored,
        "index_size": size,
        "index_out_of_date": size != stored,
        "newest_db_item": -1 if newest is None else int(newest),
        "index_built_to": built_to,
    }
