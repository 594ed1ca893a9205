"""Figures of the crawl's queues in /metrics: what waits in each phase; its processes are in `crawl_metrics`.

Counting is bounded and large tables are estimated, yet too much for every scrape: a curator looks at times.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime

from aiohttp import web
from prometheus_client import Gauge

from samelook.api.metrics import METRICS
from samelook.api.state import POOL
from samelook.inspector.queues import queue_answer
from samelook.inspector.settings import InspectorSettings
from samelook.sql.away import AWAY
from samelook.sql.cancelled import check_cancelled

_FIGURES_S = 30.0
_STATES = ("done", "failed", "due", "retries_due", "leased")
_inputs = Gauge(
    "samelook_queue_inputs",
    "Inputs of a phase by state; estimates for large tables",
    ("phase", "state"),
    registry=METRICS.registry,
    multiprocess_mode="mostrecent",
)
_oldest = Gauge(
    "samelook_queue_oldest_result",
    "When a phase's oldest result was made, Unix time",
    ("phase",),
    registry=METRICS.registry,
    multiprocess_mode="mostrecent",
)


async def queue_figures(app: web.Application) -> AsyncIterator[None]:
    """For `cleanup_ctx`: keeps the figures current while the application runs."""
    task = asyncio.create_task(_watch(app))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _watch(app: web.Application) -> None:
    while True:
        try:
            async with app[POOL].acquire() as connection:
                answer = await queue_answer(connection, InspectorSettings())
        except AWAY:
            check_cancelled()
        else:
            for row in answer.listings[0].rows:
                for state in _STATES:
                    _inputs.labels(row["phase"], state).set(row[state])
                if row["oldest_result"] is not None:
                    _oldest.labels(row["phase"]).set(datetime.fromisoformat(row["oldest_result"]).timestamp())
        await asyncio.sleep(_FIGURES_S)
