"""robots.txt by RFC 9309: fetched once an origin, kept for a while, asked before each request."""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from protego import Protego

from samelook.crawler.fetching.errors import (
    BadEncoding,
    BadRedirect,
    FetchError,
    HttpProtocolError,
    NamesBusy,
    RateLimited,
    RedirectLoop,
    RobotsDisallowed,
    RobotsUnavailable,
    SiteBusy,
    TooLarge,
    TooManyRedirects,
    TruncatedBody,
)

PARSED_BYTES = 500 * 1024
"""RFC 9309, 2.5: at least so much of a file must be read; rules further down are not."""

# How long a failure counts before the file is asked for again: for an answer that is no file, as
# long as a site may take to recover; for a broken network, as long as one visit takes.
_UNAVAILABLE_TTL_S = 600.0
_FAILED_TTL_S = 30.0

# Protego keeps each rule once for each agent of its group, so a hostile file of 500 KiB could
# fill hours and gigabytes. Real files with long lists of agents stay far below this.
MAX_RULE_ENTRIES = 1_000_000

# A parsed file takes several times its text, and an entry without rules still takes its key.
_COST_FACTOR = 8
_COST_BASE = 500
_ENTRY_COST = 64

# Below these, parsing takes a few milliseconds at most; more goes to a thread.
_INLINE_CHARACTERS = 16_384
_INLINE_ENTRIES = 5_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What one origin's robots.txt says to us."""

    matcher: Protego | None
    """None when everything is allowed."""
    delay_s: float = 0.0
    error: FetchError | None = None
    """Why the file could not be had; nothing is fetched from the origin then."""
    expires: float = 0.0
    cost: int = _COST_BASE


FetchText = Callable[[str], Awaitable[tuple[int, bytes]]]
"""Fetches a robots.txt URL: its final status and body. Errors of the network pass through."""


def _text(body: bytes) -> str:
    cut = body[:PARSED_BYTES]
    if len(body) > PARSED_BYTES:
        # Half a line could forbid more, or less, than the whole one.
        cut = cut[: cut.rfind(b"\n") + 1]
    return cut.decode("utf-8-sig", "replace")


_AGENT_LINE = re.compile(r"\s*user[-\s]*agent", re.IGNORECASE)
_SURE_AGENT_LINE = re.compile(r"\s*user-agent\s*:", re.IGNORECASE)
_RULE_LINE = re.compile(r"\s*(?:dis)?allow\s*:", re.IGNORECASE)


def rule_entries(text: str) -> int:
    """An upper bound for the entries that parsing `text` makes: agents times lines, group by group.

    Counts as an agent whatever might be read as one and starts a new group only where that is
    certain, so that no spelling makes the bound too low.
    """
    entries = agents = lines = 0
    rule_seen = False
    for line in text.splitlines():
        if _AGENT_LINE.match(line):
            if rule_seen and _SURE_AGENT_LINE.match(line):
                entries += agents * lines
                agents = lines = 0
                rule_seen = False
            agents += 2 if "*" in line else 1  # Protego adds the name without its asterisks
        else:
            lines += 1
            rule_seen = rule_seen or _RULE_LINE.match(line) is not None
    # A list of agents is searched once for each of them, though quickly.
    return entries + agents * (lines + agents // 16)


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
        if rules.error is not None:
            # A new object each time: one exception raised twice would mix its tracebacks.
            raise type(rules.error)(rules.error.message, **rules.error.detail)
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
        url = f"{origin}/robots.txt"
        now = self._clock()
        try:
            status, body = await self._fetch(url)
        except (RateLimited, SiteBusy, NamesBusy):
            raise  # no property of the file
        except (TooManyRedirects, RedirectLoop, BadRedirect):
            # RFC 9309, 2.3.1.2: a file behind endless redirects counts as not there.
            return Rules(None, expires=now + self._ttl_s)
        except (TooLarge, TruncatedBody, BadEncoding, HttpProtocolError) as error:
            return self._unavailable(f"{url} cannot be read: {error.message}", robots_kind=error.kind)
        except FetchError as error:
            error.detail["while"] = "robots.txt"
            return Rules(None, error=error, expires=now + min(_FAILED_TTL_S, self._ttl_s))
        if status >= 500 or status == 429:  # noqa: PLR2004 - "too many requests" is no permission
            return self._unavailable(f"{url} answers with status {status}", status=status)
        if not 200 <= status < 300 or not body.strip():  # noqa: PLR2004
            # RFC 9309, 2.3.1.3: what the site says it does not have forbids nothing.
            return Rules(None, expires=now + self._ttl_s)
        return await self._parsed(url, body, now + self._ttl_s)

    async def _parsed(self, url: str, body: bytes, expires: float) -> Rules:
        text = _text(body)
        entries = rule_entries(text)
        if entries > MAX_RULE_ENTRIES:
            return self._unavailable(f"{url} has too many rules for too many agents", rule_entries=entries)
        if entries <= _INLINE_ENTRIES and len(text) <= _INLINE_CHARACTERS:
            matcher = Protego.parse(text)
        else:
            matcher = await asyncio.to_thread(Protego.parse, text)
        delay_s = min(matcher.crawl_delay(self._product) or 0.0, self._max_delay_s)
        cost = _COST_BASE + _COST_FACTOR * len(text) + _ENTRY_COST * entries
        return Rules(matcher, delay_s, expires=expires, cost=cost)

    def _unavailable(self, message: str, **detail: object) -> Rules:
        error = RobotsUnavailable(f"{message}, so nothing is fetched there for now", **detail)
        return Rules(None, error=error, expires=self._clock() + min(_UNAVAILABLE_TTL_S, self._ttl_s))

    def _keep(self, origin: str, rules: Rules) -> None:
        old = self._rules.pop(origin, None)
        self._cost += rules.cost - (old.cost if old else 0)
        self._rules[origin] = rules
        while self._cost > self._cache_bytes and len(self._rules) > 1:
            _, dropped = self._rules.popitem(last=False)
            self._cost -= dropped.cost
