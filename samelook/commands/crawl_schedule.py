"""Crawls and imports that run again and again in one process, each in its rhythm, booked run by run."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import typer

from samelook.crawler.rhythm import Due, Rhythm, again_after
from samelook.crawler.runs import Kind, LastRun, Planned, last_run
from samelook.errors import SamelookError
from samelook.processes.running import run_async, stopping
from samelook.sql.away import AWAY
from samelook.sql.pool import open_pool
from samelook.terminal.console import tell
from samelook.terminal.problems import explained
from samelook.terminal.spans import span_of

if TYPE_CHECKING:
    from samelook.crawler.ranks.importing import RankImportSettings
    from samelook.settings import Settings

_AGAIN_S = 60.0
"""After a failure to read or write the book of runs: the database may be away for a moment."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """Something that is done again and again."""

    kind: Kind
    what: str
    rhythm: Rhythm
    work: Callable[[Planned], Awaitable[None]]


def rhythm_of(every: str, jitter: str | None = None, at: str | None = None, hint: str = "--every") -> Rhythm:
    """The rhythm that the options name. Raises typer.BadParameter."""
    span = span_of(every, hint)
    spread = timedelta() if jitter is None else span_of(jitter, "--jitter")
    if not span:
        raise typer.BadParameter("every 0 s is never", param_hint=hint)
    if spread >= span:
        raise typer.BadParameter("a run would begin after the next one is due", param_hint="--jitter")
    if at is None:
        return Rhythm(span, jitter=spread)
    try:
        hour = time.fromisoformat(at)
    except ValueError:
        raise typer.BadParameter("write a time of the day (UTC) such as 03:00", param_hint="--at") from None
    if hour.tzinfo is not None:
        raise typer.BadParameter("the time is UTC; write it without an offset", param_hint="--at")
    return Rhythm(span, hour, spread)


async def keep_running(settings: Settings, url: str, all_work: list[Repeated], stop: asyncio.Event) -> None:
    """Do each of them whenever it is due, until stopped; what is under way is then left to end by itself."""
    async with asyncio.TaskGroup() as group:
        for repeated in all_work:
            group.create_task(_repeat(settings, url, repeated, stop))


async def _repeat(settings: Settings, url: str, repeated: Repeated, stop: asyncio.Event) -> None:
    dice = random.Random()  # noqa: S311 - it spreads load, nothing more
    name = f"{repeated.kind} of {repeated.what}"
    while not stop.is_set():
        try:
            async with open_pool(settings.database_at(url)) as pool:
                last = await last_run(pool, repeated.kind, repeated.what)
            now = datetime.now(UTC)
            due, begins = _next_run(repeated.rhythm, last, now, dice)
            if begins > now:
                tell(f"Next {name}: {begins:%Y-%m-%d %H:%M:%S} UTC.")
            if due.missed:
                tell(f"The {name} missed {due.missed} of its times; one run makes up for all.")
            if await _stopped_within(stop, (begins - now).total_seconds()):
                return
            await repeated.work(Planned(repeated.rhythm, due))
        except (SamelookError, *AWAY) as error:
            # The run is booked as failed where the book can be written; it says when it is tried again.
            advice = explained(error)
            tell(f"samelook: {error if advice is None else advice[0]}")
            if await _stopped_within(stop, _AGAIN_S):
                return


def _next_run(
    rhythm: Rhythm, last: LastRun | None, now: datetime, dice: random.Random
) -> tuple[Due, datetime]:
    """Which run comes next, and when it begins: one that failed is tried again before the next is due."""
    due = rhythm.due(None if last is None else last.due, now)
    if last is not None and last.failed_at is not None:
        again = last.failed_at + again_after(last.failures)
        if again < due.at:
            return Due(last.due), max(again, now)
    return due, due.at + rhythm.delay(dice)


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(max(seconds, 0.0)):
            await stop.wait()
    return stop.is_set()


@asynccontextmanager
async def stopped_by(stop: asyncio.Event, end: Callable[[], Any]) -> AsyncIterator[None]:
    """Call `end` when `stop` is set while the block runs."""

    async def follow() -> None:
        await stop.wait()
        end()

    following = asyncio.create_task(follow())
    try:
        yield
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


def repeated_import(
    settings: Settings, url: str, name: str, options: RankImportSettings, rhythm: Rhythm, stop: asyncio.Event
) -> Repeated:
    """An import of a list of the web, in its rhythm."""
    from samelook.commands.list_import import ListImport, import_list, progress_lines, summary

    async def work(planned: Planned) -> None:
        done = ListImport()
        report, fetching = progress_lines()
        importing = asyncio.ensure_future(
            import_list(settings, url, name, options, done, report=report, fetching=fetching, planned=planned)
        )
        async with stopped_by(stop, importing.cancel):
            try:
                await importing
            except asyncio.CancelledError:
                if not stop.is_set():
                    raise
                return
        summary(done, unranked=options.unranked)

    return Repeated("import", name, rhythm, work)


def keep_importing(settings: Settings, name: str, options: RankImportSettings, rhythm: Rhythm) -> int:
    """Import the list in its rhythm until a signal stops it; the exit status."""
    from samelook.postgres.configured import configured_database
    from samelook.postgres.reviving import with_database_kept

    async def work(url: str) -> None:
        stop = asyncio.Event()
        with stopping(stop.set):
            await keep_running(
                settings, url, [repeated_import(settings, url, name, options, rhythm, stop)], stop
            )

    with configured_database(settings) as url:
        run_async(with_database_kept(settings, work(url)))
    return 0
