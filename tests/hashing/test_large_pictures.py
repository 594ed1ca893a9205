"""Large pictures take a bounded memory for each pixel."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

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
