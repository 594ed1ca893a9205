"""Every distinct frame of a file has a look, and what a worker says is checked."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageDraw

from samelook.hashing.errors import DecoderDied, NotAnImage, TooManyBytes
from samelook.hashing.picture import DecodeLimits
from samelook.hashing.sandbox import Sandbox
from samelook.looks.files import MOST_LOOKS, looks_in, looks_of_file
from samelook.looks.likeness import looks_given
from samelook.looks.look import Look, look_of


def ico(*sides: int) -> bytes:
    frames = []
    for side in sides:
        frame = Image.new("RGBA", (side, side))
        ImageDraw.Draw(frame).ellipse((1, 1, side // 2, side - 2), fill="blue")
        frames.append(frame)
    file = io.BytesIO()
    frames[-1].save(file, "ICO", sizes=[frame.size for frame in frames], append_images=frames[:-1])
    return file.getvalue()


def test_every_frame_has_a_look_the_largest_first() -> None:
    looks = [Look.from_bytes(raw) for raw in looks_of_file(ico(16, 64))]
    assert len(looks) == 2
    with Image.open(io.BytesIO(ico(64))) as only:
        assert looks[0] == look_of(np.asarray(only.convert("RGBA")))


@pytest.mark.parametrize("side", [16, 32])
def test_a_frame_that_tabs_show_counts_however_many_larger_ones_hide_it(side: int) -> None:
    rng = np.random.default_rng(side)
    frames = [Image.fromarray(rng.integers(0, 256, (60 + n, 60 + n, 3), np.uint8), "RGB") for n in range(30)]
    small = Image.new("RGB", (side, side), "#1652c4")
    ImageDraw.Draw(small).ellipse((2, 2, side // 2, side - 3), fill="white")
    pngs = []
    for frame in (*frames, small):
        file = io.BytesIO()
        frame.save(file, "PNG")
        pngs.append((frame.width, file.getvalue()))
    directory, at = struct.pack("<HHH", 0, 1, len(pngs)), 6 + 16 * len(pngs)
    for width, png in pngs:
        directory += struct.pack("<BBBBHHII", width, width, 0, 0, 1, 32, len(png), at)
        at += len(png)
    data = directory + b"".join(png for _, png in pngs)
    counted = looks_given([*looks_of_file(data)])
    assert len(counted) == MOST_LOOKS
    assert look_of(np.asarray(small.convert("RGBA"))) in counted


def test_a_blank_file_has_a_look_without_forms() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "white").save(file, "PNG")
    assert [Look.from_bytes(raw).is_degenerate for raw in looks_of_file(file.getvalue())] == [True]


def test_files_that_are_no_images_or_too_large_are_errors() -> None:
    with pytest.raises(NotAnImage):
        looks_of_file(b"<!doctype html>")
    with pytest.raises(TooManyBytes):
        looks_of_file(ico(32), DecodeLimits(max_bytes=10))


async def test_a_worker_gives_the_same_looks() -> None:
    async with Sandbox(1) as sandbox:
        answer = await sandbox.run(looks_of_file, ico(16, 48))
    assert [look.to_bytes() for look in looks_in(answer)] == looks_of_file(ico(16, 48))


@pytest.mark.parametrize("answer", [None, [], "look", [b"no look"], ["text"], [b""] * 65])
def test_nonsense_from_a_worker_is_its_death(answer: object) -> None:
    with pytest.raises(DecoderDied):
        looks_in(answer)
