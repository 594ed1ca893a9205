"""What goes into an index and comes out of it, and what every index promises, whoever keeps it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.uint8]
"""Codes, a row each."""
Ids: TypeAlias = NDArray[np.int64]
Distances: TypeAlias = NDArray[np.uint16]
Found: TypeAlias = tuple[Ids, Distances]
"""What was found: ids, and their distances in bits."""
Code: TypeAlias = bytes | bytearray | memoryview | NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class IndexStatus:
    items: int
    codes: int
    """Unique codes in the body, dead ones included."""
    dead_codes: int
    tail: int
    bytes: int
    """Of this process's memory, or of a file that it maps; 0 where the index is a service elsewhere."""
    engine: str
    merging: bool


class RangeIndex(Protocol):
    """A set of pairs (code, id) that is searched by distance. May be used from many threads.

    Methods raise BadQuery for codes, ids and radii that make no sense, and BackendUnavailable where the index
    is a service that cannot be asked.
    """

    @property
    def bits(self) -> int:
        """How many bits a code has."""
        ...

    def __len__(self) -> int:
        """How many pairs there are; never asks a service, whose figure may be a minute old."""
        ...

    def search(self, code: Code, radius: int) -> Found:
        """Ids and distances of all pairs within `radius` bits, by distance, then id. None is missed."""
        ...

    def search_many(self, codes: Codes, radius: int) -> list[Found]:
        """The same for each of the codes."""
        ...

    def add(self, codes: Codes, ids: Ids) -> int:
        """Adds pairs, visible to the next query; how many were new."""
        ...

    def remove(self, ids: Iterable[int] | Ids) -> int:
        """Removes every pair of the ids, at once for the next query; how many there were."""
        ...

    def status(self) -> IndexStatus:
        """Sizes, for people and metrics."""
        ...


class Place(Protocol):
    """Where the index of one source is kept between runs, if at all, and what makes a new one."""

    @property
    def in_memory(self) -> bool:
        """Whether an index answers and takes changes within microseconds, without asking anybody."""
        ...

    @property
    def keeps(self) -> bool:
        """Whether `save` keeps anything."""
        ...

    def new(self) -> RangeIndex:
        """An empty index, which nobody else sees before it is saved."""
        ...

    def stamp(self) -> object:
        """Names what is kept now; another value for each index that takes its place; None for nothing."""
        ...

    def open(self) -> tuple[RangeIndex, dict[str, Any]]:
        """What is kept, and the note that was saved with it.

        Raises SnapshotForeign where there is nothing, SnapshotDamaged, OSError, BackendUnavailable.
        """
        ...

    def save(self, index: RangeIndex, note: dict[str, Any]) -> bool:
        """Keeps an index that this place made, with a note; False when another process is at it."""
        ...

    def close(self) -> None:
        """Ends connections."""
        ...
