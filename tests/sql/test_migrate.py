"""Migrations: once each, all or none, one migrator at a time, and never over an edited file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from samelook.sql.errors import (
    BadMigrationFile,
    DatabaseNewer,
    DatabaseTooOld,
    MigrationBusy,
    MigrationChanged,
    MigrationFailed,
)
from samelook.sql.migrate import FOLDER, migrate, migrations_in

STEPS = {
    "0001_people.sql": "-- People.\nCREATE TABLE people (name text);\n",
    "0002_pets.sql": "-- Pets.\nCREATE TABLE pets (name text);\nINSERT INTO people VALUES ('Ada');\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in STEPS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


async def value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def tables(url: str) -> object:
    return await value(
        url, "SELECT array_agg(tablename::text ORDER BY 1) FROM pg_tables WHERE schemaname = 'public'"
    )


async def test_the_schema_is_made_from_nothing_and_the_second_time_nothing_happens(
    empty_database_url: str,
) -> None:
    applied = await migrate(empty_database_url)
    assert [step.name for step in applied] == [path.name for path in sorted(FOLDER.glob("*.sql"))]
    assert all(step.sentence for step in applied)
    before = await value(empty_database_url, "SELECT max(applied_at) FROM schema_migrations")
    assert await migrate(empty_database_url) == []
    assert await value(empty_database_url, "SELECT max(applied_at) FROM schema_migrations") == before


async def test_many_migrators_at_once_apply_each_step_once(empty_database_url: str) -> None:
    results = await asyncio.gather(*(migrate(empty_database_url) for _ in range(8)))
    assert sorted(map(len, results)) == [0] * 7 + [len(migrations_in(FOLDER))]


async def test_a_new_step_is_applied_after_the_old_ones(empty_database_url: str, folder: Path) -> None:
    second = folder / "0002_pets.sql"
    text = second.read_text()
    second.unlink()
    assert [step.version for step in await migrate(empty_database_url, folder=folder)] == [1]
    second.write_text(text)
    assert [step.version for step in await migrate(empty_database_url, folder=folder)] == [2]
    assert await value(empty_database_url, "SELECT name FROM people") == "Ada"


async def test_a_held_connection_can_be_migrated(empty_database_url: str, folder: Path) -> None:
    connection = await asyncpg.connect(empty_database_url)
    try:
        assert len(await migrate(connection, folder=folder)) == 2
        assert await connection.fetchval("SHOW lock_timeout") == "0"  # what was set for the steps is gone
    finally:
        await connection.close()


async def test_a_failing_step_leaves_nothing_behind(empty_database_url: str, folder: Path) -> None:
    (folder / "0003_bad.sql").write_text("-- Bad.\nCREATE TABLE more (n int);\nSELECT 1/0;\n")
    with pytest.raises(MigrationFailed, match=r"0003_bad\.sql failed: division by zero"):
        await migrate(empty_database_url, folder=folder)
    assert await tables(empty_database_url) is None


async def test_a_syntax_error_is_placed(empty_database_url: str, folder: Path) -> None:
    (folder / "0003_bad.sql").write_text("-- Bad.\n\nCREATE TABEL more (n int);\n")
    with pytest.raises(MigrationFailed, match=r"line 3"):
        await migrate(empty_database_url, folder=folder)


async def test_an_edited_file_is_refused(empty_database_url: str, folder: Path) -> None:
    await migrate(empty_database_url, folder=folder)
    with (folder / "0001_people.sql").open("a") as file:
        file.write("CREATE TABLE more (n int);\n")
    with pytest.raises(MigrationChanged, match=r"0001_people\.sql is not what was applied"):
        await migrate(empty_database_url, folder=folder)


async def test_windows_line_ends_are_no_edit(empty_database_url: str, folder: Path) -> None:
    await migrate(empty_database_url, folder=folder)
    for path in folder.glob("*.sql"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert await migrate(empty_database_url, folder=folder) == []


async def test_a_database_of_a_newer_version_is_refused(empty_database_url: str, folder: Path) -> None:
    await migrate(empty_database_url, folder=folder)
    (folder / "0002_pets.sql").unlink()
    with pytest.raises(DatabaseNewer, match=r"0002_pets\.sql.*Upgrade"):
        await migrate(empty_database_url, folder=folder)


async def test_waiting_for_another_migrator_ends(empty_database_url: str, folder: Path) -> None:
    other = await asyncpg.connect(empty_database_url)
    try:
        await other.execute("SELECT pg_advisory_lock($1)", int.from_bytes(b"samelook", "big", signed=True))
        with pytest.raises(MigrationBusy, match=r"for 0\.1 s"):
            await migrate(empty_database_url, folder=folder, wait_s=0.1)
    finally:
        await other.close()
    assert len(await migrate(empty_database_url, folder=folder)) == 2


async def test_waiting_for_a_long_transaction_ends(empty_database_url: str, folder: Path) -> None:
    await migrate(empty_database_url, folder=folder)
    (folder / "0003_age.sql").write_text("-- Ages.\nALTER TABLE people ADD age int;\n")
    other = await asyncpg.connect(empty_database_url)
    try:
        async with other.transaction():
            await other.execute("SELECT * FROM people")
            with pytest.raises(MigrationBusy):
                await migrate(empty_database_url, folder=folder, wait_s=0.1)
    finally:
        await other.close()


async def test_an_old_server_is_refused_before_anything_is_done(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samelook.sql.migrate.OLDEST_POSTGRES", 99)
    connection = await asyncpg.connect(empty_database_url)
    try:
        with pytest.raises(DatabaseTooOld, match="needs 99"):
            await migrate(connection)
    finally:
        await connection.close()
    assert await tables(empty_database_url) is None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("3_x.sql", "-- X.\nSELECT 1;", "NNNN_subject"),
        ("0004_x.sql", "-- X.\nSELECT 1;", "should be number 0003"),
        ("0002_again.sql", "-- X.\nSELECT 1;", "should be number"),
        ("0003_x.sql", "SELECT 1;", "comment that says"),
        ("0003_x.sql", "-- X.\nSELECT 1;\nCOMMIT;\n", "COMMIT; has no place"),
        ("0003_x.sql", "-- X.\nstart transaction;\nSELECT 1;", "has no place"),
    ],
)
def test_a_misshapen_file_is_refused(folder: Path, name: str, text: str, message: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(BadMigrationFile, match=message):
        migrations_in(folder)


def test_a_function_body_may_begin_and_end(folder: Path) -> None:
    (folder / "0003_x.sql").write_text(
        "-- X.\nCREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN\n  NULL;\nEND;\n$$;\n"
    )
    assert len(migrations_in(folder)) == 3
