"""Exchanges: where signals are fetched from, how the fetches stand, and what could not be used."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from samelook.api.description import described
from samelook.api.errors import ApiError, bad_request, explained
from samelook.api.exchange_service import EXCHANGES
from samelook.api.pages.frame import TAG
from samelook.api.pages.render import done, page
from samelook.api.requests import parsed_json, texts_of, validated
from samelook.api.state import show_at_once
from samelook.banks.limits import LONGEST_NAME
from samelook.exchanges.errors import ExchangeError

routes = web.RouteTableDef()
_MOST_QUARANTINED = 30
_CONFIG, _CREDENTIAL = "config.", "credential."


class ExchangeForm(BaseModel):
    """What can be said of an exchange."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(default="", max_length=LONGEST_NAME)
    api: str = Field(default="", max_length=100)
    every_s: float | None = Field(default=None, gt=0)
    enabled: bool = False


@routes.get("/ui/exchanges")
@described(TAG, "All exchanges", page=True)
async def exchanges(request: web.Request) -> web.Response:
    store, api = request.app[EXCHANGES], request.query.get("api", "")
    rows = [
        {"exchange": exchange, "status": await store.status(exchange.name)}
        for exchange in await store.exchanges()
    ]
    types: list[str] = []
    schema, trouble = None, ""
    try:
        types = list((await store.types()).exchange_types)
        schema = await store.schema(api) if api else None
    except ExchangeError as error:
        known = explained(error)
        trouble = str(error) if known is None else known.message
    return page(request, "exchanges.html", rows=rows, types=types, api=api, schema=schema, trouble=trouble)


@routes.post("/ui/exchanges")
@described(TAG, "A new exchange, and the bank that it feeds", page=True, role="admin")
async def create_exchange(request: web.Request) -> web.Response:
    texts = await texts_of(request)
    form, store = (
        validated({key: value for key, value in texts.items() if value}, ExchangeForm),
        request.app[EXCHANGES],
    )
    schema = await store.schema(form.api)
    credentials = _fields(schema["credentials_schema"], texts, _CREDENTIAL) or None
    made = await store.create(
        form.name.strip(),
        form.api,
        _fields(schema["config_schema"], texts, _CONFIG),
        credentials=credentials,
        every_s=form.every_s,
    )
    return done(request, _path(made.name), f"{made.name} is there, and is fetched soon.")


@routes.get("/ui/exchanges/{name}")
@described(TAG, "How the fetches of an exchange stand", page=True)
async def exchange(request: web.Request) -> web.Response:
    store = request.app[EXCHANGES]
    found = await store.exchange(request.match_info["name"])
    schema: dict[str, Any] | None = None
    credentials: dict[str, Any] = {"supports_auth": False, "has_credentials": False, "source": None}
    try:
        schema = await store.schema(found.api)
        credentials = await store.credential_status(found)
    except ExchangeError:
        schema = None  # its type is not installed here any more
    return page(
        request,
        "exchange.html",
        exchange=found,
        stands=await store.status(found.name),
        config=await store.shown_config(found),
        schema=schema,
        credentials=credentials,
        every_s=found.every_s or store.settings.every_s,
        quarantine=await store.quarantine(found.name, most=_MOST_QUARANTINED),
        opinions=await store.opinions(found.name, most=_MOST_QUARANTINED),
    )


@routes.post("/ui/exchanges/{name}/fetch")
@described(TAG, "Fetches an exchange as soon as can be", page=True, role="curator")
async def fetch_now(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    await request.app[EXCHANGES].fetch_soon(name)
    return done(request, _path(name), f"{name} is fetched soon.")


@routes.post("/ui/exchanges/{name}/release")
@described(TAG, "Lets a flood match that was held, and the exchange go on", page=True, role="admin")
async def release_flood(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    released = await request.app[EXCHANGES].release(name)
    await show_at_once(request)
    return done(request, _path(name), f"{released:,} contents of {name} match from now on.")


@routes.post("/ui/exchanges/{name}")
@described(TAG, "Switches an exchange, or changes its configuration", page=True, role="admin")
async def update_exchange(request: web.Request) -> web.Response:
    name, texts, store = request.match_info["name"], await texts_of(request), request.app[EXCHANGES]
    form = validated({key: value for key, value in texts.items() if value}, ExchangeForm)
    found = await store.exchange(name)
    config = _fields((await store.schema(found.api))["config_schema"], texts, _CONFIG)
    await store.update(name, enabled=form.enabled, every_s=form.every_s, config=config or None)
    return done(request, _path(name), f"{name} is as you said.")


@routes.post("/ui/exchanges/{name}/credentials")
@described(TAG, "Sets or clears an exchange's own credentials", page=True, role="admin")
async def set_credentials(request: web.Request) -> web.Response:
    name, texts, store = request.match_info["name"], await texts_of(request), request.app[EXCHANGES]
    found = await store.exchange(name)
    schema = (await store.schema(found.api))["credentials_schema"]
    if schema is None:
        raise bad_request(f"{found.api} takes no credentials.")
    credentials = _fields(schema, texts, _CREDENTIAL)
    await store.set_credentials(name, credentials or None)
    return done(
        request,
        _path(name),
        "Its credentials are kept." if credentials else "Its own credentials are cleared.",
    )


@routes.post("/ui/exchanges/{name}/remove")
@described(TAG, "Removes an exchange with its bank", page=True, role="admin")
async def remove_exchange(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if (await texts_of(request)).get("confirmed") != name:
        raise bad_request(f"To remove an exchange, write its name: {name}.")
    if not await request.app[EXCHANGES].delete(name):
        raise ApiError(404, "There is no such exchange.")
    return done(request, "/ui/exchanges", f"{name} and its bank are gone.")


def _fields(schema: dict[str, Any] | None, texts: dict[str, str], prefix: str) -> dict[str, Any]:
    """What a form says of a schema's fields; those left empty are not given. Raises ApiError."""
    values: dict[str, Any] = {}
    for field in (schema or {}).get("fields", ()):
        text, kind = texts.get(prefix + field["name"], "").strip(), field["type"]
        if kind == "boolean":
            values[field["name"]] = text == "true"
        elif text:
            values[field["name"]] = _value(field["name"], kind, text)
    return values


def _value(name: str, kind: str, text: str) -> Any:
    if kind.startswith(("list_of_", "set_of_")):
        words = [word for part in text.replace("\n", ",").split(",") if (word := part.strip())]
        return [_value(name, kind.partition("_of_")[2], word) for word in words]
    if kind == "number":
        value = parsed_json(text)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise bad_request(f"{name} is a number.")
        return value
    if kind == "enum" and text.lstrip("-").isdigit():
        return int(text)
    return text


def _path(name: str) -> str:
    return f"/ui/exchanges/{quote(name)}"
