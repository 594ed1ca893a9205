"""Many signals into a bank at once: COPY and set operations, one transaction for each batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sql.named import queries

from .contents import Details
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


@dataclass(frozen=True, slots=True)
class NewContent:
    """A content to be added: its signals, and what else is said of it."""

    signals: dict[SignalType, bytes]
    details: Details


class BulkAdd:
    """Adds batches of contents to one bank; each batch is committed when `add` returns."""

    def __init__(self, banks: BankStore, bank: Bank) -> None:
        self._banks = banks
        self._pool = banks.pool
        self._bank = bank
        self._queries = queries("banks")

    async def add(self, contents: Sequence[NewContent]) -> list[int]:
        """The ids of the new contents, in their order. Raises UnknownBank when the bank is gone."""
        if not contents:
            return []
        if (await self._banks.bank(self._bank.name)).id != self._bank.id:
            raise UnknownBank(f"bank {self._bank.name!r} was just removed", bank=self._bank.name)
        async with self._pool.acquire() as connection, connection.transaction():
            await self._queries.create_staging(connection)
            ids = [
                row["id"] async for row in self._queries.reserve_content_ids(connection, number=len(contents))
            ]
            pairs = list(zip(ids, contents, strict=True))
            await connection.copy_records_to_table(
                "bank_content",
                records=[_row(one, self._bank.id, content.details) for one, content in pairs],
                columns=_COLUMNS,
            )
            described = [
                (one, content.details.metadata) for one, content in pairs if content.details.metadata
            ]
            if described:
                # COPY is binary here, and jsonb travels as text.
                await self._queries.describe_contents(
                    connection,
                    ids=[one for one, _ in described],
                    metadata=[json.dumps(metadata) for _, metadata in described],
                )
            await connection.copy_records_to_table(
                "staged_signals",
                records=[
                    (one, kind.name, value)
                    for one, content in pairs
                    for kind, value in content.signals.items()
                ],
            )
            await self._queries.ensure_staged_signals(connection)
            await self._queries.link_staged_signals(connection)
        return ids


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
