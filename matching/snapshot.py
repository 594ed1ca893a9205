"""Snapshot files: the arrays of an index, as they lie in memory.

    bytes 0-7    "SAMELOOK"
    bytes 8-11   format version, little endian, as all numbers
    bytes 12-15  length of the header
    bytes 16-19  CRC-32 of the header
    bytes 20-    header: JSON with bits, counts, the caller's note, and for each array its name,
                 type, shape, place and CRC-32
    then         the arrays, each at a multiple of 4096

A file is written beside its name, flushed to the disk and then renamed, so that a reader finds the
old one or the new one. Reading maps it: what all workers of a machine read is in memory once.
Checksums catch a damaged disk or a cut copy; a file from an attacker is not made safe by them, so
shapes, offsets and numbers are checked as well, here or where they are used.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import tempfile
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .checking import SUPPORTED_BITS
from .errors import SnapshotDamaged, SnapshotForeign
from .list_kernels import BLOCK_ROWS, BUCKETS, GROUP, Array
from .lists import PostingLists
from .uniques import Uniques

FORMAT_VERSION = 1
_MAGIC = b"SAMELOOK"
_PREFIX = struct.Struct("<8sIII")
_PAGE = 4096
_MOST_HEADER_BYTES = 1 << 20
_CRC_PIECE = 1 << 26
_PART = ".part"


@dataclass(frozen=True, slots=True)
class Snapshot:
    bits: int
    items: int
    uniques: Uniques
    lists: tuple[PostingLists, ...]
    tail_codes: Array
    tail_ids: Array
    note: dict[str, Any]


def _pieces(snapshot: Snapshot) -> Iterable[tuple[str, str, list[Array]]]:
    """Name, type and blocks of every array, in the order of the file."""
    uniques = snapshot.uniques
    for name, kind, blocks in (
        ("codes", "<u8", uniques.codes),
        ("values", "<i8", uniques.values),
        ("states", "|u1", uniques.states),
    ):
        rows = [min(BLOCK_ROWS, uniques.count - i * BLOCK_ROWS) for i in range(len(blocks))]
        yield name, kind, [block[: max(0, count)] for block, count in zip(blocks, rows, strict=True)]
    for name, kind in _PLAIN.items():
        yield name, kind, [getattr(uniques, name)]
    yield "tail_codes", "<u8", [snapshot.tail_codes]
    yield "tail_ids", "<i8", [snapshot.tail_ids]
    for chunk, lists in enumerate(snapshot.lists):
        for name, kind in _LISTED.items():
            yield f"{name}.{chunk}", kind, [getattr(lists, name)]


_PLAIN = {
    "group_starts": "<u8",
    "group_ids": "<i8",
    "group_dead": "|u1",
    "group_numbers": "<u4",
    "order": "<u4",
    "member_ids": "<i8",
    "member_groups": "<u4",
}
_LISTED = {"offsets": "<u4", "estimates": "<u2", "following": "<u2", "numbers": "|u1"}


def write_snapshot(path: str | os.PathLike[str], snapshot: Snapshot) -> None:
    """Writes the file, or leaves things as they were and raises OSError."""
    target = Path(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=_PART, dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(file, snapshot)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    if hasattr(os, "O_DIRECTORY"):  # the rename itself has to reach the disk, too
        directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def parts_of(path: Path) -> list[Path]:
    """Files of snapshots at this place that are being written, or were when their process was killed."""
    mine = f".{path.name}."
    return [file for file in path.parent.iterdir() if file.name.startswith(mine) and file.suffix == _PART]


def _write(file: BinaryIO, snapshot: Snapshot) -> None:
    pieces = list(_pieces(snapshot))
    head: dict[str, Any] = {
        "bits": snapshot.bits,
        "items": snapshot.items,
        "count": snapshot.uniques.count,
        "widths": [lists.width for lists in snapshot.lists],
        "note": snapshot.note,
        "arrays": [],
    }
    # The header comes first but describes what follows: its place is left free, large enough.
    room = -(-(_PREFIX.size + len(json.dumps(head["note"])) + 200 * (len(pieces) + 4)) // _PAGE) * _PAGE
    at = room
    for name, kind, blocks in pieces:
        file.seek(at)
        crc, rows = 0, 0
        for block in blocks:
            data = np.ascontiguousarray(block, kind)
            view = data.reshape(-1).view(np.uint8).data
            crc = zlib.crc32(view, crc)
            rows += len(data)
            file.write(view)
        width = blocks[0].shape[1:] if blocks else ((snapshot.bits // 64,) if name == "codes" else ())
        head["arrays"].append({"name": name, "type": kind, "shape": [rows, *width], "at": at, "crc": crc})
        size = rows * int(np.prod(width, dtype=np.int64)) * np.dtype(kind).itemsize
        at = -(-(at + size) // _PAGE) * _PAGE
    file.truncate(at)
    header = json.dumps(head).encode()
    if len(header) > min(room - _PREFIX.size, _MOST_HEADER_BYTES):
        raise ValueError("the note of a snapshot is too long: keep it under a megabyte")
    file.seek(0)
    file.write(_PREFIX.pack(_MAGIC, FORMAT_VERSION, len(header), zlib.crc32(header)) + header)


def read_snapshot(path: str | os.PathLike[str]) -> Snapshot:
    """Maps a snapshot and checks all of it; costs one pass over the file.

    Raises SnapshotDamaged, SnapshotForeign or OSError. The file must not be cut short while it is
    mapped (write_snapshot never does that).
    """
    with Path(path).open("rb") as file:
        if os.fstat(file.fileno()).st_size < _PREFIX.size:
            raise SnapshotDamaged(f"{path} is too short for a snapshot")
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    data = np.frombuffer(mapping, np.uint8)
    head = _header(path, data)
    try:
        return _assembled(head, _arrays(path, head, data))
    except SnapshotDamaged:
        raise
    except (
        KeyError,
        TypeError,
        ValueError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise SnapshotDamaged(f"{path} is a snapshot with a header that makes no sense: {error}") from error


def _header(path: str | os.PathLike[str], data: Array) -> dict[str, Any]:
    magic, version, length, crc = _PREFIX.unpack_from(data.data)
    if magic != _MAGIC:
        raise SnapshotForeign(f"{path} is not a snapshot of an index")
    if version != FORMAT_VERSION:
        raise SnapshotForeign(
            f"{path} has format {version}, this program reads {FORMAT_VERSION}; build it anew"
        )
    header = data[_PREFIX.size : _PREFIX.size + length].tobytes()
    if length > _MOST_HEADER_BYTES or len(header) != length or zlib.crc32(header) != crc:
        raise SnapshotDamaged(f"{path} has a damaged header")
    try:
        head = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise SnapshotDamaged(f"{path} has a header that is not JSON") from error
    if not isinstance(head, dict) or head.get("bits") not in SUPPORTED_BITS:
        raise SnapshotForeign(
            f"{path} holds codes of {head.get('bits') if isinstance(head, dict) else head!r} bits"
        )
    return head


def _arrays(path: str | os.PathLike[str], head: dict[str, Any], data: Array) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    work: list[tuple[str, Array, int]] = []
    for entry in head["arrays"]:
        name, kind = str(entry["name"]), np.dtype(entry["type"])
        shape = tuple(int(size) for size in entry["shape"])
        size = int(np.prod(shape, dtype=object)) * kind.itemsize
        at = int(entry["at"])
        if min(shape, default=0) < 0 or at < 0 or at % _PAGE or at + size > len(data):
            raise SnapshotDamaged(f"{path}: the array {name} lies outside the file")
        if str(entry["type"]) not in {"<u8", "<i8", "|u1", "<u4", "<u2"} or len(shape) not in {1, 2}:
            raise SnapshotDamaged(f"{path}: the array {name} has an unknown type or shape")
        part = data[at : at + size]
        work.append((name, part, int(entry["crc"])))
        arrays[name] = part.view(kind).reshape(shape)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1), "matching-crc") as pool:
        sums = pool.map(_crc, (part for _, part, _ in work))
        for (name, _, crc), found in zip(work, sums, strict=True):
            if crc != found:
                raise SnapshotDamaged(f"{path}: the array {name} is damaged", array=name)
    return arrays


def _crc(data: Array) -> int:
    crc = 0
    for start in range(0, len(data), _CRC_PIECE):
        crc = zlib.crc32(data[start : start + _CRC_PIECE].data, crc)
    return crc


def _blocks(rows: Array, *, copied: bool = False) -> tuple[Array, ...]:
    blocks = (rows[start : start + BLOCK_ROWS] for start in range(0, len(rows), BLOCK_ROWS))
    return tuple(block.copy() if copied else block for block in blocks)


def _assembled(head: dict[str, Any], arrays: dict[str, Array]) -> Snapshot:
    bits, count, items = int(head["bits"]), int(head["count"]), int(head["items"])
    words, chunks = bits // 64, bits // 16
    for name, kind in {
        "codes": "<u8",
        "values": "<i8",
        "states": "|u1",
        "tail_codes": "<u8",
        "tail_ids": "<i8",
    }.items():
        _expect(arrays[name].dtype == np.dtype(kind), name)
    _expect(arrays["codes"].shape == (count, words), "codes")
    _expect(arrays["values"].shape == arrays["states"].shape == (count,), "values")
    _expect(arrays["tail_codes"].shape == (len(arrays["tail_ids"]), words), "tail_codes")
    for name, kind in _PLAIN.items():
        _expect(arrays[name].ndim == 1 and arrays[name].dtype == np.dtype(kind), name)
    # States and deaths change in place, so they are copied: one byte a code.
    uniques = Uniques(
        count=count,
        codes=_blocks(arrays["codes"]),
        values=_blocks(arrays["values"]),
        states=_blocks(arrays["states"], copied=True),
        group_dead=arrays["group_dead"].copy(),
        **{name: arrays[name] for name in _PLAIN if name != "group_dead"},
    )
    _check_numbers(uniques, items + len(arrays["tail_ids"]))
    widths = [int(width) for width in head["widths"]]
    _expect(len(widths) in {0, chunks} and bool(widths or not count), "widths")
    lists = []
    for chunk, width in enumerate(widths):
        parts = {name: arrays[f"{name}.{chunk}"] for name in _LISTED}
        for name, kind in _LISTED.items():
            _expect(parts[name].ndim == 1 and parts[name].dtype == np.dtype(kind), f"{name}.{chunk}")
        offsets = parts["offsets"]
        _expect(len(offsets) == BUCKETS + 1 and len(parts["estimates"]) == BUCKETS, f"offsets.{chunk}")
        _expect(offsets[0] == 0 and not np.any(offsets[1:] < offsets[:-1]), f"offsets.{chunk}")
        _expect(width in {3, 4} and int(offsets[-1]) == len(parts["following"]) == count, f"offsets.{chunk}")
        _expect(len(parts["numbers"]) == count * width, f"numbers.{chunk}")
        lists.append(PostingLists(**parts, width=width))
    note = head["note"]
    _expect(isinstance(note, dict) and items >= 0, "note")
    return Snapshot(bits, items, uniques, tuple(lists), arrays["tail_codes"], arrays["tail_ids"], note)


def _check_numbers(uniques: Uniques, most_items: int) -> None:
    groups, starts = len(uniques.group_numbers), uniques.group_starts
    _expect(
        len(starts) == groups + 1 and starts[0] == 0 and not np.any(starts[1:] < starts[:-1]), "group_starts"
    )
    _expect(int(starts[-1]) == len(uniques.group_ids) == len(uniques.group_dead), "group_ids")
    _expect(len(uniques.member_ids) == len(uniques.member_groups) == len(uniques.group_ids), "member_ids")
    for name, limit in (
        ("group_numbers", uniques.count),
        ("order", uniques.count),
        ("member_groups", groups),
    ):
        numbers = getattr(uniques, name)
        _expect(not len(numbers) or int(numbers.max()) < limit, name)
    _expect(len(uniques.order) <= uniques.count, "order")
    for state, value in zip(uniques.states, uniques.values, strict=True):
        named = value[state == GROUP]
        _expect(not np.any(state > GROUP) and not np.any((named < 0) | (named >= groups)), "values")
    alive = int(uniques.living().sum()) if uniques.count else 0
    _expect(alive <= most_items, "items")


def _expect(holds: object, name: str) -> None:
    if not holds:
        raise SnapshotDamaged(f"the snapshot's {name} do not fit the rest", array=name)
