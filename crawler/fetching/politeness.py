"""Manners towards sites: how many requests at once, how far apart, and when to stay away.

A site is a registrable domain under the Public Suffix List, so that many names of one owner
share one budget while tenants of a host (`a.github.io`, `b.github.io`) have one each.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from samelook.crawler.fetching.errors import RateLimited, SiteBusy
from samelook.names.sites import registrable_domain

_MAX_IDLE_SITES = 20_000


@lru_cache(maxsize=16_384)
def polite_site(host: str) -> str:
    """The key under which `host` shares a budget: its registrable domain, or the host itself."""
    name = host.removesuffix(".")
    if ":" in name or name.rpartition(".")[2].isdigit():
        return name  # an address has no suffix
    return registrable_domain(name) or name


def retry_after_s(header: str | None, *, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3); None when it says nothing readable."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        # More digits than a year has seconds: a number is a number, but int() should stay cheap.
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, OverflowError):
        return None


class _Site:
    __slots__ = ("closed_until", "free", "next_start", "users")

    def __init__(self, connections: int) -> None:
        self.free = asyncio.Semaphore(connections)
        self.users = 0
        self.next_start = 0.0
        self.closed_until = 0.0


class Politeness:
    """Gives each request its turn at a site. One per process; state of idle sites is dropped."""

    def __init__(
        self,
        *,
        connections: int = 2,
        delay_s: float = 0.0,
        max_requests: int = 256,
        turn_timeout_s: float = 120.0,
        retry_after_wait_s: float = 2.0,
        max_idle_sites: int = _MAX_IDLE_SITES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections
        self._delay_s = delay_s
        self._turn_timeout_s = turn_timeout_s
        self._retry_after_wait_s = retry_after_wait_s
        self._max_idle_sites = max_idle_sites
        self._clock = clock
        self._all = asyncio.Semaphore(max_requests)
        self._sites: OrderedDict[str, _Site] = OrderedDict()

    def __len__(self) -> int:
        """How many sites are remembered."""
        return len(self._sites)

    async def enter(self, key: str, delay_s: float = 0.0) -> None:
        """Returns when a request to the site may start; `leave` must follow.

        `delay_s` is what robots.txt asks for; the longer of it and the setting counts. Raises
        RateLimited when the site asked for a longer pause and SiteBusy when the wait is too long.
        """
        site = self._sites.get(key)
        if site is None:
            site = self._sites[key] = _Site(self._connections)
        site.users += 1
        entered = False
        try:
            deadline = self._clock() + self._turn_timeout_s
            self._check_open(key, site)
            if site.free.locked() or self._all.locked():
                await self._wait_for_slots(key, site)
            else:
                # Free now: neither of these yields to the loop, which a timeout would cost more than.
                await site.free.acquire()
                await self._all.acquire()
            entered = True
            await self._wait_for_start(key, site, max(delay_s, self._delay_s), deadline)
        except BaseException:
            if entered:
                self.leave(key)
            else:
                self._forget(key, site)
            raise

    def leave(self, key: str) -> None:
        """Ends the turn that `enter` gave."""
        site = self._sites[key]
        self._all.release()
        site.free.release()
        self._forget(key, site)

    def close(self, key: str, pause_s: float) -> None:
        """Keeps everybody away from the site for `pause_s`: it asked for that."""
        site = self._sites.get(key)
        if site is None:
            site = self._sites[key] = _Site(self._connections)
        site.closed_until = max(site.closed_until, self._clock() + pause_s)

    async def _wait_for_slots(self, key: str, site: _Site) -> None:
        try:
            async with asyncio.timeout(self._turn_timeout_s):
                # The site's slot first: waiting for it must not keep others from their sites.
                await site.free.acquire()
                try:
                    await self._all.acquire()
                except BaseException:
                    site.free.release()
                    raise
        except TimeoutError:
            raise self._busy(key) from None

    async def _wait_for_start(self, key: str, site: _Site, delay_s: float, deadline: float) -> None:
        # Checked again: the site may have closed while this request waited for its slot.
        opens = self._check_open(key, site)
        now = self._clock()
        start = max(now, site.next_start, opens)
        if start > deadline:
            raise self._busy(key)
        if delay_s:
            site.next_start = start + delay_s
        while start > now:
            await asyncio.sleep(start - now)
            now = self._clock()
            start = max(start, self._check_open(key, site))

    def _check_open(self, key: str, site: _Site) -> float:
        """When the site opens; raises RateLimited when that is too far away."""
        opens = site.closed_until
        if opens:
            pause_s = opens - self._clock()
            if pause_s > self._retry_after_wait_s:
                raise RateLimited(
                    f"{key} asked to come back in {pause_s:.0f} s", retry_after_s=pause_s, site=key
                )
        return opens

    def _busy(self, key: str) -> SiteBusy:
        return SiteBusy(f"too many requests to {key} wait already", site=key, waited_s=self._turn_timeout_s)

    def _forget(self, key: str, site: _Site) -> None:
        site.users -= 1
        if site.users:
            return
        now = self._clock()
        if site.closed_until <= now and site.next_start <= now:
            del self._sites[key]
            return
        self._sites.move_to_end(key)
        if len(self._sites) > self._max_idle_sites:
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        """Drops idle sites: those that are open again, then the longest idle, down to nine tenths."""
        idle = [(key, site) for key, site in self._sites.items() if not site.users]
        for key, site in idle:
            if site.closed_until <= now and site.next_start <= now:
                del self._sites[key]
        surplus = len(self._sites) - self._max_idle_sites * 9 // 10
        for key, _ in idle[: max(0, surplus)]:
            self._sites.pop(key, None)
