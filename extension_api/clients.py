"""Anonymous clients and API keys: random tokens of which only hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from samelook.extension_api.errors import Unauthorised
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.sql.pool import Pool

_TOKEN_BYTES = 24
_MOST_REMEMBERED = 100_000
_SHORTEST = 16
SHARED_KEYS = frozenset({"threatslayer-api-key"})
"""Keys that many installations have in common: those of nobody."""


def hashed(token: str) -> bytes:
    """How a token is known. It is random, so a plain digest cannot be guessed back."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Clients:
    """Tokens and the ids of their owners."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._writes: Any = queries("extension")
        self._ids: OrderedDict[bytes, int] = OrderedDict()

    async def create(self) -> str:
        """A new client's token, which is shown this once."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        await self._add(hashed(token))
        return token

    async def known(self, token: str) -> int:
        """The id of the client with this token. Raises Unauthorised."""
        digest = hashed(token)
        found = self._ids.get(digest)
        if found is None:
            found = await self._writes.client_of(self._pool, token_sha256=digest)
            if found is None:
                raise Unauthorised("This client token is unknown; ask for one at POST /x/v1/clients.")
            self._remember(digest, found)
        return found

    async def known_or_new(self, key: str | None) -> int | None:
        """The client behind a ThreatSlayer key, made known at its first use; None for a shared key."""
        if key is None or key in SHARED_KEYS or len(key) < _SHORTEST:
            return None
        try:
            return await self.known(key)
        except Unauthorised:
            return await self._add(hashed(key))

    async def _add(self, digest: bytes) -> int:
        number: int = await self._writes.add_client(self._pool, token_sha256=digest)
        self._remember(digest, number)
        return number

    def _remember(self, digest: bytes, number: int) -> None:
        self._ids[digest] = number
        while len(self._ids) > _MOST_REMEMBERED:
            self._ids.popitem(last=False)
