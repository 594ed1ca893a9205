"""Usual PNGs come to the same pixels as by Pillow, and all others go to Pillow."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from samelook.hashing import png_rows
from samelook.hashing.decode import DecodeLimits, decode
from samelook.hashing.errors import HashingError, TooManyPixels
from samelook.hashing.loops import LOOPS
from samelook.hashing.png import MAGIC, chunks_of, kinds_of, written

if LOOPS is None:
    if os.environ.get("CI"):
        pytest.fail("samelook.hashing._pixels was not compiled, and CI must test it", pytrace=False)
    pytest.skip("no compiler was there when the package was installed", allow_module_level=True)

_LIMITS = DecodeLimits()
_PALETTE = 3
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8)]
_KINDS += [(4, 8), (4, 16), (6, 8), (6, 16)]
"""All colour types with their depths (PNG 3rd edition, 11.2.1)."""
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_GAMMA_OF_SRGB = (b"gAMA", struct.pack(">I", 45455))


def _filtered(rows: NDArray[np.uint8], filters: Sequence[int], step: int) -> bytes:
    """The rows with their filters, as the specification's formulas say (PNG 3rd edition, 9.2)."""
    above = [0] * rows.shape[1]
    out = bytearray()
    for row, kind in zip(rows.astype(int).tolist(), filters, strict=True):
        out.append(kind)
        for i, value in enumerate(row):
            a = row[i - step] if i >= step else 0
            b, c = above[i], above[i - step] if i >= step else 0
            estimate = a + b - c
            nearest = min((a, b, c), key=lambda one: abs(estimate - one))
            out.append((value - (0, a, b, (a + b) // 2, nearest)[kind]) % 256)
        above = row
    return bytes(out)


def _png(
    kind: tuple[int, int],
    width: int,
    filters: Sequence[int],
    seed: int,
    *extra: tuple[bytes, bytes],
    values: int = 256,
    cut: int = 1,
) -> bytes:
    """A PNG of a colour type and depth, its bytes drawn from so many values, its pixels in so many chunks."""
    colour, depth = kind
    bits = _SAMPLES[colour] * depth
    dice = np.random.default_rng(seed)
    rows = dice.integers(0, values, (len(filters), (width * bits + 7) // 8), dtype=np.uint8)
    packed = zlib.compress(_filtered(rows, filters, max(1, bits // 8)))
    pieces = [packed[at * len(packed) // cut : (at + 1) * len(packed) // cut] for at in range(cut)]
    header = struct.pack(">IIBBBBB", width, len(filters), depth, colour, 0, 0, 0)
    return written([(b"IHDR", header), *extra, *((b"IDAT", piece) for piece in pieces), (b"IEND", b"")])


def _palette(entries: int, alphas: int, seed: int) -> list[tuple[bytes, bytes]]:
    dice = np.random.default_rng(seed)
    chunks = [(b"PLTE", dice.bytes(3 * entries))]
    return chunks + [(b"tRNS", dice.bytes(alphas))] * (alphas > 0)


def _usual(data: bytes) -> NDArray[np.uint8] | None:
    return png_rows.usual_pixels(data, kinds_of(data), _LIMITS, apply_orientation=False)


def _outcome(data: bytes) -> object:
    try:
        return decode(data).rgba.tobytes()
    except HashingError as error:
        return error.kind


def _by_pillow(data: bytes) -> object:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(png_rows, "LOOPS", None)
        return _outcome(data)


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(_KINDS),
    st.integers(1, 40),
    st.lists(st.integers(0, 4), min_size=1, max_size=12),
    st.sampled_from((3, 40, 256)),
    st.integers(0, 2**32 - 1),
    st.integers(1, 4),
)
def test_every_filter_colour_type_and_depth_comes_to_pillows_pixels(
    kind: tuple[int, int], width: int, filters: list[int], values: int, seed: int, cut: int
) -> None:
    extra = [_GAMMA_OF_SRGB] * (seed % 2)
    if kind[0] == _PALETTE:
        extra += _palette(1 << kind[1], seed % (1 << kind[1]), seed)
    data = _png(kind, width, filters, seed, *extra, values=values, cut=cut)
    found = _usual(data)
    assert found is not None
    assert found.tobytes() == _by_pillow(data)


@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        ((3, 8), _palette(200, 0, 1)),  # with pixels of entries that it does not have
        ((3, 2), _palette(3, 2, 1)),
        ((3, 4), []),
        ((3, 4), [(b"PLTE", bytes(47))]),
        ((3, 4), [(b"PLTE", b"")]),
        ((3, 4), _palette(16, 17, 1)),
        ((3, 4), _palette(16, 3, 1)[::-1]),
        ((3, 4), _palette(16, 3, 1) + _palette(16, 0, 2)),
        ((3, 8), _palette(257, 0, 1)),
        ((0, 8), [(b"tRNS", b"\0\x40")]),
        ((2, 8), [(b"tRNS", b"\0\x40\0\x40\0\x40")]),
        ((2, 8), [(b"gAMA", struct.pack(">I", 100_000))]),
        ((2, 8), [(b"acTL", struct.pack(">II", 1, 0))]),
    ],
)
def test_what_changes_colours_and_palettes_that_are_wrong_are_left_to_pillow(
    kind: tuple[int, int], extra: list[tuple[bytes, bytes]]
) -> None:
    data = _png(kind, 37, [0, 1, 2, 3, 4], 3, *extra)
    assert _usual(data) is None
    assert _outcome(data) == _by_pillow(data)


@pytest.mark.parametrize("chunk", [b"PLTE", b"tRNS"])
def test_a_palette_with_a_wrong_sum_is_left_to_pillow(chunk: bytes) -> None:
    data = bytearray(_png((3, 4), 37, [0] * 5, 3, *_palette(16, 5, 1)))
    data[data.index(chunk) + 5] ^= 1
    assert _usual(bytes(data)) is None
    assert _outcome(bytes(data)) == _by_pillow(bytes(data))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_what_pillow_writes_comes_to_pillows_pixels(channels: int) -> None:
    dice = np.random.default_rng(channels)
    soft = np.asarray(Image.fromarray(dice.integers(0, 256, (9, 9), dtype=np.uint8)).resize((101, 67)))
    noise = dice.integers(0, 8, (67, 101, channels), dtype=np.uint8)
    samples = (soft[..., None] // 2 + noise * 9).astype(np.uint8)
    image = Image.fromarray(samples.squeeze(), _MODES[channels])
    for options in ({}, {"optimize": True}, {"compress_level": 0}):
        stored = io.BytesIO()
        image.save(stored, "PNG", **options)
        found = _usual(stored.getvalue())
        assert found is not None
        assert np.array_equal(found, np.asarray(image.convert("RGBA")))


def _whole() -> bytes:
    return _png((2, 8), 30, [4] * 20, 5, cut=3)


def _with_rows(rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", 4, 2, 8, 2, 0, 0, 0)
    return written([(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])


def _damaged() -> list[bytes]:
    whole = _whole()
    chunks = [(chunk.kind, chunk.data) for chunk in chunks_of(whole)]
    apart = [*chunks[:2], (b"tIME", bytes(7)), *chunks[2:]]
    flipped = bytearray(whole)
    flipped[60] ^= 255
    sum_of_header = bytearray(whole)
    sum_of_header[30] ^= 1
    sum_of_pixels = bytearray(whole)
    sum_of_pixels[-13] ^= 1
    return [
        *(whole[:end] for end in range(0, len(whole), 97)),
        bytes(flipped),
        bytes(sum_of_header),
        bytes(sum_of_pixels),
        written(apart),
        written([*chunks[:-1], (b"IDAT", b"more"), chunks[-1]]),
        _with_rows(bytes(2 * 13 - 1)),
        _with_rows(bytes(2 * 13 + 400)),
        _with_rows(b"\x05" + bytes(25)),
        written([chunks[0], chunks[-1]]),
        whole[:16] + bytes(8) + whole[24:],
        MAGIC,
    ]


@pytest.mark.parametrize("data", _damaged())
def test_a_damaged_one_ends_as_it_does_without_the_quick_way(data: bytes) -> None:
    assert _outcome(data) == _by_pillow(data)


def test_a_small_file_that_claims_many_pixels_is_refused_before_it_is_unpacked() -> None:
    header = struct.pack(">IIBBBBB", 16_000, 16_000, 8, 2, 0, 0, 0)
    with pytest.raises(TooManyPixels):
        decode(written([(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]))


@pytest.mark.parametrize(
    ("size", "arguments"),
    [
        (10, (3, 1, 6, 8, b"")),  # one byte too few
        (4, (3, 1, 3, 8, b"")),
        (4, (3, 1, 3, 8, bytes(5))),
        (4, (3, 1, 3, 8, bytes(1028))),
        (7, (3, 1, 3, 16, bytes(4))),
        (4, (3, 1, 5, 8, b"")),
        (4, (3, 1, 0, 3, b"")),
        (0, (0, 0, 0, 8, b"")),
        (4, (3, 1, -1, 8, b"")),
        (4, (3, -1, 0, 8, b"")),
    ],
)
def test_the_compiled_loop_refuses_what_does_not_fit_together(
    size: int, arguments: tuple[int, int, int, int, bytes]
) -> None:
    assert LOOPS is not None
    with pytest.raises(ValueError, match=r"no rows|a palette has"):
        LOOPS.png_rows(bytes(size), *arguments)
