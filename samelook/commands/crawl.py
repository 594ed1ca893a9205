"""`samelook crawl run` and `samelook crawl status`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from samelook.processes.running import allow_many_connections, collect_garbage_rarely, run_async, stopping
from samelook.terminal.console import say, tell

if TYPE_CHECKING:
    from samelook.crawler.rhythm import Rhythm
    from samelook.crawler.runs import Planned
    from samelook.crawler.status import CrawlStatus
    from samelook.settings import Settings
    from samelook.sql.queue_queries import Phase
    from samelook.terminal.crawl_display import Tally


def run(
    *,
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing is due any more.")] = False,
    phase: Annotated[
        list[str] | None,
        typer.Option(
            "--phase",
            help="Only this phase: domains, icons, hashes, or etl (between the database and SQS or Pub/Sub). "
            "Repeat it for two.",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=256, help="Crawling processes on this machine.")
    ] = 1,
    looks: Annotated[
        bool,
        typer.Option(
            "--looks", help="Also compute looks of new pictures here, which `samelook serve` does otherwise."
        ),
    ] = False,
    render: Annotated[
        bool,
        typer.Option(
            "--render",
            help="Run the scripts of pages that have neither link nor /favicon.ico, in a Chromium without a "
            "network of its own.",
        ),
    ] = False,
    every: Annotated[
        str | None,
        typer.Option(
            "--every",
            metavar="SPAN",
            help="Crawl what is due again and again, such as every 6h, until stopped.",
        ),
    ] = None,
    jitter: Annotated[
        str | None,
        typer.Option("--jitter", metavar="SPAN", help="Begin each run up to so much later, at random."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="HH:MM", help="With --every: from this time on (UTC).")
    ] = None,
    import_name: Annotated[
        str | None,
        typer.Option(
            "--import",
            metavar="URL|NAME",
            help="With --every: also import this list, such as commoncrawl or tranco.",
        ),
    ] = None,
    import_every: Annotated[
        str, typer.Option("--import-every", metavar="SPAN", help="How often the list is imported.")
    ] = "30d",
    import_limit: Annotated[
        int | None, typer.Option("--import-limit", min=1, help="Only the first N domains of the list.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, only warnings.")] = False,
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
    processes: Annotated[int, typer.Option("--one-of", min=1, hidden=True)] = 1,
) -> None:
    """Crawl: visit what is due, find its icons, hash them; for ever, or once.

    Any number of workers on any number of machines may run on one database. Ctrl-C (or SIGTERM)
    finishes what is in hand and gives the rest back. Each run is booked: `samelook crawl runs`.

    For example:

        samelook crawl run --once

        samelook crawl run --workers 4 --phase icons --phase hashes

        samelook crawl run --every 6h --at 03:00 --import commoncrawl --import-every 30d

        SAMELOOK_QUEUE=sqs samelook crawl run --phase etl
    """
    from samelook.postgres.configured import configured_database
    from samelook.postgres.reviving import with_database_kept
    from samelook.settings import load_settings

    settings = load_settings()
    phases, with_etl = _phases(phase)
    if settings.queues.service == "postgres" and not phases:
        say("The queue is the database itself (SAMELOOK_QUEUE=postgres): there is nothing for etl to do.")
        raise typer.Exit
    if not settings.fetch.contact and not settings.fetch.resolve and not until_stdin_closes:
        tell(
            "SAMELOOK_CONTACT is not set: site owners cannot tell who visits them, nor ask you to stop. "
            "Set it to a URL or mail address."
        )
    rhythm = _rhythm(once, every, jitter, at, import_name)
    work = CrawlWork(
        phases,
        workers,
        once or rhythm is not None,
        quiet,
        looks,
        until_stdin_closes,
        with_etl,
        render,
        max(workers, processes),
    )
    with configured_database(settings) as url:
        if rhythm is not None:
            main = _keep_crawling(settings, url, work, rhythm, import_name, import_every, import_limit)
        else:
            main = _crawl_once(settings, url, work)
        # Workers are started by asyncio's own loop: uvloop's waits for children are others.
        runner = asyncio.run if workers > 1 else run_async
        status = runner(with_database_kept(settings, main))
    raise typer.Exit(status)


@dataclass(frozen=True, slots=True)
class CrawlWork:
    """What a crawl is to do."""

    phases: tuple[Phase, ...]
    workers: int = 1
    once: bool = False
    quiet: bool = False
    looks: bool = False
    until_stdin_closes: bool = False
    """The end of standard input stops it too: so a worker notices that who started it was killed."""
    with_etl: bool = True
    render: bool = False
    processes: int = 1
    """So many processes share this machine's memory; a worker is told so by who started it."""

    @property
    def name(self) -> str:
        """What the book of runs calls it."""
        return " ".join((*self.phases, *(["etl"] if self.with_etl and len(self.phases) < ALL_PHASES else [])))


ALL_PHASES = 3


def _rhythm(
    once: bool, every: str | None, jitter: str | None, at: str | None, import_name: str | None
) -> Rhythm | None:
    from samelook.commands.crawl_schedule import rhythm_of
    from samelook.crawler.ranks.sources import is_address

    if every is None:
        for name, value in (("--jitter", jitter), ("--at", at), ("--import", import_name)):
            if value is not None:
                raise typer.BadParameter("it goes with --every", param_hint=name)
        return None
    if once:
        raise typer.BadParameter("a crawl runs once or every so often", param_hint="--once")
    if import_name is not None and not is_address(import_name):
        raise typer.BadParameter("give a URL, commoncrawl or tranco", param_hint="--import")
    return rhythm_of(every, jitter, at)


async def _crawl_once(settings: Settings, url: str, work: CrawlWork) -> int:
    """One run, which may be one for ever; the exit status."""
    stop = asyncio.Event()
    with stopping(stop.set):
        if work.until_stdin_closes:
            return await crawl_here(settings, url, work, stop)
        return await _booked(settings, url, work, stop, None)


async def _keep_crawling(
    settings: Settings,
    url: str,
    work: CrawlWork,
    rhythm: Rhythm,
    import_name: str | None,
    import_every: str,
    import_limit: int | None,
) -> int:
    """Runs in their rhythm, and imports in theirs, until a signal stops them."""
    from samelook.commands.crawl_schedule import Repeated, keep_running, repeated_import
    from samelook.crawler.ranks.importing import RankImportSettings
    from samelook.crawler.rhythm import Rhythm
    from samelook.terminal.spans import span_of

    stop = asyncio.Event()

    async def crawl(planned: Planned) -> None:
        await _booked(settings, url, work, stop, planned)

    all_work = [Repeated("crawl", work.name, rhythm, crawl)]
    if import_name is not None:
        often = Rhythm(span_of(import_every, "--import-every"))
        options = RankImportSettings(limit=import_limit)
        all_work.append(repeated_import(settings, url, import_name, options, often, stop))
    with stopping(stop.set):
        await keep_running(settings, url, all_work, stop)
    return 0


async def _booked(
    settings: Settings, url: str, work: CrawlWork, stop: asyncio.Event, planned: Planned | None
) -> int:
    """A run with its entry in the book; the exit status."""
    from samelook.crawler.runs import recorded
    from samelook.sql.pool import open_pool
    from samelook.terminal.crawl_display import Tally

    tally = Tally()
    async with (
        open_pool(replace(settings.database_at(url), max_connections=2)) as pool,
        recorded(pool, "crawl", work.name, tally.as_json, planned) as run,
    ):
        if run.others:
            tell(f"Other crawls are at work ({', '.join(run.others)}): they share what is due.")
        doing = _run_workers if work.workers > 1 else crawl_here
        status = await doing(settings, url, work, stop, tally)
        if status:
            run.outcome, run.message = "failed", "a crawling process ended with an error"
        elif stop.is_set():
            run.outcome = "stopped"
        return status


def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """How the crawl stands: per phase what is done, what failed and why, and how fast it goes."""
    from samelook.crawler.status import crawl_status
    from samelook.postgres.configured import configured_database
    from samelook.settings import load_settings
    from samelook.sql.pool import open_pool
    from samelook.terminal.console import out

    settings = load_settings()

    async def read(url: str) -> CrawlStatus:
        async with open_pool(settings.database_at(url)) as pool:
            return await crawl_status(pool)

    with configured_database(settings) as url:
        figures = run_async(read(url))
    if as_json:
        import json

        typer.echo(json.dumps(figures.as_json()))
    else:
        from samelook.terminal.crawl_display import status_tables

        out().print(status_tables(figures))


def _phases(names: list[str] | None) -> tuple[tuple[Phase, ...], bool]:
    """The phases to work on, and whether the etl phase is among those asked for."""
    from samelook.sql.queue_queries import PHASES

    unknown = [name for name in names or [] if name not in (*PHASES, "etl")]
    if unknown:
        raise typer.BadParameter(
            f"{unknown[0]!r} is no phase; write domains, icons, hashes or etl", param_hint="--phase"
        )
    return tuple(phase for phase in PHASES if not names or phase in names), not names or "etl" in names


async def crawl_here(
    settings: Settings, url: str, work: CrawlWork, stop: asyncio.Event, tally: Tally | None = None
) -> int:
    """Crawl in this process until it is done or stopped; the exit status."""
    from samelook.commands.crawl_schedule import stopped_by
    from samelook.crawler.crawl import open_crawl
    from samelook.crawler.faults import Faults
    from samelook.hashing.settings import SandboxLimits
    from samelook.look_upkeep import computing_looks
    from samelook.message_service import configured_messages
    from samelook.sql.pool import open_pool
    from samelook.terminal.crawl_display import showing_progress

    allow_many_connections()
    collect_garbage_rarely()
    # Connections need no RESET when they go back to the pool: nothing is set outside transactions.
    database = replace(settings.database_at(url), reset_on_release=False, max_connections=5)
    async with (
        open_pool(database) as pool,
        configured_messages(settings, with_etl=work.with_etl) as messages,
        open_crawl(
            pool,
            crawl=replace(settings.crawl, processes=work.processes),
            fetch=settings.fetch,
            sandbox=SandboxLimits(),
            phases=work.phases,
            faults=Faults(pool) if settings.inspector.allow_injection else None,
            messages=messages,
            render=work.render and "icons" in work.phases,
        ) as crawl,
        stopped_by(stop, crawl.stop),
    ):
        if tally is not None:
            tally.progress = lambda: crawl.progress
        if work.until_stdin_closes:
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), crawl.stop)
        async with AsyncExitStack() as stack:
            if work.looks and "hashes" in work.phases:
                await stack.enter_async_context(computing_looks(pool, settings, once=work.once))
            async with showing_progress(lambda: crawl.progress, quiet=work.quiet):
                await crawl.run(once=work.once)
        if work.until_stdin_closes:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
    return 0


def worker_command(work: CrawlWork) -> list[str]:
    """How one of several crawling processes is started."""
    command = [sys.executable, "-P", "-m", "samelook", "crawl", "run", "--quiet", "--until-stdin-closes"]
    command += ["--one-of", str(work.processes)]
    command += ["--once"] * work.once + [word for phase in work.phases for word in ("--phase", phase)]
    command += ["--phase", "etl"] * work.with_etl + ["--looks"] * work.looks
    return command + ["--render"] * work.render


async def _run_workers(
    settings: Settings, url: str, work: CrawlWork, stop: asyncio.Event, tally: Tally
) -> int:
    """Run crawling processes until all have ended; a worker that dies is started again."""
    from samelook.processes.spawned import keep_spawned
    from samelook.settings import child_environment
    from samelook.sql.pool import open_pool
    from samelook.terminal.crawl_display import showing_progress, summed_progress

    def died(status: int) -> None:
        # The leases of a worker that died expire by themselves; a new worker is started here.
        tell(f"A crawling process ended with status {status}; starting another.")

    async with (
        open_pool(settings.database_at(url)) as pool,
        summed_progress(pool, work.phases) as tally.progress,
        showing_progress(tally.progress, quiet=work.quiet),
    ):
        return await keep_spawned(
            worker_command(work), work.workers, environment=child_environment(url), stop=stop, on_death=died
        )
