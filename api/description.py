"""What is written beside a handler about its operation: who may call it, what goes in, what comes out.

`openapi.py` makes the OpenAPI document from it and `access.py` asks it for the role, so that what is
documented is what holds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel

AccessRole = Literal["viewer", "curator", "admin"]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_AnyHandler = TypeVar("_AnyHandler", bound=Callable[..., Awaitable[web.StreamResponse]])
_ATTRIBUTE = "samelook_operation"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path."""

    tag: str
    summary: str
    role: AccessRole | None
    """The least that a caller's key must allow. None: anybody."""
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    consumes: Mapping[str, Any] = field(default_factory=dict)
    """Schemas of bodies that are no JSON object of `body`, by media type."""
    answer: Any = None
    """The type of the JSON answer, as pydantic understands types."""
    produces: str = "application/json"
    status: int = 200
    errors: tuple[int, ...] = (400,)
    description: str = ""


def described(
    tag: str, summary: str, *, role: AccessRole | None = "viewer", **more: Any
) -> Callable[[_AnyHandler], _AnyHandler]:
    operation = Operation(tag, summary, role, **more)

    def note(handler: _AnyHandler) -> _AnyHandler:
        setattr(handler, _ATTRIBUTE, operation)
        return handler

    return note


def operation_of(handler: object) -> Operation | None:
    """What was written beside a handler."""
    found = getattr(handler, _ATTRIBUTE, None)
    return found if isinstance(found, Operation) else None


FILE = {"type": "string", "format": "binary"}
MEDIA_FORM: dict[str, Any] = {
    "multipart/form-data": {
        "type": "object",
        "description": "Exactly one file, under the name of its content type.",
        "properties": {"photo": FILE, "video": FILE},
    }
}
