"""The OpenAPI 3.1 document, made from what is written beside handlers and from the models that validate."""

from __future__ import annotations

import json
import re
from functools import cached_property
from importlib.metadata import version
from typing import Any

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from samelook.api.access import key_needed
from samelook.api.description import Header, Operation, operation_of
from samelook.api.models import ErrorAnswer
from samelook.api.settings import ApiSettings
from samelook.api.state import SETTINGS

_SCHEMAS = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)(?::[^{}]+)?\}")
_SENTENCES = {
    400: "The request is wrong; the message says how.",
    401: "An API key or a client's token is missing or not valid.",
    403: "Not allowed: by this key, from this page, or because the name is taken.",
    404: "There is no such thing.",
    409: "It cannot be done in the state that things are in.",
    413: "Too large.",
    415: "The body has the wrong Content-Type.",
    429: "Too much was asked; Retry-After says in how many seconds to come back.",
    501: "This installation lacks the library that is needed.",
    503: "Not ready, or the database cannot be used just now.",
}
_RETRY = {"Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer"}}}
_NO_BODY = frozenset({204, 304})
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"header": []}]


class Description:
    """The document of an application, written once: everybody may ask for it, and it takes long to make."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    @cached_property
    def text(self) -> bytes:
        """As JSON."""
        return json.dumps(document(self._app)).encode()


DESCRIPTION = web.AppKey("description", Description)


def document(app: web.Application) -> dict[str, Any]:
    """The description of every operation that the application has routes for."""
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    settings: ApiSettings = app[SETTINGS]
    for route in app.router.routes():
        operation = operation_of(route.handler)
        if operation is None or operation.page or route.resource is None or route.method in ("HEAD", "*"):
            continue
        path = route.resource.canonical
        described = _described(operation, path, route.handler.__name__, settings, schemas)
        paths.setdefault(path, {})[route.method.lower()] = described
    schemas["ErrorAnswer"] = ErrorAnswer.model_json_schema(ref_template=_SCHEMAS)
    components: dict[str, Any] = {
        "schemas": dict(sorted(schemas.items())),
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "An API key as a bearer token."},
            "header": {
                "type": "apiKey",
                "in": "header",
                "name": "X-API-Key",
                "description": "The same key in a header of its own.",
            },
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Samelook",
            "version": version("samelook"),
            "description": "Verdicts on sites for a browser extension; hashing, matching and curation in the "
            "manner of Meta's Hasher-Matcher-Actioner.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": dict(sorted(paths.items())),
        "components": components,
    }


def _described(
    operation: Operation, path: str, name: str, settings: ApiSettings, schemas: dict[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{name}_{'_'.join(re.findall(r'[a-z0-9]+', path)) or 'root'}",
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": _responses(operation, settings, schemas),
    }
    if operation.description:
        described["description"] = operation.description
    parameters = [_in_path(parameter) for parameter in _PARAMETER.findall(path)]
    if operation.query is not None:
        parameters += _in_query(operation.query, schemas)
    parameters += [_in_header(header) for header in operation.headers]
    if parameters:
        described["parameters"] = parameters
    content = {kind: {"schema": schema} for kind, schema in operation.consumes.items()}
    if operation.body is not None:
        content["application/json"] = {"schema": _schema(operation.body, schemas)}
        if operation.example is not None:
            content["application/json"]["example"] = operation.example
    if content:
        described["requestBody"] = {
            "required": not operation.consumes or operation.body is None,
            "content": content,
        }
    if key_needed(operation, settings):
        described["security"] = _SECURITY
    elif operation.role is not None:
        described["security"] = [{}, *_SECURITY]
    return described


def _responses(operation: Operation, settings: ApiSettings, schemas: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if operation.produces != "application/json":
        content = {operation.produces: {"schema": {"type": "string"}}}
    elif operation.answer is not None:
        content = {"application/json": {"schema": _schema(operation.answer, schemas)}}
        if operation.answer_example is not None:
            content["application/json"]["example"] = operation.answer_example
    headers = {
        header.name: {"description": header.description, "schema": {"type": "string"}}
        for header in operation.answer_headers
    }
    responses: dict[str, Any] = {}
    for status, sentence in {operation.status: operation.done, **operation.also}.items():
        good: dict[str, Any] = {"description": sentence}
        if content and status not in _NO_BODY:
            good["content"] = content
        if headers:
            good["headers"] = headers
        responses[str(status)] = good
    errors = set(operation.errors)
    if operation.role is not None:
        errors |= {401, 403} if key_needed(operation, settings) else {403}
    for status in sorted(errors):
        responses[str(status)] = _error(operation, status)
    return responses


def _error(operation: Operation, status: int) -> dict[str, Any]:
    plain = status == 503 and operation.produces == "text/plain"  # noqa: PLR2004
    schema = {"type": "string"} if plain else {"$ref": "#/components/schemas/ErrorAnswer"}
    content: dict[str, Any] = {"text/plain" if plain else "application/json": {"schema": schema}}
    if operation.produces == "text/html":
        content["text/html"] = {"schema": {"type": "string"}}
    error: dict[str, Any] = {
        "description": operation.meanings.get(status) or _SENTENCES.get(status, "It went wrong."),
        "content": content,
    }
    if status in (429, 503) and not plain:
        error["headers"] = _RETRY
    return error


def _in_header(header: Header) -> dict[str, Any]:
    parameter: dict[str, Any] = {
        "name": header.name,
        "in": "header",
        "required": header.required,
        "description": header.description,
        "schema": {"type": "string"},
    }
    if header.example is not None:
        parameter["example"] = header.example
    return parameter


def _in_path(name: str) -> dict[str, Any]:
    schema = {"type": "integer"} if name in ("id", "content_id") else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(model: type[BaseModel], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    whole = model.model_json_schema(ref_template=_SCHEMAS)
    schemas.update(whole.pop("$defs", {}))
    required = set(whole.get("required", ()))
    parameters = []
    for name, schema in whole["properties"].items():
        resolved = dict(schema)
        parameter = {"name": name, "in": "query", "required": name in required, "schema": resolved}
        if "description" in resolved:
            parameter["description"] = resolved.pop("description")
        parameters.append(parameter)
    return parameters


def _schema(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type; models go to the components and are referred to."""
    schema = TypeAdapter(kind).json_schema(ref_template=_SCHEMAS)
    schemas.update(schema.pop("$defs", {}))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        schemas[kind.__name__] = schema
        return {"$ref": _SCHEMAS.format(model=kind.__name__)}
    return schema
