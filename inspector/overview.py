"""How everything stands, in a few figures that are cheap to ask for again and again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from samelook.inspector.listing import Row
from samelook.inspector.operator import verdicts_answer
from samelook.inspector.queues import queue_answer
from samelook.inspector.run_troubles import RunTrouble, run_troubles
from samelook.inspector.runs import runs_answer
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.inspector.settings import InspectorSettings
    from samelook.sql.pool import Connection

COUNTED_DAYS = 30
MINUTES = 60
_MOST_RESULTS = 100_000
_RUNS = 5


@dataclass(frozen=True, slots=True)
class Overview:
    """The crawl, and what came of it lately."""

    phases: list[Row]
    """As `queue_answer` has them, each with `per_second` and, where it is known, `lately`."""
    workers: int
    """Crawling processes at work."""
    caught: dict[str, int]
    """Sites by the verdict they were given in the last `COUNTED_DAYS` days."""
    waiting: int
    """Sites with reports that nobody has looked at."""
    newest: list[Row]
    """The latest locks."""
    runs: list[Row]
    """The latest runs of crawls and imports."""
    troubles: list[RunTrouble]
    """What is wrong with runs that should repeat."""


async def overview(connection: Connection, settings: InspectorSettings, *, newest: int = 6) -> Overview:
    """How everything stands now."""
    phases, workers = (await queue_answer(connection, settings)).listings
    status = queries("status")
    rates = {
        row["phase"]: row["count"] / row["seconds"]
        async for row in status.recent_rates(connection)
        if row["seconds"]
    }
    lately: dict[str, list[float]] = {phase: [0.0] * MINUTES for phase in ("icons", "hashes")}
    async for row in status.lately(connection, most=_MOST_RESULTS):
        if 0 <= row["minutes"] < MINUTES:
            lately[row["phase"]][MINUTES - 1 - row["minutes"]] = float(row["results"])
    operator = queries("operator")
    since = datetime.now(UTC) - timedelta(days=COUNTED_DAYS)
    caught = {row["verdict"]: row["sites"] async for row in operator.caught_counts(connection, since=since)}
    (listing,) = (await verdicts_answer(connection, verdict="lock", limit=newest)).listings
    return Overview(
        phases=[
            {**row, "per_second": rates.get(row["phase"]), "lately": lately.get(row["phase"])}
            for row in phases.rows
        ],
        workers=sum(worker["state"] == "running" for worker in workers.rows),
        caught=caught,
        waiting=int(await operator.waiting_reports(connection)),
        newest=listing.rows,
        runs=(await runs_answer(connection, limit=_RUNS)).listings[0].rows,
        troubles=(await run_troubles(connection))[0],
    )
