"""The work queue in Postgres: leases on set differences (the statements are in `queue.sql`)."""

from __future__ import annotations

import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic
from uuid import UUID

import asyncpg
import structlog

from samelook.crawler.errors import CrawlError
from samelook.crawler.queues.interface import (
    GaveUp,
    Input,
    InternalError,
    Lease,
    LeaseKey,
    Outcome,
    Pushed,
    Result,
)
from samelook.crawler.settings import CrawlSettings
from samelook.sql.away import BUSY, DOUBTFUL, UNUSABLE
from samelook.sql.queue_queries import Phase, queue_queries
from samelook.sql.rows import Claimed
from samelook.sql.storable import storable_json

log = structlog.get_logger()

Connection = Any
"""asyncpg's connection, pooled or not."""

LARGEST_SPAN = 4096
"""Index entries that one pull may look at: some ten milliseconds of work."""
LOOKED_AT_ONCE = 16_384
"""Of inputs that should be done: some fifty milliseconds under the lock of pulls."""
REWIND_BY_TIME_S = 60.0
EXPIRED_EVERY_S = 5.0
"""Expired leases are looked for this often while there is fresh work, and whenever there is none."""
PULL_SECONDS = 1.0
"""Time that one pull may spend walking over what is done, before it reports an empty hand."""

_DOUBTS = 4
"""So often an outcome is tried by itself before an error that may be the database's is held against it."""
_REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)


class Unstorable(CrawlError):
    """The database refused what an input gave; the other outcomes of the batch are kept."""

    kind = "unstorable"
    retry = False


@dataclass(frozen=True, slots=True)
class PhaseStore(Generic[Input, Result]):
    """What the queue must know about a phase: how its inputs are loaded and its results kept."""

    phase: Phase
    load: Callable[[Connection, Sequence[int]], Awaitable[dict[int, Input]]]
    write: Callable[[Connection, Sequence[tuple[int, Result]]], Awaitable[int]]
    """Gives the number of inputs that it made for the next phase."""
    stale_s: float | None
    """Seconds after which a result is due again; None for never."""


class PostgresQueue(Generic[Input, Result]):
    """A `PhaseQueue` on the tables themselves: what is due is a set difference of them."""

    def __init__(
        self,
        pool: asyncpg.Pool[Any],
        store: PhaseStore[Input, Result],
        settings: CrawlSettings,
        worker_id: UUID,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._store = store
        self._settings = settings
        self._worker_id = worker_id
        self._queries = queue_queries(store.phase)
        self._clock = clock
        self._rewound_at = clock()
        self._expired_at = -EXPIRED_EVERY_S
        self._requested_turn = True

    async def pull(self, limit: int) -> list[Lease[Input]]:
        """Up to `limit` inputs, from whichever source has some: requested, expired, fresh, failed, stale.

        Every second pull looks first for what somebody waits for; a flood of requests halves the rest.
        Now and then expired leases come first, because somebody has waited for them longest.
        """
        claims = [self._claim_fresh, self._claim_expired, self._claim_failed, self._claim_stale]
        if self._clock() - self._expired_at > EXPIRED_EVERY_S:
            claims[:2] = self._claim_expired, self._claim_fresh
        if self._requested_turn:
            claims.insert(0, self._claim_requested)
        else:
            claims.append(self._claim_requested)
        self._requested_turn = not self._requested_turn
        for claim in claims:
            leases = await claim(limit)
            if leases:
                return leases
        await self._rewind_by_time()
        return []

    async def push(self, outcomes: Sequence[Outcome[Input, Result]]) -> Pushed:
        """Keep the outcomes in one transaction; those of leases that we lost are dropped.

        When they cannot be written because of what one of them holds, each is written by itself, and the one
        at fault becomes an error: `unstorable` where the database refuses it, `internal_error` where a bug of
        ours does. What another try can cure is raised.
        """
        try:
            return await self._push_together(outcomes)
        except _REFUSED as error:
            if len(outcomes) == 1:
                return await self._push_error(outcomes[0], self._unstorable(outcomes[0], error))
            bug = None
        except Exception as error:
            if not await self._is_of_the_outcomes(error):
                raise
            # It would come again with each try. Its traceback goes into the log once, whatever it falls on.
            log.exception("outcomes.unwritable", phase=self._store.phase, outcomes=len(outcomes))
            bug = "".join(traceback.format_exception(error))
        each = [await self._push_alone(outcome) for outcome in outcomes]
        return Pushed(sum(pushed.kept for pushed in each), sum(pushed.fed for pushed in each), bug)

    async def _push_alone(self, outcome: Outcome[Input, Result]) -> Pushed:
        fault: CrawlError = InternalError(
            "A bug of ours kept the outcome from being written; the log has the traceback."
        )
        for tries_left in reversed(range(_DOUBTS)):
            try:
                return await self._push_together([outcome])
            except _REFUSED as error:
                fault = self._unstorable(outcome, error)
                break
            except Exception as error:
                if not await self._is_of_the_outcomes(error):
                    raise
                if isinstance(error, DOUBTFUL) and tries_left:
                    # Perhaps the database came back between the two questions: the outcome shows it again.
                    continue
                log.error(  # noqa: TRY400 - the traceback is in the log already
                    "outcome.unwritable",
                    phase=self._store.phase,
                    input_id=outcome.lease.input_id,
                    error=f"{type(error).__name__}: {error}",
                )
                break
        return await self._push_error(outcome, fault)

    async def _push_error(self, outcome: Outcome[Input, Result], fault: CrawlError) -> Pushed:
        try:
            return await self._push_together([Outcome(outcome.lease, error=fault)])
        except Exception as error:
            if not await self._is_of_the_outcomes(error):
                raise
            log.exception("outcome.unwritable", phase=self._store.phase, input_id=outcome.lease.input_id)
        # Its lease ends, and another attempt is counted, of which there are ten.
        return Pushed(0)

    def _unstorable(self, outcome: Outcome[Input, Result], error: asyncpg.PostgresError) -> Unstorable:
        log.warning(
            "outcome.unstorable", phase=self._store.phase, input_id=outcome.lease.input_id, error=str(error)
        )
        return Unstorable(
            f"The database refused the outcome: {error}", sqlstate=getattr(error, "sqlstate", None)
        )

    async def _is_of_the_outcomes(self, error: Exception) -> bool:
        """Whether it is what was to be written that raised, so that each further try would raise it too.

        Where that is open, the database is asked to write nothing: whatever is wrong with it shows then.
        """
        if isinstance(error, (*BUSY, *UNUSABLE)) and not isinstance(error, DOUBTFUL):
            return False
        try:
            await self._push_together([])
        except Exception:  # noqa: BLE001 - the caller raises its own error, which the worker logs
            return False
        return True

    async def release(self, leases: Sequence[Lease[Input]]) -> None:
        """Give work back: the next pull of anybody may take it at once."""
        if leases:
            await self._queries.release_leases(
                self._pool,
                input_ids=[lease.input_id for lease in leases],
                lease_ids=[lease.lease_id for lease in leases],
            )

    async def renew(self, held: Collection[LeaseKey]) -> None:
        """Keep these leases for another term."""
        if held:
            await self._queries.renew_leases(
                self._pool,
                input_ids=[input_id for input_id, _ in held],
                lease_ids=[lease_id for _, lease_id in held],
                lease_s=self._settings.lease_s,
            )

    async def exhausted(self) -> bool:
        """Whether a look at every input finds nothing due and nothing leased.

        Inputs that an earlier look found done are not looked at again. When one is left, the next pull begins
        with it.
        """
        if await self._queries.anything_leased(self._pool):
            return False
        while True:
            async with self._pool.acquire() as connection, connection.transaction():
                await self._queries.lock_queue(connection)
                seen = await self._queries.look_whether_done(connection, span=LOOKED_AT_ONCE)
            if seen["fresh"] is not None:
                return False
            if seen["looked_at"] < LOOKED_AT_ONCE:
                return True

    async def _claim_fresh(self, limit: int) -> list[Lease[Input]]:
        # What lies ahead of the cursor is nearly always fresh, so a span as long as the wish
        # serves it. Only when the cursor was set back does it lead over what is done: then
        # the span grows.
        span = limit
        deadline = self._clock() + PULL_SECONDS
        while True:
            leases, scanned = await self._claim("claim_fresh", limit, span=span)
            if leases or not scanned or self._clock() > deadline:
                return leases
            span = min(span * 4, LARGEST_SPAN)

    async def _claim_requested(self, limit: int) -> list[Lease[Input]]:
        leases, _ = await self._claim("claim_requested", limit)
        return leases

    async def _claim_stale(self, limit: int) -> list[Lease[Input]]:
        if self._store.stale_s is None:
            return []
        leases, _ = await self._claim("claim_stale", limit, older_than_s=self._store.stale_s)
        return leases

    async def _claim_failed(self, limit: int) -> list[Lease[Input]]:
        leases, _ = await self._claim("claim_failed", limit)
        return leases

    async def _claim_expired(self, limit: int) -> list[Lease[Input]]:
        self._expired_at = self._clock()
        leases, _ = await self._claim("claim_expired", limit)
        worn_out = [lease for lease in leases if lease.attempts > self._settings.max_attempts]
        if worn_out:
            await self.push(
                [
                    Outcome(
                        lease,
                        error=GaveUp(
                            f"{lease.attempts - 1} workers took this input, and none came back",
                            attempts=lease.attempts - 1,
                        ),
                    )
                    for lease in worn_out
                ]
            )
        return [lease for lease in leases if lease.attempts <= self._settings.max_attempts]

    async def _claim(self, query: str, limit: int, **parameters: Any) -> tuple[list[Lease[Input]], int]:
        """Run one of the claim statements: the leases and how many index entries it looked at."""
        lease_id = uuid.uuid4()
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                await self._queries.lock_queue(connection)
                claim: Claimed = await getattr(self._queries, query)(
                    connection,
                    worker_id=self._worker_id,
                    lease_id=lease_id,
                    lease_s=self._settings.lease_s,
                    batch=limit,
                    **parameters,
                )
            ids: list[int] = claim["inputs"]
            if not ids:
                return [], claim["scanned"]
            attempts = dict(zip(ids, claim.get("attempts") or [1] * len(ids), strict=True))
            inputs = await self._store.load(connection, ids)
        return [Lease(id_, lease_id, input_, attempts[id_]) for id_, input_ in inputs.items()], claim[
            "scanned"
        ]

    async def _push_together(self, outcomes: Sequence[Outcome[Input, Result]]) -> Pushed:
        settings = self._settings
        fed = 0
        async with self._pool.acquire() as connection, connection.transaction():
            ours = {
                row["input_id"]
                async for row in self._queries.drop_leases(
                    connection,
                    input_ids=[outcome.lease.input_id for outcome in outcomes],
                    lease_ids=[outcome.lease.lease_id for outcome in outcomes],
                )
            }
            kept = [outcome for outcome in outcomes if outcome.lease.input_id in ours]
            # Sorted, so that writers with rows in common never wait for each other in a circle.
            kept.sort(key=lambda outcome: outcome.lease.input_id)
            failed = [
                (outcome.lease.input_id, outcome.error) for outcome in kept if outcome.error is not None
            ]
            results = [
                (outcome.lease.input_id, outcome.result) for outcome in kept if outcome.result is not None
            ]
            if failed:
                await self._queries.write_errors(
                    connection,
                    input_ids=[input_id for input_id, _ in failed],
                    errors=[storable_json(error.as_json()) for _, error in failed],
                    wait_s=[_wait_s(error, settings) for _, error in failed],
                    injected=[error.injected for _, error in failed],
                    first_s=settings.retry_first_s,
                    longest_s=settings.retry_longest_s,
                )
            if results:
                await self._queries.clear_errors(connection, input_ids=[input_id for input_id, _ in results])
                fed = await self._store.write(connection, results)
        return Pushed(len(kept), fed)

    async def _rewind_by_time(self) -> None:
        if self._clock() - self._rewound_at < REWIND_BY_TIME_S:
            return
        self._rewound_at = self._clock()
        async with self._pool.acquire() as connection, connection.transaction():
            await self._queries.lock_queue(connection)
            await self._queries.rewind_by_time(connection)


async def announce(connection: Connection, phase: Phase, lowest: int) -> None:
    """Tell pulls of `phase` about inputs added at position `lowest` or after it.

    Must be the last thing that the adding transaction does before it commits.
    """
    queries = queue_queries(phase)
    await queries.lock_queue(connection)
    await queries.lower_fresh(connection, lowest=lowest)


def _wait_s(error: CrawlError, settings: CrawlSettings) -> float:
    if not error.retry:
        return settings.retry_longest_s
    return min(float(getattr(error, "retry_after_s", None) or 0.0), settings.retry_longest_s)
