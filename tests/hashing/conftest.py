"""Pictures made in the test, and where the shared material lies when it is there."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Stored = Callable[..., bytes]


@pytest.fixture
def stored() -> Stored:
    """Writes an RGBA array, or a Pillow image, as a file of a format."""

    def store(picture: NDArray[np.uint8] | Image.Image, image_format: str, **options: object) -> bytes:
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        if image_format == "JPEG" and image.mode == "RGBA":
            image = image.convert("RGB")
        if image_format == "ICO":
            options.setdefault("sizes", [image.size])
        buffer = io.BytesIO()
        image.save(buffer, image_format, **options)
        return buffer.getvalue()

    return store


@pytest.fixture
def icon() -> NDArray[np.uint8]:
    """A soft 48 x 48 picture with a transparent corner."""
    seeds = np.random.default_rng(7).integers(0, 256, (5, 5, 3), np.uint8)
    rgba = np.asarray(
        Image.fromarray(seeds).resize((48, 48), Image.Resampling.BICUBIC).convert("RGBA")
    ).copy()
    rgba[:12, :12, 3] = 0
    rgba[12:20, :12, 3] = 128
    return rgba


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recordings and reference vectors beside the checkout; skips where it is not."""
    folder = Path(__file__).parents[3] / "shared"
    if not folder.is_dir():
        pytest.skip("recordings and reference vectors are not on this machine")
    return folder
