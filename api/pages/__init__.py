"""The web pages, for people: they render what other rooms answer and post what people decide."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from samelook.api.pages import frame, home, site, verdicts
from samelook.api.pages.home import LIVE, Live
from samelook.api.pages.pictures import PICTURES, Pictures
from samelook.api.state import SANDBOX


def add_pages(app: web.Application) -> None:
    """The routes of the role ui, after the sandbox that draws their pictures."""
    app.cleanup_ctx.append(_pictures)
    app.on_shutdown.append(_end_streams)
    for routes in (frame.routes, home.routes, verdicts.routes, site.routes):
        app.add_routes(routes)


async def _pictures(app: web.Application) -> AsyncIterator[None]:
    app[PICTURES] = Pictures(app[SANDBOX])
    app[LIVE] = Live()
    yield


async def _end_streams(app: web.Application) -> None:
    app[LIVE].stopping.set()
