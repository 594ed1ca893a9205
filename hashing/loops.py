"""The compiled loops over pixels, where a compiler was there when the package was installed."""

from __future__ import annotations

from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray


class PixelLoops(Protocol):
    """What `samelook.hashing._pixels` gives, for contiguous bytes of shape (height, width, channels)."""

    def pdq(self, pixels: NDArray[np.uint8], width: int, height: int, channels: int, /) -> tuple[bytes, int]:
        """PDQ's hash and quality of RGB, or of RGBA on white."""

    def blockhashes(self, pixels: NDArray[np.uint8], width: int, height: int, channels: int, /) -> bytes:
        """The precise and the quick hash of 16 x 16 bits, then both of 8 x 8, of RGBA."""

    def phash(self, pixels: NDArray[np.uint8], width: int, height: int, channels: int, /) -> bytes:
        """The pHash of RGB, or of RGBA on white."""

    def png_rows(
        self, rows: bytes, width: int, height: int, colour: int, depth: int, palette: bytes, /
    ) -> bytes:
        """RGBA of a PNG's unpacked rows, its colour type and depth as in its header, the palette as RGBA.

        Raises ValueError for a filter or an index that there is not.
        """


def _compiled() -> PixelLoops | None:
    try:
        from samelook.hashing import _pixels  # type: ignore[attr-defined, unused-ignore]
    except ImportError:
        return None
    return cast("PixelLoops", _pixels)


LOOPS = _compiled()
LONGEST_SIDE = 16_384
"""Pixels that a side may have for the compiled loops."""
