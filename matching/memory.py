"""Large arrays in mappings of their own.

They go back to the system the moment the last reader lets go (the heap would keep them, and
merges replace arrays all day), and they lie on huge pages where Linux offers them: a query is
some four hundred reads all over memory, which otherwise miss the page tables as well as the caches.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_HUGE_PAGE = 1 << 21
# Smaller arrays are left to the heap.
_OWN_MAPPING = 1 << 18
_LINE = 64


def carve(*parts: tuple[int, DTypeLike]) -> tuple[NDArray[Any], ...]:
    """Uninitialised arrays of the given lengths and types, side by side in one piece of memory."""
    sizes = [count * np.dtype(kind).itemsize for count, kind in parts]
    starts = np.cumsum([0, *(-(-size // _LINE) * _LINE for size in sizes)]).tolist()
    space = _space(int(starts[-1]))
    return tuple(
        space[start : start + size].view(kind)
        for start, size, (_, kind) in zip(starts, sizes, parts, strict=False)
    )


def array(count: int, kind: DTypeLike) -> NDArray[Any]:
    """One uninitialised array."""
    return carve((count, kind))[0]


def _space(size: int) -> NDArray[np.uint8]:
    if size < _OWN_MAPPING or sys.platform == "win32":
        return np.empty(size, np.uint8)
    mapping = mmap.mmap(-1, size + _HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    whole: NDArray[np.uint8] = np.frombuffer(mapping, np.uint8)
    start = -int(whole.ctypes.data) % _HUGE_PAGE
    # Only whole huge pages: the last, partial one would cost memory that nobody uses.
    huge = size // _HUGE_PAGE * _HUGE_PAGE
    if huge and hasattr(mmap, "MADV_HUGEPAGE"):
        mapping.madvise(mmap.MADV_HUGEPAGE, start, huge)
    return whole[start : start + size]


def give_back() -> None:
    """Returns the heap's free memory to the system, where the C library can be asked to."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def as_many(arrays: Sequence[NDArray[Any]]) -> int:
    """Bytes that the arrays take, counting none twice that is given twice."""
    return sum({id(array): array.nbytes for array in arrays}.values())
