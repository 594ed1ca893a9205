"""The changes of all banks in order: a cursor for anything that follows along.

Each content appears where its last change is, with all its signals; a follower that applies what it reads
has, at the end, what the banks hold. Only transactions older than every running one are given out, so
nothing ever appears behind a cursor.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from samelook.sql.named import queries
from samelook.sql.page_marks import BadPageMark, page_mark, read_page_mark

from .contents import ContentSignal, ContentStore
from .errors import BadCursor

_LARGEST_XID = 2**64 - 1
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ContentChange:
    """A content as it is after its last change."""

    content_id: int
    bank: str
    removed: bool
    disable_until_ts: int
    changed_at: datetime
    signals: tuple[ContentSignal, ...]


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Changes in order, and where to go on."""

    changes: tuple[ContentChange, ...]
    cursor: str
    more: bool
    """There are more just now."""


class Changes:
    """Reads the changes of banks."""

    def __init__(self, contents: ContentStore) -> None:
        self._contents = contents
        self._pool = contents.banks.pool
        self._queries = queries("banks_following")

    async def page(self, cursor: str | None, size: int, of_type: str | None = None) -> ChangesPage:
        """At most so many changes after the cursor; from the beginning without one.

        With a signal type only of contents that have, or had, a signal of it. Raises BadCursor.
        """
        log = _short(str(await self._queries.log_identity(self._pool)))
        xid, content_id = (0, 0) if cursor is None else _decoded(cursor, log)
        rows = [
            row
            async for row in self._queries.changes_page(
                self._pool, after_xid=str(xid), after_id=content_id, page=size + 1, signal_type=of_type
            )
        ]
        if cursor is not None and xid < int(await self._queries.pruned_below(self._pool)):
            raise BadCursor("Removals after this cursor have been purged: begin again without one.")
        more = len(rows) > size
        rows = rows[:size]
        signals = await self._contents.signals(row["id"] for row in rows)
        if rows:
            xid, content_id = int(rows[-1]["xid"]), rows[-1]["id"]
        changes = tuple(
            ContentChange(
                row["id"],
                row["bank_name"],
                row["removed"],
                row["disable_until_ts"],
                row["updated_at"],
                tuple(signals[row["id"]]),
            )
            for row in rows
        )
        return ChangesPage(changes, _encoded(log, xid, content_id), more)


def decode_token(token: str, *kinds: type) -> list[Any]:
    """The parts of a token. Raises BadCursor."""
    try:
        return read_page_mark(token, *kinds)
    except BadPageMark as error:
        raise BadCursor("This token was not given out here.") from error


def decode_id(token: str, about: str) -> int:
    """The id in a page token made for `about`. Raises BadCursor."""
    found, last = decode_token(token, str, int)
    if found != about or not isinstance(last, int) or not 0 <= last <= _LARGEST_ID:
        raise BadCursor("This page token belongs to another list.")
    return last


def _short(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:12]


def _encoded(log: str, xid: int, content_id: int) -> str:
    return page_mark(log, str(xid), content_id)


def _decoded(cursor: str, log: str) -> tuple[int, int]:
    of, xid, content_id = decode_token(cursor, str, str, int)
    if of != log:
        raise BadCursor("This cursor belongs to another database: begin again without one.")
    if not isinstance(xid, str) or not (xid.isascii() and xid.isdigit() and int(xid) <= _LARGEST_XID):
        raise BadCursor("This cursor was not given out here.")
    if not isinstance(content_id, int) or not 0 <= content_id <= _LARGEST_ID:
        raise BadCursor("This cursor was not given out here.")
    return int(xid), content_id
