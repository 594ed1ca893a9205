"""Which sites are grey and why, and what people reported."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from samelook.inspector.errors import BadQuestion
from samelook.inspector.listing import Answer, Listing, plain_row, read_mark
from samelook.inspector.sites import missing, relations
from samelook.sql.named import queries
from samelook.sql.page_marks import page_mark

if TYPE_CHECKING:
    from samelook.sql.pool import Connection

REPORT_KINDS = ("unlock", "flag", "false_lock")
GREY_REASONS = ("degenerate", "discovery_failed", "hashing_failed", "no_icon", "reported")
"""Those of the view `grey_sites`."""
_GREY = ("site", "reason", "detail", "position", "since")
_REPORTS = ("at", "kind", "site", "looks_like", "dismissed_at", "id")


async def grey_answer(
    connection: Connection, *, reason: str | None = None, limit: int = 50, after: str | None = None
) -> Answer:
    """Grey sites with their reasons, by name. Raises BadQuestion."""
    if reason is not None and reason not in GREY_REASONS:
        raise BadQuestion(f"{reason!r} is no reason to be grey; write {', '.join(GREY_REASONS)}.")
    mark = read_mark(after, 3)
    if "grey_sites" not in await relations(connection, "grey_sites"):
        return Answer(listings=(Listing("grey_sites", _GREY, [], notes=(missing("grey_sites"),)),))
    found = [
        row
        async for row in queries("inspector").grey_page(
            connection,
            reason=reason,
            after_site=mark[0] if mark else None,
            after_reason=mark[1] if mark else None,
            after_detail=mark[2] if mark else None,
            page=limit + 1,
        )
    ]
    more = None
    if len(found) > limit:
        last = found[limit - 1]
        more = page_mark(last["site"], last["reason"], last["detail"] or "")
    rows = [plain_row(row, *_GREY) for row in found[:limit]]
    return Answer(listings=(Listing("grey_sites", _GREY, rows, after=more),))


async def reports_answer(
    connection: Connection, *, kind: str | None = None, limit: int = 50, after: str | None = None
) -> Answer:
    """What people reported, the newest first; who they are is not shown. Raises BadQuestion."""
    if kind is not None and kind not in REPORT_KINDS:
        raise BadQuestion(f"{kind!r} is no kind of report; write {', '.join(REPORT_KINDS)}.")
    mark = read_mark(after, 2)
    try:
        before = datetime.fromisoformat(mark[0]) if mark else None
    except ValueError as error:
        raise BadQuestion(f"{after!r} is a page mark of another question.") from error
    if "reports" not in await relations(connection, "reports"):
        return Answer(listings=(Listing("reports", _REPORTS, [], notes=(missing("reports"),)),))
    found = [
        row
        async for row in queries("inspector").reports_page(
            connection, kind=kind, before=before, before_id=mark[1] if mark else None, page=limit + 1
        )
    ]
    more = None
    if len(found) > limit:
        last = found[limit - 1]
        more = page_mark(last["at"].isoformat(timespec="microseconds"), str(last["id"]))
    rows = [plain_row(row, *_REPORTS) for row in found[:limit]]
    return Answer(listings=(Listing("reports", _REPORTS, rows, after=more),))
