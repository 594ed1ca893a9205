"""The one place that talks to the outside: URL in, capped body or typed error out.

What holds for every request, redirects and robots.txt included, is listed in `docs/fetcher.md`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Literal, Self

import aiohttp
from yarl import URL

from samelook.crawler.fetching.bodies import codings_of, decoded
from samelook.crawler.fetching.connections import Connections, explained
from samelook.crawler.fetching.cookies import Cookies
from samelook.crawler.fetching.errors import (
    BadRedirect,
    BadUrl,
    BlockedAddress,
    BlockedPort,
    FetchError,
    FetchTimeout,
    RateLimited,
    RedirectLoop,
    TooManyRedirects,
    UnsupportedScheme,
)
from samelook.crawler.fetching.exchange import REDIRECTS, exchange, saved
from samelook.crawler.fetching.politeness import Politeness, polite_site, retry_after_s
from samelook.crawler.fetching.resolver import Lookup, putting_off
from samelook.crawler.fetching.robots import Robots
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.fetching.urls import resolve
from samelook.crawler.stages import Stages
from samelook.names.addresses import literal_address, why_refused

Kind = Literal["page", "icon", "manifest", "robots"]

_SCHEME = re.compile(r"[\x00-\x20]*([A-Za-z][A-Za-z0-9+.-]*):")

_ACCEPT = {
    "page": {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"},
    "icon": {"Accept": "image/*,*/*;q=0.8"},
    "manifest": {},
    "robots": {"Accept": "text/plain,*/*;q=0.8"},
}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with any status; the body is decoded and within the caps."""

    url: str
    """As asked for."""
    final_url: str
    """Where the redirects ended."""
    status: int
    headers: Mapping[str, str]
    """Names in lower case; repeated headers are joined by commas, Set-Cookie by line ends."""
    body: bytes
    redirects: tuple[str, ...] = ()
    """The URLs redirected to, in order; the last is `final_url`."""
    unchanged: bool = False
    """The copy that `etag` or `last_modified` came from is still current (304); the body is empty."""

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class _Target:
    """One hop: what the URL says, and how to get there."""

    url: str
    request_url: URL
    origin: str
    host: str
    site: str
    mapped: bool
    own: bool = False


class Fetcher:
    """Fetches URLs safely and politely. One per process, used as `async with Fetcher(settings)`.

    `lookup` replaces the system's name lookup; what it returns passes the same guard.
    """

    def __init__(self, settings: FetchSettings, *, lookup: Lookup | None = None) -> None:
        self.settings = settings
        self.stages = Stages()
        self.waiting = 0
        """Requests under way, those that wait for their turn included."""
        self._lookup = lookup
        self._max_bytes = {
            "page": settings.max_page_bytes,
            "icon": settings.max_icon_bytes,
            "manifest": settings.max_manifest_bytes,
            "robots": settings.max_robots_bytes,
        }

    async def __aenter__(self) -> Self:
        settings = self.settings
        self._connections = Connections(settings, self._lookup)
        self._politeness = Politeness(
            connections=settings.site_connections,
            delay_s=settings.site_delay_s,
            max_requests=settings.max_requests,
            turn_timeout_s=settings.turn_timeout_s,
            retry_after_wait_s=settings.retry_after_wait_s,
        )
        self._robots = Robots(
            self._robots_text,
            product=settings.product,
            ttl_s=settings.robots_ttl_s,
            cache_bytes=settings.robots_cache_bytes,
            max_delay_s=settings.max_crawl_delay_s,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connections.close()

    async def fetch(
        self,
        url: str,
        *,
        kind: Kind = "page",
        etag: str | None = None,
        last_modified: str | None = None,
        cookies: Cookies | None = None,
    ) -> Response:
        """The answer at `url` after redirects, whatever its status. Raises leaves of `FetchError`.

        `kind` chooses the size cap and the Accept header; robots.txt itself is the only kind that
        robots.txt is not asked about. `etag` and `last_modified`, from the headers of an earlier
        answer, make the request conditional. `cookies` is the jar of a visit of several requests;
        without it the redirects of this one share a jar.
        """
        headers = dict(_ACCEPT[kind])
        if etag and _sendable(etag):
            headers["If-None-Match"] = etag
        if last_modified and _sendable(last_modified):
            headers["If-Modified-Since"] = last_modified
        return await self._follow(url, kind, headers, Cookies() if cookies is None else cookies)

    async def save(
        self,
        url: str,
        file: BinaryIO,
        *,
        max_bytes: int,
        etag: str | None = None,
        last_modified: str | None = None,
        report: Callable[[int, int | None], None] = lambda _done, _total: None,
    ) -> Response:
        """Write the body at `url`, as it is sent, into `file`, guarded as `fetch` is; the answer without it.

        For files of any length that somebody named: robots.txt, which is about crawling, is not asked, and
        time is limited for a redirect and for the silence between two pieces, not for the whole.
        Only the body of a 2xx is written. Raises leaves of FetchError; `file` may hold a part then.
        """
        target = self._target(url)
        hops = [target.url]
        headers = {"Accept-Encoding": "identity"}
        if etag and _sendable(etag):
            headers["If-None-Match"] = etag
        if last_modified and _sendable(last_modified):
            headers["If-Modified-Since"] = last_modified
        while True:
            try:
                status, found = await saved(
                    self._connections.session(mapped=target.mapped, own=target.own),
                    target.request_url,
                    headers,
                    file,
                    max_bytes=max_bytes,
                    silence_s=self.settings.total_timeout_s,
                    report=report,
                )
            except (aiohttp.ClientError, TimeoutError) as error:
                raise explained(error, target.host, self.settings) from error
            if not (status in REDIRECTS and found.get("location")):
                return Response(
                    url,
                    target.url,
                    status,
                    found,
                    b"",
                    tuple(hops[1:]),
                    unchanged=status == 304,  # noqa: PLR2004
                )
            target = self._redirected(target, found["location"], hops)
            if len(hops) > self.settings.max_redirects:
                raise TooManyRedirects(f"{hops[0]} redirects too often", urls=hops)
            hops.append(target.url)

    async def _follow(self, url: str, kind: Kind, headers: dict[str, str], cookies: Cookies) -> Response:
        settings = self.settings
        ask_robots = settings.honour_robots and kind != "robots"
        most = settings.robots_max_redirects if kind == "robots" else settings.max_redirects
        target = self._target(url)
        hops = [target.url]
        left_s = settings.total_timeout_s
        while True:
            sent = headers | _of_hop(target, kind, cookies)
            delay_s = await self._robots.check(target.origin, target.url) if ask_robots else 0.0
            try:
                status, found, body, left_s = await self._hop(target, kind, sent, delay_s, left_s)
            except FetchError as error:
                # Redirects may have led to another host than the one that was asked for.
                error.detail.setdefault("url", target.url)
                raise
            if "set-cookie" in found:
                cookies.keep(target.url, found["set-cookie"])
            if not (status in REDIRECTS and found.get("location")):
                return Response(
                    url,
                    target.url,
                    status,
                    found,
                    body,
                    tuple(hops[1:]),
                    unchanged=status == 304,  # noqa: PLR2004
                )
            target = self._redirected(target, found["location"], hops)
            if len(hops) > most:
                raise TooManyRedirects(f"{hops[0]} redirects more than {most} times", urls=hops)
            hops.append(target.url)
            if left_s <= 0:
                raise FetchTimeout(f"{hops[0]} took more than {settings.total_timeout_s:g} s", phase="total")

    async def _hop(
        self, target: _Target, kind: Kind, headers: dict[str, str], delay_s: float, left_s: float
    ) -> tuple[int, dict[str, str], bytes, float]:
        """One answer with its body decoded, and what is left of the time."""
        loop = asyncio.get_running_loop()
        max_bytes = self._max_bytes[kind]
        came = loop.time()
        self.waiting += 1
        try:
            await self._politeness.enter(target.site, delay_s)
            # The clock runs only while it is our turn: a queue of our own making is not the site's fault.
            started = loop.time()
            self.stages.add("turn", started - came)
            try:
                async with asyncio.timeout(left_s) as deadline:
                    with putting_off(deadline):
                        status, found, body = await self._request(target, headers, max_bytes)
            finally:
                self._politeness.leave(target.site)
                self.stages.add("request", loop.time() - started)
            ends = deadline.when() or started
            if status in (429, 503):
                self._respect(target, status, found)
            codings = codings_of(found.get("content-encoding", "")) if body else ()
            if codings:
                async with asyncio.timeout_at(ends):
                    body = await decoded(body, codings, max_bytes)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise explained(error, target.host, self.settings) from error
        finally:
            self.waiting -= 1
        return status, found, body, ends - loop.time()

    async def _request(
        self, target: _Target, headers: dict[str, str], max_bytes: int
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on one hop: status, headers, and the body as sent (none for a redirect)."""
        return await exchange(
            self._connections, target.request_url, target.mapped, headers, max_bytes, own=target.own
        )

    def _target(self, url: str) -> _Target:
        """How to reach `url`. Raises BadUrl, UnsupportedScheme, BlockedPort or BlockedAddress."""
        scheme = _SCHEME.match(url)
        if scheme and scheme[1].lower() not in ("http", "https"):
            raise UnsupportedScheme(f"{url[:200]!r} is neither http nor https", url=url[:2000])
        clean = resolve(url)
        parts = URL(clean, encoded=True)
        host, port = parts.raw_host, parts.port
        try:
            address = literal_address(host or "")
        except ValueError as error:
            raise BadUrl(f"{url[:200]!r} is no URL: {error}", url=url[:2000]) from error
        if not host or port is None:
            raise BadUrl(f"{url[:200]!r} has no host", url=url[:2000])
        origin = clean[: clean.index("/", 8)]
        site = polite_site(host)
        if self.settings.own.include(host, address):
            return _Target(clean, parts, origin, host, site, mapped=False, own=True)
        if address is None:
            if self.settings.resolve and self.settings.resolve.find(host):
                return _Target(clean, parts.with_scheme("http"), origin, host, site, mapped=True)
        elif why := why_refused(address):
            # aiohttp asks no resolver about a literal address.
            raise BlockedAddress(f"{host} is not public: {why}", host=host, addresses={address: why})
        if port not in self.settings.ports:
            raise BlockedPort(f"port {port} of {host} is not one of the web's", host=host, port=port)
        return _Target(clean, parts, origin, host, site, mapped=False)

    def _redirected(self, target: _Target, location: str, hops: list[str]) -> _Target:
        location = _readable(location)
        try:
            following = self._target(resolve(location, target.url))
        except (BadUrl, UnsupportedScheme) as error:
            raise BadRedirect(
                f"{target.host} redirects to {location[:200]!r}, which cannot be followed: {error.message}",
                url=target.url,
                location=location[:2000],
            ) from error
        # Once more may end well (a server may answer http and https alike); twice is a circle.
        if hops.count(following.url) > 1:
            raise RedirectLoop(f"{hops[0]} redirects in a circle", urls=[*hops, following.url])
        return following

    def _respect(self, target: _Target, status: int, headers: Mapping[str, str]) -> None:
        """Stays away from a site that said for how long. Raises RateLimited."""
        if "retry-after" not in headers:
            return
        settings = self.settings
        asked_s = retry_after_s(headers["retry-after"])
        pause_s = min(
            settings.retry_after_default_s if asked_s is None else asked_s, settings.retry_after_max_s
        )
        self._politeness.close(target.site, pause_s)
        message = f"{target.host} answers with status {status} and asks to come back in {pause_s:.0f} s"
        raise RateLimited(message, retry_after_s=pause_s, status=status, host=target.host)

    async def _robots_text(self, url: str) -> tuple[int, bytes]:
        response = await self._follow(url, "robots", dict(_ACCEPT["robots"]), Cookies())
        return response.status, response.body


def _of_hop(target: _Target, kind: Kind, cookies: Cookies) -> dict[str, str]:
    """The headers of one hop that depend on where it leads."""
    found = {"Cookie": sent} if (sent := cookies.header(target.url)) else {}
    if kind == "icon":
        # Servers that guard their pictures against being embedded elsewhere want to see their own name.
        found["Referer"] = f"{target.origin}/"
    return found


def _sendable(value: str) -> bool:
    """Whether a stored header value may be sent back; a line break would start another header."""
    return value.isascii() and value.isprintable()


def _readable(location: str) -> str:
    """`location` with bytes that are no UTF-8, which aiohttp hands on as surrogates, escaped."""
    if location.isascii():
        return location
    return "".join(
        f"%{ord(letter) - 0xDC00:02X}" if "\udc80" <= letter <= "\udcff" else letter for letter in location
    )
