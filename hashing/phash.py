"""The perceptual hash of 8 x 8 bits as the ImageHash package computes it.

ImageHash itself takes most of a second to import, for wavelets that nobody here uses. The steps are
the same, and so are the bits: grey by Pillow's weights, 32 x 32 by Pillow's Lanczos filter, a type II cosine
transform, and the lowest 8 x 8 frequencies against their median. Pillow 13 began to shrink a tall picture
downwards before across; that is done here with any version.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samelook.hashing.cosines import cosine_transform
from samelook.hashing.loops import LONGEST_SIDE, LOOPS
from samelook.hashing.picture import composite_on

_SIDE = 32
_BITS_SIDE = 8
_MIDDLE = _BITS_SIDE * _BITS_SIDE // 2


def phash(pixels: NDArray[np.uint8]) -> bytes:
    """The hash (8 bytes) of a picture of shape (h, w, 3), or (h, w, 4) for straight RGBA, put on white."""
    height, width, channels = pixels.shape
    if LOOPS is None or max(height, width) > LONGEST_SIDE:
        return phash_without_loops(pixels if channels == 3 else composite_on(pixels))  # noqa: PLR2004
    return LOOPS.phash(np.ascontiguousarray(pixels), width, height, channels)


def phash_without_loops(rgb: NDArray[np.uint8]) -> bytes:
    """The same as `phash` for shape (h, w, 3), without compiled code of our own."""
    from PIL import Image

    height, width = rgb.shape[:2]
    image = Image.frombuffer("L", (width, height), _grey(rgb).tobytes())
    down_first = height > _SIDE and height + _SIDE > 2 * width
    steps = ((width, _SIDE) if down_first else (_SIDE, height), (_SIDE, _SIDE))
    for size in steps:
        image = image.resize(size, Image.Resampling.LANCZOS)
    down = cosine_transform(np.asarray(image, np.float64))[:_BITS_SIDE]
    waves = cosine_transform(down.T)[:_BITS_SIDE].T
    ordered = np.sort(waves, axis=None)
    median = (ordered[_MIDDLE - 1] + ordered[_MIDDLE]) / 2
    return np.packbits(waves > median).tobytes()


def _grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """ITU-R BT.601 in 16-bit fixed point, which is what Image.convert("L") does."""
    grey = rgb[..., 0] * np.uint32(19595)
    grey += rgb[..., 1] * np.uint32(38470)
    grey += rgb[..., 2] * np.uint32(7471)
    grey += np.uint32(0x8000)
    return (grey >> np.uint32(16)).astype(np.uint8)
