"""`samelook hash`: the signals of picture files, one JSON object or one table a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from samelook.commands.given import STDIN, files_of, in_order, picture_limits, read_picture, shown
from samelook.terminal.console import counted, say, tell

if TYPE_CHECKING:
    from samelook.hashing.errors import HashingError
    from samelook.hashing.picture import DecodeLimits
    from samelook.hashing.sandbox import Sandbox
    from samelook.hashing.signals import HashedPicture

_MOST_WORKERS = 4


def hash_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Pictures to hash; a folder stands for its files, - for one on standard input.",
            allow_dash=True,
        ),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line instead of tables.")
    ] = False,
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            file_okay=False,
            help="Write what was hashed as FOLDER/FILE.png, further frames as FOLDER/FILE.2.png and so on.",
        ),
    ] = None,
) -> None:
    """Hash pictures as they are given: PDQ, pHash, the four blockhashes, MD5, SHA-256, favicon MMH3.

    Of an ICO it is the largest frame that is hashed, of an animation the first. Pictures are decoded in
    worker processes with limits, so hostile files do no harm. A file that is no image is reported, the
    others are still hashed, and the exit status is 1.

    For example:

        samelook hash favicon.ico logo.svg --json

        samelook hash icons/
    """
    import asyncio

    found = list(files_of(files))
    if pictures is not None:
        names = [file.name for file in found]
        if len(set(names)) < len(names):
            raise typer.BadParameter("Two files have one name: their pictures would overwrite each other.")
        try:
            pictures.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise typer.BadParameter(f"The folder cannot be made: {error.strerror}.") from error
    if not asyncio.run(_report(found, as_json=as_json, pictures=pictures)):
        raise typer.Exit(1)


async def _report(files: list[Path], *, as_json: bool, pictures: Path | None) -> bool:
    """Prints each file's line or table in the given order; whether all could be hashed."""
    import os

    from samelook.hashing.errors import HashingError
    from samelook.hashing.sandbox import Sandbox
    from samelook.settings import load_settings

    all_hashed = True
    workers = max(min(len(files), os.cpu_count() or 1, _MOST_WORKERS), 1)
    limits, process_limits = picture_limits()
    optional = load_settings().crawl.optional_signals
    async with Sandbox(workers, process_limits, limits, optional_signals=optional) as sandbox:

        async def hashed(file: Path) -> HashedPicture | HashingError:
            return await _outcome(sandbox, file, limits, pictures)

        async for file, outcome in in_order(files, hashed, ahead=2 * workers):
            failed = isinstance(outcome, HashingError)
            all_hashed = all_hashed and not failed
            if as_json:
                typer.echo(json.dumps(_line(file, outcome)))
            elif isinstance(outcome, HashingError):
                tell(f"{shown(file)}: {outcome.message}")
            else:
                _print_facts(file, outcome)
    return all_hashed


async def _outcome(
    sandbox: Sandbox, file: Path, limits: DecodeLimits, pictures: Path | None
) -> HashedPicture | HashingError:
    import asyncio

    from samelook.hashing.errors import HashingError

    try:
        data = await asyncio.to_thread(read_picture, file)
        if pictures is not None:
            # Before hashing: of an SVG that is refused as blank or partly drawn, people want to see it most.
            await _write_pictures(sandbox, data, limits, pictures / ("stdin" if file == STDIN else file.name))
        return await sandbox.hash(data)
    except HashingError as error:
        return error


async def _write_pictures(sandbox: Sandbox, data: bytes, limits: DecodeLimits, target: Path) -> None:
    """Every frame as a PNG file; the first without a number."""
    import asyncio

    from samelook.hashing.errors import Unreadable
    from samelook.hashing.pngs import pngs_of

    frames = await sandbox.run(pngs_of, data, limits)
    for number, png in enumerate(frames if isinstance(frames, list) else [], 1):
        path = target.with_name(f"{target.name}.png" if number == 1 else f"{target.name}.{number}.png")
        try:
            await asyncio.to_thread(path.write_bytes, png if isinstance(png, bytes) else b"")
        except OSError as error:
            raise Unreadable(f"{path} cannot be written: {error.strerror}.") from error


def _line(file: Path, outcome: HashedPicture | HashingError) -> dict[str, object]:
    from samelook.hashing.errors import HashingError

    if isinstance(outcome, HashingError):
        return {"file": str(file), "error": {"kind": outcome.kind, "message": outcome.message}}
    return {
        "file": str(file),
        "width": outcome.width,
        "height": outcome.height,
        "format": outcome.format,
        "frames": outcome.frames,
        "hashed_frame": _which(outcome),
        "signals": outcome.signals,
    }


def _which(picture: HashedPicture) -> str:
    """Which of its frames was hashed."""
    if picture.frames == 1:
        return "only"
    return "largest" if picture.format == "ico" else "first"


def _print_facts(file: Path, picture: HashedPicture) -> None:
    from samelook.terminal.console import out
    from samelook.terminal.tables import Properties

    of_frames = ""
    if picture.frames > 1:
        of_frames = f", the {_which(picture)} of {counted(picture.frames, 'frame')}"
    say(f"{shown(file)}: {picture.format}, {picture.width}x{picture.height}{of_frames}")
    out().print(Properties(picture.signals))
