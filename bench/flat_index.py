"""A range index that looks at every code, with faiss: the independent check of ours.

Slow for one query and without merges or files, but fast for a large batch against a small set, and
written by other people.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import numpy as np

from samelook.matching.checking import checked_bits, checked_code, checked_codes, checked_ids, checked_radius
from samelook.matching.interface import Code, Codes, Found, Ids
from samelook.matching.list_kernels import Array


class FlatIndex:
    """Pairs (code, id) in an IndexBinaryFlat; the same answers as HammingIndex, by another engine."""

    def __init__(self, bits: int = 256) -> None:
        import faiss

        self._bits = checked_bits(bits)
        self._lock = threading.Lock()
        self._index: Any = faiss.IndexBinaryFlat(self._bits)
        self._ids: Array = np.empty(0, np.int64)

    @property
    def bits(self) -> int:
        """How many bits a code has."""
        return self._bits

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, codes: Codes, ids: Ids) -> int:
        """Adds pairs; how many were new."""
        rows = checked_codes(codes, self._bits)
        numbers = checked_ids(ids, len(rows))
        with self._lock:
            held = {(int(one), code) for one, code in zip(self._ids, self._held(), strict=True)}
            new = []
            for row, (one, code) in enumerate(zip(numbers.tolist(), rows, strict=True)):
                pair = (one, code.tobytes())
                if pair not in held:
                    held.add(pair)
                    new.append(row)
            self._index.add(np.ascontiguousarray(rows[new]))
            self._ids = np.concatenate([self._ids, numbers[new]])
        return len(new)

    def remove(self, ids: Iterable[int] | Ids) -> int:
        """Removes every pair of the ids; how many there were."""
        numbers = checked_ids(ids if isinstance(ids, np.ndarray) else list(ids))
        with self._lock:
            gone = np.isin(self._ids, numbers)
            self._index.remove_ids(np.flatnonzero(gone).astype(np.int64))
            self._ids = self._ids[~gone]
        return int(gone.sum())

    def search(self, code: Code, radius: int) -> Found:
        """Ids and distances of all pairs within `radius` bits, by distance, then id."""
        return self.search_many(checked_code(code, self._bits)[None], radius)[0]

    def search_many(self, codes: Codes, radius: int) -> list[Found]:
        """The same for many codes, with as many threads as faiss takes."""
        rows = checked_codes(codes, self._bits)
        # faiss means "nearer than"; we mean "at most".
        with self._lock:
            limits, distances, places = self._index.range_search(rows, checked_radius(radius, self._bits) + 1)
            ids = self._ids[places]
        found: list[Found] = []
        for start, end in zip(limits[:-1].tolist(), limits[1:].tolist(), strict=True):
            order = np.lexsort((ids[start:end], distances[start:end]))
            found.append((ids[start:end][order], distances[start:end][order].astype(np.uint16)))
        return found

    def _held(self) -> list[bytes]:
        import faiss

        held: Array = faiss.vector_to_array(self._index.xb).reshape(-1, self._bits // 8)
        return [row.tobytes() for row in held]
