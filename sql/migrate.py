"""Migrations: numbered SQL files, applied in one transaction under an advisory lock."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg

from .errors import (
    BadMigrationFile,
    DatabaseNewer,
    DatabaseTooOld,
    MigrationBusy,
    MigrationChanged,
    MigrationFailed,
)
from .pool import OLDEST_POSTGRES, Connection, open_connection
from .settings import DatabaseSettings

FOLDER = Path(__file__).parent / "migrations"
# "samelook" as a number: the advisory lock that migrations of one database share.
_LOCK = int.from_bytes(b"samelook", "big", signed=True)
_FILE_NAME = re.compile(r"(?P<version>\d{4})_(?P<subject>[a-z0-9_]+)\.sql")
# A migration that ends its transaction could be half applied when a later statement fails.
_TRANSACTION_CONTROL = re.compile(
    r"^\s*(BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK)\s*(WORK|TRANSACTION)?\s*;",
    re.IGNORECASE | re.MULTILINE,
)
_DOLLAR_QUOTED = re.compile(r"\$(\w*)\$.*?\$\1\$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    version: int
    name: str  # the file's
    sentence: str  # what the step does
    sql: str
    sha256: str  # of the text with Unix line ends


@dataclass(frozen=True, slots=True)
class _Applied:
    version: int
    name: str
    sha256: str


async def migrate(
    database: str | DatabaseSettings | Connection, *, folder: Path = FOLDER, wait_s: float = 60.0
) -> list[Migration]:
    """Bring the schema up to date; the steps that were applied, or none when it already was.

    All steps are applied in one transaction: either all of them stay or none. Any number of
    processes may call this at once; one applies and the others wait, at most `wait_s` seconds
    for each lock. Raises MigrationError's leaves, DatabaseTooOld, and what `open_pool` raises.
    """
    if isinstance(database, str):
        database = DatabaseSettings(url=database, application_name="samelook migrate")
    if isinstance(database, DatabaseSettings):
        patient = replace(database, statement_timeout_s=0.0, idle_in_transaction_timeout_s=0.0)
        async with open_connection(patient) as connection:
            return await _migrate(connection, migrations_in(folder), wait_s)
    return await _migrate(database, migrations_in(folder), wait_s)


def migrations_in(folder: Path) -> list[Migration]:
    """The steps in a folder, first to last. Raises BadMigrationFile."""
    steps = [_read(path) for path in sorted(folder.glob("*.sql"))]
    for expected, step in enumerate(steps, start=1):
        if step.version != expected:
            raise BadMigrationFile(
                f"{step.name} should be number {expected:04d}: migrations are numbered without gaps."
            )
    return steps


def _read(path: Path) -> Migration:
    named = _FILE_NAME.fullmatch(path.name)
    if not named:
        raise BadMigrationFile(f"{path.name}: name a migration NNNN_subject.sql.")
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    first_line = text.partition("\n")[0]
    if not first_line.startswith("-- "):
        raise BadMigrationFile(f"{path.name}: the first line is a comment that says what the step does.")
    control = _TRANSACTION_CONTROL.search(_DOLLAR_QUOTED.sub("", text))
    if control:
        raise BadMigrationFile(
            f"{path.name}: {control[0].strip()} has no place here; all steps are one transaction."
        )
    return Migration(
        version=int(named["version"]),
        name=path.name,
        sentence=first_line.removeprefix("-- ").strip(),
        sql=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


async def _migrate(connection: Connection, steps: list[Migration], wait_s: float) -> list[Migration]:
    version = connection.get_server_version()
    if version.major < OLDEST_POSTGRES:
        raise DatabaseTooOld(
            f"The database server is Postgres {version.major}; Samelook needs {OLDEST_POSTGRES} or newer.",
            found=version.major,
            needed=OLDEST_POSTGRES,
        )
    # Most calls find nothing to do, and then no lock is taken.
    if not _pending(await _applied(connection), steps):
        return []
    try:
        async with connection.transaction():
            # The advisory lock honours lock_timeout, as do the statements of the steps: a step
            # that queues behind a long transaction makes everybody else queue behind it.
            await connection.execute(
                "SELECT set_config('lock_timeout', $1, true)", f"{round(wait_s * 1000)}ms"
            )
            await connection.execute("SELECT set_config('statement_timeout', '0', true)")
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            pending = _pending(await _applied(connection), steps)  # again: another may have been faster
            for step in pending:
                await _apply(connection, step)
            return pending
    except asyncpg.LockNotAvailableError as error:
        raise MigrationBusy(
            f"Another migration, or a long transaction, held the database for {wait_s:g} s. Nothing was "
            "changed. Try again, or look for it in pg_stat_activity."
        ) from error


async def _applied(connection: Connection) -> list[_Applied]:
    """What the database says was applied to it; nothing when it is new."""
    # Read from the catalog and not asked of to_regclass: within a transaction that answers from a cache,
    # which may not have heard yet that the migration whose lock was waited for made the table.
    if not await connection.fetchval(
        "SELECT count(*) FROM pg_class WHERE relname = 'schema_migrations' AND pg_table_is_visible(oid)"
    ):
        return []
    rows = await connection.fetch("SELECT version, name, sha256 FROM schema_migrations ORDER BY version")
    return [_Applied(row["version"], row["name"], row["sha256"]) for row in rows]


def _pending(applied: list[_Applied], steps: list[Migration]) -> list[Migration]:
    """The steps that come after what was applied. Raises when the two do not fit together."""
    known = {step.version: step for step in steps}
    for done in applied:
        step = known.get(done.version)
        if step is None:
            raise DatabaseNewer(
                f"The database has migration {done.name}, which this version of Samelook does not know: "
                "a newer one has used it. Upgrade Samelook, or use another database.",
                applied=done.name,
            )
        if (step.name, step.sha256) != (done.name, done.sha256):
            raise MigrationChanged(
                f"{step.name} is not what was applied to this database as {done.name}. An applied "
                "migration is never edited: restore the file and put the change into a new one, or start "
                "over with an empty database.",
                applied=done.name,
                file=step.name,
            )
    done_versions = {done.version for done in applied}
    return [step for step in steps if step.version not in done_versions]


async def _apply(connection: Connection, step: Migration) -> None:
    try:
        await connection.execute(step.sql)
        # The first step may run before the table exists; every step is recorded after it ran.
        await connection.execute(_CREATE_TABLE)
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, sha256) VALUES ($1, $2, $3)",
            step.version,
            step.name,
            step.sha256,
        )
    except asyncpg.LockNotAvailableError:
        raise
    except asyncpg.PostgresError as error:
        raise MigrationFailed(
            f"{step.name} failed: {error}{_place(error, step.sql)}. Nothing of it was kept.",
            migration=step.name,
            sqlstate=error.sqlstate,
        ) from error


_CREATE_TABLE = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version    integer PRIMARY KEY,
        name       text NOT NULL,
        sha256     text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


def _place(error: asyncpg.PostgresError, sql: str) -> str:
    position = getattr(error, "position", None)
    return f" (line {sql[: int(position)].count(chr(10)) + 1})" if position else ""
