"""Pictures of many kinds beside what Chromium draws of them: stored drawings, and Chromium itself.

The inputs are ours: `drawn/svg` and `drawn.rasters`. `drawn/chromium` holds the drawings as PNG, on
transparency; a file that Chromium refuses has none. `python -m tests.hashing.test_drawn` makes them anew.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bench.pictures import Compared, chromium, compared, drawn_by_chromium
from samelook.hashing.decode import decode_frames
from samelook.hashing.errors import SvgPartlyDrawn
from tests.hashing.drawn.rasters import RASTERS

_HERE = Path(__file__).parent / "drawn"
_STORED = _HERE / "chromium"
# What is known to differ, each with the reason that docs/pictures.md gives.
KNOWN = {
    "gradient_modern_stops.svg": "Chromium mixes modern colours of a gradient in Oklab",
    "image_broken.svg": "the sign of a broken picture is told to be missing",
    "large_lie_beside_truth.ico": "the frame of which the directory does not lie is taken",
}


@cache
def inputs() -> dict[str, bytes]:
    """All pictures by name."""
    return {**{file.name: file.read_bytes() for file in sorted(_HERE.glob("svg/*.svg"))}, **RASTERS}


def _stored(name: str) -> NDArray[np.uint8] | None:
    file = _STORED / f"{name}.png"
    return np.array(Image.open(file).convert("RGBA")) if file.exists() else None


def _said(result: Compared) -> str:
    return f"{result.levels} grey levels apart" if result.levels is not None else result.refused


@pytest.mark.parametrize("name", sorted(inputs()))
def test_a_picture_is_drawn_as_chromium_draws_it(name: str) -> None:
    result = compared(inputs()[name], _stored(name))
    assert result.alike == (name not in KNOWN), _said(result)


def test_more_than_a_hundred_and_fifty_inputs_are_compared() -> None:
    assert len(inputs()) >= 150
    assert sum(_stored(name) is not None for name in inputs()) > 0.9 * len(inputs())


def test_chromium_itself_draws_the_same() -> None:
    if chromium() is None:
        if os.environ.get("CI"):
            pytest.fail("CI compares with Chromium itself, and it is not installed.")
        pytest.skip(
            "CHROMIUM IS NOT INSTALLED: the drawings of this run were compared with stored ones only."
        )
    # Letters, and lengths in letters (`1ch`), are those of the fonts of the machine.
    files = {
        name: data for name, data in inputs().items() if not name.startswith(("letter", "text", "len_rem"))
    }
    theirs = drawn_by_chromium(files)
    results = {name: compared(data, theirs[name]) for name, data in files.items() if name not in KNOWN}
    assert {name: _said(result) for name, result in results.items() if not result.alike} == {}


def test_what_is_missing_is_said() -> None:
    with pytest.raises(SvgPartlyDrawn, match="image"):
        decode_frames(inputs()["image_broken.svg"])


def main() -> None:
    _STORED.mkdir(exist_ok=True)
    for file in _STORED.glob("*.png"):
        file.unlink()
    for name, drawing in drawn_by_chromium(inputs()).items():
        if drawing is not None:
            image = Image.fromarray(drawing)
            # Flat colours pack better with a palette, and 256 of them are enough for eight levels.
            small = image.quantize(256, method=Image.Quantize.FASTOCTREE) if name.endswith(".svg") else image
            small.save(_STORED / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
