"""Libraries of the extras: loaded when a backend is chosen that needs one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from samelook.matching.errors import BackendMissing
from samelook.matching.settings import Backend

_EXTRAS = {"faiss": "faiss", "pymilvus": "milvus"}
_NEEDED = {"faiss": "faiss", "faiss-multihash": "faiss", "milvus": "pymilvus"}


def library(module: str) -> Any:
    """The module. Raises BackendMissing, which names the extra."""
    try:
        return import_module(module)
    except ImportError as error:
        raise BackendMissing(
            f"What SAMELOOK_INDEX chooses needs {module}: install samelook with the extra {_EXTRAS[module]}."
        ) from error


def check_installed(backend: Backend) -> None:
    """Raises BackendMissing where what a backend needs is not installed."""
    if backend.kind in _NEEDED:
        library(_NEEDED[backend.kind])
