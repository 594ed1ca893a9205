"""What all pages share: their files, the pictures on them, signing in and out."""

from __future__ import annotations

from aiohttp import web

from samelook.api.callers import network_behind
from samelook.api.description import described
from samelook.api.errors import ApiError, bad_request, explained
from samelook.api.pages.pictures import PICTURES
from samelook.api.pages.render import asset, page
from samelook.api.requests import texts_of
from samelook.api.state import POOL
from samelook.api.visitors import SESSION_COOKIE, SESSIONS, next_of, set_cookie

routes = web.RouteTableDef()
assets = web.RouteTableDef()
"""Those that every role needs."""
TAG = "Pages"
_TOO_MANY = 429


@assets.get("/assets/{name}")
@described(TAG, "A style sheet, script or drawing of the pages", role=None, page=True)
async def asset_of(request: web.Request) -> web.Response:
    return asset(request.match_info["name"])


@assets.get("/favicon.ico")
@described(TAG, "The service's own icon", role=None, page=True)
async def favicon(_: web.Request) -> web.Response:
    return asset("favicon.ico")


@routes.get("/ui/picture/{sha256}")
@described(TAG, "A picture of the crawl, drawn anew from what was hashed of it", page=True)
async def picture(request: web.Request) -> web.Response:
    try:
        sha256 = bytes.fromhex(request.match_info["sha256"])
    except ValueError as error:
        raise bad_request("A picture is asked for by its SHA-256 in hex.") from error
    async with request.app[POOL].acquire() as connection:
        drawn = await request.app[PICTURES].drawn(connection, sha256)
    if drawn is None:
        raise ApiError(404, "This picture is not kept here.", {"kind": "not_found"})
    headers = {
        "Content-Security-Policy": "default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, max-age=86400, immutable",
    }
    return web.Response(body=drawn, content_type="image/png", headers=headers)


@routes.get("/ui/sign-in")
@described(TAG, "The form to sign in", role=None, page=True)
async def sign_in_form(request: web.Request) -> web.Response:
    return page(request, "sign_in.html", next=next_of(request.query.get("next", "")), trouble="", name="")


@routes.post("/ui/sign-in")
@described(TAG, "Signs in a user, or whoever shows an API key", role=None, page=True)
async def sign_in(request: web.Request) -> web.Response:
    fields = await texts_of(request)
    sessions, network = request.app[SESSIONS], network_behind(request)
    following, name = next_of(fields.get("next", "")), fields.get("name", "")
    if not fields.get("key") and not (name and fields.get("password")):
        message = "Give a name and a password, or a key."
        return page(request, "sign_in.html", status=400, next=following, trouble=message, name=name)
    try:
        if fields.get("key"):
            token = await sessions.of_key(fields["key"].strip(), network)
        else:
            token = await sessions.of_user(name, fields["password"], network)
    except Exception as error:
        problem = explained(error)
        if problem is None or problem.status not in (400, 401, 403, _TOO_MANY):
            raise
        response = page(
            request, "sign_in.html", status=problem.status, next=following, trouble=problem.message, name=name
        )
        response.headers.update(problem.headers or {})
        return response
    response = web.Response(status=303, headers={"Location": following})
    set_cookie(request, response, SESSION_COOKIE, token)
    return response


@routes.post("/ui/sign-out")
@described(TAG, "Ends the session", role=None, page=True)
async def sign_out(request: web.Request) -> web.Response:
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        await request.app[SESSIONS].close(token)
    response = web.Response(status=303, headers={"Location": "/ui/"})
    set_cookie(request, response, SESSION_COOKIE, "")
    return response
