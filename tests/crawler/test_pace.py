"""A phase neither starves the next one nor runs away from it."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from samelook.crawler.pace import WINDOW_S, Pace
from samelook.crawler.queues.interface import Lease, Outcome, Pushed
from samelook.crawler.settings import CrawlSettings
from samelook.crawler.worker import LEAST_PULL, PhaseRunner

SETTINGS = CrawlSettings(
    concurrency=100, batch=100, flush_items=20, flush_s=0.01, idle_first_s=0.02, lease_s=1e6
)
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

    async def renew(self) -> None:
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

    second = PhaseRunner("hashes", icons, work_for(icon_s), SETTINGS, stop)
    first = PhaseRunner("icons", visits, work_for(page_s), SETTINGS, stop, second)

    async def run_first() -> None:
        await first.run(lambda: True)
        done.add("icons")

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(run_first())
        group.create_task(second.run(lambda: "icons" in done))
    assert first.progress.done == pages
    assert second.progress.done == pages * ICONS_A_PAGE
    return visits, icons


async def test_pages_wait_for_slow_icons() -> None:
    _, icons = await crawl(pages=1500, page_s=0.001, icon_s=0.05)
    # Two rounds of 100 slots are wanted; without a bound all 10,500 would wait at the end.
    assert icons.longest < 1500


async def test_slow_pages_have_all_slots() -> None:
    visits, _ = await crawl(pages=600, page_s=0.2, icon_s=0.001)
    assert visits.pulls[0] == LEAST_PULL
    # A hundred at once need 1.2 s and 64 at once 1.9; by the pulls, not by the clock of a busy machine.
    assert max(visits.pulls[1:]) >= 100 - LEAST_PULL


async def test_an_empty_queue_is_not_asked_again_for_every_slot_that_gets_free() -> None:
    _, icons = await crawl(pages=64, page_s=0.001, icon_s=0.3)
    assert len([count for count in icons.pulls if not count]) < 100


def test_a_pace_is_of_late() -> None:
    pace = Pace()
    for second in range(30):
        pace.started(100, float(second))
    assert pace.rate(30.0) == pytest.approx(100, rel=0.3)
    assert pace.rate(30.0 + 10 * WINDOW_S) < 0.1
    assert pace.fan_out == 1
    pace.pushed, pace.fed = 10, 70
    assert pace.fan_out == 7
    for _ in range(1000):
        pace.took(0.5)
    assert pace.seconds == pytest.approx(0.5)
