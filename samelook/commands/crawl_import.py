"""`samelook crawl import`: a rank list into the database, with progress and a summary."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from samelook.crawler.errors import CrawlError
    from samelook.crawler.ranks.formats import RankFormat
    from samelook.crawler.ranks.importing import RankImportCounts, RankImportSettings
    from samelook.settings import Settings

    Report = Callable[[RankImportCounts], None]

INTERRUPTED = 130
"""The exit status of a program that Ctrl-C stopped (128 + SIGINT)."""
QUIET_REPORT_S = 5.0
"""Seconds between the lines of progress where nobody watches a terminal."""


def import_ranks(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="The list: plain or packed by gzip, zip, zstd, bzip2 or xz. `-` reads standard input.",
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
    as_json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
) -> None:
    """Import a rank list: what to crawl, in which order, and whom to trust.

    Reads Common Crawl's domain and host ranks, Tranco, Umbrella, Majestic, and a plain list of
    domains or URLs in the order of their rank. Importing again updates ranks and keeps results.
    Ctrl-C keeps what was imported; the same command goes on from there.

    For example:

        samelook crawl import cc-main-2025-26-nov-dec-jan-domain-ranks.txt.gz --limit 1000000

        samelook crawl import top-1m.csv.zip --complete
    """
    from samelook.crawler.ranks.importing import RankImportSettings
    from samelook.settings import load_settings

    wanted = _format(format_name)
    _check_file(file)
    if complete and limit is not None:
        raise typer.BadParameter("with --limit the list is not complete", param_hint="--complete")
    status = _import(
        load_settings(),
        file,
        RankImportSettings(format=wanted, limit=limit, complete=complete),
        as_json=as_json,
    )
    raise typer.Exit(status)


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

    if file == "-":
        return
    if not Path(file).exists():
        raise typer.BadParameter(f"there is no file {printable(file)}", param_hint="FILE")
    if Path(file).is_dir():
        raise typer.BadParameter(f"{printable(file)} is a folder", param_hint="FILE")
    if not os.access(file, os.R_OK):
        raise typer.BadParameter(f"{printable(file)} may not be read by this user", param_hint="FILE")


def _import(settings: Settings, file: str, options: RankImportSettings, *, as_json: bool) -> int:
    """Import, show how it goes and what came of it; the exit status."""
    from dataclasses import replace

    from samelook.crawler.errors import CrawlError
    from samelook.crawler.ranks.importing import RankImport
    from samelook.postgres.configured import configured_database
    from samelook.processes.running import run_async
    from samelook.sql.pool import open_connection

    imports: list[RankImport] = []

    async def run(url: str) -> None:
        # A merge may take longer than a statement of the crawl is allowed to.
        async with open_connection(replace(settings.database_at(url), statement_timeout_s=0)) as connection:
            imports.append(RankImport(connection, file, options))
            with _progress() as report:
                await imports[0].run(report)

    error: CrawlError | None = None
    interrupted = False
    with configured_database(settings) as url:
        try:
            run_async(run(url))
        except CrawlError as caught:
            error = caught
        except KeyboardInterrupt:
            interrupted = True
    counts = imports[0].counts if imports else None
    if as_json:
        _print_json(counts, error)
    elif counts is not None and counts.source is not None:
        _print_table(counts)
    if interrupted:
        done = counts.domains if counts else 0
        typer.echo(
            f"Interrupted: {done:,} domains are imported. The same command takes in the rest.", err=True
        )
        return INTERRUPTED
    if error is not None:
        imported = (
            f" {counts.domains:,} domains before that are imported." if counts and counts.domains else ""
        )
        typer.echo(f"samelook: {error}{imported}", err=True)
        return 1
    return 0


@contextmanager
def _progress() -> Iterator[Report]:
    """Show progress on standard error: a bar on a terminal, elsewhere a line now and then."""
    from samelook.terminal.console import err

    if not err().is_terminal:
        yield _lines_of_progress()
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[domains]:,} domains"),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err(), transient=True) as bar:
        task = bar.add_task("Reading", total=None, domains=0, rate=0.0)

        def report(counts: RankImportCounts) -> None:
            # Bytes of the file as it lies on the disk: what a packed list unpacks to is not known.
            bar.update(
                task,
                description=f"Importing {counts.source}",
                total=counts.bytes_total,
                completed=counts.bytes_read,
                domains=counts.domains,
                rate=_rate(counts),
            )

        yield report


def _lines_of_progress() -> Report:
    told = time.monotonic()

    def report(counts: RankImportCounts) -> None:
        nonlocal told
        if time.monotonic() - told < QUIET_REPORT_S:
            return
        told = time.monotonic()
        rest = ""
        if counts.bytes_total and counts.bytes_read:
            share = min(counts.bytes_read / counts.bytes_total, 1.0)
            rest = f", {share:.0%}, about {counts.seconds / share * (1 - share):.0f} s left"
        typer.echo(f"{counts.domains:,} domains imported, {_rate(counts):,.0f}/s{rest}", err=True)

    return report


def _rate(counts: RankImportCounts) -> float:
    return counts.domains / counts.seconds if counts.seconds else 0.0


def _print_json(counts: RankImportCounts | None, error: CrawlError | None) -> None:
    import json

    summary = counts.as_json() if counts is not None else {}
    if error is not None:
        summary["error"] = error.as_json()
    typer.echo(json.dumps(summary))


def _print_table(counts: RankImportCounts) -> None:
    from rich.table import Table
    from rich.text import Text

    from samelook.terminal.console import out

    out().print(Text(f"{counts.file} ({counts.source})"))
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    rows = {
        "lines": counts.lines,
        "domains": counts.domains,
        "  new": counts.added,
        "  with a new rank": counts.updated,
        "  unchanged": counts.unchanged,
        "  left alone: ranked by a list trusted more": counts.outranked,
        "  named twice": counts.repeated,
        "no longer in the list: rank taken": counts.unranked,
        "bad lines": counts.bad.count,
    }
    shown_at_zero = {"lines", "domains", "bad lines"}
    for name, count in rows.items():
        if count or name in shown_at_zero:
            table.add_row(name, f"{count:,}")
    table.add_row("seconds", f"{counts.seconds:,.1f}")
    table.add_row("domains a second", f"{_rate(counts):,.0f}")
    out().print(table)
    for reason, count in counts.bad.reasons.most_common():
        out().print(Text(f"bad lines, {reason}: {count:,}"))
    for example in counts.bad.examples:
        out().print(Text(f"  line {example.number}: {example.reason}: {example.text}"))
