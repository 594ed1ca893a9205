"""Looks that several sites share, largest first, and those that may belong into the catalogue."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiohttp import web

from samelook.api.description import described
from samelook.api.pages.frame import TAG
from samelook.api.pages.render import page
from samelook.api.state import POOL
from samelook.inspector.operator import common_answer
from samelook.inspector.overlaps import overlaps_answer
from samelook.inspector.settings import InspectorSettings

routes = web.RouteTableDef()
_MOST = 60
_KEPT_S = 60.0
_FEWEST_SITES = 3


class Clusters:
    """The clusters, which take a walk over all looks: found once a minute at most."""

    def __init__(self) -> None:
        self._found: dict[str, Any] | None = None
        self._at = 0.0
        self._asking = asyncio.Lock()

    async def found(self, app: web.Application) -> dict[str, Any]:
        """The values of the page."""
        async with self._asking:
            if self._found is None or time.monotonic() - self._at > _KEPT_S:
                self._found = await _values(app)
                self._at = time.monotonic()
            return self._found


CLUSTERS = web.AppKey("clusters", Clusters)


@routes.get("/ui/looks")
@described(TAG, "Looks that several sites share", page=True)
async def looks(request: web.Request) -> web.Response:
    return page(request, "looks.html", **await request.app[CLUSTERS].found(request.app))


async def _values(app: web.Application) -> dict[str, Any]:
    async with app[POOL].acquire() as connection:
        overlaps = await overlaps_answer(connection, InspectorSettings(), limit=_MOST)
        common = await common_answer(connection, min_sites=_FEWEST_SITES)
    clusters, members = overlaps.listings
    worn: dict[int, list[dict[str, Any]]] = {}
    for row in members.rows:
        worn.setdefault(row["cluster"], []).append(row)
    return {
        "clusters": [
            {**row, "members": worn.get(place, [])} for place, row in enumerate(clusters.rows, start=1)
        ],
        "notes": clusters.notes,
        "facts": overlaps.facts,
        "proposals": common.listings[0].rows,
    }
