"""What any range index offers, so that another engine can stand in."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.uint8]
Ids: TypeAlias = NDArray[np.int64]
Distances: TypeAlias = NDArray[np.uint16]
Found: TypeAlias = tuple[Ids, Distances]
Code: TypeAlias = bytes | bytearray | memoryview | NDArray[np.uint8]


@runtime_checkable
class RangeIndex(Protocol):
    """A set of pairs (code, id) that can be asked which lie within a radius of a code.

    Adding a pair that is there changes nothing; one id may have several codes, one code many ids.
    Findings come sorted by distance, then id.
    """

    @property
    def bits(self) -> int:
        """How many bits a code has."""
        ...

    def __len__(self) -> int: ...

    def add(self, codes: Codes, ids: Ids) -> int:
        """Adds pairs; how many were new."""
        ...

    def remove(self, ids: Any) -> int:
        """Removes every pair of the ids; how many there were."""
        ...

    def search(self, code: Code, radius: int) -> Found:
        """Ids and distances of all pairs within `radius` bits."""
        ...

    def search_many(self, codes: Codes, radius: int) -> list[Found]:
        """The same for many codes."""
        ...
