"""Values of a page that cost much: asked for once for all who look at it, and kept for some seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

Values = Mapping[str, Any]


class PageCache:
    """What `ask` gives, at most `seconds` old; it is asked once at a time, and others wait for its answer."""

    def __init__(self, ask: Callable[[web.Application], Awaitable[Values]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._values: Values | None = None
        self._at = 0.0
        self._asking = asyncio.Lock()

    async def values(self, app: web.Application) -> Values:
        """The values of the page's template. Raises what `ask` raises; nothing is kept then."""
        async with self._asking:
            if self._values is None or time.monotonic() - self._at > self._seconds:
                self._values = await self._ask(app)
                self._at = time.monotonic()
            return self._values
