from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import mmh3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from samelook.hashing.blockhash import blockhash
from samelook.hashing.cosines import cosine_transform
from samelook.hashing.decode import composite_on, decode
from samelook.hashing.errors import NotAnImage
from samelook.hashing.pdq import pdq
from samelook.hashing.phash import phash
from samelook.hashing.signals import file_signals_of, hash_bytes, signals_of
from samelook.hashing.table import DEFAULT_NAMES, favicon_mmh3

Stored = Callable[..., bytes]


def test_every_signal_is_there_in_its_form(icon: NDArray[np.uint8], stored: Stored) -> None:
    data = stored(icon, "PNG")
    hashed = hash_bytes(data)
    assert list(hashed.signals) == list(DEFAULT_NAMES)
    lengths = {name: len(value) for name, value in hashed.signals.items() if name != "favicon_mmh3"}
    assert lengths == {
        "pdq": 64,
        "phash": 16,
        "blockhash16": 64,
        "blockhash16_quick": 64,
        "blockhash8": 16,
        "blockhash8_quick": 16,
        "md5": 32,
        "sha256": 64,
    }
    assert hashed.sha256 == hashed.signals["sha256"] == hashlib.sha256(data).hexdigest()
    assert hashed.md5 == hashed.signals["md5"] == hashlib.md5(data).hexdigest()
    assert (hashed.format, hashed.width, hashed.height, hashed.frames) == ("png", 48, 48, 1)
    assert hashed.bytes == len(data)


def test_signals_are_those_of_their_own_modules(icon: NDArray[np.uint8], stored: Stored) -> None:
    data = stored(icon, "PNG")
    on_white = np.ascontiguousarray(composite_on(icon))
    signals = signals_of(data, decode(data))
    assert signals["pdq"] == pdq(on_white)[0].hex()
    assert signals["phash"] == phash(on_white).hex()
    assert signals["blockhash16"] == blockhash(icon)
    assert signals["blockhash16_quick"] == blockhash(icon, quick=True)
    assert signals["blockhash8"] == blockhash(icon, 8)
    assert signals["blockhash8_quick"] == blockhash(icon, 8, quick=True)


def test_only_what_is_asked_for_is_computed(icon: NDArray[np.uint8], stored: Stored) -> None:
    data = stored(icon, "PNG")
    everything = hash_bytes(data).signals
    for name in DEFAULT_NAMES:
        assert hash_bytes(data, types=[name]).signals == {name: everything[name]}
    assert hash_bytes(data, types=()).signals == {}
    with pytest.raises(ValueError, match="crc32"):
        hash_bytes(data, types=["crc32"])


def test_files_that_are_no_image_still_have_file_signals() -> None:
    assert set(file_signals_of(b"<html>")) == {"md5", "sha256", "favicon_mmh3"}
    assert file_signals_of(b"", ["md5"]) == {"md5": "d41d8cd98f00b204e9800998ecf8427e"}
    with pytest.raises(NotAnImage):
        hash_bytes(b"<html>")


@pytest.mark.parametrize("length", [0, 1, 57, 58, 114, 1000])
def test_favicon_mmh3_is_of_base64_with_line_breaks(length: int) -> None:
    data = bytes(range(256)) * 4
    text = base64.b64encode(data[:length]).decode()
    lines = "".join(text[at : at + 76] + "\n" for at in range(0, len(text), 76))
    assert favicon_mmh3(data[:length]) == str(mmh3.hash(lines, 0, signed=True))


@given(
    kind=st.sampled_from(["noise", "flat", "soft", "blocks", "checks"]),
    width=st.integers(1, 220),
    height=st.integers(1, 220),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=100, deadline=None)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_phash_is_that_of_imagehash(kind: str, width: int, height: int, seed: int) -> None:
    imagehash = pytest.importorskip("imagehash")
    random = np.random.default_rng(seed)
    if kind == "noise":
        rgb = random.integers(0, 256, (height, width, 3), np.uint8)
    elif kind == "flat":
        rgb = np.full((height, width, 3), random.integers(0, 256, 3), np.uint8)
    elif kind == "soft":
        rgb = np.asarray(
            Image.fromarray(random.integers(0, 256, (5, 5, 3), np.uint8)).resize((width, height))
        )
    elif kind == "blocks":
        rgb = np.zeros((height, width, 3), np.uint8)
        rgb[height // 3 : height // 2, width // 4 :] = random.integers(0, 256, 3)
    else:
        rgb = (
            (np.indices((height, width)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, axis=2)
        )
    assert phash(rgb).hex() == str(imagehash.phash(Image.fromarray(rgb)))


def test_colours_under_full_transparency_change_no_picture_signal(
    icon: NDArray[np.uint8], stored: Stored
) -> None:
    recoloured = icon.copy()
    recoloured[icon[..., 3] == 0, :3] = (1, 2, 3)
    pixels = DEFAULT_NAMES[:6]
    assert (
        hash_bytes(stored(recoloured, "PNG"), types=pixels).signals
        == hash_bytes(stored(icon, "PNG"), types=pixels).signals
    )


def test_the_format_of_a_lossless_file_changes_no_picture_signal(
    icon: NDArray[np.uint8], stored: Stored
) -> None:
    pixels = DEFAULT_NAMES[:6]
    files = [
        stored(icon, "PNG"),
        stored(icon, "ICO"),
        stored(icon, "ICO", bitmap_format="bmp"),
        stored(icon, "WEBP", lossless=True, exact=True),
    ]
    assert len({tuple(hash_bytes(data, types=pixels).signals.values()) for data in files}) == 1


@pytest.mark.parametrize("kind", ["noise", "even", "stripes", "two tones"])
def test_cosines_are_those_of_scipy_to_the_last_bit(kind: str) -> None:
    dct = pytest.importorskip("scipy.fft").dct
    random = np.random.default_rng(3)
    for _ in range(50):
        shape = {"noise": (32, 32), "even": (1, 1), "stripes": (1, 32), "two tones": (32, 32)}[kind]
        drawn = random.integers(0, 2 if kind == "two tones" else 256, shape).astype(np.float64)
        values = np.broadcast_to(255 * drawn if kind == "two tones" else drawn, (32, 32))
        down = cosine_transform(values)
        assert np.array_equal(down, dct(values, axis=0))
        assert np.array_equal(cosine_transform(down[:8].T).T, dct(down[:8], axis=1))
