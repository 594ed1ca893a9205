"""How a crawl stands, as figures for people and programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from samelook.crawler.load import WorkerLoad, worker_loads
from samelook.crawler.settings import CrawlSettings
from samelook.sql.named import queries
from samelook.sql.queue_queries import PHASES


@dataclass(frozen=True, slots=True)
class PhaseStatus:
    """One phase: its inputs, what became of them, and how fast it went of late."""

    phase: str
    inputs: int
    done: int
    failed: int
    leased: int
    due: int
    """Inputs without result, error or living lease."""
    errors: dict[str, int] = field(default_factory=dict)
    """Errors by kind, the most frequent first."""
    per_second: float | None = None
    """Results a second in the busiest of the last ten minutes; None where there is too little to say."""


@dataclass(frozen=True, slots=True)
class CrawlStatus:
    """The whole crawl."""

    phases: tuple[PhaseStatus, ...]
    icons: int
    """Icon URLs that hold a picture."""
    absent_icons: int
    """Well-known paths at which nothing was."""
    pictures: int
    """Different pictures."""
    workers: tuple[WorkerLoad, ...]
    """Crawling processes that showed a sign of life in the last ten seconds."""
    page_stale_s: float
    """Seconds after which a page is to be visited again."""

    @property
    def sites_per_second(self) -> float | None:
        """Pages visited a second of late."""
        return next((phase.per_second for phase in self.phases if phase.phase == "icons"), None)

    @property
    def round_s(self) -> float | None:
        """Seconds in which every input is visited once at the speed of late, by the slowest phase.

        None where no phase has been at work long enough to say.
        """
        rounds = [phase.inputs / phase.per_second for phase in self.phases if phase.per_second]
        return max(rounds, default=None)

    @property
    def sites_kept_fresh(self) -> int | None:
        """How many sites can be visited again before their pages are stale, at the speed of late."""
        return None if not self.sites_per_second else int(self.sites_per_second * self.page_stale_s)

    def as_json(self) -> dict[str, Any]:
        """The same as JSON-ready values."""
        return {
            "round_s": None if self.round_s is None else round(self.round_s, 1),
            "phases": [
                {
                    "phase": phase.phase,
                    "inputs": phase.inputs,
                    "done": phase.done,
                    "failed": phase.failed,
                    "leased": phase.leased,
                    "due": phase.due,
                    "errors": phase.errors,
                    "per_second": phase.per_second,
                }
                for phase in self.phases
            ],
            "icons": self.icons,
            "absent_icons": self.absent_icons,
            "pictures": self.pictures,
            "workers": len(self.workers),
            "sites_per_second": self.sites_per_second,
            "sites_kept_fresh": self.sites_kept_fresh,
            "processes": [worker.as_json() for worker in self.workers],
        }


async def crawl_status(connection: Any, page_stale_s: float = CrawlSettings().page_stale_s) -> CrawlStatus:
    """Count what the tables hold. `connection` is a connection or a pool."""
    status = queries("status")
    errors: dict[str, dict[str, int]] = {phase: {} for phase in PHASES}
    async for row in status.error_counts(connection):
        errors[row["phase"]][row["kind"]] = row["count"]
    rates = {
        row["phase"]: row["count"] / row["seconds"]
        async for row in status.recent_rates(connection)
        if row["seconds"]
    }
    pictures = await status.picture_counts(connection)
    return CrawlStatus(
        phases=tuple(
            [
                PhaseStatus(
                    phase=row["phase"],
                    inputs=row["inputs"],
                    done=row["done"],
                    failed=row["failed"],
                    leased=row["leased"],
                    due=max(0, row["inputs"] - row["done"] - row["failed"] - row["leased"]),
                    errors=errors[row["phase"]],
                    per_second=rates.get(row["phase"]),
                )
                async for row in status.phase_counts(connection)
            ]
        ),
        icons=pictures["icons"],
        absent_icons=pictures["absent"],
        pictures=pictures["pictures"],
        workers=tuple(await worker_loads(connection)),
        page_stale_s=page_stale_s,
    )
