"""The perceptual hash of 8 x 8 bits as the ImageHash package computes it.

ImageHash itself takes most of a second to import, for wavelets that nobody here uses. The steps are
the same, and so are the bits: grey by Pillow's weights, 32 x 32 by Pillow's Lanczos filter, a type II cosine
transform by SciPy, and the lowest 8 x 8 frequencies against their median. An even icon has frequencies of
nothing but rounding errors, so the compiled transform repeats SciPy's sums in their order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashing.loops import LONGEST_SIDE, LOOPS
from hashing.picture import composite_on

_SIDE = 32
_BITS_SIDE = 8
_MIDDLE = _BITS_SIDE * _BITS_SIDE // 2


def phash(pixels: NDArray[np.uint8]) -> bytes:
    """The hash (8 bytes) of a picture of shape (h, w, 3), or (h, w, 4) for straight RGBA, put on white."""
    from PIL import Image

    height, width, channels = pixels.shape
    if LOOPS is None or max(height, width) > LONGEST_SIDE:
        grey = grey_by_numpy(pixels if channels == 3 else composite_on(pixels)).tobytes()  # noqa: PLR2004
    else:
        grey = LOOPS.grey(np.ascontiguousarray(pixels), width, height, channels)
    image = Image.frombuffer("L", (width, height), grey).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    small = image.tobytes()
    return phash_by_scipy(small) if LOOPS is None else LOOPS.phash(small)


def phash_by_scipy(small: bytes) -> bytes:
    """The hash of 32 x 32 grey values, without compiled code of our own."""
    from scipy.fft import dct

    samples = np.frombuffer(small, np.uint8).reshape(_SIDE, _SIDE).astype(np.float64)
    waves = dct(dct(samples, axis=0)[:_BITS_SIDE], axis=1)[:, :_BITS_SIDE]
    ordered = np.sort(waves, axis=None)
    median = (ordered[_MIDDLE - 1] + ordered[_MIDDLE]) / 2
    return np.packbits(waves > median).tobytes()


def grey_by_numpy(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """ITU-R BT.601 in 16-bit fixed point, which is what Image.convert("L") does."""
    grey = rgb[..., 0] * np.uint32(19595)
    grey += rgb[..., 1] * np.uint32(38470)
    grey += rgb[..., 2] * np.uint32(7471)
    grey += np.uint32(0x8000)
    return (grey >> np.uint32(16)).astype(np.uint8)
