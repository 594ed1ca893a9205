"""The web pages, for people: they render what other rooms answer and post what people decide."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from samelook.api.pages import banks, exchanges, frame, home, looks, match, site, verdicts
from samelook.api.pages.home import LIVE, Live
from samelook.api.pages.looks import CLUSTERS, clusters
from samelook.api.pages.pictures import PICTURES, DrawnPictures
from samelook.api.state import SANDBOX, SETTINGS


def add_pages(app: web.Application) -> None:
    """The routes of the role ui, after the sandbox that draws their pictures."""
    app.cleanup_ctx.append(_pictures)
    app.on_shutdown.append(_end_streams)
    for page in (frame, home, verdicts, site, looks, match, banks):
        app.add_routes(page.routes)
    if "curator" in app[SETTINGS].roles:
        app.add_routes(exchanges.routes)


async def _pictures(app: web.Application) -> AsyncIterator[None]:
    app[PICTURES] = DrawnPictures(app[SANDBOX])
    app[LIVE] = Live()
    app[CLUSTERS] = clusters()
    yield
    await app[CLUSTERS].close()
    await app[LIVE].cache.close()


async def _end_streams(app: web.Application) -> None:
    app[LIVE].stopping.set()
