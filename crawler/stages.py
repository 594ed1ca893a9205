"""Where the time of a crawling process goes, by stage: sums that a heartbeat tells the database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """Seconds and passes by stage, since the start. Inputs wait side by side: sums exceed the clock."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._passes: dict[str, int] = {}

    def add(self, stage: str, seconds: float) -> None:
        """One pass through a stage took so long."""
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
        self._passes[stage] = self._passes.get(stage, 0) + 1

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """The block is one pass through the stage, whether it raises or not."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - began)

    def as_json(self) -> dict[str, dict[str, float]]:
        """By stage: `seconds` and `passes`."""
        return {
            stage: {"seconds": round(seconds, 3), "passes": self._passes[stage]}
            for stage, seconds in sorted(self._seconds.items())
        }
