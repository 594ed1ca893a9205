"""API keys: `/c/api_keys`. Whoever makes one proves to be an admin, on the machine itself too."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from samelook.api.answers import answer_model, answer_models
from samelook.api.description import AccessRole, described, operation_of
from samelook.api.errors import ApiError, bad_request
from samelook.api.keys import ROTATION_S, ApiKey
from samelook.api.models import Message
from samelook.api.requests import body_of, id_of, json_of, validated
from samelook.api.state import CALLER, KEYS

routes = web.RouteTableDef()
_TAG = "Configuration"
_YEAR_S = 366 * 86_400


class KeyCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    role: AccessRole = Field(description="Each role includes those before it.")
    scopes: list[str] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description="Groups of operations, by the names of the sections here in lower case; default: all.",
    )
    per_minute: int | None = Field(
        default=None, ge=1, le=10_000_000, description="Requests; default: any number."
    )
    per_day: int | None = Field(
        default=None, ge=1, le=2_000_000_000, description="Likewise in a day; they come back evenly."
    )
    expires_in_s: float | None = Field(default=None, gt=0, le=10 * _YEAR_S)


class KeyRotation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    grace_s: float = Field(
        default=ROTATION_S, ge=0, le=_YEAR_S, description="How long the old secret goes on working."
    )


class KeyAnswer(BaseModel):
    id: int
    name: str
    role: AccessRole
    created_at: datetime | None
    scopes: list[str] | None = None
    per_minute: int | None = None
    per_day: int | None = None
    last_used_at: datetime | None = Field(default=None, description="To the minute, half a minute late.")
    expires_at: datetime | None = None
    replaced_at: datetime | None = Field(default=None, description="Since when there is a newer one.")


class NewKeyAnswer(KeyAnswer):
    key: str = Field(description="Shown now and never again.")


@routes.get("/c/api_keys")
@described(
    _TAG, "All API keys, without their secrets", role="admin", proof=True, answer=list[KeyAnswer], errors=()
)
async def list_keys(request: web.Request) -> web.Response:
    return answer_models([KeyAnswer(**_shown(key)) for key in await request.app[KEYS].list()])


@routes.post("/c/api_keys")
@described(
    _TAG,
    "A new API key; its secret is in this answer only",
    role="admin",
    proof=True,
    body=KeyCreate,
    example={"name": "dashboard", "role": "viewer"},
    answer=NewKeyAnswer,
    status=201,
    errors=(400, 403, 413, 415),
    meanings={403: "The name is taken, or the key would do more than the one that makes it, or last longer."},
)
async def create_key(request: web.Request) -> web.Response:
    body = await body_of(request, KeyCreate)
    scopes = None
    if body.scopes is not None:
        scopes = frozenset(body.scopes)
        check_scopes(request.app, scopes)
    key, secret = await request.app[KEYS].create(
        body.name,
        body.role,
        scopes=scopes,
        per_minute=body.per_minute,
        per_day=body.per_day,
        expires_s=body.expires_in_s,
        by=request.get(CALLER),
    )
    return answer_model(NewKeyAnswer(**_shown(key), key=secret), 201)


@routes.post(r"/c/api_keys/{id:\d+}/rotate")
@described(
    _TAG,
    "A new secret for a key; the old one works for a day more, or as long as the body says",
    role="admin",
    proof=True,
    body=KeyRotation,
    answer=NewKeyAnswer,
    status=201,
    errors=(400, 403, 404, 413, 415),
    meanings={403: "The key may do more than the one that is shown."},
)
async def rotate_key(request: web.Request) -> web.Response:
    body = validated(await json_of(request) if request.can_read_body else {}, KeyRotation)
    key, secret = await request.app[KEYS].rotate(
        id_of(request, "id"), grace_s=body.grace_s, by=request.get(CALLER)
    )
    return answer_model(NewKeyAnswer(**_shown(key), key=secret), 201)


@routes.delete(r"/c/api_keys/{id:\d+}")
@described(_TAG, "Revokes an API key", role="admin", proof=True, answer=Message, errors=(404,))
async def revoke_key(request: web.Request) -> web.Response:
    if not await request.app[KEYS].revoke(id_of(request, "id")):
        raise ApiError(404, "There is no such key.", {"kind": "unknown_key"})
    return answer_model(Message(message="Done"))


def scopes_of(app: web.Application) -> set[str]:
    """What scopes there are: the sections of the API's description."""
    found = (operation_of(route.handler) for route in app.router.routes())
    return {operation.scope for operation in found if operation is not None and operation.role is not None}


def check_scopes(app: web.Application, scopes: frozenset[str]) -> None:
    """Raises ApiError for a scope that there is not."""
    known = scopes_of(app)
    if unknown := sorted(scopes - known):
        raise bad_request(f"{unknown[0]!r} is no scope; there are {', '.join(sorted(known))}.")


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "created_at": key.created_at,
        "scopes": None if key.scopes is None else sorted(key.scopes),
        "per_minute": key.per_minute,
        "per_day": key.per_day,
        "last_used_at": key.last_used_at,
        "expires_at": key.expires_at,
        "replaced_at": key.replaced_at,
    }
