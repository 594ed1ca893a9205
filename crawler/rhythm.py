"""When something that runs again and again is due: every so often, from a time of day on if one is named."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

_DAY, _MOMENT = timedelta(days=1), timedelta(microseconds=1)
_SOONEST_AGAIN = timedelta(hours=1)


def again_after(failures: int) -> timedelta:
    """How long after a failed run it is tried again: longer with each that failed before."""
    return _SOONEST_AGAIN * (1 << min(failures - 1, 10))


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
            return Due(self._first(now))
        following = self._next(last)
        if following > now:
            return Due(following)
        passed = int((now - following) / self.every)
        return Due(following + passed * self.every, passed)

    def following(self, due: datetime) -> datetime:
        """When the run after the one that is due then begins, at the latest."""
        return due + self.every + self.jitter

    def delay(self, dice: random.Random) -> timedelta:
        """How much later than due this run begins."""
        return self.jitter * dice.random()

    def _first(self, now: datetime) -> datetime:
        if self.at is None:
            return now
        return self._at_its_time(now) if self._is_of_days() else self._on_grid(now, after=False)

    def _next(self, last: datetime) -> datetime:
        if self.at is None:
            return last + self.every
        if not self._is_of_days():
            return self._on_grid(last, after=True)
        # Where the last run was at another time of the day, the span to the next is a part of a day shorter.
        return self._at_its_time(last + self.every - _DAY + _MOMENT)

    def _is_of_days(self) -> bool:
        return not self.every % _DAY

    def _at_its_time(self, moment: datetime) -> datetime:
        """The first moment at the time of the day that is not before this one."""
        assert self.at is not None
        found = moment.astimezone(UTC).replace(
            hour=self.at.hour, minute=self.at.minute, second=0, microsecond=0
        )
        return found if found >= moment else found + _DAY

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
