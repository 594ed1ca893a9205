"""Banks themselves: made, changed, removed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import asyncpg

from samelook.sql.audit import note_change
from samelook.sql.named import queries
from samelook.sql.pool import Pool
from samelook.sql.rows import BankRow
from samelook.sql.storable import is_storable

from .errors import BadBank, BadRadius, BankExists, ReadOnlyBank, UnknownBank
from .limits import LONGEST_DESCRIPTION, LONGEST_NAME, LONGEST_TAG, MOST_TAGS
from .signal_types import SIGNAL_TYPES, signal_type

Owner = Literal["crawl", "exchange"]
_NAME = re.compile(rf"[A-Z_][A-Z0-9_]{{0,{LONGEST_NAME - 1}}}")
_LONGEST_SHOWN = 80
_AT_ONCE = 1000
CRAWL_BANK = "CRAWLED_LOOKS"
"""Holds the looks of all crawled pictures, from the first one on."""


@dataclass(frozen=True, slots=True)
class Bank:
    """A named list of contents."""

    id: int
    name: str
    enabled_ratio: float
    """The share of lookups in which it takes part."""
    active: bool
    """Off: nothing of it matches."""
    negative: bool
    """What matches here must not match: it mutes the other banks."""
    description: str
    tags: tuple[str, ...]
    owner: Owner | None
    """Who alone may write to it. None: curators."""
    radii: Mapping[str, int]
    """How near a signal must be to match here, by signal type, where that is not the type's own radius."""
    created_at: datetime
    updated_at: datetime
    """When the bank itself was changed, not what is in it."""


class BankStore:
    """Banks in the database. Every method commits before it returns."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._queries = queries("banks")

    async def banks(self) -> list[Bank]:
        """All banks, oldest first."""
        return [_bank(row) async for row in self._queries.list_banks(self.pool)]

    async def bank(self, name: str) -> Bank:
        """The bank of that name. Raises UnknownBank."""
        row = await self._queries.get_bank(self.pool, name=name) if _NAME.fullmatch(name) else None
        if row is None:
            raise UnknownBank(f"bank {name[:_LONGEST_SHOWN]!r} not found", bank=name[:_LONGEST_SHOWN])
        return _bank(row)

    async def writable(self, name: str, writer: Owner | None = None) -> Bank:
        """The bank of that name for somebody who means to write to it. Raises UnknownBank, ReadOnlyBank."""
        bank = await self.bank(name)
        if bank.owner not in (None, writer):
            raise ReadOnlyBank(
                f"bank {name!r} belongs to the {bank.owner}, which alone changes it",
                bank=name,
                owner=bank.owner,
            )
        return bank

    async def judged(self, name: str) -> Bank:
        """The bank of that name for an operator who decides of contents that are in it.

        What an exchange shares may be switched off here; what the crawl saw is as it is. Raises UnknownBank,
        ReadOnlyBank.
        """
        return await self.writable(name, writer="exchange")

    async def create(
        self,
        name: str,
        *,
        enabled_ratio: float = 1.0,
        active: bool = True,
        negative: bool = False,
        description: str = "",
        tags: Sequence[str] = (),
        radii: Mapping[str, int] = MappingProxyType({}),
        owner: Owner | None = None,
    ) -> Bank:
        """A new bank. Raises BadBank, BankExists, UnknownSignalType or BadRadius."""
        check_name(name)
        check_ratio(enabled_ratio)
        check_texts(description, tags)
        check_radii(radii)
        if (name == CRAWL_BANK) != (owner == "crawl"):
            raise BankExists(f"the name {CRAWL_BANK} is kept for what the crawl finds", bank=name)
        async with self.pool.acquire() as connection, connection.transaction():
            row = await self._queries.create_bank(
                connection,
                name=name,
                enabled_ratio=float(enabled_ratio),
                active=active,
                negative=negative,
                description=description,
                tags=list(tags),
                radii=dict(radii),
                owner=owner,
            )
            if row is None:
                raise _exists(name)
            if owner != "crawl":
                await note_change(connection, "create_bank", name, after=_audited(_bank(row)))
        return _bank(row)

    async def update(
        self,
        name: str,
        *,
        new_name: str | None = None,
        enabled_ratio: float | None = None,
        active: bool | None = None,
        negative: bool | None = None,
        description: str | None = None,
        tags: Sequence[str] | None = None,
        radii: Mapping[str, int] | None = None,
    ) -> Bank:
        """The bank with what is not None changed. A bank with an owner keeps its name.

        Raises UnknownBank, BadBank, BankExists, ReadOnlyBank, UnknownSignalType or BadRadius.
        """
        bank = await self.bank(name)
        if new_name is not None:
            check_name(new_name)
            if new_name == CRAWL_BANK != name:
                raise BankExists(f"the name {CRAWL_BANK} is kept for what the crawl finds", bank=new_name)
            if new_name != name and bank.owner is not None:
                raise ReadOnlyBank(f"bank {name!r} belongs to the {bank.owner}: it keeps its name", bank=name)
        if enabled_ratio is not None:
            check_ratio(enabled_ratio)
        check_texts(description or "", tags or ())
        check_radii(radii or {})
        try:
            async with self.pool.acquire() as connection, connection.transaction():
                held = await self._queries.hold_bank(connection, bank_id=bank.id)
                before = None if held is None else _bank(held)
                row = await self._queries.update_bank(
                    connection,
                    id=bank.id,
                    name=new_name,
                    enabled_ratio=None if enabled_ratio is None else float(enabled_ratio),
                    active=active,
                    negative=negative,
                    description=description,
                    tags=None if tags is None else list(tags),
                    radii=None if radii is None else dict(radii),
                )
                if row is not None and before is not None:
                    after = _audited(_bank(row))
                    await note_change(connection, "change_bank", name, before=_audited(before), after=after)
        except asyncpg.UniqueViolationError as error:
            raise _exists(str(new_name)) from error
        if row is None:
            raise UnknownBank(f"bank {name!r} was just removed", bank=name)
        return _bank(row)

    async def delete(self, name: str, writer: Owner | None = None) -> bool:
        """Removes a bank, with at once everything in it; whether it existed. Raises ReadOnlyBank."""
        try:
            bank = await self.writable(name, writer)
        except UnknownBank:
            return False
        async with self.pool.acquire() as connection, connection.transaction():
            removed = await self._queries.remove_bank(connection, id=bank.id) is not None
            if removed:
                await note_change(connection, "remove_bank", name, before=_audited(bank))
        # The bank matches nothing from now on. Its first contents are removed at once: all of a small bank;
        # LiveBanks removes the rest in the background.
        await self._queries.remove_contents_of(self.pool, bank_id=bank.id, most=_AT_ONCE)
        return removed

    async def counts(self, bank: Bank) -> tuple[int, dict[str, int]]:
        """How many contents a bank has, and how many signals of each type. Reads all of the bank."""
        found = {row["type"]: row["number"] async for row in self._queries.bank_counts(self.pool, id=bank.id)}
        return found.pop(None), dict(sorted(found.items()))

    async def table_figures(self) -> list[dict[str, Any]]:
        """The database's tables, largest first, with what Postgres notes of them."""
        return [dict(row) async for row in self._queries.table_figures(self.pool)]

    async def type_ratios(self) -> dict[str, float]:
        """How much each signal type takes part in lookups: 1 by default, 0 when disabled."""
        ratios = dict.fromkeys(SIGNAL_TYPES, 1.0)
        async for row in self._queries.signal_type_overrides(self.pool):
            if row["name"] in ratios:
                ratios[row["name"]] = row["enabled_ratio"]
        return ratios

    async def type_sizes(self, types: Sequence[str]) -> dict[str, tuple[int, float | None]]:
        """How many signals of contents each type has, and when the newest was added. Reads all of them."""
        rows = self._queries.type_sizes(self.pool, types=list(types))
        return {
            row["type"]: (row["number"], row["newest"].timestamp() if row["newest"] else None)
            async for row in rows
        }

    async def set_type_ratio(self, name: str, enabled_ratio: float) -> None:
        """Changes how much a signal type takes part. Raises UnknownSignalType or BadBank."""
        signal_type(name)
        check_ratio(enabled_ratio)
        before = (await self.type_ratios()).get(name)
        async with self.pool.acquire() as connection, connection.transaction():
            await self._queries.override_signal_type(
                connection, name=name, enabled_ratio=float(enabled_ratio)
            )
            await note_change(
                connection,
                "change_signal_type",
                name,
                before={"enabled_ratio": before},
                after={"enabled_ratio": float(enabled_ratio)},
            )


def check_name(name: str) -> None:
    """Raises BadBank unless the name is one that HMA takes, of at most LONGEST_NAME characters."""
    if not _NAME.fullmatch(name):
        raise BadBank(
            f"{name[:_LONGEST_SHOWN]!r} cannot name a bank: capital letters, digits and underscores, "
            f"not beginning with a digit, at most {LONGEST_NAME} of them.",
            field="name",
        )


def check_ratio(ratio: float) -> None:
    """Raises BadBank unless the ratio is between 0 and 1."""
    if not 0.0 <= ratio <= 1.0:
        raise BadBank(f"An enabled ratio is between 0 and 1, not {ratio}.", field="enabled_ratio")


def check_radii(radii: Mapping[str, int]) -> None:
    """Raises UnknownSignalType or BadRadius for a radius that no lookup of its signal type could have."""
    for name, radius in radii.items():
        if signal_type(name).checked_radius(radius) is None:
            raise BadRadius(f"Signals of {name} match when they are equal: there is no radius.", most=0)


def check_texts(text: str, tags: Sequence[str]) -> None:
    """Raises BadBank when a description or a tag cannot be kept."""
    if len(text) > LONGEST_DESCRIPTION:
        raise BadBank(f"A description has at most {LONGEST_DESCRIPTION} characters.", field="description")
    if len(tags) > MOST_TAGS or any(not 0 < len(tag) <= LONGEST_TAG for tag in tags):
        raise BadBank(
            f"There are at most {MOST_TAGS} tags, of 1 to {LONGEST_TAG} characters each.", field="tags"
        )
    check_storable(text, *tags)


def check_storable(*texts: str | None) -> None:
    """Raises BadBank for text that Postgres cannot hold: NUL, or half of a surrogate pair."""
    for text in texts:
        if text is not None and not is_storable(text):
            raise BadBank("A text holds a character that cannot be stored (NUL or half a surrogate pair).")


def _audited(bank: Bank) -> dict[str, Any]:
    """What a curator has said of a bank, for the audit."""
    return {
        "name": bank.name,
        "enabled_ratio": bank.enabled_ratio,
        "active": bank.active,
        "negative": bank.negative,
        "description": bank.description,
        "tags": list(bank.tags),
        "radii": dict(bank.radii),
    }


def _exists(name: str) -> BankExists:
    # Clients of HMA look for these two words.
    return BankExists(f"bank {name[:_LONGEST_SHOWN]!r} already exists", bank=name[:_LONGEST_SHOWN])


def _bank(row: BankRow) -> Bank:
    return Bank(
        row["id"],
        row["name"],
        row["enabled_ratio"],
        row["active"],
        row["negative"],
        row["description"],
        tuple(row["tags"]),
        row["owner"],
        MappingProxyType(row["radii"]),
        row["created_at"],
        row["updated_at"],
    )
