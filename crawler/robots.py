"""robots.txt by RFC 9309: fetched once an origin, kept for a while, asked before each request."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from protego import Protego

from crawler.fetch_errors import RobotsDisallowed, RobotsUnavailable

PARSED_BYTES = 500 * 1024
"""RFC 9309, 2.5: at least so much of a file must be read; rules further down are not."""

_UNREACHABLE_TTL_S = 600.0

# A parsed file takes several times its text, and an entry without rules still takes its key.
_COST_FACTOR = 8
_COST_BASE = 500

_INLINE_BYTES = 32_768


@dataclass(frozen=True, slots=True)
class Rules:
    """What one origin's robots.txt says to us."""

    matcher: Protego | None
    """None when everything is allowed."""
    delay_s: float = 0.0
    status: int = 200
    """A status of 500 or more: the file could not be had, so nothing may be fetched."""
    expires: float = 0.0
    cost: int = _COST_BASE


EVERYTHING = Rules(None)


FetchText = Callable[[str], Awaitable[tuple[int, bytes]]]
"""Fetches a robots.txt URL: its final status and body. Errors of the network pass through."""


def _parse(body: bytes) -> Protego:
    cut = body[:PARSED_BYTES]
    if len(body) > PARSED_BYTES:
        # Half a line could forbid more, or less, than the whole one.
        cut = cut[: cut.rfind(b"\n") + 1]
    return Protego.parse(cut.decode("utf-8-sig", "replace"))


class Robots:
    """The rules of the origins visited lately."""

    def __init__(
        self,
        fetch: FetchText,
        *,
        product: str,
        ttl_s: float = 86_400.0,
        cache_bytes: int = 32 << 20,
        max_delay_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._product = product
        self._ttl_s = ttl_s
        self._cache_bytes = cache_bytes
        self._max_delay_s = max_delay_s
        self._clock = clock
        self._rules: OrderedDict[str, Rules] = OrderedDict()
        self._cost = 0
        self._loading: dict[str, asyncio.Lock] = {}

    async def check(self, origin: str, url: str) -> float:
        """Seconds to leave between requests to `origin`, when `url` may be fetched.

        Raises RobotsDisallowed or RobotsUnavailable; an error that kept robots.txt from being
        fetched passes through as it is, since it would have met the request as well.
        """
        rules = self._rules.get(origin)
        if rules is None or rules.expires <= self._clock():
            rules = await self._load(origin)
        if rules.matcher is not None and not rules.matcher.can_fetch(url, self._product):
            raise RobotsDisallowed(f"{origin}/robots.txt asks {self._product} not to fetch this URL", url=url)
        if rules.status >= 500:  # noqa: PLR2004 - HTTP's server errors
            raise RobotsUnavailable(
                f"{origin}/robots.txt answers with status {rules.status}, so nothing is fetched there for now",
                status=rules.status,
            )
        return rules.delay_s

    async def _load(self, origin: str) -> Rules:
        # One fetch an origin, however many requests need it. The lock, unlike a shared task,
        # lets each caller be cancelled alone.
        lock = self._loading.setdefault(origin, asyncio.Lock())
        try:
            async with lock:
                rules = self._rules.get(origin)
                if rules is None or rules.expires <= self._clock():
                    rules = await self._read(origin)
                    self._keep(origin, rules)
                return rules
        finally:
            if not lock.locked() and self._loading.get(origin) is lock:
                del self._loading[origin]

    async def _read(self, origin: str) -> Rules:
        status, body = await self._fetch(f"{origin}/robots.txt")
        expires = self._clock() + self._ttl_s
        if status >= 500 or status == 429:  # noqa: PLR2004 - "too many requests" is no permission
            return Rules(
                None, status=max(status, 500), expires=self._clock() + min(_UNREACHABLE_TTL_S, self._ttl_s)
            )
        if not 200 <= status < 300 or not body.strip():  # noqa: PLR2004
            # RFC 9309, 2.3.1.3: what the site says it does not have forbids nothing.
            return Rules(None, status=status, expires=expires)
        matcher = _parse(body) if len(body) <= _INLINE_BYTES else await asyncio.to_thread(_parse, body)
        delay_s = min(matcher.crawl_delay(self._product) or 0.0, self._max_delay_s)
        cost = _COST_BASE + _COST_FACTOR * min(len(body), PARSED_BYTES)
        return Rules(matcher, delay_s, status, expires, cost)

    def _keep(self, origin: str, rules: Rules) -> None:
        old = self._rules.pop(origin, None)
        self._cost += rules.cost - (old.cost if old else 0)
        self._rules[origin] = rules
        while self._cost > self._cache_bytes and len(self._rules) > 1:
            _, dropped = self._rules.popitem(last=False)
            self._cost -= dropped.cost
