"""Answers as tables: named columns, rows of plain values, and what has to be said beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from samelook.inspector.errors import BadQuestion
from samelook.sql.page_marks import BadPageMark, read_page_mark

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """One table of an answer. Values are those of JSON, times ISO 8601 in UTC."""

    name: str
    columns: tuple[str, ...]
    rows: list[Row]
    after: str | None = None
    """Where the next page starts; None when this is the last."""
    notes: tuple[str, ...] = ()
    """What a reader must know beside the rows: what was left out, what is missing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question gives: facts, tables, and pictures by their SHA-256 (hex)."""

    facts: Row = field(default_factory=dict)
    listings: tuple[Listing, ...] = ()
    bodies: Mapping[str, bytes] = field(default_factory=dict)
    """The files of the pictures that the rows name under `sha256`, where they are kept."""
    notes: tuple[str, ...] = ()


def plain_value(value: object) -> Any:  # noqa: PLR0911 - a line for each type
    """`value` as JSON knows it: bytes as hex, times as ISO 8601, spans as seconds."""
    match value:
        case bytes():
            return value.hex()
        case datetime():
            return value.isoformat(timespec="milliseconds")
        case timedelta():
            return value.total_seconds()
        case UUID():
            return str(value)
        case list() | tuple():
            return [plain_value(item) for item in value]
        case dict():
            return {str(key): plain_value(item) for key, item in value.items()}
        case _:
            return value


def plain_row(record: Mapping[str, Any], *names: str) -> Row:
    """These columns of a record as JSON-ready values; all of them when none is named."""
    return {name: plain_value(record[name]) for name in names or record.keys()}


def read_mark(mark: str | None, length: int) -> list[str] | None:
    """The values of a page mark. Raises BadQuestion when it is none of this question."""
    if mark is None:
        return None
    try:
        return read_page_mark(mark, *[str] * length)
    except BadPageMark as error:
        raise BadQuestion(f"{mark!r}: {error} Copy what the page before printed.") from error
