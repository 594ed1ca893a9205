"""What a database that is away, or goes away, raises; for loops and answers that go on without it."""

from __future__ import annotations

from typing import Final

import asyncpg

from samelook.sql.errors import DatabaseError

AWAY: Final = (
    DatabaseError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
