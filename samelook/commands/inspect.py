"""`samelook inspect`: ask the database about sites, looks, errors, the queue and its health."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from samelook.commands import completions, inspect_inject
from samelook.hashing.table import COMPARED

if TYPE_CHECKING:
    from samelook.inspector.listing import Answer
    from samelook.inspector.looks import Look
    from samelook.inspector.settings import InspectorSettings
    from samelook.inspector.thumbnails import Thumbnail
    from samelook.settings import Settings
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

JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of tables.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="CSV instead of tables; one table, see --table.")]
TableOption = Annotated[
    str | None, typer.Option("--table", help="With --csv: which table. Default: the first that has rows.")
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Rows of a page.")]
AfterOption = Annotated[
    str | None, typer.Option("--after", help="Go on where a page ended: the word that it printed.")
]
SignalOption = Annotated[
    str,
    typer.Option(
        "--signal",
        help=f"What look-alikes are compared by: {', '.join(signal.name for signal in COMPARED)}.",
        autocompletion=completions.signals,
    ),
]
DistanceOption = Annotated[
    int | None,
    typer.Option(
        "--distance", min=0, help="Bits that may differ. Default: 31 of 256, 8 of 64.", show_default=False
    ),
]
NearOption = Annotated[
    bool, typer.Option("--near", help="Compare all pictures also when there are very many of them.")
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=0.1, help="Seconds that one statement may take in the database.")
]
PicturesOption = Annotated[
    bool | None,
    typer.Option(
        "--pictures/--no-pictures", help="Draw the icons. Default: on a terminal.", show_default=False
    ),
]


@dataclass(frozen=True, slots=True)
class Shape:
    """How an answer is printed."""

    json: bool = False
    csv: bool = False
    table: str | None = None
    pictures: bool | None = False
    lines: bool = False
    """With `json`: a line for each row instead of one for all."""
    gallery: bool = False
    """Pictures above the tables and larger, instead of in their rows."""


@app.command()
def site(
    domain: Annotated[str, typer.Argument(help="A domain, or a URL of it.", show_default=False)],
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

    Examples:
        samelook inspect site example.com

        samelook inspect site example.com --signal blockhash16 --distance 12

        samelook inspect site example.com --csv --table look_alikes
    """
    from samelook.inspector.sites import site_answer

    async def ask(connection: Connection, settings: InspectorSettings) -> Answer:
        return await site_answer(
            connection,
            settings,
            domain,
            signal=signal,
            distance=distance,
            near=near,
            limit=limit,
            verdict=verdict,
        )

    print_answer(asked(ask, timeout), Shape(json, csv, table, pictures, gallery=True))


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

    Examples:
        samelook inspect look logo.png

        samelook inspect look https://example.com/

        samelook inspect look --signal phash c3d3969c3c2c6969

        samelook inspect look -- -1234567890
    """
    from samelook.inspector.looks import look_answer, look_of_hash
    from samelook.settings import load_settings

    found = run_question(_look_given(picture, load_settings()))

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

    Examples:
        samelook inspect overlaps --distance 0

        samelook inspect overlaps --signal blockhash16 --min-sites 10 --json
    """
    from samelook.inspector.overlaps import overlaps_answer

    async def ask(connection: Connection, settings: InspectorSettings) -> Answer:
        return await overlaps_answer(
            connection, settings, signal=signal, distance=distance, min_sites=min_sites, limit=limit
        )

    print_answer(asked(ask, timeout), Shape(json, csv, table, pictures, lines=True))


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
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            help="Only after this: 90m, 12h, 7d ago, or a date and time (ISO 8601, UTC).",
            autocompletion=completions.spans,
        ),
    ] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    timeout: TimeoutOption = 10.0,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """Which sites failed, with which errors and how often; the newest first.

    Examples:
        samelook inspect errors --since 12h

        samelook inspect errors --phase icons --kind timeout --json

        samelook inspect errors --csv --table kinds
    """
    from samelook.inspector.failures import errors_answer

    moment = None if since is None else moment_of(since)

    async def ask(connection: Connection, _: InspectorSettings) -> Answer:
        return await errors_answer(
            connection, phase=cast("Any", phase), kind=kind, since=moment, limit=limit, after=after
        )

    print_answer(asked(ask, timeout), Shape(json, csv, table, lines=True))


@app.command()
def grey(
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason",
            help="Only this reason, such as no_icon or shared_look.",
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

    Example:
        samelook inspect grey --reason no_icon --csv
    """
    from samelook.inspector.opinions import grey_answer

    async def ask(connection: Connection, _: InspectorSettings) -> Answer:
        return await grey_answer(connection, reason=reason, limit=limit, after=after)

    print_answer(asked(ask, timeout), Shape(json, csv, table, lines=True))


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

    Example:
        samelook inspect reports --kind false_lock
    """
    from samelook.inspector.opinions import reports_answer

    async def ask(connection: Connection, _: InspectorSettings) -> Answer:
        return await reports_answer(connection, kind=kind, limit=limit, after=after)

    print_answer(asked(ask, timeout), Shape(json, csv, table, lines=True))


@app.command()
def queue(
    timeout: TimeoutOption = 10.0,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """What is due, leased and oldest in each phase; the workers and their last sign of life.

    Example:
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


def asked(question: Question, timeout: float) -> Answer:
    """The answer; what the asker can mend ends the command with one line and status 1 (2: bad usage)."""
    from samelook.inspector.settings import InspectorSettings
    from samelook.postgres.configured import configured_database
    from samelook.settings import load_settings

    settings = load_settings()
    choices = InspectorSettings(
        statement_timeout_s=timeout,
        page_stale_s=settings.crawl.page_stale_s,
        icon_stale_s=settings.crawl.icon_stale_s,
    )

    async def ask(url: str) -> Answer:
        from samelook.inspector.reading import reading

        async with reading(settings.database_at(url), choices) as connection:
            return await question(connection, choices)

    with configured_database(settings, migrated=False) as url:
        answer: Answer = run_question(ask(url))
    return answer


def run_question(main: Any) -> Any:
    """Run a coroutine; what the asker can mend is one line on standard error and an exit status."""
    import asyncpg

    from samelook.crawler.errors import CrawlError
    from samelook.hashing.errors import HashingError
    from samelook.inspector.errors import BadQuestion, InspectorError
    from samelook.inspector.plain_text import harmless

    try:
        return asyncio.run(main)
    except (InspectorError, CrawlError, HashingError) as error:
        typer.echo(f"samelook inspect: {harmless(error.message)}", err=True)
        raise typer.Exit(2 if isinstance(error, BadQuestion) else 1) from error
    except asyncpg.UndefinedTableError as error:
        typer.echo("samelook inspect: the schema is not up to date; run `samelook db migrate`.", err=True)
        raise typer.Exit(1) from error


def print_answer(answer: Answer, shape: Shape) -> None:
    from samelook.terminal.inspect_display import (
        as_csv,
        as_json,
        as_json_lines,
        as_tables,
        console_for,
        gallery,
    )

    if shape.json:
        text = as_json_lines(answer) if shape.lines else as_json(answer)
        if text:
            typer.echo(text)
        return
    if shape.csv:
        typer.echo(as_csv(_table_of(answer, shape.table)))
        return
    console = console_for(colours=shape.pictures is True)
    wanted = console.is_terminal if shape.pictures is None else shape.pictures
    drawn = run_question(_drawn(answer, 16 if shape.gallery else 8)) if wanted and answer.bodies else {}
    if shape.gallery and drawn:
        console.print(gallery(drawn))
        drawn = {}
    console.print(as_tables(answer, drawn))


def _table_of(answer: Answer, name: str | None) -> Any:
    names = [listing.name for listing in answer.listings]
    if name is not None and name not in names:
        raise typer.BadParameter(f"there is {', '.join(names)}", param_hint="--table")
    if name is None:
        full = [listing.name for listing in answer.listings if listing.rows]
        name = full[0] if full else names[0]
    return answer.listings[names.index(name)]


async def _drawn(answer: Answer, side: int) -> dict[str, Thumbnail]:
    from samelook.hashing.sandbox import Sandbox
    from samelook.inspector.thumbnails import thumbnails

    async with Sandbox(workers=1) as sandbox:
        return await thumbnails(sandbox, answer.bodies, side)


async def _look_given(text: str, settings: Settings) -> Look | None:
    """The look of a file or of what a URL gives; None when the text is neither."""
    from samelook.hashing.sandbox import Sandbox
    from samelook.inspector.looks import look_of_signals
    from samelook.looks.files import looks_in, looks_of_file

    async with Sandbox(workers=1) as sandbox:
        if "://" in text:
            body = await _picture_at(text, settings, sandbox)
        else:
            file = Path(text)
            if not await asyncio.to_thread(file.is_file):
                return None
            body = await asyncio.to_thread(file.read_bytes)
        picture = await sandbox.hash(body)
        looks = looks_in(await sandbox.run(looks_of_file, body))
    return look_of_signals(picture.signals, [look for look in looks if look.forms])


async def _picture_at(url: str, settings: Settings, sandbox: Any) -> bytes:
    """The picture that a URL gives, or the icon that the page there shows."""
    from samelook.crawler.discovery.discover import discover
    from samelook.crawler.discovery.icon_fetch import fetch_icons, icon_response
    from samelook.crawler.fetching.fetcher import Fetcher
    from samelook.hashing.errors import HashingError
    from samelook.inspector.errors import NoSuchLook

    async with Fetcher(settings.fetch) as fetcher:
        response = await icon_response(fetcher, url)
        if response.ok:
            try:
                await sandbox.hash(response.body, types=("sha256",))
            except HashingError as error:
                if error.kind not in {"not_an_image", "empty"}:
                    raise
            else:
                return response.body
        icons = (await fetch_icons(fetcher, sandbox, await discover(fetcher, url))).found
        shown = next((icon for icon in icons if icon.displayed), icons[0] if icons else None)
        if shown is None:
            raise NoSuchLook(f"{url[:200]} is no picture, and no page with an icon.", url=url[:2000])
        return (await icon_response(fetcher, shown.candidate.url)).body


def moment_of(text: str) -> datetime:
    """`90m`, `12h` or `7d` ago, or a moment in ISO 8601 (UTC where it names no zone)."""
    from datetime import UTC

    from samelook.terminal.spans import span_of

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC) - span_of(text, "--since")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
