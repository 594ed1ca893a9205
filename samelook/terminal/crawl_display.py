"""A crawl as people watch it: live progress on a terminal, else a line now and then; tables at the end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from samelook.crawler.worker import PhaseProgress
from samelook.sql.named import queries
from samelook.terminal.console import err

if TYPE_CHECKING:
    from samelook.crawler.status import CrawlStatus

Progress = Callable[[], Mapping[Any, PhaseProgress]]

WORDS = {
    "domains": "domains → pages",
    "icons": "pages → icons",
    "hashes": "icons → hashes",
}
LINE_EVERY_S = 10.0


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
        err().print(_line(progress(), started))


async def summed_progress(pool: Any) -> Progress:
    """What all workers that run now, or have run since this was called, did together."""
    since = time.time()
    newest: dict[str, dict[str, Any]] = {}
    state = {"asked": 0.0}

    def summed() -> Mapping[Any, PhaseProgress]:
        if time.monotonic() - state["asked"] > 1.0:
            state["asked"] = time.monotonic()
            tasks.add(task := asyncio.ensure_future(refresh()))
            task.add_done_callback(tasks.discard)
        totals: dict[str, PhaseProgress] = {}
        for worker in newest.values():
            for phase, figures in worker.items():
                total = totals.setdefault(phase, PhaseProgress())
                total.done += figures["done"]
                total.failed += figures["failed"]
                total.busy += figures["busy"]
        return totals

    async def refresh() -> None:
        async for row in queries("status").workers_since(pool, since=since):
            newest[str(row["id"])] = json.loads(row["progress"])

    tasks: set[asyncio.Future[None]] = set()
    return summed


def _live_table(progress: Mapping[Any, PhaseProgress], started: float) -> Table:
    elapsed = max(time.monotonic() - started, 0.001)
    table = Table(box=None, pad_edge=False)
    for heading, justify in (
        ("", "left"),
        ("done", "right"),
        ("failed", "right"),
        ("in hand", "right"),
        ("a second", "right"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]  # a literal type of rich's
    for phase, figures in progress.items():
        table.add_row(
            WORDS[phase],
            f"{figures.done:,}",
            f"{figures.failed:,}",
            f"{figures.busy:,}",
            f"{(figures.done + figures.failed) / elapsed:,.1f}",
        )
    return table


def _line(progress: Mapping[Any, PhaseProgress], started: float) -> str:
    elapsed = time.monotonic() - started
    phases = ", ".join(
        f"{phase}: {figures.done} done, {figures.failed} failed" for phase, figures in progress.items()
    )
    return f"{elapsed:.0f} s — {phases}"


async def _write_lines(progress: Progress, started: float) -> None:
    while True:
        await asyncio.sleep(LINE_EVERY_S)
        err().print(_line(progress(), started))


def status_tables(status: CrawlStatus) -> Group:
    """The summary: one row a phase, one row a kind of error, and what came of it all."""
    phases = Table(title="Crawl", title_justify="left")
    phases.add_column("phase")
    for heading in ("inputs", "done", "failed", "leased", "due", "a second"):
        phases.add_column(heading, justify="right")
    for phase in status.phases:
        phases.add_row(
            WORDS[phase.phase],
            f"{phase.inputs:,}",
            f"{phase.done:,}",
            f"{phase.failed:,}",
            f"{phase.leased:,}",
            f"{phase.due:,}",
            "" if phase.per_second is None else f"{phase.per_second:,.1f}",
        )
    errors = Table(title="Errors by kind", title_justify="left")
    errors.add_column("phase")
    errors.add_column("kind")
    errors.add_column("inputs", justify="right")
    for phase in status.phases:
        for kind, count in phase.errors.items():
            errors.add_row(phase.phase, kind, f"{count:,}")
    summary = Text(
        f"{status.icons:,} icons hold {status.pictures:,} different pictures; nothing was at "
        f"{status.absent_icons:,} well-known paths. {status.workers} crawling "
        f"{'process' if status.workers == 1 else 'processes'} at work."
    )
    return Group(phases, *([errors] if errors.row_count else []), summary)
