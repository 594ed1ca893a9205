"""The head of a page when its scripts have run.

Each page gets a profile of its own, which is thrown away. Whatever it asks for is fetched by our fetcher,
with its guard, its caps and its manners, and handed to Chromium; what scripts do not need (pictures, fonts,
frames) is refused, and so is everything but GET.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urldefrag

import structlog

from samelook.crawler.errors import CrawlError
from samelook.crawler.rendering.browser import Browser, Event, RenderingFailed, installed_chromium

if TYPE_CHECKING:
    from samelook.crawler.fetching.cookies import Cookies
    from samelook.crawler.fetching.fetcher import Fetcher, Response

log = structlog.get_logger()

_KINDS: Final = frozenset(("Document", "Script", "XHR", "Fetch", "Stylesheet"))
_MOST_REQUESTS: Final = 60
_MOST_BYTES: Final = 24 << 20
_AT_ONCE: Final = 2
_PAGES_A_BROWSER: Final = 100
_LONGEST_S: Final = 20.0
_QUIET_S: Final = 1.0
"""How long nothing was asked for when a page without an icon counts as done."""
_LOOKING_S: Final = 0.1
_PASSED_ON: Final = frozenset(
    ("content-type", "content-security-policy", "access-control-allow-origin",
     "access-control-allow-credentials", "access-control-allow-headers", "x-content-type-options")
)  # fmt: skip
# Addresses are resolved by the browser, which knows the page's base and character set.
_HEAD: Final = """JSON.stringify([
  document.readyState,
  location.href,
  [...(document.head || {children: []}).children]
    .filter(each => each.matches("link, meta")).slice(-500)
    .map(each => {
      const copy = each.cloneNode();
      if (each.href) copy.setAttribute("href", each.href);
      return copy.outerHTML;
    }).join("").slice(0, 1000000),
  !!document.head?.querySelector(':scope > link[rel~="icon" i]'),
])"""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What scripts made of a page's head."""

    url: str
    """Where they led, without its fragment."""
    markup: str
    """Its links and metas, with addresses that are absolute."""


class Renderer:
    """Draws pages in one Chromium, which is started when it is needed; an async context manager.

    `chromium` is its path, or empty for one that is installed.
    """

    def __init__(self, chromium: str = "") -> None:
        self._chromium = installed_chromium(chromium)
        self._browser: Browser | None = None
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._close(self._browser)

    async def check(self) -> None:
        """Starts the browser, so that it is known whether there is one. Raises RenderingFailed."""
        await self._running()

    async def render(self, fetcher: Fetcher, url: str, cookies: Cookies) -> Rendered:
        """The head of the page at `url` when its scripts have run. Raises RenderingFailed."""
        async with self._slots:
            try:
                return await self._render(fetcher, url, cookies)
            except RenderingFailed:
                if self._browser is not None and self._browser.is_running:
                    raise
            # Another page may have been the end of the browser.
            return await self._render(fetcher, url, cookies)

    async def _render(self, fetcher: Fetcher, url: str, cookies: Cookies) -> Rendered:
        browser = await self._running()
        try:
            async with asyncio.timeout(_LONGEST_S), _Tab(browser, fetcher, cookies) as tab:
                return await tab.head_of(url)
        except TimeoutError:
            # Its scripts may run for ever, and then nothing else ends them.
            await self._close(browser)
            return Rendered(url, "")

    async def _running(self) -> Browser:
        async with self._starting:
            browser = self._browser
            if browser is not None and browser.is_running and browser.pages < _PAGES_A_BROWSER:
                browser.pages += 1
                return browser
            await self._close(browser)
            if self._chromium is None:
                raise RenderingFailed("Chromium is not installed; SAMELOOK_CHROMIUM names it where it is.")
            try:
                self._browser = await Browser(self._chromium).__aenter__()
            except (OSError, TimeoutError) as error:
                raise RenderingFailed(f"Chromium cannot be started: {error}") from error
            return self._browser

    async def _close(self, browser: Browser | None) -> None:
        if browser is None:
            return
        if browser is self._browser:
            self._browser = None
        await browser.__aexit__(None, None, None)


class _Tab:
    """One page in a profile of its own."""

    def __init__(self, browser: Browser, fetcher: Fetcher, cookies: Cookies) -> None:
        self._browser = browser
        self._fetcher = fetcher
        self._cookies = cookies
        self._answering: set[asyncio.Task[None]] = set()
        self._requests = self._bytes = 0

    async def __aenter__(self) -> Self:
        call = self._browser.call
        self._context = (await call("Target.createBrowserContext"))["browserContextId"]
        try:
            await call("Browser.setDownloadBehavior", behavior="deny", browserContextId=self._context)
            target = await call("Target.createTarget", url="about:blank", browserContextId=self._context)
            attached = await call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
            self._session: str = attached["sessionId"]
            self._browser.listen(self._session, self._heard)
            await call("Fetch.enable", self._session, patterns=[{"urlPattern": "*"}])
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._browser.forget(self._session)
        for task in self._answering:
            task.cancel()
        await self._leave()

    async def _leave(self) -> None:
        with contextlib.suppress(RenderingFailed, TimeoutError):
            async with asyncio.timeout(2):
                await self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)

    async def head_of(self, url: str) -> Rendered:
        """The page's head, as soon as it has an icon or nothing more is to come."""
        loop = asyncio.get_running_loop()
        navigating = asyncio.create_task(self._browser.call("Page.navigate", self._session, url=url))
        try:
            quiet_since = loop.time()
            while True:
                state, place, markup, has_icon = await self._looked()
                if self._answering or state != "complete" or not navigating.done():
                    quiet_since = loop.time()
                is_quiet = loop.time() - quiet_since
                if is_quiet >= _QUIET_S or (has_icon and state == "complete" and is_quiet > 0):
                    return Rendered(urldefrag(place).url, markup)
                await asyncio.sleep(_LOOKING_S)
        finally:
            navigating.cancel()

    async def _looked(self) -> tuple[str, str, str, bool]:
        try:
            answer = await self._browser.call("Runtime.evaluate", self._session, expression=_HEAD)
        except RenderingFailed:
            if not self._browser.is_running:
                raise
            answer = {}  # the page was just being left for another
        value = answer.get("result", {}).get("value")
        if not isinstance(value, str):
            return "loading", "", "", False
        state, place, markup, has_icon = json.loads(value)
        return state, place, markup, has_icon

    def _heard(self, event: Event) -> None:
        if event.get("method") == "Fetch.requestPaused":
            task = asyncio.create_task(self._answer(event["params"]))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _answer(self, paused: Mapping[str, Any]) -> None:
        call, session, number = self._browser.call, self._session, paused["requestId"]
        with contextlib.suppress(RenderingFailed):
            response = await self._fetched(paused)
            if response is None:
                await call("Fetch.failRequest", session, requestId=number, errorReason="BlockedByClient")
                return
            headers = [
                {"name": name, "value": value}
                for name, value in response.headers.items()
                if name in _PASSED_ON and value.isascii() and value.isprintable()
            ]
            await call(
                "Fetch.fulfillRequest",
                session,
                requestId=number,
                responseCode=response.status,
                responseHeaders=headers,
                body=base64.b64encode(response.body).decode(),
            )

    async def _fetched(self, paused: Mapping[str, Any]) -> Response | None:
        """What a request of the page gets; None where it is refused."""
        request = paused["request"]
        self._requests += 1
        if (
            paused.get("resourceType") not in _KINDS
            or request.get("method") != "GET"
            or self._requests > _MOST_REQUESTS
            or self._bytes > _MOST_BYTES
        ):
            return None
        try:
            response = await self._fetcher.fetch(request["url"], kind="page", cookies=self._cookies)
        except CrawlError as error:
            log.debug("render.refused", kind=error.kind)
            return None
        self._bytes += len(response.body)
        return response
