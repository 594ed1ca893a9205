"""Answers that browsers read although they are broken: we find the same icon."""

from __future__ import annotations

import asyncio

from samelook.crawler.discovery.discover import discover
from samelook.crawler.discovery.displayed import displayed_icon
from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from tests.crawler.browser.raw_server import png, serving, whole
from tests.crawler.browser.wire_cases import CASES, SHOWS_FAVICON_ICO, SHOWS_NOTHING, Answer

ICON = whole(png((255, 0, 0)), "image/png")
FILES = dict.fromkeys(("/red.png", "/second.png", "/favicon.ico"), ICON)


def site_of(answer: Answer | dict[str, Answer]) -> dict[str, Answer]:
    return answer if isinstance(answer, dict) else {"/": answer}


def expected(name: str) -> str | None:
    if name in SHOWS_NOTHING:
        return None
    return "/favicon.ico" if name in SHOWS_FAVICON_ICO else "/red.png"


async def shown_to_us(sites: dict[str, dict[str, Answer]]) -> dict[str, str]:
    """By name of the site, the path of the icon that is displayed, or the kind of the error."""
    found: dict[str, str] = {}
    async with serving(sites, FILES) as port:
        settings = FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{port}"), total_timeout_s=20)
        async with Fetcher(settings) as fetcher:
            slots = asyncio.Semaphore(8)

            async def visit(name: str) -> None:
                async with slots:
                    try:
                        offered = (await discover(fetcher, f"http://{name}.test/")).icons
                    except CrawlError as error:
                        found[name] = error.kind
                        return
                there = {icon.url: ((16, 16),) for icon in offered if icon.url.partition(".test")[2] in FILES}
                shown = displayed_icon(offered, there)
                found[name] = shown.url.partition(".test")[2] if shown else ""

            await asyncio.gather(*map(visit, sites))
    return found


async def test_the_icon_that_chromium_shows_is_found_for_each_answer() -> None:
    found = await shown_to_us({name: site_of(answer) for name, answer in CASES.items()})
    judged = {name for name in CASES if expected(name) is not None}
    assert len(judged) > 200
    assert {name: found[name] for name in judged} == {name: expected(name) for name in judged}


async def test_what_no_browser_can_read_is_an_error_or_leaves_the_well_known_path() -> None:
    found = await shown_to_us({name: site_of(CASES[name]) for name in sorted(SHOWS_NOTHING)})
    read = {name for name, shown in found.items() if shown not in {"/favicon.ico", "connection_failed"}}
    # Taken by aiohttp, which is more lenient here than Chromium, or "not changed" to who asked for no change.
    lenient = {"te-size-tab-after", "s-code205", "r-two-locations-differ"}
    assert read <= lenient | {"s-code304", "r-304-location"}


async def test_robots_txt_is_read_as_leniently_and_still_obeyed() -> None:
    def robots(rule: bytes) -> bytes:
        head = b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Type : text/plain\r\nContent-Length: +9\r\n\r\n"
        return head + b"User-agent: *\nDisallow: " + rule + b"\n"

    page = whole(b"<link rel=icon href=/red.png>")
    sites: dict[str, dict[str, Answer]] = {
        "open": {"/": page, "/robots.txt": robots(b"/private")},
        "closed": {"/": page, "/robots.txt": robots(b"/")},
    }
    assert await shown_to_us(sites) == {"open": "/red.png", "closed": "robots_disallowed"}
