"""Answers as tables: named columns, rows of plain values, and what has to be said beside them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from samelook.inspector.errors import BadQuestion

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


def page_mark(*values: object) -> str:
    """Where a page ended, as one word for `--after`."""
    text = json.dumps([plain_value(value) for value in values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_mark(mark: str | None, length: int) -> list[str] | None:
    """The values of a `page_mark`. Raises BadQuestion when it is none."""
    if mark is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
    except (ValueError, binascii.Error) as error:
        raise BadQuestion(f"{mark!r} is no page mark; copy what the page before printed.") from error
    if (
        not isinstance(values, list)
        or len(values) != length
        or not all(isinstance(value, str) for value in values)
    ):
        raise BadQuestion(f"{mark!r} is a page mark of another question.")
    return values
