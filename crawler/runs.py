"""The book of runs: each crawl and each import with when, what, how many, which errors and how it ended."""

from __future__ import annotations

import asyncio
import json
import os
import platform
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import structlog

from samelook.errors import SamelookError
from samelook.sql.away import AWAY
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.crawler.rhythm import Due, Rhythm
    from samelook.sql.pool import Pool

log = structlog.get_logger()

Kind = Literal["crawl", "import"]
Outcome = Literal["done", "unchanged", "stopped", "failed"]
Counts = Callable[[], Mapping[str, Any]]

SIGN_OF_LIFE_S = 15.0
SILENT_S = 120.0
"""A run that has given no sign of life for so long is over, whatever became of it."""
_KEPT_DAYS = 400.0


@dataclass(frozen=True, slots=True)
class Planned:
    """The rhythm in which a run is one of many, and when it was due."""

    rhythm: Rhythm
    due: Due


@dataclass(slots=True)
class Run:
    """A run that is under way; whoever runs it says how it ended if it did not end well."""

    id: int
    others: tuple[str, ...]
    """Runs of this kind that were at work when it began, as `host:pid`."""
    outcome: Outcome = "done"
    message: str = ""


@asynccontextmanager
async def recorded(
    pool: Pool, kind: Kind, what: str, counts: Counts, planned: Planned | None = None
) -> AsyncIterator[Run]:
    """Book the run that the block is. An error that leaves the block is its end and passes on."""
    book = queries("runs")
    await book.forget_old_runs(pool, days=_KEPT_DAYS)
    run_id = await book.start_run(
        pool,
        kind=kind,
        what=what,
        every_s=planned and planned.rhythm.every.total_seconds(),
        due_at=planned and planned.due.at,
        next_at=planned and planned.rhythm.following(planned.due.at),
        missed=planned.due.missed if planned else 0,
        host=platform.node(),
        pid=os.getpid(),
    )
    others = [row async for row in book.others_running(pool, run_id=run_id, kind=kind, silent_s=SILENT_S)]
    run = Run(run_id, tuple(f"{other['host']}:{other['pid']}" for other in others))
    alive = asyncio.create_task(_give_signs_of_life(pool, run_id, counts))
    try:
        yield run
    except asyncio.CancelledError:
        run.outcome = "stopped"
        raise
    except Exception as error:
        run.outcome, run.message = "failed", _reason(error)
        raise
    finally:
        alive.cancel()
        with suppress(asyncio.CancelledError):
            await alive
        try:
            await asyncio.shield(_finish(pool, kind, run, counts))
        except AWAY as error:
            # The run is then seen to have fallen silent.
            log.warning("run.not_booked", run=run.id, error=str(error) or type(error).__name__)


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last scheduled run of a kind."""

    due: datetime
    failed_at: datetime | None = None
    """When it failed; None if it did not."""
    failures: int = 0
    """Runs on end that have failed up to it."""


async def last_run(pool: Pool, kind: Kind, what: str) -> LastRun | None:
    """The last scheduled run of this kind and content; None: there was none yet."""
    row = await queries("runs").last_scheduled(pool, kind=kind, what=what)
    if row is None:
        return None
    return LastRun(row["due_at"], row["finished_at"] if row["failures"] else None, row["failures"])


async def _finish(pool: Pool, kind: Kind, run: Run, counts: Counts) -> None:
    book = queries("runs")
    errors = (
        {row["kind"]: row["count"] async for row in book.errors_since(pool, run_id=run.id)}
        if kind == "crawl"
        else {}
    )
    await book.finish_run(
        pool,
        run_id=run.id,
        outcome=run.outcome,
        counts=json.dumps(counts()),
        errors=json.dumps(errors),
        message=run.message,
    )


async def _give_signs_of_life(pool: Pool, run_id: int, counts: Counts) -> None:
    while True:
        await asyncio.sleep(SIGN_OF_LIFE_S)
        with suppress(*AWAY):
            await queries("runs").run_lives(pool, run_id=run_id, counts=json.dumps(counts()))


def _reason(error: BaseException) -> str:
    """Why it failed. An error that is no typed one may quote anything: only its type is told."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return str(error)[:500] if isinstance(error, SamelookError) else type(error).__name__
