"""Image bytes to a canonical picture to signals.

This room exists so that the same bytes give the same signals everywhere. Its functions are pure:
no network, no files, no database. One module, `samelook.hashing.sandbox`, starts decoders (processes of
their own), because hostile bytes may kill the process that decodes them.

The names below are for other programs too (docs/library.md). They are imported on first use, so that
`import samelook.hashing` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samelook.hashing.errors import HashingError, NotAnImage
    from samelook.hashing.picture import DecodeLimits
    from samelook.hashing.sandbox import Sandbox
    from samelook.hashing.settings import SandboxLimits
    from samelook.hashing.signals import HashedPicture, hash_bytes
    from samelook.hashing.table import SIGNALS, Signal

__all__ = [
    "SIGNALS",
    "DecodeLimits",
    "HashedPicture",
    "HashingError",
    "NotAnImage",
    "Sandbox",
    "SandboxLimits",
    "Signal",
    "hash_bytes",
]

_HOMES = {
    "SIGNALS": "table",
    "DecodeLimits": "picture",
    "HashedPicture": "signals",
    "HashingError": "errors",
    "NotAnImage": "errors",
    "Sandbox": "sandbox",
    "SandboxLimits": "settings",
    "Signal": "table",
    "hash_bytes": "signals",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
