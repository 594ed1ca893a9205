"""Exact Hamming range search over hashes, and the live index that follows the database.

This room exists to answer one question fast: which stored hashes are within r bits of this one?
It knows `hashing` (what a signal is) and `sql` (where signals are kept).

`HammingIndex` is the index; `samelook.matching.query` asks several of them under a bank's rules, and
`samelook.matching.live` keeps them up to date. The names below are imported on first use, so that
`import matching` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import BadQuery, MatchingError, SnapshotDamaged, SnapshotForeign
    from .flat import FlatIndex
    from .index import HammingIndex, IndexSettings, IndexStatus
    from .interface import RangeIndex

__all__ = [
    "BadQuery",
    "FlatIndex",
    "HammingIndex",
    "IndexSettings",
    "IndexStatus",
    "MatchingError",
    "RangeIndex",
    "SnapshotDamaged",
    "SnapshotForeign",
]

_HOMES = {
    "BadQuery": ".errors",
    "FlatIndex": ".flat",
    "HammingIndex": ".index",
    "IndexSettings": ".index",
    "IndexStatus": ".index",
    "MatchingError": ".errors",
    "RangeIndex": ".interface",
    "SnapshotDamaged": ".errors",
    "SnapshotForeign": ".errors",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value
