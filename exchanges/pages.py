"""Pages of records into the database: records, bank contents, signals and checkpoint in one transaction.

A page that is written again changes nothing, so whoever died after a commit and begins again a little
earlier loses nothing and doubles nothing.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from samelook.banks.errors import BadSignal, UnknownSignalType
from samelook.banks.signal_types import SignalType, signal_type
from samelook.sql.named import queries
from samelook.sql.pool import Connection
from samelook.sql.storable import storable_json

from .errors import Superseded

_COLUMNS = ("digest", "key", "value", "fingerprint", "shared", "content_type")
_LONGEST_METADATA = 60_000
_MOST_RAW = 1 << 20
_LONGEST_KEY = 4096
_CLEAR_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Written:
    """What a page changed."""

    stored: int
    added: int
    """Contents that were not there before."""
    removed: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class _Row:
    digest: bytes
    key: str
    value: str | None
    signals: tuple[tuple[SignalType, bytes], ...]
    meta: dict[str, Any]

    @property
    def fingerprint(self) -> bytes | None:
        if not self.signals:
            return None
        pairs = sorted((kind.name, value) for kind, value in self.signals)
        return hashlib.sha256(
            b"".join(name.encode() + b"\0" + value.hex().encode() + b"\n" for name, value in pairs)
        ).digest()

    @property
    def content_type(self) -> str | None:
        kinds = {kind.content_types for kind, _ in self.signals}
        only = kinds.pop() if len(kinds) == 1 else ()
        return only[0] if len(only) == 1 else None


def digest_of(key: str) -> bytes:
    """What stands for a record's key where it may be long."""
    return hashlib.sha256(key.encode()).digest()[:16]


class PageWriter:
    """Writes the pages of one run into one generation."""

    def __init__(
        self,
        connection: Connection,
        exchange_id: int,
        name: str,
        run_id: uuid.UUID,
        generation: int,
        *,
        beside: bool,
    ) -> None:
        self._connection = connection
        self._id = exchange_id
        self._name = name
        self._run_id = run_id
        self.generation = generation
        self.beside = beside
        """Other generations hold records whose contents are to be shared."""
        self._queries = queries("exchanges")

    async def old_values(self, keys: Sequence[str]) -> list[str | None]:
        """What is kept under these keys."""
        digests = [digest_of(key) for key in keys]
        rows = self._queries.old_values(
            self._connection, id=self._id, generation=self.generation, digests=digests
        )
        found = {row["digest"]: row["value"] async for row in rows}
        return [found.get(digest) for digest in digests]

    async def write(
        self,
        rows: Sequence[Sequence[Any]],
        problems: Sequence[dict[str, Any]],
        checkpoint: str | None,
        progress_at: int | None,
    ) -> Written:
        """Writes a page, all of it or nothing. Raises Superseded."""
        found, refused = _parsed(rows)
        problems = [*problems, *refused]
        connection, ask = self._connection, self._queries
        generation = {"id": self._id, "generation": self.generation}
        async with connection.transaction():
            await ask.look_up_only(connection)
            bank_id = await ask.hold_run(connection, id=self._id, run_id=self._run_id)
            if bank_id is None:
                raise Superseded(f"{self._name} was disabled, removed or is fetched by somebody else by now")
            if found:
                await self._stage(found)
                await ask.find_own_records(connection, **generation)
                if self.beside:
                    await ask.find_other_records(connection, **generation)
                await ask.choose_contents(connection)
                added = _count(await ask.insert_contents(connection, bank_id=bank_id))
                await ask.insert_signals(connection)
                await ask.link_signals(connection)
                await ask.describe_kept_contents(connection)
                await ask.remove_replaced_contents(connection, **generation)
                await ask.store_records(connection, **generation)
                removed = _count(await ask.delete_records(connection, **generation))
                await ask.release_records(connection, id=self._id)
            else:
                added = removed = 0
            await self._quarantine(problems)
            if checkpoint is not None or progress_at is not None:
                await ask.advance(connection, checkpoint=checkpoint, progress_at=progress_at, **generation)
        return Written(sum(row.value is not None for row in found), added, removed, len(problems))

    async def quarantine(self, problems: Sequence[dict[str, Any]]) -> None:
        """Keeps what could not be used, outside of any page."""
        async with self._connection.transaction():
            await self._quarantine(problems)

    async def clear_others(self, keep: Iterable[int]) -> None:
        """Removes what only other generations than these hold, a few records at a time."""
        generations = list(keep)
        await clear_generations(self._connection, self._id, generations)
        await self._queries.forget_checkpoints(self._connection, id=self._id, generations=generations)

    async def _stage(self, rows: Sequence[_Row]) -> None:
        connection = self._connection
        await self._queries.create_record_staging(connection)
        await self._queries.create_record_staging_index(connection)
        await self._queries.create_record_signal_staging(connection)
        await connection.copy_records_to_table(
            "staged_records",
            records=[
                (
                    row.digest,
                    row.key,
                    row.value,
                    row.fingerprint,
                    _shared(self._name, row),
                    row.content_type,
                )
                for row in rows
            ],
            columns=_COLUMNS,
        )
        await connection.copy_records_to_table(
            "staged_record_signals",
            records=[(row.digest, kind.name, value) for row in rows for kind, value in row.signals],
        )

    async def _quarantine(self, problems: Sequence[dict[str, Any]]) -> None:
        if not problems:
            return
        await self._queries.quarantine(
            self._connection,
            id=self._id,
            digests=[_problem_digest(problem) for problem in problems],
            key_digests=[
                None if problem["key"] is None else digest_of(problem["key"]) for problem in problems
            ],
            errors=[
                json.dumps(
                    {
                        "kind": problem["kind"],
                        "message": problem["message"],
                        "detail": {"key": _short(problem["key"])},
                    }
                )
                for problem in problems
            ],
            raws=[
                None if problem["raw"] is None else problem["raw"].encode(errors="replace")[:_MOST_RAW]
                for problem in problems
            ],
        )


async def clear_generations(connection: Connection, exchange_id: int, keep: Sequence[int]) -> None:
    """Removes the records of all other generations, and the contents that only they have."""
    ask = queries("exchanges")
    kept = list(keep)
    old = [
        row["generation"] async for row in ask.other_generations(connection, id=exchange_id, generations=kept)
    ]
    for generation in old:
        more = True
        while more:
            async with connection.transaction():
                await ask.look_up_only(connection)
                row = await ask.clear_generation(
                    connection, id=exchange_id, generation=generation, generations=kept, most=_CLEAR_AT_ONCE
                )
            more = row["records"] > 0


def _parsed(rows: Sequence[Sequence[Any]]) -> tuple[list[_Row], list[dict[str, Any]]]:
    """Rows with their signals as banks keep them, the last one of each key; and what banks do not take."""
    found: dict[bytes, _Row] = {}
    refused: list[dict[str, Any]] = []
    for key, value, texts, meta in rows:
        signals: dict[tuple[SignalType, bytes], None] = {}
        for name, text in texts:
            try:
                kind = signal_type(name)
                signals[kind, kind.parse(text)] = None
            except (BadSignal, UnknownSignalType) as error:
                refused.append(
                    {"kind": "bad_signal", "message": error.message, "key": key, "raw": f"{name} {text}"}
                )
        digest = digest_of(key)
        unusable = bool(texts) and not signals
        found[digest] = _Row(digest, key, None if unusable else value, tuple(signals), meta)
    return list(found.values()), refused


def _shared(name: str, row: _Row) -> str:
    """What the exchange says of a record, as JSON; the longest parts go first where it is too much."""
    origin: dict[str, Any] = {"exchange": name, "key": _shown_key(row.key), **row.meta}
    text = storable_json(origin)
    if len(text) > _LONGEST_METADATA:
        origin.pop("record", None)
        text = storable_json(origin)
    if len(text) > _LONGEST_METADATA:
        text = storable_json({**origin, "opinions": origin.get("opinions", [])[:1]})
    return text


def _shown_key(key: str) -> str:
    """A record's key as HMA shows it in `collab`: a text as it is, several parts as Python writes a tuple."""
    parts = json.loads(key)
    if isinstance(parts, str):
        return parts[:_LONGEST_KEY]
    return str(tuple(parts) if isinstance(parts, list) else parts)[:_LONGEST_KEY]


def _problem_digest(problem: dict[str, Any]) -> bytes:
    # A page differs a little each time that it is asked for; what is wrong is still the same.
    same = (problem["kind"], problem["key"], problem["raw"] if problem["kind"] != "malformed_page" else None)
    return hashlib.sha256(json.dumps(same).encode()).digest()


def _short(key: str | None) -> str | None:
    return None if key is None else key[:1000]


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])
