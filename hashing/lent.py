"""The pixels of a loaded Pillow picture without a copy: for a photograph of a telephone three times 48 MB.

Pillow lends them through the interface of Apache Arrow (https://arrow.apache.org/docs/format/CDataInterface.html),
which is two C structures in capsules.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Images

if TYPE_CHECKING:
    from PIL.Image import Image


class _ArrowArray(ctypes.Structure):
    """`struct ArrowArray`."""


_ArrowArray._fields_ = [
    *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowArray))),
    *((name, ctypes.c_void_p) for name in ("dictionary", "release", "private_data")),
]
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


class _Lent:
    """Keeps the picture alive as long as anybody looks at its pixels."""

    def __init__(self, capsule: object, address: int, shape: tuple[int, int, int]) -> None:
        self.capsule = capsule
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": "|u1",
            "data": (address, True),  # read-only
        }


def keep_in_one_block() -> None:
    """Makes Pillow keep each picture in one block of memory, as it can lend no other."""
    pillow: Any = Images
    pillow.core.set_use_block_allocator(1)


def lent_pixels(image: Image) -> NDArray[np.uint8]:
    """Read-only RGBA of shape (h, w, 4) of a loaded picture in the mode RGB or RGBA.

    Pillow keeps RGB in four bytes as well, the fourth being 255.
    """
    if not image.width or not image.height:
        return np.empty((image.height, image.width, 4), np.uint8)
    _, capsule = image.__arrow_c_array__()
    address = _pointer(capsule, b"arrow_array")
    samples = _ArrowArray.from_address(address).children[0].contents
    return np.asarray(_Lent(capsule, samples.buffers[1], (image.height, image.width, 4)))
