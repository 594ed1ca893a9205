"""When something that runs again and again is due: every so often, from a time of day on if one is named."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta


@dataclass(frozen=True, slots=True)
class Due:
    """When the next run begins, and how many before it were missed."""

    at: datetime
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Every so often. With `at`, at that time of the day (UTC) and at multiples of the span from there."""

    every: timedelta
    at: time | None = None
    jitter: timedelta = timedelta()
    """A run begins up to so much later, at random, so that many machines do not begin at once."""

    def due(self, last: datetime | None, now: datetime) -> Due:
        """The next run after the one that was due at `last`; None: there was none yet.

        Runs whose time has passed are not made up for one by one: one run does the work of all.
        """
        if last is None:
            return Due(now if self.at is None else self._on_grid(now, after=False))
        following = last + self.every if self.at is None else self._on_grid(last, after=True)
        if following > now:
            return Due(following)
        passed = int((now - following) / self.every)
        return Due(following + passed * self.every, passed)

    def following(self, due: datetime) -> datetime:
        """When the run after the one that is due then is due."""
        return due + self.every

    def delay(self, dice: random.Random) -> timedelta:
        """How much later than due this run begins."""
        return self.jitter * dice.random()

    def _on_grid(self, moment: datetime, *, after: bool) -> datetime:
        """The first moment of the grid that is not before this one, or is after it."""
        assert self.at is not None
        start = datetime(2000, 1, 1, self.at.hour, self.at.minute, tzinfo=UTC)
        steps = -((start - moment) // self.every)
        found = start + steps * self.every
        while found < moment or (after and found == moment):
            found += self.every
        while found - self.every > moment or (not after and found - self.every == moment):
            found -= self.every
        return found
