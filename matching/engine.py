"""Which twin does the inner loops: the C extension when it was built, numpy otherwise."""

from __future__ import annotations

import os
from typing import Any, Protocol, cast

from . import kernels


class Engine(Protocol):
    """What `samelook.matching._engine` and `samelook.matching.kernels` both are: modules with these names."""

    Body: Any
    Searcher: Any
    permute: Any
    merge_chunk: Any
    purge_chunk: Any
    splice: Any
    use_variant: Any


def numpy_engine() -> Engine:
    """The numpy twin, always there."""
    return cast("Engine", kernels)


def c_engine() -> Engine | None:
    """The C twin, or None when the package was installed without a compiler."""
    try:
        from . import _engine
    except ImportError:
        return None
    return cast("Engine", _engine)


def default_engine() -> Engine:
    """The C twin if there is one, unless SAMELOOK_PURE_NUMPY is set to 1.

    The one look at the environment outside samelook/settings.py: the variable exists so that whoever
    measures or doubts the C code can switch it off from outside, for any program that uses this
    package as a library and has no settings object.
    """
    if os.environ.get("SAMELOOK_PURE_NUMPY", "") not in {"", "0"}:
        return numpy_engine()
    return c_engine() or numpy_engine()
