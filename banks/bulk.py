"""Many signals into a bank at once: COPY and set operations, one transaction for each batch.

A batch is kept by columns, signals by type, because that is how COPY wants them and how indexes do: what was
just committed is handed to them as it is, instead of being read back.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samelook.sql.audit import note_change
from samelook.sql.named import queries
from samelook.sql.pool import Connection

from .details import Details
from .errors import UnknownBank
from .signal_types import SignalType
from .store import Bank, BankStore

_COLUMNS = (
    "id",
    "bank_id",
    "content_type",
    "original_media_uri",
    "media_unavailable",
    "note",
    "tags",
    "disable_until_ts",
)
_PLAIN = Details(media_unavailable=True)
# The frame of COPY's binary format (PostgreSQL's manual, "COPY", File Formats): a signature, flags, no
# extension; rows of a field count, then each field's length and bytes; a count of -1 at the end.
_HEAD, _END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_FIELDS = 3


@dataclass(frozen=True, slots=True)
class NewContent:
    """A content to be added: its signals, and what else is said of it."""

    signals: dict[SignalType, bytes]
    details: Details


@dataclass(frozen=True, slots=True)
class Column:
    """The signals of one type in a batch, and which contents they are of."""

    kind: SignalType
    places: list[int]
    values: list[bytes]


class Batch:
    """Contents to be added together, in their order."""

    def __init__(self, contents: Iterable[NewContent] = ()) -> None:
        self.columns: dict[str, Column] = {}
        """By the name of the type."""
        self.described: dict[int, Details] = {}
        """Of contents of which more is known than that there is no media."""
        self._size = 0
        for content in contents:
            self.add(content.signals, content.details)

    def __len__(self) -> int:
        return self._size

    def add(self, signals: Mapping[SignalType, bytes], details: Details = _PLAIN) -> None:
        """Adds a content with these signals."""
        for kind, value in signals.items():
            self._put(kind, value)
        if details is not _PLAIN:
            self.described[self._size] = details
        self._size += 1

    def add_one(self, kind: SignalType, value: bytes) -> None:
        """Adds a content of which nothing is known but this signal."""
        self._put(kind, value)
        self._size += 1

    def _put(self, kind: SignalType, value: bytes) -> None:
        column = self.columns.get(kind.name)
        if column is None:
            column = self.columns[kind.name] = Column(kind, [], [])
        column.places.append(self._size)
        column.values.append(value)


@dataclass(frozen=True, slots=True)
class Added:
    """A batch that was committed."""

    transaction: str
    bank: Bank
    ids: NDArray[np.int64]
    disable_until: NDArray[np.int64]
    signals: dict[str, tuple[NDArray[np.int64], list[bytes]]]
    """By the name of the type: ids of contents, and their signals."""


class BulkAdd:
    """Adds batches of contents to one bank; each batch is committed when `add` returns.

    `committing` is entered around each commit, for who wants to know what is in it.
    """

    def __init__(
        self,
        banks: BankStore,
        bank: Bank,
        committing: Callable[[Added], AbstractAsyncContextManager[None]] | None = None,
    ) -> None:
        self._banks = banks
        self._pool = banks.pool
        self._bank = bank
        self._committing = committing
        self._queries = queries("banks")

    async def add(self, contents: Sequence[NewContent] | Batch) -> list[int]:
        """The ids of the new contents, in their order. Raises UnknownBank when the bank is gone."""
        batch = contents if isinstance(contents, Batch) else Batch(contents)
        if not len(batch):
            return []
        if (await self._banks.bank(self._bank.name)).id != self._bank.id:
            raise UnknownBank(f"bank {self._bank.name!r} was just removed", bank=self._bank.name)
        async with (
            self._pool.acquire() as connection,
            AsyncExitStack() as around_commit,
            connection.transaction(),
        ):
            added = await self._add(connection, batch)
            counts = {name: len(values) for name, (_, values) in added.signals.items()}
            first, last = int(added.ids[0]), int(added.ids[-1])
            summary = {"contents": len(batch), "first_id": first, "last_id": last, "signals": counts}
            await note_change(connection, "add_contents", self._bank.name, after=summary)
            if self._committing is not None:
                await around_commit.enter_async_context(self._committing(added))
        return [int(content_id) for content_id in added.ids]

    async def _add(self, connection: Connection, batch: Batch) -> Added:
        await self._queries.create_staging(connection)
        reserved = await self._queries.reserve_content_ids(connection, number=len(batch))
        ids = np.array(reserved["ids"], np.int64)
        plain = np.ones(len(ids), bool)
        plain[list(batch.described)] = False
        await self._queries.add_plain_contents(connection, bank_id=self._bank.id, ids=ids[plain].tolist())
        await self._describe(connection, ids, batch.described)
        signals = {name: (ids[column.places], column.values) for name, column in batch.columns.items()}
        rows = [_copied(name.encode(), whose, values) for name, (whose, values) in signals.items()]
        await connection.copy_to_table(
            "staged_signals", source=io.BytesIO(b"".join([_HEAD, *rows, _END])), format="binary"
        )
        linked = await self._queries.add_staged_signals(connection)
        if linked < sum(len(values) for _, values in signals.values()):
            await self._queries.link_staged_signals(connection)
        disable_until = np.full(len(ids), _PLAIN.disable_until_ts, np.int64)
        for place, details in batch.described.items():
            disable_until[place] = details.disable_until_ts
        return Added(reserved["xid"], self._bank, ids, disable_until, signals)

    async def _describe(
        self, connection: Connection, ids: NDArray[np.int64], described: dict[int, Details]
    ) -> None:
        if not described:
            return
        pairs = [(int(ids[place]), details) for place, details in described.items()]
        await connection.copy_records_to_table(
            "bank_content",
            records=[_row(content_id, self._bank.id, details) for content_id, details in pairs],
            columns=_COLUMNS,
        )
        metadata = [(content_id, details.metadata) for content_id, details in pairs if details.metadata]
        if metadata:
            # COPY is binary here, and jsonb travels as text.
            await self._queries.describe_contents(
                connection,
                ids=[content_id for content_id, _ in metadata],
                metadata=[json.dumps(what) for _, what in metadata],
            )


def _row(content_id: int, bank_id: int, details: Details) -> tuple[Any, ...]:
    return (
        content_id,
        bank_id,
        details.content_type,
        details.original_media_uri,
        details.media_unavailable,
        details.note,
        details.tags,
        details.disable_until_ts,
    )


def _copied(name: bytes, ids: NDArray[np.int64], values: list[bytes]) -> bytes:
    """Rows (content id, type, value) for COPY; all at once where the values are equally long."""
    length = len(values[0])
    if any(len(value) != length for value in values):
        row = struct.Struct(f">hiqi{len(name)}si")
        return b"".join(
            row.pack(_FIELDS, 8, content_id, len(name), name, len(value)) + value
            for content_id, value in zip(ids.tolist(), values, strict=True)
        )
    rows = np.empty(
        len(ids),
        np.dtype(
            [("fields", ">i2"), ("id_length", ">i4"), ("id", ">i8"), ("name_length", ">i4"),
             ("name", f"V{len(name)}"), ("value_length", ">i4"), ("value", f"V{length}")]
        ),
    )  # fmt: skip
    rows["fields"], rows["id_length"], rows["id"] = _FIELDS, 8, ids
    rows["name_length"], rows["name"] = len(name), np.void(name)
    rows["value_length"], rows["value"] = length, np.frombuffer(b"".join(values), f"V{length}")
    return rows.tobytes()
