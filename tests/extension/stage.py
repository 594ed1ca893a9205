"""A sample web, a service that knows it, and a browser with the extension: all real, all on this machine."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from aiohttp import web
from playwright.sync_api import BrowserContext, Page, sync_playwright

from samelook.api.app import create_app
from samelook.api.settings import ApiSettings
from samelook.demo.sample_web.sample_site import SampleSite
from samelook.demo.sample_web.server import REQUESTS, create_sample_web
from samelook.extension_api.extension import EXTENSION
from samelook.sql.settings import DatabaseSettings
from tests.fixtures.waiting import until

PATIENCE_S = 30.0
PATIENCE_MS = PATIENCE_S * 1000
_T = TypeVar("_T")
Row = dict[str, Any]


@dataclass
class Stage:
    """What runs, and what was asked of it."""

    loop: asyncio.AbstractEventLoop
    web_port: int
    service_port: int
    database: DatabaseSettings
    visits: Counter[tuple[str, str]]
    """How often each host and path of the sample web was asked for."""
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Method, path with query, and body of each request to the service."""

    @property
    def server(self) -> str:
        return f"http://127.0.0.1:{self.service_port}"

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_S)

    def rows(self, statement: str, *values: object) -> list[Row]:
        async def fetch() -> list[Row]:
            connection = await asyncpg.connect(self.database.url)
            try:
                return [dict(row) for row in await connection.fetch(statement, *values)]
            finally:
                await connection.close()

        return self.run(fetch())


@contextmanager
def running_stage(database: DatabaseSettings, sites: tuple[SampleSite, ...]) -> Iterator[Stage]:
    """The sample web with these sites, and a service on a database, in a thread of their own."""
    stages: list[Stage] = []
    started, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        asked: list[tuple[str, str, bytes]] = []
        sample = create_sample_web(sites)
        service = create_app(ApiSettings(database, roles=frozenset({"extension"})))
        service.middlewares.insert(0, _noting(asked))
        async with _served(sample) as web_port, _served(service) as service_port:
            await until(lambda: service[EXTENSION].follower.is_loaded)
            stages.append(Stage(loop, web_port, service_port, database, sample[REQUESTS], asked))
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="stage")
    thread.start()
    try:
        assert started.wait(PATIENCE_S), "the stage did not come up"
        yield stages[0]
    finally:
        if stages:
            stages[0].loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_S)


def _noting(asked: list[tuple[str, str, bytes]]) -> Any:
    @web.middleware
    async def note(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        asked.append((request.method, request.path_qs, await request.read()))
        return await handler(request)

    return note


@asynccontextmanager
async def _served(app: web.Application) -> AsyncIterator[int]:
    runner = web.AppRunner(app, shutdown_timeout=0.2, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@dataclass
class Browser:
    """Chromium with the extension."""

    context: BrowserContext
    stage: Stage
    identity: str
    """Of the extension."""

    def extension_page(self, path: str) -> Page:
        page = self.context.new_page()
        page.goto(f"chrome-extension://{self.identity}/{path}")
        return page

    def ask(self, message: dict[str, Any]) -> Any:
        """Send the worker a message, as the extension's own pages do."""
        return self.control.evaluate("message => chrome.runtime.sendMessage(message)", message)

    @property
    def control(self) -> Page:
        for page in self.context.pages:
            if page.url.endswith("/pages/options.html"):
                return page
        return self.extension_page("pages/options.html")

    def open(self, url: str) -> Page:
        page = self.context.new_page()
        page.goto(url if "://" in url else f"http://{url}/", timeout=PATIENCE_MS)
        return page

    def tab_of(self, page: Page) -> int:
        """The number that the browser gives to the page's tab."""
        found = self.control.evaluate(
            "async url => (await chrome.tabs.query({})).filter(tab => tab.url === url).map(tab => tab.id)",
            page.url,
        )
        # Of several on one address the page is the newest; none while the page is on its way.
        return int(max(found, default=-1))

    def badge(self, tab: int) -> str:
        return str(self.control.evaluate("tabId => chrome.action.getBadgeText({tabId})", tab))

    def verdict(self, page: Page) -> Row:
        """What is said of a page, as soon as anything is."""
        state = self.control.evaluate(
            """async ([url, patience]) => {
              const end = Date.now() + patience;
              for (; Date.now() < end; await new Promise(done => setTimeout(done, 30))) {
                // The newest of several on one address; none while the page is on its way.
                const ids = (await chrome.tabs.query({})).filter(tab => tab.url === url).map(tab => tab.id);
                const tabId = Math.max(...ids);
                const {state} = ids.length ? await chrome.runtime.sendMessage({type: "state", tabId}) : {};
                if (state) return {...state, badge: await chrome.action.getBadgeText({tabId})};
              }
              return null;
            }""",
            [page.url, PATIENCE_MS],
        )
        assert state is not None, f"no verdict on {page.url}"
        return dict(state)


@contextmanager
def running_browser(
    chromium: str, extension: Path, stage: Stage, profile: Path, *more: str
) -> Iterator[Browser]:
    """Chromium with the unpacked extension, which has fetched its list; every host is the sample web."""
    rules = ",".join(f"MAP *.{suffix} 127.0.0.1:{stage.web_port}" for suffix in ("example", "test"))
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile),
            executable_path=chromium,
            headless=True,
            args=[
                "--no-sandbox",
                f"--disable-extensions-except={extension}",
                f"--load-extension={extension}",
                f"--host-resolver-rules={rules}",
                *more,
            ],
        )
        try:
            workers = context.service_workers
            worker = workers[0] if workers else context.wait_for_event("serviceworker")
            browser = Browser(context, stage, worker.url.split("/")[2])
            browser.ask({"type": "settings", "changes": {"server": stage.server}})
            yield browser
        finally:
            context.close()
