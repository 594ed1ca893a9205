"""Exchanges as they are configured: made, shown, switched, removed; each with the bank that it feeds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from samelook.banks.signal_types import signal_type
from samelook.banks.store import CRAWL_BANK, check_name, check_storable, check_texts
from samelook.sql.audit import note_change
from samelook.sql.named import queries
from samelook.sql.pool import Pool

from . import library
from .credentials import Vault
from .errors import BadCredentials, BadExchange, BadOpinion, ExchangeExists, UnknownExchange
from .file_access import check_file
from .settings import ExchangeSettings
from .types import (
    checked_config,
    checked_credentials,
    configuration_of,
    fallback_credentials,
    fallback_source,
    schema_of,
    takes_credentials,
)

CATEGORIES = ("NEGATIVE_CLASS", "INVESTIGATION_SEED", "POSITIVE_CLASS")
_LONGEST_SHOWN = 80
_LONGEST_VALUE = 8192
_SHORTEST_S, _LONGEST_S = 1.0, 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """A source of signals, and the bank that it feeds, which has its name."""

    id: int
    name: str
    bank_id: int
    api: str
    """The exchange type."""
    config: Mapping[str, Any]
    enabled: bool
    every_s: float | None
    held: bool
    """A flood is held until a person releases it, and nothing is fetched."""
    credentials: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExchangeStatus:
    """How the fetches of an exchange stand. Times are in UTC."""

    checkpoint_ts: int | None
    running_since: datetime | None
    completed_at: datetime | None
    succeeded: bool | None
    up_to_date: bool
    records: int
    failures: int
    error: Mapping[str, Any] | None
    quarantined: int
    next_fetch_at: datetime | None
    rebuilding: bool
    """What is there is being read anew from the beginning."""
    held: bool


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something that came and could not be used."""

    id: str
    error: Mapping[str, Any]
    raw: bytes | None
    times: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Opinion:
    """Something to be said of a signal, and whether it has been."""

    id: int
    kind: str
    signal_type: str
    value: str
    category: str | None
    tags: tuple[str, ...]
    state: str
    error: Mapping[str, Any] | None
    created_at: datetime
    sent_at: datetime | None


class ExchangeStore:
    """Exchanges in the database. Every method commits before it returns."""

    def __init__(self, pool: Pool, settings: ExchangeSettings | None = None) -> None:
        self.pool = pool
        self.settings = settings or ExchangeSettings()
        self._queries = queries("exchanges")
        self._banks = queries("banks")

    async def types(self) -> library.Library:
        """What can be plugged in. Raises LibraryMissing or BadExtension."""
        chosen = self.settings
        # Importing takes a while.
        return await asyncio.to_thread(
            library.load, chosen.exchange_types, chosen.signal_types, chosen.extensions
        )

    async def schema(self, api: str) -> dict[str, Any]:
        """The fields of an exchange type's configuration and credentials. Raises UnknownExchangeType."""
        return schema_of((await self.types()).exchange_type(api))

    async def exchanges(self) -> list[Exchange]:
        """All exchanges, oldest first."""
        return [_exchange(row) async for row in self._queries.list_exchanges(self.pool)]

    async def exchange(self, name: str) -> Exchange:
        """The exchange of that name. Raises UnknownExchange."""
        row = await self._queries.get_exchange(self.pool, name=name) if "\0" not in name else None
        if row is None:
            shown = name[:_LONGEST_SHOWN]
            raise UnknownExchange(f"Exchange {shown!r} not found", exchange=shown)
        return _exchange(row)

    async def create(
        self,
        name: str,
        api: str,
        config: Mapping[str, Any] | None = None,
        *,
        credentials: Mapping[str, Any] | None = None,
        enabled: bool = True,
        every_s: float | None = None,
    ) -> Exchange:
        """A new exchange with a new bank, both of that name; it is fetched soon.

        Raises UnknownExchangeType, BadExchange, BadCredentials, ExchangeExists, BadBank, LibraryMissing.
        """
        check_name(name)
        if name == CRAWL_BANK:
            raise ExchangeExists(f"the name {name} is kept for what the crawl finds", exchange=name)
        _check_every(every_s)
        kind = (await self.types()).exchange_type(api)
        filled = dict(config or {})
        enabled = filled.pop("enabled", enabled) is not False
        stored = checked_config(kind, name, filled)
        await asyncio.to_thread(check_file, stored, self.settings.files_folder)
        sealed = self._sealed(kind, credentials)
        async with self.pool.acquire() as connection, connection.transaction():
            bank = await self._banks.create_bank(
                connection,
                name=name,
                enabled_ratio=1.0,
                active=True,
                negative=False,
                description=f"What the exchange {name} ({api}) shares.",
                tags=[],
                radii={},
                owner="exchange",
            )
            if bank is None:
                raise ExchangeExists(f"an exchange or a bank named {name!r} already exists", exchange=name)
            created = await self._queries.create_exchange(
                connection,
                name=name,
                bank_id=bank["id"],
                api=api,
                config=stored,
                credentials=sealed,
                enabled=enabled,
                every_s=every_s,
            )
            if created is None:
                raise ExchangeExists(f"an exchange named {name!r} already exists", exchange=name)
            recorded = {"api": api, "config": stored, "enabled": enabled, "every_s": every_s}
            recorded["credentials"] = _presence_of(sealed)
            await note_change(connection, "create_exchange", name, after=recorded)
        return await self.exchange(name)

    async def update(
        self,
        name: str,
        *,
        enabled: bool | None = None,
        every_s: float | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Exchange:
        """The exchange with what is not None changed.

        A disabled one is not fetched, and its bank goes on matching.
        Raises UnknownExchange, BadExchange.
        """
        exchange = await self.exchange(name)
        _check_every(every_s)
        stored = None
        if config is not None:
            kind = (await self.types()).exchange_type(exchange.api)
            stored = checked_config(kind, name, dict(config))
            await asyncio.to_thread(check_file, stored, self.settings.files_folder)
        fetch_now = enabled is True or config is not None
        changes = {"enabled": enabled, "every_s": every_s, "config": stored}
        after = {name: value for name, value in changes.items() if value is not None}
        before = {name: getattr(exchange, name) for name in after}
        async with self.pool.acquire() as connection, connection.transaction():
            await self._queries.update_exchange(connection, id=exchange.id, fetch_now=fetch_now, **changes)
            await note_change(connection, "change_exchange", name, before=before, after=after)
        return await self.exchange(name)

    async def fetch_soon(self, name: str) -> None:
        """Makes an exchange due. Raises UnknownExchange."""
        exchange = await self.exchange(name)
        await self._queries.update_exchange(
            self.pool, id=exchange.id, enabled=None, every_s=None, config=None, fetch_now=True
        )

    async def release(self, name: str) -> int:
        """Lets a held flood match, and the exchange go on; how many contents. Raises UnknownExchange."""
        exchange = await self.exchange(name)
        async with self.pool.acquire() as connection, connection.transaction():
            released = await self._queries.release_flood(connection, id=exchange.id)
            if released is not None:
                await note_change(connection, "release_flood", name, after={"contents": released})
        return int(released or 0)

    async def delete(self, name: str) -> bool:
        """Removes an exchange with its bank and all in it, at once; whether it existed."""
        async with self.pool.acquire() as connection, connection.transaction():
            known = await self._queries.get_exchange(connection, name=name) if "\0" not in name else None
            removed = await self._queries.remove_exchange(connection, name=name)
            if removed is None:
                return False
            await self._banks.remove_bank(connection, id=removed["bank_id"])
            await note_change(
                connection, "remove_exchange", name, before=None if known is None else _kept(known)
            )
        return True

    async def shown_config(self, exchange: Exchange) -> dict[str, Any]:
        """The configuration as HMA shows it."""
        return configuration_of(exchange.config, exchange.name, exchange.api, enabled=exchange.enabled)

    async def status(self, name: str) -> ExchangeStatus:
        """How its fetches stand. Raises UnknownExchange."""
        exchange = await self.exchange(name)
        row = await self._queries.exchange_status(self.pool, id=exchange.id)
        return ExchangeStatus(
            checkpoint_ts=row["progress_at"],
            running_since=row["run_started_at"] if row["running"] else None,
            completed_at=row["completed_at"],
            succeeded=row["succeeded"],
            up_to_date=row["up_to_date"],
            records=row["records"],
            failures=row["failures"],
            error=row["error"],
            quarantined=row["quarantined"],
            next_fetch_at=row["next_fetch_at"] if row["enabled"] and row["held_after"] is None else None,
            rebuilding=row["complete"] is False,
            held=row["held_after"] is not None,
        )

    async def set_credentials(self, name: str, credentials: Mapping[str, Any] | None) -> Exchange:
        """Sets an exchange's own credentials, or clears them. Raises UnknownExchange, BadCredentials."""
        exchange = await self.exchange(name)
        kind = (await self.types()).exchange_type(exchange.api)
        sealed = self._sealed(kind, credentials)
        async with self.pool.acquire() as connection, connection.transaction():
            await self._queries.set_exchange_credentials(connection, id=exchange.id, credentials=sealed)
            before, after = (
                {"credentials": _presence_of(secret)} for secret in (exchange.credentials, sealed)
            )
            await note_change(connection, "set_credentials", name, before=before, after=after)
        return await self.exchange(name)

    async def set_type_credentials(self, api: str, credentials: Mapping[str, Any] | None) -> None:
        """Sets the credentials for all exchanges of a type without their own, or clears them.

        Raises UnknownExchangeType, BadCredentials.
        """
        sealed = self._sealed((await self.types()).exchange_type(api), credentials)
        async with self.pool.acquire() as connection, connection.transaction():
            known = await self._queries.get_api_credentials(connection, api=api)
            if sealed is None:
                await self._queries.remove_api_credentials(connection, api=api)
            else:
                await self._queries.set_api_credentials(connection, api=api, credentials=sealed)
            before, after = ({"credentials": _presence_of(secret)} for secret in (known, sealed))
            await note_change(connection, "set_type_credentials", api, before=before, after=after)

    async def credentials_here(self, api: str) -> dict[str, Any]:
        """What the library finds on this machine for a type. Raises UnknownExchangeType or BadCredentials."""
        kind = (await self.types()).exchange_type(api)
        found = await asyncio.to_thread(fallback_credentials, kind) if takes_credentials(kind) else None
        if found is None:
            raise BadCredentials(
                f"There are no credentials for {api} in the environment or the library's file."
            )
        return found

    async def type_status(self, api: str) -> dict[str, bool]:
        """Whether a type takes credentials, and whether it has some. Raises UnknownExchangeType."""
        kind = (await self.types()).exchange_type(api)
        found = await self._queries.get_api_credentials(self.pool, api=api)
        return {
            "supports_authentification": takes_credentials(kind),
            "has_set_authentification": found is not None,
        }

    async def credential_status(self, exchange: Exchange) -> dict[str, Any]:
        """Which credentials an exchange uses, without any of them."""
        kind = (await self.types()).exchange_types.get(exchange.api)
        if kind is None or not takes_credentials(kind):
            return {"supports_auth": False, "has_credentials": False, "source": None}
        source: str | None
        if exchange.credentials is not None:
            source = "exchange"
        elif await self._queries.get_api_credentials(self.pool, api=exchange.api) is not None:
            source = "api"
        else:
            source = await asyncio.to_thread(fallback_source, kind)
        return {"supports_auth": True, "has_credentials": source is not None, "source": source}

    async def credentials_of(self, exchange: Exchange) -> dict[str, Any] | None:
        """The credentials to fetch with; None: the environment's, if any. Raises CredentialsLocked."""
        sealed = exchange.credentials
        if sealed is None:
            sealed = await self._queries.get_api_credentials(self.pool, api=exchange.api)
        return None if sealed is None else Vault(self.settings.credentials_keys).open(sealed)

    async def quarantine(
        self, name: str, *, include_resolved: bool = False, most: int = 100
    ) -> list[Quarantined]:
        """What could not be used, newest first. Raises UnknownExchange."""
        exchange = await self.exchange(name)
        rows = self._queries.list_quarantine(
            self.pool, id=exchange.id, include_resolved=include_resolved, most=most
        )
        return [
            Quarantined(
                str(row["id"]),
                row["error"],
                row["raw"],
                row["times"],
                row["first_at"],
                row["last_at"],
                row["resolved_at"],
            )
            async for row in rows
        ]

    async def say(
        self,
        name: str,
        type_name: str,
        value: str,
        *,
        category: str | None = None,
        tags: Sequence[str] = (),
    ) -> bool:
        """Puts an opinion of a signal into the outbox, or without a category that it was seen.

        False when the same kind of thing was said of that signal before: it is said once. Raises
        UnknownExchange, UnknownSignalType, BadSignal, BadOpinion.
        """
        exchange = await self.exchange(name)
        if category is not None and category not in CATEGORIES:
            raise BadOpinion(
                f"No such opinion: {category[:_LONGEST_SHOWN]!r}. There are {', '.join(CATEGORIES)}."
            )
        if category is None and tags:
            raise BadOpinion("That a signal was seen has no tags.")
        check_texts("", tags)
        check_storable(value)
        kind = signal_type(type_name)
        text = kind.text(kind.parse(value))
        if len(text) > _LONGEST_VALUE:
            raise BadOpinion(f"A signal has at most {_LONGEST_VALUE} characters here.")
        async with self.pool.acquire() as connection, connection.transaction():
            added = await self._queries.add_opinion(
                connection,
                exchange_id=exchange.id,
                kind="seen" if category is None else "opinion",
                signal_type=type_name,
                value=text,
                category=category,
                tags=list(tags),
            )
            if added is None:
                return False
            # It leaves for others, who will ask who said so.
            opinion = {"signal_type": type_name, "value": text}
            if category is not None:
                opinion |= {"opinion": category, "tags": ", ".join(tags)}
            await note_change(
                connection, "say_seen" if category is None else "say_opinion", name, after=opinion
            )
        return True

    async def opinions(self, name: str, *, most: int = 100) -> list[Opinion]:
        """What was to be said, newest first. Raises UnknownExchange."""
        exchange = await self.exchange(name)
        return [
            Opinion(
                row["id"],
                row["kind"],
                row["signal_type"],
                row["value"],
                row["category"],
                tuple(row["tags"]),
                row["state"],
                row["error"],
                row["created_at"],
                row["sent_at"],
            )
            async for row in self._queries.list_opinions(self.pool, exchange_id=exchange.id, most=most)
        ]

    def _sealed(self, kind: type[Any], credentials: Mapping[str, Any] | None) -> bytes | None:
        checked = checked_credentials(kind, credentials)
        return None if checked is None else Vault(self.settings.credentials_keys).seal(checked)


def _presence_of(sealed: bytes | None) -> str:
    """What the audit says of credentials: whether there are some."""
    return "unset" if sealed is None else "set"


def _kept(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit keeps of an exchange that is removed: of its configuration the names of what was set."""
    return {
        "api": row["api"],
        "config": sorted(row["config"]),
        "enabled": row["enabled"],
        "credentials": _presence_of(row["credentials"]),
    }


def _check_every(every_s: float | None) -> None:
    if every_s is not None and not _SHORTEST_S <= every_s <= _LONGEST_S:
        raise BadExchange(
            f"An exchange is fetched every {_SHORTEST_S:g} to {_LONGEST_S:g} seconds.", field="every_s"
        )


def _exchange(row: Mapping[str, Any]) -> Exchange:
    return Exchange(
        id=row["id"],
        name=row["name"],
        bank_id=row["bank_id"],
        api=row["api"],
        config=row["config"],
        enabled=row["enabled"],
        every_s=row["every_s"],
        held=row["held_after"] is not None,
        credentials=row["credentials"],
    )
