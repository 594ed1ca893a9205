"""Where output for people goes: results on standard output, progress and advice on standard error."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@cache
def out() -> Console:
    """Standard output, for results."""
    from rich.console import Console

    return Console()


@cache
def err() -> Console:
    """Standard error, for progress, warnings and advice."""
    from rich.console import Console

    return Console(stderr=True)
