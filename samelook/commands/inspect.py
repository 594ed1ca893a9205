"""`samelook inspect`: ask the database about sites, looks, errors, the queue and its health."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from samelook.commands import completions, inspect_inject
from samelook.commands.asking import (
    AfterOption,
    CsvOption,
    DistanceOption,
    JsonOption,
    LimitOption,
    NearOption,
    PicturesOption,
    Shape,
    SignalOption,
    SinceOption,
    TableOption,
    TimeoutOption,
    asked,
    look_given,
    moment_of,
    print_answer,
    print_rows,
    run_question,
)
from samelook.commands.given import names_given
from samelook.terminal.console import counted, tell

if TYPE_CHECKING:
    from samelook.inspector.errors import InspectorError
    from samelook.inspector.listing import Answer
    from samelook.inspector.settings import InspectorSettings
    from samelook.sql.pool import Connection

    Question = Callable[[Connection, InspectorSettings], Awaitable[Answer]]

app = typer.Typer(
    help="Ask the database: who wears which look, what failed, what waits, what needs a person.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    epilog="""Begin with one site and follow what it shows:

    samelook inspect site example.com

    samelook inspect look favicon.ico --distance 20

    samelook inspect errors --phase icons --kind timeout --since 1d

    samelook inspect health || mail -s 'Samelook needs you' operator@example.com

Everything reads a live database in short read-only statements and does not slow the crawl.""",
)

app.add_typer(inspect_inject.app, name="inject")


@app.command()
def site(
    domains: Annotated[
        list[str],
        typer.Argument(
            metavar="DOMAIN",
            help="Domains, or URLs of them; - reads them from standard input.",
            show_default=False,
        ),
    ],
    signal: SignalOption = "pdq",
    distance: DistanceOption = None,
    near: NearOption = False,
    verdict: Annotated[
        bool, typer.Option("--verdict", help="Give the verdict also where very many looks are known.")
    ] = False,
    limit: LimitOption = 50,
    timeout: TimeoutOption = 10.0,
    pictures: PicturesOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """Everything known about a site: verdict, rank, URLs, icons, signals, look-alikes, reports, errors.

    Look-alikes are sites with the same look by the service's rules (`same`: strict, standard or wide),
    and those whose --signal differs in few bits.

    For example:

        samelook inspect site example.com

        samelook inspect site example.com --signal blockhash16 --distance 12

        samelook inspect site example.com --csv --table look_alikes
    """
    from samelook.inspector.errors import InspectorError
    from samelook.inspector.sites import site_answer

    wanted = names_given(domains)

    async def ask(connection: Connection, settings: InspectorSettings) -> list[Answer | InspectorError]:
        answers: list[Answer | InspectorError] = []
        for domain in wanted:
            try:
                answer = await site_answer(
                    connection,
                    settings,
                    domain,
                    signal=signal,
                    distance=distance,
                    near=near,
                    limit=limit,
                    verdict=verdict,
                )
                answers.append(answer)
            except InspectorError as error:
                if len(wanted) == 1:
                    raise
                answers.append(error)
        return answers

    failed = False
    for answer in asked(ask, timeout):
        if isinstance(answer, InspectorError):
            failed = True
            tell(f"samelook inspect: {answer.message}")
        else:
            print_answer(answer, Shape(json, csv, table, pictures, gallery=True))
    if failed:
        raise typer.Exit(1)


@app.command()
def look(
    picture: Annotated[
        str, typer.Argument(metavar="FILE|URL|HASH", help="A picture, or a hash of one.", show_default=False)
    ],
    signal: SignalOption = "pdq",
    distance: DistanceOption = None,
    near: NearOption = False,
    limit: LimitOption = 50,
    timeout: TimeoutOption = 10.0,
    pictures: PicturesOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """Who wears this look, nearest first: by the service's rules (`same`), then by the bits of --signal.

    A URL is fetched as the crawler would: an icon, or a page whose icon is taken. A hash is a
    SHA-256, an MD5 or a favicon hash (MMH3) of a known picture, or a hash of --signal.

    For example:

        samelook inspect look logo.png

        samelook inspect look https://example.com/

        samelook inspect look --signal phash c3d3969c3c2c6969

        samelook inspect look -- -1234567890
    """
    from samelook.inspector.looks import look_answer, look_of_hash
    from samelook.settings import load_settings

    found = run_question(look_given(picture, load_settings()))

    async def ask(connection: Connection, settings: InspectorSettings) -> Answer:
        looks = [found] if found is not None else await look_of_hash(connection, picture, signal)
        return await look_answer(
            connection, settings, looks, signal=signal, distance=distance, near=near, limit=limit
        )

    print_answer(asked(ask, timeout), Shape(json, csv, table, pictures))


@app.command()
def overlaps(
    signal: SignalOption = "pdq",
    distance: DistanceOption = None,
    min_sites: Annotated[
        int, typer.Option("--min-sites", min=2, help="Leave out clusters with fewer sites.")
    ] = 2,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", metavar="FILE", help="Write who wears which look into a Parquet file instead."
        ),
    ] = None,
    limit: LimitOption = 50,
    timeout: TimeoutOption = 60.0,
    pictures: PicturesOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """Clusters of sites that share a look or nearly share one, the largest first.

    The centre of a cluster is the look of its best-ranked site; everything within --distance of it
    belongs to it. Reads every hash of the signal, in pages; --timeout is for each of them.

    For example:

        samelook inspect overlaps --distance 0

        samelook inspect overlaps --signal blockhash16 --min-sites 10 --json

        samelook inspect overlaps --export worn.parquet
    """
    from samelook.inspector.overlaps import overlaps_answer

    if export is not None:
        _export_overlaps(export, signal, timeout)
        return

    async def ask(connection: Connection, settings: InspectorSettings) -> Answer:
        return await overlaps_answer(
            connection, settings, signal=signal, distance=distance, min_sites=min_sites, limit=limit
        )

    print_answer(asked(ask, timeout), Shape(json, csv, table, pictures, lines=True))


def _export_overlaps(file: Path, signal: str, timeout: float) -> None:
    from samelook.inspector.overlaps_export import Exported, export_overlaps

    async def ask(connection: Connection, settings: InspectorSettings) -> Exported:
        return await export_overlaps(connection, settings, file, signal=signal)

    done = asked(ask, timeout)
    tell(f"{counted(done.rows, 'row')} of {counted(done.pictures, 'picture')} in {file}.")


@app.command()
def errors(
    phase: Annotated[
        str | None,
        typer.Option(
            "--phase",
            help="Only this phase: domains, icons or hashes.",
            autocompletion=completions.phases,
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="Only this kind of error.", autocompletion=completions.error_kinds),
    ] = None,
    since: SinceOption = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    timeout: TimeoutOption = 10.0,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """Which sites failed, with which errors and how often; the newest first.

    For example:

        samelook inspect errors --since 12h

        samelook inspect errors --phase icons --kind timeout --json

        samelook inspect errors --csv --table kinds
    """
    from samelook.inspector.failures import errors_answer

    moment = None if since is None else moment_of(since)

    print_rows(
        errors_answer,
        timeout,
        Shape(json, csv, table),
        phase=cast("Any", phase),
        kind=kind,
        since=moment,
        limit=limit,
        after=after,
    )


@app.command()
def grey(
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason",
            help="Only this reason, such as no_icon or hashing_failed.",
            autocompletion=completions.grey_reasons,
        ),
    ] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    timeout: TimeoutOption = 10.0,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """Which sites are grey, and why.

    For example:

        samelook inspect grey --reason no_icon --csv
    """
    from samelook.inspector.opinions import grey_answer

    print_rows(grey_answer, timeout, Shape(json, csv, table), reason=reason, limit=limit, after=after)


@app.command()
def reports(
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            help="Only these: unlock, flag or false_lock.",
            autocompletion=completions.report_kinds,
        ),
    ] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    timeout: TimeoutOption = 10.0,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """What people reported, the newest first. Who they are is neither shown nor known.

    For example:

        samelook inspect reports --kind false_lock
    """
    from samelook.inspector.opinions import reports_answer

    print_rows(reports_answer, timeout, Shape(json, csv, table), kind=kind, limit=limit, after=after)


@app.command()
def queue(
    timeout: TimeoutOption = 10.0,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """What is due, leased and oldest in each phase; the workers and their last sign of life.

    For example:

        samelook inspect queue --json
    """
    from samelook.inspector.queues import queue_answer

    print_answer(asked(queue_answer, timeout), Shape(json, csv, table))


@app.command()
def health(
    timeout: TimeoutOption = 10.0,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """Whether something needs a person. Exit status 1 when it does, so that cron can tell you.

    Example, in a crontab:

        */10 * * * * samelook inspect health >/tmp/health || mail -s Samelook me@example.com </tmp/health
    """
    from samelook.inspector.health import health_answer

    answer = asked(health_answer, timeout)
    print_answer(answer, Shape(json, csv, table))
    if not answer.facts["healthy"]:
        raise typer.Exit(1)
