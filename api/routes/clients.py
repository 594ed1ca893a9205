"""Anonymous clients: their tokens, reports and allowlists."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from samelook.api.answers import answer
from samelook.api.callers import needed_client, network_behind
from samelook.api.description import Header, described
from samelook.api.requests import body_of, parsed_json, validated
from samelook.api.routes.checks import CLIENT, TAG
from samelook.extension_api import models
from samelook.extension_api.errors import BadRequest, Unauthorised
from samelook.extension_api.extension import EXTENSION, Extension
from samelook.names.sites import site_of_url

routes = web.RouteTableDef()
_TOKEN = replace(CLIENT, description="The client's token, as POST /x/v1/clients gives it.", required=True)
_IDEMPOTENCY = Header(
    "Idempotency-Key",
    f"The same key again gives the first report's answer. At most {models.LONGEST_KEY} characters.",
    example="6f1c",
)
_SITE = "lumora-secure.example"


@routes.post("/x/v1/clients")
@described(
    TAG,
    "A token for an anonymous client",
    role="extension",
    answer=models.ClientAnswer,
    status=201,
    done="The token; it is shown this once.",
    errors=(413, 429, 503),
)
async def create_client(request: web.Request) -> web.Response:
    extension = request.app[EXTENSION]
    await request.read()
    extension.registrations.take(network_behind(request), 1)
    return answer({"client": await extension.clients.create()}, 201)


@routes.post("/x/v1/report")
@described(
    TAG,
    "Report a site",
    role="extension",
    headers=(_TOKEN, _IDEMPOTENCY),
    body=models.ReportRequest,
    example={"url": _SITE, "kind": "flag"},
    answer=models.ReportAnswer,
    status=201,
    done="The report is kept: evidence with a weight, never the truth at once.",
    also={200: "This report was here already; its answer again."},
    errors=(400, 401, 413, 415, 429, 503),
)
async def report(request: web.Request) -> web.Response:
    extension = request.app[EXTENSION]
    wanted = await body_of(request, models.ReportRequest)
    client = await needed_client(request)
    site = site_of_url(wanted.url)
    key = wanted.idempotency_key or request.headers.get(_IDEMPOTENCY.name) or None
    if key is not None and len(key) > models.LONGEST_KEY:
        raise BadRequest(f"An idempotency key has at most {models.LONGEST_KEY} characters.")
    row = None
    if key is not None:
        # A report sent again, because the client does not know whether it arrived, costs no allowance.
        row = await extension.writes.report_with_key(extension.pool, client_id=client, idempotency_key=key)
    if row is None:
        network = network_behind(request)
        _count(extension, client, network)
        row = await extension.writes.add_report(
            extension.pool,
            site=site,
            kind=wanted.kind,
            client_id=client,
            network=await extension.network_digest(network),
            idempotency_key=key,
            looks_like=site_of_url(wanted.looks_like) if wanted.looks_like else None,
        )
    if row["added"]:
        extension.outbox.want_crawl(site, extension.clock())
    elif (row["site"], row["kind"]) != (site, wanted.kind):
        raise BadRequest("This idempotency key was used for another report.", idempotency_key=key)
    return answer({"id": str(row["id"]), "site": site}, 201 if row["added"] else 200)


@routes.get("/x/v1/allowlist")
@described(
    TAG,
    "The client's allowlist",
    role="extension",
    headers=(_TOKEN,),
    answer=models.AllowedAnswer,
    done="The sites on it.",
    errors=(401, 503),
)
async def allowed(request: web.Request) -> web.Response:
    extension = request.app[EXTENSION]
    client = await needed_client(request)
    rows = [row async for row in extension.writes.allowed_sites(extension.pool, client_id=client)]
    return answer({"sites": [_allowed(row) for row in rows]})


@routes.post("/x/v1/allowlist")
@described(
    TAG,
    "Put a site on the client's allowlist",
    role="extension",
    headers=(_TOKEN,),
    body=models.AllowRequest,
    example={"url": _SITE, "expires_in_s": 3600},
    answer=models.AllowedSite,
    status=201,
    done="It is on the list.",
    errors=(400, 401, 413, 415, 429, 503),
)
async def allow(request: web.Request) -> web.Response:
    extension = request.app[EXTENSION]
    wanted = await body_of(request, models.AllowRequest)
    client = await needed_client(request)
    _count(extension, client, network_behind(request))
    return answer(_allowed(await _allow(extension, client, wanted.url, wanted.expires_in_s)), 201)


@routes.delete("/x/v1/allowlist/{site}")
@described(
    TAG,
    "Take a site off the client's allowlist",
    role="extension",
    headers=(_TOKEN,),
    status=204,
    done="It is not on the list; nothing is wrong with one that never was.",
    errors=(400, 401, 503),
)
async def disallow(request: web.Request) -> web.Response:
    extension = request.app[EXTENSION]
    client = await needed_client(request)
    site = site_of_url(request.match_info["site"])
    await extension.writes.disallow_site(extension.pool, client_id=client, site=site)
    return web.Response(status=204)


@routes.post("/allowlist-add")
@described(
    TAG,
    "Put a site on the allowlist of a ThreatSlayer key",
    role="extension",
    body=models.ThreatSlayerRequest,
    example={"url": f"https://{_SITE}/", "key": "a-key-of-ones-own-0123456789"},
    answer=models.ThreatSlayerAllowed,
    done="It is on the list of whoever has this key.",
    errors=(400, 401, 413, 415, 429, 503),
    meanings={401: "This key is shared or too short; an allowlist needs one of its own."},
)
async def threatslayer_allow(request: web.Request) -> web.Response:
    extension = request.app[EXTENSION]
    # Whatever media type the extension names: pages that should not ask were refused by their origin.
    wanted = validated(parsed_json(await request.read()), models.ThreatSlayerRequest)
    extension.reports.take(network_behind(request), 1)
    client = await extension.clients.known_or_new(wanted.key)
    if client is None:
        raise Unauthorised("An allowlist needs a key of its own; this one is shared or too short.")
    return answer({"allowlisted": True, **_allowed(await _allow(extension, client, wanted.url, None))})


def _count(extension: Extension, client: int, network: str) -> None:
    extension.reports.take(f"client {client}", 1)
    extension.reports.take(network, 1)


async def _allow(extension: Extension, client: int, url: str, expires_s: float | None) -> Any:
    return await extension.writes.allow_site(
        extension.pool, client_id=client, site=site_of_url(url), expires_s=expires_s
    )


def _allowed(row: Any) -> dict[str, Any]:
    expires = row["expires_at"]
    return {"site": row["site"], "expires_at": expires.isoformat() if expires else None}
