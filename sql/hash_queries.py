"""The queries of `queries/hashes.sql`, once for each signal that has a table of hashes.

The tables differ in their names and in the type of one column, and SQL has no parameters for those; they are
filled in here, from the table of signals, before aiosql reads the text.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from samelook.sql import named


class StoredSignal(Protocol):
    """What has to be known of a signal."""

    @property
    def name(self) -> str:
        """The table is `hash_<name>`."""
        ...

    @property
    def decimal(self) -> bool:
        """A whole number of 32 bits, where other hashes are bytes."""
        ...


@cache
def hash_queries(signals: tuple[StoredSignal, ...]) -> Any:
    """All queries of `hashes.sql`, by name (`add_pdq`, `of_pictures_pdq`, …)."""
    text = files("samelook.sql").joinpath("queries/hashes.sql").read_text("utf-8")
    blocks = re.split(r"(?m)^(?=-- name:)", text)[1:]
    return named.queries_in(
        "\n".join(
            block.replace("{signal}", each.name).replace("{stored}", "integer" if each.decimal else "bytea")
            for block in blocks
            for each in signals
        ),
        "hashes.sql",
    )
