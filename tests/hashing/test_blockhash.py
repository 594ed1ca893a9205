"""Bit identity with the reference implementations in Python and JavaScript."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samelook.hashing.blockhash import _brightness, _sums, blockhash, blockhashes
from samelook.hashing.decode import decode

VECTORS = json.loads(Path(__file__).with_name("blockhash_vectors.json").read_text(encoding="utf-8"))


def drawn(kind: str, width: int, height: int) -> NDArray[np.uint8]:
    """A picture that any language can draw from integers alone."""
    state = (width * 7919 + height * 104729 + len(kind) * 31) & 0x7FFFFFFF
    pixels = []
    for y in range(height):
        for x in range(width):
            odd_one = (x, y) == (width // 2, height // 3)
            if kind == "noise":
                pixel = []
                for _ in range(4):
                    state = (state * 1103515245 + 12345) & 0x7FFFFFFF
                    pixel.append(state >> 16 & 255)
                if pixel[3] < 60:
                    pixel[3] = 0
            elif kind == "slope":
                steps = x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1)
                pixel = [*steps, (x + y) * 255 // max(width + height - 2, 1), 255]
            elif kind == "disc":
                across, down = (2 * x - width + 1) * height, (2 * y - height + 1) * width
                inside = across**2 + down**2 < (width * height) ** 2 * 3 // 4
                pixel = [200, 30, 60, 255] if inside else [10, 10, 10, 0]
            elif kind == "white":
                pixel = [0, 90, 200, 255] if odd_one else [255, 255, 255, 255]
            else:
                pixel = [250, 90, 200, 255] if odd_one else [0, 0, 0, 255]
            pixels.append(pixel)
    return np.array(pixels, np.uint8).reshape(height, width, 4)


def by_definition(rgba: NDArray[np.uint8], bits: int) -> list[int]:
    """The precise method for pictures no smaller than their blocks, by shares of area in whole numbers."""
    height, width = rgba.shape[:2]
    sums = np.zeros((bits, bits), object)
    for y in range(height):
        for x in range(width):
            red, green, blue, alpha = (int(value) for value in rgba[y, x])
            value = 765 if alpha == 0 else red + green + blue
            for row in range(y * bits // height, ((y + 1) * bits - 1) // height + 1):
                tall = min((y + 1) * bits, (row + 1) * height) - max(y * bits, row * height)
                for column in range(x * bits // width, ((x + 1) * bits - 1) // width + 1):
                    wide = min((x + 1) * bits, (column + 1) * width) - max(x * bits, column * width)
                    sums[row, column] += value * tall * wide
    found: list[int] = []
    unit = bits * bits
    for band in sums.reshape(4, -1):
        ordered = sorted(band)
        double_median = ordered[len(band) // 2 - 1] + ordered[len(band) // 2]
        bright = double_median > height * width * 256 * 3
        for value in band:
            near = abs(2 * value - double_median) < 2 * unit
            found.append(int(2 * value > double_median or (near and bright)))
    return found


@pytest.mark.parametrize(
    "expected", VECTORS["pictures"], ids=lambda row: f"{row['kind']}-{row['width']}x{row['height']}"
)
def test_the_bits_are_those_of_blockhash_core(expected: dict[str, str | int]) -> None:
    rgba = drawn(str(expected["kind"]), int(expected["width"]), int(expected["height"]))
    assert blockhashes(rgba)._asdict() == {
        "precise_16": expected["blockhash16"],
        "quick_16": expected["blockhash16_quick"],
        "precise_8": expected["blockhash8"],
        "quick_8": expected["blockhash8_quick"],
    }


def test_the_bits_are_those_of_blockhash_python(shared: Path) -> None:
    checked = 0
    for path in sorted((shared / "vectors" / "blockhash").iterdir()):
        if path.suffix not in {".jpg", ".png"}:
            continue
        rgba = decode(path.read_bytes()).rgba
        for method, quick in ((1, True), (2, False)):
            expected = path.with_name(f"{path.stem}_16_{method}.txt").read_text(encoding="ascii").split()[0]
            assert blockhash(rgba, 16, quick=quick) == expected, path.name
            checked += 1
    assert checked == 12


@given(
    width=st.integers(1, 70), height=st.integers(1, 70), seed=st.integers(0, 2**32), levels=st.integers(1, 8)
)
@settings(max_examples=60, deadline=None)
def test_sharing_work_changes_nothing(width: int, height: int, seed: int, levels: int) -> None:
    rgba = np.random.default_rng(seed).integers(0, levels, (height, width, 4), np.uint8) * np.uint8(30)
    together = blockhashes(rgba)
    assert together.precise_16 == blockhash(rgba)
    assert together.quick_16 == blockhash(rgba, quick=True)
    assert together.precise_8 == blockhash(rgba, 8)
    assert together.quick_8 == blockhash(rgba, 8, quick=True)


@given(width=st.integers(16, 40), height=st.integers(16, 40), seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_a_block_gets_each_pixel_by_its_share_of_area(width: int, height: int, seed: int) -> None:
    rgba = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    for bits in (8, 16):
        digits = blockhash(rgba, bits)
        assert [int(bit) for bit in f"{int(digits, 16):0{bits * bits}b}"] == by_definition(rgba, bits)


def test_the_colour_under_full_transparency_does_not_count(icon: NDArray[np.uint8]) -> None:
    recoloured = icon.copy()
    recoloured[icon[..., 3] == 0, :3] = 77
    assert blockhashes(recoloured) == blockhashes(icon)


def test_memory_order_does_not_matter(icon: NDArray[np.uint8]) -> None:
    planes = np.ascontiguousarray(icon.transpose(2, 0, 1)).transpose(1, 2, 0)
    assert blockhashes(planes) == blockhashes(icon)


def test_solid_pictures_are_ones_when_bright_and_zeros_when_dark() -> None:
    assert set(blockhashes(np.full((33, 20, 4), 255, np.uint8))) == {"f" * 64, "f" * 16}
    black = np.zeros((33, 20, 4), np.uint8)
    black[..., 3] = 255
    assert set(blockhashes(black)) == {"0" * 64, "0" * 16}


@pytest.mark.parametrize("height", [15_984, 16_400])
def test_a_very_tall_picture_is_summed_exactly(height: int) -> None:
    rgba = np.random.default_rng(height).integers(0, 256, (height, 16, 4), np.uint8)
    rgba[..., 3] = 255
    exact = rgba[..., :3].sum(axis=2, dtype=np.int64).reshape(16, -1, 16).sum(axis=1)
    assert (_sums(_brightness(rgba), 16, quick=False) == exact).all()


@pytest.mark.parametrize("bits", [0, 1, 3, 12])
def test_the_side_must_be_a_power_of_two(bits: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        blockhash(np.zeros((4, 4, 4), np.uint8), bits)
