"""The queries of `inspector_tables.sql`, once for each table and phase that they are about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from samelook.hashing.table import COMPARED, SIGNALS, STORED, Signal
from samelook.inspector.errors import BadQuestion
from samelook.sql import named
from samelook.sql.hash_queries import hash_queries
from samelook.sql.queue_queries import PHASES, TABLES, Phase

if TYPE_CHECKING:
    from samelook.sql.pool import Connection

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
    """All queries of `inspector_tables.sql`, by name (`count_domains`, `errors_icons`, …)."""
    text = files("samelook.sql").joinpath("queries/inspector_tables.sql").read_text("utf-8")
    blocks = re.split(r"(?m)^(?=-- name:)", text)[1:]
    return named.queries_in(
        "\n".join(filled for block in blocks for filled in _filled(block)), "inspector_tables.sql"
    )


def compared_signal(name: str, distance: int | None) -> tuple[Signal, int]:
    """The signal of this name and the distance to search within. Raises BadQuestion."""
    signal = SIGNALS.get(name)
    if signal is None or signal.look_alike_radius is None:
        names = ", ".join(each.name for each in COMPARED)
        raise BadQuestion(f"{name!r} cannot be compared by distance; the signals are {names}.", signal=name)
    wanted = signal.look_alike_radius if distance is None else distance
    if not 0 <= wanted <= signal.bits:
        raise BadQuestion(f"A distance of {wanted} makes no sense for {name}: it has {signal.bits} bits.")
    return signal, wanted


async def stored_signals(connection: Connection, sha256s: Sequence[bytes]) -> dict[bytes, dict[str, Any]]:
    """What the database has of these pictures' signals: bytes, or a number, by picture and name."""
    found: dict[bytes, dict[str, Any]] = {
        row["sha256"]: {"md5": row["md5"]}
        async for row in named.queries("inspector").md5s_of(connection, sha256s=list(sha256s))
    }
    if found:
        for signal in STORED:
            of_pictures = getattr(hash_queries(STORED), f"of_pictures_{signal.name}")
            async for row in of_pictures(connection, sha256s=list(found)):
                found[row["sha256"]][signal.name] = row["hash"]
    return found


def _filled(block: str) -> list[str]:
    words = set(_WORD.findall(block))
    if "table" in words:
        return [block.replace("{table}", table) for table in COUNTED]
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
