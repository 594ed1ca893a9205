"""The HTML pages, rendered from templates that need nothing from elsewhere."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from aiohttp import web
from jinja2 import DictLoader, Environment, StrictUndefined

from samelook.api.errors import ApiError, error_response
from samelook.api.pages import words
from samelook.api.state import SETTINGS
from samelook.api.visitors import VISITOR, VISITOR_COOKIE, next_of, set_cookie, wants_page

_FOLDER = files(__package__) / "templates"
_ASSETS = files(__package__) / "assets"
# Pages load nothing from other hosts and run no script but ours; no other page may frame them.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_KINDS = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "ico": "image/x-icon",
}
TOLD_COOKIE = "samelook_told"
_UNAUTHORISED = 401
NAVIGATION: tuple[tuple[str, str, str | None], ...] = (
    ("Home", "/ui/", None),
    ("Verdicts", "/ui/verdicts", None),
    ("Looks", "/ui/looks", None),
    ("Match", "/ui/match", None),
    ("Banks", "/ui/banks", None),
    ("Exchanges", "/ui/exchanges", "curator"),
    ("API", "/openapi/", None),
)
"""What the pages' head leads to: a name, a path, and the role that the service must have for it."""


def page(request: web.Request, template: str, /, *, status: int = 200, **values: Any) -> web.Response:
    """A page of `templates/`."""
    visitor = request.get(VISITOR)
    roles = request.app[SETTINGS].roles
    notice = _notice_of(request)
    values.setdefault("public", False)
    text = (
        _templates()
        .get_template(template)
        .render(
            visitor=visitor,
            token="" if visitor is None else visitor.token,
            navigation=[(word, path) for word, path, role in NAVIGATION if role is None or role in roles],
            has_pages="ui" in roles,
            path=request.path,
            notice=notice,
            **values,
        )
    )
    response = web.Response(
        body=text.encode(errors="replace"),
        status=status,
        content_type="text/html",
        charset="utf-8",
        headers={
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
            "Vary": "Accept, Cookie",
        },
    )
    if visitor is not None and visitor.is_new:
        set_cookie(request, response, VISITOR_COOKIE, visitor.cookie)
    if notice is not None:
        response.del_cookie(TOLD_COOKIE, path="/")
    return response


def fragment(template: str, /, **values: Any) -> str:
    """A part of a page that a script puts into one that is open."""
    return _templates().get_template(template).render(**values)


def refusal(request: web.BaseRequest, error: ApiError) -> web.Response:
    """An error as whoever asked can read it: a page for a person's browser, else JSON."""
    if not isinstance(request, web.Request) or not wants_page(request):
        return error_response(error)
    if error.status == _UNAUTHORISED and "ui" in request.app[SETTINGS].roles:
        response = page(
            request, "sign_in.html", status=401, next=next_of(request.path_qs), trouble="", name=""
        )
    else:
        response = page(request, "error.html", status=error.status, message=error.message)
    response.headers.update(error.headers or {})
    return response


def done(request: web.Request, path: str, notice: str = "", undo: int | None = None) -> web.Response:
    """Back to a page after a change, which it tells of; a script gets the same as JSON."""
    if not wants_page(request):
        body = {"told": notice, "undo": undo}
        return web.Response(body=json.dumps(body).encode(), content_type="application/json")
    response = web.Response(status=303, headers={"Location": path})
    if notice:
        value = json.dumps({"text": notice[:500], "undo": undo})
        response.set_cookie(
            TOLD_COOKIE, value.encode().hex(), max_age=60, path="/", httponly=True, samesite="Lax"
        )
    return response


def asset(name: str) -> web.Response:
    """A file of `assets/`. Raises ApiError for one that is not there."""
    found = _assets().get(name)
    if found is None:
        raise ApiError(404, "There is no such file.")
    kind = _KINDS[name.rpartition(".")[2]]
    return web.Response(
        body=found,
        content_type=kind,
        charset="utf-8" if kind.startswith("text/") else None,
        headers={
            "Cache-Control": "max-age=300",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        },
    )


def _notice_of(request: web.Request) -> dict[str, Any] | None:
    """What the last change of this visitor has to say."""
    try:
        value = json.loads(bytes.fromhex(request.cookies.get(TOLD_COOKIE, "")))
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        return None
    undo = value.get("undo")
    return {"text": value["text"], "undo": undo if isinstance(undo, int) else None}


@cache
def _assets() -> dict[str, bytes]:
    return {
        file.name: file.read_bytes() for file in _ASSETS.iterdir() if file.name.rpartition(".")[2] in _KINDS
    }


@cache
def _templates() -> Environment:
    texts = {file.name: file.read_text("utf-8") for file in _FOLDER.iterdir() if file.name.endswith(".html")}
    environment = Environment(
        loader=DictLoader(texts),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words.FILTERS)
    environment.globals["words"] = words
    return environment
