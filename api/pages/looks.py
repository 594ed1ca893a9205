"""Looks that several sites share, largest first, and those that may belong into the catalogue."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from samelook.api.description import described
from samelook.api.pages.frame import TAG
from samelook.api.pages.remembered import PageCache
from samelook.api.pages.render import page
from samelook.api.state import POOL
from samelook.inspector.operator import common_answer
from samelook.inspector.overlaps import overlaps_answer
from samelook.inspector.settings import InspectorSettings

routes = web.RouteTableDef()
_MOST = 60
_KEPT_S = 60.0
_FEWEST_SITES = 3


CLUSTERS = web.AppKey("clusters", PageCache)
"""The clusters, which take a walk over all looks: found once a minute at most."""


@routes.get("/ui/looks")
@described(TAG, "Looks that several sites share", page=True)
async def looks(request: web.Request) -> web.Response:
    values = await request.app[CLUSTERS].values_soon(request.app)
    return page(request, "looks.html", **values if values is not None else {"clusters": None})


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


def clusters() -> PageCache:
    return PageCache(_values, _KEPT_S)
