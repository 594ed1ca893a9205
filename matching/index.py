"""The index: a large immutable body, a small fresh tail, and merges in the background (`background`)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from .background import Contents, MergingContents
from .checking import checked_code, checked_codes, checked_ids, checked_radius
from .engine import Engine
from .interface import Code, Codes, Found, Ids, IndexStatus
from .kernels import PROBE
from .list_kernels import Array
from .memory import as_many
from .settings import IndexSettings
from .uniques import no_uniques

# Bulk loads are merged in pieces, which bounds what a merge needs besides the index.
_PIECE = 1 << 20
_QUERIES_A_CALL = 4096


class HammingIndex(MergingContents):
    """An exact range index over codes of 64 or 256 bits, in memory, safe to use from many threads.

    It holds a set of pairs (code, id): adding a pair twice changes nothing, one id may have several
    codes, one code any number of ids, ids are any int64. `remove` takes all pairs of an id.
    """

    # ---- reading ----

    @property
    def bits(self) -> int:
        """How many bits a code has."""
        return self._bits

    def __len__(self) -> int:
        return self._items

    def search(self, code: Code, radius: int) -> Found:
        """Ids (int64) and distances (uint16) of all pairs within `radius` bits, by distance, then id.

        Takes bytes or uint8[bits / 8]. Radii of 64 bits and more (16 for codes of 64 bits) are scans.
        """
        try:
            found: Found = self._searcher.search(code, radius)
        except (TypeError, ValueError, OverflowError, BufferError):
            # The slow path: it finds out what is wrong with the argument, or converts it.
            code, radius = checked_code(code, self._bits), checked_radius(radius, self._bits)
            found = self._searcher.search(code, radius)
        return found

    def search_lists(self, code: Code, radius: int) -> Found:
        """What `search` finds, by the lists however long they are, where the radius allows them at all.

        `search` gives up on long lists and scans, so that no query is much slower than a scan. Over millions
        of codes that is dear: scanning them takes milliseconds, and nearly all long lists a tenth of that.
        """
        code, radius = checked_code(code, self._bits), checked_radius(radius, self._bits)
        found: Found = self._searcher.search(code, radius, PROBE)
        return found

    def search_many(self, codes: Codes, radius: int) -> list[Found]:
        """What `search` finds for each of the codes, uint8[n, bits / 8].

        Queries that the lists do not help share passes over all codes, many at a time.
        """
        rows = checked_codes(codes, self._bits)
        radius = checked_radius(radius, self._bits)
        found: list[Found] = []
        for start in range(0, len(rows), _QUERIES_A_CALL):
            answer = self._searcher.search_many(rows[start : start + _QUERIES_A_CALL], radius)
            places = np.frombuffer(answer[0], np.int64).reshape(-1, 2).tolist()
            ids, distances = answer[1], answer[2]
            found += [(ids[start:end], distances[start:end]) for start, end in places]
        return found

    def status(self) -> IndexStatus:
        """Sizes, for people and metrics. Costs a pass over one byte a code."""
        contents = self._contents
        bodies, tails = contents.bodies, contents.tails
        codes = bodies[0].count if bodies else 0
        dead = codes - int(np.count_nonzero(bodies[0].living())) if bodies else 0
        arrays = [array for body in bodies for array in body.arrays()]
        arrays += [array for lists, _ in contents.lists for array in lists.arrays()]
        arrays += [array for tail in tails for array in tail.parts()[:3]]
        return IndexStatus(
            items=self._items,
            codes=codes,
            dead_codes=dead,
            tail=sum(tail.count for tail in tails),
            bytes=as_many(arrays),
            engine=self._engine.use_variant(None),
            merging=self._merging.locked(),
        )

    # ---- writing ----

    def add(self, codes: Codes, ids: Ids) -> int:
        """Adds pairs, visible to the next query; how many were new.

        `codes` is uint8[n, bits / 8], `ids` int64[n]. Fills the tail; when that is full, a merge starts
        in the background. A load that outruns the merges waits for them.
        """
        rows = checked_codes(codes, self._bits)
        numbers = checked_ids(ids, len(rows))
        added = 0
        for start in range(0, len(rows), _PIECE):
            added += self._add_piece(rows[start : start + _PIECE], numbers[start : start + _PIECE])
            self._after_adding()
        return added

    def remove(self, ids: Iterable[int] | Ids) -> int:
        """Removes every pair of the ids, at once for the next query; how many pairs there were."""
        numbers = checked_ids(ids if isinstance(ids, np.ndarray) else list(ids))
        if not len(numbers):
            return 0
        numbers = np.unique(numbers)
        with self._writing:
            gone = 0
            for tail in self._contents.tails:
                rows = tail.rows_with(numbers)
                tail.dead[rows] = 1
                gone += len(rows)
            gone += self._remove_from_bodies(numbers)
            if self._removed is not None:
                self._removed.append(numbers)
            self._items -= gone
        return gone

    def _add_piece(self, rows: Array, ids: Array) -> int:
        codes = np.empty((len(rows), self._bits // 64), np.uint64)
        self._engine.permute(rows.reshape(-1), codes.reshape(-1), self._bits)
        if np.any(ids[1:] <= ids[:-1]):
            order = np.lexsort((*codes.T, ids))
            codes, ids = codes[order], ids[order]
            first = np.ones(len(ids), bool)
            first[1:] = (ids[1:] != ids[:-1]) | np.any(codes[1:] != codes[:-1], axis=1)
            codes, ids = codes[first], ids[first]
        with self._writing:
            new = ~self._present(codes, ids)
            if not new.all():
                codes, ids = codes[new], ids[new]
            if not len(ids):
                return 0
            contents = self._contents
            tails = (*contents.tails[:-1], contents.tails[-1].with_rows(codes, ids))
            self._publish(replace(contents, tails=tails), self._engine_body)
            self._items += len(ids)
        return len(ids)

    def _present(self, codes: Array, ids: Array) -> Array:
        here = np.zeros(len(ids), bool)
        for tail in self._contents.tails:
            if tail.count:
                here |= tail.present(codes, ids)
        for body in self._contents.bodies[:1]:
            rows, numbers = self._found_ids(0, ids)
            here |= body.present(rows, numbers, codes, ids)
        return here

    def _found_ids(self, base: int, ids: Array) -> tuple[Array, Array]:
        rows, numbers = self._engine_body.find_ids(base, ids)
        return np.frombuffer(rows, np.int64), np.frombuffer(numbers, np.uint32).astype(np.int64)

    def _remove_from_bodies(self, ids: Array) -> int:
        gone = [
            body.remove(ids, self._found_ids(which, ids)[1])
            for which, body in enumerate(self._contents.bodies)
        ]
        # Two bodies hold the same items; readers see the first until the purge is done.
        return gone[0] if gone else 0

    # ---- files ----

    def save(self, path: str | os.PathLike[str], note: dict[str, Any] | None = None) -> None:
        """Writes a snapshot, whole or not at all: a new file that takes the old one's place.

        `note` is kept with it (JSON), for what the caller must know to go on from there.
        """
        from .snapshot import Snapshot, write_snapshot

        with self._merging:
            with self._writing:
                contents = self._contents
                body = contents.bodies[0] if contents.bodies else no_uniques()
                still = replace(
                    body,
                    states=tuple(state.copy() for state in body.states),
                    group_dead=body.group_dead.copy(),
                )
                live = [tail.live() for tail in contents.tails]
                items = self._items
            codes = np.concatenate([part for part, _ in live])
            ids = np.concatenate([part for _, part in live])
            lists = tuple(held for held, _ in contents.lists)
            write_snapshot(path, Snapshot(self._bits, items, still, lists, codes, ids, dict(note or {})))

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        settings: IndexSettings | None = None,
        engine: Engine | None = None,
    ) -> HammingIndex:
        """The index of a snapshot, mapped into memory and shared with all who map it.

        Raises SnapshotDamaged or SnapshotForeign, and OSError when it cannot be read.
        """
        from .snapshot import read_snapshot

        snapshot = read_snapshot(path)
        index = cls(snapshot.bits, settings=settings, engine=engine)
        index.note = snapshot.note
        tail = index._contents.tails[0].with_rows(snapshot.tail_codes, snapshot.tail_ids)
        if snapshot.uniques.count:
            lists = tuple((held, 0) for held in snapshot.lists)
            contents = Contents((snapshot.uniques,), lists, (tail,))
            index._publish(contents, index._body_of(contents))
        else:
            index._publish(Contents((), (), (tail,)), None)
        index._items = snapshot.items
        return index

    note: dict[str, Any] = {}  # noqa: RUF012 - replaced, never changed, by `open`
