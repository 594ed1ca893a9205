"""How many inputs are in hand: as many as help, and no phase starves the next one or runs away from it."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from samelook.crawler.queues.interface import Lease, LeaseKey, Outcome, Pushed
from samelook.crawler.settings import CrawlSettings
from samelook.crawler.slots import LEAST, MIB, Load, Slots, memory_allowed, most_slots
from samelook.crawler.stages import Stages
from samelook.crawler.worker import UPSTREAM_SHARE, PhaseRunner

SLOTS = 100
SETTINGS = CrawlSettings(batch=100, flush_items=20, flush_s=0.01, idle_first_s=0.02, lease_s=1e6)
ICONS_A_PAGE = 7


@dataclass
class Line:
    """A queue in memory; what is pushed makes `fan_out` inputs each for the line after it."""

    waiting: deque[int]
    after: Line | None = None
    fan_out: int = 0
    pulls: list[int] = field(default_factory=list)
    longest: int = 0

    async def pull(self, limit: int) -> list[Lease[int]]:
        await asyncio.sleep(0)
        taken = [self.waiting.popleft() for _ in range(min(limit, len(self.waiting)))]
        self.pulls.append(len(taken))
        return [Lease(one, uuid.uuid4(), one) for one in taken]

    async def push(self, outcomes: Sequence[Outcome[int, int]]) -> Pushed:
        await asyncio.sleep(0)
        if self.after is None:
            return Pushed(len(outcomes))
        fed = [10 * outcome.lease.input_id + n for outcome in outcomes for n in range(self.fan_out)]
        self.after.waiting.extend(fed)
        self.after.longest = max(self.after.longest, len(self.after.waiting))
        return Pushed(len(outcomes), len(fed))

    async def release(self, leases: Sequence[Lease[int]]) -> None:
        self.waiting.extend(lease.input for lease in leases)

    async def renew(self, held: Collection[LeaseKey]) -> None:
        return None

    async def exhausted(self) -> bool:
        return not self.waiting


async def crawl(pages: int, page_s: float, icon_s: float) -> tuple[Line, Line]:
    """Both lines after a run until all is done."""
    icons = Line(deque())
    visits = Line(deque(range(pages)), after=icons, fan_out=ICONS_A_PAGE)
    stop, done = asyncio.Event(), set()

    def work_for(seconds: float) -> Any:
        async def work(one: int) -> int:
            await asyncio.sleep(seconds)
            return one

        return work

    slots, stages = Slots(SLOTS), Stages()
    second = PhaseRunner("hashes", icons, work_for(icon_s), SETTINGS, stop, slots, stages)
    first = PhaseRunner("icons", visits, work_for(page_s), SETTINGS, stop, slots, stages, second)

    async def run_first() -> None:
        await first.run(once=True)
        done.add("icons")

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(run_first())
        group.create_task(second.run(once=True, is_upstream_done=lambda: "icons" in done))
    assert first.progress.done == pages
    assert second.progress.done == pages * ICONS_A_PAGE
    return visits, icons


async def test_pages_wait_for_slow_icons() -> None:
    _, icons = await crawl(pages=1500, page_s=0.001, icon_s=0.05)
    # Two rounds of 100 slots are wanted; without a bound all 10,500 would wait at the end.
    assert icons.longest < 1500


async def test_slow_pages_leave_slots_to_icons() -> None:
    visits, icons = await crawl(pages=300, page_s=0.1, icon_s=0.001)
    # By the pulls, not by the clock of a busy machine.
    assert max(visits.pulls) <= UPSTREAM_SHARE * SLOTS
    assert sum(visits.pulls) == 300
    assert max(icons.pulls) > 0


async def test_an_empty_queue_is_not_asked_again_for_every_slot_that_gets_free() -> None:
    _, icons = await crawl(pages=64, page_s=0.001, icon_s=0.3)
    assert len([count for count in icons.pulls if not count]) < 100


CALM = Load(lag_s=0.001, busy=0.3, memory=100 * MIB, waiting=10_000)


@dataclass
class Hungry:
    """Somebody who has work for as many slots as there are."""

    told: int = 0
    short: bool = True

    def look_for_room(self) -> None:
        self.told += 1

    def is_short(self) -> bool:
        return self.short


def fitted(load: Load, *, times: int, most: int = 5000, short: bool = True, memory: int = 512 * MIB) -> Slots:
    slots, taker = Slots(most, memory=memory), Hungry(short=short)
    slots.join(taker)
    for _ in range(times):
        while slots.free > 0:
            slots.take()
        slots.fit(load)
    return slots


def test_slots_grow_while_all_wait_for_the_network() -> None:
    assert fitted(CALM, times=5).limit > 3 * LEAST
    assert fitted(CALM, times=100).limit == 5000
    assert fitted(CALM, times=100, most=20).limit == 20


@pytest.mark.parametrize(
    "load",
    [
        replace(CALM, lag_s=0.12),
        replace(CALM, busy=0.97),
        replace(CALM, waiting=10),
        replace(CALM, memory=511 * MIB),
    ],
    ids=["the loop is late", "the processor is busy", "the decoders are behind", "memory is short"],
)
def test_slots_do_not_grow_where_that_helps_nothing(load: Load) -> None:
    assert fitted(load, times=50).limit == LEAST


def test_slots_do_not_grow_where_nobody_wants_them() -> None:
    assert fitted(CALM, times=50, short=False).limit == LEAST


@pytest.mark.parametrize("load", [replace(CALM, lag_s=1.0), replace(CALM, memory=600 * MIB)])
def test_slots_are_taken_away_again_down_to_the_least(load: Load) -> None:
    slots = fitted(CALM, times=100)
    slots.fit(load)
    assert LEAST < slots.limit < 5000
    assert slots.free < 0
    for _ in range(100):
        slots.fit(load)
    assert slots.limit == LEAST


@pytest.mark.parametrize(
    ("machine", "container", "processes", "allowed"),
    [
        (1024, "max", 1, 256),
        (16_384, "max", 1, 512),
        (1024, "max", 4, 64),
        (16_384, "max", 4, 512),
        (16_384, "max", 16, 256),
        (16_384, str(1024 * MIB), 2, 128),
    ],
)
def test_processes_that_are_started_together_share_the_memory(
    machine: int,
    container: str,
    processes: int,
    allowed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=machine * MIB))
    monkeypatch.setattr(Path, "read_text", lambda *_: container)
    assert memory_allowed(processes) == allowed * MIB
    assert LEAST <= most_slots(processes) <= max(LEAST, allowed * MIB // (64 << 10))


async def test_what_a_process_shows_is_read_from_the_process() -> None:
    slots = Slots(5000)
    fitting = asyncio.create_task(slots.keep_fitting(lambda: 7))
    async with asyncio.timeout(10):
        while not slots.load.memory:
            await asyncio.sleep(0.01)
    fitting.cancel()
    assert slots.load.waiting == 7
    assert 10 * MIB < slots.load.memory < 4096 * MIB
    assert 0 <= slots.load.lag_s < 10
