"""What can go wrong with the database: one typed error a cause, each saying what to do.

No message holds a password: URLs are shown through `samelook.sql.urls.without_secrets`.
"""

from __future__ import annotations

from samelook.errors import SamelookError


class DatabaseError(SamelookError):
    """The database cannot be used as asked.

    `kind` is a stable word for tables and programs, the message is for people, and `detail`
    holds JSON-ready facts.
    """

    kind = "database_error"


class BadDatabaseUrl(DatabaseError):
    """The URL of the database cannot be read."""

    kind = "bad_database_url"


class DatabaseUnavailable(DatabaseError):
    """Nobody answers at the database's address, or it is starting or stopping. Trying later can help."""

    kind = "database_unavailable"


class DatabaseRefused(DatabaseError):
    """The server answered and said no: a wrong password, no such database, no connection left."""

    kind = "database_refused"


class DatabaseTooOld(DatabaseError):
    """The server is older than the oldest Postgres that the schema works on."""

    kind = "database_too_old"


class BadQueryFile(DatabaseError):
    """A `.sql` file of named queries is missing, or holds something aiosql would get wrong."""

    kind = "bad_query_file"


class MigrationError(DatabaseError):
    """The schema could not be brought up to date; the database is as it was."""

    kind = "migration_error"


class BadMigrationFile(MigrationError):
    """A migration file is misnamed, out of sequence, says nothing of itself, or ends the transaction."""

    kind = "bad_migration_file"


class MigrationChanged(MigrationError):
    """A migration that was applied to this database is no longer the file that was applied."""

    kind = "migration_changed"


class DatabaseNewer(MigrationError):
    """The database was migrated by a newer version of the program than this one."""

    kind = "database_newer"


class MigrationBusy(MigrationError):
    """Another migration, or a long transaction, held what this one needs for too long."""

    kind = "migration_busy"


class MigrationFailed(MigrationError):
    """The statements of a migration failed; none of them was kept."""

    kind = "migration_failed"
