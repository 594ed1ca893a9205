"""What is wrong with runs that should repeat: one that failed, fell silent, or did not come.

Told by the health checks, as a metric, and in a Discord channel: there once for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from samelook.crawler.runs import SILENT_S
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.sql.pool import Connection, Pool

Problem = Literal["failed", "silent", "late", "slow", "replaced"]

_LATE_S, _LATE_SHARE = 600.0, 0.1
"""A run may be late by so much, or by this share of its rhythm."""
_SEE = "See `samelook crawl runs`."


@dataclass(frozen=True, slots=True)
class RunTrouble:
    """What is wrong with the newest run of a schedule, or of those that were run by hand."""

    run_id: int
    kind: str
    what: str
    problem: Problem
    text: str
    advice: str
    needs_somebody: bool
    """A person is needed; else it mends itself, or somebody did it by hand."""


async def run_troubles(connection: Connection | Pool) -> tuple[list[RunTrouble], int]:
    """The troubles, and how many schedules there are. Reads the book of runs."""
    runs = [run async for run in queries("runs").newest_runs(connection)]
    troubles = [trouble for trouble in (_trouble_of(run, runs) for run in runs) if trouble is not None]
    return troubles, sum(run["every_s"] is not None for run in runs)


async def untold_troubles(pool: Pool) -> list[RunTrouble]:
    """Those that need somebody and that nobody was told of yet; they count as told from now on."""
    tell = queries("runs").tell_of_run
    return [
        trouble
        for trouble in (await run_troubles(pool))[0]
        if trouble.needs_somebody and await tell(pool, run_id=trouble.run_id, problem=trouble.problem)
    ]


def _trouble_of(run: Mapping[str, Any], all_runs: Sequence[Mapping[str, Any]]) -> RunTrouble | None:
    name = f"{run['kind']} {run['what']}"[:200]
    is_planned = run["every_s"] is not None

    def trouble(problem: Problem, text: str, advice: str, *, needs_somebody: bool) -> RunTrouble:
        return RunTrouble(
            run["id"], run["kind"], run["what"], problem, f"{name} {text}", advice, needs_somebody
        )

    if run["finished_at"] is None and run["silence_s"] > SILENT_S:
        text = f"fell silent {_span(run['silence_s'])} ago"
        return trouble("silent", text, f"Why did it die? {_SEE}", needs_somebody=is_planned)
    if run["outcome"] == "failed":
        return trouble("failed", f"failed: {run['message']}", _SEE, needs_somebody=is_planned)
    if not is_planned or run["late_s"] <= max(_LATE_S, _LATE_SHARE * run["every_s"]):
        return None
    late = _span(run["late_s"])
    if run["finished_at"] is None:
        return trouble("slow", f"takes longer than its rhythm, by {late} so far", _SEE, needs_somebody=False)
    # Somebody may have given this schedule up for another, which is no reason to wake anybody.
    is_replaced = any(
        other is not run
        and other["kind"] == run["kind"]
        and other["every_s"]
        and other["started_at"] > run["next_at"]
        for other in all_runs
    )
    return trouble(
        "replaced" if is_replaced else "late",
        f"missed its time, by {late}",
        "Its process does not run: start it again with its --every.",
        needs_somebody=not is_replaced,
    )


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
