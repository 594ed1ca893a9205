"""Bytes of looks that processes share, whoever appended them, and whoever was killed meanwhile."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from samelook.looks import store as look_store
from samelook.looks.store import LookStore


def drawn(key: int) -> bytes:
    return bytes([key & 255]) * (5000 + key)


def test_a_store_alone_gives_back_what_it_was_given() -> None:
    store = LookStore()
    numbers = store.add_many((key, drawn(key)) for key in range(100))
    assert numbers == list(range(100))
    assert [store[number] for number in numbers] == [drawn(key) for key in range(100)]
    store.close()


def test_parts_are_read_row_by_row() -> None:
    store = LookStore()
    store.add_many([(key, bytes(range(key, key + 200))) for key in range(50)])
    rows = store.rows([3, 40, 3], [0, 10, 190], 10)
    assert [row.tobytes() for row in rows] == [bytes(range(start, start + 10)) for start in (3, 50, 193)]
    assert store.rows([], [], 10).shape == (0, 10)
    with pytest.raises(EOFError):
        store.rows([49], [195], 10)


def test_what_is_given_twice_at_once_is_kept_once(tmp_path: Path) -> None:
    store = LookStore(tmp_path, "e")
    assert store.add_many([(1, b"one"), (2, b"two"), (1, b"one")]) == [0, 1, 2]
    assert [store[number] for number in range(3)] == [b"one", b"two", b"one"]
    store.close()


def test_who_still_holds_it_reads_on_after_it_was_left(tmp_path: Path) -> None:
    store = LookStore(tmp_path, "e")
    (number,) = store.add_many([(1, b"kept")])
    store.close()
    assert store[number] == b"kept"


def test_what_one_appends_is_there_once_for_all(tmp_path: Path) -> None:
    one, other = LookStore(tmp_path, "e"), LookStore(tmp_path, "e")
    one.add_many((key, drawn(key)) for key in range(60))
    size = _used(tmp_path)
    # In another order, and with some that are new.
    numbers = other.add_many((key, drawn(key)) for key in range(70, 10, -1))
    assert [other[number] for number in numbers] == [drawn(key) for key in range(70, 10, -1)]
    assert _used(tmp_path) == size + sum(12 + len(drawn(key)) for key in range(60, 71))
    again = one.add_many((key, drawn(key)) for key in range(60, 71))
    assert [one[number] for number in again] == [drawn(key) for key in range(60, 71)]
    assert _used(tmp_path) == size + sum(12 + len(drawn(key)) for key in range(60, 71))
    for store in (one, other):
        store.close()


def _used(folder: Path) -> int:
    (file,) = folder.glob("*.bin")
    return int.from_bytes(file.read_bytes()[:8], "little")


def test_what_a_killed_process_left_is_not_believed(tmp_path: Path) -> None:
    store = LookStore(tmp_path, "e")
    store.add_many([(1, b"old")])
    store.close()
    later = LookStore(tmp_path, "e")
    (number,) = later.add_many([(1, b"new")])
    assert later[number] == b"new"
    later.close()


def test_one_that_dies_while_it_appends_harms_nobody(tmp_path: Path) -> None:
    one, other = LookStore(tmp_path, "e"), LookStore(tmp_path, "e")
    one.add_many([(1, b"first")])
    # As if `one` had written a record and not yet said so.
    end = _used(tmp_path)
    look_store._write(one._file, b"x" * 500, end)
    numbers = other.add_many([(1, b"first"), (2, b"second")])
    assert [other[number] for number in numbers] == [b"first", b"second"]
    for store in (one, other):
        store.close()


def test_files_of_other_databases_that_nobody_uses_are_removed(tmp_path: Path) -> None:
    used, unused = LookStore(tmp_path, "used"), LookStore(tmp_path, "unused")
    unused.close()
    store = LookStore(tmp_path, "mine")
    assert sorted(path.name for path in tmp_path.glob("*.bin")) == ["looks-mine.bin", "looks-used.bin"]
    for one in (store, used):
        one.close()


def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    store = LookStore(tmp_path / "looks", "e")
    (file,) = (tmp_path / "looks").glob("*.bin")
    assert file.stat().st_mode & 0o077 == 0
    # Appending takes turns.
    handle = os.open(file, os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(handle)
    store.close()
