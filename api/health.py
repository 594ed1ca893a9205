"""Whether each role of a process can do its work now; known within two seconds of any change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace

import asyncpg
import structlog
from aiohttp import web

from samelook.api.settings import ApiSettings, Role
from samelook.api.state import MATCHING, SETTINGS
from samelook.extension_api.extension import EXTENSION
from samelook.sql.away import AWAY
from samelook.sql.cancelled import check_cancelled
from samelook.sql.named import queries
from samelook.sql.pool import Connection, open_connection
from samelook.sql.standby import is_read_only

_log = structlog.get_logger(__name__)
_LOOK_S = 0.5
_ANSWER_S = 1.0
_CONNECT_S = 2.0
"""A server that is ending may take a connection and say nothing more."""


@dataclass(slots=True)
class Heartbeat:
    """Whether the database answers, and whether it is a standby or otherwise closed to changes."""

    is_there: bool = True
    is_read_only: bool = False
    is_full: bool = False
    """Whether its disk was full when something was last written."""


HEARTBEAT = web.AppKey("heartbeat", Heartbeat)


async def database_watched(app: web.Application) -> AsyncIterator[None]:
    """For `cleanup_ctx`: asks the database, if there is one, twice a second whether it is there."""
    if not app[SETTINGS].database.url:
        yield
        return
    heartbeat = app[HEARTBEAT]
    task = asyncio.create_task(_listen(app[SETTINGS], heartbeat))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _listen(settings: ApiSettings, heartbeat: Heartbeat) -> None:
    clock, patience_s = asyncio.get_running_loop().time, _CONNECT_S
    while True:
        began, soon = clock(), replace(settings.database, connect_timeout_s=patience_s)
        try:
            # A connection of its own: those of the pool may all be busy.
            async with asyncio.timeout(None) as deadline, open_connection(soon) as connection:
                patience_s = _CONNECT_S
                while True:
                    deadline.reschedule(clock() + _ANSWER_S)
                    read_only = await is_read_only(connection)
                    if heartbeat.is_full and not read_only:
                        heartbeat.is_full = not await _has_room(connection)
                    deadline.reschedule(None)
                    if read_only != heartbeat.is_read_only:
                        _log.warning("api.database_read_only" if read_only else "api.database_writable")
                    heartbeat.is_there, heartbeat.is_read_only = True, read_only
                    await asyncio.sleep(_LOOK_S)
        except AWAY:
            check_cancelled()
            if not heartbeat.is_there and clock() - began >= patience_s:
                # It may be a busy machine's, and only slow.
                patience_s = min(2 * patience_s, settings.database.connect_timeout_s)
            heartbeat.is_there = False
        await asyncio.sleep(_LOOK_S)


async def _has_room(connection: Connection) -> bool:
    """Whether some pages more can be written; they are not kept."""
    try:
        async with connection.transaction():
            await queries("health").fill_some_pages(connection)
    except asyncpg.DiskFullError:
        return False
    return True


def troubles(app: web.Application) -> dict[Role, str]:
    """What is wrong, by role of this process; empty when all is well.

    Lookups and verdicts go on from memory while the database is away; changes do not.
    """
    found: dict[Role, str] = {}
    settings = app[SETTINGS]
    if "matcher" in settings.roles:
        live = app[MATCHING].live
        if live is None:
            found["matcher"] = "INDEX-NOT-LOADED"
        elif 0 < settings.stale_s < live.age_s:
            found["matcher"] = "INDEX-STALE"
    if "curator" in settings.roles and not app[HEARTBEAT].is_there:
        found["curator"] = "DATABASE-AWAY"
    elif "curator" in settings.roles and app[HEARTBEAT].is_read_only:
        found["curator"] = "DATABASE-READ-ONLY"
    elif "curator" in settings.roles and app[HEARTBEAT].is_full:
        found["curator"] = "DATABASE-FULL"
    if "extension" in settings.roles and not app[EXTENSION].follower.is_loaded:
        found["extension"] = "FACTS-NOT-LOADED"
    return found
