"""A connection that can do no harm: read-only transactions, short statements."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg

from samelook.errors import reason_of
from samelook.inspector.errors import TookTooLong
from samelook.inspector.settings import InspectorSettings
from samelook.sql.away import UNUSABLE
from samelook.sql.errors import DatabaseUnavailable
from samelook.sql.pool import OwnConnection, open_connection

if TYPE_CHECKING:
    from samelook.sql.settings import DatabaseSettings


@asynccontextmanager
async def reading(
    database: DatabaseSettings, settings: InspectorSettings | None = None
) -> AsyncIterator[OwnConnection]:
    """A connection on which every transaction is read-only and every statement has a time limit.

    A statement outside a block is a transaction of its own, so that a long question holds no
    snapshot which would keep the crawl's dead rows alive. Raises what `open_connection` raises,
    DatabaseUnavailable, and TookTooLong.
    """
    settings = settings or InspectorSettings()
    limited = replace(
        database,
        application_name="samelook inspect",
        statement_timeout_s=settings.statement_timeout_s,
        lock_timeout_s=1.0,
    )
    async with open_connection(limited) as connection:
        await connection.execute("SET default_transaction_read_only = on")
        try:
            yield connection
        except asyncpg.QueryCanceledError as error:
            raise TookTooLong(
                f"A statement took longer than {settings.statement_timeout_s:g} s and was stopped, so that "
                "the crawl is not slowed. Narrow the question, or allow more with --timeout."
            ) from error
        except UNUSABLE as error:
            raise DatabaseUnavailable(
                f"The database does not answer any more: {reason_of(error)}. Try again."
            ) from error
