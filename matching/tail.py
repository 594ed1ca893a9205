"""The newest items: scanned one after the other until a merge lists them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .list_kernels import Array
from .memory import carve


@dataclass(frozen=True, slots=True)
class Tail:
    codes: Array
    """uint64[room, words] in chunk form; the first `count` rows count."""
    ids: Array
    dead: Array
    """uint8: 1 for a removed item. The one thing that changes in place."""
    count: int

    def parts(self) -> tuple[Array, Array, Array, int]:
        """What an engine's Searcher takes."""
        return (self.codes, self.ids, self.dead, self.count)

    def with_rows(self, codes: Array, ids: Array) -> Tail:
        """This tail with more rows: written behind the count that readers know, or in a larger copy."""
        end = self.count + len(ids)
        tail = self
        if end > len(self.ids):
            tail = new_tail(self.codes.shape[1], max(end, min(2 * len(self.ids), end + 65536)))
            for target, source in ((tail.codes, self.codes), (tail.ids, self.ids), (tail.dead, self.dead)):
                target[: self.count] = source[: self.count]
        tail.codes[self.count : end] = codes
        tail.ids[self.count : end] = ids
        tail.dead[self.count : end] = 0
        return replace(tail, count=end)

    def rows_with(self, ids: Array) -> Array:
        """The live rows that have one of the ids."""
        mine = self.ids[: self.count]
        same = mine == ids[0] if len(ids) == 1 else np.isin(mine, ids)
        return np.flatnonzero(same & (self.dead[: self.count] == 0))

    def present(self, codes: Array, ids: Array) -> Array:
        """Which of the pairs (code, id) are here. `ids` ascend."""
        here = np.zeros(len(ids), bool)
        rows = self.rows_with(ids)
        if len(rows):
            first = np.searchsorted(ids, self.ids[rows], "left")
            lengths = np.searchsorted(ids, self.ids[rows], "right") - first
            # An id may come with several codes, here and in what is asked.
            for step in range(int(lengths.max())):
                asked, row = (first + step)[lengths > step], rows[lengths > step]
                here[asked[np.all(self.codes[row] == codes[asked], axis=1)]] = True
        return here

    def live(self) -> tuple[Array, Array]:
        """Codes and ids of the live rows."""
        rows = np.flatnonzero(self.dead[: self.count] == 0)
        return self.codes[rows], self.ids[rows]


def new_tail(words: int, room: int) -> Tail:
    """An empty tail."""
    codes, ids, dead = carve((room * words, np.uint64), (room, np.int64), (room, np.uint8))
    return Tail(codes.reshape(room, words), ids, dead, 0)
