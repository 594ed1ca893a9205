"""Ranks of sites that no process has in memory: one query reads those that several questions wait for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from samelook.names.hosts import reversed_host
from samelook.names.sites import Site
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.sql.pool import Pool

RANK_WAIT_S = 0.25
"""How long an answer waits for the rank of a site that is not in memory."""


class RankReader:
    """Reads ranks from the database, one query at a time: who asks meanwhile shares the next."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._queries: Any = queries("verdicts")
        self._asked: dict[Site, asyncio.Future[int | None]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def rank_of(self, site: Site) -> int | None:
        """The position of a site in the rank lists. Raises asyncpg's errors, OSError, TimeoutError."""
        answer = self._asked.get(site)
        if answer is None:
            answer = self._asked[site] = asyncio.get_running_loop().create_future()
            # The asker may have stopped waiting; the error is marked as seen, or asyncio would log it.
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        return await asyncio.shield(answer)

    async def _read(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, {}
            names = {str(reversed_host(site)): site for site in asked}
            try:
                async with asyncio.timeout(RANK_WAIT_S):
                    positions = {
                        names[row["reversed_name"]]: row["position"]
                        async for row in self._queries.ranks_of(self._pool, reversed_names=list(names))
                    }
            except asyncio.CancelledError:
                for answer in asked.values():
                    answer.cancel()
                raise
            except Exception as error:  # noqa: BLE001 - handed to everybody who waits for it
                for answer in asked.values():
                    answer.set_exception(error)
            else:
                for site, answer in asked.items():
                    answer.set_result(positions.get(site))
