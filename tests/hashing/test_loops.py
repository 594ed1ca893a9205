"""The compiled loops give the bits of their numpy twins, and of Meta's PDQ."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samelook.hashing.blockhash import blockhashes, blockhashes_by_numpy
from samelook.hashing.loops import LOOPS
from samelook.hashing.pdq import pdq, pdq_by_numpy
from samelook.hashing.phash import phash, phash_without_loops
from samelook.hashing.picture import composite_on

if LOOPS is None:
    if os.environ.get("CI"):
        pytest.fail("samelook.hashing._pixels was not compiled, and CI must test it", pytrace=False)
    pytest.skip("no compiler was there when the package was installed", allow_module_level=True)


@st.composite
def pictures(draw: st.DrawFn) -> NDArray[np.uint8]:
    """RGBA of noise, large squares or bars, opaque or not: even areas give the ties that decide bits."""
    height, width = draw(st.integers(1, 200)), draw(st.integers(1, 200))
    dice = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(("noise", "squares", "bars", "one colour")))
    if kind == "noise":
        rgba = dice.integers(0, 256, (height, width, 4), dtype=np.uint8)
    elif kind == "squares":
        small = dice.integers(0, 256, (height // 20 + 1, width // 20 + 1, 4), dtype=np.uint8)
        rgba = np.repeat(np.repeat(small, 20, axis=0), 20, axis=1)[:height, :width].copy()
    else:
        row = dice.integers(0, 256, (1, width if kind == "bars" else 1, 4), dtype=np.uint8)
        rgba = np.broadcast_to(row, (height, width, 4)).copy()
    alpha = draw(st.sampled_from(("drawn", "opaque", "keyed")))
    if alpha == "opaque":
        rgba[..., 3] = 255
    elif alpha == "keyed":
        rgba[..., 3] = np.where(rgba[..., 3] < 128, 0, 255)
    return rgba


@settings(deadline=None)
@given(pictures())
def test_the_same_bits_as_numpy(rgba: NDArray[np.uint8]) -> None:
    rgb = composite_on(rgba)
    assert blockhashes(rgba) == blockhashes_by_numpy(rgba)
    assert pdq(rgba) == pdq(rgb) == pdq_by_numpy(rgb)
    assert phash(rgba) == phash(rgb) == phash_without_loops(rgb)


@settings(deadline=None)
@given(pictures())
def test_the_same_bits_as_metas_pdq(rgba: NDArray[np.uint8]) -> None:
    compute = pytest.importorskip("pdqhash", reason="pdqhash is an extra").compute
    bits, quality = compute(np.ascontiguousarray(composite_on(rgba)))
    assert pdq(rgba) == (np.packbits(bits).tobytes(), quality)


@st.composite
def small_greys(draw: st.DrawFn) -> NDArray[np.uint8]:
    """32 x 32 grey values, half of them mirrored: then many frequencies are nothing but rounding errors."""
    dice = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    blocks = draw(st.sampled_from((1, 2, 8, 32)))
    grey = dice.integers(0, 256, (32 // blocks, 32 // blocks), dtype=np.uint8)
    grey = np.kron(grey, np.ones((blocks, blocks), np.uint8))
    mirrored = draw(st.sampled_from(("no", "across", "down", "both", "diagonal")))
    if mirrored in {"across", "both"}:
        grey[:, 16:] = grey[:, 15::-1]
    if mirrored in {"down", "both"}:
        grey[16:] = grey[15::-1]
    return np.maximum(grey, grey.T) if mirrored == "diagonal" else grey


@settings(deadline=None, max_examples=500)
@given(small_greys())
def test_the_same_phash_where_rounding_decides(grey: NDArray[np.uint8]) -> None:
    rgb = np.repeat(grey[..., None], 3, axis=2)
    assert phash(rgb) == phash_without_loops(rgb)


@pytest.mark.parametrize(
    ("shape", "width", "height", "channels"),
    [
        ((4, 4, 4), 4, 5, 4),
        ((4, 4, 4), 8, 4, 2),
        ((4, 4, 4), 0, 4, 4),
        ((4, 4, 4), -4, -4, 4),
        ((4, 4, 5), 4, 4, 5),
    ],
)
def test_a_size_that_is_not_the_buffers_is_refused(
    shape: tuple[int, ...], width: int, height: int, channels: int
) -> None:
    assert LOOPS is not None
    pixels = np.zeros(shape, np.uint8)
    for loop in (LOOPS.pdq, LOOPS.phash, LOOPS.blockhashes):
        with pytest.raises(ValueError, match=r"picture"):
            loop(pixels, width, height, channels)


def test_very_long_pictures_are_hashed_without_them() -> None:
    pixels = np.zeros((5, 20_000, 4), np.uint8)
    pixels[:, ::3] = 255
    assert blockhashes(pixels) == blockhashes_by_numpy(pixels)
    assert pdq(pixels) == pdq_by_numpy(composite_on(pixels))
    assert phash(pixels) == phash_without_loops(composite_on(pixels))


@pytest.mark.parametrize(
    "size", [(64, 64), (1, 400), (5, 2049), (1030, 1024), (511, 33), (257, 129), (2000, 7)]
)
@pytest.mark.parametrize("channels", [3, 4])
def test_pictures_of_odd_and_large_sizes_have_the_same_pdq(size: tuple[int, int], channels: int) -> None:
    pixels = np.random.default_rng(size[0]).integers(0, 256, (*size, channels), dtype=np.uint8)
    assert pdq(pixels) == pdq_by_numpy(pixels if channels == 3 else composite_on(pixels))
