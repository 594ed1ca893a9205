"""Everyone who is locked or warned of, and what the operator decides about them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from samelook.api.answers import answer
from samelook.api.description import described
from samelook.api.errors import bad_request
from samelook.api.pages.frame import TAG
from samelook.api.pages.render import done, page
from samelook.api.pages.sentences import RULES, how_alike, why_caught
from samelook.api.requests import id_of, query_of, texts_of, validated
from samelook.api.state import POOL
from samelook.api.visitors import next_of, who_acts
from samelook.extension_api import operator
from samelook.extension_api.operator import Act
from samelook.extension_api.undoing import undo
from samelook.inspector.operator import audit_answer, verdicts_answer
from samelook.sql.pool import Connection

routes = web.RouteTableDef()
_MOST_ROWS = 10_000
_PAGE = 1000
_SPREADSHEET = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = (
    "at",
    "site",
    "own_rank",
    "verdict",
    "copies",
    "rank",
    "because",
    "times",
    "list",
    "reports",
    "id",
)


class VerdictsAsked(BaseModel):
    """Which verdicts are shown."""

    verdict: Literal["both", "lock", "grey"] = "both"
    owner: str = Field(default="", max_length=253)
    because: str = Field(default="", max_length=40)
    days: int = Field(default=90, ge=1, le=90)
    decided: Literal["", "yes", "no"] = ""
    after: str | None = Field(default=None, max_length=500)


class DecisionForm(BaseModel):
    """One click about a site."""

    model_config = ConfigDict(extra="ignore")

    site: str = Field(min_length=1, max_length=253)
    decision: Literal["allow", "block", "forget", "family", "default", "dismiss"]
    owner: str = Field(default="", max_length=253)
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    product: str = Field(default="", max_length=100)
    note: str = Field(default="", max_length=2000)
    next: str = Field(default="/ui/verdicts", max_length=2000)


@routes.get("/ui/verdicts")
@described(TAG, "Everyone who is locked or warned of", page=True)
async def verdicts(request: web.Request) -> web.Response:
    asked = query_of(request, VerdictsAsked)
    async with request.app[POOL].acquire() as connection:
        rows, after = await _rows(connection, asked, 24)
        (audit,) = (await audit_answer(connection, limit=12)).listings
    chosen = {name: value for name, value in asked.model_dump().items() if value and name != "after"}
    return page(
        request,
        "verdicts.html",
        rows=rows,
        asked=asked,
        rules=RULES,
        audit=audit.rows,
        chosen=urlencode(chosen),
        more=None if after is None else urlencode({**chosen, "after": after}),
        why_caught=why_caught,
        how_alike=how_alike,
    )


@routes.get("/ui/verdicts.csv")
@described(TAG, "The same as a table", page=True)
async def verdicts_csv(request: web.Request) -> web.Response:
    rows = await _all_rows(request)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(_COLUMNS)
    table.writerows([[_cell(row[name]) for name in _COLUMNS] for row in rows])
    headers = {"Content-Disposition": 'attachment; filename="verdicts.csv"'}
    return web.Response(
        body=text.getvalue().encode(), content_type="text/csv", charset="utf-8", headers=headers
    )


@routes.get("/ui/verdicts.json")
@described(TAG, "The same for programs", page=True)
async def verdicts_json(request: web.Request) -> web.Response:
    return answer(await _all_rows(request))


@routes.post("/ui/decide")
@described(TAG, "Decides about a site", page=True, role="curator")
async def decide(request: web.Request) -> web.Response:
    wanted = validated(await texts_of(request), DecisionForm)
    act = Act(who_acts(request), wanted.note)
    async with request.app[POOL].acquire() as connection:
        notice, subject = await _decided(connection, wanted, act)
        (audit,) = (await audit_answer(connection, subject=subject, limit=1)).listings
    number = audit.rows[0]["id"] if audit.rows else None
    return done(request, next_of(wanted.next), notice, number)


@routes.post(r"/ui/undo/{id:\d+}")
@described(TAG, "Takes a decision back", page=True, role="curator")
async def take_back(request: web.Request) -> web.Response:
    following = next_of((await texts_of(request)).get("next", ""))
    async with request.app[POOL].acquire() as connection:
        subject = await undo(connection, id_of(request, "id"), Act(who_acts(request)))
    return done(request, following, f"Taken back what was decided about {subject}.")


async def _decided(connection: Connection, wanted: DecisionForm, act: Act) -> tuple[str, str]:
    """What to say of a decision that was carried out, and the audit's subject."""
    match wanted.decision:
        case "allow" | "block":
            site = await operator.list_site(connection, wanted.site, wanted.decision, act)
            return f"{site} is {'allowed' if wanted.decision == 'allow' else 'blocked'} now.", site
        case "forget":
            site = await operator.forget_site(connection, wanted.site, act)
            return f"{site} is on no list now, and in no family that you stated.", site
        case "family":
            if not wanted.owner:
                raise bad_request("Say whose family it is of.")
            sites = await operator.state_family(connection, [wanted.site, wanted.owner], act)
            return f"{' and '.join(sites)} are one organisation now.", sites[0]
        case "dismiss":
            site, count = await operator.dismiss_reports(connection, wanted.site, act)
            return f"{count} report{'' if count == 1 else 's'} on {site} dismissed.", site
        case "default":
            if not wanted.product.strip() or not wanted.sha256:
                raise bad_request("Say which product's default icon it is.")
            product = wanted.product.strip()
            await operator.add_common_picture(connection, product, bytes.fromhex(wanted.sha256), act)
            return f"The icon is {product}'s default now, which anybody may show.", product


async def _rows(
    connection: Connection, asked: VerdictsAsked, limit: int, after: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    (listing,) = (
        await verdicts_answer(
            connection,
            verdict=asked.verdict,
            since=datetime.now(UTC) - timedelta(days=asked.days),
            owner=asked.owner.strip().lower() or None,
            because=asked.because or None,
            decided={"yes": True, "no": False}.get(asked.decided),
            limit=limit,
            after=after or asked.after,
        )
    ).listings
    return listing.rows, listing.after


async def _all_rows(request: web.Request) -> list[dict[str, Any]]:
    asked = query_of(request, VerdictsAsked)
    rows: list[dict[str, Any]] = []
    after = asked.after
    async with request.app[POOL].acquire() as connection:
        while len(rows) < _MOST_ROWS:
            some, after = await _rows(connection, asked, _PAGE, after)
            rows += some
            if after is None:
                break
    return rows


def _cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula."""
    text = isinstance(value, str) and value.startswith(_SPREADSHEET)
    return f"'{value}" if text else value
