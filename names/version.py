"""Which version of the lists of names this is: facts made with another may file hosts under other sites."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata, resources

_RULES = 1
"""Goes up when what a site or a front door is changes otherwise."""


@cache
def names_version() -> str:
    """Equal for equal lists and rules."""
    platforms = resources.files("samelook.names").joinpath("platforms.csv").read_bytes()
    digest = hashlib.sha256(platforms).hexdigest()[:12]
    return f"{_RULES}-{metadata.version('publicsuffixlist')}-{digest}"
