"""The contents of banks: added, read, changed, removed, always through their own bank."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from samelook.names.hosts import host_of
from samelook.sql.audit import note_change
from samelook.sql.named import queries
from samelook.sql.pool import Connection
from samelook.sql.rows import MemberRow, SignalOfContent, SignalRow

from .details import POINTERS, Details, check_details, shown_metadata
from .errors import BadContent, UnknownBank, UnknownContent, UnknownSignal
from .signal_types import SIGNAL_TYPES, SignalType, signal_type
from .store import Bank, BankStore, Owner

LARGEST_ID = 2**63 - 1
OPERATOR = "operator"
"""Who has removed a content that can be taken back."""
_MOST_SITES = 100
_PLAIN = Details()


@dataclass(frozen=True, slots=True)
class ContentSignal:
    """One value of one type, and the id that it has in every bank."""

    id: int
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Content:
    """One thing in a bank."""

    id: int
    bank: Bank
    details: Details
    created_at: datetime
    updated_at: datetime
    picture_sha256: bytes | None = None
    """The picture's SHA-256, if the crawl found it."""
    shared: Mapping[str, Any] | None = None
    """What an exchange says of it."""
    removed_at: datetime | None = None
    removed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A content that has a signal, and the bank that it is in."""

    content_id: int
    bank: str
    disable_until_ts: int


class ContentStore:
    """Contents in the database. Every method commits before it returns."""

    def __init__(self, banks: BankStore) -> None:
        self.banks = banks
        self._pool = banks.pool
        self._queries = queries("banks")

    async def add(
        self,
        bank_name: str,
        signals: Mapping[SignalType, bytes],
        details: Details,
        writer: Owner | None = None,
    ) -> int:
        """The id of a new content. Raises UnknownBank, ReadOnlyBank or BadContent."""
        check_details(details)
        bank = await self.banks.writable(bank_name, writer)
        types, values = [kind.name for kind in signals], list(signals.values())
        async with self._pool.acquire() as connection, connection.transaction():
            await self._queries.ensure_signals(connection, types=types, values=values)
            content_id = await self._queries.add_content(
                connection,
                bank_id=bank.id,
                types=types,
                values=values,
                content_type=details.content_type,
                original_media_uri=details.original_media_uri,
                storage_bucket=details.storage_bucket,
                storage_key=details.storage_key,
                raw_content=details.raw_content,
                media_unavailable=details.media_unavailable,
                metadata=dict(details.metadata),
                note=details.note,
                tags=list(details.tags),
                disable_until_ts=details.disable_until_ts,
            )
            if content_id is not None:
                shown = {kind.name: kind.text(value) for kind, value in signals.items()}
                await note_change(
                    connection,
                    "add_content",
                    bank_name,
                    after={"id": content_id, "signals": shown, **_audited(details)},
                )
        if content_id is None:
            raise UnknownBank(f"bank {bank_name!r} was just removed", bank=bank_name)
        return int(content_id)

    async def get(self, bank_name: str, content_id: int, *, removed: bool = False) -> Content:
        """A content of the bank; with `removed` also one that can be taken back, or could until lately.

        Raises UnknownBank or UnknownContent.
        """
        bank = await self.banks.bank(bank_name)
        if not 0 < content_id <= LARGEST_ID:
            raise _unknown(bank, content_id)
        row = await self._queries.get_content(self._pool, bank_id=bank.id, id=content_id, removed=removed)
        if row is None:
            raise _unknown(bank, content_id)
        return _content(row, bank)

    async def update(
        self,
        bank_name: str,
        content_id: int,
        changes: Mapping[str, Any],
        signals: Mapping[SignalType, bytes] | None = None,
    ) -> Content:
        """The content after an operator's changes to some of its details, and with signals more.

        In an exchange's bank only what an operator thinks of it can be changed, which outlasts every fetch:
        disable_until_ts, note, metadata, tags, confirmed, media_unavailable. Raises UnknownBank,
        UnknownContent, ReadOnlyBank or BadContent.
        """
        check_details(Details(**changes))
        pointers = {name: changes[name] for name in POINTERS if name in changes}
        more = signals or {}
        own = bool(pointers or more)
        bank = await (self.banks.writable(bank_name) if own else self.banks.judged(bank_name))
        await self.get(bank_name, content_id)
        types, values = [kind.name for kind in more], list(more.values())
        async with self._pool.acquire() as connection, connection.transaction():
            await self._queries.hold_bank(connection, bank_id=bank.id)
            before = await self._queries.get_content(
                connection, bank_id=bank.id, id=content_id, removed=False
            )
            if more:
                await self._queries.ensure_signals(connection, types=types, values=values)
            row = await self._queries.update_content(
                connection,
                bank_id=bank.id,
                id=content_id,
                disable_until_ts=changes.get("disable_until_ts"),
                has_note="note" in changes,
                note=changes.get("note"),
                metadata=changes.get("metadata"),
                tags=changes.get("tags"),
                media_unavailable=changes.get("media_unavailable"),
                has_confirmed="confirmed" in changes,
                confirmed=changes.get("confirmed"),
                pointers=pointers,
            )
            if row is None:
                raise _unknown(bank, content_id)
            if more:
                await self._link(connection, content_id, types, values)
            was, now = (_audited(_content(version, bank).details) for version in (before, row))
            if more:
                now["signals"] = {kind.name: kind.text(value) for kind, value in more.items()}
            await note_change(
                connection, "change_content", f"{bank_name}/{content_id}", before=was, after=now
            )
        return _content(row, bank)

    async def _link(
        self, connection: Connection, content_id: int, types: list[str], values: list[bytes]
    ) -> None:
        parameters = {"id": content_id, "types": types, "values": values}
        others = [row["type"] async for row in self._queries.other_signals_of(connection, **parameters)]
        if others:
            raise BadContent(f"content {content_id} has another {others[0]} signal already", field="signals")
        await self._queries.link_signals(connection, **parameters)

    async def remove(self, bank_name: str, content_id: int, by: str = OPERATOR) -> int:
        """Removes a content from the bank; how many there were. Raises UnknownBank or ReadOnlyBank.

        What an exchange shares is hidden, and stays so when it is fetched again.
        """
        bank = await self.banks.judged(bank_name)
        if not 0 < content_id <= LARGEST_ID:
            return 0
        async with self._pool.acquire() as connection, connection.transaction():
            await self._queries.hold_bank(connection, bank_id=bank.id)
            before = await self._queries.get_content(
                connection, bank_id=bank.id, id=content_id, removed=False
            )
            removed = await self._queries.remove_content(connection, bank_id=bank.id, id=content_id, by=by)
            if removed is not None:
                was = _audited(_content(before, bank).details)
                await note_change(connection, "remove_content", f"{bank_name}/{content_id}", before=was)
        return int(removed is not None)

    async def restore(self, bank_name: str, content_id: int) -> Content:
        """Takes back the removal of a content by an operator, which can be done for a week.

        Of what an exchange shares for as long as it does. Raises UnknownBank, UnknownContent, ReadOnlyBank.
        """
        bank = await self.banks.judged(bank_name)
        there = await self.get(bank_name, content_id, removed=True)
        if there.removed_at is None:
            return there
        async with self._pool.acquire() as connection, connection.transaction():
            await self._queries.hold_bank(connection, bank_id=bank.id)
            row = await self._queries.restore_content(connection, bank_id=bank.id, id=content_id)
            if row is not None:
                await note_change(
                    connection,
                    "restore_content",
                    f"{bank_name}/{content_id}",
                    before={"removed_at": str(there.removed_at), "removed_by": there.removed_by},
                )
        if row is None:
            raise UnknownContent(
                f"content {content_id} was removed by the {there.removed_by}, which alone can add it again",
                bank=bank.name,
                content_id=str(content_id),
            )
        return _content(row, bank)

    async def bank_of(self, content_id: int) -> str:
        """The name of the bank that a content is in. Raises UnknownContent."""
        name = None
        if 0 < content_id <= LARGEST_ID:
            name = await self._queries.bank_of_content(self._pool, id=content_id)
        if name is None:
            raise UnknownContent(f"content {content_id} not found", content_id=str(content_id))
        return str(name)

    async def page(
        self,
        bank: Bank,
        after: int,
        size: int,
        *,
        content_type: str | None = None,
        of_signal_type: str | None = None,
    ) -> list[Content]:
        """Contents of the bank with larger ids than `after`, at most so many, by id."""
        rows = self._queries.contents_page(
            self._pool,
            bank_id=bank.id,
            after=after,
            page=size,
            content_type=content_type,
            signal_type=of_signal_type,
        )
        return [_content(row, bank) async for row in rows]

    async def signals(self, content_ids: Iterable[int]) -> dict[int, list[ContentSignal]]:
        """The signals of contents, by type."""
        found: dict[int, list[ContentSignal]] = {content_id: [] for content_id in content_ids}
        rows: AsyncIterator[SignalOfContent] = self._queries.signals_of_contents(self._pool, ids=list(found))
        async for row in rows:
            found[row["content_id"]].append(_signal(row))
        return found

    async def signal(self, signal_id: int) -> ContentSignal:
        """The signal with that id. Raises UnknownSignal."""
        row = await self._queries.get_signal(self._pool, id=signal_id) if signal_id <= LARGEST_ID else None
        if row is None:
            raise UnknownSignal(f"signal {signal_id} not found", signal_id=str(signal_id))
        return _signal(row)

    async def find_signal(self, type_name: str, value: str) -> ContentSignal:
        """The signal with that value. Raises UnknownSignalType, BadSignal or UnknownSignal."""
        parsed = signal_type(type_name).parse(value)
        row = await self._queries.find_signal(self._pool, type=type_name, value=parsed)
        if row is None:
            raise UnknownSignal(f"this {type_name} was never banked", signal_type=type_name)
        return _signal(row)

    async def members(self, signal_id: int, after: int, size: int) -> list[Member]:
        """Contents of all banks that have a signal, by id."""
        rows: AsyncIterator[MemberRow] = self._queries.members_of_signal(
            self._pool, signal_id=signal_id, after=after, page=size
        )
        return [Member(row["id"], row["bank_name"], row["disable_until_ts"]) async for row in rows]

    async def words(self, content_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
        """What operators and exchanges say of contents, in the form of metadata."""
        rows = self._queries.words_of_contents(self._pool, ids=list(content_ids))
        return {row["id"]: shown_metadata(row["metadata"], row["shared"]) async for row in rows}

    async def notes(self, content_ids: Iterable[int]) -> dict[int, str]:
        """The notes of those of the contents that have one."""
        rows = self._queries.words_of_contents(self._pool, ids=list(content_ids))
        return {row["id"]: row["note"] async for row in rows if row["note"]}

    async def crawled(self, content_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
        """What the crawl says of its pictures among these contents, in the form of metadata.

        Its SHA-256 is the `content_id`; up to a hundred sites that show it are named, best ranked first.
        """
        rows = self._queries.pictures_of_contents(self._pool, ids=list(content_ids), most=_MOST_SITES)
        return {
            row["id"]: {
                "content_id": row["picture_sha256"].hex(),
                "json": {"sites": [host_of(reversed_name) for reversed_name in row["reversed_names"]]},
            }
            async for row in rows
        }


def _audited(details: Details) -> dict[str, Any]:
    """What is said of a content besides the defaults, for the audit."""
    shown = asdict(details)
    return {name: value for name, value in shown.items() if value != getattr(_PLAIN, name) and value != []}


def _unknown(bank: Bank, content_id: int) -> UnknownContent:
    return UnknownContent(
        f"content {content_id} not found in bank {bank.name!r}", bank=bank.name, content_id=str(content_id)
    )


def _signal(row: SignalRow) -> ContentSignal:
    return ContentSignal(row["id"], row["type"], SIGNAL_TYPES[row["type"]].text(row["value"]))


def _content(row: Mapping[str, Any], bank: Bank) -> Content:
    return Content(
        id=row["id"],
        bank=bank,
        details=Details(
            content_type=row["content_type"],
            original_media_uri=row["original_media_uri"],
            storage_bucket=row["storage_bucket"],
            storage_key=row["storage_key"],
            raw_content=row["raw_content"],
            media_unavailable=row["media_unavailable"],
            metadata=row["metadata"],
            note=row["note"],
            tags=tuple(row["tags"]),
            disable_until_ts=row["disable_until_ts"],
            confirmed=row["confirmed"],
        ),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        picture_sha256=row["picture_sha256"],
        shared=row["shared"],
        removed_at=row["removed_at"],
        removed_by=row["removed_by"],
    )
