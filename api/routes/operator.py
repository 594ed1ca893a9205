"""What an operator decides about sites, families and reports, and who was caught: `/v1/operator/…`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal, TypeVar

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from samelook.api.answers import answer
from samelook.api.description import described
from samelook.api.requests import body_of, query_of
from samelook.api.state import CALLER, POOL
from samelook.extension_api import operator
from samelook.extension_api.operator import Act
from samelook.inspector.listing import Answer
from samelook.inspector.operator import audit_answer, lists_answer, verdicts_answer
from samelook.inspector.opinions import reports_answer
from samelook.inspector.runs import runs_answer
from samelook.sql.pool import Connection

routes = web.RouteTableDef()
_TAG = "Operator"
_LONGEST_S = 10 * 365 * 86_400
_T = TypeVar("_T")


class RowsQuery(BaseModel):
    """A page of a list."""

    limit: int = Field(default=50, ge=1, le=1000, description="Rows of a page.")
    after: str | None = Field(default=None, max_length=500, description="As the page before named it.")


class VerdictsQuery(RowsQuery):
    verdict: Literal["lock", "grey"] = "lock"
    since: AwareDatetime | None = Field(default=None, description="Only verdicts given after this.")


class ReportsQuery(RowsQuery):
    kind: Literal["unlock", "flag", "false_lock"] | None = None


class AuditQuery(RowsQuery):
    subject: str | None = Field(default=None, max_length=300, description="A site, or the name of a list.")


class NoteQuery(BaseModel):
    note: str = Field(default="", max_length=operator.MOST_NOTE, description="Why; kept in the audit.")


class _Decision(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str = Field(default="", max_length=operator.MOST_NOTE, description="Why; kept in the audit.")


class ListRequest(_Decision):
    list: Literal["allow", "block"]
    expires_s: float | None = Field(
        default=None, gt=0, le=_LONGEST_S, description="How long it lasts; until it is forgotten if absent."
    )


class FamilyRequest(_Decision):
    sites: list[str] = Field(min_length=2, max_length=operator.MOST_STATED)
    related: bool = Field(default=True, description="False: no two of them are one organisation.")


class DismissRequest(_Decision):
    site: str


class SiteListed(BaseModel):
    site: str
    list: Literal["allow", "block"] | None


class FamilyStated(BaseModel):
    sites: list[str]
    related: bool


class ReportsDismissed(BaseModel):
    site: str
    dismissed: int


class PageAnswer(BaseModel):
    """Rows, and where the next page begins if there is one."""

    rows: list[dict[str, Any]]
    after: str | None


@routes.put("/v1/operator/sites/{site}")
@described(
    _TAG,
    "Puts a site on the allowlist or the blocklist",
    role="curator",
    body=ListRequest,
    answer=SiteListed,
    errors=(400, 415),
)
async def list_site(request: web.Request) -> web.Response:
    body = await body_of(request, ListRequest)
    site = await _done(
        request,
        lambda connection: operator.list_site(
            connection,
            request.match_info["site"],
            body.list,
            _act(request, body.note),
            expires_s=body.expires_s,
        ),
    )
    return answer({"site": site, "list": body.list})


@routes.delete("/v1/operator/sites/{site}")
@described(_TAG, "Takes back what was said of a site", role="curator", query=NoteQuery, answer=SiteListed)
async def forget_site(request: web.Request) -> web.Response:
    act = _act(request, query_of(request, NoteQuery).note)
    site = await _done(
        request, lambda connection: operator.forget_site(connection, request.match_info["site"], act)
    )
    return answer({"site": site, "list": None})


@routes.get("/v1/operator/sites")
@described(_TAG, "The sites on both lists", query=RowsQuery, answer=PageAnswer)
async def list_sites(request: web.Request) -> web.Response:
    query = query_of(request, RowsQuery)
    return await _page(
        request, lambda connection: lists_answer(connection, limit=query.limit, after=query.after)
    )


@routes.post("/v1/operator/families")
@described(
    _TAG,
    "States that sites are one organisation, or that they are not",
    role="curator",
    body=FamilyRequest,
    answer=FamilyStated,
    errors=(400, 415),
)
async def state_family(request: web.Request) -> web.Response:
    body = await body_of(request, FamilyRequest)
    act = _act(request, body.note)
    sites = await _done(
        request, lambda connection: operator.state_family(connection, body.sites, act, related=body.related)
    )
    return answer({"sites": sites, "related": body.related})


@routes.get("/v1/operator/reports")
@described(_TAG, "What people reported, the newest first", query=ReportsQuery, answer=PageAnswer)
async def list_reports(request: web.Request) -> web.Response:
    query = query_of(request, ReportsQuery)
    return await _page(
        request,
        lambda connection: reports_answer(connection, kind=query.kind, limit=query.limit, after=query.after),
    )


@routes.post("/v1/operator/reports/dismiss")
@described(
    _TAG,
    "Disagrees with all reports on a site so far",
    role="curator",
    body=DismissRequest,
    answer=ReportsDismissed,
    errors=(400, 415),
)
async def dismiss_reports(request: web.Request) -> web.Response:
    body = await body_of(request, DismissRequest)
    act = _act(request, body.note)
    site, count = await _done(
        request, lambda connection: operator.dismiss_reports(connection, body.site, act)
    )
    return answer({"site": site, "dismissed": count})


@routes.get("/v1/operator/verdicts")
@described(
    _TAG,
    "Sites that were locked or grey when somebody asked, and whom they copy",
    query=VerdictsQuery,
    answer=PageAnswer,
)
async def list_verdicts(request: web.Request) -> web.Response:
    query = query_of(request, VerdictsQuery)
    since: datetime | None = query.since
    return await _page(
        request,
        lambda connection: verdicts_answer(
            connection, verdict=query.verdict, since=since, limit=query.limit, after=query.after
        ),
    )


@routes.get("/v1/operator/audit")
@described(_TAG, "Who did what, when and why, the newest first", query=AuditQuery, answer=PageAnswer)
async def list_audit(request: web.Request) -> web.Response:
    query = query_of(request, AuditQuery)
    return await _page(
        request,
        lambda connection: audit_answer(
            connection, subject=query.subject, limit=query.limit, after=query.after
        ),
    )


@routes.get("/v1/operator/runs")
@described(
    _TAG,
    "Runs of the crawl and of imports: when, how many, which errors, how they ended; the newest first",
    query=RowsQuery,
    answer=PageAnswer,
)
async def list_runs(request: web.Request) -> web.Response:
    query = query_of(request, RowsQuery)
    return await _page(
        request, lambda connection: runs_answer(connection, limit=query.limit, after=query.after)
    )


def _act(request: web.Request, note: str) -> Act:
    """Who acts: the key's name, or whoever may call a service that needs none."""
    key = request.get(CALLER)
    return Act("local" if key is None else f"key {key.name}", note)


async def _done(request: web.Request, act: Callable[[Connection], Awaitable[_T]]) -> _T:
    async with request.app[POOL].acquire() as connection:
        return await act(connection)


async def _page(request: web.Request, ask: Callable[[Connection], Awaitable[Answer]]) -> web.Response:
    (listing,) = (await _done(request, ask)).listings
    return answer({"rows": listing.rows, "after": listing.after})
