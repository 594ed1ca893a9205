from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from samelook.hashing.pdq import pdq, pdq_by_numpy

SIDES = st.one_of(st.integers(1, 140), st.sampled_from([64, 127, 128, 129, 256, 257, 383, 512, 600]))


def drawn(kind: str, width: int, height: int, seed: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    if kind == "noise":
        return random.integers(0, 256, (height, width, 3), np.uint8)
    if kind == "flat":
        return np.full((height, width, 3), random.integers(0, 256, 3), np.uint8)
    if kind == "soft":
        seeds = Image.fromarray(random.integers(0, 256, (5, 5, 3), np.uint8))
        return np.asarray(seeds.resize((width, height), Image.Resampling.BICUBIC))
    blocks = np.zeros((height, width, 3), np.uint8)
    blocks[height // 3 : height // 2, width // 4 :] = random.integers(0, 256, 3)
    return blocks


@given(
    kind=st.sampled_from(["noise", "flat", "soft", "blocks"]),
    width=SIDES,
    height=SIDES,
    seed=st.integers(0, 2**32),
)
@settings(max_examples=150, deadline=None)
def test_the_twin_gives_the_bits_of_pdqhash(kind: str, width: int, height: int, seed: int) -> None:
    pdqhash = pytest.importorskip("pdqhash", reason="the twin is all there is here")
    rgb = drawn(kind, width, height, seed)
    bits, quality = pdqhash.compute(np.ascontiguousarray(rgb))
    expected = np.packbits(bits).tobytes(), quality
    assert pdq_by_numpy(rgb) == expected
    assert pdq(rgb) == expected


def test_the_order_in_memory_does_not_matter() -> None:
    rgb = drawn("noise", 30, 50, 1)
    planes = np.ascontiguousarray(rgb.transpose(2, 0, 1)).transpose(1, 2, 0)
    columns = np.asfortranarray(rgb)
    upside_down = np.ascontiguousarray(rgb[::-1])[::-1]
    assert pdq(rgb) == pdq(planes) == pdq(columns) == pdq(upside_down)
    assert pdq(rgb) == pdq_by_numpy(planes) == pdq_by_numpy(columns) == pdq_by_numpy(upside_down)


@pytest.mark.parametrize("size", [(4, 100), (100, 4), (1, 1)])
def test_a_picture_under_five_pixels_has_no_hash(size: tuple[int, int]) -> None:
    rgb = drawn("noise", *size, 1)
    assert pdq(rgb) == pdq_by_numpy(rgb) == (bytes(32), 0)


def test_the_hash_survives_resizing() -> None:
    large = drawn("soft", 300, 300, 3)
    small = np.asarray(Image.fromarray(large).resize((150, 150), Image.Resampling.LANCZOS))
    one, other = (int.from_bytes(pdq(rgb)[0], "big") for rgb in (large, small))
    assert (one ^ other).bit_count() <= 31  # the distance at which PDQ calls pictures the same
