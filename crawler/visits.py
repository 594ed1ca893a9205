"""The cookies of visits under way: a page sets them in one phase, its icons bring them in the next."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from samelook.crawler.discovery.discover import cookies_of
from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.cookies import Cookies

if TYPE_CHECKING:
    from samelook.crawler.fetching.fetcher import Fetcher

VISIT_S = 600.0
"""How long a visit lasts: a site's icons are fetched soon after its page."""
MOST = 20_000
"""Visits whose cookies are remembered."""


class Visits:
    """The cookies of the latest visit of each page, in this process and for as long as a visit lasts.

    An icon that comes later, or in another process, has its page visited again first. Nothing of a visit is
    left for the next one, which begins with an empty jar and replaces this one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._jars: OrderedDict[str, tuple[float, asyncio.Future[Cookies]]] = OrderedDict()

    def keep(self, page: str, cookies: Cookies) -> None:
        """Leave the cookies that a visit of `page` ended with to its icons."""
        self._jars.pop(page, None)
        if cookies:
            jar: asyncio.Future[Cookies] = asyncio.get_running_loop().create_future()
            jar.set_result(cookies)
            self._remember(page, jar)

    async def cookies_of(self, fetcher: Fetcher, page: str) -> Cookies:
        """The jar of the visit of `page`: the one under way, else one of a visit that is made for it."""
        self._forget_ended()
        known = self._jars.get(page)
        if known is None:
            known = self._remember(page, asyncio.ensure_future(_visited(fetcher, page)))
        # Shielded: another icon of the page may wait for the same visit.
        return await asyncio.shield(known[1])

    def _remember(self, page: str, jar: asyncio.Future[Cookies]) -> tuple[float, asyncio.Future[Cookies]]:
        visit = self._jars[page] = (self._clock() + VISIT_S, jar)
        while len(self._jars) > MOST:
            self._jars.popitem(last=False)
        return visit

    def _forget_ended(self) -> None:
        now = self._clock()
        while self._jars and next(iter(self._jars.values()))[0] <= now:
            self._jars.popitem(last=False)


async def _visited(fetcher: Fetcher, page: str) -> Cookies:
    """What a visit of the page sets; nothing where it cannot be had: the icon may be there all the same."""
    try:
        return await cookies_of(fetcher, page)
    except CrawlError:
        return Cookies()
