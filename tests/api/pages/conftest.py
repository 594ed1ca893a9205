"""A service with all roles on a crawl of the sample web, asked about every site; people in front of it."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from samelook.api.app import create_app
from samelook.api.server import service_runner
from samelook.api.settings import ApiSettings
from samelook.api.users import UserStore
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.demo.sample_web.sites import SITES
from samelook.extension_api.extension import EXTENSION
from samelook.sql.pool import open_pool
from samelook.sql.settings import DatabaseSettings
from tests.api.conftest import loaded
from tests.extension.conftest import chromium

__all__ = ["chromium"]

PATIENCE_S = 60.0
ADMIN_KEY = "the admin's key of the pages' tests"
PASSWORDS = {"viewer": "viewer's password", "curator": "curator's password", "admin": "admin's password"}
HTML = {"Accept": "text/html"}


@dataclass
class Service:
    """A running service and its database."""

    url: str
    database: DatabaseSettings
    loop: asyncio.AbstractEventLoop

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_S)


@pytest.fixture(scope="session")
def service(database_server: Any, crawled_template: str) -> Iterator[Service]:
    name = asyncio.run(database_server.create(template=crawled_template))
    database = DatabaseSettings(url=database_server.url_of(name), application_name="test")
    started, stop, found = threading.Event(), asyncio.Event(), []

    async def serve() -> None:
        # Nobody's name server is asked about the sample web.
        fetch = FetchSettings(resolve=parse_resolve("*.example=127.0.0.1:9"))
        app = create_app(ApiSettings(database, admin_key=ADMIN_KEY, fetch=fetch))
        runner = service_runner(app, shutdown_timeout=1)
        await runner.setup()
        from aiohttp import web

        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with asyncio.timeout(PATIENCE_S):
            while not app[EXTENSION].follower.is_loaded:
                await asyncio.sleep(0.02)
        await loaded(app)
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        await _prepare(url, database, app)
        found.append(Service(url, database, asyncio.get_running_loop()))
        started.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="pages")
    thread.start()
    try:
        assert started.wait(2 * PATIENCE_S), "the service did not come up"
        yield found[0]
    finally:
        if found:
            found[0].loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_S)
        asyncio.run(database_server.drop(name))


async def _prepare(url: str, database: DatabaseSettings, app: Any) -> None:
    async with ClientSession(url) as session:
        for site in SITES:
            async with session.post("/x/v1/check", json={"url": site.host}) as answer:
                assert answer.status in (200, 400), await answer.text()
    await app[EXTENSION].outbox.flush()
    async with open_pool(database) as pool:
        for role in ("viewer", "curator", "admin"):
            await UserStore(pool).add(role, role, PASSWORDS[role])


class Person:
    """Somebody with a browser's cookies."""

    def __init__(self, session: ClientSession) -> None:
        self.session = session
        self.token = ""

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(path, headers={**HTML, **headers}, allow_redirects=False) as answer:
            text = await answer.text()
            found = re.search(r'(?:name="token" value="|[?]token=)([0-9a-f]{64})', text)
            self.token = found[1] if found else self.token
            return answer.status, text

    async def post(self, path: str, *, token: str | None = None, **fields: str) -> tuple[int, str]:
        sent = {"token": self.token if token is None else token, **fields}
        async with self.session.post(
            path, data=sent, headers={"Origin": str(self.session._base_url), **HTML}, allow_redirects=False
        ) as answer:
            return answer.status, answer.headers.get("Location", "") + await answer.text()

    async def sign_in(self, name: str) -> None:
        await self.get("/ui/sign-in")
        status, text = await self.post(
            "/ui/sign-in", name=name, password=PASSWORDS[name], next="/ui/verdicts"
        )
        assert (status, text) == (303, "/ui/verdicts")
        await self.get("/ui/verdicts")


@pytest.fixture
async def person(service: Service) -> AsyncIterator[Person]:
    async with ClientSession(service.url, cookie_jar=CookieJar(unsafe=True)) as session:
        yield Person(session)


@pytest.fixture
async def curator(person: Person) -> Person:
    await person.sign_in("curator")
    return person


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=["--no-sandbox"])
        yield browser
        browser.close()


def signed_in(browser: Browser, service: Service, role: str, **options: Any) -> BrowserContext:
    """A browser's window in which somebody has signed in."""
    context = browser.new_context(base_url=service.url, **options)
    page = context.new_page()
    page.goto("/ui/sign-in")
    page.fill("#name", role)
    page.fill("#password", PASSWORDS[role])
    page.click("button:text-is('Sign in')")
    page.wait_for_url("**/ui/")
    page.close()
    return context
