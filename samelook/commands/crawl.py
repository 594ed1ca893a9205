"""`samelook crawl run` and `samelook crawl status`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from samelook.processes.running import allow_many_connections, collect_garbage_rarely, run_async, stopping

if TYPE_CHECKING:
    from samelook.crawler.status import CrawlStatus
    from samelook.settings import Settings
    from samelook.sql.queue_queries import Phase


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
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, only warnings.")] = False,
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Crawl: visit what is due, find its icons, hash them; for ever, or once.

    Any number of workers on any number of machines may run on one database. Ctrl-C (or SIGTERM)
    finishes what is in hand and gives the rest back.

    Examples:
        samelook crawl run --once

        samelook crawl run --workers 4 --phase icons --phase hashes

        SAMELOOK_QUEUE=sqs samelook crawl run --phase etl
    """
    from samelook.postgres.configured import configured_database
    from samelook.postgres.reviving import with_database_kept
    from samelook.settings import load_settings

    settings = load_settings()
    phases, with_etl = _phases(phase)
    if settings.queues.service == "postgres" and not phases:
        typer.echo(
            "The queue is the database itself (SAMELOOK_QUEUE=postgres): there is nothing for etl to do."
        )
        raise typer.Exit
    with configured_database(settings) as url:
        if workers > 1:
            work = _run_workers(
                settings, url, phases, workers, once=once, quiet=quiet, looks=looks, with_etl=with_etl
            )
            status = asyncio.run(with_database_kept(settings, work))
        else:
            work = crawl_here(
                settings,
                url,
                phases,
                once=once,
                quiet=quiet,
                looks=looks,
                until_stdin_closes=until_stdin_closes,
                with_etl=with_etl,
            )
            status = run_async(with_database_kept(settings, work))
    raise typer.Exit(status)


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
    settings: Settings,
    url: str,
    phases: tuple[Phase, ...],
    *,
    once: bool,
    quiet: bool,
    looks: bool = False,
    until_stdin_closes: bool = False,
    with_etl: bool = True,
) -> int:
    """Crawl in this process until it is done or a signal stops it; the exit status.

    With `until_stdin_closes` the end of standard input stops it too: that is how a worker notices
    that the process which started it was killed.
    """
    from samelook.crawler.crawl import open_crawl
    from samelook.crawler.faults import Faults
    from samelook.hashing.settings import SandboxLimits
    from samelook.look_upkeep import computing_looks
    from samelook.message_service import configured_messages
    from samelook.sql.pool import open_pool
    from samelook.terminal.crawl_display import showing_progress

    allow_many_connections()
    collect_garbage_rarely()
    # The crawl sets nothing outside its transactions.
    database = replace(settings.database_at(url), reset_on_release=False, max_connections=5)
    async with (
        open_pool(database) as pool,
        configured_messages(settings, with_etl=with_etl) as messages,
        open_crawl(
            pool,
            crawl=settings.crawl,
            fetch=settings.fetch,
            sandbox=SandboxLimits(),
            phases=phases,
            faults=Faults(pool) if settings.inspector.allow_injection else None,
            messages=messages,
        ) as crawl,
    ):
        if until_stdin_closes:
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), crawl.stop)
        async with AsyncExitStack() as stack:
            if looks and "hashes" in phases:
                await stack.enter_async_context(computing_looks(pool, settings, once=once))
            with stopping(crawl.stop):
                async with showing_progress(lambda: crawl.progress, quiet=quiet):
                    await crawl.run(once=once)
        if until_stdin_closes:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
    return 0


async def _run_workers(
    settings: Settings,
    url: str,
    phases: tuple[Phase, ...],
    count: int,
    *,
    once: bool,
    quiet: bool,
    looks: bool,
    with_etl: bool,
) -> int:
    """Run `count` crawling processes until all have ended; a worker that dies is started again."""
    from samelook.processes.spawned import keep_spawned
    from samelook.settings import child_environment
    from samelook.sql.pool import open_pool
    from samelook.terminal.crawl_display import showing_progress, summed_progress

    command = [sys.executable, "-P", "-m", "samelook", "crawl", "run", "--quiet", "--until-stdin-closes"]
    command += ["--once"] * once + [word for phase in phases for word in ("--phase", phase)]
    command += ["--phase", "etl"] * with_etl + ["--looks"] * looks
    stop = asyncio.Event()

    def died(status: int) -> None:
        # Its leases come back by themselves, its place is filled here.
        typer.echo(f"A crawling process ended with status {status}; starting another.", err=True)

    async with open_pool(settings.database_at(url)) as pool:
        summed = await summed_progress(pool)
        with stopping(stop.set):
            async with showing_progress(summed, quiet=quiet):
                return await keep_spawned(
                    command, count, environment=child_environment(url), stop=stop, on_death=died
                )
