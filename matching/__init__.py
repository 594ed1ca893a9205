"""Exact Hamming range search over hashes, and the live index that follows the database.

This room exists to answer one question fast: which stored hashes are within r bits of this one?
It knows nothing of banks and databases: codes and ids go in, ids and distances come out.

`HammingIndex` is the index, and `samelook.matching.live` keeps one up to date with a `SignalSource`. The
names below are imported on first use, so that `import samelook.matching` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import BadQuery, MatchingError, SnapshotDamaged, SnapshotForeign
    from .index import HammingIndex
    from .interface import IndexStatus
    from .settings import IndexSettings

__all__ = [
    "BadQuery",
    "HammingIndex",
    "IndexSettings",
    "IndexStatus",
    "MatchingError",
    "SnapshotDamaged",
    "SnapshotForeign",
]

_HOMES = {
    "BadQuery": ".errors",
    "HammingIndex": ".index",
    "IndexSettings": ".settings",
    "IndexStatus": ".interface",
    "MatchingError": ".errors",
    "SnapshotDamaged": ".errors",
    "SnapshotForeign": ".errors",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value
