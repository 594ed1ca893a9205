"""`samelook crawl import` and `crawl add`: whom to crawl, in which order, and whom to trust."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from samelook.commands.given import names_given
from samelook.terminal.console import counted, say, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from samelook.commands.list_import import Fetching, ListImport, Report
    from samelook.crawler.errors import CrawlError
    from samelook.crawler.ranks.formats import RankFormat
    from samelook.crawler.ranks.importing import RankImportCounts, RankImportSettings
    from samelook.crawler.rhythm import Rhythm
    from samelook.settings import Settings

INTERRUPTED, TERMINATED = 130, 143
"""The exit statuses of programs that Ctrl-C and SIGTERM stopped (128 + the signal)."""


def import_ranks(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL|NAME",
            help="The list: plain or packed by gzip, zip, zstd, bzip2 or xz. `-` reads standard input; a "
            "URL is fetched; `commoncrawl` and `tranco` are their newest releases.",
        ),
    ],
    *,
    format_name: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="auto, commoncrawl-domain, commoncrawl-host, tranco, umbrella, majestic or list.",
        ),
    ] = "auto",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Only the first N domains of the list.")
    ] = None,
    complete: Annotated[
        bool,
        typer.Option(
            "--complete",
            help="The file is the whole list of its source: domains that it no longer names lose their rank.",
        ),
    ] = False,
    unranked: Annotated[
        bool,
        typer.Option(
            "--unranked",
            help="Crawl them, but give them no rank, which is trust: for suspects, and for your own list.",
        ),
    ] = False,
    every: Annotated[
        str | None,
        typer.Option(
            "--every", metavar="SPAN", help="Import again and again, such as every 30d, until stopped."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
) -> None:
    """Import a rank list: what to crawl, in which order, and whom to trust.

    Reads Common Crawl's domain and host ranks, Tranco, Umbrella, Majestic, and a plain list of
    domains or URLs in the order of their rank. Importing again updates ranks and keeps results.
    Ctrl-C keeps what was imported; the same command goes on from there. A list of the web is fetched
    only when it is not the one that was imported last.

    For example:

        samelook crawl import commoncrawl --limit 1000000

        samelook crawl import top-1m.csv.zip --complete

        samelook crawl import suspects.txt --unranked

        samelook crawl import tranco --every 1d
    """
    from samelook.crawler.ranks.importing import RankImportSettings
    from samelook.settings import load_settings

    wanted = _format(format_name)
    _check_file(file)
    if complete and (limit is not None or unranked):
        raise typer.BadParameter("it is not complete then", param_hint="--complete")
    rhythm = _rhythm(file, every)
    settings = load_settings()
    options = RankImportSettings(format=wanted, limit=limit, complete=complete, unranked=unranked)
    if rhythm is not None:
        from samelook.commands.crawl_schedule import keep_importing

        raise typer.Exit(keep_importing(settings, file, options, rhythm))
    raise typer.Exit(_import(settings, file, options, as_json=as_json))


def add(
    domains: Annotated[
        list[str],
        typer.Argument(
            metavar="DOMAIN", help="Domains; - reads them from standard input.", show_default=False
        ),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
) -> None:
    """Add domains to the crawl without a rank: they are visited, and trusted no more than strangers.

    The exit status is 1 when one of them is no domain; the others are added all the same.

    For example:

        samelook crawl add lumora-secure.example

        samelook crawl add - < suspects.txt
    """
    from samelook.crawler.requests import add_unranked
    from samelook.names.errors import NotADomain
    from samelook.names.hosts import normalised_host
    from samelook.postgres.configured import configured_database
    from samelook.processes.running import run_async
    from samelook.settings import load_settings
    from samelook.sql.pool import open_connection

    good, bad = [], 0
    for domain in names_given(domains):
        try:
            good.append(normalised_host(domain))
        except NotADomain as error:
            bad += 1
            tell(f"samelook crawl add: {error.message}")
    if not good and bad:
        raise typer.Exit(2)
    settings = load_settings()

    async def write(url: str) -> int:
        async with open_connection(settings.database_at(url)) as connection:
            return await add_unranked(connection, good)

    with configured_database(settings) as url:
        new = run_async(write(url))
    if as_json:
        import json

        typer.echo(json.dumps({"domains": len(good), "new": new, "bad": bad}))
    else:
        say(f"{counted(new, 'domain')} added without a rank, {len(good) - new:,} known already.")
    if bad:
        raise typer.Exit(1)


def _rhythm(file: str, every: str | None) -> Rhythm | None:
    from samelook.commands.crawl_schedule import rhythm_of
    from samelook.crawler.ranks.sources import is_address

    if every is None:
        return None
    if not is_address(file):
        raise typer.BadParameter(
            "a file is imported once; give a URL, commoncrawl or tranco", param_hint="--every"
        )
    return rhythm_of(every)


def _format(name: str) -> RankFormat | None:
    from samelook.crawler.ranks.formats import RankFormat

    if name == "auto":
        return None
    try:
        return RankFormat(name)
    except ValueError:
        raise typer.BadParameter(
            f"{name!r} is no format; write auto, {', '.join(RankFormat)}", param_hint="--format"
        ) from None


def _check_file(file: str) -> None:
    """Bad usage that needs no database to be seen. A named pipe is a file here: `<(curl …)` works."""
    import os
    from pathlib import Path

    from samelook.crawler.ranks.formats import printable
    from samelook.crawler.ranks.sources import is_address

    if file == "-" or is_address(file):
        return
    if not Path(file).exists():
        raise typer.BadParameter(f"there is no file {printable(file)}", param_hint="FILE")
    if Path(file).is_dir():
        raise typer.BadParameter(f"{printable(file)} is a folder", param_hint="FILE")
    if not os.access(file, os.R_OK):
        raise typer.BadParameter(f"{printable(file)} may not be read by this user", param_hint="FILE")


def _import(settings: Settings, file: str, options: RankImportSettings, *, as_json: bool) -> int:
    """Import, show how it goes and what came of it; the exit status."""
    from samelook.commands.list_import import ListImport, import_list, summary
    from samelook.crawler.errors import CrawlError
    from samelook.postgres.configured import configured_database
    from samelook.processes.running import run_async

    done = ListImport()

    async def run(url: str) -> None:
        import signal
        import threading

        task = asyncio.current_task()
        assert task is not None
        # As Ctrl-C does by itself: what was merged stays. Only a main thread may catch it.
        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        with _progress() as (report, fetching):
            await import_list(settings, url, file, options, done, report=report, fetching=fetching)

    error: CrawlError | None = None
    interrupted = 0
    with configured_database(settings) as url:
        try:
            run_async(run(url))
        except CrawlError as caught:
            error = caught
        except KeyboardInterrupt:
            interrupted = INTERRUPTED
        except asyncio.CancelledError:
            interrupted = TERMINATED
    if as_json:
        _print_json(done, error)
    else:
        summary(done, unranked=options.unranked)
    domains = done.counts.domains if done.counts else 0
    if interrupted:
        tell(f"Interrupted: imported {counted(domains, 'domain')}. The same command takes in the rest.")
        return interrupted
    if error is not None:
        before = f" Imported before that: {counted(domains, 'domain')}." if domains else ""
        tell(f"samelook: {error}{before}")
        return 1
    return 0


@contextmanager
def _progress() -> Iterator[tuple[Report, Fetching]]:
    """Show progress on standard error: a bar on a terminal, elsewhere a line now and then."""
    from samelook.commands.list_import import progress_lines
    from samelook.terminal.console import err

    if not err().is_terminal:
        yield progress_lines()
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TaskProgressColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err(), transient=True) as bar:
        task = bar.add_task("Reading", total=None, told="")

        def report(counts: RankImportCounts) -> None:
            rate = counts.domains / counts.seconds if counts.seconds else 0.0
            # Bytes of the file as it lies on the disk: what a packed list unpacks to is not known.
            bar.update(
                task,
                description="Importing",
                total=counts.bytes_total,
                completed=counts.bytes_read,
                told=f"{counted(counts.domains, 'domain')} {rate:,.0f}/s",
            )

        def fetching(done: int, total: int | None) -> None:
            bar.update(
                task, description="Fetching", total=total, completed=done, told=f"{done / 1e6:,.0f} MB"
            )

        yield report, fetching


def _print_json(done: ListImport, error: CrawlError | None) -> None:
    import json

    summary = done.as_json()
    if error is not None:
        summary["error"] = error.as_json()
    typer.echo(json.dumps(summary))
