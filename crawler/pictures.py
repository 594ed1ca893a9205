"""Pictures by their bytes: the same bytes are decoded and hashed once, however many sites use them."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from samelook.hashing.errors import HashingError

if TYPE_CHECKING:
    from samelook.hashing.signals import HashedPicture

GATHER_S = 0.05
"""How long a look-up waits for others to share its round trip to the database."""


class HashedPictures:
    """Hashed pictures, remembered in this process and looked up in the database before they are hashed.

    `hash_bytes` decodes and hashes (in the sandbox); `known` says which of some SHA-256 digests
    (hex) the database holds. A picture that the database holds comes back without signals: they
    are stored already. Refusals are remembered too, so that a broken default icon costs one decode.
    """

    def __init__(
        self,
        hash_bytes: Callable[[bytes], Awaitable[HashedPicture]],
        known: Callable[[list[str]], Awaitable[dict[str, HashedPicture]]],
        *,
        remembered: int = 20_000,
    ) -> None:
        self._hash_bytes = hash_bytes
        self._known = known
        self._remembered = remembered
        self._recent: OrderedDict[str, asyncio.Future[HashedPicture]] = OrderedDict()
        self._asked: dict[str, asyncio.Future[HashedPicture | None]] = {}
        self._gathering: asyncio.Task[None] | None = None

    async def picture_of(self, body: bytes) -> HashedPicture:
        """The picture that `body` holds. Raises HashingError when it holds none."""
        sha256 = hashlib.sha256(body).hexdigest()
        future = self._recent.get(sha256)
        if future is None:
            future = asyncio.ensure_future(self._find_or_hash(sha256, body))
            future.add_done_callback(lambda done: self._forget_accidents(sha256, done))
            self._recent[sha256] = future
            while len(self._recent) > self._remembered:
                self._recent.popitem(last=False)
        else:
            self._recent.move_to_end(sha256)
        # Shielded: whoever else waits for the same picture must not be cancelled with us.
        return await asyncio.shield(future)

    async def _find_or_hash(self, sha256: str, body: bytes) -> HashedPicture:
        return await self._look_up(sha256) or await self._hash_bytes(body)

    def _forget_accidents(self, sha256: str, done: asyncio.Future[HashedPicture]) -> None:
        """A picture that is bad stays bad; a database that was away, or a worker that died, need not."""
        if done.cancelled() or (
            (error := done.exception()) is not None
            and (not isinstance(error, HashingError) or error.kind.startswith("decoder_"))
        ):
            self._recent.pop(sha256, None)

    async def _look_up(self, sha256: str) -> HashedPicture | None:
        future: asyncio.Future[HashedPicture | None] = asyncio.get_running_loop().create_future()
        self._asked[sha256] = future
        if self._gathering is None or self._gathering.done():
            self._gathering = asyncio.create_task(self._answer_gathered())
        return await future

    async def _answer_gathered(self) -> None:
        while self._asked:
            await asyncio.sleep(GATHER_S)
            asked, self._asked = self._asked, {}
            try:
                known = await self._known(list(asked))
            except Exception as error:  # noqa: BLE001 - whoever asked raises it; the next look-up tries again
                for future in asked.values():
                    if not future.done():
                        future.set_exception(error)
                continue
            for sha256, future in asked.items():
                if not future.done():
                    future.set_result(known.get(sha256))
