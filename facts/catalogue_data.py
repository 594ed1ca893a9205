"""The catalogue's data in the package: two tables, and the bytes of looks that one of them describes.

`vendors.csv` is written by hand. `default_looks.csv` and `default_looks.zst` are what
`tools/default_looks.py` computes from pinned packages: looks alone, no pictures.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from importlib.resources import files

import zstandard

from samelook.looks.look import BadLook

VENDORS = "vendors.csv"
DEFAULTS = "default_looks.csv"
LOOKS = "default_looks.zst"
_DEFAULT_COLUMNS = ("product", "source", "sha256", "lengths")
"""`lengths`: of the looks of the picture's frames, which follow one another in LOOKS, row by row."""
_MOST_BYTES = 256 * 1024 * 1024


def packaged_vendors() -> list[dict[str, str]]:
    """The rows of the table of vendors."""
    return _rows(VENDORS)


def packaged_defaults() -> Iterator[tuple[dict[str, str], tuple[bytes, ...]]]:
    """The rows of the table of default pictures, each with its looks. Raises BadLook."""
    packed = files("samelook.facts").joinpath(LOOKS).read_bytes()
    raw = zstandard.ZstdDecompressor().decompress(packed, max_output_size=_MOST_BYTES)
    at = 0
    for row in _rows(DEFAULTS):
        looks = []
        for length in map(int, row["lengths"].split()):
            looks.append(raw[at : at + length])
            at += length
        yield row, tuple(looks)
    if at != len(raw):
        raise BadLook("The packaged looks do not fit their table.", bytes=len(raw), described=at)


def packed_defaults(rows: Iterable[tuple[dict[str, str], tuple[bytes, ...]]]) -> tuple[str, bytes]:
    """The table and the looks as `packaged_defaults` reads them: what goes into DEFAULTS and LOOKS."""
    text, raw = io.StringIO(), bytearray()
    writer = csv.DictWriter(text, _DEFAULT_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row, looks in rows:
        writer.writerow(row | {"lengths": " ".join(str(len(look)) for look in looks)})
        raw += b"".join(looks)
    return text.getvalue(), zstandard.ZstdCompressor(level=19).compress(bytes(raw))


def _rows(name: str) -> list[dict[str, str]]:
    text = files("samelook.facts").joinpath(name).read_text("utf-8")
    return list(csv.DictReader(io.StringIO(text)))
