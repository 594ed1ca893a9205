"""Values of a page that cost much: asked for once for all who look at it, and kept for some seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web

Values = Mapping[str, Any]
PATIENCE_S = 0.25
"""How long a visitor waits for newer values where older ones can be shown."""


class PageCache:
    """What `ask` gives, mostly at most `seconds` old; it is asked once at a time, for all who wait.

    What takes longer than a visitor's patience is finished all the same, and there for the next.
    """

    def __init__(self, ask: Callable[[web.Application], Awaitable[Values]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._values: Values | None = None
        self._at = 0.0
        self._asking: asyncio.Task[Values] | None = None

    async def values(self, app: web.Application) -> Values:
        """The values of the page's template; the first are waited for. Raises what `ask` raises."""
        values = await self.values_soon(app)
        while values is None:
            assert self._asking is not None
            values = await asyncio.shield(self._asking)
        return values

    async def values_soon(self, app: web.Application) -> Values | None:
        """The same, but None where the first values take longer than a visitor's patience."""
        if self._values is not None and time.monotonic() - self._at <= self._seconds:
            return self._values
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._newer(app))
            # Perhaps nobody waits for it any more: the error is marked as seen, or asyncio would log it.
            self._asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        done, _ = await asyncio.wait({self._asking}, timeout=PATIENCE_S)
        return done.pop().result() if done else self._values

    async def close(self) -> None:
        """Asks for nothing any more."""
        if self._asking is not None:
            self._asking.cancel()
            # Whatever it ends with, nobody waits for it any more: the service is stopping.
            with suppress(asyncio.CancelledError, Exception):
                await self._asking

    async def _newer(self, app: web.Application) -> Values:
        values = await self._ask(app)
        self._values, self._at = values, time.monotonic()
        return values
