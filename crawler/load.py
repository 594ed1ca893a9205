"""What the crawling processes show of themselves, from their last signs of life."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from samelook.sql.named import queries

SILENT_S = 10.0
"""A process that gave no sign of life for so long is not counted."""


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """One crawling process."""

    name: str
    """`host:pid`."""
    progress: dict[str, dict[str, Any]]
    """By phase: `done`, `failed` and `busy`; since it started."""
    slots: int = 0
    """Inputs that it may have in hand, as it found by itself (samelook.crawler.slots)."""
    taken: int = 0
    requests: int = 0
    """Requests under way, those that wait for a site's turn included."""
    lag_s: float = 0.0
    """How late its loop wakes who is due."""
    busy: float = 0.0
    """Seconds a second in which its loop computes, or waits for a processor."""
    memory: int = 0
    """Bytes that are resident."""
    stages: dict[str, dict[str, float]] = field(default_factory=dict)
    """By stage: `seconds` and `passes` since it started."""
    errors: dict[str, dict[str, int]] = field(default_factory=dict)
    """By phase and kind, since it started."""

    def as_json(self) -> dict[str, Any]:
        """The same as JSON-ready values."""
        return {
            "name": self.name,
            "slots": self.slots,
            "taken": self.taken,
            "requests": self.requests,
            "lag_s": self.lag_s,
            "busy": self.busy,
            "memory": self.memory,
            "stages": self.stages,
            "errors": self.errors,
        }


async def worker_loads(connection: Any) -> list[WorkerLoad]:
    """The processes that are at work, the oldest first. `connection` is a connection or a pool."""
    return [
        # One of the version before says nothing of its load.
        WorkerLoad(f"{row['host']}:{row['pid']}", json.loads(row["progress"]), **json.loads(row["load"]))
        async for row in queries("status").live_workers(connection, silent_s=SILENT_S)
    ]
