"""The bytes of looks, in a file: one copy for all processes of a service, and none of it in their own memory.

A million looks are some gigabytes, of which a question needs a hundred kilobytes. Processes that are given
the same folder append what is new to one file and read from it what they compare; the system keeps in
memory what is read often, and lets go of the rest when it runs short. The file means nothing beyond the
life of those who share it: the first to open it empties it.
"""

from __future__ import annotations

import fcntl
import os
import struct
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_END = struct.Struct("<Q")
_RECORD = struct.Struct("<QI")
_PREFIX, _SUFFIX = "looks-", ".bin"


class LookStore:
    """Byte strings by number, kept once for all that share a file.

    One thread may add while others read what was added before.
    """

    def __init__(self, folder: Path | None = None, name: str = "") -> None:
        """With a `folder`, stores of the same `name` share what they hold; without one a store is alone.

        Raises OSError.
        """
        self._starts = array("Q")
        self._lengths = array("I")
        self._read_to = _END.size
        self._theirs: dict[int, tuple[int, int]] = {}
        """Place and length, by key, of what is in the file and has no number in this store yet."""
        if folder is None:
            with tempfile.TemporaryFile(prefix="samelook-looks-") as file:
                self._file = os.dup(file.fileno())
            weakref.finalize(self, os.close, self._file)
            self._users: int | None = None
            self._begin()
        else:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _remove_unused(folder, but=name)
            path = folder / f"{_PREFIX}{name}{_SUFFIX}"
            self._users = os.open(path.with_suffix(".users"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            weakref.finalize(self, os.close, self._file)
            with suppress(BlockingIOError):
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._begin()
            # A process that gets the lock in between begins a new file too, which loses nothing.
            fcntl.flock(self._users, fcntl.LOCK_SH)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> bytes:
        return _read(self._file, self._starts[number], self._lengths[number])

    def rows(self, numbers: Sequence[int], offsets: Sequence[int], length: int) -> NDArray[np.uint8]:
        """Parts of several strings: row i is `length` bytes of string numbers[i] from offsets[i] on."""
        rows = np.empty((len(numbers), length), np.uint8)
        file, starts = self._file, self._starts
        for row, number, offset in zip(rows, numbers, offsets, strict=True):
            if os.preadv(file, [row.data], starts[number] + offset) != length:
                raise EOFError(f"The file of looks ends within look {number}.")
        return rows

    def add_many(self, items: Iterable[tuple[int, bytes]]) -> list[int]:
        """Keep byte strings, each under a key that means the same to all who share; their numbers."""
        pairs = list(items)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            self._note_theirs()
            self._append([(key, data) for key, data in dict(pairs).items() if key not in self._theirs])
            first = len(self)
            for key, _ in pairs:
                start, length = self._theirs[key]
                self._starts.append(start)
                self._lengths.append(length)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        for key, _ in pairs:
            self._theirs.pop(key, None)
        return list(range(first, len(self)))

    def close(self) -> None:
        """Leave the file to others. Who still holds this store may read on."""
        if self._users is not None:
            os.close(self._users)
            self._users = None

    def _begin(self) -> None:
        os.ftruncate(self._file, 0)
        _write(self._file, _END.pack(_END.size), 0)

    def _append(self, items: Sequence[tuple[int, bytes]]) -> None:
        end = self._read_to
        for key, data in items:
            self._theirs[key] = (end + _RECORD.size, len(data))
            end += _RECORD.size + len(data)
        if items:
            records = b"".join(_RECORD.pack(key, len(data)) + data for key, data in items)
            _write(self._file, records, self._read_to)
            # The end is written last: a writer that dies before has added nothing that others read.
            _write(self._file, _END.pack(end), 0)
            self._read_to = end

    def _note_theirs(self) -> None:
        (end,) = _END.unpack(_read(self._file, 0, _END.size))
        while self._read_to < end:
            key, length = _RECORD.unpack(_read(self._file, self._read_to, _RECORD.size))
            self._theirs[key] = (self._read_to + _RECORD.size, length)
            self._read_to += _RECORD.size + length


def _read(file: int, start: int, length: int) -> bytes:
    data = os.pread(file, length, start)
    if len(data) != length:
        raise EOFError(f"The file of looks has {len(data)} of {length} bytes at {start}.")
    return data


def _write(file: int, data: bytes, start: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(file, left, start)
        left, start = left[written:], start + written


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
