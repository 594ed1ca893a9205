"""Accounts of people who use the web pages. Passwords are kept as Argon2id."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from samelook.api.errors import ApiError, bad_request
from samelook.sql.audit import note_change
from samelook.sql.named import queries
from samelook.sql.pool import Pool
from samelook.sql.storable import storable

UserRole = Literal["viewer", "curator", "admin"]
USER_ROLES: tuple[UserRole, ...] = ("viewer", "curator", "admin")
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1000
_LONGEST_NAME = 100
# What OWASP's cheat sheet on storing passwords recommends: 19 MiB, two passes, one lane.
_MEMORY_KIB, _PASSES, _LANES = 19 * 1024, 2, 1
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""Whoever names an account that is not there waits as long as others."""


@dataclass(frozen=True, slots=True)
class User:
    """An account."""

    id: int
    name: str
    role: UserRole
    created_at: datetime | None = None
    last_signed_in: datetime | None = None


class UserStore:
    """The accounts in the database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._queries: Any = queries("sessions")

    async def add(self, name: str, role: UserRole, password: str) -> User:
        """A new account. Raises ApiError for a bad name or password, and for a name that is taken."""
        if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise bad_request(f"The name of a user is printable text of {_LONGEST_NAME} characters at most.")
        digest = await _hashed(password)
        async with self._pool.acquire() as connection, connection.transaction():
            number = await self._queries.add_user(
                connection, name=storable(name), role=role, password_hash=digest
            )
            if number is None:
                raise ApiError(409, f"There is a user {name!r} already.")
            await note_change(connection, "create_user", name, after={"role": role})
        return User(number, name, role)

    async def list(self) -> list[User]:
        """All accounts, by name."""
        return [User(**row) async for row in self._queries.all_users(self._pool)]

    async def change_password(self, name: str, password: str) -> bool:
        """Gives an account another password, which ends its sessions; whether there is one of this name."""
        digest = await _hashed(password)
        async with self._pool.acquire() as connection, connection.transaction():
            found = await self._queries.change_password(connection, name=name, password_hash=digest)
            if found is not None:
                await note_change(connection, "change_password", name)
        return found is not None

    async def remove(self, name: str) -> bool:
        """Ends an account; whether there was one."""
        async with self._pool.acquire() as connection, connection.transaction():
            found = await self._queries.remove_user(connection, name=name)
            if found is not None:
                await note_change(connection, "remove_user", name)
        return found is not None

    async def with_password(self, name: str, password: str) -> User | None:
        """The account of this name, if that is its password."""
        row = await self._queries.user_named(self._pool, name=storable(name))
        kept = _NOBODYS if row is None else row["password_hash"]
        right = await asyncio.to_thread(_fits, password, kept)
        return User(row["id"], row["name"], row["role"]) if right and row is not None else None


async def _hashed(password: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise bad_request(f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
    return await asyncio.to_thread(_encoded, password)


def _encoded(password: str) -> str:
    made = Argon2id(salt=os.urandom(16), length=32, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB)
    return made.derive_phc_encoded(password.encode(errors="surrogatepass"))


def _fits(password: str, kept: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password[:LONGEST_PASSWORD].encode(errors="surrogatepass"), kept)
    except InvalidKey:
        return False
    return True
