"""A source of signals in memory, for indexes that follow one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from samelook.matching.errors import PositionLost, SourceUnavailable
from samelook.matching.source import Change


def value(number: int) -> bytes:
    return number.to_bytes(4, "big") * 2


class Signals:
    """A set of signals with a log, in memory."""

    name = "blockhash8"
    bits = 64

    def __init__(self) -> None:
        self.contents: dict[int, bytes] = {}
        self.log: list[Change] = []
        self.kept_from = 0
        self.failing = self.deaf = False
        self.named = "a"
        self._last = 0
        self._waiting: set[asyncio.Event] = set()

    def add(self, *numbers: int) -> list[int]:
        return self.add_values(*map(value, numbers))

    def add_values(self, *values: bytes) -> list[int]:
        ids = []
        for each in values:
            self._last += 1
            ids.append(self._last)
            self.contents[self._last] = each
            self.log.append(Change(self._last, each))
        self._tell()
        return ids

    def remove(self, *ids: int) -> None:
        for each in ids:
            del self.contents[each]
            self.log.append(Change(each, None))
        self._tell()

    def _tell(self) -> None:
        for changed in () if self.deaf else self._waiting:
            changed.set()

    def _asked(self) -> None:
        if self.failing:
            raise SourceUnavailable("gone")

    async def identity(self) -> str:
        self._asked()
        return self.named

    async def position(self) -> str:
        return str(len(self.log))

    async def signals(self, page: int) -> AsyncIterator[list[tuple[int, bytes]]]:
        rows = list(self.contents.items())
        for start in range(0, len(rows), page):
            yield rows[start : start + page]

    async def changes(self, position: str, most: int) -> tuple[str, list[Change]]:
        self._asked()
        changes = self.log[int(position) :]
        if int(position) < self.kept_from or len(changes) > most:
            raise PositionLost("the log was cut after this position")
        return str(len(self.log)), changes

    async def replay(self, position: str, most: int) -> list[Change]:
        return (await self.changes(position, most))[1]

    async def hint(self, changed: asyncio.Event) -> None:
        self._waiting.add(changed)
        if not self.deaf:
            changed.set()  # something may have come before it listened
        try:
            await asyncio.Event().wait()
        finally:
            self._waiting.discard(changed)
