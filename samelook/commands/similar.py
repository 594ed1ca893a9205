"""`samelook similar`: who among a folder of icons has the same look as others."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from samelook.commands.given import files_of, in_order, picture_limits, read_picture, shown
from samelook.terminal.console import counted, err, say, tell

if TYPE_CHECKING:
    from samelook.hashing.errors import HashingError
    from samelook.hashing.picture import DecodeLimits
    from samelook.hashing.sandbox import Sandbox
    from samelook.looks.gallery import Alike, Gallery
    from samelook.looks.look import Look
    from samelook.looks.rules import LookRule

    Read = tuple[Path, list[Look] | HashingError]
    Print = Callable[[Path, Sequence[Alike] | HashingError], None]

_MOST_WORKERS = 8
_AHEAD = 16
"""Files read ahead for each worker."""
_TOGETHER = 64
"""Icons searched for at once."""


class RuleChoice(StrEnum):
    """The rules by name, for the command line."""

    STRICT = "strict"
    STANDARD = "standard"
    WIDE = "wide"


def similar(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Icons to look for; a folder stands for its files, - for one on standard input.",
            allow_dash=True,
        ),
    ],
    *,
    among: Annotated[
        Path, typer.Option("--among", metavar="FOLDER", help="The folder of icons to look among.")
    ],
    rule: Annotated[
        RuleChoice, typer.Option("--rule", help="How much alike two looks must be; strict is the surest.")
    ] = RuleChoice.STANDARD,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line instead of a table.")
    ] = False,
) -> None:
    """Find who among a folder of icons has the same look: resized, re-encoded, padded, tinted, badged.

    Every frame of an ICO counts. A file that lies in the folder is found there too. Files that are no
    images are reported, everything else is still compared, and the exit status is 1.

    For example:

        samelook similar --among trusted-icons/ favicon.ico logo.svg --rule strict --json
    """
    import asyncio

    from samelook.looks.rules import RULES

    if not among.is_dir():
        tell(f"samelook similar: {shown(among)} is no folder.")
        raise typer.Exit(2)
    stored = list(files_of([among]))
    show = _json_lines(stored) if as_json else _lines(stored)
    if not asyncio.run(_report(stored, list(files_of(files)), RULES[rule.value], show)):
        raise typer.Exit(1)


async def _report(stored: list[Path], files: list[Path], rule: LookRule, show: Print) -> bool:
    """Shows what each file is like, in the given order; whether all files could be read."""
    from samelook.hashing.sandbox import Sandbox
    from samelook.looks.gallery import Gallery

    gallery = Gallery()
    limits, process_limits = picture_limits()
    workers = min(os.cpu_count() or 1, _MOST_WORKERS)
    async with Sandbox(workers, process_limits, limits) as sandbox:
        all_read = await _fill(gallery, _looks(sandbox, stored, limits, workers), len(stored))
        # On a terminal the progress bar and the results would share lines: results come when it is gone.
        held: list[tuple[Path, Sequence[Alike] | HashingError]] = []
        now: Print = (lambda file, found: held.append((file, found))) if err().is_terminal else show
        with _progress("Comparing", len(files)) as advance:
            batch: list[Read] = []
            async for look in _looks(sandbox, files, limits, workers):
                batch.append(look)
                if len(batch) == _TOGETHER:
                    all_read &= _compare(batch, gallery, rule, now)
                    advance(len(batch))
                    batch.clear()
            all_read &= _compare(batch, gallery, rule, now)
            advance(len(batch))
        for file, found in held:
            show(file, found)
    return all_read


async def _fill(gallery: Gallery, files: AsyncIterator[Read], count: int) -> bool:
    """Puts the folder's files into the gallery, by their place in it; whether all could be read."""
    from samelook.hashing.errors import HashingError

    all_read = True
    number = 0
    with _progress("Reading the folder", count) as advance:
        async for file, looks in files:
            if isinstance(looks, HashingError):
                all_read = False
                _complain(file, looks)
            else:
                gallery.add(number, looks)
            number += 1
            advance(1)
    return all_read


def _compare(batch: list[Read], gallery: Gallery, rule: LookRule, show: Print) -> bool:
    from samelook.hashing.errors import HashingError

    icons = [[] if isinstance(looks, HashingError) else looks for _, looks in batch]
    for (file, looks), alike in zip(batch, gallery.alike(icons, rule), strict=True):
        if isinstance(looks, HashingError):
            _complain(file, looks)
            show(file, looks)
        else:
            show(file, alike)
    return not any(isinstance(looks, HashingError) for _, looks in batch)


def _looks(
    sandbox: Sandbox, files: Sequence[Path], limits: DecodeLimits, workers: int
) -> AsyncIterator[Read]:
    """Each file with the looks of its frames or what went wrong, in the given order, some read ahead."""

    async def of(file: Path) -> list[Look] | HashingError:
        return await _outcome(sandbox, file, limits)

    return in_order(files, of, ahead=_AHEAD * workers)


async def _outcome(sandbox: Sandbox, file: Path, limits: DecodeLimits) -> list[Look] | HashingError:
    import asyncio

    from samelook.hashing.errors import HashingError
    from samelook.looks.files import looks_in, looks_of_file

    try:
        data = await asyncio.to_thread(read_picture, file)
        return looks_in(await sandbox.run(looks_of_file, data, limits))
    except HashingError as error:
        return error


def _json_lines(stored: Sequence[Path]) -> Print:
    from samelook.hashing.errors import HashingError

    def show(file: Path, found: Sequence[Alike] | HashingError) -> None:
        line: dict[str, object] = {"file": str(file), "matches": []}
        if isinstance(found, HashingError):
            line["error"] = {"kind": found.kind, "message": found.message}
        else:
            line["matches"] = [
                {
                    "file": str(stored[match.number]),
                    "form": match.match.form,
                    "pdq": match.match.pdq,
                    "colour": match.match.colour,
                    "rule": match.match.rule,
                    "version": match.match.version,
                }
                for match in found
            ]
        typer.echo(json.dumps(line))

    return show


def _lines(stored: Sequence[Path]) -> Print:
    from samelook.hashing.errors import HashingError
    from samelook.terminal.console import out
    from samelook.terminal.tables import Table

    def show(file: Path, found: Sequence[Alike] | HashingError) -> None:
        if isinstance(found, HashingError):
            return
        number = counted(len(found), "icon") if found else "no icons"
        say(f"{shown(file)}: {number} of the same look")
        rows = [
            (
                match.match.rule,
                match.match.form,
                match.match.version,
                match.match.pdq,
                float(match.match.colour),
                shown(stored[match.number]),
            )
            for match in found
        ]
        if rows:
            out().print(Table(("rule", "form", "this icon", "pdq", "colour", "icon"), rows))

    return show


def _complain(file: Path, error: HashingError) -> None:
    tell(f"{shown(file)}: {error.message}")


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while the block runs, a line at its end where nobody watches a terminal."""
    import time

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    started = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err(), transient=True, disable=not err().is_terminal) as bars:
        task = bars.add_task(what, total=total)
        yield lambda done: bars.advance(task, done)
    if not err().is_terminal:
        tell(f"{what}: {counted(total, 'icon')} in {time.monotonic() - started:.1f} s")
