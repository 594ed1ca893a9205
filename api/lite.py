"""HMA-lite: one list of PDQ hashes with what is known of each, from a file, replaced as a whole.

The file is a CSV, with or without a header, or a `.te` file, which is one without. It is parsed away from
the event loop; the list in force answers until the new one is complete.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np

from samelook.api.errors import ApiError, bad_request
from samelook.api.settings import LiteSettings
from samelook.banks.errors import BadHashList, BadSignal
from samelook.banks.hash_lists import BARE, ListedHash, columns_of, line_row
from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.matching import HammingIndex
from samelook.matching.settings import IndexSettings

PDQ = SIGNAL_TYPES["pdq"]
_MOST_FAULTS = 5
_HEAD = 1 << 20
_PICKLE = b"\x80"


@dataclass(frozen=True, slots=True)
class LiteMatch:
    """A hash of the list that is near enough."""

    distance: int
    data: str
    """What is known of it: a JSON object, as text."""


@dataclass(frozen=True, slots=True)
class HashList:
    """An immutable list with its index."""

    index: HammingIndex
    rows: list[bytes] = field(repr=False)
    """JSON objects. As text they take a quarter of the memory of dicts."""
    skipped: int
    """Lines whose hash is none."""
    origin: str

    def find(self, value: bytes) -> list[LiteMatch]:
        """The matches of a hash, nearest first."""
        ids, distances = self.index.search(value, PDQ.radius or 0)
        return self._matches(ids.tolist(), distances.tolist())

    def find_many(self, values: list[bytes]) -> list[list[LiteMatch]]:
        """The same for many."""
        if not values:
            return []
        codes = np.frombuffer(b"".join(values), np.uint8).reshape(-1, PDQ.bits // 8)
        found = self.index.search_many(codes, PDQ.radius or 0)
        return [self._matches(ids.tolist(), distances.tolist()) for ids, distances in found]

    def _matches(self, ids: list[int], distances: list[int]) -> list[LiteMatch]:
        return [
            LiteMatch(distance, self.rows[row_id].decode())
            for row_id, distance in zip(ids, distances, strict=True)
        ]


class Lite:
    """The list in force, where it is kept, and how it is replaced."""

    def __init__(self, settings: LiteSettings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._seen: tuple[int, int] | None = None
        self.hashes = HashList(_empty(), [], 0, "nothing")

    async def start(self) -> None:
        """Loads the uploaded list, else the configured one, else the sample. Raises BadList."""
        with _named(self._settings.kept_at):
            await self.look_again()
        if self._seen is not None:
            return
        path = self._settings.csv_file
        if path is None:
            text, origin = (files("samelook.api") / "sample_hashes.csv").read_bytes(), "the built-in sample"
        else:
            with _named(path):
                text, origin = await asyncio.to_thread(path.read_bytes), path.name
        with _named(path):
            self.hashes = await asyncio.to_thread(hash_list, text, origin)

    async def look_again(self) -> None:
        """Loads the uploaded list when another worker has replaced it. Raises OSError or ApiError."""
        path = self._settings.kept_at
        if path is None:
            return
        async with self._lock:
            try:
                now = await asyncio.to_thread(_stamp, path)
            except FileNotFoundError:
                return
            if now == self._seen:
                return
            text = await asyncio.to_thread(path.read_bytes)
            self.hashes = await asyncio.to_thread(hash_list, text, path.name)
            self._seen = now

    async def replace(self, text: bytes, name: str) -> HashList:
        """Puts another list in force and keeps it, if there is a place. After ApiError the old one stays."""
        hashes = await asyncio.to_thread(hash_list, text, name)
        async with self._lock:
            path = self._settings.kept_at
            if path is not None:
                self._seen = await asyncio.to_thread(_keep, path, text)
            self.hashes = hashes
        return hashes


def check_list(settings: LiteSettings) -> None:
    """Raises BadList when the beginning of the list to start with shows that it cannot be used.

    Who starts a service hears of it before there are processes that could not.
    """
    kept = settings.kept_at
    with _named(kept):
        path = kept if kept is not None and kept.exists() else settings.csv_file
    if path is None:
        return
    with _named(path):
        with path.open("rb") as file:
            head = file.read(_HEAD)
        # The last line may be cut off.
        hash_list(head if len(head) < _HEAD else head[: head.rfind(b"\n") + 1], path.name)


@contextmanager
def _named(path: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadHashList(f"The list {path} cannot be read: {error.strerror or error}.") from error
    except ApiError as error:
        raise BadHashList(f"The list {path} cannot be used. {error.message}") from error


def hash_list(text: bytes, origin: str) -> HashList:
    """The list in a CSV or `.te` file. Lines without a sound hash are skipped; none at all is an error.

    Raises ApiError, also for a pickle: unpickling a stranger's file runs whatever program is in it.
    """
    if text.startswith(_PICKLE):
        raise bad_request(
            "This is a pickled index, which is not loaded as it may hold a program. Upload the CSV."
        )
    try:
        lines = io.StringIO(text.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise bad_request("The file is no text in UTF-8.") from error
    reader = csv.reader(lines)
    codes = bytearray()
    rows: list[bytes] = []
    faults: list[str] = []
    header: list[str] | None = None
    columns = BARE
    skipped = 0
    try:
        for cells in reader:
            if not any(cells):
                continue
            if header is None and not rows and not skipped and _is_header(cells):
                header = [cell.strip() for cell in cells]
                columns = columns_of(header, (PDQ.name,)) or BARE
                continue
            try:
                plain = columns.value == 0 and " " in cells[0].strip()
                row = line_row(",".join(cells), None) if plain else columns.row(cells)
                _check_type(row)
                code = PDQ.parse("" if row is None else row.value.lower())
            except BadSignal as error:
                skipped += 1
                if len(faults) < _MOST_FAULTS:
                    faults.append(f"line {reader.line_num}: {error.message}")
                continue
            codes += code
            row_data = _remarked(row) if plain else _described(header, cells)
            rows.append(json.dumps(row_data, separators=(",", ":")).encode())
    except csv.Error as error:
        raise bad_request(f"The file is no CSV: line {reader.line_num}: {error}") from error
    if not rows:
        raise bad_request("The file holds no PDQ hash.", {"faults": faults} if faults else None)
    index = _empty()
    index.add(np.frombuffer(bytes(codes), np.uint8).reshape(-1, PDQ.bits // 8), np.arange(len(rows)))
    index.merge()
    return HashList(index, rows, skipped, origin)


def _check_type(row: ListedHash | None) -> None:
    """Raises BadSignal when a line says that it is of another type."""
    if row is not None and row.type not in (None, PDQ.name):
        raise BadSignal(f"this is a {row.type[:80]} signal", signal_type=row.type[:80])


def _is_header(cells: list[str]) -> bool:
    """Whether a first line names columns: it holds no hash, and no name twice."""
    if columns_of(cells, (PDQ.name,)) is not None:
        return True
    named = {cell.strip() for cell in cells}
    return len(named) == len(cells) and not any(
        _looks_like_hash(part) for cell in cells for part in cell.split()
    )


def _looks_like_hash(cell: str) -> bool:
    return len(cell.strip()) == PDQ.bits // 4


def _described(header: list[str] | None, cells: list[str]) -> dict[str, object]:
    if header is None:
        return {"hash": cells[0], "meta": cells[1:]} if len(cells) > 1 else {"hash": cells[0]}
    described: dict[str, object] = dict(zip(header, cells, strict=False))
    if len(cells) > len(header):
        described["meta"] = cells[len(header) :]
    return described


def _remarked(row: ListedHash | None) -> dict[str, object]:
    """What a line of the library's command says."""
    return {} if row is None else {"hash": row.value, "meta": list(row.tags)}


def _empty() -> HammingIndex:
    return HammingIndex(PDQ.bits, settings=IndexSettings(background=False))


def _keep(path: Path, text: bytes) -> tuple[int, int]:
    """Replaces the file in one step that survives a crash; its stamp."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:  # whatever it is, it goes on: only no half of a file is left beside the list
        Path(name).unlink(missing_ok=True)
        raise
    return _stamp(path)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_ino
