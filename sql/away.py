"""What a database raises that is away, goes away, or is too busy: the only place that lists it."""

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
"""For loops that go on without it: whatever a database says, it is logged and tried again later."""

BUSY: Final = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
)
"""For answers: the database is there, and has no room for this just now."""

DOUBTFUL: Final = (
    asyncpg.QueryCanceledError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    TimeoutError,
)
"""For writers: of the two others, what one question may bring about by itself, however often it is asked.

A statement that takes too long is cancelled each time, and asyncpg raises InterfaceError for a closed
connection as for an argument too many. Whether the database is there, a plain question tells.
"""

UNUSABLE: Final = (
    DatabaseError,
    ConnectionError,
    FileNotFoundError,  # the socket of a server that has been stopped
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.ReadOnlySQLTransactionError,  # of a standby, before a failover is complete
    asyncpg.InvalidCatalogNameError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # while an operator keeps the database closed
)
"""For answers: nobody can use it just now. What else it raises is a fault of the question, or of ours."""
