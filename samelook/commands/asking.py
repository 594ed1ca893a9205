"""What the commands that ask the database have in common: their options, how they ask, how they print."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from samelook.commands import completions
from samelook.hashing.table import COMPARED

if TYPE_CHECKING:
    from samelook.inspector.listing import Answer
    from samelook.inspector.looks import SearchedLook
    from samelook.inspector.settings import InspectorSettings
    from samelook.inspector.thumbnails import Thumbnail
    from samelook.settings import Settings
    from samelook.sql.pool import Connection


_T = TypeVar("_T")
JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of tables.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="CSV instead of tables; one table, see --table.")]
TableOption = Annotated[
    str | None, typer.Option("--table", help="With --csv: which table. Default: the first that has rows.")
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Rows of a page.")]
AfterOption = Annotated[
    str | None, typer.Option("--after", help="Go on where a page ended: the word that it printed.")
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        help="Only after this: 90m, 12h, 7d ago, or a date and time (ISO 8601, UTC).",
        autocompletion=completions.spans,
    ),
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


def asked(question: Callable[[Connection, InspectorSettings], Awaitable[_T]], timeout: float) -> _T:
    """The answer; what the asker can mend ends the command with one line and status 1 (2: bad usage)."""
    from samelook.postgres.configured import configured_database
    from samelook.settings import load_settings

    settings = load_settings()
    choices = replace(settings.inspector, statement_timeout_s=timeout)

    async def ask(url: str) -> _T:
        from samelook.inspector.reading import reading

        async with reading(settings.database_at(url), choices) as connection:
            return await question(connection, choices)

    with configured_database(settings, migrated=False) as url:
        answer: _T = run_question(ask(url))
    return answer


def print_rows(
    question: Callable[..., Awaitable[Answer]], timeout: float, shape: Shape, **parameters: Any
) -> None:
    """Ask for a page of rows, with these parameters, and print it; as JSON a line each."""
    answer = asked(lambda connection, _: question(connection, **parameters), timeout)
    print_answer(answer, replace(shape, lines=True))


def run_question(main: Any) -> Any:
    """Run a coroutine; what the asker can mend is one line on standard error and an exit status."""
    import asyncpg

    from samelook.crawler.errors import CrawlError
    from samelook.hashing.errors import HashingError
    from samelook.inspector.errors import BadQuestion, InspectorError
    from samelook.terminal.console import tell

    try:
        return asyncio.run(main)
    except (InspectorError, CrawlError, HashingError) as error:
        tell(f"samelook inspect: {error.message}")
        raise typer.Exit(2 if isinstance(error, BadQuestion) else 1) from error
    except asyncpg.UndefinedTableError as error:
        tell("samelook inspect: the schema is not up to date; run `samelook db migrate`.")
        raise typer.Exit(1) from error


def print_answer(answer: Answer, shape: Shape) -> None:
    from samelook.terminal.console import coloured, out
    from samelook.terminal.inspect_display import (
        as_csv,
        as_json,
        as_json_lines,
        as_tables,
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
    console = coloured() if shape.pictures else out()
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


async def look_given(text: str, settings: Settings) -> SearchedLook | None:
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
        shown = next((icon for icon in icons if icon.displayed_by), icons[0] if icons else None)
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
