"""The exchanges of an application: their store, the schedule that fetches them, their figures in /metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web
from prometheus_client import Counter, Gauge

from samelook.api.metrics import METRICS
from samelook.api.state import POOL, SETTINGS
from samelook.exchanges.fetching import FetchOutcome
from samelook.exchanges.schedule import Schedule
from samelook.exchanges.store import ExchangeStore
from samelook.sql.away import AWAY
from samelook.sql.named import queries

EXCHANGES = web.AppKey("exchanges", ExchangeStore)
_FIGURES_S = 15.0

_fetches = Counter(
    "samelook_exchange_fetches",
    "Fetches of exchanges, by outcome",
    ("exchange", "outcome"),
    registry=METRICS.registry,
)
_quarantined = Gauge(
    "samelook_exchange_quarantined",
    "What an exchange sent that could not be used, and has not been read well since",
    ("exchange",),
    registry=METRICS.registry,
    multiprocess_mode="mostrecent",
)
_failures = Gauge(
    "samelook_exchange_failures",
    "Failed fetches of an exchange, one after the other until now",
    ("exchange",),
    registry=METRICS.registry,
    multiprocess_mode="mostrecent",
)
_age = Gauge(
    "samelook_exchange_age_seconds",
    "Seconds since the last fetch of an exchange ended",
    ("exchange",),
    registry=METRICS.registry,
    multiprocess_mode="mostrecent",
)
_behind = Gauge(
    "samelook_exchange_behind_seconds",
    "Seconds between now and the time that an exchange has been read up to",
    ("exchange",),
    registry=METRICS.registry,
    multiprocess_mode="mostrecent",
)


async def exchanges(app: web.Application) -> AsyncIterator[None]:
    """The store, and while the application runs its schedule, as a resource of the application."""
    settings = app[SETTINGS]
    app[EXCHANGES] = ExchangeStore(app[POOL], settings.exchanges)
    tasks = [asyncio.create_task(_watch(app))]
    if settings.fetch_exchanges:
        schedule = Schedule(app[POOL], settings.exchanges, on_outcome=_count)
        tasks.append(asyncio.create_task(schedule.run()))
    yield
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _watch(app: web.Application) -> None:
    """Keeps the figures in /metrics current."""
    while True:
        with suppress(*AWAY):
            rows = [row async for row in queries("exchanges").figures(app[POOL])]
            if not METRICS.shared:  # what several processes share can only grow: stale names stay
                for gauge in (_quarantined, _failures, _age, _behind):
                    gauge.clear()
            for row in rows:
                _quarantined.labels(row["name"]).set(row["quarantined"])
                _failures.labels(row["name"]).set(row["failures"])
                if row["since_completed_s"] is not None:
                    _age.labels(row["name"]).set(row["since_completed_s"])
                if row["behind_s"] is not None:
                    _behind.labels(row["name"]).set(row["behind_s"])
        await asyncio.sleep(_FIGURES_S)


def _count(outcome: FetchOutcome) -> None:
    word = "ok" if outcome.error is None else outcome.error.kind
    _fetches.labels(outcome.exchange, word).inc()
