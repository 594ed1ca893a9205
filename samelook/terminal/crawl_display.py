"""A crawl as people watch it: live progress on a terminal, else a line now and then; tables at the end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.live import Live
from rich.text import Text

from samelook.crawler.worker import PhaseProgress
from samelook.sql.away import AWAY
from samelook.sql.named import queries
from samelook.terminal.console import counted, err, tell
from samelook.terminal.tables import Table

if TYPE_CHECKING:
    from samelook.crawler.status import CrawlStatus
    from samelook.sql.queue_queries import Phase

Progress = Callable[[], Mapping[Any, PhaseProgress]]

WORDS = {
    "domains": "domains → pages",
    "icons": "pages → icons",
    "hashes": "icons → hashes",
}
LINE_EVERY_S = 10.0


@dataclass(slots=True)
class Tally:
    """What a run has done, told by whoever does it."""

    progress: Progress = dict

    def as_json(self) -> dict[str, Any]:
        """Done and failed inputs by phase."""
        return {
            phase: {"done": figures.done, "failed": figures.failed}
            for phase, figures in self.progress().items()
        }


READ_EVERY_S = 1.0


@asynccontextmanager
async def showing_progress(progress: Progress, *, quiet: bool) -> AsyncIterator[None]:
    """Show what `progress` tells, on standard error, while the block runs."""
    if quiet:
        yield
        return
    started = time.monotonic()
    if err().is_terminal:
        with Live(
            console=err(), refresh_per_second=4, get_renderable=lambda: _live_table(progress(), started)
        ):
            yield
        return
    lines = asyncio.create_task(_write_lines(progress, started))
    try:
        yield
    finally:
        lines.cancel()
        tell(_line(progress(), started))


@asynccontextmanager
async def summed_progress(pool: Any, phases: Sequence[Phase]) -> AsyncIterator[Progress]:
    """What all workers that run now, or have run since this was called, did together.

    A task of this loop reads it each second: a live display draws from a thread of its own, where nothing
    may be asked of the loop.
    """
    since = time.time()
    newest: dict[str, dict[str, Any]] = {}

    def summed() -> Mapping[Any, PhaseProgress]:
        totals = {str(phase): PhaseProgress() for phase in phases}
        for worker in list(newest.values()):
            for phase, figures in worker.items():
                total = totals.setdefault(phase, PhaseProgress())
                total.done += figures["done"]
                total.failed += figures["failed"]
                total.busy += figures["busy"]
        return totals

    async def read() -> None:
        async for row in queries("status").workers_since(pool, since=since):
            newest[str(row["id"])] = json.loads(row["progress"])

    async def follow() -> None:
        while True:
            # A database that is away for a moment ends no crawl, so it ends no display of one.
            with suppress(*AWAY):
                await read()
            await asyncio.sleep(READ_EVERY_S)

    following = asyncio.create_task(follow())
    try:
        yield summed
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


def _live_table(progress: Mapping[Any, PhaseProgress], started: float) -> Table:
    elapsed = max(time.monotonic() - started, 0.001)
    rows = [
        (
            WORDS[phase],
            figures.done,
            figures.failed,
            figures.busy,
            (figures.done + figures.failed) / elapsed,
        )
        for phase, figures in progress.items()
    ]
    return Table(("", "done", "failed", "in hand", "a second"), rows)


def _line(progress: Mapping[Any, PhaseProgress], started: float) -> str:
    elapsed = time.monotonic() - started
    phases = ", ".join(
        f"{phase}: {figures.done} done, {figures.failed} failed" for phase, figures in progress.items()
    )
    return f"{elapsed:.0f} s — {phases}"


async def _write_lines(progress: Progress, started: float) -> None:
    while True:
        await asyncio.sleep(LINE_EVERY_S)
        tell(_line(progress(), started))


def status_tables(status: CrawlStatus) -> Group:
    """The summary: one row a phase, one row a kind of error, and what came of it all."""
    phases = Table(
        ("phase", "inputs", "done", "failed", "leased", "due", "a second"),
        [
            (
                WORDS[phase.phase],
                phase.inputs,
                phase.done,
                phase.failed,
                phase.leased,
                phase.due,
                phase.per_second,
            )
            for phase in status.phases
        ],
        title="Crawl",
    )
    errors = Table(
        ("phase", "kind", "inputs"),
        [(phase.phase, kind, count) for phase in status.phases for kind, count in phase.errors.items()],
        title="\nErrors by kind",
    )
    summary = Text(
        f"\n{counted(status.icons, 'icon')} with {counted(status.pictures, 'different picture')}; "
        f"nothing was at {counted(status.absent_icons, 'well-known path')}. "
        f"{counted(len(status.workers), 'crawling process', 'crawling processes')} at work."
    )
    if status.sites_per_second:
        summary.append(f" {status.sites_per_second:,.1f} sites a second of late.")
    if status.round_s is not None:
        took = timedelta(seconds=round(status.round_s))
        summary.append(f" A full round takes about {took} at the speed of late.")
    return Group(phases, *([errors] if errors.rows else []), *_process_tables(status), summary)


def _process_tables(status: CrawlStatus) -> list[Table]:
    """What the crawling processes show of themselves, and where their time goes."""
    if not status.workers:
        return []
    processes = Table(
        ("process", "slots", "in hand", "requests", "lag ms", "busy", "MB"),
        [
            (
                worker.name,
                worker.slots,
                worker.taken,
                worker.requests,
                round(worker.lag_s * 1e3),
                f"{worker.busy:.0%}",
                worker.memory >> 20,
            )
            for worker in status.workers
        ],
        title="\nCrawling processes",
    )
    stages: dict[str, list[float]] = {}
    for worker in status.workers:
        for stage, figures in worker.stages.items():
            total = stages.setdefault(stage, [0.0, 0.0])
            total[0] += figures["seconds"]
            total[1] += figures["passes"]
    times = Table(
        ("stage", "passes", "seconds", "ms each"),
        [
            (stage, round(passes), round(seconds), round(seconds / passes * 1e3, 1))
            for stage, (seconds, passes) in sorted(stages.items(), key=lambda entry: -entry[1][0])
            if passes
        ],
        title="\nTime by stage",
    )
    return [processes, *([times] if times.rows else [])]
