"""The HTML pages, rendered from templates that need nothing from elsewhere."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from aiohttp import web
from jinja2 import DictLoader, Environment, StrictUndefined

_FOLDER = files(__package__) / "templates"
# Pages load nothing from other hosts, and no other page may frame them.
_POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


def page(name: str, *, status: int = 200, **values: Any) -> web.Response:
    """A page of `templates/`."""
    text = _templates().get_template(name).render(**values)
    return web.Response(
        body=text.encode(),
        status=status,
        content_type="text/html",
        charset="utf-8",
        headers={"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"},
    )


def asset(name: str, content_type: str) -> web.Response:
    """A script or style sheet of `templates/`."""
    return web.Response(
        body=(_FOLDER / name).read_bytes(),
        content_type=content_type,
        charset="utf-8",
        headers={"Cache-Control": "max-age=300", "X-Content-Type-Options": "nosniff"},
    )


@cache
def _templates() -> Environment:
    texts = {one.name: one.read_text("utf-8") for one in _FOLDER.iterdir() if one.name.endswith(".html")}
    return Environment(loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined)
