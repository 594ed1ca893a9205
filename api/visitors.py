"""People in front of the web pages: who they are, and whether a form of theirs came from a page of ours.

A visitor without a session may read where no keys are needed, on this machine's loopback; changes always need
a session. Whoever shows an API key in a header is a program, and is let in as to every other route.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from samelook.api.access import SAFE_METHODS, allows, is_trusted
from samelook.api.callers import address_of
from samelook.api.description import AccessRole, Operation
from samelook.api.errors import ApiError
from samelook.api.keys import ApiKey
from samelook.api.requests import texts_of
from samelook.api.sessions import LONGEST_S, Sessions, SignedIn, form_token
from samelook.api.state import CALLER, ROLE, SETTINGS
from samelook.sql.audit import act_as

SESSIONS = web.AppKey("sessions", Sessions)
SESSION_COOKIE = "samelook_session"
VISITOR_COOKIE = "samelook_visitor"
"""Of whoever has not signed in: forms need something that other pages do not know."""
TOKEN_FIELD, TOKEN_HEADER = "token", "X-Samelook-Token"
_SHORTEST_COOKIE = 20


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page."""

    signed_in: SignedIn | None
    role: AccessRole | None
    """What they may do; None: only what everybody may."""
    cookie: str
    is_new: bool
    """Whether the cookie has still to be set."""

    @property
    def token(self) -> str:
        """What their forms carry."""
        return form_token(self.cookie)

    def may(self, role: AccessRole) -> bool:
        """Whether they may do what needs this role. Changes need a session, whatever may be read."""
        if role != "viewer" and self.signed_in is None:
            return False
        return self.role is not None and allows(self.role, role)


VISITOR: web.RequestKey[Visitor] = web.RequestKey("visitor")


async def admit(request: web.Request, operation: Operation) -> None:
    """Finds out who looks at a page. Raises ApiError where they may not, or where their form is not ours."""
    visitor = await _visitor(request)
    request[VISITOR] = visitor
    if request.method not in SAFE_METHODS:
        await _check_form(request, visitor)
    if operation.role is None:
        return
    if visitor.role is None or (operation.role != "viewer" and visitor.signed_in is None):
        raise ApiError(401, "Sign in for this, or send an API key.", {"kind": "unauthorised"})
    if not visitor.may(operation.role):
        message = f"This needs the role {operation.role}; yours is {visitor.role}."
        raise ApiError(403, message, {"kind": "forbidden"})
    key = visitor.signed_in.key if visitor.signed_in is not None else None
    if key is not None and key.scopes is not None and operation.scope not in key.scopes:
        message = f"This key is for {', '.join(sorted(key.scopes))} only, not for the pages."
        raise ApiError(403, message, {"kind": "forbidden"})
    request[ROLE] = visitor.role
    if key is not None:
        request[CALLER] = key
    act_as(who_acts(request))


def who_acts(request: web.Request) -> str:
    """Whoever acts, as the audit names them."""
    visitor, key = request.get(VISITOR), request.get(CALLER)
    if visitor is not None and visitor.signed_in is not None:
        return str(visitor.signed_in.who)
    return f"key {key.name}" if isinstance(key, ApiKey) else "local"


def set_cookie(request: web.Request, response: web.StreamResponse, name: str, value: str) -> None:
    """A cookie that scripts cannot read and that other sites' forms do not send."""
    public = request.app[SETTINGS].public_url
    secure = request.secure or urlsplit(public).scheme == "https"
    age = round(LONGEST_S) if value else 0
    response.set_cookie(name, value, max_age=age, path="/", secure=secure, httponly=True, samesite="Lax")


async def _visitor(request: web.Request) -> Visitor:
    settings = request.app[SETTINGS]
    cookie = request.cookies.get(SESSION_COOKIE, "")
    sessions = request.app.get(SESSIONS)  # a service without a database has none
    if cookie and sessions is not None:
        signed_in = await sessions.who(cookie)
        if signed_in is not None:
            return Visitor(signed_in, signed_in.role, cookie, is_new=False)
    may_read = not settings.keys_needed or is_trusted(address_of(request), settings)
    known = request.cookies.get(VISITOR_COOKIE, "")
    is_new = len(known) < _SHORTEST_COOKIE
    return Visitor(
        None, "viewer" if may_read else None, secrets.token_urlsafe(32) if is_new else known, is_new
    )


async def _check_form(request: web.Request, visitor: Visitor) -> None:
    shown = request.headers.get(TOKEN_HEADER)
    if shown is None:
        shown = (await texts_of(request)).get(TOKEN_FIELD)
    if shown is None and request.content_type == "multipart/form-data":
        # The rest of it is read by whoever wants the files: the token is in the form's address.
        shown = request.query.get(TOKEN_FIELD)
    if visitor.is_new or not hmac.compare_digest((shown or "").encode(), visitor.token.encode()):
        message = "This form is not of a page that was opened here, or it is too old; load the page again."
        raise ApiError(403, message, {"kind": "bad_form"})


def next_of(text: str) -> str:
    """Where to go after signing in: a path of the pages, and nothing else."""
    parts = urlsplit(text)
    own = not parts.scheme and not parts.netloc and text.startswith("/ui/") and text.isprintable()
    return text if own and "\\" not in text and not text.startswith("//") else "/ui/"


def wants_page(request: web.BaseRequest) -> bool:
    """Whether a person's browser asks, which says that it takes HTML."""
    return "text/html" in request.headers.get(hdrs.ACCEPT, "")
