"""Health, metrics, what paths there are, and the API explained."""

from __future__ import annotations

import re

from aiohttp import web
from pydantic import BaseModel, Field

from samelook.api.answers import answer
from samelook.api.crawl_metrics import crawl_exposition
from samelook.api.description import described
from samelook.api.errors import bad_request
from samelook.api.health import HEARTBEAT, troubles
from samelook.api.metrics import CONTENT_TYPE, METRICS
from samelook.api.openapi import DESCRIPTION
from samelook.api.pages.render import page
from samelook.api.requests import query_of
from samelook.api.settings import Role
from samelook.api.state import MATCHING, POOL, SETTINGS
from samelook.extension_api.extension import EXTENSION

routes = web.RouteTableDef()
_TAG = "Core"
_VARIABLE = re.compile(r"\{(\w+)\}")
_KINDS = {"id": "int:", "content_id": "int:", "exchange_name": "string:", "api_name": "string:"}


class StatusQuery(BaseModel):
    role: Role | None = Field(default=None, description="Only whether this role can do its work.")


@routes.get("/status")
@described(
    _TAG,
    "Whether the service can answer: I-AM-ALIVE",
    role=None,
    query=StatusQuery,
    produces="text/plain",
    errors=(400, 503),
    meanings={503: "The text says what is wrong, in HMA's words where it has them."},
)
async def status(request: web.Request) -> web.Response:
    return _health(request, "I-AM-ALIVE", with_roles=False)


@routes.get("/status/live")
@described(
    _TAG, "Whether the process runs, whatever its index does", role=None, produces="text/plain", errors=()
)
async def alive(_: web.Request) -> web.Response:
    return web.Response(text="I-AM-ALIVE")


@routes.get("/livez")
@described(_TAG, "The same for Kubernetes", role=None, produces="text/plain", errors=())
async def livez(_: web.Request) -> web.Response:
    return web.Response(text="OK")


@routes.get("/readyz")
@described(
    _TAG,
    "As /status, for Kubernetes",
    role=None,
    query=StatusQuery,
    produces="text/plain",
    errors=(400, 503),
)
async def readyz(request: web.Request) -> web.Response:
    return _health(request, "READY", with_roles=True)


@routes.get("/site-map")
@described(_TAG, "All paths", answer=list[str], errors=())
async def site_map(request: web.Request) -> web.Response:
    return answer(sorted({hma_path(resource.canonical) for resource in request.app.router.resources()}))


@routes.get("/metrics")
@described(_TAG, "Metrics for Prometheus", produces="text/plain", errors=())
async def metrics(request: web.Request) -> web.Response:
    matching = request.app.get(MATCHING)
    if matching is not None and matching.live is not None:
        for name, live in matching.live.indexes.items():
            METRICS.index_items.labels(name).set(len(live.index))
            METRICS.index_bytes.labels(name).set(live.index.status().bytes)
        METRICS.index_age.set(matching.live.age_s)
    extension = request.app.get(EXTENSION)
    if extension is not None:
        METRICS.facts_current.set(extension.follower.is_current)
        METRICS.facts_sites.set(len(extension.follower.memory.sites))
        METRICS.outbox_waiting.set(extension.outbox.waiting)
    METRICS.database_up.set(request.app[HEARTBEAT].is_there)
    METRICS.database_read_only.set(request.app[HEARTBEAT].is_read_only)
    body = METRICS.exposition()
    if POOL in request.app:
        body += await crawl_exposition(request.app[POOL])
    return web.Response(body=body, content_type=CONTENT_TYPE, charset="utf-8")


@routes.get("/openapi/openapi.json")
@described(_TAG, "This description of the API", role=None, answer=dict[str, object], errors=())
async def openapi(request: web.Request) -> web.Response:
    return web.Response(body=request.app[DESCRIPTION].text, content_type="application/json")


@routes.get("/openapi/")
@routes.get("/openapi/swagger")
@described(_TAG, "The API to read and try out", role=None, produces="text/html", errors=())
async def explorer(request: web.Request) -> web.Response:
    return page(request, "explorer.html")


@routes.get("/openapi")
@described(_TAG, "To the explorer", role=None, produces="text/plain", status=302, errors=())
async def to_explorer(_: web.Request) -> web.Response:
    raise web.HTTPFound("/openapi/")


def hma_path(path: str) -> str:
    """A path with its variables as HMA writes them: `<bank_name>` for `{bank_name}`."""
    return _VARIABLE.sub(lambda found: f"<{_KINDS.get(found[1], '')}{found[1]}>", path)


def _health(request: web.Request, well: str, *, with_roles: bool) -> web.Response:
    wanted = query_of(request, StatusQuery).role
    if wanted is not None and wanted not in request.app[SETTINGS].roles:
        raise bad_request(f"This process does not have the role {wanted}.")
    found = {role: word for role, word in troubles(request.app).items() if wanted in (None, role)}
    if not found:
        return web.Response(text=well)
    words = list(dict.fromkeys(found.values()))
    if with_roles:
        words = [f"{word}: {', '.join(r for r, w in found.items() if w == word)}" for word in words]
    return web.Response(text="; ".join(words), status=503)
