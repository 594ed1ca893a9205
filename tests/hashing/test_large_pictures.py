"""Large pictures: taken over in bands, with the bits of small ones, in a bounded memory."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from samelook.hashing import raster
from samelook.hashing.decode import decode

MEASURED = """
import resource, sys
from samelook.hashing.picture import DecodeLimits
from samelook.hashing.signals import hash_bytes
data = sys.stdin.buffer.read()
hash_bytes(open(sys.argv[1], "rb").read())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
hash_bytes(data, DecodeLimits())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def drawn(mode: str) -> Image.Image:
    noise = np.random.default_rng(4).integers(0, 256, (90, 70, 4), dtype=np.uint8)
    if mode == "I;16":
        return Image.fromarray(noise.view(np.uint32)[..., 0].astype(np.uint16))
    return Image.fromarray(noise).convert(mode)


@pytest.mark.parametrize(
    ("mode", "image_format", "options"),
    [
        ("1", "PNG", {}),
        ("1", "PNG", {"transparency": 1}),
        ("L", "PNG", {"transparency": 7}),
        ("LA", "PNG", {}),
        ("P", "PNG", {"transparency": 3}),
        ("P", "PNG", {"transparency": bytes(range(200))}),
        ("RGB", "PNG", {"transparency": (1, 2, 3)}),
        ("RGBA", "PNG", {}),
        ("I;16", "PNG", {}),
        ("P", "GIF", {"transparency": 5}),
        ("RGB", "JPEG", {}),
        ("CMYK", "JPEG", {}),
        ("L", "JPEG", {}),
        ("RGB", "BMP", {}),
        ("P", "BMP", {}),
        ("RGBA", "BMP", {}),
        ("RGBA", "WEBP", {"lossless": True}),
        ("RGB", "WEBP", {}),
    ],
)
def test_bands_change_no_pixel(
    monkeypatch: pytest.MonkeyPatch, mode: str, image_format: str, options: dict[str, Any]
) -> None:
    stored = io.BytesIO()
    drawn(mode).save(stored, image_format, **options)
    whole = decode(stored.getvalue())
    monkeypatch.setattr(raster, "_BAND_PIXELS", 500)
    assert np.array_equal(decode(stored.getvalue()).rgba, whole.rgba)


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux")
@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_a_large_picture_takes_ten_bytes_a_pixel(tmp_path: Any, image_format: str) -> None:
    side = 3000
    small = np.random.default_rng(5).integers(0, 256, (30, 30, 3), dtype=np.uint8)
    picture = Image.fromarray(small).resize((side, side))
    stored = io.BytesIO()
    picture.save(stored, image_format, **({"compress_level": 1} if image_format == "PNG" else {}))
    warm = tmp_path / "small"
    picture.resize((40, 40)).save(warm, image_format)
    said = subprocess.run(
        [sys.executable, "-P", "-c", MEASURED, str(warm)],
        input=stored.getvalue(),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    assert int(said) * 1024 < 10 * side * side + (24 << 20)
