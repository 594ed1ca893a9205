"""Pixels that Pillow lends stay as they are for as long as somebody looks at them."""

from __future__ import annotations

import gc
import io

import numpy as np
import pytest
from PIL import Image

from samelook.hashing.decode import DecodeLimits, decode
from samelook.hashing.lent import lent_pixels


@pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "GIF", "BMP", "AVIF"])
def test_a_decoded_picture_outlives_pillows(image_format: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    stored = io.BytesIO()
    Image.fromarray(noise).resize((210, 270), Image.Resampling.BICUBIC).save(stored, image_format)
    with Image.open(stored) as opened:
        expected = np.asarray(opened.convert("RGBA")).copy()
    picture = decode(stored.getvalue())
    gc.collect()
    others = [Image.new("RGB", (210, 270), (at, at, at)) for at in range(20)]  # would take memory given back
    assert np.array_equal(picture.rgba, expected)
    assert not picture.rgba.flags.writeable
    assert len(others) == 20


def test_one_of_many_millions_of_pixels_is_lent_too() -> None:
    stored = io.BytesIO()
    Image.new("RGB", (3000, 2500), (10, 200, 30)).save(stored, "JPEG")
    picture = decode(stored.getvalue(), DecodeLimits(max_pixels=8_000_000))
    assert picture.rgba.shape == (2500, 3000, 4)
    assert (picture.rgba == picture.rgba[0, 0]).all()
    assert picture.rgba[0, 0, 3] == 255


def test_a_picture_without_pixels_has_none() -> None:
    assert lent_pixels(Image.new("RGB", (0, 5))).shape == (5, 0, 4)
