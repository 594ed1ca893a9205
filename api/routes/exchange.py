"""Exchanges: `/c/exchanges…` and `/c/exchange/…` as HMA has them, and what it lacks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal

import asyncpg
import structlog
from aiohttp import web
from prometheus_client import Counter, Gauge
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from samelook.api.answers import answer, answer_model
from samelook.api.description import described
from samelook.api.errors import ApiError, bad_request
from samelook.api.metrics import METRICS
from samelook.api.models import DetailsQuery, Message
from samelook.api.requests import body_of, json_of, query_of
from samelook.api.state import POOL, SETTINGS
from samelook.exchanges.errors import UnknownExchangeType
from samelook.exchanges.fetching import FetchOutcome
from samelook.exchanges.schedule import Schedule
from samelook.exchanges.store import Exchange, ExchangeStore
from samelook.sql.errors import DatabaseError
from samelook.sql.named import queries

_log = structlog.get_logger(__name__)
routes = web.RouteTableDef()
_TAG = "Exchanges"
_STORE = web.AppKey("exchanges", ExchangeStore)
_FIGURES_S = 15.0
_Tag = Annotated[str, StringConstraints(min_length=1, max_length=255)]

_fetches = Counter(
    "samelook_exchange_fetches",
    "Fetches of exchanges, by outcome",
    ("exchange", "outcome"),
    registry=METRICS.registry,
)
_quarantined = Gauge(
    "samelook_exchange_quarantined",
    "What an exchange sent that could not be used, and has not been read well since",
    ("exchange",),
    registry=METRICS.registry,
    multiprocess_mode="mostrecent",
)
_failures = Gauge(
    "samelook_exchange_failures",
    "Failed fetches of an exchange, one after the other until now",
    ("exchange",),
    registry=METRICS.registry,
    multiprocess_mode="mostrecent",
)
_age = Gauge(
    "samelook_exchange_age_seconds",
    "Seconds since the last fetch of an exchange ended",
    ("exchange",),
    registry=METRICS.registry,
    multiprocess_mode="mostrecent",
)
_behind = Gauge(
    "samelook_exchange_behind_seconds",
    "Seconds between now and the time that an exchange has been read up to",
    ("exchange",),
    registry=METRICS.registry,
    multiprocess_mode="mostrecent",
)


class ExchangeCreate(BaseModel):
    bank: str = Field(
        description="The exchange's name and its new bank's: capital letters, digits, underscores."
    )
    api: str = Field(description="The exchange type.")
    api_json: dict[str, Any] = Field(
        default_factory=dict, description="The configuration that the type takes."
    )
    credential_json: Any = Field(
        default=None, description="Credentials of this exchange alone. Never shown again."
    )
    every_s: float | None = Field(default=None, description="Seconds between two fetches.")


class ExchangeUpdate(BaseModel):
    enabled: bool | None = Field(default=None, description="Off: not fetched; its bank goes on matching.")
    api_json: dict[str, Any] | None = Field(default=None, description="A new configuration, in full.")
    every_s: float | None = Field(default=None, description="Seconds between two fetches.")


class ExchangeConfigAnswer(BaseModel):
    """What the exchange type's configuration consists of, besides these."""

    model_config = ConfigDict(extra="allow")

    name: str
    api: str
    enabled: bool


class ExchangeTypeAnswer(BaseModel):
    supports_authentification: bool
    has_set_authentification: bool


class CredentialsBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    credential_json: Any = Field(description="Credentials; null or {} clears them.")


class CredentialsAnswer(BaseModel):
    supports_auth: bool
    has_credentials: bool
    source: Literal["exchange", "api", "environment", "file"] | None


class FieldAnswer(BaseModel):
    name: str
    type: str
    required: bool
    default: Any
    help: str
    choices: list[Any] | None


class FieldsAnswer(BaseModel):
    fields: list[FieldAnswer]


class SchemaAnswer(BaseModel):
    config_schema: FieldsAnswer
    credentials_schema: FieldsAnswer | None = Field(description="Null: the type takes none.")


class FetchStatusAnswer(BaseModel):
    checkpoint_ts: int | None = Field(
        description="It has been read up to this time, where the type can tell."
    )
    running_fetch_start_ts: int | None
    last_fetch_complete_ts: int | None
    last_fetch_succeeded: bool | None
    up_to_date: bool
    fetched_items: int


class FetchDetailsAnswer(FetchStatusAnswer):
    failures: int = Field(description="Failed fetches, one after the other until now.")
    error: dict[str, Any] | None = Field(description="Why the last fetch failed.")
    quarantined: int = Field(description="What could not be used, and has not been read well since.")
    next_fetch_ts: int | None
    rebuilding: bool = Field(description="Everything is being read anew, beside what is there.")


class QuarantineQuery(BaseModel):
    include_resolved: bool = Field(default=False, description="Also what has been read well since.")
    limit: int = Field(100, ge=1, le=1000)


class QuarantinedAnswer(BaseModel):
    id: str
    kind: str
    message: str
    raw: str | None = Field(description="As it came, cut off where it is long.")
    times: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None


class OpinionBody(BaseModel):
    signal_type: str
    signal_value: str
    opinion: Literal["NEGATIVE_CLASS", "INVESTIGATION_SEED", "POSITIVE_CLASS"]
    tags: list[_Tag] = Field(default_factory=list, max_length=100)


class SeenBody(BaseModel):
    signal_type: str
    signal_value: str


class QueuedAnswer(BaseModel):
    queued: bool = Field(description="False: the same was said of this signal before; it is said once.")


class SaidQuery(BaseModel):
    limit: int = Field(100, ge=1, le=1000)


class SaidAnswer(BaseModel):
    kind: Literal["opinion", "seen"]
    signal_type: str
    signal_value: str
    opinion: str | None
    tags: list[str]
    state: str
    created_at: datetime
    sent_at: datetime | None


def add_exchanges(app: web.Application) -> None:
    """Makes the application offer exchanges, and fetch them if its settings say so."""
    app.cleanup_ctx.append(_exchanges)
    app.add_routes(routes)


async def _exchanges(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    app[_STORE] = ExchangeStore(app[POOL], settings.exchanges)
    tasks = [asyncio.create_task(_watch(app))]
    if settings.fetch_exchanges:
        schedule = Schedule(app[POOL], settings.exchanges, on_outcome=_count)
        tasks.append(asyncio.create_task(schedule.run()))
    yield
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _watch(app: web.Application) -> None:
    """Keeps the figures in /metrics current."""
    while True:
        with suppress(OSError, TimeoutError, DatabaseError, asyncpg.PostgresError, asyncpg.InterfaceError):
            rows = [row async for row in queries("exchanges").figures(app[POOL])]
            if not METRICS.shared:  # what several processes share can only grow: stale names stay
                for gauge in (_quarantined, _failures, _age, _behind):
                    gauge.clear()
            for row in rows:
                _quarantined.labels(row["name"]).set(row["quarantined"])
                _failures.labels(row["name"]).set(row["failures"])
                if row["since_completed_s"] is not None:
                    _age.labels(row["name"]).set(row["since_completed_s"])
                if row["behind_s"] is not None:
                    _behind.labels(row["name"]).set(row["behind_s"])
        await asyncio.sleep(_FIGURES_S)


def _count(outcome: FetchOutcome) -> None:
    word = "ok" if outcome.error is None else outcome.error.kind
    _fetches.labels(outcome.exchange, word).inc()


@routes.get("/c/exchanges/apis")
@described(_TAG, "All exchange types", answer=list[str], errors=(501,))
async def list_types(request: web.Request) -> web.Response:
    return answer(list((await request.app[_STORE].types()).exchange_types))


@routes.get("/c/exchanges/api/{api_name}")
@described(
    _TAG, "Whether a type takes credentials, and has some", answer=ExchangeTypeAnswer, errors=(400, 501)
)
async def show_type(request: web.Request) -> web.Response:
    return answer(await request.app[_STORE].type_status(request.match_info["api_name"]))


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
    store, api = request.app[_STORE], request.match_info["api_name"]
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
        return answer(await request.app[_STORE].schema(request.match_info["api_name"]))
    except UnknownExchangeType as error:
        # Here HMA answers 404, and 400 at the type itself.
        raise ApiError(404, error.message, {"kind": error.kind, **error.detail}) from error


@routes.get("/c/exchanges")
@described(_TAG, "The names of all exchanges", answer=list[str], errors=())
async def list_exchanges(request: web.Request) -> web.Response:
    return answer([one.name for one in await request.app[_STORE].exchanges()])


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
    await request.app[_STORE].create(
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
    store, exchange = request.app[_STORE], await _named(request)
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
    store = request.app[_STORE]
    exchange = await store.update(
        request.match_info["exchange_name"], enabled=body.enabled, every_s=body.every_s, config=body.api_json
    )
    return answer(await store.shown_config(exchange))


@routes.delete("/c/exchange/{exchange_name}")
@described(
    _TAG, "Removes an exchange with its bank and everything in it", role="admin", answer=Message, errors=()
)
async def delete_exchange(request: web.Request) -> web.Response:
    await request.app[_STORE].delete(request.match_info["exchange_name"])
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
    stands = await request.app[_STORE].status(request.match_info["exchange_name"])
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
    )
    if query.include_details:
        return answer_model(shown)
    return answer(shown.model_dump(include=set(FetchStatusAnswer.model_fields)))


@routes.post("/c/exchange/{exchange_name}/fetch")
@described(_TAG, "Makes an exchange due now", role="curator", answer=Message, status=202, errors=(404,))
async def fetch_exchange(request: web.Request) -> web.Response:
    await request.app[_STORE].fetch_soon(request.match_info["exchange_name"])
    return answer({"message": "It is fetched soon"}, 202)


@routes.get("/c/exchange/{exchange_name}/credentials")
@described(_TAG, "Which credentials an exchange uses", answer=CredentialsAnswer, errors=(404, 501))
async def show_credentials(request: web.Request) -> web.Response:
    return answer(await request.app[_STORE].credential_status(await _named(request)))


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
    store = request.app[_STORE]
    await _named(request)
    body = await json_of(request)
    if set(body) != {"credential_json"}:
        # Without naming what else there was: it may be a secret in the wrong place.
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
    found = await request.app[_STORE].quarantine(
        request.match_info["exchange_name"], include_resolved=query.include_resolved, most=query.limit
    )
    return answer(
        [
            QuarantinedAnswer(
                id=one.id,
                kind=str(one.error["kind"]),
                message=str(one.error["message"]),
                raw=None if one.raw is None else one.raw.decode(errors="replace"),
                times=one.times,
                first_at=one.first_at,
                last_at=one.last_at,
                resolved_at=one.resolved_at,
            ).model_dump(mode="json")
            for one in found
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
    queued = await request.app[_STORE].say(
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
    queued = await request.app[_STORE].say(
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
    said = await request.app[_STORE].opinions(request.match_info["exchange_name"], most=query.limit)
    return answer(
        [
            SaidAnswer(
                kind="seen" if one.category is None else "opinion",
                signal_type=one.signal_type,
                signal_value=one.value,
                opinion=one.category,
                tags=list(one.tags),
                state=one.state,
                created_at=one.created_at,
                sent_at=one.sent_at,
            ).model_dump(mode="json")
            for one in said
        ]
    )


async def _named(request: web.Request) -> Exchange:
    return await request.app[_STORE].exchange(request.match_info["exchange_name"])


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
