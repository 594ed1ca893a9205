"""Answers as JSON."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web
from pydantic import BaseModel

_ENCODER = json.JSONEncoder(separators=(",", ":"))


def answer(value: Any, status: int = 200) -> web.Response:
    """A JSON answer of what the json module can write."""
    return web.Response(body=_ENCODER.encode(value).encode(), status=status, content_type="application/json")


def answer_model(value: BaseModel, status: int = 200, *, without_unset: bool = False) -> web.Response:
    """A JSON answer of a model."""
    text = value.model_dump_json(by_alias=True, exclude_unset=without_unset)
    return web.Response(body=text.encode(), status=status, content_type="application/json")


def answer_models(values: list[BaseModel], status: int = 200) -> web.Response:
    """A JSON list of models."""
    text = ",".join(value.model_dump_json(by_alias=True) for value in values)
    return web.Response(body=f"[{text}]".encode(), status=status, content_type="application/json")
