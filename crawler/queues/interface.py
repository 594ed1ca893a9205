"""What a phase asks of its work queue, whatever keeps the queue."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar
from uuid import UUID

from samelook.crawler.errors import CrawlError

Input = TypeVar("Input")
Result = TypeVar("Result")
LeaseKey: TypeAlias = tuple[int, UUID]
"""The ids of a leased input and of its lease."""


class GaveUp(CrawlError):
    """Every worker that took this input fell silent, so the input is held to be at fault."""

    kind = "gave_up"


class InternalError(CrawlError):
    """A bug in Samelook stopped the work on this input; the log has the traceback."""

    kind = "internal_error"


@dataclass(frozen=True, slots=True)
class Lease(Generic[Input]):
    """One input, ours until the lease expires."""

    input_id: int
    lease_id: UUID
    input: Input
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Input, Result]):
    """What became of a leased input: a result or an error, never both."""

    lease: Lease[Input]
    result: Result | None = None
    error: CrawlError | None = None


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did."""

    kept: int
    """Outcomes whose lease was still ours."""
    fed: int = 0
    """Inputs that the results made for the next phase."""
    bug: str | None = None
    """The traceback of a bug in Samelook that kept outcomes from being written; they are kept as errors."""


class PhaseQueue(Protocol[Input, Result]):
    """One phase's queue: pull work, push what became of it.

    `pull` may be called by many workers on many machines at once and never hands out the same
    input twice while a lease lasts. `push` is idempotent: an outcome whose lease has been taken
    over by somebody else is dropped.
    """

    async def pull(self, limit: int) -> Sequence[Lease[Input]]:
        """Up to `limit` inputs that are due; none when nothing is."""
        ...

    async def push(self, outcomes: Sequence[Outcome[Input, Result]]) -> Pushed:
        """Keep the outcomes, all or none, and end their leases."""
        ...

    async def release(self, leases: Sequence[Lease[Input]]) -> None:
        """Give work back untouched."""
        ...

    async def renew(self, held: Collection[LeaseKey]) -> None:
        """Keep the leases that the caller holds from expiring.

        They are named, because the queue may know of more: a pull that failed half-way may have leased inputs
        that the caller never received. Those leases must expire, or nobody would ever work on the inputs.
        """
        ...

    async def exhausted(self) -> bool:
        """Whether nothing is due and nobody works on anything (exact, and slower than a pull)."""
        ...
