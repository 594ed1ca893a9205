"""When a process that died is started again: the same for processes that are forked and that are spawned."""

from __future__ import annotations

import time
from collections.abc import Callable

STOP_S = 10.0
"""Seconds within which a stop is promised: then a process that was told to end is killed."""
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_SOUND_S = 60.0
"""A process that ran for so long before it died is replaced at once, and earlier deaths are forgotten."""


class Restarts:
    """The deaths of the processes that had one place."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self.in_a_row = 0
        """Deaths of young processes since one lived long."""

    def began(self) -> None:
        """Another process has this place."""
        self._began = self._clock()

    def died(self) -> float:
        """The process is dead; seconds until the next one is started."""
        if self._clock() - self._began > _SOUND_S:
            self.in_a_row = 0
            return 0.0
        self.in_a_row += 1
        return float(min(_FIRST_PAUSE_S * 2 ** (self.in_a_row - 1), _LONGEST_PAUSE_S))
