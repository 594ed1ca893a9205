"""Looks beside a crawl: what it fetches is looked at by the process that fetched it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samelook.settings import Settings
    from samelook.sql.pool import Pool


@asynccontextmanager
async def computing_looks(pool: Pool, settings: Settings, *, once: bool) -> AsyncIterator[None]:
    """Computes looks of new pictures while the block runs; with `once`, those that wait at its end too."""
    from samelook.facts.look_worker import LookWorker
    from samelook.hashing.sandbox import Sandbox

    async with Sandbox(max(1, settings.crawl.hash_processes // 2)) as sandbox:
        worker = LookWorker(pool, sandbox)
        running = asyncio.create_task(worker.run(), name="looks")
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        if once:
            await worker.catch_up()
