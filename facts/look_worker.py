"""Computing the looks of fetched pictures: a step that any process may run, the crawl's or the server's."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import structlog

from samelook.hashing.errors import HashingError
from samelook.looks.files import looks_of_file
from samelook.looks.likeness import looks_given
from samelook.sql.away import AWAY
from samelook.sql.cancelled import check_cancelled
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.facts.keeper import Keeper
    from samelook.hashing.sandbox import Sandbox
    from samelook.looks.look import Look
    from samelook.sql.pool import Pool

log = structlog.get_logger()

BATCH = 64
IDLE_S = 0.5
RETRY_S = 2.0


class LookWorker:
    """Computes looks of pictures that lack them. Any number may run on one database.

    With a `keeper`, `run` works only while this process is the keeper: of several that serve, one.
    """

    def __init__(self, pool: Pool, sandbox: Sandbox, keeper: Keeper | None = None) -> None:
        self._keeper = keeper
        self._pool = pool
        self._sandbox = sandbox
        self._queries: Any = queries("looks")

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                done = await self.step() if self._keeper is None or self._keeper.is_keeping else 0
            except AWAY as error:
                check_cancelled()
                log.warning("looks.interrupted", error=str(error) or type(error).__name__)
                await asyncio.sleep(RETRY_S)
                continue
            if not done:
                await asyncio.sleep(IDLE_S)

    async def catch_up(self) -> int:
        """Work until no picture waits that nobody else has in hand; how many were done here."""
        total = 0
        while done := await self.step():
            total += done
        return total

    async def step(self) -> int:
        """Compute the looks of one batch; how many pictures it had.

        The batch is one transaction: if this process dies, its pictures wait again.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            waiting = [
                (row["sha256"], row["body"])
                async for row in self._queries.claim_pending(connection, batch=BATCH)
            ]
            outcomes = await asyncio.gather(*(self._looks_of(body) for _, body in waiting))
            rows = [
                (sha256, frame, look.to_bytes() if look.forms else None)
                for (sha256, _), outcome in zip(waiting, outcomes, strict=True)
                if not isinstance(outcome, HashingError)
                for frame, look in enumerate(outcome)
            ]
            rows.sort(key=lambda row: row[:2])
            await self._queries.add_looks(
                connection,
                sha256s=[row[0] for row in rows],
                frames=[row[1] for row in rows],
                looks=[row[2] for row in rows],
            )
            failed = sorted(
                (sha256, json.dumps({"kind": outcome.kind, "message": outcome.message, "detail": {}}))
                for (sha256, _), outcome in zip(waiting, outcomes, strict=True)
                if isinstance(outcome, HashingError)
            )
            if failed:
                await self._queries.add_look_errors(
                    connection,
                    sha256s=[sha256 for sha256, _ in failed],
                    errors=[error for _, error in failed],
                )
        return len(waiting)

    async def _looks_of(self, body: bytes) -> list[Look] | HashingError:
        try:
            return looks_given(await self._sandbox.run(looks_of_file, body))
        except HashingError as error:
            return error
