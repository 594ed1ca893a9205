"""The pictures whose hash is near one of a few others, by reading all of them in pages.

For a few hashes a scan is the fastest exact search there is without an index in memory: about four
million hashes of 256 bits a second and hash, most of it Postgres's time. Nothing is held open between pages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from samelook.hashing.table import STORED, Signal
from samelook.matching.distance import distances
from samelook.sql.hash_queries import hash_queries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samelook.sql.pool import Connection

Pages = AsyncIterator[tuple[list[bytes], "NDArray[np.uint64]"]]


async def hash_pages(connection: Connection, signal: Signal, page: int) -> Pages:
    """All pictures with their hashes as rows of 64-bit words, a page at a time, in the order of SHA-256."""
    query = getattr(hash_queries(STORED), f"hashes_{signal.name}")
    after = b""
    while True:
        rows = [row async for row in query(connection, after=after, page=page)]
        if not rows:
            return
        yield [row["sha256"] for row in rows], words_of([row["hash"] for row in rows])
        if len(rows) < page:
            return
        after = rows[-1]["sha256"]


async def nearest(
    connection: Connection, signal: Signal, hashes: Sequence[bytes], distance: int, *, page: int
) -> dict[bytes, int]:
    """Every picture within `distance` bits of one of the hashes, with the least of its distances."""
    found: dict[bytes, int] = {}
    if not hashes:
        return found
    wanted = words_of(sorted(set(hashes)))
    async for sha256s, codes in hash_pages(connection, signal, page):
        least = np.min([distances(codes, code) for code in wanted], axis=0)
        for place in np.flatnonzero(least <= distance).tolist():
            found[sha256s[place]] = int(least[place])
    return found


def words_of(hashes: Sequence[bytes]) -> NDArray[np.uint64]:
    """Hashes as rows of 64-bit words."""
    return np.frombuffer(b"".join(hashes), np.uint64).reshape(len(hashes), -1)
