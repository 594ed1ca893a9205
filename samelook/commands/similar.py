"""`samelook similar`: who among a folder of icons has the same look as others."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
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
    from samelook.looks.gallery import Alike
    from samelook.looks.look import Look
    from samelook.looks.mark_gallery import MarkGallery, SameMark

    Read = tuple[Path, list[Look] | HashingError]
    Found = Sequence[Alike | SameMark]
    Print = Callable[[Path, Found | HashingError], None]

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
    MARK = "mark"


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
        RuleChoice,
        typer.Option(
            "--rule",
            help="How much alike two looks must be; strict is the surest, mark finds other renditions too.",
        ),
    ] = RuleChoice.STANDARD,
    pictures: Annotated[
        Path | None,
        typer.Option(
            "--pictures",
            metavar="FOLDER",
            help="With --rule mark, draw into this folder how each two signs lie on each other.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line instead of a table.")
    ] = False,
) -> None:
    """Find who among a folder of icons has the same look: resized, re-encoded, padded, tinted, badged.

    With --rule mark also who shows the same mark in another rendition: in other colours, on another ground,
    as an outline. Such a match is a hint, no proof: one in a hundred thousand pairs of brands is one too.
    --pictures shows why: the two signs, the first as it was laid on the second, and both together, green
    where they agree, red where only the first one has something, blue where only the second.

    Every frame of an ICO counts. A file that lies in the folder is found there too. Files that are no
    images are reported, everything else is still compared, and the exit status is 1.

    For example:

        samelook similar --among trusted-icons/ favicon.ico logo.svg --rule strict --json
    """
    import asyncio

    if not among.is_dir():
        tell(f"samelook similar: {shown(among)} is no folder.")
        raise typer.Exit(2)
    if pictures is not None and rule is not RuleChoice.MARK:
        tell("samelook similar: --pictures goes with --rule mark.")
        raise typer.Exit(2)
    stored = list(files_of([among]))
    like = "of the same mark" if rule is RuleChoice.MARK else "of the same look"
    show = _json_lines(stored) if as_json else _lines(stored, like)
    icons = _Icons(rule, stored, pictures)
    if not asyncio.run(_report(stored, list(files_of(files)), icons, show)):
        raise typer.Exit(1)


class _Icons:
    """The folder's icons, and who among them is like others under a rule."""

    def __init__(self, rule: RuleChoice, stored: list[Path], pictures: Path | None) -> None:
        from samelook.looks.gallery import Gallery
        from samelook.looks.mark_gallery import MarkGallery
        from samelook.looks.rules import RULES, WIDE

        self._gallery = Gallery()
        self._marks: MarkGallery | None = MarkGallery() if rule is RuleChoice.MARK else None
        self._rule = next((RULES[name] for name in RULES if name == rule.value), WIDE)
        self._stored, self._pictures = stored, pictures
        self._drawn = 0

    def add(self, number: int, looks: Sequence[Look]) -> None:
        self._gallery.add(number, looks)
        if self._marks is not None:
            self._marks.add(number, looks)

    def alike(self, files: Sequence[Path], icons: Sequence[Sequence[Look]]) -> list[Found]:
        """For each file's icon who has its look, then who shows its mark."""
        looks = self._gallery.alike(icons, self._rule)
        if self._marks is None:
            return list(looks)
        found: list[Found] = []
        for file, icon, same, marks in zip(files, icons, looks, self._marks.alike(icons), strict=True):
            numbers = {match.number for match in same}
            others = (mark for mark in marks if mark.number not in numbers)
            found.append([*same, *(self._shown(file, icon, mark) for mark in others)])
        return found

    def _shown(self, file: Path, icon: Sequence[Look], mark: SameMark) -> SameMark:
        """The match, with a picture of it if pictures are wanted."""
        if self._pictures is None or self._marks is None:
            return mark
        self._drawn += 1
        name = f"{self._drawn:05}-{file.stem}-{self._stored[mark.number].stem}.png"
        self._pictures.mkdir(parents=True, exist_ok=True)
        (self._pictures / name).write_bytes(self._marks.agreement(icon, mark.number))
        return replace(mark, picture=str(self._pictures / name))


async def _report(stored: list[Path], files: list[Path], icons: _Icons, show: Print) -> bool:
    """Shows what each file is like, in the given order; whether all files could be read."""
    from samelook.hashing.sandbox import Sandbox

    limits, process_limits = picture_limits()
    workers = min(os.cpu_count() or 1, _MOST_WORKERS)
    async with Sandbox(workers, process_limits, limits) as sandbox:
        all_read = await _fill(icons, _looks(sandbox, stored, limits, workers), len(stored))
        # On a terminal the progress bar and the results would share lines: results come when it is gone.
        held: list[tuple[Path, Found | HashingError]] = []
        now: Print = (lambda file, found: held.append((file, found))) if err().is_terminal else show
        with _progress("Comparing", len(files)) as advance:
            batch: list[Read] = []
            async for look in _looks(sandbox, files, limits, workers):
                batch.append(look)
                if len(batch) == _TOGETHER:
                    all_read &= _compare(batch, icons, now)
                    advance(len(batch))
                    batch.clear()
            all_read &= _compare(batch, icons, now)
            advance(len(batch))
        for file, found in held:
            show(file, found)
    return all_read


async def _fill(icons: _Icons, files: AsyncIterator[Read], count: int) -> bool:
    """Takes over the folder's files, by their place in it; whether all could be read."""
    from samelook.hashing.errors import HashingError

    all_read = True
    number = 0
    with _progress("Reading the folder", count) as advance:
        async for file, looks in files:
            if isinstance(looks, HashingError):
                all_read = False
                _complain(file, looks)
            else:
                icons.add(number, looks)
            number += 1
            advance(1)
    return all_read


def _compare(batch: list[Read], icons: _Icons, show: Print) -> bool:
    from samelook.hashing.errors import HashingError

    asked = [[] if isinstance(looks, HashingError) else looks for _, looks in batch]
    files = [file for file, _ in batch]
    for (file, looks), alike in zip(batch, icons.alike(files, asked), strict=True):
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

    def show(file: Path, found: Found | HashingError) -> None:
        line: dict[str, object] = {"file": str(file), "matches": []}
        if isinstance(found, HashingError):
            line["error"] = {"kind": found.kind, "message": found.message}
        else:
            line["matches"] = [{"file": str(stored[match.number]), **_as_json(match)} for match in found]
        typer.echo(json.dumps(line))

    return show


def _lines(stored: Sequence[Path], like: str) -> Print:
    from samelook.hashing.errors import HashingError
    from samelook.terminal.console import out
    from samelook.terminal.tables import Table

    def show(file: Path, found: Found | HashingError) -> None:
        if isinstance(found, HashingError):
            return
        number = counted(len(found), "icon") if found else "no icons"
        say(f"{shown(file)}: {number} {like}")
        rows = [(*_row(match), shown(stored[match.number])) for match in found]
        if rows:
            out().print(Table(("rule", "form", "this icon", "pdq", "colour", "icon"), rows))

    return show


def _as_json(match: Alike | SameMark) -> dict[str, object]:
    """Why an icon was found, for programs."""
    from samelook.looks.gallery import Alike

    if isinstance(match, Alike):
        why = match.match
        return {
            "form": why.form,
            "pdq": why.pdq,
            "colour": why.colour,
            "rule": why.rule,
            "version": why.version,
        }
    return {
        "form": match.form,
        "rule": RuleChoice.MARK.value,
        "version": match.asked,
        "cosine": match.cosine,
        "points": match.points,
        **({"picture": match.picture} if match.picture else {}),
    }


def _row(match: Alike | SameMark) -> tuple[object, ...]:
    """The same as a line of the table."""
    from samelook.looks.gallery import Alike

    if isinstance(match, Alike):
        why = match.match
        return why.rule, why.form, why.version, why.pdq, float(why.colour)
    return RuleChoice.MARK.value, match.form, match.asked, None, None


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
