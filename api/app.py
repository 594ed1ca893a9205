"""The application: resources, middlewares and the routes of the roles it has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial

import structlog
from aiohttp import web

from samelook.api.admission import DECODING, DOOR, Door, loop_watched, with_admission
from samelook.api.errors import ApiError
from samelook.api.health import HEARTBEAT, Heartbeat, database_watched
from samelook.api.keys import KeyStore
from samelook.api.lite import Lite, check_list
from samelook.api.middlewares import measured, with_access, with_cors, with_errors, with_host
from samelook.api.openapi import DESCRIPTION, Description
from samelook.api.pages import add_pages
from samelook.api.pages import frame as frame_routes
from samelook.api.pages import why as why_routes
from samelook.api.queue_figures import queue_figures
from samelook.api.routes import bulk as bulk_routes
from samelook.api.routes import chat as chat_routes
from samelook.api.routes import checks as check_routes
from samelook.api.routes import clients as client_routes
from samelook.api.routes import content as content_routes
from samelook.api.routes import curation as curation_routes
from samelook.api.routes import exchange as exchange_routes
from samelook.api.routes import export as export_routes
from samelook.api.routes import following as following_routes
from samelook.api.routes import hashing as hashing_routes
from samelook.api.routes import keys as key_routes
from samelook.api.routes import lite as lite_routes
from samelook.api.routes import matching as matching_routes
from samelook.api.routes import operator as operator_routes
from samelook.api.routes import status as status_routes
from samelook.api.sessions import Sessions
from samelook.api.settings import MOST_HELD, ApiSettings
from samelook.api.slashes import MergedSlashes
from samelook.api.slowness import descriptors_watched, with_body_deadline
from samelook.api.state import (
    CURATION,
    FETCHER,
    KEYS,
    LEVELS,
    LITE,
    MATCHING,
    POOL,
    SANDBOX,
    SETTINGS,
    Curation,
    Matching,
)
from samelook.api.visitors import SESSIONS
from samelook.banks.changes import Changes
from samelook.banks.contents import ContentStore
from samelook.banks.live import live_banks
from samelook.banks.store import BankStore
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.extension_api.extension import extension_context
from samelook.extension_api.limits import Levels
from samelook.hashing.picture import DecodeLimits
from samelook.hashing.sandbox import Sandbox
from samelook.inspector.chat import ChatDesk, add_chat
from samelook.inspector.settings import ChatSettings
from samelook.matching.errors import SourceUnavailable
from samelook.matching.memory import give_back
from samelook.sql.cancelled import check_cancelled
from samelook.sql.errors import DatabaseError
from samelook.sql.pool import Pool, open_pool

_log = structlog.get_logger(__name__)
_LOOK_S = 1.0
_LONGEST_RETRY_S = 30.0
_DECODERS_IDLE_S = 60.0
_MEDIA_A_DECODER = 4
"""Where pictures are rare, the next one waits a third of a second for a decoder to start."""


def create_app(settings: ApiSettings) -> web.Application:
    """The service with the roles of the settings. Serve it with `access_log=None`: it has metrics.

    Raises BadList when HMA-lite's list cannot be used.
    """
    app = web.Application(
        middlewares=[
            measured,
            with_host,
            with_admission,
            with_cors,
            with_errors,
            with_body_deadline,
            with_access,
        ],
        client_max_size=settings.max_body_bytes,
    )
    app[SETTINGS] = settings
    app[DOOR] = Door()
    app[DESCRIPTION] = Description(app)
    # Made here, before serving processes are forked, so that they share it.
    app[LEVELS] = Levels()
    app.cleanup_ctx.append(loop_watched)
    app.cleanup_ctx.append(descriptors_watched)
    app.cleanup_ctx.append(_database)
    app[HEARTBEAT] = Heartbeat()
    app.cleanup_ctx.append(database_watched)
    app.add_routes(status_routes.routes)
    app.add_routes(frame_routes.assets)
    if settings.roles & {"hasher", "extension", "ui"} or settings.chat is not None:
        app.cleanup_ctx.append(_sandbox)
    if "hasher" in settings.roles:
        app.cleanup_ctx.append(_fetcher)
        app.add_routes(hashing_routes.routes)
    if "matcher" in settings.roles:
        app[MATCHING] = Matching()
        app.cleanup_ctx.append(_matching)
        app.add_routes(matching_routes.routes)
    if "curator" in settings.roles:
        for routes in (
            curation_routes.routes,
            content_routes.routes,
            following_routes.routes,
            bulk_routes.routes,
            key_routes.routes,
            operator_routes.routes,
        ):
            app.add_routes(routes)
        app.cleanup_ctx.append(queue_figures)
        export_routes.add_export(app)
        exchange_routes.add_exchanges(app)
    if "lite" in settings.roles:
        check_list(settings.lite)
        app[LITE] = Lite(settings.lite)
        app.cleanup_ctx.append(_lite)
        lite_routes.add_lite(app)
    if "extension" in settings.roles:
        app.cleanup_ctx.append(
            extension_context(settings.extension, settings.database, lambda app: app[SANDBOX], app[LEVELS])
        )
        app.add_routes(check_routes.routes)
        app.add_routes(client_routes.routes)
        app.add_routes(why_routes.routes)
    if "ui" in settings.roles:
        add_pages(app)
    if settings.chat is not None:
        chat_routes.describe()
        add_chat(app, partial(_chat_desk, settings.chat))
    app.router.register_resource(MergedSlashes(app))
    return app


async def _database(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    async with AsyncExitStack() as stack:
        pool = None
        if settings.database.url:
            # A service that only hashes starts without a connection, so also while the database is away.
            least = settings.database.min_connections if settings.needs_database else 0
            pool = await stack.enter_async_context(
                open_pool(replace(settings.database, min_connections=least))
            )
            banks = BankStore(pool)
            contents = ContentStore(banks)
            app[POOL] = pool
            app[CURATION] = Curation(banks, contents, Changes(contents))
        app[KEYS] = KeyStore(pool, settings.admin_key, settings.keys_file, app[LEVELS])
        if pool is not None:
            app[SESSIONS] = Sessions(pool, app[KEYS])
        keeping = asyncio.create_task(app[KEYS].run())
        yield
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def _sandbox(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    limits = DecodeLimits(max_bytes=min(settings.max_upload_bytes, MOST_HELD))
    patient = replace(settings.sandbox, seconds=settings.picture_s)
    # A dozen photographs at once leave some 40 MB of freed memory behind, which the C library would keep.
    async with Sandbox(
        settings.hash_processes, patient, limits, idle_s=_DECODERS_IDLE_S, on_idle=give_back
    ) as sandbox:
        app[SANDBOX] = sandbox
        app[DECODING] = asyncio.Semaphore(_MEDIA_A_DECODER * settings.hash_processes)
        yield


async def _fetcher(app: web.Application) -> AsyncIterator[None]:
    async with Fetcher(app[SETTINGS].fetch) as fetcher:
        app[FETCHER] = fetcher
        yield


def _chat_desk(chat: ChatSettings, app: web.Application) -> ChatDesk:
    return ChatDesk(app[POOL], app[SETTINGS].database, app[SANDBOX], chat)


async def _matching(app: web.Application) -> AsyncIterator[None]:
    # The service answers while the index is loaded: hashing, curation and /status/live do not wait for it.
    task = asyncio.create_task(_keep_matching(app))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def _read_pool(app: web.Application) -> AsyncIterator[Pool]:
    """Connections to where lookups read."""
    settings = app[SETTINGS]
    if not settings.read_url:
        yield app[POOL]
        return
    async with open_pool(replace(settings.database, url=settings.read_url)) as pool:
        yield pool


async def _keep_matching(app: web.Application) -> None:
    """Loads the banks and keeps them; begins again when the database was away for so long that it fails."""
    matching, delay = app[MATCHING], _LOOK_S
    while True:
        try:
            async with _read_pool(app) as pool, live_banks(pool, app[SETTINGS].live) as live:
                matching.live, delay = live, _LOOK_S
                await asyncio.Event().wait()
        except (SourceUnavailable, DatabaseError) as error:
            check_cancelled()
            matching.trouble = "the database cannot be read"
            _log.warning("api.matching_unavailable", error=str(error))
        except Exception:  # noqa: BLE001 - see the next line
            # This is the root of the task: if it ended, lookups would answer from an index that goes stale.
            check_cancelled()
            matching.trouble = "it failed and is being loaded again"
            _log.exception("api.matching_failed")
        finally:
            matching.live = None
        await asyncio.sleep(delay)
        delay = min(2 * delay, _LONGEST_RETRY_S)


async def _lite(app: web.Application) -> AsyncIterator[None]:
    lite = app[LITE]
    await lite.start()

    async def look() -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await lite.look_again()
            except (OSError, ApiError) as error:
                _log.warning("api.lite_list_unreadable", error=str(error))

    async with AsyncExitStack() as stack:
        task = asyncio.create_task(look())
        stack.callback(task.cancel)
        yield
