"""Indexes of faiss, in this process: a flat one that looks at every code, and one with hash tables.

`IndexBinaryMultiHash` cuts a code into pieces of 16 bits and looks up each with up to one bit flipped, so
that it misses nothing up to two bits a piece less one: 31 of 256, 7 of 64. Beyond that its codes are scanned.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import numpy as np

from samelook.matching.backends.libraries import library
from samelook.matching.checking import checked_bits, checked_code, checked_codes, checked_ids, checked_radius
from samelook.matching.errors import SnapshotForeign
from samelook.matching.interface import Code, Codes, Found, Ids, IndexStatus, RangeIndex
from samelook.matching.list_kernels import Array

_PIECE_BITS = 16
_REBUILD_SHARE = 0.2
"""Of removed rows that tables still list: neither of faiss's tables forgets a row."""


class FaissIndex:
    """Pairs (code, id) in an index of faiss; the same answers as HammingIndex, by another engine."""

    def __init__(self, bits: int = 256, *, multihash: bool = False) -> None:
        self._faiss = library("faiss")
        self._bits = checked_bits(bits)
        self._multihash = multihash
        self._lock = threading.Lock()
        self._codes: Array = np.empty((0, bits // 8), np.uint8)
        self._ids: Array = np.empty(0, np.int64)
        self._living: Array = np.empty(0, bool)
        self._index: Any = self._new_index()

    @property
    def bits(self) -> int:
        """How many bits a code has."""
        return self._bits

    def __len__(self) -> int:
        return int(np.count_nonzero(self._living))

    def add(self, codes: Codes, ids: Ids) -> int:
        """Adds pairs; how many were new. Copies what is held, so many at once cost little more than one."""
        rows = checked_codes(codes, self._bits)
        numbers = checked_ids(ids, len(rows))
        with self._lock:
            known = self._living & np.isin(self._ids, numbers)
            held = set(zip(self._ids[known].tolist(), map(bytes, self._codes[known]), strict=True))
            new = []
            for row, pair in enumerate(zip(numbers.tolist(), map(bytes, rows), strict=True)):
                if pair not in held:
                    held.add(pair)
                    new.append(row)
            if not new:
                return 0
            fresh = np.ascontiguousarray(rows[new])
            self._index.add(fresh)
            self._codes = np.concatenate([self._codes, fresh])
            self._ids = np.concatenate([self._ids, numbers[new]])
            self._living = np.concatenate([self._living, np.ones(len(new), bool)])
        return len(new)

    def remove(self, ids: Iterable[int] | Ids) -> int:
        """Removes every pair of the ids; how many there were."""
        numbers = checked_ids(ids if isinstance(ids, np.ndarray) else list(ids))
        with self._lock:
            gone = self._living & np.isin(self._ids, numbers)
            self._living = self._living & ~gone
            if np.count_nonzero(~self._living) > _REBUILD_SHARE * len(self._ids):
                self._codes, self._ids = self._codes[self._living], self._ids[self._living]
                self._living = np.ones(len(self._ids), bool)
                self._index = self._new_index()
                self._index.add(np.ascontiguousarray(self._codes))
        return int(np.count_nonzero(gone))

    def search(self, code: Code, radius: int) -> Found:
        """Ids and distances of all pairs within `radius` bits, by distance, then id."""
        return self.search_many(checked_code(code, self._bits)[None], radius)[0]

    def search_many(self, codes: Codes, radius: int) -> list[Found]:
        """The same for many codes, with as many threads as faiss takes."""
        rows = checked_codes(codes, self._bits)
        # faiss means "nearer than"; we mean "at most".
        below = checked_radius(radius, self._bits) + 1
        with self._lock:
            index, all_ids, living = self._index, self._ids, self._living
            if self._multihash and below > 2 * (self._bits // _PIECE_BITS):
                index = index.storage
            limits, distances, places = index.range_search(rows, below)
        found: list[Found] = []
        for start, end in zip(limits[:-1].tolist(), limits[1:].tolist(), strict=True):
            # A code that several tables lead to is found once only.
            places_here, first = np.unique(places[start:end], return_index=True)
            alive = living[places_here]
            ids = all_ids[places_here][alive]
            near = distances[start:end][first][alive].astype(np.uint16)
            order = np.lexsort((ids, near))
            found.append((ids[order], near[order]))
        return found

    def status(self) -> IndexStatus:
        """Sizes; of the tables only what is known without asking faiss: the codes."""
        size = self._codes.nbytes * 2 + self._ids.nbytes + self._living.nbytes
        dead = len(self._ids) - len(self)
        name = "faiss multihash" if self._multihash else "faiss flat"
        return IndexStatus(len(self), len(self._ids), dead, 0, size, name, merging=False)

    def _new_index(self) -> Any:
        if not self._multihash:
            return self._faiss.IndexBinaryFlat(self._bits)
        index = self._faiss.IndexBinaryMultiHash(self._bits, self._bits // _PIECE_BITS, _PIECE_BITS)
        index.nflip = 1
        return index


class FaissPlace:
    """Nothing is kept: the index is filled anew at each start."""

    in_memory = True
    keeps = False

    def __init__(self, bits: int, *, multihash: bool) -> None:
        self._bits = bits
        self._multihash = multihash

    def new(self) -> FaissIndex:
        """An empty index."""
        return FaissIndex(self._bits, multihash=self._multihash)

    def stamp(self) -> object:
        """Nothing is kept."""
        return None

    def open(self) -> tuple[RangeIndex, dict[str, Any]]:
        """Raises SnapshotForeign: nothing is kept."""
        raise SnapshotForeign("faiss keeps none")

    def save(self, index: RangeIndex, note: dict[str, Any]) -> bool:  # noqa: ARG002
        """Keeps nothing."""
        return False

    def close(self) -> None:
        """Nothing to end."""
