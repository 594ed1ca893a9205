"""The bytes of looks, in files that are mapped into memory: one copy for all processes of a service.

A million looks are some gigabytes. Processes that are given the same folder append what is new to one file
and map it, so that it is in memory once and the system may write it out when it runs short. The file means
nothing beyond the life of those who share it: the first to open it empties it.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import tempfile
from array import array
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_CHUNK_BYTES = 8 * 1024 * 1024
_END = struct.Struct("<Q")
_RECORD = struct.Struct("<QI")
_PREFIX, _SUFFIX = "looks-", ".bin"


class LookStore:
    """Byte strings by number, kept once for all that share a file. Not for several threads."""

    def __init__(self, folder: Path | None = None, name: str = "") -> None:
        """With a `folder`, stores of the same `name` share what they hold; without one a store is alone.

        Raises OSError.
        """
        self._chunks: list[mmap.mmap] = []
        self._starts = array("Q")
        self._lengths = array("I")
        self._read_to = _END.size
        self._theirs: dict[int, tuple[int, int]] = {}
        """What others have appended and this one was not given yet: place and length by key."""
        if folder is None:
            with tempfile.TemporaryFile(prefix="samelook-looks-") as file:
                self._file = os.dup(file.fileno())
            self._users: int | None = None
            self._begin()
        else:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _remove_unused(folder, but=name)
            path = folder / f"{_PREFIX}{name}{_SUFFIX}"
            self._users = os.open(path.with_suffix(".users"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with suppress(BlockingIOError):
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._begin()
            # Whoever comes between the two locks begins anew as well, and nothing is lost.
            fcntl.flock(self._users, fcntl.LOCK_SH)
            self._map_to(_END.size)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> bytes:
        return self._bytes_at(self._starts[number], self._lengths[number])

    def add_many(self, items: Iterable[tuple[int, bytes]]) -> list[int]:
        """Keep byte strings, each under a key that means the same to all who share; their numbers."""
        given = list(items)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            self._note_theirs()
            return [self._add(key, data) for key, data in given]
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Leave the file, and remove nothing that others use. What was read stays readable."""
        os.close(self._file)
        if self._users is not None:
            os.close(self._users)

    def _begin(self) -> None:
        os.ftruncate(self._file, 0)
        self._map_to(_END.size)
        self._chunks[0][: _END.size] = _END.pack(_END.size)

    def _add(self, key: int, data: bytes) -> int:
        place = self._theirs.pop(key, None)
        if place is None:
            end = self._read_to
            start = end + _RECORD.size
            self._map_to(start + len(data))
            self._write_at(end, _RECORD.pack(key, len(data)) + data)
            self._read_to = start + len(data)
            self._chunks[0][: _END.size] = _END.pack(self._read_to)
            place = (start, len(data))
        self._starts.append(place[0])
        self._lengths.append(place[1])
        return len(self) - 1

    def _note_theirs(self) -> None:
        (end,) = _END.unpack(self._chunks[0][: _END.size])
        self._map_to(end)
        while self._read_to < end:
            key, length = _RECORD.unpack(self._bytes_at(self._read_to, _RECORD.size))
            self._theirs[key] = (self._read_to + _RECORD.size, length)
            self._read_to += _RECORD.size + length

    def _map_to(self, end: int) -> None:
        while len(self._chunks) * _CHUNK_BYTES < end:
            start = len(self._chunks) * _CHUNK_BYTES
            _allocate(self._file, start)
            self._chunks.append(mmap.mmap(self._file, _CHUNK_BYTES, offset=start))

    def _bytes_at(self, start: int, length: int) -> bytes:
        which, offset = divmod(start, _CHUNK_BYTES)
        first = self._chunks[which][offset : offset + length]
        return first if len(first) == length else first + self._chunks[which + 1][: length - len(first)]

    def _write_at(self, start: int, data: bytes) -> None:
        which, offset = divmod(start, _CHUNK_BYTES)
        fits = min(len(data), _CHUNK_BYTES - offset)
        self._chunks[which][offset : offset + fits] = data[:fits]
        if fits < len(data):
            self._chunks[which + 1][: len(data) - fits] = data[fits:]


def _allocate(file: int, start: int) -> None:
    # A full disk is to be an error here: where a mapping is written to, it would end the process.
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, start, _CHUNK_BYTES)
    elif os.fstat(file).st_size < start + _CHUNK_BYTES:
        os.ftruncate(file, start + _CHUNK_BYTES)


def _remove_unused(folder: Path, *, but: str) -> None:
    """Remove files of other names that nobody has open, left behind by who was killed."""
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        if path.stem == f"{_PREFIX}{but}":
            continue
        users = path.with_suffix(".users")
        with suppress(OSError):
            handle = os.open(users, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
                users.unlink(missing_ok=True)
            finally:
                os.close(handle)
