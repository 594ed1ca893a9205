"""Named queries: `sql/queries/SUBJECT.sql`, each loaded once and called as a method.

    QUERIES = queries("queue")
    async for row in QUERIES.claim_due(connection, batch=100, lease_s=120): ...
    row = await QUERIES.status(pool)          # name ends in ^: a row or None; $: its first value
    tag = await QUERIES.release(pool, ids=…)  # !: a write, gives Postgres's command tag

aiosql finds `:parameters` with a regular expression. What that gets wrong is caught here when
the file is loaded: a comment at a line's end (an apostrophe in it would hide parameters) is taken
out, an array slice (it would become a parameter) is refused.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import aiosql
import asyncpg
from aiosql.adapters.asyncpg import AsyncPGAdapter
from aiosql.queries import Queries as AiosqlQueries
from aiosql.types import SQLOperationType
from aiosql.utils import SQLLoadException, SQLParseException

from .errors import BadQueryFile

FOLDER = Path(__file__).parent / "queries"

# Quoted things and whole lines of comment are kept; a comment at a line's end is not.
_LINE_END_COMMENT = re.compile(
    r"('(?:''|[^'])*'|\"(?:\"\"|[^\"])+\"|^[ \t]*--[^\n]*)|[ \t]*--[^\n]*", re.MULTILINE
)
_QUOTED = re.compile(r"'(?:''|[^'])*'|\"(?:\"\"|[^\"])+\"")
_SLICE = re.compile(r"\[[^\[\]]*[^:\[\]]:(?!:)[^\[\]]*\]")
_NAME = re.compile(r"--\s*name\s*:\s*(\w+)")


class Queries(AiosqlQueries):
    """The queries of one file, as methods."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no query is named {name!r}; there are {', '.join(self.available_queries)}")


@cache
def queries(subject: str) -> Queries:
    """The queries of `sql/queries/<subject>.sql`. Raises BadQueryFile."""
    return load_queries(FOLDER / f"{subject}.sql")


def load_queries(path: Path) -> Queries:
    """The queries of a file. Raises BadQueryFile, naming the query that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadQueryFile(f"{path} cannot be read: {error.strerror}") from error
    return queries_in(text, path.name)


def queries_in(text: str, origin: str) -> Queries:
    """The queries of a text; `origin` names it in errors. Raises BadQueryFile."""
    names = _NAME.findall(text)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadQueryFile(f"{origin}: named twice: {', '.join(twice)}")
    text = _LINE_END_COMMENT.sub(lambda match: match[1] or "", text)
    try:
        loaded: Queries = aiosql.from_str(text, _ADAPTER, attribute=None, queries_cls=Queries)
    except (SQLLoadException, SQLParseException, BadQueryFile) as error:
        raise BadQueryFile(f"{origin}: {error}") from error
    return loaded


class _Adapter(AsyncPGAdapter):
    """aiosql's asyncpg adapter, strict about parameters; its row loops hold no connection."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def process_sql(self, query_name: str, _op_type: SQLOperationType, sql: str) -> str:
        if _SLICE.search(_QUOTED.sub("''", sql)):
            raise BadQueryFile(
                f"{query_name} takes an array slice, which aiosql reads as a parameter; use unnest instead"
            )
        return str(super().process_sql(query_name, _op_type, sql))  # type: ignore[no-untyped-call]

    def maybe_order_params(self, query_name: str, parameters: Any) -> list[Any]:
        names: list[str] = self.var_sorted[query_name]
        if isinstance(parameters, Mapping):
            if parameters.keys() != set(names):
                raise TypeError(f"{query_name} takes ({', '.join(names)}), not ({', '.join(parameters)})")
            return [parameters[name] for name in names]
        return list(parameters)

    async def select(
        self,
        conn: Any,
        query_name: str,
        sql: str,
        parameters: Any,
        record_class: Any = None,  # noqa: ARG002
    ) -> AsyncIterator[asyncpg.Record]:
        # asyncpg fetches all rows at once, so a pool's connection goes back before the loop begins.
        for row in await conn.fetch(sql, *self.maybe_order_params(query_name, parameters)):
            yield row


_ADAPTER: Any = _Adapter  # aiosql's protocol for adapters does not describe its own
