"""Snapshot files: whole or refused, shared by both engines, and never a crash."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samelook.matching import HammingIndex, MatchingError, SnapshotDamaged, SnapshotForeign
from samelook.matching.engine import Engine, c_engine, numpy_engine
from samelook.matching.kernels import CHEAPEST, PROBE, SCAN
from samelook.matching.places import FilePlace
from samelook.matching.snapshot import _PREFIX
from tests.matching.conftest import purge

NewIndex = Callable[..., HammingIndex]


def everything(index: HammingIndex) -> list[tuple[int, int]]:
    ids, distances = index.search(bytes(index.bits // 8), index.bits)
    return list(zip(distances.tolist(), ids.tolist(), strict=True))


@pytest.fixture
def filled(engine: Engine, new_index: NewIndex) -> HammingIndex:
    """An index with single items, groups, dead ones of both kinds, and a tail."""
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 256, (300, 8), dtype=np.uint8)
    index = new_index(64, engine)
    index.add(codes[:250], np.arange(250))
    index.add(codes[:40], np.arange(1000, 1040))
    index.merge()
    index.remove([3, 1004, 100])
    index.add(codes[200:], np.arange(2000, 2100))
    index.remove([2050])
    return index


def test_a_snapshot_comes_back_as_it_was(filled: HammingIndex, tmp_path: Path) -> None:
    path = tmp_path / "a.index"
    filled.save(path, {"position": 17})
    for engine in filter(None, (c_engine(), numpy_engine())):
        index = HammingIndex.open(path, engine=engine)
        assert index.note == {"position": 17}
        assert everything(index) == everything(filled)
        assert len(index) == len(filled)
        # It lives on: the file's arrays are read-only, what changes is the index's own.
        assert index.remove([5, 1007, 2001]) == 3
        index.add(np.zeros((2, 8), np.uint8), np.array([-1, -2]))
        index.merge()
        purge(index)
        assert len(index) == len(filled) - 1
        assert index.search(bytes(8), 0)[0].tolist() == [-2, -1]
        index.save(path.with_name("b.index"))
        assert everything(HammingIndex.open(path.with_name("b.index"))) == everything(index)


@pytest.mark.parametrize("bits", [64, 256])
def test_empty_and_tiny_snapshots(bits: int, engine: Engine, new_index: NewIndex, tmp_path: Path) -> None:
    index = new_index(bits, engine)
    index.save(tmp_path / "empty")
    assert len(HammingIndex.open(tmp_path / "empty", engine=engine)) == 0
    index.add(np.zeros((1, bits // 8), np.uint8), np.array([9]))
    index.save(tmp_path / "one")
    index.merge()
    index.save(str(tmp_path / "listed"))
    for name in ("one", "listed"):
        assert everything(HammingIndex.open(tmp_path / name, engine=engine)) == [(0, 9)]
    index.remove([9])
    purge(index)
    index.save(tmp_path / "purged")
    assert everything(HammingIndex.open(tmp_path / "purged", engine=engine)) == []


def test_a_failed_save_leaves_the_old_file(filled: HammingIndex, tmp_path: Path) -> None:
    path = tmp_path / "a.index"
    filled.save(path, {"n": 1})
    with pytest.raises(TypeError):
        filled.save(path, {"n": object()})
    assert HammingIndex.open(path).note == {"n": 1}
    assert [one.name for one in tmp_path.iterdir()] == ["a.index"]
    with pytest.raises(OSError, match="nowhere"):
        filled.save(tmp_path / "nowhere" / "a.index")


def test_what_killed_processes_left_is_cleared_away(filled: HammingIndex, tmp_path: Path) -> None:
    left_over, of_others = tmp_path / ".phash-64.index.abc.part", tmp_path / ".pdq-256.index.abc.part"
    for path in (left_over, of_others):
        path.write_bytes(b"half of it")
    place = FilePlace("phash", 64, tmp_path, None)
    assert place.save(filled, {})
    assert not left_over.exists()
    assert of_others.exists()
    assert len(place.open()[0]) == len(filled)


def test_an_open_index_survives_a_new_snapshot_in_its_place(filled: HammingIndex, tmp_path: Path) -> None:
    path = tmp_path / "a.index"
    filled.save(path)
    index = HammingIndex.open(path)
    before = everything(index)
    filled.remove(np.arange(3000))
    filled.save(path)
    assert everything(index) == before
    assert everything(HammingIndex.open(path)) == []


def test_foreign_files_are_told_apart(tmp_path: Path, filled: HammingIndex) -> None:
    path = tmp_path / "a.index"
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(SnapshotForeign, match="not a snapshot"):
        HammingIndex.open(path)
    filled.save(path)
    data = bytearray(path.read_bytes())
    data[8:12] = struct.pack("<I", 99)
    path.write_bytes(data)
    with pytest.raises(SnapshotForeign, match="format 99"):
        HammingIndex.open(path)
    with pytest.raises(FileNotFoundError):
        HammingIndex.open(tmp_path / "none")


def test_any_flipped_bit_of_the_contents_is_noticed(filled: HammingIndex, tmp_path: Path) -> None:
    path = tmp_path / "a.index"
    filled.save(path)
    whole = path.read_bytes()
    head = json.loads(whole[_PREFIX.size : _PREFIX.size + _PREFIX.unpack_from(whole)[2]])
    rng = np.random.default_rng(6)
    places = [int(rng.integers(0, _PREFIX.size + 500)) for _ in range(20)]
    for entry in head["arrays"]:
        size = int(np.prod(entry["shape"])) * int(entry["type"][2])
        places += [entry["at"] + int(rng.integers(size))] if size else []
    for place in places:
        data = bytearray(whole)
        data[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        with pytest.raises((SnapshotDamaged, SnapshotForeign)):
            HammingIndex.open(path)
    for length in (0, 1, 19, 20, 300, 4095, 4096, len(whole) // 2, len(whole) - 4097):
        path.write_bytes(whole[:length])
        with pytest.raises(SnapshotDamaged):
            HammingIndex.open(path)


def _forged(whole: bytes, change: Callable[[dict[str, Any], bytearray], None]) -> bytes:
    """A file with something changed and every checksum right again: what only an attacker makes."""
    data = bytearray(whole)
    length = _PREFIX.unpack_from(data)[2]
    head = json.loads(data[_PREFIX.size : _PREFIX.size + length])
    change(head, data)
    for entry in head["arrays"] if isinstance(head["arrays"], list) else []:
        try:
            size = int(np.prod(entry["shape"], dtype=object)) * int(str(entry["type"])[2])
            entry["crc"] = zlib.crc32(data[entry["at"] : entry["at"] + size])
        except (TypeError, ValueError, IndexError):
            continue
    header = json.dumps(head).encode()
    data[: _PREFIX.size + len(header)] = (
        _PREFIX.pack(b"SAMELOOK", 1, len(header), zlib.crc32(header)) + header
    )
    return bytes(data)


def test_a_forged_snapshot_never_crashes_the_process(
    filled: HammingIndex, engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "a.index"
    filled.save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(8)
    opened = 0
    for turn in range(250):

        def change(head: dict[str, Any], data: bytearray, turn: int = turn) -> None:
            entry = head["arrays"][int(rng.integers(len(head["arrays"])))]
            size = int(np.prod(entry["shape"])) * int(entry["type"][2])
            match turn % 5:
                case 0 | 1 | 2 if size:  # wild numbers
                    for _ in range(int(rng.integers(1, 20))):
                        at = entry["at"] + int(rng.integers(size))
                        data[at] = int(rng.choice([0, 1, 127, 128, 255]))
                case 3:  # wild shapes and places
                    entry[str(rng.choice(["shape", "at", "type", "name"]))] = [
                        [2**40],
                        -1,
                        4096,
                        "<u8",
                        [3, -3],
                        "|O",
                        None,
                        [1],
                        8192,
                        "codes",
                        [],
                        2**63,
                    ][int(rng.integers(12))]
                case _:
                    head[str(rng.choice(["bits", "count", "items", "widths", "note", "arrays"]))] = [
                        256,
                        -1,
                        2**40,
                        [4, 4, 4, 4],
                        [3, 3, 3],
                        None,
                        "x",
                        0,
                        {},
                        [],
                        1,
                    ][int(rng.integers(11))]

        path.write_bytes(_forged(whole, change))
        try:
            index = HammingIndex.open(path, engine=engine)
        except MatchingError:
            continue
        opened += 1
        for how in (CHEAPEST, SCAN, PROBE):
            for radius in (0, 5, 15, 64):
                index._searcher.search(rng.integers(0, 256, index.bits // 8, dtype=np.uint8), radius, how)
        index.remove([7, 1003])
        codes = rng.integers(0, 256, (5, index.bits // 8), dtype=np.uint8)
        index.add(codes, np.arange(5))
    assert opened > 20  # the checks in the inner loops had their turn, too
