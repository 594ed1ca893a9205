"""Connections: one pool a process, with timeouts on everything and errors that say what to do.

The timeouts travel in the start-up packet, so that the `RESET ALL` with which asyncpg hands a
connection back restores them. PgBouncer has to be told to let them through; docs/database.md
has the lines.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import asyncpg

from samelook.errors import reason_of

from .errors import BadDatabaseUrl, DatabaseError, DatabaseRefused, DatabaseTooOld, DatabaseUnavailable
from .settings import DatabaseSettings
from .urls import split_password, without_secrets

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

# Strings, because asyncpg's classes cannot be subscripted at run time.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
OwnConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
# A connection of its own, or one that a pool lent.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

OLDEST_POSTGRES = 15
# asyncpg gives up this much later than the server, which then has had its chance to say why.
_MARGIN_S = 15.0
_RETRY_S = 0.2

_T = TypeVar("_T")


@asynccontextmanager
async def open_pool(settings: DatabaseSettings) -> AsyncIterator[Pool]:
    """A pool of connections to a Postgres that is new enough; closed at the end of the block.

    json and jsonb are Python values, the time zone is UTC. Raises BadDatabaseUrl,
    DatabaseUnavailable, DatabaseRefused or DatabaseTooOld.
    """
    arguments = _arguments(settings)

    async def create() -> Pool:
        return await asyncpg.create_pool(
            **arguments,
            min_size=settings.min_connections,
            max_size=settings.max_connections,
            max_inactive_connection_lifetime=settings.idle_connection_s,
            init=_prepare,
            reset=None if settings.reset_on_release else _leave_as_it_is,
        )

    pool = await _patiently(create, settings)
    try:
        yield pool
    except BaseException:
        # Somebody may still hold a connection in the middle of a query; close() would wait for it.
        pool.terminate()
        raise
    await _closed(pool, settings)


@asynccontextmanager
async def open_connection(settings: DatabaseSettings) -> AsyncIterator[OwnConnection]:
    """One connection, for work that outlasts the pool's timeouts: a migration, a bulk import.

    `dataclasses.replace(settings, statement_timeout_s=0)` lifts the limit of a statement.
    Raises as `open_pool` does.
    """
    arguments = _arguments(settings)

    async def connect() -> OwnConnection:
        connection: OwnConnection = await asyncpg.connect(**arguments)
        try:
            await _prepare(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    connection = await _patiently(connect, settings)
    try:
        yield connection
    except BaseException:
        connection.terminate()
        raise
    await connection.close(timeout=settings.connect_timeout_s)


def _arguments(settings: DatabaseSettings) -> dict[str, Any]:
    if not settings.url:
        raise BadDatabaseUrl("No database URL was given.")
    split_password(settings.url)  # a URL that cannot be read is refused before asyncpg quotes it

    def ms(seconds: float) -> str:
        return str(round(seconds * 1000))

    return {
        "dsn": settings.url,
        "timeout": settings.connect_timeout_s,
        "command_timeout": settings.statement_timeout_s + _MARGIN_S if settings.statement_timeout_s else None,
        "statement_cache_size": settings.statement_cache,
        "server_settings": {
            "application_name": settings.application_name,
            "statement_timeout": ms(settings.statement_timeout_s),
            "lock_timeout": ms(settings.lock_timeout_s),
            "idle_in_transaction_session_timeout": ms(settings.idle_in_transaction_timeout_s),
            "TimeZone": "UTC",
        },
    }


async def _leave_as_it_is(_: Connection) -> None:
    """In place of a round trip to the server for each use; asyncpg has ended an open transaction already."""


async def _prepare(connection: OwnConnection) -> None:
    version = connection.get_server_version()
    if version.major < OLDEST_POSTGRES:
        raise DatabaseTooOld(
            f"The database server is Postgres {version.major}; Samelook needs {OLDEST_POSTGRES} or newer. "
            "Upgrade it, or unset SAMELOOK_DATABASE_URL to use the embedded one.",
            found=version.major,
            needed=OLDEST_POSTGRES,
        )
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=json.dumps, decoder=json.loads, format="text"
        )


async def _patiently(attempt: Callable[[], Awaitable[_T]], settings: DatabaseSettings) -> _T:
    """The attempt's result, trying again while the server says that it is starting up."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + settings.connect_timeout_s
    while True:
        try:
            return await attempt()
        except asyncpg.CannotConnectNowError as error:
            if clock() + _RETRY_S >= deadline:
                raise _translated(error, settings) from error
            await asyncio.sleep(_RETRY_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise _translated(error, settings) from error


def _translated(error: Exception, settings: DatabaseSettings) -> DatabaseError:
    where = without_secrets(settings.url)
    reason = reason_of(error)
    match error:
        case asyncpg.CannotConnectNowError():
            return DatabaseUnavailable(f"{where} is not ready: {reason}", url=where)
        case asyncpg.PostgresError():
            return DatabaseRefused(f"{where} refused the connection: {reason}{_advice(error)}", url=where)
        case TimeoutError():
            return DatabaseUnavailable(
                f"{where} did not answer within {settings.connect_timeout_s:g} s.", url=where
            )
        case OSError():
            return DatabaseUnavailable(
                f"{where} cannot be reached: {reason}. Is it running at that address?", url=where
            )
        case _:
            return BadDatabaseUrl(f"{where} cannot be used: {reason}", url=where)


def _advice(error: asyncpg.PostgresError) -> str:
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return ". Create the database first (createdb)."
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return ". Raise its max_connections, or run fewer processes."
    if "unsupported startup parameter" in str(error):
        return ". Is it PgBouncer? Set ignore_startup_parameters as docs/database.md says."
    return ""


async def _closed(pool: Pool, settings: DatabaseSettings) -> None:
    try:
        await asyncio.wait_for(pool.close(), settings.connect_timeout_s)
    except TimeoutError:
        pool.terminate()
