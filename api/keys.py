"""API keys: known by their SHA-256 only, and held in memory, so that they work while the database is away."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from samelook.api.description import AccessRole
from samelook.api.errors import ApiError, bad_request
from samelook.api.key_file import KeyFileUnusable, keys_in
from samelook.extension_api.limits import Buckets, Levels
from samelook.sql.audit import note_change
from samelook.sql.away import AWAY
from samelook.sql.cancelled import check_cancelled
from samelook.sql.named import queries
from samelook.sql.pool import Connection, Pool

_log = structlog.get_logger(__name__)
_READ_S = 2.0
_MOST_UNKNOWN = 10_000
_NOTE_S = 30.0
_DAY_S = 86_400
_GUESSES_S, _MOST_GUESSES = 1.0, 60.0
"""Keys that nobody knows, which a network may show a second, and at once."""
ROTATION_S = 86_400.0
"""How long a replaced key goes on working."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it can be listed; the key itself is shown once, when it is made."""

    id: int
    name: str
    role: AccessRole
    scopes: frozenset[str] | None = None
    """Groups of operations that it may call; None: all that its role allows."""
    per_minute: int | None = None
    """How many requests a minute the key may make; None: any number."""
    per_day: int | None = None
    """Likewise in a day."""
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    expires_at: datetime | None = None
    replaced_at: datetime | None = None


class KeyStore:
    """The keys in the database if there is one, those of a file, and the one from the settings.

    Raises KeyFileUnusable when the file cannot be read at first; later the keys that it had are kept.
    """

    def __init__(
        self,
        pool: Pool | None,
        admin_key: str | None,
        file: Path | None = None,
        levels: Levels | None = None,
    ) -> None:
        self._connected = pool
        self._admin = digest_of(admin_key) if admin_key else None
        self._file = file
        self._of_file = _read_file(file)
        self._queries = queries("api_keys")
        self._live: dict[bytes, ApiKey] = {}
        self._unknown: OrderedDict[bytes, float] = OrderedDict()
        self._levels = levels
        self._budgets: dict[tuple[str, int], Buckets] = {}
        self._used: set[int] = set()
        self._guesses = Buckets(_GUESSES_S, _MOST_GUESSES, time.monotonic, levels, "guess")

    @property
    def _pool(self) -> Pool:
        if self._connected is None:
            raise ApiError(503, "This service has no database, in which keys could be kept.")
        return self._connected

    async def key_of(self, secret: str, network: str) -> ApiKey | None:
        """The key with this secret, if it works. One that another process revoked may work two seconds more.

        Raises AskedTooOften when the key has used up its requests of this minute, or the network has shown
        too many keys that nobody knows: each is a question to the database.
        """
        return await self.key_of_digest(digest_of(secret), network)

    async def key_of_digest(self, digest: bytes, network: str | None = None) -> ApiKey | None:
        """The same for whoever kept the SHA-256 of the secret only."""
        if self._admin is not None and hmac.compare_digest(digest, self._admin):
            return ApiKey(0, "SAMELOOK_ADMIN_KEY", "admin")
        key = self._of_file.get(digest) or self._live.get(digest) or await self._new(digest, network)
        if key is None:
            return None
        if key.expires_at is not None and key.expires_at.timestamp() <= time.time():
            return None
        if key.id:
            self._used.add(key.id)
        self._charge(key)
        return key

    def _charge(self, key: ApiKey) -> None:
        """Raises AskedTooOften when the key has used up what it may; what it has refills evenly."""
        for kind, most, seconds in (("key", key.per_minute, 60), ("key's day", key.per_day, _DAY_S)):
            if most is None:
                continue
            budget = self._budgets.get((kind, key.id))
            if budget is None:
                budget = Buckets(most / seconds, most, time.monotonic, self._levels, kind)
                self._budgets[kind, key.id] = budget
            budget.take(str(key.id), 1)

    async def _new(self, digest: bytes, network: str | None) -> ApiKey | None:
        """A key that was made since all were read."""
        now = time.monotonic()
        if self._connected is None or now < self._unknown.get(digest, 0.0):
            return None
        if network is not None:
            self._guesses.take(network, 1)
        row = await self._queries.live_key(self._pool, key_sha256=digest)
        if row is None:
            self._unknown[digest] = now + _READ_S
            self._unknown.move_to_end(digest)
            if len(self._unknown) > _MOST_UNKNOWN:
                self._unknown.popitem(last=False)
            return None
        self._live[digest] = _key(row)
        return self._live[digest]

    async def any(self) -> bool:
        """Whether there is a key with which anything can be administered."""
        own = self._admin is not None or any(key.role == "admin" for key in self._of_file.values())
        return own or any(key.role == "admin" for key in await self.list())

    async def has_any(self) -> bool:
        """Whether there is a key at all."""
        return self._admin is not None or bool(self._of_file) or bool(await self.list())

    async def list(self) -> list[ApiKey]:
        """All keys that work."""
        await self.read()
        return sorted(self._live.values(), key=lambda key: key.id)

    async def create(
        self,
        name: str,
        role: AccessRole,
        *,
        scopes: frozenset[str] | None = None,
        per_minute: int | None = None,
        per_day: int | None = None,
        expires_s: float | None = None,
        by: ApiKey | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key, and its secret, which nobody can read again.

        Raises ApiError for a name that cannot be stored, for one that is taken, and where the key would do
        more than the one that it is made `by`, or last longer.
        """
        if not name.strip() or not name.isprintable():
            raise bad_request("The name of a key is printable text.")
        _check_scopes(by, scopes)
        if by is not None and by.expires_at is not None and (expires_s is None or expires_s > _left_s(by)):
            message = "Your key ends, and makes no keys that last longer: give expires_in_s."
            raise ApiError(403, message, {"kind": "forbidden"})
        async with self._pool.acquire() as connection, connection.transaction():
            await self._queries.free_expired_name(connection, name=name)
            made = await self._made(connection, name, role, scopes, (per_minute, per_day), expires_s)
            await note_change(connection, "create_key", name, after=_audited(made[0]))
        return made

    async def _made(
        self,
        connection: Connection,
        name: str,
        role: AccessRole,
        scopes: frozenset[str] | None,
        most: tuple[int | None, int | None],
        expires_s: float | None,
    ) -> tuple[ApiKey, str]:
        """`most` requests a minute, and a day."""
        secret = f"samelook_{secrets.token_urlsafe(32)}"
        row = await self._queries.create_key(
            connection,
            name=name,
            role=role,
            scopes=sorted(scopes) if scopes else None,
            per_minute=most[0],
            per_day=most[1],
            expires_s=expires_s,
            key_sha256=digest_of(secret),
        )
        if row is None:
            raise ApiError(403, f"a key named {name!r} exists already")
        return (
            ApiKey(row["id"], name, role, scopes, *most, row["created_at"], None, row["expires_at"]),
            secret,
        )

    async def rotate(
        self, key_id: int, *, grace_s: float = ROTATION_S, by: ApiKey | None = None
    ) -> tuple[ApiKey, str]:
        """A new key in place of this one, which works on for a while; it lasts as long as this one was to.

        Raises ApiError for no such key, and for one that may do more than the one that shows itself (`by`).
        """
        # Together: a process that dies between the two would leave a name without a key that goes on.
        async with self._pool.acquire() as connection, connection.transaction():
            row = await self._queries.replace_key(connection, id=key_id, grace_s=grace_s)
            if row is None:
                raise ApiError(404, "There is no such key, or it was replaced already.")
            scopes = frozenset(row["scopes"]) if row["scopes"] else None
            lasts_s = row["lasts_s"]
            if by is not None and by.expires_at is not None:
                lasts_s = min(_left_s(by), float("inf") if lasts_s is None else lasts_s)
            _check_scopes(by, scopes)
            most = (row["per_minute"], row["per_day"])
            made = await self._made(connection, row["name"], row["role"], scopes, most, lasts_s)
            before = {"id": key_id, "ends_in_s": row["ends_in_s"]}
            await note_change(connection, "rotate_key", row["name"], before=before, after=_audited(made[0]))
        self._live.clear()
        return made

    async def revoke(self, key_id: int) -> bool:
        """Ends a key at once; whether there was one."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await self._queries.revoke_key(connection, id=key_id)
            if row is not None:
                await note_change(connection, "revoke_key", row["name"], before=_audited(_key(row)))
        found = row is not None
        self._live = {digest: key for digest, key in self._live.items() if key.id != key_id}
        return found

    async def read(self) -> None:
        """Takes over the keys as they are in the database now."""
        if self._connected is not None:
            self._live = {row["key_sha256"]: _key(row) async for row in self._queries.live_keys(self._pool)}

    async def run(self) -> None:
        """Keeps the keys current, and notes which are used, until cancelled."""
        noted = time.monotonic()
        while True:
            try:
                self._of_file = await asyncio.to_thread(_read_file, self._file)
            except KeyFileUnusable as error:
                _log.warning("api.key_file_kept", error=error.message)
            try:
                await self.read()
                if self._used and time.monotonic() - noted > _NOTE_S:
                    noted, used, self._used = time.monotonic(), self._used, set()
                    await self._queries.note_uses(self._pool, ids=sorted(used))
            except AWAY as error:
                check_cancelled()
                _log.debug("api.keys_kept", error=str(error) or type(error).__name__)
            await asyncio.sleep(_READ_S)


def _check_scopes(by: ApiKey | None, scopes: frozenset[str] | None) -> None:
    """Raises ApiError where a key would make one that may do more than itself."""
    if by is not None and by.scopes is not None and (scopes is None or not scopes <= by.scopes):
        message = f"Your key is for {', '.join(sorted(by.scopes))} only, and makes no keys for more."
        raise ApiError(403, message, {"kind": "forbidden"})


def _left_s(key: ApiKey) -> float:
    assert key.expires_at is not None
    return key.expires_at.timestamp() - time.time()


def _audited(key: ApiKey) -> dict[str, Any]:
    """What is kept of a key in the audit; nothing of its secret."""
    scopes = None if key.scopes is None else sorted(key.scopes)
    most = {"per_minute": key.per_minute, "per_day": key.per_day}
    shown = {"id": key.id, "role": key.role, "scopes": scopes, **most}
    return {name: value for name, value in (shown | {"expires_at": key.expires_at}).items() if value}


def _read_file(path: Path | None) -> dict[bytes, ApiKey]:
    if path is None:
        return {}
    return {digest_of(secret): ApiKey(0, name, role) for secret, (name, role) in keys_in(path).items()}


def _key(row: Mapping[str, Any]) -> ApiKey:
    return ApiKey(
        row["id"],
        row["name"],
        row["role"],
        frozenset(row["scopes"]) if row["scopes"] else None,
        row["per_minute"],
        row["per_day"],
        row["created_at"],
        row["last_used_at"],
        row["expires_at"],
        row["replaced_at"],
    )


def digest_of(key: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
