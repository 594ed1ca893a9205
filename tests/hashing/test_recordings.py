"""Real icons: every image of the recorded sites decodes to the picture it is."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samelook.hashing.decode import decode, decode_frames
from samelook.hashing.errors import HashingError
from samelook.hashing.signals import hash_bytes

# (format, width, height, entries in the file): how often. An SVG is drawn at 256.
EXPECTED = {
    ("png", 144, 144, 1): 5,
    ("png", 180, 180, 1): 5,
    ("ico", 32, 32, 2): 4,
    ("ico", 48, 48, 3): 3,
    ("png", 32, 32, 1): 3,
    ("png", 16, 16, 1): 3,
    ("gif", 1, 1, 1): 2,
    ("ico", 32, 32, 3): 2,
    ("png", 114, 114, 1): 2,
    ("png", 57, 57, 1): 2,
    ("png", 120, 120, 1): 2,
    ("png", 314, 314, 1): 1,
    ("ico", 144, 144, 5): 1,
    ("svg", 256, 256, 1): 1,
    ("png", 96, 96, 1): 1,
    ("png", 60, 60, 1): 1,
    ("png", 192, 192, 1): 1,
    ("png", 152, 152, 1): 1,
    ("png", 76, 76, 1): 1,
    ("png", 72, 72, 1): 1,
    ("jpeg", 40, 40, 1): 1,
    ("ico", 32, 32, 1): 1,
}


@pytest.fixture(scope="module")
def bodies(shared: Path) -> list[bytes]:
    return [
        base64.b64decode(exchange["body_b64"])
        for path in sorted((shared / "recordings").glob("*.json"))
        for exchange in json.loads(path.read_text(encoding="utf-8"))["exchanges"]
    ]


def test_every_recorded_image_decodes_to_its_size(bodies: list[bytes]) -> None:
    found: Counter[tuple[str, int, int, int]] = Counter()
    refused: Counter[str] = Counter()
    for body in bodies:
        try:
            picture = decode(body)
        except HashingError as error:
            refused[error.kind] += 1
        else:
            found[picture.format, picture.width, picture.height, picture.frames] += 1
    assert found == EXPECTED
    assert refused == {"not_an_image": 20, "empty": 6}


def test_sizes_and_opaque_colours_are_those_of_pillows_own_readers(bodies: list[bytes]) -> None:
    compared = 0
    for body in bodies:
        try:
            picture = decode(body)
        except HashingError:
            continue
        if picture.format == "svg":
            continue
        with Image.open(io.BytesIO(body)) as image:
            theirs = np.asarray(image.convert("RGBA"))
        assert theirs.shape == picture.rgba.shape
        both_opaque = (theirs[..., 3] == 255) & (picture.rgba[..., 3] == 255)
        assert (theirs[both_opaque] == picture.rgba[both_opaque]).all()
        compared += 1
    assert compared == sum(EXPECTED.values()) - 1


def test_every_frame_of_every_recorded_icon_decodes(bodies: list[bytes]) -> None:
    icons = [body for body in bodies if body.startswith(b"\0\0\1\0")]
    assert len(icons) == 11
    for body in icons:
        frames = decode_frames(body)
        with Image.open(io.BytesIO(body)) as image:
            assert {(frame.width, frame.height) for frame in frames} == image.info["sizes"]
        assert [frame.width for frame in frames] == sorted((frame.width for frame in frames), reverse=True)


def test_every_recorded_image_can_be_hashed(bodies: list[bytes]) -> None:
    hashed = []
    for body in bodies:
        try:
            hashed.append(hash_bytes(body))
        except HashingError:
            continue
    assert len(hashed) == sum(EXPECTED.values())
    assert all(len(picture.signals) == 9 for picture in hashed)
