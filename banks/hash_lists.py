"""Lists of hashes as they are published: which column holds what, and the lines of the library's command.

Pure, and the one place that knows it: files that exchanges read, bulk loads and HMA-lite's lists come here.

| what | looks like |
|---|---|
| CSV with a header | `signal_type,signal_str,collab,…` (`tx dataset -P --csv`), `hash,…`, … |
| a `.te` file | a hash, ThreatExchange's id, a time, tags separated by blanks; no header |
| lines | `pdq HASH`, `pdq HASH 'Sample Signals' INVESTIGATION_SEED tag,tag` (`tx dataset -P`), or `HASH` |
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

_SURE = ("td_raw_indicator", "raw_indicator", "indicator", "hash")
_LIKELY = ("signal_str", "signal_value", "signal_val", "signal", "value")
"""Names of the column with the value. Between the two comes that of a signal type."""
_TYPE = ("signal_type", "type", "td_type", "indicator_type", "td_indicator_type", "hash_type")
_TAGS = ("tags", "labels", "td_tags")
INDICATORS: Mapping[str, str] = {
    "HASH_PDQ": "pdq",
    "HASH_VIDEO_MD5": "video_md5",
    "HASH_MD5": "md5",
    "HASH_SHA256": "sha256",
}
"""What ThreatExchange calls the types that everybody has."""
_CATEGORIES = ("INVESTIGATION_SEED", "POSITIVE_CLASS", "NEGATIVE_CLASS", "WORTH_INVESTIGATING")
_SAID = re.compile(
    r"(?P<value>.*?)(?P<collab> '(?:[^'\\]|\\.)*'| \"(?:[^\"\\]|\\.)*\")? "
    rf"(?:{'|'.join(_CATEGORIES)})(?: (?P<tags>.*))?",
    re.DOTALL,
).fullmatch

_HASH = re.compile(r"[0-9a-fA-F]{8,}").fullmatch


@dataclass(frozen=True, slots=True)
class ListedHash:
    """A line of a list. Without a type it is of whatever the list is of."""

    type: str | None
    value: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of a table holds what."""

    value: int
    type: int | None = None
    tags: int | None = None
    of: str | None = None
    """The type of all rows, when the value's column is called after it."""

    @property
    def says_types(self) -> bool:
        """Whether a row says of which type it is."""
        return self.type is not None or self.of is not None

    def row(self, cells: Sequence[str]) -> ListedHash | None:
        """What a row says; None when it holds no value."""
        value = _cell(cells, self.value)
        if not value:
            return None
        name = _cell(cells, self.type) or self.of or ""
        tags = _cell(cells, self.tags).replace(",", " ").split()
        return ListedHash(INDICATORS.get(name, name) or None, value, tuple(tags))


BARE = Columns(0)
"""A table without header: the value comes first."""
TE_FILE = Columns(0, tags=3)


def columns_of(cells: Sequence[str], types: Collection[str]) -> Columns | None:
    """Where things are in a table with this header; None when it is none, as it names no value."""
    names = [cell.strip().removeprefix("\ufeff").lower() for cell in cells]
    value = next((names.index(column) for column in (*_SURE, *types, *_LIKELY) if column in names), None)
    if value is None:
        return None
    return Columns(
        value,
        _first(names, _TYPE),
        _first(names, _TAGS),
        names[value] if names[value] in types else None,
    )


def line_row(line: str, types: Collection[str] | None) -> ListedHash | None:
    """What a plain line says; None for an empty one.

    Of a line that begins with the name of one of the types, or of any type when they are None, the rest is
    the value; else all of it is. What the library's command writes behind a value is taken off, and its tags
    are kept.
    """
    text = line.strip()
    name, blank, rest = text.partition(" ")
    known = INDICATORS.get(name, name)
    kind = known if blank and (types is None or known in types) else None
    value = text if kind is None else rest.strip()
    labelled = _SAID(value)
    # A text may end like a remark of the command; only behind a quoted name or a hash it is one.
    if labelled and (labelled["collab"] or _HASH(labelled["value"])):
        tags = (labelled["tags"] or "").split(",")
        return ListedHash(
            kind, labelled["value"].strip(), tuple(tag for word in tags if (tag := word.strip()))
        )
    return ListedHash(kind, value) if value else None


def _first(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(column) for column in wanted if column in names), None)


def _cell(cells: Sequence[str], at: int | None) -> str:
    return cells[at].strip() if at is not None and at < len(cells) else ""
