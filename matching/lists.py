"""The lists of one chunk: numbers of codes, sorted by the value that the chunk has in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .engine import Engine
from .list_kernels import BUCKETS, Array
from .memory import carve

# Three bytes name 16.7 million codes and save a quarter of the numbers' memory.
_NARROW = 1 << 24


@dataclass(frozen=True, slots=True)
class PostingLists:
    offsets: Array
    """uint32[65537]: where the list of each value begins."""
    estimates: Array
    """uint16[65536]: logarithms of how many codes are within one and within two bits of each value."""
    following: Array
    """uint16: the next chunk's value of each listed code."""
    numbers: Array
    """uint8: the numbers of the codes, `width` bytes each."""
    width: int

    def chunk(self, base: int) -> tuple[Any, ...]:
        """What an engine's Body takes."""
        return (self.offsets, self.estimates, self.following, self.numbers, self.width, base)

    def _source(self) -> tuple[Array, Array, Array, int]:
        return (self.offsets, self.following, self.numbers, self.width)

    def merged(self, engine: Engine, codes: Array, chunk: int, first: int) -> PostingLists:
        """These lists with new codes, numbered from `first`."""
        out = _room(first + len(codes), int(self.offsets[-1]) + len(codes))
        bits = 64 * codes.shape[1]
        engine.merge_chunk(self._source(), codes, chunk, first, bits, out.width, out.arrays())
        return out

    def purged(self, engine: Engine, renumbered: Array, kept: int) -> PostingLists:
        """These lists without the codes that have no new number."""
        out = _room(kept, kept)
        engine.purge_chunk(self._source(), renumbered, kept, out.width, out.arrays())
        return out

    def arrays(self) -> tuple[Array, Array, Array, Array]:
        """The arrays, in the order in which the engines fill them."""
        return (self.offsets, self.estimates, self.following, self.numbers)


def _room(codes: int, length: int) -> PostingLists:
    width = 3 if codes <= _NARROW else 4
    parts = carve(
        (BUCKETS + 1, np.uint32), (BUCKETS, np.uint16), (length, np.uint16), (length * width, np.uint8)
    )
    return PostingLists(parts[0], parts[1], parts[2], parts[3], width)


def no_lists() -> PostingLists:
    """Lists of no codes."""
    offsets, estimates = np.zeros(BUCKETS + 1, np.uint32), np.zeros(BUCKETS, np.uint16)
    return PostingLists(offsets, estimates, np.empty(0, np.uint16), np.empty(0, np.uint8), 3)
