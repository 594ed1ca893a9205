"""What a live index follows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Change:
    """A signal that was added, or removed when `value` is None. An id is never used for another value."""

    signal_id: int
    value: bytes | None


class SignalSource(Protocol):
    """A set of signals of one type with a log of its changes.

    Positions are opaque text; every change is after some position and is given out once by following
    them. Methods raise SourceUnavailable when the source cannot be asked at the moment.
    """

    @property
    def name(self) -> str:
        """What is followed, in a word that can be a file's name."""
        ...

    @property
    def bits(self) -> int:
        """How many bits a signal has."""
        ...

    async def identity(self) -> str:
        """Equal as long as positions mean the same."""
        ...

    async def position(self) -> str:
        """The end of the log."""
        ...

    def signals(self, page: int) -> AsyncIterator[list[tuple[int, bytes]]]:
        """All signals, a page at a time; those changed meanwhile may be there or not."""
        ...

    async def changes(self, position: str, most: int) -> tuple[str, list[Change]]:
        """What changed since the position, and the position to go on from.

        Raises PositionLost when there are more than `most`, or the log does not reach back so far.
        """
        ...

    async def replay(self, position: str, most: int) -> list[Change]:
        """What changed since a position of any age, for a reader of its own; raises as `changes` does."""
        ...

    async def hint(self, changed: asyncio.Event) -> None:
        """Sets the event when something may have changed, until cancelled."""
        ...
