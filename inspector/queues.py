"""What waits, who works on it, and since when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from samelook.inspector.listing import Answer, Listing, Row, plain_row
from samelook.inspector.looks import count
from samelook.inspector.tables import table_queries
from samelook.sql.named import queries
from samelook.sql.queue_queries import PHASES, TABLES

if TYPE_CHECKING:
    from samelook.inspector.settings import InspectorSettings
    from samelook.sql.pool import Connection

MOST_DUE = 100_000
"""Retries and stale results are counted up to so many."""
MOST_WORKERS = 100

_PHASE_COLUMNS = (
    "phase",
    "inputs",
    "done",
    "failed",
    "due",
    "retries_due",
    "stale",
    "leased",
    "expired",
    "oldest_result",
    "oldest_lease",
    "next_retry",
    "estimated",
)
_WORKER_COLUMNS = (
    "state",
    "host",
    "pid",
    "phases",
    "started_at",
    "last_seen_at",
    "silent_s",
    "progress",
    "id",
)


async def queue_answer(connection: Connection, settings: InspectorSettings) -> Answer:
    """For each phase what is due, leased and oldest; and the workers with their last sign of life.

    `due` counts inputs without result, error and living lease; retries and stale results are beside it.
    Where `estimated` is true a table was too large to be counted, and `inputs`, `done`, `failed` and
    `due` are the planner's estimates.
    """
    rows = [
        await _phase_row(connection, settings, times)
        async for times in queries("inspector").queue_times(connection)
    ]
    return Answer(
        listings=(
            Listing("phases", _PHASE_COLUMNS, rows),
            Listing("workers", _WORKER_COLUMNS, await worker_rows(connection, settings)),
        )
    )


async def _phase_row(connection: Connection, settings: InspectorSettings, times: Any) -> Row:
    phase = times["phase"]
    tables = TABLES[phase]
    inputs, exact_inputs = await count(connection, tables.inputs, settings.counted_exactly)
    done, exact_done = await count(connection, tables.results, settings.counted_exactly)
    failed, exact_failed = await count(connection, tables.errors, settings.counted_exactly)
    per_table = table_queries()
    stale = 0
    if phase != PHASES[0]:
        seconds = settings.page_stale_s if phase == "icons" else settings.icon_stale_s
        stale = await getattr(per_table, f"stale_{phase}")(connection, seconds=seconds, most=MOST_DUE)
    return {
        "phase": phase,
        "inputs": inputs,
        "done": done,
        "failed": failed,
        # An input whose later visit failed has a result and an error: it is subtracted twice, and `due` is a
        # little low.
        "due": max(0, inputs - done - failed - times["leased"]),
        "retries_due": await getattr(per_table, f"retries_due_{phase}")(connection, most=MOST_DUE),
        "stale": stale,
        **plain_row(times, "leased", "expired", "oldest_result", "oldest_lease", "next_retry"),
        "estimated": not (exact_inputs and exact_done and exact_failed),
    }


async def worker_rows(connection: Connection, settings: InspectorSettings) -> list[Row]:
    """The crawling processes, the living first. `state` is running, silent or stopped."""
    rows = []
    async for worker in queries("inspector").workers(connection, most=MOST_WORKERS):
        if worker["stopped_at"] is not None:
            state = "stopped"
        else:
            state = "silent" if worker["silent_s"] > settings.silent_s else "running"
        rows.append(
            {
                "state": state,
                **plain_row(worker, "host", "pid", "phases", "started_at", "last_seen_at"),
                "silent_s": round(worker["silent_s"], 1),
                **plain_row(worker, "progress", "id"),
            }
        )
    return rows
