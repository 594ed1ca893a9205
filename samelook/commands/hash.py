"""`samelook hash`: the signals of picture files, one JSON object or one table a file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from samelook.hashing.errors import HashingError
    from samelook.hashing.picture import DecodeLimits
    from samelook.hashing.sandbox import Sandbox
    from samelook.hashing.signals import HashedPicture

_STDIN = Path("-")
_MOST_WORKERS = 4
# A person asks for these files by name, so they may be photographs: larger limits than for the web's.
_MAX_FILE_BYTES = 64 * 1024 * 1024
_MAX_PIXELS = 50_000_000
_MEMORY_BYTES = 4 * 1024**3
_SECONDS = 60.0
_TABLE_WIDTH = 90


def hash_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="Pictures to hash; - reads one from standard input.", allow_dash=True
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

    They are decoded in worker processes with limits, so hostile files do no harm. A file that is no image is
    reported, the others are still hashed, and the exit status is 1.

    Example: samelook hash favicon.ico logo.svg --json
    """
    import asyncio

    if pictures is not None:
        names = [file.name for file in files]
        if len(set(names)) < len(names):
            raise typer.BadParameter("Two files have one name: their pictures would overwrite each other.")
        try:
            pictures.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise typer.BadParameter(f"The folder cannot be made: {error.strerror}.") from error
    if not asyncio.run(_report(files, as_json=as_json, pictures=pictures)):
        raise typer.Exit(1)


async def _report(files: list[Path], *, as_json: bool, pictures: Path | None) -> bool:
    """Prints each file's line or table in the given order; whether all could be hashed."""
    from samelook.hashing.errors import HashingError

    all_hashed = True
    async for file, outcome in _hashed(files, pictures):
        failed = isinstance(outcome, HashingError)
        all_hashed = all_hashed and not failed
        if as_json:
            typer.echo(json.dumps(_line(file, outcome)))
        elif isinstance(outcome, HashingError):
            typer.echo(f"{_shown(file)}: {outcome.message}", err=True)
        else:
            _print_table(file, outcome)
    return all_hashed


async def _hashed(
    files: list[Path], pictures: Path | None
) -> AsyncIterator[tuple[Path, HashedPicture | HashingError]]:
    """Each file with its signals or what went wrong, a few at a time, in the given order."""
    import asyncio
    import os

    from samelook.hashing.picture import DecodeLimits
    from samelook.hashing.sandbox import Sandbox
    from samelook.hashing.settings import SandboxLimits
    from samelook.settings import load_settings

    workers = min(len(files), os.cpu_count() or 1, _MOST_WORKERS)
    limits = DecodeLimits(max_bytes=_MAX_FILE_BYTES, max_pixels=_MAX_PIXELS)
    async with Sandbox(
        workers,
        SandboxLimits(seconds=_SECONDS, memory_bytes=_MEMORY_BYTES),
        limits,
        optional_signals=load_settings().crawl.optional_signals,
    ) as sandbox:
        ahead: list[asyncio.Task[HashedPicture | HashingError]] = []
        for index, file in enumerate(files):
            while len(ahead) < 2 * workers and index + len(ahead) < len(files):
                ahead.append(
                    asyncio.create_task(_outcome(sandbox, files[index + len(ahead)], limits, pictures))
                )
            yield file, await ahead.pop(0)


async def _outcome(
    sandbox: Sandbox, file: Path, limits: DecodeLimits, pictures: Path | None
) -> HashedPicture | HashingError:
    import asyncio

    from samelook.hashing.errors import HashingError

    try:
        data = await asyncio.to_thread(_read, file)
        if pictures is not None:
            # Before hashing: of an SVG that is refused as blank or partly drawn, people want to see it most.
            await _write_pictures(
                sandbox, data, limits, pictures / ("stdin" if file == _STDIN else file.name)
            )
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


def _read(file: Path) -> bytes:
    """The file's bytes, up to one more than the limit, so that an endless one is refused and not read."""
    import sys

    from samelook.hashing.errors import Unreadable

    try:
        if file == _STDIN:
            return sys.stdin.buffer.read(_MAX_FILE_BYTES + 1)
        with file.open("rb") as opened:
            return opened.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"The file cannot be read: {error.strerror}.") from error


def _line(file: Path, outcome: HashedPicture | HashingError) -> dict[str, object]:
    from samelook.hashing.errors import HashingError

    if isinstance(outcome, HashingError):
        return {"file": str(file), "error": {"kind": outcome.kind, "message": outcome.message}}
    return {
        "file": str(file),
        "width": outcome.width,
        "height": outcome.height,
        "format": outcome.format,
        "signals": outcome.signals,
    }


def _shown(file: Path) -> str:
    """The name as text; bytes of it that are no UTF-8 as question marks."""
    return str(file).encode("utf-8", "replace").decode()


def _print_table(file: Path, picture: HashedPicture) -> None:
    from rich.console import Console
    from rich.table import Table

    frames = f", {picture.frames} frames" if picture.frames > 1 else ""
    typer.echo(f"{_shown(file)}: {picture.format}, {picture.width}x{picture.height}{frames}")
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True, style="cyan")
    table.add_column(no_wrap=True)
    for name, value in picture.signals.items():
        table.add_row(name, value)
    # Hashes are there to be copied: a narrow terminal may wrap them, but no line break may get in.
    Console(width=max(Console().width, _TABLE_WIDTH)).print(table)
