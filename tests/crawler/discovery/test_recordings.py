"""Eight recorded sites, replayed by a real server and crawled through the real fetcher.

Which icons are expected was written down by reading the recorded pages. The sizes in pixels and which icon is
displayed were filled in from a first run and then checked against the images.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from samelook.crawler.crawl import open_crawl
from samelook.crawler.discovery.discover import discover
from samelook.crawler.discovery.icon_fetch import FetchedIcons, fetch_icons
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.places import ResolveMap, parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.fetching.urls import host_of
from samelook.crawler.requests import add_unranked
from samelook.crawler.settings import CrawlSettings
from samelook.hashing.sandbox import Sandbox
from samelook.hashing.settings import SandboxLimits
from samelook.sql.pool import Pool

RECORDINGS = Path(__file__).parents[4] / "shared" / "recordings"

if not RECORDINGS.is_dir():
    pytest.skip(f"no recordings in {RECORDINGS}", allow_module_level=True)

Found = tuple[str, str, str, int, str]
"""As declared, URL after redirects, source, edge in pixels, format."""

AOL = "http://www.aol.com"
ARCHIVE = "https://archive.org"
ARD = "http://www.ard.de"
DARING = "http://daringfireball.net"
GITHUB = "https://github.com"
GITHUB_ASSETS = "https://assets-cdn.github.com"
KICKTIPP = "https://www.kicktipp.de"
MORTEN = "https://xn--mortenmller-mgb.dk"
PRINTABLES = "https://www.printables.com"


def on(origin: str, declared: str, source: str, edge: int, image_format: str) -> Found:
    return declared, origin + declared, source, edge, image_format


PRECOMPOSED = "/apple-touch-icon-precomposed.png"
EXPECTED: dict[str, list[Found]] = {
    "aol.com": [
        (f"{AOL}/favicon.ico?v=2", f"{AOL}/favicon.ico?v=2", "link-icon", 32, "ico"),
        on(AOL, "/favicon.ico", "well-known", 32, "ico"),
    ],
    "archive.org": [
        (f"{ARCHIVE}/images/glogo.jpg", f"{ARCHIVE}/images/glogo.jpg", "link-icon", 40, "jpeg"),
        on(ARCHIVE, "/favicon.ico", "well-known", 32, "ico"),
        on(ARCHIVE, "/apple-touch-icon.png", "well-known", 180, "png"),
        on(ARCHIVE, PRECOMPOSED, "well-known", 180, "png"),
    ],
    "ard.de": [
        on(ARD, "/ARD-144.png", "apple-touch-icon", 144, "png"),
        on(ARD, "/favicon.ico", "well-known", 144, "ico"),
        ("/apple-touch-icon.png", f"{ARD}/ARD-144.png", "well-known", 144, "png"),
        (PRECOMPOSED, f"{ARD}/ARD-144.png", "well-known", 144, "png"),
    ],
    "daringfireball.net": [
        on(DARING, "/graphics/favicon.ico?v=005", "link-icon", 32, "ico"),
        on(DARING, "/graphics/apple-touch-icon.png", "apple-touch-icon-precomposed", 314, "png"),
        on(DARING, "/favicon.ico", "well-known", 32, "ico"),
    ],
    "github.com": [
        (f"{GITHUB_ASSETS}/pinned-octocat.svg", f"{GITHUB_ASSETS}/pinned-octocat.svg", "link-icon", 0, "svg"),
        (f"{GITHUB_ASSETS}/favicon.ico", f"{GITHUB_ASSETS}/favicon.ico", "link-icon", 32, "ico"),
        on(GITHUB, "/apple-touch-icon-114.png", "apple-touch-icon", 114, "png"),
        on(GITHUB, "/apple-touch-icon-144.png", "apple-touch-icon", 144, "png"),
        on(GITHUB, "/favicon.ico", "well-known", 32, "ico"),
        on(GITHUB, "/apple-touch-icon.png", "well-known", 120, "png"),
        on(GITHUB, PRECOMPOSED, "well-known", 57, "png"),
    ],
    "kicktipp.de": [
        on(KICKTIPP, "/assets/favicon-32x32.cfcd6069.png", "link-icon", 32, "png"),
        on(KICKTIPP, "/assets/favicon-16x16.932c575d.png", "link-icon", 16, "png"),
        on(KICKTIPP, "/assets/favicon.5368f953.ico", "link-icon", 48, "ico"),
        on(KICKTIPP, "/assets/apple-touch-icon.0879fba1.png", "apple-touch-icon", 180, "png"),
        on(KICKTIPP, "/favicon.ico", "well-known", 48, "ico"),
    ],
    "mortenmoeller.dk": [
        on(MORTEN, "/favicon/android-icon-192x192.png", "link-icon", 192, "png"),
        *(
            on(MORTEN, f"/favicon/favicon-{edge}x{edge}.png", "link-icon", edge, "png")
            for edge in (32, 96, 16)
        ),
        *(
            on(MORTEN, f"/favicon/apple-icon-{edge}x{edge}.png", "apple-touch-icon", edge, "png")
            for edge in (57, 60, 72, 76, 114, 120, 144, 152, 180)
        ),
    ],
    "printables.com": [
        on(PRINTABLES, "/assets/favicons/favicon-32x32.png", "link-icon", 32, "png"),
        on(PRINTABLES, "/assets/favicons/favicon-16x16.png", "link-icon", 16, "png"),
        on(PRINTABLES, "/assets/favicons/apple-touch-icon.png", "apple-touch-icon", 180, "png"),
        on(PRINTABLES, "/favicon.ico", "well-known", 48, "ico"),
    ],
}

DISPLAYED = {
    "aol.com": f"{AOL}/favicon.ico?v=2",
    "archive.org": f"{ARCHIVE}/images/glogo.jpg",
    "ard.de": "/favicon.ico",
    "daringfireball.net": "/graphics/favicon.ico?v=005",
    "github.com": f"{GITHUB_ASSETS}/favicon.ico",
    "kicktipp.de": "/assets/favicon.5368f953.ico",
    "mortenmoeller.dk": "/favicon/favicon-32x32.png",
    "printables.com": "/assets/favicons/favicon-32x32.png",
}


@asynccontextmanager
async def replayed(site: str) -> AsyncIterator[tuple[str, ResolveMap]]:
    """A server that answers as it was recorded: the URL to start at, and how to reach the server."""
    recording = json.loads((RECORDINGS / f"{site}.json").read_text())
    answers: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for exchange in recording["exchanges"]:
        host, _, path = exchange["url"].partition("://")[2].partition("/")
        answers[host, f"/{path}"].append(exchange)

    async def replay(request: web.Request) -> web.Response:
        left = answers.get((request.host, request.raw_path))
        if left is None:
            return web.Response(status=404)
        # http and https look the same here: their answers come in the order of the recording.
        answer = left.pop(0) if len(left) > 1 else left[0]
        body = base64.b64decode(answer["body_b64"])
        return web.Response(status=answer["status"], headers=answer["headers"], body=body)

    app = web.Application()
    app.router.add_route("GET", "/{path:.*}", replay)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield recording["start"], parse_resolve(f"*=127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()


async def crawled(site: str) -> FetchedIcons:
    """What the crawler finds on a replayed site."""
    async with (
        replayed(site) as (start, resolve),
        Fetcher(FetchSettings(resolve=resolve)) as fetcher,
        Sandbox() as sandbox,
    ):
        return await fetch_icons(fetcher, sandbox, await discover(fetcher, start))


@pytest.mark.parametrize("site", EXPECTED)
async def test_a_recorded_site_gives_exactly_its_icons(site: str) -> None:
    icons = (await crawled(site)).found
    assert [
        (
            icon.candidate.declared,
            icon.final_url,
            icon.candidate.source,
            # How large a drawing without pixels is made is the decoder's business.
            0 if icon.picture.format == "svg" else icon.picture.width,
            str(icon.picture.format),
        )
        for icon in icons
    ] == EXPECTED[site]
    assert [icon.candidate.declared for icon in icons if "chromium" in icon.displayed_by] == [DISPLAYED[site]]


async def test_the_reasons_of_what_is_missing_are_told() -> None:
    missing = {icon.candidate.declared: icon.kind for icon in (await crawled("printables.com")).missing}
    assert missing == {"/apple-touch-icon.png": "not_an_image", PRECOMPOSED: "not_an_image"}
    missing = {icon.candidate.declared: icon.kind for icon in (await crawled("aol.com")).missing}
    assert missing == {"/apple-touch-icon.png": "one_pixel", PRECOMPOSED: "one_pixel"}


@pytest.mark.parametrize("site", EXPECTED)
async def test_a_whole_crawl_of_a_recorded_site_keeps_exactly_its_icons(site: str, pool: Pool) -> None:
    async with replayed(site) as (start, resolve):
        async with pool.acquire() as connection:
            await add_unranked(connection, [host_of(start)])
        fetch = FetchSettings(resolve=resolve)
        async with open_crawl(pool, crawl=CrawlSettings(), fetch=fetch, sandbox=SandboxLimits()) as crawl:
            await crawl.run(once=True)
    rows = await pool.fetch(
        "SELECT s.source, m.format FROM site_icons AS s JOIN favicon_metadata AS m USING (icon_url_id)"
        " WHERE m.sha256 IS NOT NULL"
    )
    assert sorted((row["source"], row["format"]) for row in rows) == sorted(
        (source, image_format) for _, _, source, _, image_format in EXPECTED[site]
    )
    assert await pool.fetchval("SELECT count(*) FROM page_visits") == 1
    assert await pool.fetchval("SELECT count(*) FROM icon_errs") == 0
