"""What the handlers of one application share."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web

from samelook.api.description import AccessRole
from samelook.api.errors import ApiError
from samelook.api.keys import ApiKey, KeyStore
from samelook.api.lite import Lite
from samelook.api.settings import ApiSettings
from samelook.banks.changes import Changes
from samelook.banks.contents import ContentStore
from samelook.banks.live import LiveBanks
from samelook.banks.store import BankStore
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.extension_api.limits import Levels
from samelook.hashing.sandbox import Sandbox
from samelook.sql.pool import Pool


@dataclass(slots=True)
class Matching:
    """The live banks once they are loaded, and why they are not."""

    live: LiveBanks | None = None
    trouble: str = field(default="they are being loaded")


@dataclass(frozen=True, slots=True)
class Curation:
    """The stores that curators' requests go to."""

    banks: BankStore
    contents: ContentStore
    changes: Changes


SETTINGS = web.AppKey("settings", ApiSettings)
POOL: web.AppKey[Pool] = web.AppKey("pool")
MATCHING = web.AppKey("matching", Matching)
CURATION = web.AppKey("curation", Curation)
SANDBOX = web.AppKey("sandbox", Sandbox)
FETCHER = web.AppKey("fetcher", Fetcher)
LITE = web.AppKey("lite", Lite)
KEYS = web.AppKey("keys", KeyStore)
LEVELS = web.AppKey("levels", Levels)
"""How much of their limits callers have used up, in all serving processes together."""
ROLE: web.RequestKey[AccessRole] = web.RequestKey("role")
"""What the caller may do, once access was given. Who needs no key may do everything."""
CALLER: web.RequestKey[ApiKey] = web.RequestKey("caller")
"""The key that was shown; missing where none is needed."""


def live_of(request: web.Request) -> LiveBanks:
    """The live banks. Raises ApiError 503 while they are not loaded."""
    live = request.app[MATCHING].live
    if live is None:
        raise ApiError(
            503, f"index not yet ready: {request.app[MATCHING].trouble}", headers={"Retry-After": "1"}
        )
    return live


def check_hashing(request: web.Request) -> None:
    """Raises ApiError where media are not hashed."""
    if "hasher" not in request.app[SETTINGS].roles:
        raise ApiError(403, "Hashing is disabled, missing role")


def check_admin(request: web.Request, what: str) -> None:
    """Raises ApiError unless the caller may do everything."""
    if request.get(ROLE) != "admin":
        raise ApiError(403, f"{what} needs a key with the role admin.")


async def show_at_once(request: web.Request, *types: str) -> None:
    """Makes what was just committed match in this process before the answer leaves.

    Where matching is not loaded, nothing needs to be done: loading will find it.
    """
    matching = request.app.get(MATCHING)
    if matching is not None and matching.live is not None:
        await matching.live.refresh(*types)
