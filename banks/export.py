"""A bank as a file for others: read through a cursor, so that its size costs no memory.

| format | a line | who reads it |
|---|---|---|
| `local_file` | `TYPE VALUE` | python-threatexchange's `local_file` exchange, and so `tx` and HMA |
| `hashes` | `VALUE`, of one type | the same exchange when it is told the type; any reader of hash lists |
| `ndjson` | a content as JSON: signals by type, note, metadata | a Samelook's `POST /c/bank/{bank}/signals` |

Contents that are disabled now are left out: what does not match here is not given to others to match.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

from samelook.sql.named import queries
from samelook.sql.pool import Pool

from .details import shown_metadata
from .errors import BankError
from .signal_types import SIGNAL_TYPES, signal_type
from .store import Bank

ExportFormat = Literal["local_file", "hashes", "ndjson"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
_ROWS = 2000
_METADATA = ("content_id", "content_uri", "json")
_LONGEST_SHOWN = 80


class BadExport(BankError):
    """A bank cannot be exported as asked."""

    kind = "bad_export"


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be read out, and how it is written."""

    bank: Bank
    format: ExportFormat
    types: tuple[str, ...]
    """Signals of these types only. Empty: of all."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Some lines of an export."""

    text: bytes
    lines: int
    left_out: int
    """Signals that a line cannot hold: texts with line breaks or blanks at an end."""


def checked_export(bank: Bank, format_name: str, types: Iterable[str]) -> Export:
    """What was asked for, if it makes sense. Raises BadExport or UnknownSignalType."""
    chosen = next((known for known in FORMATS if known == format_name), None)
    if chosen is None:
        raise BadExport(
            f"No such format: {format_name[:_LONGEST_SHOWN]!r}. There are {', '.join(FORMATS)}.",
            field="format",
        )
    names = tuple(dict.fromkeys(signal_type(name).name for name in types))
    if chosen == "hashes" and len(names) != 1:
        raise BadExport("A list of hashes does not say what they are: name one signal type.", field="types")
    return Export(bank, chosen, names)


@asynccontextmanager
async def exported(pool: Pool, export: Export) -> AsyncGenerator[AsyncGenerator[Portion, None], None]:
    """The lines of an export, some at a time, as the bank is at one moment.

    A connection and a transaction are held until the end of the block, so that it must not be left waiting.
    """
    portions = _portions(pool, export)
    async with aclosing(portions):
        yield portions


async def _portions(pool: Pool, export: Export) -> AsyncGenerator[Portion, None]:
    sql = queries("export")
    opened, written = (
        (sql.bank_contents_cursor, _content_lines)
        if export.format == "ndjson"
        else (sql.bank_signals_cursor, _signal_lines if export.format == "local_file" else _hash_lines)
    )
    wanted = list(export.types) or None
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await sql.read_all_of_it(connection)
        reading = opened(connection, bank_id=export.bank.id, types=wanted, now=int(time.time()))
        async with reading as factory:
            cursor = await factory
            while rows := await cursor.fetch(_ROWS):
                lines = written(rows)
                yield Portion("".join(lines).encode(), len(lines), max(0, len(rows) - len(lines)))


def _signal_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{name} {text}\n" for name, text in _texts(rows) if _is_a_line(text)]


def _hash_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{text}\n" for _, text in _texts(rows) if _is_a_line(text)]


def _texts(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for row in rows:
        yield row["type"], _text(row["type"], row["value"])


def _text(name: str, value: bytes) -> str:
    kind = SIGNAL_TYPES.get(name)
    if kind is None:
        raise BadExport(
            f"The bank holds {name} signals, a type of an extension that this process does not know.",
            field="types",
        )
    return kind.text(value)


def _is_a_line(text: str) -> bool:
    """Whether a value comes back from a list as it was: texts, which extensions may bring, can hold anything.

    A line break in one would even add signals of its own.
    """
    return text == text.strip() and "\n" not in text and "\r" not in text


def _content_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{json.dumps(content, ensure_ascii=False)}\n" for row in rows for content in _contents(row)]


def _contents(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The content of a row; as several when it has several signals of one type, which a line cannot say."""
    contents: list[dict[str, Any]] = []
    for name, value in zip(row["types"], row["values"], strict=True):
        content = next((content for content in contents if name not in content), None)
        if content is None:
            content = {}
            contents.append(content)
        content[name] = _text(name, value)
    shown = shown_metadata(row["metadata"], row["shared"])
    metadata = {name: shown[name] for name in _METADATA if shown.get(name) is not None}
    for content in contents:
        if row["note"] is not None:
            content["note"] = row["note"]
        if metadata:
            content["metadata"] = metadata
    return contents
