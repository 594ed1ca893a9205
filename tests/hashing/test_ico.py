"""Icons as programs write them, and as they should not."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from samelook.hashing.decode import DecodeLimits, decode, decode_frames
from samelook.hashing.errors import DecodeFailed, TooManyFrames, TooManyPixels, Truncated

Stored = Callable[..., bytes]


def ico(payloads: Sequence[bytes], claims: Sequence[tuple[int, int]] | None = None, kind: int = 1) -> bytes:
    """An ICO file around payloads; `claims` are the directory's sizes, those of the payloads by default."""
    at = 6 + 16 * len(payloads)
    directory = struct.pack("<HHH", 0, kind, len(payloads))
    for index, payload in enumerate(payloads):
        width, height = claims[index] if claims else size_of(payload)
        directory += struct.pack("<4BHHII", width % 256, height % 256, 0, 0, 1, 32, len(payload), at)
        at += len(payload)
    return directory + b"".join(payloads)


def size_of(payload: bytes) -> tuple[int, int]:
    if payload.startswith(b"\x89PNG"):
        width, height = struct.unpack_from(">II", payload, 16)
    else:
        width, height = struct.unpack_from("<ii", payload, 4)
        height = abs(height) // 2
    return width, height


def bitmap(width: int, height: int, bits: int, colours: bytes, rows: bytes, mask: bytes = b"") -> bytes:
    """A headless BMP as icons hold it: the height counts colours and mask."""
    return (
        struct.pack("<IiiHHIIiiII", 40, width, height * 2, 1, bits, 0, 0, 0, 0, 0, 0) + colours + rows + mask
    )


def bgra(*pixels: tuple[int, int, int, int]) -> bytes:
    return b"".join(bytes((blue, green, red, alpha)) for red, green, blue, alpha in pixels)


@pytest.mark.parametrize("options", [{}, {"bitmap_format": "bmp"}])
def test_frames_come_largest_first_and_exact(
    options: dict[str, str], icon: NDArray[np.uint8], stored: Stored
) -> None:
    data = stored(icon, "ICO", sizes=[(16, 16), (48, 48), (32, 32)], **options)
    picture = decode(data)
    assert (picture.rgba == icon).all()
    assert picture.frames == 3
    assert [frame.width for frame in decode_frames(data)] == [48, 32, 16]


def test_a_frame_of_another_size_than_the_directory_says_is_not_shown(
    icon: NDArray[np.uint8], stored: Stored
) -> None:
    small, large = stored(icon[:16, :16], "PNG"), stored(icon, "PNG")
    data = ico([small, large], claims=[(16, 16), (64, 64)])
    assert (decode(data).rgba == icon[:16, :16]).all()
    assert len(decode_frames(data)) == 1
    with pytest.raises(DecodeFailed, match="directory says"):
        decode(ico([large], claims=[(0, 0)]))


def test_equal_sizes_are_ranked_by_colours(stored: Stored) -> None:
    poor = bitmap(1, 1, 1, bytes(8), bytes(4), bytes(4))
    rich = bitmap(1, 1, 24, b"", b"\x1e\x14\x0a\0", bytes(4))
    assert decode(ico([poor, rich])).rgba[0, 0].tolist() == [10, 20, 30, 255]


def test_a_cursor_is_an_icon(icon: NDArray[np.uint8], stored: Stored) -> None:
    assert (decode(ico([stored(icon, "PNG")], kind=2)).rgba == icon).all()


def test_alpha_of_32_bits_is_used_and_the_mask_is_not() -> None:
    payload = bitmap(2, 1, 32, b"", bgra((1, 2, 3, 255), (4, 5, 6, 7)), b"\xff" * 4)
    assert decode(ico([payload])).rgba[0].tolist() == [[1, 2, 3, 255], [4, 5, 6, 7]]


def test_the_mask_counts_where_32_bits_hold_no_alpha() -> None:
    payload = bitmap(2, 1, 32, b"", bgra((1, 2, 3, 0), (4, 5, 6, 0)), b"\x40\0\0\0")
    assert decode(ico([payload])).rgba[0].tolist() == [[1, 2, 3, 255], [4, 5, 6, 0]]


def test_without_alpha_and_without_a_mask_everything_is_opaque() -> None:
    assert decode(ico([bitmap(1, 1, 32, b"", bgra((1, 2, 3, 0)))])).rgba[0, 0].tolist() == [1, 2, 3, 255]


@pytest.mark.parametrize(
    ("bits", "colours", "row"),
    [
        (1, b"\0\0\0\0" + bytes((30, 20, 10, 0)), b"\x40\0\0\0"),
        (4, b"\0\0\0\0" + bytes((30, 20, 10, 0)) + bytes(56), b"\x01\0\0\0"),
        (8, b"\0\0\0\0" + bytes((30, 20, 10, 0)) + bytes(254 * 4), b"\x00\x01\0\0"),
        (24, b"", b"\0\0\0\x1e\x14\x0a\0\0"),
        (32, b"", bgra((0, 0, 0, 0), (10, 20, 30, 0))),
    ],
)
def test_every_depth_with_its_palette_and_mask(bits: int, colours: bytes, row: bytes) -> None:
    payload = bitmap(2, 1, bits, colours, row, b"\x80\0\0\0")
    assert decode(ico([payload])).rgba[0].tolist() == [[0, 0, 0, 0], [10, 20, 30, 255]]


def test_sixteen_bits_are_stretched_to_eight() -> None:
    payload = bitmap(2, 1, 16, b"", struct.pack("<HH", 0x7C00, 0x7FFF), bytes(4))
    assert decode(ico([payload])).rgba[0].tolist() == [[255, 0, 0, 255], [255, 255, 255, 255]]


def test_rows_run_upwards_unless_the_height_is_negative() -> None:
    rows = bgra((1, 0, 0, 255)) + bgra((2, 0, 0, 255))
    upwards = bitmap(1, 2, 32, b"", rows, bytes(8))
    assert decode(ico([upwards])).rgba[:, 0, 0].tolist() == [2, 1]
    downwards = upwards[:8] + struct.pack("<i", -4) + upwards[12:]
    assert decode(ico([downwards])).rgba[:, 0, 0].tolist() == [1, 2]


def test_a_frame_twice_is_one_frame(icon: NDArray[np.uint8], stored: Stored) -> None:
    data = stored(icon, "PNG")
    assert len(decode_frames(ico([data, data, stored(icon[:16, :16], "PNG")]))) == 2


def test_an_unsupported_frame_makes_way_for_the_next(icon: NDArray[np.uint8], stored: Stored) -> None:
    odd = struct.pack("<IiiHHIIiiII", 40, 200, 400, 1, 32, 4, 0, 0, 0, 0, 0) + bytes(50)
    data = ico([odd, stored(icon, "PNG")])
    assert (decode(data).rgba == icon).all()
    assert len(decode_frames(data)) == 1
    with pytest.raises(DecodeFailed):
        decode(ico([odd]))


def test_a_cut_off_frame_is_an_error_even_if_others_are_whole(
    icon: NDArray[np.uint8], stored: Stored
) -> None:
    whole, cut = stored(icon[:16, :16], "PNG"), bitmap(32, 32, 32, b"", bytes(100))
    with pytest.raises(Truncated):
        decode(ico([whole, cut]))
    assert len(decode_frames(ico([whole, cut]))) == 1
    beyond = ico([whole, whole], claims=[(16, 16), (64, 64)])[: 6 + 32 + len(whole)]
    with pytest.raises(Truncated):
        decode(beyond)


@pytest.mark.parametrize("count", [0, 1, 3, 1024])
def test_a_directory_that_is_not_there_is_an_error(count: int) -> None:
    with pytest.raises((Truncated, DecodeFailed)):
        decode(struct.pack("<HHH", 0, 1, count))


def test_claims_are_checked_before_anything_is_decoded(stored: Stored) -> None:
    with pytest.raises(TooManyFrames):
        decode(struct.pack("<HHH", 0, 1, 65_535) + bytes(65_535 * 16))
    with pytest.raises(TooManyPixels):
        decode(ico([bitmap(200, 200, 1, bytes(8), b"")]), DecodeLimits(max_pixels=30_000))
    with pytest.raises((DecodeFailed, Truncated)):
        decode(ico([bitmap(-5, 5, 32, b"", bytes(400))]))


def test_all_frames_together_stay_within_the_pixels(stored: Stored) -> None:
    frames = [stored(Image.new("L", (20, 20), shade), "PNG") for shade in (0, 80, 160, 240)]
    assert len(decode_frames(ico(frames), DecodeLimits(max_pixels=900))) == 2
