"""Exchanges: `/c/exchanges…` and `/c/exchange/…` as HMA has them, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from aiohttp import web

from samelook.api.answers import answer, answer_model
from samelook.api.description import described
from samelook.api.errors import ApiError, bad_request
from samelook.api.exchange_models import (
    CredentialsAnswer,
    CredentialsBody,
    ExchangeConfigAnswer,
    ExchangeCreate,
    ExchangeTypeAnswer,
    ExchangeUpdate,
    FetchDetailsAnswer,
    FetchStatusAnswer,
    OpinionBody,
    QuarantinedAnswer,
    QuarantineQuery,
    QueuedAnswer,
    ReleasedAnswer,
    SaidAnswer,
    SaidQuery,
    SchemaAnswer,
    SeenBody,
)
from samelook.api.exchange_service import EXCHANGES, exchanges
from samelook.api.models import DetailsQuery, Message
from samelook.api.requests import body_of, json_of, query_of
from samelook.api.state import show_at_once
from samelook.banks.contents import ContentSignal
from samelook.exchanges.errors import BadOpinion, UnknownExchange, UnknownExchangeType
from samelook.exchanges.store import Exchange

routes = web.RouteTableDef()
_TAG = "Exchanges"


def add_exchanges(app: web.Application) -> None:
    """Makes the application offer exchanges, and fetch them if its settings say so."""
    app.cleanup_ctx.append(exchanges)
    app.add_routes(routes)


@routes.get("/c/exchanges/apis")
@described(_TAG, "All exchange types", answer=list[str], errors=(501,))
async def list_types(request: web.Request) -> web.Response:
    return answer(list((await request.app[EXCHANGES].types()).exchange_types))


@routes.get("/c/exchanges/api/{api_name}")
@described(
    _TAG, "Whether a type takes credentials, and has some", answer=ExchangeTypeAnswer, errors=(400, 501)
)
async def show_type(request: web.Request) -> web.Response:
    return answer(await request.app[EXCHANGES].type_status(request.match_info["api_name"]))


@routes.post("/c/exchanges/api/{api_name}")
@described(
    _TAG,
    "Sets or clears the credentials of a type, for all exchanges without their own",
    role="admin",
    body=CredentialsBody,
    answer=ExchangeTypeAnswer,
    errors=(400, 415, 501),
)
async def set_type_credentials(request: web.Request) -> web.Response:
    store, api = request.app[EXCHANGES], request.match_info["api_name"]
    body = await json_of(request)
    if set(body) - {"credential_json"}:
        raise bad_request("Only credential_json is taken here.")
    await store.type_status(api)
    if (
        body.get("credential_json") is not None
    ):  # null leaves a type's credentials as they are; {} clears them
        await store.set_type_credentials(api, body["credential_json"])
    return answer(await store.type_status(api))


@routes.get("/c/exchanges/api/{api_name}/schema")
@described(
    _TAG, "The fields of a type's configuration and credentials", answer=SchemaAnswer, errors=(404, 501)
)
async def show_schema(request: web.Request) -> web.Response:
    try:
        return answer(await request.app[EXCHANGES].schema(request.match_info["api_name"]))
    except UnknownExchangeType as error:
        # Here HMA answers 404, and 400 at the type itself.
        raise ApiError(404, error.message, {"kind": error.kind, **error.detail}) from error


@routes.get("/c/exchanges")
@described(_TAG, "The names of all exchanges", answer=list[str], errors=())
async def list_exchanges(request: web.Request) -> web.Response:
    return answer([exchange.name for exchange in await request.app[EXCHANGES].exchanges()])


@routes.post("/c/exchanges")
@described(
    _TAG,
    "A new exchange, and the bank that it feeds",
    role="admin",
    body=ExchangeCreate,
    answer=Message,
    status=201,
    errors=(400, 403, 415, 501),
)
async def create_exchange(request: web.Request) -> web.Response:
    body = await body_of(request, ExchangeCreate)
    await request.app[EXCHANGES].create(
        body.bank, body.api, body.api_json, credentials=body.credential_json, every_s=body.every_s
    )
    return answer({"message": "Created successfully"}, 201)


@routes.get("/c/exchange/{exchange_name}")
@described(
    _TAG,
    "One exchange's configuration",
    query=DetailsQuery,
    answer=ExchangeConfigAnswer,
    errors=(400, 404, 501),
    description="`credential_status` says which credentials it uses, not what they are. With "
    "`include_details` also how often it is fetched.",
)
async def show_exchange(request: web.Request) -> web.Response:
    query = query_of(request, DetailsQuery)
    store, exchange = request.app[EXCHANGES], await _named(request)
    shown = await store.shown_config(exchange)
    shown["credential_status"] = await store.credential_status(exchange)
    if query.include_details:
        shown["every_s"] = exchange.every_s or store.settings.every_s
    return answer(shown)


@routes.put("/c/exchange/{exchange_name}")
@described(
    _TAG,
    "Switches an exchange on or off, or changes its configuration",
    role="admin",
    body=ExchangeUpdate,
    answer=ExchangeConfigAnswer,
    errors=(400, 404, 415, 501),
)
async def update_exchange(request: web.Request) -> web.Response:
    body = await body_of(request, ExchangeUpdate)
    store = request.app[EXCHANGES]
    exchange = await store.update(
        request.match_info["exchange_name"], enabled=body.enabled, every_s=body.every_s, config=body.api_json
    )
    return answer(await store.shown_config(exchange))


@routes.delete("/c/exchange/{exchange_name}")
@described(
    _TAG, "Removes an exchange with its bank and everything in it", role="admin", answer=Message, errors=()
)
async def delete_exchange(request: web.Request) -> web.Response:
    await request.app[EXCHANGES].delete(request.match_info["exchange_name"])
    return answer({"message": "Exchange deleted"})


@routes.get("/c/exchange/{exchange_name}/status")
@described(
    _TAG,
    "How its fetches stand",
    query=DetailsQuery,
    answer=FetchStatusAnswer | FetchDetailsAnswer,
    errors=(400, 404),
)
async def show_status(request: web.Request) -> web.Response:
    query = query_of(request, DetailsQuery)
    stands = await request.app[EXCHANGES].status(request.match_info["exchange_name"])
    shown = FetchDetailsAnswer(
        checkpoint_ts=stands.checkpoint_ts,
        running_fetch_start_ts=_seconds(stands.running_since),
        last_fetch_complete_ts=_seconds(stands.completed_at),
        last_fetch_succeeded=stands.succeeded,
        up_to_date=stands.up_to_date,
        fetched_items=stands.records,
        failures=stands.failures,
        error=None if stands.error is None else dict(stands.error),
        quarantined=stands.quarantined,
        next_fetch_ts=_seconds(stands.next_fetch_at),
        rebuilding=stands.rebuilding,
        held=stands.held,
    )
    if query.include_details:
        return answer_model(shown)
    return answer(shown.model_dump(include=set(FetchStatusAnswer.model_fields)))


@routes.post("/c/exchange/{exchange_name}/fetch")
@described(_TAG, "Makes an exchange due now", role="curator", answer=Message, status=202, errors=(404,))
async def fetch_exchange(request: web.Request) -> web.Response:
    await request.app[EXCHANGES].fetch_soon(request.match_info["exchange_name"])
    return answer({"message": "It is fetched soon"}, 202)


@routes.post("/c/exchange/{exchange_name}/release")
@described(
    _TAG,
    "Lets a flood match that was held, and the exchange go on",
    role="admin",
    answer=ReleasedAnswer,
    errors=(404,),
)
async def release_flood(request: web.Request) -> web.Response:
    name = request.match_info["exchange_name"]
    released = await request.app[EXCHANGES].release(name)
    await show_at_once(request)
    return answer({"released": released})


@routes.get("/c/exchange/{exchange_name}/credentials")
@described(_TAG, "Which credentials an exchange uses", answer=CredentialsAnswer, errors=(404, 501))
async def show_credentials(request: web.Request) -> web.Response:
    return answer(await request.app[EXCHANGES].credential_status(await _named(request)))


@routes.post("/c/exchange/{exchange_name}/credentials")
@described(
    _TAG,
    "Sets or clears an exchange's own credentials",
    role="admin",
    body=CredentialsBody,
    answer=CredentialsAnswer,
    errors=(400, 404, 415, 501),
)
async def set_credentials(request: web.Request) -> web.Response:
    store = request.app[EXCHANGES]
    await _named(request)
    body = await json_of(request)
    if set(body) != {"credential_json"}:
        # Other fields are not named: one may be a secret in the wrong place.
        raise bad_request("The body is to hold credential_json and nothing else.")
    exchange = await store.set_credentials(request.match_info["exchange_name"], body["credential_json"])
    return answer(await store.credential_status(exchange))


@routes.get("/c/exchange/{exchange_name}/quarantine")
@described(
    _TAG,
    "What an exchange sent that could not be used, newest first",
    role="admin",
    query=QuarantineQuery,
    answer=list[QuarantinedAnswer],
    errors=(400, 404),
)
async def show_quarantine(request: web.Request) -> web.Response:
    query = query_of(request, QuarantineQuery)
    found = await request.app[EXCHANGES].quarantine(
        request.match_info["exchange_name"], include_resolved=query.include_resolved, most=query.limit
    )
    return answer(
        [
            QuarantinedAnswer(
                id=problem.id,
                kind=str(problem.error["kind"]),
                message=str(problem.error["message"]),
                raw=None if problem.raw is None else problem.raw.decode(errors="replace"),
                times=problem.times,
                first_at=problem.first_at,
                last_at=problem.last_at,
                resolved_at=problem.resolved_at,
            ).model_dump(mode="json")
            for problem in found
        ]
    )


@routes.post("/c/exchange/{exchange_name}/opinion")
@described(
    _TAG,
    "Says what we think of a signal, to the exchange, once",
    role="curator",
    body=OpinionBody,
    answer=QueuedAnswer,
    status=202,
    errors=(400, 404, 415),
    description="It waits in an outbox until the exchange is reached. Of one signal one opinion is sent.",
)
async def say_opinion(request: web.Request) -> web.Response:
    body = await body_of(request, OpinionBody)
    queued = await request.app[EXCHANGES].say(
        request.match_info["exchange_name"],
        body.signal_type,
        body.signal_value,
        category=body.opinion,
        tags=body.tags,
    )
    return answer({"queued": queued}, 202)


@routes.post("/c/exchange/{exchange_name}/seen")
@described(
    _TAG,
    "Says that a signal was seen here, to the exchange, once",
    role="curator",
    body=SeenBody,
    answer=QueuedAnswer,
    status=202,
    errors=(400, 404, 415),
)
async def say_seen(request: web.Request) -> web.Response:
    body = await body_of(request, SeenBody)
    queued = await request.app[EXCHANGES].say(
        request.match_info["exchange_name"], body.signal_type, body.signal_value
    )
    return answer({"queued": queued}, 202)


@routes.get("/c/exchange/{exchange_name}/opinions")
@described(
    _TAG,
    "What was said to the exchange, or waits to be, newest first",
    query=SaidQuery,
    answer=list[SaidAnswer],
    errors=(400, 404),
)
async def show_opinions(request: web.Request) -> web.Response:
    query = query_of(request, SaidQuery)
    opinions = await request.app[EXCHANGES].opinions(request.match_info["exchange_name"], most=query.limit)
    return answer(
        [
            SaidAnswer(
                kind="seen" if opinion.category is None else "opinion",
                signal_type=opinion.signal_type,
                signal_value=opinion.value,
                opinion=opinion.category,
                tags=list(opinion.tags),
                state=opinion.state,
                created_at=opinion.created_at,
                sent_at=opinion.sent_at,
            ).model_dump(mode="json")
            for opinion in opinions
        ]
    )


async def tell_exchange(
    request: web.Request, name: str, signals: Iterable[ContentSignal], *, confirmed: bool
) -> None:
    """Puts what people found out about a content of an exchange's bank into the outbox, for each signal."""
    store = request.app[EXCHANGES]
    for signal in signals:
        # The exchange may have been removed meanwhile; texts are limited in length.
        with suppress(UnknownExchange, BadOpinion):
            await store.say(
                name,
                signal.type,
                signal.value,
                category="POSITIVE_CLASS" if confirmed else "NEGATIVE_CLASS",
            )


async def _named(request: web.Request) -> Exchange:
    return await request.app[EXCHANGES].exchange(request.match_info["exchange_name"])


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
