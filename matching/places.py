"""Our own index: kept in a file that the processes of a machine share, or not at all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

from .errors import SnapshotForeign
from .index import HammingIndex
from .interface import RangeIndex
from .settings import IndexSettings
from .snapshot import parts_of


class FilePlace:
    """A snapshot file in a folder; without a folder nothing is kept."""

    in_memory = True

    def __init__(self, name: str, bits: int, folder: Path | None, settings: IndexSettings | None) -> None:
        self._path = None if folder is None else folder / f"{name}-{bits}.index"
        self._bits = bits
        self._settings = settings

    @property
    def keeps(self) -> bool:
        """Whether there is a folder."""
        return self._path is not None

    def new(self) -> HammingIndex:
        """An empty index."""
        return HammingIndex(self._bits, settings=self._settings)

    def stamp(self) -> object:
        """Which file lies there: its time and inode; None where there is none."""
        if self._path is None:
            return None
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino

    def open(self) -> tuple[RangeIndex, dict[str, Any]]:
        """The index of the file, mapped into memory."""
        if self._path is None:
            raise SnapshotForeign("none are kept")
        index = HammingIndex.open(self._path, settings=self._settings)
        if index.bits != self._bits:
            raise SnapshotForeign(f"{self._path} belongs to another source")
        return index, index.note

    def save(self, index: RangeIndex, note: dict[str, Any]) -> bool:
        """Writes the file, unless another process of this machine does or there is no folder."""
        if self._path is None:
            return False
        own = cast("HammingIndex", index)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if sys.platform == "win32":
            own.save(self._path, note)
            return True
        import fcntl

        with self._path.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            # Nobody else writes here now: what is there was left by processes that were killed.
            for left_over in parts_of(self._path):
                left_over.unlink(missing_ok=True)
            own.save(self._path, note)
        return True

    def close(self) -> None:
        """Nothing: a mapped file ends with its index."""
