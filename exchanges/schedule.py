"""The schedule: every enabled exchange when it is due, by whichever process is first.

As many processes as like may run it; each exchange is fetched by one of them at a time (its advisory lock).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial

import structlog

from samelook.sql.away import AWAY
from samelook.sql.named import queries
from samelook.sql.pool import Pool
from samelook.sql.standby import until_writable

from .errors import ExchangeError
from .fetching import FetchOutcome, fetch_once
from .outbox import send_opinions
from .pages import clear_generations
from .settings import ExchangeSettings

_log = structlog.get_logger(__name__)
_LONGEST_PAUSE_S = 60.0
_UPKEEP_S = 60.0
_KEEP_RESOLVED_S = 30 * 86_400.0


class Schedule:
    """Fetches what is due and sends what waits, until it is cancelled or `stop` is called."""

    def __init__(
        self,
        pool: Pool,
        settings: ExchangeSettings,
        *,
        on_outcome: Callable[[FetchOutcome], None] | None = None,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._on_outcome = on_outcome
        self._queries = queries("exchanges")
        self._running: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Makes `run` return soon; fetches in hand end at the page that they are at."""
        self._stopping.set()

    async def run(self) -> None:
        """Returns when it is stopped. A database that is away, or a standby, is waited for."""
        async with asyncio.TaskGroup() as tasks:
            loops = [tasks.create_task(self._fetch_due(tasks)), tasks.create_task(self._keep_up())]
            await self._stopping.wait()
            for task in (*loops, *self._running.values()):
                task.cancel()

    async def _fetch_due(self, tasks: asyncio.TaskGroup) -> None:
        pause_s = self._settings.look_s
        await until_writable(self._pool)
        while True:
            try:
                rows = self._queries.due_exchanges(self._pool, most=100)
                due = [row["name"] async for row in rows if row["name"] not in self._running]
                for name in due[: max(0, self._settings.at_once - len(self._running))]:
                    task = tasks.create_task(self._fetch(name))
                    self._running[name] = task
                    task.add_done_callback(partial(self._ended, name))
                pause_s = self._settings.look_s
            except AWAY as error:
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                _log.warning("exchange.schedule_waits", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(pause_s * random.uniform(0.75, 1.25))  # noqa: S311 - jitter

    def _ended(self, name: str, _: asyncio.Task[None]) -> None:
        self._running.pop(name, None)

    async def _fetch(self, name: str) -> None:
        try:
            outcome = await fetch_once(self._pool, name, self._settings)
        except ExchangeError as error:  # somebody else has it, or it is gone
            _log.debug("exchange.not_fetched", exchange=name, kind=error.kind)
            await asyncio.sleep(self._settings.look_s)
        except AWAY as error:
            _log.warning("exchange.fetch_broke_off", exchange=name, error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(self._settings.look_s)
        except Exception:  # noqa: BLE001 - see the next line
            # This is the root of a task: other exchanges go on, and this one is tried again.
            _log.exception("exchange.fetch_broke", exchange=name)
            await asyncio.sleep(_LONGEST_PAUSE_S)
        else:
            if self._on_outcome is not None:
                self._on_outcome(outcome)

    async def _keep_up(self) -> None:
        """Sends what waits, and clears away what is left of removed exchanges."""
        await until_writable(self._pool)
        while True:
            try:
                await send_opinions(self._pool, self._settings)
                await clear_removed(self._pool)
                await self._queries.prune_quarantine(self._pool, older_than_s=_KEEP_RESOLVED_S)
                pause_s = self._settings.look_s
            except AWAY as error:
                pause_s = _UPKEEP_S
                _log.warning("exchange.upkeep_waits", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(pause_s)


async def clear_removed(pool: Pool) -> None:
    """Removes the records of removed exchanges, and then those themselves."""
    ask = queries("exchanges")
    gone = [row["id"] async for row in ask.removed_exchanges(pool)]
    for exchange_id in gone:
        async with pool.acquire() as connection:
            await clear_generations(connection, exchange_id, [])
            await ask.forget_exchange(connection, id=exchange_id)
