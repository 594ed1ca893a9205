"""How fast a phase works, so that the phase before it feeds it neither too little nor far too early."""

from __future__ import annotations

import math

WINDOW_S = 3.0
_INPUTS = 100
"""Inputs over which a duration is averaged."""


class Pace:
    """Moving averages of what one phase of one process does. Times are seconds of a steady clock."""

    __slots__ = ("_at", "_rate", "fed", "pushed", "seconds")

    def __init__(self) -> None:
        self._rate = self._at = 0.0
        self.seconds = 0.0
        """How long an input takes."""
        self.pushed = self.fed = 0
        """Outcomes kept so far, and inputs that they made for the next phase."""

    def took(self, seconds: float) -> None:
        """Note how long one input took."""
        self.seconds += (seconds - self.seconds) / min(self.pushed + 1, _INPUTS)

    def started(self, count: int, now: float) -> None:
        """Note that so many inputs were taken up."""
        self._rate = self.rate(now) + count / WINDOW_S
        self._at = now

    def rate(self, now: float) -> float:
        """Inputs taken up a second, of late."""
        return self._rate * math.exp((self._at - now) / WINDOW_S)

    @property
    def fan_out(self) -> float:
        """Inputs for the next phase that one of this makes."""
        return max(self.fed / self.pushed, 0.1) if self.pushed else 1.0
