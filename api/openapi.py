"""The OpenAPI 3.1 document, made from what is written beside handlers and from the models that validate."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from samelook.api.description import Operation, operation_of
from samelook.api.models import ErrorAnswer
from samelook.api.settings import ApiSettings
from samelook.api.state import SETTINGS

_SCHEMAS = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)(?::[^{}]+)?\}")
_SENTENCES = {
    400: "The request is wrong; the message says how.",
    401: "An API key is missing or not valid.",
    403: "Not allowed, or the name is taken.",
    404: "There is no such thing.",
    413: "Too large.",
    415: "The body has the wrong Content-Type.",
    503: "Not ready, or the database cannot be used just now.",
}


def document(app: web.Application) -> dict[str, Any]:
    """The description of every operation that the application has routes for."""
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    settings: ApiSettings = app[SETTINGS]
    for route in app.router.routes():
        operation = operation_of(route.handler)
        if operation is None or route.resource is None or route.method in ("HEAD", "*"):
            continue
        path = route.resource.canonical
        described = _described(operation, path, route.handler.__name__, settings, schemas)
        paths.setdefault(path, {})[route.method.lower()] = described
    schemas["ErrorAnswer"] = ErrorAnswer.model_json_schema(ref_template=_SCHEMAS)
    components: dict[str, Any] = {"schemas": dict(sorted(schemas.items()))}
    if settings.keys_needed:
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Samelook",
            "version": version("samelook"),
            "description": "Hashing, matching and curation in the manner of Meta's Hasher-Matcher-Actioner.",
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
    if parameters:
        described["parameters"] = parameters
    content = {kind: {"schema": schema} for kind, schema in operation.consumes.items()}
    if operation.body is not None:
        content["application/json"] = {"schema": _schema(operation.body, schemas)}
    if content:
        described["requestBody"] = {
            "required": not operation.consumes or operation.body is None,
            "content": content,
        }
    if settings.keys_needed and operation.role is not None:
        described["security"] = [{"bearer": []}, {"header": []}]
    return described


def _responses(operation: Operation, settings: ApiSettings, schemas: dict[str, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done."}
    if operation.produces != "application/json":
        good["content"] = {operation.produces: {"schema": {"type": "string"}}}
    elif operation.answer is not None:
        good["content"] = {"application/json": {"schema": _schema(operation.answer, schemas)}}
    if operation.status == 204:  # noqa: PLR2004 - no content
        good.pop("content", None)
    responses = {str(operation.status): good}
    errors = set(operation.errors)
    if settings.keys_needed and operation.role is not None:
        errors |= {401, 403}
    for status in sorted(errors):
        plain = status == 503 and operation.produces == "text/plain"  # noqa: PLR2004
        schema = {"type": "string"} if plain else {"$ref": "#/components/schemas/ErrorAnswer"}
        kind = "text/plain" if plain else "application/json"
        content: dict[str, Any] = {kind: {"schema": schema}}
        if operation.produces == "text/html":
            content["text/html"] = {"schema": {"type": "string"}}
        responses[str(status)] = {
            "description": _SENTENCES.get(status, "It went wrong."),
            "content": content,
        }
    return responses


def _in_path(name: str) -> dict[str, Any]:
    schema = {"type": "integer"} if name in ("id", "content_id") else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(model: type[BaseModel], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    whole = model.model_json_schema(ref_template=_SCHEMAS)
    schemas.update(whole.pop("$defs", {}))
    required = set(whole.get("required", ()))
    parameters = []
    for name, schema in whole["properties"].items():
        told = dict(schema)
        parameter = {"name": name, "in": "query", "required": name in required, "schema": told}
        if "description" in told:
            parameter["description"] = told.pop("description")
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
