"""Which sites failed, how, and how often."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from samelook.inspector.errors import BadQuestion
from samelook.inspector.listing import Answer, Listing, plain_row, read_mark
from samelook.inspector.sites import ERROR_COLUMNS, error_row
from samelook.inspector.tables import table_queries
from samelook.names.hosts import host_of
from samelook.sql.page_marks import page_mark
from samelook.sql.queue_queries import PHASES, Phase

if TYPE_CHECKING:
    from samelook.sql.pool import Connection

MOST_COUNTED = 100_000
"""Errors of one phase and kind are counted up to so many; `or_more` says that there may be more."""


async def errors_answer(
    connection: Connection,
    *,
    phase: Phase | None = None,
    kind: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
    after: str | None = None,
) -> Answer:
    """How often each kind of error stands, and a page of them, the newest first. Raises BadQuestion."""
    if phase is not None and phase not in PHASES:
        raise BadQuestion(f"{phase!r} is no phase; write {', '.join(PHASES)}.")
    phases = PHASES if phase is None else (phase,)
    kinds = [
        plain_row(row)
        for phase in phases
        async for row in getattr(table_queries(), f"kinds_{phase}")(
            connection, kind=kind, since=since, most=MOST_COUNTED
        )
    ]
    mark = _mark(after)
    found: list[Any] = []
    for phase_name in phases:
        # All phases are in one order, by time: each gives a page, and the newest of them are shown.
        parameters: dict[str, Any] = {
            "since": since,
            "before": mark[0] if mark else None,
            "before_id": mark[1] if mark else None,
            "page": limit + 1,
        }
        if kind is not None:
            query = getattr(table_queries(), f"errors_of_kind_{phase_name}")
            parameters["kind"] = kind
        else:
            query = getattr(table_queries(), f"errors_{phase_name}")
        found += [row async for row in query(connection, **parameters)]
    if kind is not None and not kinds and not found:
        from samelook.inspector.injection import error_kinds

        known = sorted(error_kinds())
        if kind not in known:
            raise BadQuestion(f"{kind!r} is no kind of error; there are {', '.join(known)}.")
    found.sort(key=lambda row: (row["at"], row["id"].bytes), reverse=True)
    rows = [
        error_row(row, str(host_of(row["reversed_name"])) if row["reversed_name"] else None)
        for row in found[:limit]
    ]
    more = (
        page_mark(_exactly(found[limit - 1]["at"]), str(found[limit - 1]["id"]))
        if len(found) > limit
        else None
    )
    return Answer(
        listings=(
            Listing(
                "kinds",
                ("phase", "kind", "inputs", "or_more", "injected", "newest"),
                kinds,
            ),
            Listing("errors", ERROR_COLUMNS, rows, after=more),
        )
    )


def _exactly(at: datetime) -> str:
    """To the microsecond: a page must not begin before its mark."""
    return at.isoformat(timespec="microseconds")


def _mark(after: str | None) -> tuple[datetime, str] | None:
    values = read_mark(after, 2)
    if values is None:
        return None
    try:
        return datetime.fromisoformat(values[0]), values[1]
    except ValueError as error:
        raise BadQuestion(f"{after!r} is a page mark of another question.") from error
