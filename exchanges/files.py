"""The exchange type `local_file`: lists of hashes on this machine, as people have them.

It reads what the library's own type of that name reads (a type and a value on each line, or values only,
with the type in the configuration), CSV with or without a header, and the `simple.TYPE.te` files of the
library's command. Unlike the library's it reads in pages and goes on where it stopped; and a file that has
changed is read anew beside what is there, so that lines which vanished are removed.
"""

from __future__ import annotations

import csv
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from threatexchange.exchanges import fetch_state
from threatexchange.exchanges.impl.file_api import FileCollaborationConfig, LocalFileSignalExchangeAPI
from threatexchange.signal_type.signal_base import SignalType

from samelook.banks.hash_lists import BARE, TE_FILE, Columns, columns_of, line_row
from samelook.exchanges.file_access import opened, path_below

_PAGE = 2000
_LONGEST_LINE = 1 << 20
# The root logger, as in the library: the fetching process counts what was left out by it.
_left_out = logging.getLogger().warning
_folder: Path | None = None


def use_folder(folder: str | None) -> None:
    """Lets exchanges of this process read the files below it."""
    global _folder  # noqa: PLW0603 - the library makes the objects, and hands them nothing of ours
    _folder = None if folder is None else Path(folder)


Entry = tuple[str, str, frozenset[str]]
"""A signal type, a value, tags."""


@dataclass
class FileCheckpoint(fetch_state.FetchCheckpointBase):
    """How far which state of a file has been read."""

    filename: str
    inode: int
    modified_ns: int
    size: int
    offset: int

    def is_stale(self) -> bool:
        try:
            found = Path(self.filename).stat()
        except OSError:
            return False  # reading it will say what is wrong, and what is there stays
        return (found.st_ino, found.st_mtime_ns, found.st_size) != (self.inode, self.modified_ns, self.size)

    def get_progress_timestamp(self) -> int | None:
        return self.modified_ns // 1_000_000_000


@dataclass
class FileSignal(fetch_state.FetchedSignalMetadata):
    """What a file says of a signal."""

    tags: set[str] = field(default_factory=set)

    def get_as_opinions(self) -> Sequence[fetch_state.SignalOpinion]:
        seed = fetch_state.SignalOpinionCategory.INVESTIGATION_SEED
        return [fetch_state.SignalOpinion(is_mine=False, category=seed, tags=set(self.tags))]


class LocalFile(LocalFileSignalExchangeAPI):
    """A file of hashes."""

    @classmethod
    def get_name(cls) -> str:
        return "local_file"

    @staticmethod
    def get_checkpoint_cls() -> type[FileCheckpoint]:
        return FileCheckpoint

    @staticmethod
    def get_record_cls() -> type[FileSignal]:
        return FileSignal

    def fetch_iter(
        self, supported_signal_types: Sequence[type[SignalType]], checkpoint: Any
    ) -> Iterator[Any]:
        path = path_below(_folder, self.collab.filename)
        valid = {signal_type.get_name(): signal_type for signal_type in supported_signal_types}
        with opened(path) as file:
            found = os.fstat(file.fileno())
            offset = 0
            if checkpoint is not None and checkpoint.filename == str(path) and not checkpoint.is_stale():
                offset = checkpoint.offset
            lines = Lines(file, found.st_size)
            reader = _reader(path.name, lines, self.collab, supported_signal_types)
            lines.skip_to(offset)
            at_end = False
            while not at_end:
                page: dict[Any, Any] = {}
                at_end = True
                for kind, value, tags in reader(lines):
                    if kind in valid and not _is_signal(valid[kind], value):
                        _left_out_line(lines, f"no {kind} signal")
                        continue
                    page[kind, value] = FileSignal(set(tags))
                    if len(page) >= _PAGE:
                        at_end = False
                        break
                yield fetch_state.FetchDelta(
                    page,
                    FileCheckpoint(str(path), found.st_ino, found.st_mtime_ns, found.st_size, lines.offset),
                )

    def report_opinion(
        self, s_type: type[SignalType], signal: str, opinion: fetch_state.SignalOpinion
    ) -> None:
        """Adds a line to a plain list; nothing else can be said in one."""
        path = path_below(_folder, self.collab.filename)
        with opened(path) as file:
            lines = Lines(file, os.fstat(file.fileno()).st_size)
            plain = not _is_csv(path.name, lines.first(), self.collab)
        wanted = self.collab.signal_type in (None, s_type.get_name())
        positive = opinion.category == fetch_state.SignalOpinionCategory.POSITIVE_CLASS
        if not (plain and wanted and positive and not opinion.tags):
            raise NotImplementedError
        with opened(path, to_write=True) as file:
            file.seek(0, os.SEEK_END)
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            words = signal if self.collab.signal_type else f"{s_type.get_name()} {signal}"
            file.write(f"{words}\n".encode())


class Lines:
    """The lines of a file as text, and how many bytes of it they were."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self.offset = 0
        self.last_bytes = 0
        """How long the last line was."""

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        # Lines appended meanwhile wait for the next fetch: a file could grow as fast as it is read.
        line = self._file.readline(_LONGEST_LINE + 1) if self.offset < self._size else b""
        if not line:
            raise StopIteration
        self.offset += len(line)
        self.last_bytes = len(line.rstrip(b"\r\n"))
        if len(line) > _LONGEST_LINE and not line.endswith(b"\n"):
            _left_out("A line of more than %d bytes before byte %d is left out", _LONGEST_LINE, self.offset)
            while (rest := self._file.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                self.offset += len(rest)
            self.offset += len(rest)
            return "\n"
        # A NUL is no part of a signal, and csv does not read past one.
        return line.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").decode(errors="replace")

    def first(self) -> str:
        """The first line that says something; reading begins with the first line all the same."""
        line = next((candidate for candidate in self if candidate.strip()), "")
        self.skip_to(0)
        return line

    def skip_to(self, offset: int) -> None:
        self._file.seek(offset)
        self.offset = offset


_Reader = Callable[[Lines], Iterator[Entry]]


def _reader(
    name: str, lines: Lines, collab: FileCollaborationConfig, types: Sequence[type[SignalType]]
) -> _Reader:
    """How the rows of this file are read, from wherever in it."""
    first = lines.first()
    kind, indicators = collab.signal_type, _by_indicator(types)
    if not _is_csv(name, first, collab):
        return lambda ahead: _plain_rows(ahead, kind, indicators)
    try:
        cells = next(csv.reader([first]), [])
    except csv.Error:
        cells = []
    of_file = _of_file_name(name)
    known = {indicator.get_name() for indicator in types} | {indicator.lower() for indicator in indicators}
    columns, header = BARE, None
    if _begins_with_type(cells, types):
        columns = Columns(1, type=0)
    elif name.lower().endswith(".te"):
        columns = TE_FILE
        kind = kind or of_file
    elif (named := columns_of(cells, known)) is not None:
        columns, header = named, cells
    return lambda ahead: _csv_rows(ahead, columns, kind, indicators, header)


def _is_csv(name: str, first: str, collab: FileCollaborationConfig) -> bool:
    if _of_file_name(name) is not None:
        return True
    if name.lower().endswith(".csv"):
        return True
    # Texts and URLs hold commas; a hash does not, nor does the name of a type.
    head = first.strip().partition(" ")[0]
    return "," in (first if collab.signal_type else head)


def _begins_with_type(cells: list[str], types: Sequence[type[SignalType]]) -> bool:
    """Whether a row is a type and a value of it, and no header."""
    found = next((kind for kind in types if cells and kind.get_name() == cells[0].strip()), None)
    if found is None or len(cells) == 1:
        return False
    return _is_signal(found, cells[1].strip())


def _of_file_name(name: str) -> str | None:
    """HASH_PDQ for simple.HASH_PDQ.te, as the library's command writes its files."""
    parts = name.split(".")
    return parts[1] if len(parts) == 3 and parts[0] == "simple" and parts[2] == "te" else None  # noqa: PLR2004


def _plain_rows(lines: Lines, kind: str | None, indicators: dict[str, str]) -> Iterator[Entry]:
    for line in lines:
        row = line_row(line, None if kind is None else (kind,))
        if row is None:
            continue
        name = kind or row.type
        if name is None:
            _left_out_line(lines, "without a signal type")
            continue
        yield indicators.get(name, name), row.value, frozenset(row.tags)


def _csv_rows(
    lines: Lines, columns: Columns, kind: str | None, indicators: dict[str, str], header: list[str] | None
) -> Iterator[Entry]:
    for cells in _cells_of(lines):
        if not any(cell.strip() for cell in cells) or cells == header:
            continue
        row = columns.row(cells)
        name = None if row is None else row.type or kind
        if row is None or name is None:
            _left_out_line(lines, "a row without value or type")
            continue
        yield indicators.get(name, name), row.value, frozenset(row.tags)


def _cells_of(lines: Lines) -> Iterator[list[str]]:
    """The rows that can be read; a lone carriage return, or a cell without end, spoils its own row only."""
    rows = csv.reader(lines)
    while True:
        try:
            yield next(rows)
        except csv.Error:
            _left_out_line(lines, "no row of a CSV")
        except StopIteration:
            return


def _left_out_line(lines: Lines, why: str) -> None:
    # Place and length, not the text: people who see the quarantine may not be allowed to read the file.
    _left_out("The line of %d bytes that ends at byte %d is %s", lines.last_bytes, lines.offset, why)


def _is_signal(kind: type[SignalType], value: str) -> bool:
    try:
        kind.validate_signal_str(value)
    except Exception:  # noqa: BLE001 - foreign code, which raises what it likes
        return False
    return True


def _by_indicator(types: Sequence[type[SignalType]]) -> dict[str, str]:
    """Names of signal types by what ThreatExchange calls them, where that is without doubt."""
    found: dict[str, str] = {}
    for kind in types:
        names = getattr(kind, "INDICATOR_TYPE", ())
        plain = [name for name, tag in names.items() if tag is None] if isinstance(names, dict) else names
        for name in [plain] if isinstance(plain, str) else plain:
            found.setdefault(name, kind.get_name())
    return found
