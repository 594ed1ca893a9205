"""The queries of `inspector_tables.sql`, once for each table, signal and phase that they are about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from samelook.inspector.errors import BadQuestion
from samelook.sql import named
from samelook.sql.queue_queries import PHASES, TABLES, Phase

COUNTED = (
    "domains",
    "target_urls",
    "page_visits",
    "icon_urls",
    "favicon_metadata",
    "favicons",
    "domain_errs",
    "icon_errs",
    "hashing_errs",
    "looks",
)


@dataclass(frozen=True, slots=True)
class SignalTable:
    """A table of hashes that can be compared by Hamming distance."""

    name: str
    bits: int
    usual_distance: int
    """Within so many bits two pictures are listed as look-alikes: an eighth, as PDQ's authors advise."""


SIGNALS: dict[str, SignalTable] = {
    "pdq": SignalTable("pdq", 256, 31),
    "blockhash16": SignalTable("blockhash16", 256, 31),
    "blockhash16_quick": SignalTable("blockhash16_quick", 256, 31),
    "phash": SignalTable("phash", 64, 8),
    "blockhash8": SignalTable("blockhash8", 64, 8),
    "blockhash8_quick": SignalTable("blockhash8_quick", 64, 8),
}

_SITE_JOINS: dict[Phase, tuple[str, str]] = {
    "domains": ("NULL::text", "JOIN domains AS d ON d.id = e.domain_id"),
    "icons": (
        "t.url",
        "JOIN target_urls AS t ON t.id = e.target_url_id JOIN domains AS d ON d.id = t.domain_id",
    ),
    # An icon URL may be on a million sites: the best of the first hundred stands for them.
    "hashes": (
        "u.icon_url",
        """JOIN icon_urls AS u ON u.id = e.icon_url_id
LEFT JOIN LATERAL (
    SELECT d.reversed_name
    FROM (SELECT target_url_id FROM site_icons WHERE icon_url_id = u.id LIMIT 100) AS s
    JOIN target_urls AS t ON t.id = s.target_url_id
    JOIN domains AS d ON d.id = t.domain_id
    ORDER BY t.position
    LIMIT 1
) AS d ON true""",
    ),
}
_WORD = re.compile(r"\{(\w+)\}")


@cache
def table_queries() -> Any:
    """All queries of `inspector_tables.sql`, by name (`count_domains`, `hashes_pdq`, …)."""
    text = files("samelook.sql").joinpath("queries/inspector_tables.sql").read_text("utf-8")
    blocks = re.split(r"(?m)^(?=-- name:)", text)[1:]
    return named.queries_in(
        "\n".join(filled for block in blocks for filled in _filled(block)), "inspector_tables.sql"
    )


def signal_table(name: str, distance: int | None) -> tuple[SignalTable, int]:
    """The signal's table and the distance to search within. Raises BadQuestion."""
    table = SIGNALS.get(name)
    if table is None:
        raise BadQuestion(
            f"{name!r} cannot be compared by distance; the signals are {', '.join(SIGNALS)}.", signal=name
        )
    wanted = table.usual_distance if distance is None else distance
    if not 0 <= wanted <= table.bits:
        raise BadQuestion(f"A distance of {wanted} makes no sense for {name}: it has {table.bits} bits.")
    return table, wanted


def _filled(block: str) -> list[str]:
    words = set(_WORD.findall(block))
    if "table" in words:
        return [block.replace("{table}", table) for table in COUNTED]
    if "signal" in words:
        return [block.replace("{signal}", signal) for signal in SIGNALS]
    # target_urls has no index by age: a start page follows from the name and is never stale.
    phases = [phase for phase in PHASES if not ("results" in words and phase == "domains")]
    return [_for_phase(block, phase) for phase in phases]


def _for_phase(block: str, phase: Phase) -> str:
    url, site_join = _SITE_JOINS[phase]
    tables = TABLES[phase]
    values = {
        "inputs": tables.inputs,
        "results": tables.results,
        "errors": tables.errors,
        "error_key": tables.error_key,
        "url": url,
        "site_join": site_join,
    }
    for word, value in values.items():
        block = block.replace(f"{{{word}}}", value)
    return block.replace("{phase}", phase)
