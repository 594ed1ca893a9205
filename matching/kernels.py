"""The inner loops in numpy: the same functions as matching/_engine.c, with the same results.

Used where no compiler was found at installation, and as the second opinion in tests. The algorithm
and the structures are described in csrc/query.h and csrc/engine.h; only what numpy does another
way is explained here.
"""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from .list_kernels import (
    BLOCK_ROWS,
    BLOCK_SHIFT,
    BUCKETS,
    DEAD,
    GROUP,
    SINGLE,
    SLICE,
    Array,
    decoded,
    expand,
    merge_chunk,
    permute,
    purge_chunk,
    rows_of,
    splice,
)

__all__ = ["Body", "Searcher", "merge_chunk", "permute", "purge_chunk", "splice", "use_variant"]

MOST_TAILS = 64
# How to search: the cheaper way, by scan, or by index as far as the radius allows.
CHEAPEST, SCAN, PROBE = 0, 1, 2
_MAX_THRESHOLD = 3
# Costs in nanoseconds, measured; only their ratios matter.
_FIXED_NS, _LISTED_NS, _SURVIVOR_NS = 100_000.0, 12.0, 250.0
_SCANNED_NS = {1: 1.6, 4: 6.0}
_PROBES_NS = np.array([1.0, 17.0, 137.0, 697.0]) * 10


def _ball() -> tuple[Array, Array, Array]:
    values = np.arange(BUCKETS, dtype=np.uint16)
    weights = np.bitwise_count(values)
    order = np.argsort(weights, kind="stable")
    order = order[weights[order] <= _MAX_THRESHOLD]
    return values[order], weights[order], np.array([0, 1, 17, 137, 697])


_MASKS, _WEIGHTS, _BALL = _ball()
_LOGARITHMS = np.arange(255)
# Estimates are kept as logarithms; see logarithm() in csrc/build.c.
_EXPECTED = np.concatenate(
    [[0.0], (8 + (_LOGARITHMS & 7)) * np.exp2(np.minimum(_LOGARITHMS >> 3, 32)) / 8]
).astype(np.float64)


class Body:
    """The immutable part of an index: unique codes, what hangs off them, and the chunk lists."""

    __slots__ = ("bases", "bits", "chunks", "following", "lists", "words")

    def __init__(self, bits: int, bases: tuple[Any, ...], chunks: tuple[Any, ...], /) -> None:
        if bits not in {64, 256} or len(chunks) != bits // 16 or len(bases) not in {1, 2}:
            raise ValueError(f"a body of {bits} bits, {len(chunks)} chunks and {len(bases)} bases")
        self.bits, self.words, self.chunks = bits, bits // 64, bits // 16
        self.bases, self.lists = bases, chunks
        self.following = (np.arange(self.chunks) + 1) % self.chunks
        for offsets, _, following, numbers, width, base in chunks:
            length = int(offsets[-1])
            if len(offsets) != BUCKETS + 1 or offsets[0] or np.any(offsets[1:] < offsets[:-1]):
                raise ValueError("offsets: they must begin at 0 and never fall")
            if len(following) < length or len(numbers) < length * width or base >= len(bases):
                raise ValueError("chunk: its lists and offsets do not agree")

    def find_codes(self, codes: Array, /) -> bytearray:
        """The number of the live unique code equal to each code, or -1."""
        wanted = codes.reshape(-1, self.words)
        values = wanted.view(np.uint16)
        found = np.full(len(wanted), -1, np.int64)
        starts = np.stack([chunk_lists[0][values[:, c]] for c, chunk_lists in enumerate(self.lists)]).astype(
            np.int64
        )
        ends = np.stack(
            [chunk_lists[0][values[:, c].astype(np.int64) + 1] for c, chunk_lists in enumerate(self.lists)]
        )
        lengths = ends.astype(np.int64) - starts
        smallest = np.argmin(lengths, axis=0)
        for c, (_, _, following, numbers, width, base) in enumerate(self.lists):
            rows = np.flatnonzero(smallest == c)
            positions = expand(starts[c, rows], lengths[c, rows])
            asked = np.repeat(rows, lengths[c, rows])
            same = following[positions] == values[asked, (c + 1) % self.chunks]
            number, asked = decoded(numbers, width, positions[same]), asked[same]
            count, blocks, _, states = self.bases[base][:4]
            inside = number < count
            number, asked = number[inside], asked[inside]
            equal = np.all(rows_of(blocks, number) == wanted[asked], axis=1) & (
                rows_of(states, number) != DEAD
            )
            # Written from the back, so that the first of equal findings stays, as in C.
            found[asked[equal][::-1]] = number[equal][::-1]
        return bytearray(found)

    def find_ids(self, base: int, ids: Array, /) -> tuple[bytearray, bytearray]:
        """Row and number of every live single code that has one of the ids."""
        count, _, values, states, _, _, _, order = self.bases[base]
        rows, at = np.arange(len(ids)), self._positions(base, ids)
        found_rows, found_numbers = [], []
        while len(rows):
            inside = at < len(order)
            rows, at = rows[inside], at[inside]
            number = order[at].astype(np.int64)
            same = number < count
            same[same] = rows_of(values, number[same]) == ids[rows[same]]
            rows, at, number = rows[same], at[same] + 1, number[same]
            alive = rows_of(states, number) == SINGLE
            found_rows.append(rows[alive])
            found_numbers.append(number[alive])
        if not found_rows:
            return bytearray(), bytearray()
        all_rows, all_numbers = np.concatenate(found_rows), np.concatenate(found_numbers)
        turn = np.argsort(all_rows, kind="stable")
        return bytearray(all_rows[turn].astype(np.int64)), bytearray(all_numbers[turn].astype(np.uint32))

    def order_positions(self, ids: Array, /) -> bytearray:
        """How many of the single codes, ordered by id, have a smaller id."""
        return bytearray(self._positions(0, ids))

    def _positions(self, base: int, ids: Array) -> Array:
        values, order = self.bases[base][2], self.bases[base][7]
        low = np.zeros(len(ids), np.int64)
        high = np.full(len(ids), len(order), np.int64)
        while np.any(low < high):
            open_ = np.flatnonzero(low < high)
            middle = (low[open_] + high[open_]) // 2
            smaller = rows_of(values, order[middle].astype(np.int64)) < ids[open_]
            low[open_[smaller]] = middle[smaller] + 1
            high[open_[~smaller]] = middle[~smaller]
        return low

    def scan(self, query: Array, radius: int) -> tuple[Array, Array]:
        """Ids and distances within the radius, found by looking at every code."""
        count, blocks = self.bases[0][:2]
        numbers, distances = [], []
        for first in range(0, count, SLICE):
            inside = first & (BLOCK_ROWS - 1)
            rows = blocks[first >> BLOCK_SHIFT][inside : min(inside + SLICE, inside + count - first)]
            distance = distances_to(rows, query)
            hit = np.flatnonzero(distance <= radius)
            numbers.append(hit + first)
            distances.append(distance[hit])
        return self._items(0, np.concatenate(numbers), np.concatenate(distances))

    def search(self, query: Array, radius: int, how: int) -> tuple[Array, Array]:
        """Ids and distances within the radius, in no order, by index or by scan."""
        scan_ns = self.bases[0][0] * _SCANNED_NS[self.words] if how != PROBE else np.inf
        if how == SCAN or radius + 1 > self.chunks * (_MAX_THRESHOLD + 1) or scan_ns < _FIXED_NS:
            return self.scan(query, radius)
        values = query.view(np.uint16)
        thresholds, cost = _plan(self.lists, values.tolist(), radius)
        if cost > scan_ns:
            return self.scan(query, radius)
        return self._probe(query, radius, values, thresholds, scan_ns / 2)

    def _probe(
        self, query: Array, radius: int, values: Array, thresholds: Array, budget: float
    ) -> tuple[Array, Array]:
        counts = _BALL[thresholds + 1]
        which = np.repeat(np.arange(self.chunks), counts)
        ball = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        buckets = (values[which] ^ _MASKS[ball]).astype(np.int64)
        rolled = thresholds[self.following]
        most = (thresholds + rolled + 1)[which] - _WEIGHTS[ball]
        edges = np.concatenate([[0], np.cumsum(counts)]).tolist()
        starts, ends = np.empty(len(which), np.int64), np.empty(len(which), np.int64)
        for c, lists in enumerate(self.lists):
            part = slice(edges[c], edges[c + 1])
            if edges[c] < edges[c + 1]:
                starts[part] = lists[0][buckets[part]]
                ends[part] = lists[0][buckets[part] + 1]
        lengths = ends - starts
        if float(lengths.sum()) * _LISTED_NS > budget:
            return self.scan(query, radius)
        positions = expand(starts, lengths)
        cuts = np.concatenate([[0], np.cumsum(lengths)])[edges].tolist()
        following = np.empty(len(positions), np.uint16)
        for c, lists in enumerate(self.lists):
            if cuts[c] < cuts[c + 1]:
                following[cuts[c] : cuts[c + 1]] = lists[2][positions[cuts[c] : cuts[c + 1]]]
        following ^= np.repeat(values[self.following][which], lengths)
        keep = np.flatnonzero(np.bitwise_count(following) <= np.repeat(most, lengths))
        if len(keep) * _SURVIVOR_NS > budget:
            return self.scan(query, radius)
        return self._verified(
            query, radius, thresholds, positions[keep], np.searchsorted(cuts, keep, "right") - 1
        )

    def _verified(
        self, query: Array, radius: int, thresholds: Array, positions: Array, chunk: Array
    ) -> tuple[Array, Array]:
        # The positions ascend by chunk. The bytes of all numbers are gathered first and read together.
        cuts = np.searchsorted(chunk, np.arange(self.chunks + 1)).tolist()
        raw = np.zeros((len(positions), 4), np.uint8)
        for lists, start, end in zip(self.lists, cuts[:-1], cuts[1:], strict=True):
            if start < end:
                numbers, width = lists[3], lists[4]
                rows = numbers[: len(numbers) // width * width].reshape(-1, width)
                raw[start:end, :width] = rows[positions[start:end]]
        number = raw.view("<u4")[:, 0].astype(np.int64)
        base = np.array([chunk_lists[5] for chunk_lists in self.lists])[chunk]
        rolled = thresholds[self.following]
        ids, distances = [], []
        for which, source in enumerate(self.bases):
            mine = (base == which) & (number < source[0])
            rows = rows_of(source[1], number[mine])
            parts = np.bitwise_count((rows ^ query).view(np.uint16)).astype(np.int64)
            distance = parts.sum(axis=1)
            admits = (parts <= thresholds) & (parts + parts[:, self.following] <= thresholds + rolled + 1)
            # A code may be found in several chunks: only the first of them reports it.
            hit = (distance <= radius) & (np.argmax(admits, axis=1) == chunk[mine])
            found = self._items(which, number[mine][hit], distance[hit])
            ids.append(found[0])
            distances.append(found[1])
        return np.concatenate(ids), np.concatenate(distances)

    def _items(self, base: int, numbers: Array, distances: Array) -> tuple[Array, Array]:
        _, _, values, states, starts, group_ids, group_dead, _ = self.bases[base]
        state, value = rows_of(states, numbers), rows_of(values, numbers)
        single = state == SINGLE
        if not np.any(state == GROUP):
            return value[single], distances[single]
        grouped = (state == GROUP) & (value >= 0) & (value < len(starts) - 1)
        group = value[grouped]
        first, last = starts[group].astype(np.int64), starts[group + 1].astype(np.int64)
        sound = (first >= 0) & (first <= last) & (last <= len(group_ids))
        first, lengths = first[sound], (last - first)[sound]
        positions = expand(first, lengths)
        spread = np.repeat(distances[grouped][sound], lengths)
        alive = group_dead[positions] == 0
        return (
            np.concatenate([value[single], group_ids[positions[alive]]]),
            np.concatenate([distances[single], spread[alive]]),
        )


def distances_to(rows: Array, query: Array) -> Array:
    """Distances of codes, uint64[n, words], to one code."""
    counts = np.bitwise_count(rows ^ query)
    if counts.shape[1] == 1:
        return counts[:, 0].astype(np.uint16)
    # Four counts of at most 64 lie in one 32-bit word: added there, as a sum over an axis of four is slow.
    words = counts.view(np.uint32)[:, 0]
    pairs = (words & 0x00FF00FF) + ((words >> 8) & 0x00FF00FF)
    return ((pairs & 0xFFFF) + (pairs >> 16)).astype(np.uint16)


def _plan(lists: tuple[Any, ...], values: list[int], radius: int) -> tuple[Array, float]:
    # C finds the best thresholds by dynamic programming; here the cheapest steps are taken, which is
    # the same where each step of a chunk costs more than the one before, and always valid.
    packed = np.array([chunk_lists[1][value] for chunk_lists, value in zip(lists, values, strict=True)])
    edges = np.array(
        [chunk_lists[0][value : value + 2] for chunk_lists, value in zip(lists, values, strict=True)],
        np.int64,
    )
    costs = np.empty((len(lists), _MAX_THRESHOLD + 1))
    costs[:, 0] = edges[:, 1] - edges[:, 0]
    costs[:, 1] = _EXPECTED[packed & 255]
    costs[:, 2] = _EXPECTED[packed >> 8]
    costs[:, 3] = costs[:, 2] * (697 / 137)
    costs = costs * _LISTED_NS + _PROBES_NS
    steps = np.maximum.accumulate(np.diff(costs, axis=1, prepend=0.0), axis=1).reshape(-1)
    depth = np.bincount(np.argsort(steps, kind="stable")[: radius + 1] >> 2, minlength=len(lists))
    taken = np.flatnonzero(depth)
    return depth - 1, float(costs[taken, depth[taken] - 1].sum()) + _FIXED_NS


class Searcher:
    """A body, or none, and a few tails: what one query looks at."""

    __slots__ = ("bits", "body", "tails")

    def __init__(
        self, bits: int, body: Body | None, tails: tuple[tuple[Array, Array, Array, int], ...], /
    ) -> None:
        if bits not in {64, 256} or (body is not None and body.bits != bits) or len(tails) > MOST_TAILS:
            raise ValueError(f"codes of {bits} bits do not go with this body")
        self.bits, self.body, self.tails = bits, body, tails

    def search(
        self, code: bytes | bytearray | memoryview | Array, radius: int, how: int = CHEAPEST, /
    ) -> tuple[Array, Array]:
        """Ids (int64) and distances (uint16) within the radius, by distance and then id."""
        view = memoryview(code)  # type: ignore[arg-type] # an array has the buffer protocol
        if view.itemsize != 1 or view.ndim != 1 or view.nbytes != self.bits // 8 or not view.c_contiguous:
            raise ValueError(f"a code of {view.nbytes} bytes: {self.bits // 8} are needed")
        ids, distances = self._search(np.frombuffer(view, np.uint8), _checked(radius, self.bits), how)
        return ids, distances

    def search_many(self, codes: Array, radius: int, /) -> tuple[bytearray, Array, Array]:
        """Places (int64 pairs, as bytes), ids and distances: query i owns ids[places[2i]:places[2i + 1]]."""
        radius = _checked(radius, self.bits)
        found = [self._search(row, radius, CHEAPEST) for row in codes.reshape(-1, self.bits // 8)]
        limits = np.concatenate([[0], np.cumsum([len(ids) for ids, _ in found])]).astype(np.int64)
        places = np.stack([limits[:-1], limits[1:]], axis=1)
        ids = np.concatenate([np.empty(0, np.int64), *(part for part, _ in found)])
        distances = np.concatenate([np.empty(0, np.uint16), *(part for _, part in found)])
        return bytearray(places), ids, distances

    def _search(self, code: Array, radius: int, how: int) -> tuple[Array, Array]:
        query = np.empty(self.bits // 64, np.uint64)
        permute(code, query, self.bits)
        ids, distances = [], []
        if self.body is not None and self.body.bases[0][0]:
            found = self.body.search(query, radius, how)
            ids.append(found[0])
            distances.append(found[1].astype(np.uint16))
        for tail_codes, tail_ids, dead, count in self.tails:
            rows = tail_codes[:count]
            distance = distances_to(rows.reshape(-1, self.bits // 64), query)
            hit = np.flatnonzero((distance <= radius) & (dead[:count] == 0))
            ids.append(tail_ids[hit])
            distances.append(distance[hit])
        if not ids:
            return np.empty(0, np.int64), np.empty(0, np.uint16)
        all_ids, all_distances = np.concatenate(ids), np.concatenate(distances)
        order = np.lexsort((all_ids, all_distances))
        return all_ids[order], all_distances[order]


def _checked(radius: int, bits: int) -> int:
    radius = index(radius)
    if not 0 <= radius <= bits:
        raise ValueError(f"a radius of {radius} bits: 0 to {bits} make sense")
    return radius


def use_variant(name: str | None, /) -> str:
    """There is one numpy variant; the C twin has one per processor."""
    if name not in {None, "numpy"}:
        raise ValueError(f"numpy has no variant named {name}")
    return "numpy"
