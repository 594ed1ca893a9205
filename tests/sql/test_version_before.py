"""A migration leaves the schema usable for the version before it: machines are upgraded one by one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import asyncpg
import pytest
from aiosql.types import SQLOperationType

from samelook.sql.migrate import migrate
from samelook.sql.named import queries_in
from tests.sql.test_named import TEMPLATE_WORD

ROOT = Path(__file__).parents[2]
# What whoever writes a row must give. The version before knows of none that is new.
_OBLIGATORY = """
    SELECT c.oid::regclass::text || '.' || a.attname
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0
      AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND NOT a.attisdropped
"""


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the history is not here, so the version before IS NOT TESTED: {done.stderr[:100]}")
    return done.stdout


@pytest.fixture(scope="module")
def before() -> str:
    """The commit before the newest migration."""
    newest = max(path.name for path in (ROOT / "sql" / "migrations").glob("*.sql"))
    # By its subject: it may have been given another number before it was merged.
    subject = newest.partition("_")[2]
    added = _git("log", "--diff-filter=A", "--format=%H", "--", f"sql/migrations/*_{subject}").split()
    return f"{added[-1]}~1" if added else "HEAD"  # not committed yet


def _files(commit: str, folder: str) -> dict[str, str]:
    names = _git("ls-tree", "-r", "--name-only", commit, folder).split()
    return {Path(name).name: _git("show", f"{commit}:{name}") for name in names if name.endswith(".sql")}


async def test_the_queries_of_the_version_before_run_on_this_schema(
    before: str, connection: asyncpg.Connection[asyncpg.Record]
) -> None:
    wrong = []
    for origin, text in _files(before, "sql/queries").items():
        if TEMPLATE_WORD.search(text):
            continue  # texts that code completes, the code of that version
        found = queries_in(text, origin)
        named = [getattr(found, name) for name in found.available_queries if not name.endswith("_cursor")]
        for query in named:
            if query.sql.upper().startswith("CREATE TEMP"):
                await connection.execute(query.sql)
        for query in named:
            if query.operation is not SQLOperationType.SCRIPT:
                try:
                    await connection.prepare(query.sql)
                except asyncpg.PostgresError as error:
                    wrong.append(f"{origin}: {query.__name__}: {error}")
    assert not wrong


async def test_its_rows_are_taken_by_this_schema(
    before: str,
    connection: asyncpg.Connection[asyncpg.Record],
    empty_database_url: str,
    tmp_path: Path,
) -> None:
    for name, text in _files(before, "sql/migrations").items():
        (tmp_path / name).write_text(text)
    await migrate(empty_database_url, folder=tmp_path)
    former = await asyncpg.connect(empty_database_url)
    try:
        known = {row[0] for row in await former.fetch(_OBLIGATORY)}
        tables = {row[0] for row in await former.fetch("SELECT tablename FROM pg_tables")}
    finally:
        await former.close()
    new = {row[0] for row in await connection.fetch(_OBLIGATORY)} - known
    assert not {name for name in new if name.partition(".")[0] in tables}
