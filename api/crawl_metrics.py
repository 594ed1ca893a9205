"""Prometheus metrics of the crawl and its runs, read from the database whenever somebody asks for metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from samelook.crawler.load import WorkerLoad, worker_loads
from samelook.inspector.run_troubles import RunTrouble, run_troubles
from samelook.sql.away import AWAY

if TYPE_CHECKING:
    from samelook.sql.pool import Pool

_READ_S = 2.0


async def crawl_exposition(pool: Pool) -> bytes:
    """The metrics in Prometheus's text format; nothing while the database is away."""
    try:
        async with asyncio.timeout(_READ_S):
            loads = await worker_loads(pool)
            troubles, planned = await run_troubles(pool)
    except (TimeoutError, *AWAY):
        return b""
    registry = CollectorRegistry()
    registry.register(_Read([*_of_workers(loads), *_of_runs(troubles, planned)]))
    return generate_latest(registry)


class _Read(Collector):
    """Metrics that were read already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _of_workers(loads: list[WorkerLoad]) -> Iterator[Metric]:
    inputs = CounterMetricFamily(
        "samelook_crawl_inputs",
        "Inputs that a crawling process is done with, by outcome",
        labels=("process", "phase", "outcome"),
    )
    errors = CounterMetricFamily(
        "samelook_crawl_errors", "Errors that inputs ended with", labels=("process", "phase", "kind")
    )
    seconds = CounterMetricFamily(
        "samelook_crawl_stage_seconds",
        "Seconds that inputs spent in a stage; they wait side by side",
        labels=("process", "stage"),
    )
    passes = CounterMetricFamily(
        "samelook_crawl_stage_passes", "Passes through a stage", labels=("process", "stage")
    )
    gauges = {
        "slots": GaugeMetricFamily(
            "samelook_crawl_slots", "Inputs that a crawling process may have in hand", labels=("process",)
        ),
        "taken": GaugeMetricFamily(
            "samelook_crawl_slots_taken", "Inputs that it has in hand", labels=("process",)
        ),
        "requests": GaugeMetricFamily(
            "samelook_crawl_requests", "Requests under way, waits for a turn included", labels=("process",)
        ),
        "lag_s": GaugeMetricFamily(
            "samelook_crawl_lag_seconds", "How late its event loop wakes who is due", labels=("process",)
        ),
        "busy": GaugeMetricFamily(
            "samelook_crawl_busy_ratio",
            "Seconds a second in which its loop computes or waits for a processor",
            labels=("process",),
        ),
        "memory": GaugeMetricFamily(
            "samelook_crawl_memory_bytes", "Bytes of it that are resident", labels=("process",)
        ),
    }
    for load in loads:
        for phase, figures in load.progress.items():
            for outcome in ("done", "failed"):
                inputs.add_metric((load.name, phase, outcome), figures.get(outcome, 0))
            for kind, count in load.errors.get(phase, {}).items():
                errors.add_metric((load.name, phase, kind), count)
        for stage, spent in load.stages.items():
            seconds.add_metric((load.name, stage), spent["seconds"])
            passes.add_metric((load.name, stage), spent["passes"])
        for name, gauge in gauges.items():
            gauge.add_metric((load.name,), getattr(load, name))
    yield from (inputs, errors, seconds, passes, *gauges.values())


def _of_runs(troubles: list[RunTrouble], planned: int) -> Iterator[Metric]:
    yield GaugeMetricFamily("samelook_run_schedules", "Schedules of crawls and imports", value=planned)
    trouble = GaugeMetricFamily(
        "samelook_run_trouble",
        "1 for a crawl or import that failed, fell silent or is late; scheduled ones need somebody",
        labels=("kind", "what", "problem", "needs_somebody"),
    )
    for found in troubles:
        trouble.add_metric(
            (found.kind, found.what[:200], found.problem, str(found.needs_somebody).lower()), 1
        )
    yield trouble
