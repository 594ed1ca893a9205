"""Values of types that bring their own way to compare: in the index that the type's own class makes.

Such an index cannot be changed, as far as anybody knows, but only built. So there is a large one, built anew
in the background when much has come, and a small one of what has come since, built when it is next asked.
Everything that is the type's own code runs in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from .states import ContentStates

_FEWEST_TO_REBUILD = 256
_Entry = tuple[str, int]


class OwnHasher(Protocol):
    """How a type from elsewhere makes values of files. Pickled, as that is done in another process."""

    @property
    def needs_path(self) -> bool:
        """Whether it reads nothing but files on disk."""

    def hashed(self, data: bytes, path: str | None) -> str:
        """The value of a file, empty if it has none. Raises whatever the type's class raises."""


class OwnLogic(Protocol):
    """How a type from elsewhere compares: what its class says, behind one face."""

    @property
    def takes_text(self) -> bool:
        """Whether a lookup asks with a text, which the values are held against, and not with a value."""

    def compare(self, one: str, other: str) -> tuple[bool, object]:
        """Whether two values match, and how far they are apart as JSON. Raises BadSignal."""

    def built(self, entries: Sequence[_Entry]) -> Any:
        """An index of values and the contents that have them. What the class refuses is left out."""

    def found(self, index: Any, question: str) -> list[tuple[int, str]]:
        """The contents whose values match, as the index orders them, and how far. Raises BadSignal."""


@dataclass(frozen=True, slots=True)
class _Built:
    entries: list[_Entry]
    index: Any


@dataclass(slots=True)
class OwnValues:
    """The values of one type. Contents that were removed are still in here; their states say so."""

    logic: OwnLogic
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is time for `rebuild`."""
    _large: _Built | None = None
    _small: _Built | None = None
    _fresh: list[_Entry] = field(default_factory=list)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __len__(self) -> int:
        return len(self._fresh) + (len(self._large.entries) if self._large else 0)

    def add(self, found: Sequence[tuple[int, bytes]]) -> None:
        """Notes values of contents; what is noted already does no harm."""
        self._fresh += [(value.decode(), content_id) for content_id, value in found]
        if len(self._fresh) > max(_FEWEST_TO_REBUILD, len(self) // 4):
            self.grown.set()

    async def find(self, question: str) -> dict[int, str]:
        """How far the contents that match are away, by content. Raises BadSignal."""
        # One at a time: nobody knows whether the type's index may be asked by two.
        async with self._lock:
            if self._fresh and (self._small is None or len(self._small.entries) != len(self._fresh)):
                self._small = await self._build(list(self._fresh))
            parts = [part.index for part in (self._large, self._small) if part is not None]
            matches = await asyncio.to_thread(
                lambda: [match for part in parts for match in self.logic.found(part, question)]
            )
        found: dict[int, str] = {}
        for content_id, distance in matches:
            found.setdefault(content_id, distance)
        return found

    async def rebuild(self, states: ContentStates) -> None:
        """Makes one index of everything that is still there."""
        self.grown.clear()
        known, taken = list(self._large.entries) if self._large else [], len(self._fresh)
        entries = list(dict.fromkeys(known + self._fresh))
        there = states.exist(np.array([content_id for _, content_id in entries], np.int64))
        large = await self._build([entry for entry, is_there in zip(entries, there, strict=True) if is_there])
        async with self._lock:
            self._large, self._small, self._fresh = large, None, self._fresh[taken:]

    async def _build(self, entries: list[_Entry]) -> _Built:
        return _Built(entries, await asyncio.to_thread(self.logic.built, entries))
