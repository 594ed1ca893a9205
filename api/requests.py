"""What a handler does with a request first: parse and validate. Every fault becomes a 400 that names it."""

from __future__ import annotations

import json
from difflib import get_close_matches
from functools import cache
from typing import Any, NoReturn, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from samelook.api.errors import ApiError, bad_request

_Model = TypeVar("_Model", bound=BaseModel)
_MOST_DETAILS = 20
_MOST_FIELDS = 1000
"""No model has so many fields. Each unknown one is reported by itself, so more are refused unread."""
_MOST_FORM_BYTES = 256 << 10
_MOST_FORM_FIELDS = 200
_LARGEST_ID_DIGITS = 19
_LARGEST_ID = (1 << 63) - 1


def query_of(request: web.Request, model: type[_Model]) -> _Model:
    """The query parameters as a model; of a repeated one the first counts, unknown ones are ignored."""
    query = request.query
    return validated({name: query[name] for name in query}, model)


async def body_of(request: web.Request, model: type[_Model]) -> _Model:
    """The JSON body as a model."""
    return validated(await json_of(request), model)


async def read_body(request: web.Request) -> bytes:
    """The bytes of a JSON body. Raises ApiError for another media type."""
    if request.content_type != "application/json" and not request.content_type.endswith("+json"):
        raise ApiError(
            415, "Send JSON, with Content-Type: application/json.", {"kind": "unsupported_media_type"}
        )
    return await request.read()


async def texts_of(request: web.Request) -> dict[str, str]:
    """The fields of an urlencoded form; of a repeated one the first counts. Nothing for other bodies.

    Raises ApiError. What makes fields is bounded before they are made: a body of eight megabytes may have
    millions, and a multipart form as many files, each with a descriptor.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    body = await request.read()
    if len(body) > _MOST_FORM_BYTES:
        raise ApiError(413, f"A form has at most {_MOST_FORM_BYTES} bytes.")
    if body.count(b"&") >= _MOST_FORM_FIELDS:
        raise bad_request("The form has too many fields.")
    try:
        sent = await request.post()
    except (ValueError, LookupError) as error:
        raise bad_request("The form is not encoded as its Content-Type says.") from error
    return {name: value for name in sent if isinstance(value := sent[name], str)}


async def json_of(request: web.Request) -> dict[str, Any]:
    """The JSON object in the body. Raises ApiError."""
    value = parsed_json(await read_body(request))
    if not isinstance(value, dict):
        raise bad_request("The body is to be a JSON object.")
    return value


def parsed_json(text: bytes | str) -> Any:
    """A JSON value. Raises ApiError: also for NaN, which is no JSON, and for absurd nesting or numbers."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"The body is no JSON: {error}") from error


def validated(value: Any, model: type[_Model]) -> _Model:
    """The value as a model. Raises ApiError that says what is wrong with which field."""
    if isinstance(value, dict) and len(value) > _MOST_FIELDS:
        raise bad_request(f"An object has at most {_MOST_FIELDS} fields here.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = [
            {"field": ".".join(str(part) for part in fault["loc"]), "message": _message_of(fault, model)}
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        ][:_MOST_DETAILS]
        first = faults[0]
        where = f"{first['field']}: " if first["field"] else ""
        raise bad_request(f"{where}{first['message']}", {"faults": faults}) from error


def _message_of(fault: ErrorDetails, model: type[BaseModel]) -> str:
    """A fault in words; of a field that there is none of, the nearest one that there is."""
    if fault["type"] != "extra_forbidden":
        return fault["msg"]
    near = get_close_matches(str(fault["loc"][-1]), field_names(model), n=1)
    return f"there is no such field{f'; did you mean {near[0]}?' if near else ''}"


@cache
def field_names(model: type[BaseModel]) -> frozenset[str]:
    """The names of all fields of a model, and of the models within it."""
    names: set[str] = set()
    schema = model.model_json_schema(by_alias=True)
    for part in (schema, *schema.get("$defs", {}).values()):
        names |= part.get("properties", {}).keys()
    return frozenset(names)


def id_of(request: web.Request, name: str) -> int:
    """A number in the path. One that is too large for any id gives an id that nothing has."""
    digits = request.match_info[name]
    number = int(digits) if len(digits) <= _LARGEST_ID_DIGITS else -1
    return number if number <= _LARGEST_ID else -1


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not allowed")
