"""Databases that can only be read: a streaming standby, or one that its operator keeps read-only.

Questions are answered from them as from the primary. What keeps house beside that (facts, looks, exchanges)
waits until the standby is promoted; what a person or a client asks to be written is refused in one line.
"""

from __future__ import annotations

import asyncio
from typing import Final

from samelook.sql.away import AWAY
from samelook.sql.cancelled import check_cancelled
from samelook.sql.pool import Connection, Pool

NEEDS_PRIMARY: Final = (
    "The database can only be read (is it a standby?), and this would write: name the primary in "
    "SAMELOOK_DATABASE_URL."
)
_LOOK_S = 2.0


async def is_read_only(database: Pool | Connection) -> bool:
    """Whether transactions that begin now cannot write. Not to be asked within one."""
    return bool(await database.fetchval("SELECT current_setting('transaction_read_only') = 'on'"))


async def until_writable(pool: Pool) -> None:
    """Returns when the database can be written to; one that is away, or a standby, is waited for."""
    while True:
        try:
            if not await is_read_only(pool):
                return
        except AWAY:
            check_cancelled()
        await asyncio.sleep(_LOOK_S)
