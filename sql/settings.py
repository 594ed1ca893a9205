"""How the program connects to its database."""

from __future__ import annotations

from dataclasses import dataclass

from samelook.variables import variable


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the database is, and how long anything may take there. Times are in seconds."""

    url: str = variable(
        "SAMELOOK_DATABASE_URL",
        "",
        "Postgres to use (15 or newer), as postgresql://user:password@host/database. "
        "Unset: an embedded Postgres starts by itself in the data folder.",
        in_repr=False,  # may hold a password
    )
    application_name: str = "samelook"  # seen in pg_stat_activity
    min_connections: int = 1
    max_connections: int = 10
    connect_timeout_s: float = 10.0  # in all, waiting for a server that is starting up included
    acquire_timeout_s: float = 30.0  # for a free connection of the pool
    statement_timeout_s: float = 60.0  # 0: none
    lock_timeout_s: float = 10.0  # 0: none
    idle_in_transaction_timeout_s: float = 60.0  # a stuck worker must not hold locks for ever
    idle_connection_s: float = 300.0  # unused connections are closed after this
    # Whether a connection forgets settings, listeners and advisory locks when it goes back to the
    # pool. That is a round trip for each use; False for a pool whose users leave none behind.
    reset_on_release: bool = True
    # Prepared statements that each connection keeps. 0 for a PgBouncer before 1.21, or one
    # without max_prepared_statements, in transaction mode.
    statement_cache: int = 256
