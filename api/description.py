"""What is written beside a handler about its operation: who may call it, what goes in, what comes out.

`openapi.py` makes the OpenAPI document from it, and `access.py` reads from it who may call and from which
pages, so that what is documented is what holds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel

AccessRole = Literal["extension", "viewer", "curator", "admin"]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_AnyHandler = TypeVar("_AnyHandler", bound=Callable[..., Awaitable[web.StreamResponse]])
_ATTRIBUTE = "samelook_operation"


@dataclass(frozen=True, slots=True)
class Header:
    """A header that an operation reads or sets."""

    name: str
    description: str
    required: bool = False
    example: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path."""

    tag: str
    summary: str
    role: AccessRole | None
    """The least that a caller's key must allow. None: anybody."""
    proof: bool = False
    """A key is needed on loopback too, where other operations need none."""
    page: bool = False
    """For people in browsers: a cookie stands for the key, changes need their form's token, errors are pages.
    Not part of the OpenAPI document."""
    query: type[BaseModel] | None = None
    headers: tuple[Header, ...] = ()
    body: type[BaseModel] | None = None
    example: Any = None
    """A body as somebody might send it."""
    most_bytes: int = 64 << 10
    """Of a body, where anybody may send one: parsing is work, and reading it needs memory."""
    consumes: Mapping[str, Any] = field(default_factory=dict)
    """Schemas of bodies that are no JSON object of `body`, by media type."""
    answer: Any = None
    """The type of the JSON answer, as pydantic understands types."""
    answer_example: Any = None
    answer_headers: tuple[Header, ...] = ()
    produces: str = "application/json"
    status: int = 200
    done: str = "Done."
    """What the good answer means."""
    also: Mapping[int, str] = field(default_factory=dict)
    """Other good answers and what they mean. Their body is that of the first; 204 and 304 have none."""
    errors: tuple[int, ...] = (400,)
    meanings: Mapping[int, str] = field(default_factory=dict)
    """What errors mean here, where the usual sentence says too little."""
    description: str = ""

    @property
    def scope(self) -> str:
        """The group of operations that a key may be limited to."""
        return self.tag.lower().replace(" ", "_")


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
