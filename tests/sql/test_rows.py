"""The types of rows say what Postgres says of the statements."""

from __future__ import annotations

import types
import typing
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from samelook.sql.named import queries
from samelook.sql.queue_queries import PHASES, queue_queries
from samelook.sql.rows import ROWS

PYTHON: dict[str, type] = {
    "bool": bool,
    "bytea": bytes,
    "float4": float,
    "float8": float,
    "int2": int,
    "int4": int,
    "int8": int,
    "text": str,
    "timestamptz": datetime,
}


def _plain(hint: Any) -> Any:
    """The type without None, which Postgres does not tell of a column."""
    if isinstance(hint, types.UnionType):
        (hint,) = (part for part in typing.get_args(hint) if part is not types.NoneType)
    elif typing.get_origin(hint) is typing.Union:
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    if typing.get_origin(hint) is typing.Literal:
        return type(typing.get_args(hint)[0])
    return (list, _plain(typing.get_args(hint)[0])) if typing.get_origin(hint) is list else hint


def _in_python(column: asyncpg.Attribute) -> Any:
    name = column.type.name
    if name.startswith("_") or name.endswith("[]"):
        return list, PYTHON.get(name.strip("_[]"), name)
    return PYTHON.get(name, name)


@pytest.mark.parametrize(("subject", "query"), ROWS)
async def test_rows_are_as_their_type_says(
    connection: asyncpg.Connection[Any], subject: str, query: str
) -> None:
    files = [queue_queries(phase) for phase in PHASES] if subject == "queue" else [queries(subject)]
    for file in files:
        prepared = await connection.prepare(getattr(file, query).sql)
        columns = {column.name: _in_python(column) for column in prepared.get_attributes()}
        kind = ROWS[subject, query]
        hints = {
            name: hint
            for name, hint in typing.get_type_hints(kind).items()
            if name in columns or name not in kind.__optional_keys__  # type: ignore[attr-defined]
        }
        wanted = {name: _plain(hint) for name, hint in hints.items() if hint is not Any}
        assert {name: columns.get(name) for name in wanted} == wanted
        assert hints.keys() <= columns.keys()
