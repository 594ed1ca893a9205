"""The measures of small pictures in C, where a compiler was there when the package was installed."""

from __future__ import annotations

from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

_Pictures = NDArray[np.uint8]
_Floats = NDArray[np.float32]


class LookKernels(Protocol):
    """What `samelook.looks._looks` gives: each writes one column of floats for each measure."""

    def tints(self, left: _Pictures, right: _Pictures, rows: int, out: _Floats, /) -> None:
        """The tint of `Measures`."""

    def inners(self, left: _Pictures, right: _Pictures, rows: int, out: _Floats, /) -> None:
        """The inner correlation of `Measures`."""

    def measures(self, left: _Pictures, right: _Pictures, rows: int, out: _Floats, /) -> None:
        """The columns of `Measures`."""


def _compiled() -> LookKernels | None:
    try:
        from samelook.looks import _looks  # type: ignore[attr-defined, unused-ignore]
    except ImportError:
        return None
    return cast("LookKernels", _looks)


KERNELS = _compiled()
_MEASURES = 16


def tints(kernels: LookKernels, left: _Pictures, right: _Pictures) -> _Floats:
    """`look_measures.tints_of`."""
    out = np.empty(len(left), np.float32)
    kernels.tints(np.ascontiguousarray(left), np.ascontiguousarray(right), len(left), out)
    return out


def inners(kernels: LookKernels, left: _Pictures, right: _Pictures) -> _Floats:
    """`look_measures.inners_of`."""
    out = np.empty(len(left), np.float32)
    kernels.inners(np.ascontiguousarray(left), np.ascontiguousarray(right), len(left), out)
    return out


def measures(kernels: LookKernels, left: _Pictures, right: _Pictures) -> _Floats:
    """The columns of `look_measures.Measures`, shape (16, n)."""
    out = np.empty((_MEASURES, len(left)), np.float32)
    kernels.measures(np.ascontiguousarray(left), np.ascontiguousarray(right), len(left), out)
    return out
