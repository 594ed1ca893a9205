"""Who is signed in to the web pages: a cookie whose hash the database knows, for a user or an API key."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from samelook.api.description import AccessRole
from samelook.api.errors import ApiError, too_many
from samelook.api.keys import ApiKey, KeyStore, digest_of
from samelook.api.users import UserStore
from samelook.sql.named import queries
from samelook.sql.pool import Pool

IDLE_S = 12 * 3600.0
LONGEST_S = 7 * 86_400.0
WITHIN_S = 900.0
"""The time in which failures are counted."""
MOST_OF_BOTH, MOST_OF_NETWORK, MOST_OF_NAME = 5, 20, 100
"""Failures of one network with one name, of one network with any, and with one name from anywhere.

The last is large: a few wrong guesses from elsewhere must not keep a person out of their own account.
"""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who has signed in."""

    name: str
    role: AccessRole
    key: ApiKey | None = None
    """The key that was shown; None for a user."""

    @property
    def who(self) -> str:
        """As the audit names them."""
        return f"user {self.name}" if self.key is None else f"key {self.name}"


class Sessions:
    """Signing in and out."""

    def __init__(self, pool: Pool, keys: KeyStore) -> None:
        self._pool = pool
        self._keys = keys
        self._users = UserStore(pool)
        self._queries: Any = queries("sessions")
        self._attempts: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def of_user(self, name: str, password: str, network: str) -> str:
        """The cookie of a new session. Raises ApiError for a wrong password, and for too many of them."""
        async with self._attempt(network):
            await self._check_patience(network, name)
            user = await self._users.with_password(name, password)
            if user is None:
                await self._failed(network, name)
                raise ApiError(401, "This name and this password do not belong together.")
        return await self._open(user_id=user.id)

    async def of_key(self, secret: str, network: str) -> str:
        """The cookie of a new session for whoever shows an API key. Raises ApiError."""
        async with self._attempt(network):
            await self._check_patience(network, "")
            key = await self._keys.key_of(secret, network)
            if key is None:
                await self._failed(network, "")
                raise ApiError(401, "This API key is not valid.")
        if key.role == "extension":
            raise ApiError(403, "This key is for browser extensions, not for the pages.")
        return await self._open(key_sha256=digest_of(secret))

    async def who(self, token: str) -> SignedIn | None:
        """Who is signed in by this cookie. A key that was revoked and a user who was removed are not."""
        digest = digest_of(token)
        row = await self._queries.session_of(self._pool, token_sha256=digest, idle_s=IDLE_S, most_s=LONGEST_S)
        if row is None:
            return None
        if row["stale"]:
            await self._queries.note_seen(self._pool, token_sha256=digest)
        if row["key_sha256"] is None:
            return SignedIn(row["name"], row["role"])
        key = await self._keys.key_of_digest(row["key_sha256"])
        return None if key is None else SignedIn(key.name, key.role, key)

    async def close(self, token: str) -> None:
        """Signs out."""
        await self._queries.close_session(self._pool, token_sha256=digest_of(token))

    async def _open(self, *, user_id: int | None = None, key_sha256: bytes | None = None) -> str:
        token = secrets.token_urlsafe(32)
        await self._queries.forget_stale(self._pool, most_s=LONGEST_S)
        await self._queries.open_session(
            self._pool, token_sha256=digest_of(token), user_id=user_id, key_sha256=key_sha256
        )
        return token

    def _attempt(self, network: str) -> asyncio.Lock:
        """Taken for one attempt of a network at a time: of a hundred at once none would have failed yet."""
        return self._attempts.setdefault(network, asyncio.Lock())

    async def _check_patience(self, network: str, name: str) -> None:
        """Raises ApiError where somebody has guessed too often."""
        found = await self._queries.failures(self._pool, network=network, name=name, within_s=WITHIN_S)
        if (
            found["of_both"] >= MOST_OF_BOTH
            or found["of_network"] >= MOST_OF_NETWORK
            or found["of_name"] >= MOST_OF_NAME
        ):
            raise too_many("Too many wrong passwords or keys; wait a quarter of an hour.", WITHIN_S)

    async def _failed(self, network: str, name: str) -> None:
        await self._queries.note_failure(self._pool, network=network, name=name)


def form_token(cookie: str) -> str:
    """What forms of whoever has this cookie carry, so that no other page can send them (CSRF)."""
    return hmac.new(cookie.encode(errors="surrogatepass"), b"samelook form", hashlib.sha256).hexdigest()
