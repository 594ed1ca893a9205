"""The queries of `queries/queue.sql`, once for each phase of the crawl.

The three phases differ only in the tables that they read and write, and SQL has no parameters for
table names; they are filled in here, from a fixed table, before aiosql reads the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

from samelook.sql import named

Phase = Literal["domains", "icons", "hashes"]
PHASES: tuple[Phase, ...] = get_args(Phase)


@dataclass(frozen=True, slots=True)
class PhaseTables:
    """Where a phase finds its inputs and keeps its results and errors."""

    inputs: str
    results: str
    result_key: str
    errors: str
    error_key: str


TABLES: dict[Phase, PhaseTables] = {
    "domains": PhaseTables("domains", "target_urls", "domain_id", "domain_errs", "domain_id"),
    "icons": PhaseTables("target_urls", "page_visits", "target_url_id", "icon_errs", "target_url_id"),
    "hashes": PhaseTables("icon_urls", "favicon_metadata", "icon_url_id", "hashing_errs", "icon_url_id"),
}


def queue_sql(phase: Phase) -> str:
    """The text of `queue.sql` for this phase."""
    tables = TABLES[phase]
    text = files("samelook.sql").joinpath("queries/queue.sql").read_text("utf-8")
    # The file's head explains the words in braces; only statements are wanted here.
    text = text[text.index("-- name:") :]
    for word in ("inputs", "results", "result_key", "errors", "error_key"):
        text = text.replace(f"{{{word}}}", getattr(tables, word))
    return text.replace("{phase}", phase)


@cache
def queue_queries(phase: Phase) -> Any:
    """The queue's queries for this phase, by name (see `queries/queue.sql`)."""
    return named.queries_in(queue_sql(phase), f"queue.sql for {phase}")
