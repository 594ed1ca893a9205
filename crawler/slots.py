"""How many inputs one crawling process has in hand, found from what the process itself shows.

Most of an input's time is waiting: for a site that is far away, slow or silent. How many must wait at once
to keep a processor busy depends on the weather out there, so no constant fits. More slots are given while
all of them wait for the network and the loop answers promptly; fewer when it does not, or memory runs out.
Politeness towards a site has nothing to do with it: see samelook.crawler.fetching.politeness.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

MIB = 1 << 20
LEAST = 512
"""Slots to begin with, and those that always are: enough to keep a processor busy in still air, in batches
that are worth their round trips to the database."""
_FIT_EVERY_S = 0.2
_LOOKS = 8
"""Looks at the loop's lag in that time."""
PROMPT_S, LATE_S = 0.075, 0.15
"""Mean lag of the loop up to which slots are added, and from which they are taken away."""
_BUSY = 0.9
"""A loop that computes, or waits for a processor, for so much of the time gains nothing from more slots."""
_GROWTH, _DECAY = 1.3, 0.9
_WAITING = 0.6
"""More slots help when so many of those in use wait for the network, not for decoders or the database."""
_SLOT_BYTES = 64 << 10
"""An input in hand with its connection, TLS included."""
_OPEN_FILES = 3
"""Open files for each slot: its connection, an idle one of a site before, and the rest."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the process shows at a moment."""

    lag_s: float
    """How late the loop wakes who is due."""
    busy: float
    """Seconds a second in which the loop computes or waits for a processor.

    Where the system does not tell, seconds of computing of all threads.
    """
    memory: int
    """Bytes that are resident."""
    waiting: int
    """Inputs that wait for the network."""


def memory_allowed(processes: int = 1) -> int:
    """Bytes that one of so many crawling processes may fill: 512 MiB at most.

    All together they may fill a quarter of the machine's or container's memory.
    """
    total = psutil.virtual_memory().total
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text("ascii").strip()
    except OSError:
        limit = "max"
    quarter = (total if limit == "max" else min(total, int(limit))) // 4
    return min(quarter // processes, 512 * MIB)


def most_slots(processes: int = 1) -> int:
    """As many as open files and memory allow."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(LEAST, min(files // _OPEN_FILES, memory_allowed(processes) // _SLOT_BYTES))


def _busy_s() -> float:
    """Seconds that the first thread, which runs the loop, has computed or waited for a processor."""
    try:
        computed, waited, _ = Path("/proc/self/schedstat").read_text("ascii").split()
    except (OSError, ValueError):
        return time.process_time()
    return (int(computed) + int(waited)) / 1e9


class Taker(Protocol):
    """Who takes slots."""

    def look_for_room(self) -> None:
        """There may be more room than before."""
        ...

    def is_short(self) -> bool:
        """Whether there is work that waits for a slot and for nothing else."""
        ...


class Slots:
    """Places for inputs in hand, shared by the phases of one process that use the network."""

    def __init__(self, most: int, *, memory: int | None = None) -> None:
        self.most = most
        self.limit = min(LEAST, most)
        self.taken = 0
        self.load = Load(0.0, 0.0, 0, 0)
        self.memory = memory_allowed() if memory is None else memory
        """Bytes that the process may fill."""
        self._takers: list[Taker] = []

    @property
    def free(self) -> int:
        """Slots that may be taken now; negative after some were taken away."""
        return self.limit - self.taken

    def join(self, taker: Taker) -> None:
        """One more who takes slots."""
        self._takers.append(taker)

    def take(self) -> None:
        """One more input is in hand."""
        self.taken += 1

    def put_back(self) -> None:
        """One less is."""
        self.taken -= 1
        self._tell()

    def fit(self, load: Load) -> None:
        """More or fewer slots, by what the process shows."""
        self.load = load
        limit = self.limit
        if load.memory > self.memory or load.lag_s > LATE_S:
            self.limit = max(min(LEAST, self.most), int(limit * _DECAY))
        elif (
            load.lag_s < PROMPT_S
            and load.busy < _BUSY
            and any(taker.is_short() for taker in self._takers)
            and load.waiting >= _WAITING * self.taken
            # What the new ones will fill counts too: memory follows a while after.
            and load.memory + limit * (_GROWTH - 1) * _SLOT_BYTES < self.memory
        ):
            self.limit = min(self.most, int(limit * _GROWTH) + 1)
            self._tell()

    def _tell(self) -> None:
        for taker in self._takers:
            taker.look_for_room()

    async def keep_fitting(self, waiting: Callable[[], int]) -> None:
        """Fit again and again until cancelled; `waiting` says how many inputs wait for the network."""
        process = psutil.Process()
        loop = asyncio.get_running_loop()
        nap_s = _FIT_EVERY_S / _LOOKS
        while True:
            began, busy_s = time.monotonic(), _busy_s()
            late_s = 0.0
            for _ in range(_LOOKS):
                due = loop.time() + nap_s
                await asyncio.sleep(nap_s)
                late_s += max(0.0, loop.time() - due)
            self.fit(
                Load(
                    lag_s=late_s / _LOOKS,
                    busy=(_busy_s() - busy_s) / (time.monotonic() - began),
                    memory=process.memory_info().rss,
                    waiting=waiting(),
                )
            )
