"""Bringing the database's facts into memory, and keeping up with them.

Polling is what keeps up; a notification only makes the next poll come at once. While the database is away
memory stays as it is, so verdicts do too.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
import structlog

from samelook.facts.catalogue import packaged_catalogue
from samelook.facts.common import Catalogue
from samelook.facts.lists import SiteLists
from samelook.facts.memory import Memory
from samelook.facts.operator_data import read_catalogue, read_families
from samelook.looks.store import LookStore
from samelook.sql.away import AWAY
from samelook.sql.cancelled import check_cancelled
from samelook.sql.named import queries
from samelook.sql.pool import open_connection
from samelook.sql.rows import NumberedFacts, NumberedPicture, SmallChange

if TYPE_CHECKING:
    from uuid import UUID

    from samelook.facts.settings import VerdictSettings
    from samelook.sql.pool import OwnConnection
    from samelook.sql.settings import DatabaseSettings

log = structlog.get_logger()

PAGE = 1000
"""Rows read at once: some ten milliseconds of work, for which questions wait."""
CHANGES_S = 90.0
"""How far back small changes are read again: longer than any transaction that writes them may take."""
LISTS_AGAIN_S = 600.0
RETRY_S = 1.0


@dataclass(slots=True)
class _Reading:
    """How far a memory has been read."""

    memory: Memory
    facts_seq: int = 0
    looks_seq: int = 0


class Follower:
    """Memory and lists that follow the database. `load` once, then `run`."""

    def __init__(self, database: DatabaseSettings, settings: VerdictSettings) -> None:
        self._database = database
        self._settings = settings
        self._queries: Any = queries("verdicts")
        self._epoch: UUID | None = None
        self._facts_seq = 0
        self._looks_seq = 0
        self._seen_changes: set[int] = set()
        self._hint = asyncio.Event()
        self.version = 0
        """Goes up with every change that a verdict may depend on."""
        self.memory = Memory(settings.tiers, settings.former_look_s)
        self.lists = SiteLists()
        self.catalogue: Catalogue = packaged_catalogue()
        self.is_loaded = False
        """False until everything was read once: memory that lacks brands would free their copies."""
        self.is_current = False
        """False while the database cannot be read."""

    @property
    def data_version(self) -> str:
        """Names the state of the facts, for answers."""
        epoch = self._epoch.hex[:8] if self._epoch else "none"
        return f"{epoch}-{max(self._facts_seq, self._looks_seq)}"

    async def load(self, connection: OwnConnection | None = None) -> None:
        """Read everything, on this connection if given. Raises DatabaseError's leaves, asyncpg's errors."""
        if connection is not None:
            await self._read_all(connection)
            return
        async with open_connection(self._database) as own:
            await self._read_all(own)

    async def run(self) -> None:
        """Keep up until cancelled."""
        while True:
            try:
                async with open_connection(self._database) as connection:
                    # A standby passes no notifications on; it is looked at as often anyway.
                    with suppress(asyncpg.ReadOnlySQLTransactionError):
                        await connection.add_listener("samelook_verdicts", lambda *_: self._hint.set())
                    # Changes made before LISTEN are read now: from the position on, and the lists whole.
                    await self._read_all(connection)
                    again_at = asyncio.get_running_loop().time() + LISTS_AGAIN_S
                    while True:
                        if asyncio.get_running_loop().time() > again_at:
                            # Reports weigh less from day to day; no change in the database announces that.
                            await self._read_lists(connection)
                            again_at = asyncio.get_running_loop().time() + LISTS_AGAIN_S
                        try:
                            async with asyncio.timeout(self._settings.poll_s):
                                await self._hint.wait()
                        except TimeoutError:
                            pass
                        self._hint.clear()
                        await self.poll(connection)
            except AWAY as error:
                check_cancelled()
                if self.is_current:
                    log.warning("facts.stale", error=str(error) or type(error).__name__)
                self.is_current = False
                await asyncio.sleep(RETRY_S)

    async def _read_all(self, connection: OwnConnection) -> None:
        self._seen_changes = {
            row["id"] async for row in self._queries.changes_since(connection, seconds=CHANGES_S)
        }
        await self._read_lists(connection)
        await self.poll(connection)

    async def poll(self, connection: OwnConnection) -> None:
        """Read what is new."""
        # One snapshot for both tables: a look is never seen without the facts of its domain.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            epoch = await self._queries.epoch(connection)
            if epoch != self._epoch:
                await self._start_over(connection, epoch)
            else:
                reading = _Reading(self.memory, self._facts_seq, self._looks_seq)
                try:
                    await self._read(connection, reading)
                finally:
                    # The facts that were read before the database went away stay in force.
                    if (reading.facts_seq, reading.looks_seq) != (self._facts_seq, self._looks_seq):
                        self._facts_seq, self._looks_seq = reading.facts_seq, reading.looks_seq
                        self.version += 1
        await self._read_changes(connection)
        self.is_current = self.is_loaded = True

    async def _start_over(self, connection: OwnConnection, epoch: UUID) -> None:
        """Read everything into a memory of its own; questions are answered from the former one meanwhile."""
        folder = self._settings.looks_folder
        store = LookStore(folder, epoch.hex) if folder else None
        reading = _Reading(Memory(self._settings.tiers, self._settings.former_look_s, store))
        try:
            await self._read(connection, reading)
        except BaseException:
            reading.memory.index.close()
            raise
        self.memory.index.close()
        self.memory, self._epoch = reading.memory, epoch
        self._facts_seq, self._looks_seq = reading.facts_seq, reading.looks_seq
        self.version += 1

    async def _read(self, connection: OwnConnection, reading: _Reading) -> None:
        await self._read_facts(connection, reading)
        await self._read_looks(connection, reading)

    async def _read_facts(self, connection: OwnConnection, reading: _Reading) -> None:
        while True:
            rows: list[NumberedFacts] = [
                row async for row in self._queries.facts_after(connection, seq=reading.facts_seq, page=PAGE)
            ]
            for row in rows:
                reading.memory.put_domain(row)
            if rows:
                reading.facts_seq = rows[-1]["seq"]
            if len(rows) < PAGE:
                return

    async def _read_looks(self, connection: OwnConnection, reading: _Reading) -> None:
        memory = reading.memory
        while True:
            rows: list[NumberedPicture] = [
                row async for row in self._queries.looks_after(connection, seq=reading.looks_seq, page=PAGE)
            ]
            unknown = sorted({row["sha256"] for row in rows if row["sha256"] not in memory.pictures})
            if unknown:
                memory.put_pictures(
                    [
                        (row["sha256"], list(zip(row["ids"], row["looks"], strict=True)))
                        async for row in self._queries.looks_of_pictures(connection, sha256s=unknown)
                    ]
                )
            for row in rows:
                memory.put_shown(row)
            memory.index.flush()
            if rows:
                reading.looks_seq = rows[-1]["seq"]
            if len(rows) < PAGE:
                return

    async def _read_lists(self, connection: OwnConnection) -> None:
        ask, lists = self._queries, self.lists
        lists.put_allowed(None, [row async for row in ask.allowlist_entries(connection, client_ids=None)])
        lists.put_operator(None, [row async for row in ask.operator_entries(connection, sites=None)])
        lists.put_reports(None, [row async for row in ask.all_weights_of_reports(connection)])
        lists.put_stated([row async for row in ask.stated_families(connection)])
        lists.families = await read_families(connection)
        self.catalogue = await read_catalogue(connection)
        self.version += 1

    async def _read_changes(self, connection: OwnConnection) -> None:
        rows: list[SmallChange] = [
            row async for row in self._queries.changes_since(connection, seconds=CHANGES_S)
        ]
        fresh = [row for row in rows if row["id"] not in self._seen_changes]
        self._seen_changes = {row["id"] for row in rows}
        keys: dict[str, set[str]] = {}
        for row in fresh:
            keys.setdefault(row["kind"], set()).add(row["key"])
        ask, lists = self._queries, self.lists
        if "allowlist" in keys:
            clients = [int(key) for key in keys["allowlist"]]
            entries = [row async for row in ask.allowlist_entries(connection, client_ids=clients)]
            lists.put_allowed(clients, entries)
        if "operator" in keys:
            sites = list(keys["operator"])
            entries = [row async for row in ask.operator_entries(connection, sites=sites)]
            lists.put_operator(sites, entries)
        if "reports" in keys:
            sites = list(keys["reports"])
            entries = [row async for row in ask.weights_of_reports(connection, sites=sites)]
            lists.put_reports(sites, entries)
        if "family" in keys:
            lists.put_stated([row async for row in ask.stated_families(connection)])
            lists.families = await read_families(connection)
        if "catalogue" in keys:
            self.catalogue = await read_catalogue(connection)
        if keys or lists.have_ended(time.time()):
            self.version += 1
