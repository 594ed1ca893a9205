"""Everything known about one site: its face, who else wears it, and what was said of it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import web

from samelook.api.description import described
from samelook.api.pages.frame import TAG
from samelook.api.pages.in_memory import PAGE_SETTINGS, judge_of, looks_like
from samelook.api.pages.render import done, page
from samelook.api.pages.sentences import how_alike
from samelook.api.requests import texts_of
from samelook.api.state import POOL
from samelook.api.visitors import next_of, who_acts
from samelook.extension_api.objections import objections_of
from samelook.extension_api.operator import Act, visit_now
from samelook.inspector.errors import NoSuchSite
from samelook.inspector.operator import audit_answer
from samelook.inspector.sites import site_answer

if TYPE_CHECKING:
    from samelook.inspector.listing import Answer, Row

routes = web.RouteTableDef()
_MOST_WEARERS = 24
_FORMS = ("pdq", "phash", "blockhash16", "blockhash16_quick", "blockhash8", "blockhash8_quick")
"""The signals that are drawn, in this order; the others are shown as text."""


@routes.get("/ui/site/{site}")
@described(TAG, "Everything known about a site", page=True)
async def site(request: web.Request) -> web.Response:
    name = request.match_info["site"]
    async with request.app[POOL].acquire() as connection:
        try:
            found = await site_answer(
                connection,
                PAGE_SETTINGS,
                name,
                limit=_MOST_WEARERS,
                judge=judge_of(request.app),
                looks_like=looks_like(request.app),
            )
        except NoSuchSite as error:
            return page(request, "no_site.html", status=404, site=error.detail["site"], message=error.message)
        (audit,) = (
            await audit_answer(connection, subject=found.facts["registrable_domain"], limit=10)
        ).listings
        objections = await objections_of(connection, found.facts["registrable_domain"])
    return page(
        request, "site.html", objections=objections, audit=audit.rows, how_alike=how_alike, **_values(found)
    )


@routes.post("/ui/visit")
@described(TAG, "Sends the crawler to a site before all others", page=True, role="curator")
async def visit(request: web.Request) -> web.Response:
    sent = await texts_of(request)
    async with request.app[POOL].acquire() as connection:
        asked = await visit_now(connection, sent.get("site", ""), Act(who_acts(request)))
    notice = f"{asked} is next: whoever crawls visits it before all others."
    return done(request, next_of(sent.get("next") or f"/ui/site/{quote(asked)}"), notice)


def _values(found: Answer) -> dict[str, Any]:
    tables = {listing.name: listing.rows for listing in found.listings}
    notes = [note for listing in found.listings for note in listing.notes]
    signals: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in tables["signals"]:
        signals[row["sha256"]][row["signal"]] = row["value"]
    icons = tables["icons"]
    shown = [icon for icon in icons if icon["gone_at"] is None]
    best = max(shown, key=lambda icon: (icon["sha256"] is not None, _area(icon)), default=None)
    return {
        "facts": found.facts,
        "site": found.facts["site"],
        "best": None if best is None else best["sha256"],
        "icons": icons,
        "signals": signals,
        "drawn": _FORMS,
        "reasons": tables["reasons"],
        "likes": [_as_match(row) for row in tables["looks_like"]],
        "alike": tables["look_alikes"],
        "history": tables["history"],
        "errors": tables["errors"],
        "sightings": tables["sightings"],
        "reports": tables["reports"],
        "given": tables["explained_verdicts"],
        "listed": tables["operator_lists"][0] if tables["operator_lists"] else None,
        "waiting": sum(1 for report in tables["reports"] if report["dismissed_at"] is None),
        "notes": notes,
    }


def _area(icon: Row) -> int:
    return (icon["width"] or 0) * (icon["height"] or 0)


def _as_match(row: Row) -> Row:
    return {**row, "sha256": {"asker": row["own_sha256"], "owner": row["sha256"]}}
