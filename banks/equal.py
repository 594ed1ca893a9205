"""Where values of types that match by equality are, in memory: sixteen bytes for each content.

Kept is a digest of 64 bits under a key that is drawn when the process starts: nobody can make two values that
are taken for each other, and by chance that happens once in some 10^13 lookups in a million values.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .states import ContentStates

MOST = 5_000_000
"""Values of a type that are kept, 80 MB; where there are more, the database is asked instead."""
_FEWEST_TO_MERGE = 4096
_KEY = secrets.token_bytes(16)
Ids = NDArray[np.int64]


class EqualValues:
    """The values of one type. Contents that were removed are still in here; their states say so."""

    def __init__(self) -> None:
        self._digests = np.empty(0, np.uint64)
        self._ids = np.empty(0, np.int64)
        self._fresh: dict[int, list[int]] = {}
        self._fresh_count = 0

    def __len__(self) -> int:
        return len(self._ids) + self._fresh_count

    def find(self, value: bytes) -> Ids:
        """The contents that have or had the value, each once, by id."""
        digest = _digest(value)
        begin, end = (np.searchsorted(self._digests, np.uint64(digest), side) for side in ("left", "right"))
        fresh = np.array(self._fresh.get(digest, ()), np.int64)
        return np.unique(np.concatenate([self._ids[begin:end], fresh]))

    def add(self, found: Sequence[tuple[int, bytes]]) -> None:
        """Notes values of contents; what is noted already does no harm."""
        for content_id, value in found:
            self._fresh.setdefault(_digest(value), []).append(content_id)
        self._fresh_count += len(found)

    async def settle(self, states: ContentStates) -> None:
        """Puts what is fresh among the rest, without what was removed, where there is much of it."""
        if self._fresh_count > max(_FEWEST_TO_MERGE, len(self._ids) // 8):
            self._digests, self._ids = await asyncio.to_thread(self._merged, states)
            self._fresh, self._fresh_count = {}, 0

    def _merged(self, states: ContentStates) -> tuple[NDArray[np.uint64], Ids]:
        counts = [len(ids) for ids in self._fresh.values()]
        digests = np.concatenate(
            [self._digests, np.repeat(np.fromiter(self._fresh, np.uint64, len(counts)), counts)]
        )
        fresh = (fresh_id for ids in self._fresh.values() for fresh_id in ids)
        ids = np.concatenate([self._ids, np.fromiter(fresh, np.int64, self._fresh_count)])
        there = states.exist(ids)
        digests, ids = digests[there], ids[there]
        order = np.lexsort((ids, digests))
        return digests[order], ids[order]


def _digest(value: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(value, digest_size=8, key=_KEY).digest(), "big")
