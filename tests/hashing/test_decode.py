from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from samelook.hashing.decode import DecodeLimits, composite_on, decode, decode_frames
from samelook.hashing.errors import (
    LEAVES,
    DecodeFailed,
    Empty,
    HashingError,
    NotAnImage,
    TooManyBytes,
    TooManyFrames,
    TooManyPixels,
    Truncated,
    UnsupportedFormat,
)

Stored = Callable[..., bytes]
# What Python, zlib and Pillow say.
OF_A_LIBRARY = re.compile(r"b['\"]|Error|index|stream|marker|requires|unpack|image file|identified|BMFF")
RASTERS = ["PNG", "GIF", "JPEG", "WEBP", "BMP", "AVIF", "ICO"]
SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="4" height="8" fill="red"/>
<style>.a{fill:#00f}</style><circle class="a" cx="6" cy="4" r="2"/></svg>"""


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of raw filtered rows, for what Pillow does not write."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = b"".join(chunk(name, data) for name, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("image_format", "options"), [("PNG", {}), ("WEBP", {"lossless": True, "exact": True})]
)
def test_lossless_pictures_come_back_exactly(
    image_format: str, options: dict[str, object], icon: NDArray[np.uint8], stored: Stored
) -> None:
    picture = decode(stored(icon, image_format, **options))
    assert (picture.rgba == icon).all()
    assert (picture.width, picture.height, picture.frames) == (48, 48, 1)
    assert picture.format == image_format.lower()
    assert not picture.rgba.flags.writeable


@pytest.mark.parametrize("image_format", RASTERS)
def test_every_format_shows_the_same_picture(
    image_format: str, icon: NDArray[np.uint8], stored: Stored
) -> None:
    icon[..., 3] = 255
    picture = decode(stored(icon, image_format))
    assert picture.format == image_format.lower()
    difference = np.abs(picture.rgba.astype(int) - icon)
    assert difference.mean() < 14
    assert (picture.rgba[..., 3] == 255).all()


def test_palettes_and_their_transparency_are_looked_up(stored: Stored) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putdata([0, 1])
    assert decode(stored(image, "PNG")).rgba.tolist() == [[[10, 20, 30, 255], [40, 50, 60, 255]]]
    partly = decode(stored(image, "PNG", transparency=b"\x80\x00"))
    assert partly.rgba.tolist() == [[[10, 20, 30, 128], [40, 50, 60, 0]]]
    gif = decode(stored(image, "GIF", transparency=1))
    assert gif.rgba[0, :, 3].tolist() == [255, 0]


def test_greys_of_every_depth_are_greys() -> None:
    assert decode(png(8, 1, 1, 0, b"\0\xa0")).rgba[0, :, 0].tolist() == [255, 0, 255, 0, 0, 0, 0, 0]
    assert decode(png(4, 1, 2, 0, b"\0\x1b")).rgba[0, :, 0].tolist() == [0, 85, 170, 255]
    assert decode(png(2, 1, 4, 0, b"\0\x3f")).rgba[0, :, 0].tolist() == [51, 255]
    assert decode(png(2, 1, 16, 0, b"\0\x12\x34\xff\xff")).rgba[0].tolist() == [
        [0x12, 0x12, 0x12, 255],
        [255, 255, 255, 255],
    ]
    assert decode(png(1, 1, 8, 4, b"\0\x40\x80")).rgba[0, 0].tolist() == [64, 64, 64, 128]
    assert decode(png(1, 1, 16, 4, b"\0\x40\x00\x80\x00")).rgba[0, 0].tolist() == [64, 64, 64, 128]


def test_sixteen_bits_a_colour_keep_the_upper_eight() -> None:
    assert decode(png(1, 1, 16, 2, b"\0\x10\xff\x20\xff\x30\xff")).rgba[0, 0].tolist() == [16, 32, 48, 255]
    assert decode(png(1, 1, 16, 6, b"\0\x10\0\x20\0\x30\0\x40\0")).rgba[0, 0].tolist() == [16, 32, 48, 64]


@pytest.mark.parametrize(
    ("depth", "colour", "row", "key", "alphas"),
    [
        (1, 0, b"\x80", b"\0\1", [0, 255]),
        (2, 0, b"\x60", b"\0\1", [0, 255]),
        (4, 0, b"\x3f", b"\0\x0f", [255, 0]),
        (8, 0, b"\x10\x20", b"\0\x20", [255, 0]),
        (16, 0, b"\x10\x00\x10\x01", b"\x10\x01", [255, 0]),
        (8, 2, b"\1\2\3\4\5\6", b"\0\1\0\2\0\3", [0, 255]),
        (16, 2, b"\1\0\2\0\3\0\4\0\5\0\6\0", b"\1\0\2\0\3\0", [0, 255]),
    ],
)
def test_a_colour_named_transparent_is(
    depth: int, colour: int, row: bytes, key: bytes, alphas: list[int]
) -> None:
    picture = decode(png(2, 1, depth, colour, b"\0" + row, (b"tRNS", key)))
    assert picture.rgba[0, :, 3].tolist() == alphas


def test_inks_become_the_colours_on_the_screen(stored: Stored) -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    picture = decode(stored(red, "JPEG", quality=95))
    assert np.abs(picture.rgba[8, 8].astype(int) - (255, 0, 0, 255)).max() <= 3


def test_an_orientation_is_applied_only_on_request(icon: NDArray[np.uint8], stored: Stored) -> None:
    tall = icon[:, :32].copy()
    tall[..., 3] = 255
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = stored(tall, "PNG", exif=exif)
        assert (decode(data).rgba == tall).all()
        turned = Image.open(io.BytesIO(data))
        expected = {
            2: Image.Transpose.FLIP_LEFT_RIGHT,
            3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_270,
            7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_90,
        }.get(orientation)
        shown = turned if expected is None else turned.transpose(expected)
        assert (decode(data, apply_orientation=True).rgba == np.asarray(shown)).all()


def test_the_first_frame_of_an_animation_is_the_picture(stored: Stored) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    for image_format in ("GIF", "WEBP", "PNG", "AVIF"):
        data = stored(frames[0], image_format, save_all=True, append_images=frames[1:], duration=100)
        picture = decode(data)
        assert picture.frames == 3, image_format
        assert picture.rgba[4, 4, 0] > 240, image_format
        assert picture.rgba[4, 4, 1] < 15, image_format


def test_what_a_first_gif_frame_leaves_free_is_transparent(stored: Stored) -> None:
    data = bytearray(stored(Image.new("P", (2, 2), 0), "GIF"))
    data[6:10] = struct.pack("<HH", 4, 4)  # a screen larger than the only frame
    picture = decode(bytes(data))
    assert (picture.width, picture.height) == (4, 4)
    assert picture.rgba[..., 3].tolist() == [[255, 255, 0, 0]] * 2 + [[0] * 4] * 2


def test_alpha_that_a_bitmaps_header_tells_of_is_meant_even_where_it_is_all_zero() -> None:
    header = struct.pack(
        "<IiiHHIIiiII4I", 56, 1, 1, 1, 32, 3, 4, 0, 0, 0, 0, 0xFF0000, 0xFF00, 0xFF, 0xFF000000
    )
    for alpha, expected in ((0, 0), (99, 99)):
        body = header + bytes((1, 2, 3, alpha))
        data = b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 14 + len(header)) + body
        assert decode(data).rgba[0, 0].tolist() == [3, 2, 1, expected]


def test_one_pixel_is_a_picture(stored: Stored) -> None:
    assert decode(stored(Image.new("L", (1, 1), 9), "GIF")).rgba.shape == (1, 1, 4)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", Empty),
        (b"<!doctype html><title>404</title>", NotAnImage),
        (b"\0", NotAnImage),
        (b"II*\0" + bytes(20), UnsupportedFormat),
        (b"\x1f\x8b\x08" + bytes(20), UnsupportedFormat),
        (b"\x89PNG\r\n\x1a\n", Truncated),
        (b"GIF89a\x09\0\x09\0\0\0\0,", Truncated),
        (b"RIFF\0\0\0\0WEBPVP8 ", Truncated),
        (b"RIFF\x20\0\0\0WEBPJUNK" + bytes(20), DecodeFailed),
    ],
)
def test_bytes_that_are_no_picture_are_named(data: bytes, error: type[HashingError]) -> None:
    with pytest.raises(error):
        decode(data)
    with pytest.raises(error):
        decode_frames(data)


@pytest.mark.parametrize("image_format", RASTERS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_picture_is_an_error(
    image_format: str, share: float, icon: NDArray[np.uint8], stored: Stored
) -> None:
    data = stored(icon, image_format)
    with pytest.raises((Truncated, DecodeFailed)):
        decode(data[: int(len(data) * share)])


def test_a_bomb_is_refused_by_its_header() -> None:
    # 50,000 x 50,000 pixels in 200 bytes; nothing of it may be unpacked.
    with pytest.raises(TooManyPixels) as caught:
        decode(png(50_000, 50_000, 1, 0, bytes(1000)))
    assert caught.value.detail["width"] == 50_000
    with pytest.raises(TooManyPixels):
        decode(b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0\xff\x3f\0")
    with pytest.raises(TooManyPixels):
        decode(b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + b"," + bytes(20))


def test_limits_are_the_callers(icon: NDArray[np.uint8], stored: Stored) -> None:
    data = stored(icon, "PNG")
    with pytest.raises(TooManyBytes):
        decode(data, DecodeLimits(max_bytes=len(data) - 1))
    with pytest.raises(TooManyPixels):
        decode(data, DecodeLimits(max_pixels=48 * 48 - 1))
    with pytest.raises(TooManyPixels):
        decode(data, DecodeLimits(max_side=47))
    assert decode(data, DecodeLimits(max_bytes=len(data), max_pixels=48 * 48, max_side=48)).width == 48
    frames = [Image.new("L", (4, 4), shade) for shade in range(0, 250, 50)]
    animated = stored(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(TooManyFrames):
        decode(animated, DecodeLimits(max_frames=4))
    assert decode(animated, DecodeLimits(max_frames=5)).frames == 5


def test_more_pixels_than_pillow_would_warn_about_are_decoded_silently(stored: Stored) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = png(10_000, 9_000, 1, 0, bytes(9_000 * 1_251))
        assert decode(data, DecodeLimits(max_pixels=90_000_000)).width == 10_000


def test_an_error_names_its_kind_and_survives_pickling() -> None:
    import pickle

    with pytest.raises(TooManyBytes) as caught:
        decode(bytes(11), DecodeLimits(max_bytes=10))
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.kind, again.message, again.detail) == (
        "too_many_bytes",
        caught.value.message,
        {"bytes": 11, "max_bytes": 10},
    )


@pytest.mark.parametrize("image_format", [*RASTERS, "SVG"])
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12),
    cut=st.floats(0, 1),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_end_in_a_picture_or_a_typed_error(
    image_format: str, stored: Stored, changes: list[tuple[float, int]], cut: float
) -> None:
    drawn = np.arange(24 * 24 * 4, dtype=np.uint32).reshape(24, 24, 4).astype(np.uint8)
    data = bytearray(SVG if image_format == "SVG" else stored(drawn, image_format))
    for place, value in changes:
        # Squared, so that headers get the most of it.
        data[int(place * place * (len(data) - 1))] = value
    if cut > 0.5:
        del data[int(cut * len(data)) :]
    limits = DecodeLimits(max_pixels=1 << 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            picture = decode(bytes(data), limits)
            frames = decode_frames(bytes(data), limits)
        except tuple(LEAVES.values()):
            return
        else:
            assert picture.rgba.shape == (picture.height, picture.width, 4)
            assert picture.width * picture.height <= limits.max_pixels
            assert frames


@pytest.mark.parametrize("image_format", RASTERS)
def test_what_is_said_of_a_damaged_file_is_said_in_our_words(image_format: str, stored: Stored) -> None:
    rng = np.random.default_rng(7)
    whole = stored(rng.integers(0, 256, (24, 24, 4), dtype=np.uint8), image_format)
    messages = set()
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(4, rng.choice([60, len(data)]), rng.choice([1, 3, 10])):
            data[place] = rng.integers(0, 256)
        try:
            decode(bytes(data))
        except HashingError as error:
            messages.add(error.message)
    assert messages
    assert [message for message in messages if OF_A_LIBRARY.search(message)] == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (png(8, 8, 8, 2, bytes(range(200)))[:-60], "The PNG ends too early."),
        (png(1, 1, 8, 2, bytes(4), (b"CgBI", b"")), "The PNG has a critical chunk CgBI that nobody knows."),
        (png(1, 1, 8, 2, bytes(4), (b"I\xd0AT", b"")), "The PNG has a chunk whose name is damaged."),
        (
            png(1, 1, 8, 2, bytes(4)).replace(zlib.compress(bytes(4)), b"x\x9c\xff\xff" + bytes(8)),
            "This PNG cannot be decoded: its pixels are damaged.",
        ),
        (
            b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0, 0, 0) + b";",
            "This GIF cannot be decoded: its header is damaged.",
        ),
    ],
)
def test_a_damaged_file_is_told_where_it_is_damaged(data: bytes, message: str) -> None:
    with pytest.raises(HashingError) as caught:
        decode(data)
    assert caught.value.message == message


def test_compositing_rounds_to_the_nearest_colour() -> None:
    values = np.arange(256, dtype=np.uint8)
    colour, alpha = np.meshgrid(values, values)
    rgba = np.stack((colour, colour, colour, alpha), axis=-1)
    for ground in (255, 0, 77):
        exact = (colour / 255 * (alpha / 255) + ground / 255 * (1 - alpha / 255)) * 255
        got = composite_on(rgba, (ground, ground, ground))
        assert np.abs(got[..., 0] - exact).max() <= 0.5 + 1e-9
