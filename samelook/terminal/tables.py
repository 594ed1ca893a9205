r"""The one table of all commands: a grid where it fits the terminal, else a record for each row.

A grid that is squeezed into a narrow terminal breaks names and numbers in the middle. So, as psql does
with `\x auto`, a table that is wider than the terminal is written as records: a line for each value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.segment import Segment
from rich.text import Text

from samelook.inspector.plain_text import harmless

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_GAP = 2
_RULE = "─"
_LONGEST_CELL = 400


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings. Cells are words, numbers, yes or no, several words, or text with its style."""

    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    numeric: Sequence[bool] | None = None
    """Which columns stand at the right; without it those with numbers."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cells = [[_shortened(text_of(value), console) for value in row] for row in self.rows]
        numeric = self.numeric or [
            are_numbers(row[place] for row in self.rows) for place in range(len(self.headings))
        ]
        widths = [
            max([len(heading), *(_width(row[place]) for row in cells)])
            for place, heading in enumerate(self.headings)
        ]
        if self.title:
            yield Text(self.title, style="bold")
        if sum(widths) + _GAP * (len(widths) - 1) <= options.max_width:
            yield from _lines(_grid(self.headings, cells, widths, numeric))
        else:
            yield from _lines(_records(console, self.headings, cells, options.max_width))


@dataclass(frozen=True, slots=True)
class Properties:
    """Names with their values, a line each; a value that is too long for its line goes below its name."""

    values: Mapping[str, Any]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cells = [text_of(value) for value in self.values.values()]
        yield from _lines(_record(console, list(self.values), cells, options.max_width))


def is_number(value: object) -> bool:
    """Whether a cell is a number, which is written with commas and stands at its column's right."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def are_numbers(values: Iterable[object]) -> bool:
    """Whether a column holds numbers, and nothing else but gaps and words such as `none`."""
    shown_values = [value for value in values if value is not None and not isinstance(value, Text)]
    return bool(shown_values) and all(map(is_number, shown_values))


def text_of(value: object) -> Text:
    """A cell as it is shown. What could steer a terminal is made visible."""
    match value:
        case Text():
            return value
        case None:
            shown = ""
        case bool():
            shown = "yes" if value else "no"
        case int():
            shown = f"{value:,}"
        case float():
            shown = f"{value:,.1f}"
        case list() | tuple() | set() | frozenset():
            shown = ", ".join(text_of(item).plain for item in value)
        case Mapping():
            shown = ", ".join(f"{words_of(key)} {text_of(item).plain}" for key, item in value.items())
        case _:
            shown = str(value)
    return Text(harmless(shown))


def words_of(name: object) -> str:
    """A field's name as words."""
    return str(name).replace("_", " ")


def _shortened(cell: Text, console: Console) -> Text:
    """A cell as long as anybody reads at a terminal: an icon's URL may hold the icon itself."""
    if not console.is_terminal or len(cell) <= _LONGEST_CELL or "\n" in cell.plain:
        return cell
    return cell[:_LONGEST_CELL] + Text("…")


def _width(cell: Text) -> int:
    return max((line.cell_len for line in cell.split()), default=0)


def _lines(lines: Iterator[Text]) -> Iterator[Segment | Text]:
    for line in lines:
        line.no_wrap, line.overflow = True, "ignore"
        line.rstrip()
        yield line


def _grid(
    headings: Sequence[str], cells: Sequence[Sequence[Text]], widths: Sequence[int], numeric: Sequence[bool]
) -> Iterator[Text]:
    if any(headings):
        head = [Text(heading, style="bold") for heading in headings]
        yield from _row(head, widths, numeric)
    for row in cells:
        yield from _row(row, widths, numeric)


def _row(row: Sequence[Text], widths: Sequence[int], numeric: Sequence[bool]) -> Iterator[Text]:
    split = [list(cell.split()) or [Text()] for cell in row]
    for number in range(max(map(len, split), default=0)):
        line = Text()
        for place, (parts, width, right) in enumerate(zip(split, widths, numeric, strict=True)):
            part = parts[number] if number < len(parts) else Text()
            space = " " * (width - part.cell_len)
            line.append(" " * _GAP if place else "")
            line.append_text(Text(space) + part if right else part + Text(space))
        yield line


def _records(
    console: Console, headings: Sequence[str], cells: Sequence[Sequence[Text]], width: int
) -> Iterator[Text]:
    for number, row in enumerate(cells, start=1):
        head = f"{_RULE}[ {number:,} ]"
        yield Text(head + _RULE * (min(width, 40) - len(head)), style="dim")
        yield from _record(console, headings, row, width)


def _record(console: Console, names: Sequence[str], cells: Sequence[Text], width: int) -> Iterator[Text]:
    shown = [(name, cell) for name, cell in zip(names, cells, strict=True) if cell.plain]
    beside = max((len(name) for name, _ in shown), default=0) + _GAP
    for name, cell in shown:
        head = Text(name, style="cyan")
        longest = max((Text(word).cell_len for word in cell.plain.split()), default=0)
        if longest <= width - beside:
            lines = cell.wrap(console, width - beside, overflow="fold")
            for number, line in enumerate(lines):
                start = head + Text(" " * (beside - len(name))) if number == 0 else Text(" " * beside)
                yield start + line
        else:
            # A hash or an address: better whole on a line of its own than in two halves beside its name.
            yield head
            for line in cell.wrap(console, max(width - _GAP, 1), overflow="fold"):
                yield Text(" " * _GAP) + line
