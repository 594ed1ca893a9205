"""Looks near those of a picture: searches of the index, remembered while they hold."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from samelook.looks.index import FoundLook, LookIndex
from samelook.looks.likeness import versions_of
from samelook.looks.look import Look
from samelook.looks.remembered import Remembered
from samelook.looks.rules import Rule, is_steady

_Found = TypeVar("_Found")
_OF_TIERS: Final[tuple[Rule | None, ...]] = tuple(Rule)


@dataclass(slots=True)
class _Remembered(Generic[_Found]):
    """What a search found for one picture, and for which state of the index."""

    version: int
    at: float
    found: list[list[_Found]]
    """For each look of the picture."""


class NearLooks:
    """Searches an index for looks like those of pictures. Nothing here waits for anything.

    Of all searches together at most `most` found looks are remembered, and as many searches.
    """

    def __init__(self, index: LookIndex, clock: Callable[[], float], *, cached_s: float, most: int) -> None:
        self._index = index
        self._clock = clock
        self._cached_s = cached_s
        self._memory: Remembered[tuple[bytes, bool], _Remembered[FoundLook]] = Remembered(most)
        self._steady: Remembered[bytes, bool] = Remembered(most)
        self._faint: Remembered[bytes, _Remembered[int]] = Remembered(most)

    def near(
        self, sha256: bytes, looks: Sequence[Look], numbers: Sequence[int] | None, *, of_tiers: bool = False
    ) -> list[FoundLook]:
        """The looks that are the same as one of a picture's, under the rule of their owners' tier.

        `numbers` are the looks' own if the index has them. With `of_tiers`, only looks of owners in the tiers
        are searched, and for the picture as it is: who else wears an owner's look. Remembered while the index
        stays as it is, or for a moment.
        """
        remembered = self._of((sha256, of_tiers))
        if remembered is None:
            remembered = list(self._search(sha256, looks, numbers, of_tiers=of_tiers))
        return [match for found in remembered for match in found]

    def faintly_like(self, sha256: bytes, looks: Sequence[Look]) -> list[int]:
        """The looks of owners in the tiers that are faintly like one of a picture's; remembered likewise."""
        steps = self.faint_steps(sha256, looks)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found: list[list[int]] = end.value
                return [number for numbers in found for number in numbers]

    def are_steady(self, sha256: bytes, looks: Sequence[Look]) -> bool:
        """Whether each look of a picture keeps its drawing with its hues turned; remembered for good."""
        steady = self._steady.get(sha256)
        if steady is None:
            steady = all(map(is_steady, looks))
            self._steady.put(sha256, steady)
        return steady

    def faint_steps(self, sha256: bytes, looks: Sequence[Look]) -> Generator[object, None, list[list[int]]]:
        """Search so that `faintly_like` finds it done; others go on between steps. Gives what is found."""
        before = self._faint.get(sha256)
        if before is not None and self._holds(before.version, before.at):
            return before.found
        version, now = self._index.version, self._clock()
        found: list[list[int]] = []
        for which, look in enumerate(looks):
            earlier = None if before is None else (before.version, before.found[which])
            found.append((yield from self._index.faintly_like(look, earlier)))
        self._faint.put(sha256, _Remembered(version, now, found), 1 + sum(map(len, found)))
        return found

    def steps(self, sha256: bytes, looks: Sequence[Look], numbers: Sequence[int] | None) -> Iterator[object]:
        """Search so that `near` finds it done; a step is a millisecond or two, others go on between two."""
        if self._of((sha256, False)) is None:
            yield from self._search(sha256, looks, numbers, of_tiers=False)

    def _of(self, key: tuple[bytes, bool]) -> list[list[FoundLook]] | None:
        """What was found for a picture before, if that still holds."""
        remembered = self._memory.get(key)
        if remembered is None:
            return None
        return remembered.found if self._holds(remembered.version, remembered.at) else None

    def _holds(self, version: int, at: float) -> bool:
        # Below 0: the clock was set back.
        return version == self._index.version or 0 <= self._clock() - at < self._cached_s

    def _search(
        self, sha256: bytes, looks: Sequence[Look], numbers: Sequence[int] | None, *, of_tiers: bool
    ) -> Iterator[list[FoundLook]]:
        """What is found for each look of a picture, look by look; all of it is remembered at the end."""
        key = (sha256, of_tiers)
        # The index is searched as it is now; looks that are added between two steps are found next time.
        index, version, now = self._index, self._index.version, self._clock()
        before = self._memory.get(key)
        tiers = _OF_TIERS if of_tiers else (*_OF_TIERS, None)
        found: list[list[FoundLook]] = []
        for which, look in enumerate(looks):
            own = numbers[which] if numbers is not None else None
            probes = versions_of(look, derived=not of_tiers)
            again = None
            if before is not None:
                again = index.search_again(probes, before.found[which], before.version, tiers=tiers)
            found.append(index.search(probes, tiers=tiers, own=own) if again is None else again)
            yield found[-1]
        self._memory.put(key, _Remembered(version, now, found), 1 + sum(map(len, found)))
