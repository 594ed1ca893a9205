"""Named queries: every statement of the project is valid SQL, and traps of aiosql are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from aiosql.types import SQLOperationType

from samelook.sql.errors import BadQueryFile
from samelook.sql.named import FOLDER, Queries, load_queries, queries, queries_in
from samelook.sql.pool import OwnConnection, Pool
from samelook.sql.queue_queries import PHASES, queue_queries

# A file with {words} is completed by the room that loads it; the queue's is tried here.
TEMPLATE_WORD = re.compile(r"\{[a-z_]+\}")


def all_queries() -> Iterator[tuple[str, Queries]]:
    for path in sorted(FOLDER.glob("*.sql")):
        if not TEMPLATE_WORD.search(path.read_text()):
            yield path.name, queries(path.stem)
    for phase in PHASES:
        yield f"queue.sql for {phase}", queue_queries(phase)


async def test_every_query_is_understood_by_postgres(connection: OwnConnection) -> None:
    wrong = []
    for origin, loaded in all_queries():
        named = [getattr(loaded, name) for name in loaded.available_queries if not name.endswith("_cursor")]
        for query in named:  # temporary tables that other queries of the file use
            if query.sql.upper().startswith("CREATE TEMP"):
                await connection.execute(query.sql)
        for query in named:
            if query.operation is not SQLOperationType.SCRIPT:
                try:
                    await connection.prepare(query.sql)
                except asyncpg.PostgresError as error:
                    wrong.append(f"{origin}: {query.__name__}: {error}")
    assert not wrong


def test_a_file_is_loaded_once() -> None:
    assert queries("status") is queries("status")


SHAPES = """
-- name: numbers(upto)
-- The numbers up to one of them; the comment's apostrophe hides nothing.
SELECT n FROM generate_series(1, :upto) AS n -- it's :not a parameter
WHERE n <= :upto AND 'it''s :quoted' <> "n"::text;

-- name: pair(first, second)^
-- Both, in an order that is not the declared one.
SELECT :second::int AS second, :first::int AS first WHERE :first <> 0;

-- name: total(values)$
-- The sum of a list.
SELECT sum(v)::int FROM unnest(:values::int[]) AS v;

-- name: write(n)!
-- Writes nothing.
SELECT :n::int;
"""


async def test_parameters_go_where_they_are_named(pool: Pool) -> None:
    shapes = queries_in(SHAPES, "shapes")
    assert [row["n"] async for row in shapes.numbers(pool, upto=3)] == [1, 2, 3]
    assert dict(await shapes.pair(pool, first=1, second=2)) == {"second": 2, "first": 1}
    assert await shapes.pair(pool, first=0, second=2) is None
    assert await shapes.total(pool, values=[1, 2, 3]) == 6
    assert await shapes.write(pool, n=1) == "SELECT 1"


async def test_a_row_loop_that_is_left_holds_no_connection(pool: Pool) -> None:
    shapes = queries_in(SHAPES, "shapes")
    async for _ in shapes.numbers(pool, upto=3):
        assert pool.get_idle_size() == pool.get_size()
        break


async def test_a_wrong_parameter_is_refused_at_the_call(pool: Pool) -> None:
    shapes = queries_in(SHAPES, "shapes")
    with pytest.raises(TypeError, match=r"pair takes \(second, first\), not \(first, third\)"):
        await shapes.pair(pool, first=1, third=3)


def test_an_unknown_query_is_named() -> None:
    with pytest.raises(AttributeError, match=r"'nubmers'.*numbers"):
        queries_in(SHAPES, "shapes").nubmers  # noqa: B018


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- name: q(a)^\n-- Doc.\nSELECT 1;", "unused declared parameter"),
        ("-- name: q()^\n-- Doc.\nSELECT :a;", "undeclared parameter"),
        ("-- name: q(a, n)^\n-- Doc.\nSELECT (:a::int[])[1:n];", "array slice"),
        ("-- name: q(a)^\n-- Doc.\nSELECT (:a::int[])[1:2];", "array slice"),
        ("-- name: q\n-- Doc.\nSELECT 1;", "parameter list"),
        ("-- name: q()^\n-- D.\nSELECT 1;\n-- name: q()^\n-- D.\nSELECT 2;", "named twice: q"),
    ],
)
def test_a_trap_is_refused_when_the_file_is_loaded(text: str, message: str) -> None:
    with pytest.raises(BadQueryFile, match=message):
        queries_in(text, "trap.sql")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadQueryFile, match="cannot be read"):
        load_queries(tmp_path / "none.sql")
