"""The book of runs: crawls and imports, when they began, what they did and how they ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from samelook.crawler.runs import SILENT_S
from samelook.inspector.errors import BadQuestion
from samelook.inspector.listing import Answer, Listing, Row, plain_row, read_mark
from samelook.sql.named import queries
from samelook.sql.page_marks import page_mark

if TYPE_CHECKING:
    from samelook.sql.pool import Connection

_COLUMNS = (
    "id",
    "kind",
    "what",
    "started_at",
    "seconds",
    "state",
    "counts",
    "errors",
    "message",
    "every_s",
    "due_at",
    "missed",
    "next_at",
    "host",
    "pid",
)


async def runs_answer(connection: Connection, *, limit: int = 50, after: str | None = None) -> Answer:
    """A page of runs, the newest first. Raises BadQuestion."""
    mark = read_mark(after, 1)
    if mark is not None and not mark[0].isdigit():
        raise BadQuestion(f"{after!r} is a page mark of another question.")
    found = [
        row
        async for row in queries("runs").runs_page(
            connection, before_id=int(mark[0]) if mark else None, silent_s=SILENT_S, page=limit + 1
        )
    ]
    more = page_mark(str(found[limit - 1]["id"])) if len(found) > limit else None
    rows = [_row(row) for row in found[:limit]]
    return Answer(listings=(Listing("runs", _COLUMNS, rows, after=more),))


def _row(row: Mapping[str, Any]) -> Row:
    state = row["outcome"] or ("fell silent" if row["silent"] else "running")
    return {
        **plain_row(
            row, *(name for name in _COLUMNS if name not in {"state", "counts", "errors", "seconds"})
        ),
        "seconds": round(row["seconds"], 1),
        "state": state,
        "counts": json.loads(row["counts"]),
        "errors": json.loads(row["errors"]),
    }
