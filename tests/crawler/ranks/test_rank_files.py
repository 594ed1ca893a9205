"""A rank list's bytes out of every wrapping, whole, broken or hostile."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import threading
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from samelook.crawler.ranks.files import BLOCK_BYTES, DamagedRankFile, RankFile, UnreadableRankFile
from samelook.crawler.ranks.formats import MAX_LINE

NOISE = random.Random(11)
TEXT = b"".join(b"%d,%x.example\n" % (number, NOISE.getrandbits(64)) for number in range(1, 100_001))


def zipped(text: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", "1,not.example\n")
        archive.writestr("folder/", "")
        archive.writestr("picture.png", b"\x89PNG" + bytes(len(text) + 1))
        archive.writestr("folder/top-1m.csv", text)
    return held.getvalue()


def in_two_members(text: bytes) -> bytes:
    return gzip.compress(text[:1000]) + gzip.compress(text[1000:])


WRAPPINGS: list[Callable[[bytes], bytes]] = [
    bytes,
    gzip.compress,
    in_two_members,
    lambda text: gzip.compress(text) + bytes(512),  # padded, as tape archives are
    zipped,
    zstandard.compress,
    lambda text: zstandard.compress(text[:70_000]) + zstandard.compress(text[70_000:]),
    bz2.compress,
    lzma.compress,
]


def read(path: Path) -> bytes:
    with RankFile(str(path)) as file:
        return b"".join(file.blocks())


@pytest.mark.parametrize("wrap", WRAPPINGS)
def test_the_list_comes_out_of_every_wrapping_in_whole_lines(
    wrap: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "named-without-ending"
    path.write_bytes(wrap(TEXT))
    with RankFile(str(path)) as file:
        assert file.sample(1000) == TEXT[:1000]
        blocks = list(file.blocks())
        assert file.bytes_total == path.stat().st_size
        assert 0 < file.bytes_read <= file.bytes_total
    assert b"".join(blocks) == TEXT
    assert all(block.endswith(b"\n") and len(block) <= 2 * BLOCK_BYTES for block in blocks)


@pytest.mark.parametrize("wrap", [gzip.compress, zstandard.compress, bz2.compress, lzma.compress])
def test_a_file_that_breaks_off_gives_what_precedes_the_break(
    wrap: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "ranks"
    packed = wrap(TEXT * 2)  # more than one block of bzip2
    path.write_bytes(packed[: len(packed) * 2 // 3])
    blocks: list[bytes] = []
    with RankFile(str(path)) as file, pytest.raises(DamagedRankFile, match="breaks off") as damage:
        blocks.extend(file.blocks())
    got = b"".join(blocks)
    assert damage.value.kind == "rank_file_damaged"
    assert len(got) > len(TEXT) // 10
    assert got.endswith(b"\n")
    assert (TEXT * 2).startswith(got)


@pytest.mark.parametrize("wrap", [gzip.compress, zipped, zstandard.compress, bz2.compress, lzma.compress])
def test_a_corrupt_file_is_a_typed_error(wrap: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "ranks"
    packed = bytearray(wrap(TEXT))
    middle = len(packed) // 2
    packed[middle : middle + 64] = bytes(64)
    path.write_bytes(packed)
    with pytest.raises(DamagedRankFile, match=r"ranks is damaged|cannot be read further"):
        read(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zipped(TEXT)[:5000], "incomplete zip"),
        (b"PK\x05\x06" + bytes(18), "holds no .csv or .txt"),
    ],
)
def test_a_zip_without_a_list_is_a_typed_error(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "list.zip"
    path.write_bytes(content)
    with pytest.raises(UnreadableRankFile, match=says):
        read(path)


def test_an_encrypted_zip_is_a_typed_error(tmp_path: Path) -> None:
    path = tmp_path / "list.zip"
    content = bytearray(zipped(TEXT))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.rindex(mark)
        content[place + flags] |= 1
    path.write_bytes(content)
    with pytest.raises(UnreadableRankFile, match="encrypted"):
        read(path)


def test_missing_file_and_folder_are_typed_errors(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRankFile, match="No such file"):
        read(tmp_path / "missing")
    with pytest.raises(UnreadableRankFile, match="directory"):
        read(tmp_path)


@pytest.mark.parametrize("wrap", [bytes, gzip.compress])
def test_a_line_without_end_is_cut_and_costs_no_memory(
    wrap: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(wrap(b"1,first.example\n" + b"x" * (40 << 20) + b"\n2,last.example\n" + b"y" * 9000))
    tracemalloc.start()
    try:
        with RankFile(str(path)) as file:
            lines = [line for block in file.blocks() for line in block.split(b"\n") if line]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines == [b"1,first.example", b"x" * (MAX_LINE + 1), b"2,last.example", b"y" * (MAX_LINE + 1)]
    assert peak < 12 << 20


def test_a_named_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(gzip.compress(TEXT)))
    writer.start()
    with RankFile(str(path)) as file:
        assert b"".join(file.blocks()) == TEXT
        assert file.bytes_total is None
        assert file.bytes_read > 0
    writer.join()


def test_gzip_checks_its_sum(tmp_path: Path) -> None:
    path = tmp_path / "ranks.gz"
    packed = gzip.compress(TEXT)
    path.write_bytes(packed[:-8] + zlib.crc32(b"other").to_bytes(4, "little") + packed[-4:])
    with pytest.raises(DamagedRankFile, match="incorrect data check"):
        read(path)
