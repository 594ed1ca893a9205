"""What commands are given: names as arguments or on standard input, pictures in files and folders."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from samelook.hashing.picture import DecodeLimits
    from samelook.hashing.settings import SandboxLimits

_T = TypeVar("_T")
_R = TypeVar("_R")

STDIN = Path("-")
# A person asks for these files by name, so they may be photographs: larger limits than for the web's.
_MAX_FILE_BYTES = 64 * 1024 * 1024
_MAX_PIXELS = 50_000_000
_MEMORY_BYTES = 4 * 1024**3
_SECONDS = 60.0


def names_given(words: Iterable[str]) -> list[str]:
    """The names among `words`; `-` stands for those on standard input, one a line."""
    names: list[str] = []
    for word in words:
        if word == "-":
            lines = sys.stdin.buffer.read().decode("utf-8-sig", "replace").splitlines()
            names += [line.strip() for line in lines if line.strip()]
        else:
            names.append(word)
    return names


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and for a folder all in it and in its folders, by name, but for hidden ones.

    A name that starts with `https://` is refused: people try it, and "no such file" would not help them.
    """
    for path in paths:
        if str(path).startswith(("http:/", "https:/")):
            raise typer.BadParameter(
                f"{shown(path)} is a URL, not a file; `samelook icons` and `samelook inspect look` fetch",
                param_hint="FILE",
            )
        if path.is_dir():
            yield from _files_in(path)
        else:
            yield path


def _files_in(folder: Path) -> Iterator[Path]:
    closed: list[Path] = []  # what may not be listed is reported like a file that may not be read
    for here, folders, files in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(here) / name for name in sorted(files) if not name.startswith("."))
    yield from closed


def picture_limits() -> tuple[DecodeLimits, SandboxLimits]:
    """What a picture that somebody names may need, in itself and of the process that decodes it."""
    from samelook.hashing.picture import DecodeLimits
    from samelook.hashing.settings import SandboxLimits

    return (
        DecodeLimits(max_bytes=_MAX_FILE_BYTES, max_pixels=_MAX_PIXELS),
        SandboxLimits(seconds=_SECONDS, memory_bytes=_MEMORY_BYTES),
    )


def read_picture(file: Path) -> bytes:
    """The file's bytes, up to one more than the limit, so that an endless one is refused and not read.

    Raises samelook.hashing.errors.Unreadable.
    """
    from samelook.hashing.errors import Unreadable

    try:
        if file == STDIN:
            return sys.stdin.buffer.read(_MAX_FILE_BYTES + 1)
        with file.open("rb") as opened:
            return opened.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"The file cannot be read: {error.strerror}.") from error


def shown(file: Path) -> str:
    """The name as text; bytes of it that are no UTF-8 as question marks."""
    if file == STDIN:
        return "standard input"
    return str(file).encode("utf-8", "replace").decode()


async def in_order(
    items: Sequence[_T], work: Callable[[_T], Awaitable[_R]], *, ahead: int
) -> AsyncIterator[tuple[_T, _R]]:
    """Each item with what `work` makes of it, in their order, `ahead` of them under way at a time."""
    import asyncio

    under_way: deque[asyncio.Task[_R]] = deque()
    started = 0
    try:
        for item in items:
            while started < len(items) and len(under_way) < ahead:
                under_way.append(asyncio.ensure_future(work(items[started])))
                started += 1
            yield item, await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
