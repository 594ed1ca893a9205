"""Prometheus metrics of the service."""

from __future__ import annotations

import os
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain"
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics of one process; with several workers, prometheus_client adds theirs up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "samelook_http_requests",
            "Requests answered, by method, route and status",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "samelook_http_request_seconds",
            "Seconds from a request's headers to its answer, by route",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._of_requests: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.refused = Counter(
            "samelook_http_refused",
            "Requests refused at the door because too much was in hand, by status",
            ("status",),
            registry=self.registry,
        )
        self.index_items = Gauge(
            "samelook_index_items",
            "Signals in the index, by signal type",
            ("signal_type",),
            registry=self.registry,
            multiprocess_mode="mostrecent",
        )
        self.index_bytes = Gauge(
            "samelook_index_bytes",
            "Bytes that the index takes, by signal type",
            ("signal_type",),
            registry=self.registry,
            multiprocess_mode="mostrecent",
        )
        self.index_age = Gauge(
            "samelook_index_age_seconds",
            "Seconds since the index was last known to be complete",
            registry=self.registry,
            multiprocess_mode="max",
        )
        self.verdicts = Counter(
            "samelook_verdicts",
            "Sites judged, by verdict; answers from the cache are not judged again",
            ("verdict",),
            registry=self.registry,
        )
        self.facts_current = self._gauge(
            "samelook_facts_current", "Whether what is known of sites follows the database just now", "min"
        )
        self.facts_sites = self._gauge("samelook_facts_sites", "Sites of which something is known", "max")
        self.outbox_waiting = self._gauge(
            "samelook_outbox_waiting", "Sightings, explanations and visits not written yet", "sum"
        )
        self.database_up = self._gauge("samelook_database_up", "Whether the database answers", "min")
        self.database_read_only = self._gauge(
            "samelook_database_read_only", "Whether the database can only be read, as a standby", "max"
        )
        self.signals_added = Counter(
            "samelook_bulk_lines", "Lines of bulk additions, by outcome", ("outcome",), registry=self.registry
        )

    def _gauge(self, name: str, meaning: str, mode: Literal["min", "max", "sum"]) -> Gauge:
        return Gauge(name, meaning, registry=self.registry, multiprocess_mode=mode)

    @property
    def shared(self) -> bool:
        """Whether several processes keep these figures together."""
        return "PROMETHEUS_MULTIPROC_DIR" in os.environ

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request."""
        kept = self._of_requests.get((method, route, status))
        if kept is None:
            # Looking children up by their labels costs more than counting.
            kept = self._requests.labels(method, route, str(status)), self._seconds.labels(route)
            self._of_requests[method, route, status] = kept
        counter, histogram = kept
        counter.inc()
        histogram.observe(seconds)

    def exposition(self) -> bytes:
        """All metrics in Prometheus's text format, of all workers where there are several."""
        if not self.shared:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


METRICS = Metrics()
