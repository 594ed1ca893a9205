"""Answers as plain text, safe to show anywhere: what cannot be seen is written as its escape."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samelook.inspector.listing import Answer, Listing

# C0, C1 and DEL steer terminals; Cf holds the marks that turn text round or hide it; Zl and Zp break lines.
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_LONGEST = 80


def harmless(text: str) -> str:
    r"""`text` with what cannot be seen written as its escape: `\x1b`, `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter.encode("unicode_escape").decode() if unicodedata.category(letter) in _UNSEEN else letter
        for letter in text
    )


def as_text(answer: Answer) -> str:
    """The facts a line each, then every table that has rows or a note, in columns."""
    parts = [f"{name.replace('_', ' ')}: {_cell(value)}" for name, value in answer.facts.items() if value]
    for listing in answer.listings:
        if listing.rows or listing.notes:
            parts += ["", listing.name.replace("_", " "), *_lines(listing)]
    return "\n".join([*parts, *answer.notes]).strip() or "Nothing was found."


def _lines(listing: Listing) -> list[str]:
    names = [
        name
        for name in listing.columns
        if any(row.get(name) not in (None, "", False) for row in listing.rows)
    ]
    cells = [[_cell(row.get(name)) for name in names] for row in listing.rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [names, *cells]
        if names
    ]
    return [*lines, *map(harmless, listing.notes)]


def _cell(value: object) -> str:
    match value:
        case None | False:
            return ""
        case True:
            return "yes"
        case list() | dict():
            text = json.dumps(value)
        case _:
            text = str(value)
    text = harmless(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
