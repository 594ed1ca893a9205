"""In how many bits codes differ, for a few codes; the index has faster ways for many."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def bits_apart(one: bytes, other: bytes) -> int:
    """In how many bits two codes of the same length differ."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def distances(codes: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The distances of codes, whose words are the last axis; the axes before it are broadcast."""
    import numpy as np

    counts: NDArray[np.int64] = np.bitwise_count(codes ^ others).sum(axis=-1, dtype=np.int64)
    return counts
