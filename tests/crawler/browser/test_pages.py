"""Which icon of a page is displayed: the one that Chromium stored for its tab."""

from __future__ import annotations

import asyncio

from samelook.crawler.discovery.discover import discover
from samelook.crawler.discovery.icon_fetch import fetch_icons
from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.hashing.sandbox import Sandbox
from tests.crawler.browser.page_cases import CASES, FILES, SHOWN
from tests.crawler.browser.raw_server import serving


def expected(name: str) -> str | None:
    """The icon of a site as recorded."""
    return SHOWN.get(name, "/red16.png")


def path_of(url: str) -> str:
    """An icon's address without its origin."""
    return url if url.startswith("data:") else url.partition(".test")[2]


async def displayed(port: int) -> dict[str, str | None]:
    """By name of the site, the icon that we say is displayed."""
    found: dict[str, str | None] = {}
    settings = FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{port}"), total_timeout_s=20)
    async with Fetcher(settings) as fetcher, Sandbox(workers=1) as sandbox:
        slots = asyncio.Semaphore(8)

        async def visit(name: str) -> None:
            async with slots:
                found[name] = None
                try:
                    offered = await discover(fetcher, f"http://{name}.test/")
                except CrawlError:
                    return
                fetched = await fetch_icons(fetcher, sandbox, offered)
                for icon in fetched.found:
                    if "chromium" in icon.displayed_by:
                        found[name] = path_of(icon.candidate.url)

        await asyncio.gather(*map(visit, CASES))
    return found


async def test_the_icon_that_chromium_shows_is_displayed_on_each_page() -> None:
    async with serving(CASES, FILES) as port:
        found = await displayed(port)
    assert len(found) > 190
    assert found == {name: expected(name) for name in CASES}
