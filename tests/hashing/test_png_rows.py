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
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def _png(samples: NDArray[np.uint8], rows: bytes, *, cut: int = 1) -> bytes:
    height, width, channels = samples.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    packed = zlib.compress(rows)
    pieces = [packed[at * len(packed) // cut : (at + 1) * len(packed) // cut] for at in range(cut)]
    return written([(b"IHDR", header), *((b"IDAT", piece) for piece in pieces), (b"IEND", b"")])


def _filtered(samples: NDArray[np.uint8], filters: Sequence[int]) -> bytes:
    """The rows with their filters, as the specification's formulas say (PNG 3rd edition, 9.2)."""
    height, width, channels = samples.shape
    flat = samples.reshape(height, width * channels).astype(int).tolist()
    above = [0] * (width * channels)
    out = bytearray()
    for row, kind in zip(flat, filters, strict=True):
        out.append(kind)
        for i, value in enumerate(row):
            a = row[i - channels] if i >= channels else 0
            b, c = above[i], above[i - channels] if i >= channels else 0
            estimate = a + b - c
            nearest = min((a, b, c), key=lambda one: abs(estimate - one))
            out.append((value - (0, a, b, (a + b) // 2, nearest)[kind]) % 256)
        above = row
    return bytes(out)


def _usual(data: bytes) -> NDArray[np.uint8] | None:
    return png_rows.usual_pixels(data, kinds_of(data), _LIMITS, apply_orientation=False)


@settings(deadline=None)
@given(
    st.integers(1, 4),
    st.integers(1, 40),
    st.lists(st.integers(0, 4), min_size=1, max_size=12),
    st.sampled_from((3, 40, 256)),
    st.integers(0, 2**32 - 1),
    st.integers(1, 4),
)
def test_every_filter_and_colour_type_gives_what_was_stored(
    channels: int, width: int, filters: list[int], values: int, seed: int, cut: int
) -> None:
    dice = np.random.default_rng(seed)
    samples = dice.integers(0, values, (len(filters), width, channels), dtype=np.uint8)
    found = _usual(_png(samples, _filtered(samples, filters), cut=cut))
    shaped = samples if channels > 2 else np.concatenate([samples[..., :1]] * 3 + [samples[..., 1:]], axis=2)
    assert found is not None
    assert np.array_equal(found[..., : shaped.shape[2]], shaped)
    if channels in {1, 3}:
        assert (found[..., 3] == 255).all()


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
    samples = np.random.default_rng(5).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    return _png(samples, _filtered(samples, [4] * 20), cut=3)


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


def _outcome(data: bytes) -> object:
    try:
        return decode(data).rgba.tobytes()
    except HashingError as error:
        return error.kind


@pytest.mark.parametrize("data", _damaged())
def test_a_damaged_one_ends_as_it_does_without_the_quick_way(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = _outcome(data)
    monkeypatch.setattr(png_rows, "LOOPS", None)
    assert quick == _outcome(data)


def test_a_small_file_that_claims_many_pixels_is_refused_before_it_is_unpacked() -> None:
    header = struct.pack(">IIBBBBB", 16_000, 16_000, 8, 2, 0, 0, 0)
    with pytest.raises(TooManyPixels):
        decode(written([(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]))


def test_the_wrong_number_of_bytes_is_refused() -> None:
    assert LOOPS is not None
    with pytest.raises(ValueError, match="no rows"):
        LOOPS.png_rows(bytes(10), 3, 1, 4)
