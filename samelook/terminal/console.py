"""Where output for people goes: results on standard output, progress and advice on standard error.

On a terminal, text is wrapped to its width. Into a pipe or a file nothing is wrapped or cut: whoever
reads there expects a line to be one line.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from samelook.inspector.plain_text import harmless

if TYPE_CHECKING:
    from rich.console import Console

NO_TERMINAL_WIDTH = 1_000_000
"""So many cells a line may have where nobody looks at a terminal: in effect, any number."""


@cache
def out() -> Console:
    """Standard output, for results."""
    return _console(to_errors=False)


@cache
def err() -> Console:
    """Standard error, for progress, warnings and advice."""
    return _console(to_errors=True)


@cache
def coloured() -> Console:
    """Standard output with colours also where it is no terminal, for pictures that were asked for."""
    return _console(to_errors=False, colours=True)


def say(text: str, *, style: str = "") -> None:
    """A result in words."""
    _print(out(), text, style)


def tell(text: str, *, style: str = "") -> None:
    """Advice, progress or an error in words: not a result."""
    _print(err(), text, style)


def counted(number: int, singular: str, plural: str = "") -> str:
    """`1 icon`, `2 icons`, `1,000 icons`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


@contextmanager
def waiting(words: str) -> Iterator[None]:
    """Say on a terminal what takes its time, while it does; the words go when it is done."""
    if not err().is_terminal:
        yield
        return
    with err().status(words):
        yield


def _print(console: Console, text: str, style: str) -> None:
    from rich.text import Text

    for line in text.splitlines() or [""]:
        console.print(Text(harmless(line), style=style))


def _console(*, to_errors: bool, colours: bool = False) -> Console:
    from rich.console import Console, ConsoleDimensions, ConsoleOptions

    class WideInPipes(Console):
        """Asks at each use whether it is a terminal: tests and embedding programs replace the streams."""

        @property
        def size(self) -> ConsoleDimensions:
            if self.file.isatty():
                return super().size
            return ConsoleDimensions(NO_TERMINAL_WIDTH, 25)

        @size.setter
        def size(self, new_size: tuple[int, int]) -> None:
            self._width, self._height = new_size

        @property
        def options(self) -> ConsoleOptions:
            return super().options.update(width=self.size.width)

    # What is printed holds texts of the web: nothing in it is markup, an emoji's name or a number to colour.
    return WideInPipes(
        stderr=to_errors,
        markup=False,
        emoji=False,
        highlight=False,
        force_terminal=True if colours else None,
    )
