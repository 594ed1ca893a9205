"""Answers of the inspector on a terminal, as JSON lines and as CSV.

Titles, URLs and error messages come from the web: whatever could steer a terminal, a spreadsheet or
the eye is made visible before it is printed. JSON is printed in ASCII, which does the same.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.style import Style
from rich.text import Text

from samelook.inspector.plain_text import harmless
from samelook.terminal.tables import Properties, Table, are_numbers, text_of, words_of

if TYPE_CHECKING:
    from samelook.inspector.listing import Answer, Listing
    from samelook.inspector.thumbnails import Thumbnail

_INJECTED = Style(color="magenta", italic=True)
_STATES = {"ok": "green", "watch": "yellow", "bad": "bold red", "silent": "yellow", "running": "green"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(answer: Answer) -> str:
    """The whole answer as one line of JSON: the facts, and each table under its name."""
    whole: dict[str, Any] = dict(answer.facts)
    for listing in answer.listings:
        whole[listing.name] = listing.rows
    notes = [*answer.notes, *(note for listing in answer.listings for note in listing.notes)]
    return json.dumps(whole | ({"notes": notes} if notes else {}))


def as_json_lines(answer: Answer) -> str:
    """One line for each row, with the table's name under `table`, and one with `after` when there is more."""
    lines = [
        json.dumps({"table": listing.name, **row}) for listing in answer.listings for row in listing.rows
    ]
    lines += [
        json.dumps({"table": "more", "of": listing.name, "after": listing.after})
        for listing in answer.listings
        if listing.after
    ]
    return "\n".join(lines)


def as_csv(listing: Listing) -> str:
    """One table with a head line; an apostrophe goes before what a spreadsheet would take for a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(listing.columns)
    for row in listing.rows:
        writer.writerow([_csv_cell(row.get(name)) for name in listing.columns])
    return text.getvalue().rstrip("\n")


def _csv_cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            shown = harmless(value)
            return f"'{shown}" if shown.startswith(_FORMULA) else shown
        case list() | dict():
            return json.dumps(value)
        case _:
            return value


def as_tables(answer: Answer, drawn: Mapping[str, Thumbnail]) -> RenderableType:
    """The answer for people: facts, a gallery, and every table that has rows or a note."""
    parts: list[RenderableType] = []
    if answer.facts:
        parts.append(_facts(answer.facts))
    if (
        not answer.facts
        and len(answer.listings) > 1
        and not any(listing.rows or listing.notes for listing in answer.listings)
    ):
        parts.append(Text("Nothing was found.", style="dim"))
    for listing in answer.listings:
        if not listing.rows and not listing.notes and len(answer.listings) > 1:
            continue
        parts.append(Text(f"\n{listing.name.replace('_', ' ')}", style="bold"))
        if listing.rows:
            parts.append(_table(listing, drawn))
        elif not listing.notes:
            parts.append(Text("none", style="dim"))
        parts += [Text(harmless(note), style="dim") for note in listing.notes]
        if listing.after:
            parts.append(Text(f"There is more: --after {listing.after}", style="dim"))
    parts += [Text(harmless(note), style="dim") for note in answer.notes]
    return Group(*parts)


def _facts(facts: Mapping[str, Any]) -> Properties:
    return Properties(
        {
            words_of(name): _cell(name, value)
            for name, value in facts.items()
            if value not in (None, False, [], {}) or name == "healthy"
        }
    )


def _table(listing: Listing, drawn: Mapping[str, Thumbnail]) -> Table:
    rows = listing.rows
    # A column that is empty throughout says nothing.
    names = [name for name in listing.columns if any(_says_something(name, row.get(name)) for row in rows)]
    pictured = "sha256" in names and any(row.get("sha256") in drawn for row in rows)
    cells: list[list[Any]] = []
    for row in rows:
        line = [_cell(name, row.get(name)) for name in names]
        if row.get("injected"):
            for cell in line:
                cell.stylize(_INJECTED)
        if pictured:
            thumbnail = drawn.get(str(row.get("sha256")))
            line.insert(0, half_blocks(thumbnail) if thumbnail else Text())
        cells.append(line)
    numeric = {name for name in names if are_numbers(row.get(name) for row in rows)}
    headings = [words_of(name) for name in names]
    return Table(
        [""] * pictured + headings, cells, numeric=[False] * pictured + [name in numeric for name in names]
    )


def _says_something(name: str, value: object) -> bool:
    return bool(value) if name == "injected" else value not in (None, "", [], {})


def _cell(name: str, value: object) -> Text:
    match value:
        case None:
            return Text()
        case bool():
            yes = "INJECTED" if name.endswith("injected") else "yes"
            shown = yes if value else "no" if name == "healthy" else ""
        case int() if name not in ("pid", "status", "value"):
            shown = f"{value:,}"
        case list() | dict():
            shown = text_of(value).plain
        case str() if name == "sha256":
            shown = value[:16]  # enough to tell pictures apart; --json has all of it
        case str() if _is_time(name):
            shown = value[:19].replace("T", " ")
        case _:
            shown = str(value)
    return Text(harmless(shown), style=_STATES.get(shown, "") if name == "state" else "")


def _is_time(name: str) -> bool:
    return name.endswith(("_at", "_seen", "_from", "_until", "since")) or name in (
        "at",
        "newest",
        "next_retry",
        "oldest_result",
        "oldest_lease",
    )


def gallery(drawn: Mapping[str, Thumbnail]) -> RenderableType:
    """Pictures side by side, each over the start of its SHA-256."""
    return Columns(
        [
            Group(half_blocks(picture), Text(f"{sha256[:12]}\n", style="dim"))
            for sha256, picture in drawn.items()
        ]
    )


def half_blocks(picture: Thumbnail) -> Text:
    """Two pixels a character cell: the upper is the letter's colour, the lower the ground's."""
    text = Text(no_wrap=True)
    for y in range(0, picture.height - 1, 2):
        if y:
            text.append("\n")
        for x in range(picture.width):
            upper, lower = picture.at(x, y), picture.at(x, y + 1)
            text.append("▀", Style.parse(f"#{bytes(upper).hex()} on #{bytes(lower).hex()}"))
    return text
