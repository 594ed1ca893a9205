"""API keys: made here, known by their SHA-256 only, checked without asking the database each time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import datetime

from samelook.api.description import AccessRole
from samelook.api.errors import ApiError
from samelook.banks.store import check_storable
from samelook.sql.named import queries
from samelook.sql.pool import Pool

ROLES: tuple[AccessRole, ...] = ("viewer", "curator", "admin")
_KNOWN_FOR_S = 2.0
_MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it can be listed; the key itself is shown once, when it is made."""

    id: int
    name: str
    role: AccessRole
    created_at: datetime


class KeyStore:
    """The keys in the database, and the one from the settings."""

    def __init__(self, pool: Pool, admin_key: str | None) -> None:
        self._pool = pool
        self._admin = _digest(admin_key) if admin_key else None
        self._queries = queries("api_keys")
        self._known: dict[bytes, tuple[float, AccessRole | None]] = {}

    async def role_of(self, key: str) -> AccessRole | None:
        """What a key allows; None for one that is unknown. A revoked one may work two seconds more."""
        digest = _digest(key)
        if self._admin is not None and hmac.compare_digest(digest, self._admin):
            return "admin"
        now = time.monotonic()
        until, role = self._known.get(digest, (0.0, None))
        if now < until:
            return role
        found = await self._queries.role_of_key(self._pool, key_sha256=digest)
        role = found if found in ROLES else None
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[digest] = (now + _KNOWN_FOR_S, role)
        return role

    async def any(self) -> bool:
        """Whether there is a key with which anything can be administered."""
        return self._admin is not None or bool(await self._queries.admin_exists(self._pool))

    async def list(self) -> list[ApiKey]:
        """All keys that work."""
        rows = self._queries.list_keys(self._pool)
        return [ApiKey(row["id"], row["name"], row["role"], row["created_at"]) async for row in rows]

    async def create(self, name: str, role: AccessRole) -> tuple[ApiKey, str]:
        """A new key, and its secret, which nobody can read again.

        Raises BadBank for a name that cannot be stored, and ApiError for one that is taken.
        """
        check_storable(name)
        secret = f"samelook_{secrets.token_urlsafe(32)}"
        row = await self._queries.create_key(self._pool, name=name, role=role, key_sha256=_digest(secret))
        if row is None:
            raise ApiError(403, f"a key named {name!r} exists already")
        return ApiKey(row["id"], name, role, row["created_at"]), secret

    async def revoke(self, key_id: int) -> int:
        """Ends a key; how many there were."""
        self._known.clear()
        return int(await self._queries.revoke_key(self._pool, id=key_id) is not None)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
