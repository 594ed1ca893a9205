"""Whole crawls of the sample web: what ends up in the tables."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from samelook.crawler.crawl import Crawl, open_crawl
from samelook.crawler.discovery.discover import WELL_KNOWN_PATHS
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.requests import add_unranked
from samelook.crawler.settings import CrawlSettings
from samelook.crawler.slots import memory_allowed
from samelook.crawler.status import crawl_status
from samelook.demo.sample_web.sample_site import SampleSite, Trouble
from samelook.demo.sample_web.server import REQUESTS, create_sample_web, sample_web_server
from samelook.demo.sample_web.sites import SITE_BY_HOST, SITES
from samelook.hashing.settings import SandboxLimits
from samelook.hashing.table import STORED
from samelook.sql.pool import Pool
from samelook.sql.queue_queries import queue_queries

if TYPE_CHECKING:
    from tests.crawler.conftest import HostsServer

SETTINGS = CrawlSettings(flush_s=0.05, idle_first_s=0.05)


async def crawl_once(
    pool: Pool, port: int, *, settings: CrawlSettings = SETTINGS, deadline_s: float = 3
) -> Crawl:
    fetch = FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{port}"), total_timeout_s=deadline_s)
    async with open_crawl(pool, crawl=settings, fetch=fetch, sandbox=SandboxLimits()) as crawl:
        await crawl.run(once=True)
    return crawl


async def test_one_of_many_processes_fills_its_share_of_the_memory(pool: Pool) -> None:
    many = replace(SETTINGS, processes=1000)
    async with sample_web_server() as port:
        crawl = await crawl_once(pool, port, settings=many)
    assert crawl.slots.memory == memory_allowed(1000) < memory_allowed()


async def add_sites(pool: Pool, sites: tuple[SampleSite, ...]) -> None:
    async with pool.acquire() as connection:
        await add_unranked(connection, [site.host for site in sites])


async def test_every_sample_site_ends_with_what_was_put_there(pool: Pool) -> None:
    async with sample_web_server() as port:
        await add_sites(pool, SITES)
        await crawl_once(pool, port)
    rows = await pool.fetch(
        "SELECT d.reversed_name, e.kind AS error,"
        " array_agg(u.icon_url) FILTER (WHERE m.sha256 IS NOT NULL) AS icons,"
        " jsonb_object_agg(u.icon_url, h.kind) FILTER (WHERE h.kind IS NOT NULL) AS icon_errors"
        " FROM domains AS d JOIN target_urls AS t ON t.domain_id = d.id"
        " LEFT JOIN icon_errs AS e ON e.target_url_id = t.id"
        " LEFT JOIN site_icons AS s ON s.target_url_id = t.id"
        " LEFT JOIN icon_urls AS u ON u.id = s.icon_url_id"
        " LEFT JOIN favicon_metadata AS m ON m.icon_url_id = u.id"
        " LEFT JOIN hashing_errs AS h ON h.icon_url_id = u.id GROUP BY 1, 2"
    )
    assert len(rows) == len(SITES)
    for row in rows:
        site = SITE_BY_HOST[".".join(reversed(row["reversed_name"].split(".")))]
        assert (site.host, row["error"]) == (site.host, site.page_error)
        if site.page_error is not None:
            continue
        icons = row["icons"] or []
        if site.trouble is Trouble.TOO_MANY_ICONS:
            assert len(icons) >= 20
            assert set(icons) <= set(site.icons)
        else:
            assert (site.host, sorted(icons)) == (site.host, sorted(site.icons))
        errors = {url: kind for url, kind in (row["icon_errors"] or {}).items() if kind != "http_status"}
        # A page at a path that nobody named is no error, it is no icon.
        expected = {
            site.url(path): kind
            for path, kind in site.icon_errors.items()
            if not (kind == "not_an_image" and path in WELL_KNOWN_PATHS)
        }
        assert (site.host, errors) == (site.host, expected)
    status = await crawl_status(pool)
    assert [(phase.due, phase.leased) for phase in status.phases] == [(0, 0)] * 3
    assert status.phases[1].errors == Counter(site.page_error for site in SITES if site.page_error)


async def test_every_picture_has_all_its_signals(pool: Pool) -> None:
    async with sample_web_server() as port:
        await add_sites(pool, tuple(site for site in SITES if site.page_error is None))
        await crawl_once(pool, port)
    pictures = await pool.fetchval("SELECT count(*) FROM favicons")
    assert pictures > 50
    for signal in STORED:
        stored = await pool.fetchval(f"SELECT count(*) FROM hash_{signal.name}")
        assert stored == (0 if signal.optional else pictures), signal.name


async def test_a_second_crawl_asks_only_whether_anything_changed(pool: Pool) -> None:
    sites = tuple(SITE_BY_HOST[host] for host in ("lumora.example", "norrbank.example"))
    async with sample_web_server() as port:
        await add_sites(pool, sites)
        await crawl_once(pool, port)
        before = await pool.fetch("SELECT * FROM favicon_metadata WHERE sha256 IS NOT NULL ORDER BY 1")
        await pool.execute("UPDATE favicon_metadata SET crawled_at = now() - interval '8 days'")
        await pool.execute("UPDATE page_visits SET crawled_at = now() - interval '8 days'")
        async with pool.acquire() as connection, connection.transaction():
            for phase in ("icons", "hashes"):
                await queue_queries(phase).rewind(connection)
        await crawl_once(pool, port)
    after = await pool.fetch("SELECT * FROM favicon_metadata WHERE sha256 IS NOT NULL ORDER BY 1")
    assert [row["sha256"] for row in after] == [row["sha256"] for row in before]
    assert all(row["etag"] for row in before)
    assert await pool.fetchval("SELECT count(*) FROM page_visits WHERE etag IS NOT NULL") == 2
    assert await pool.fetchval("SELECT count(*) FROM site_icons WHERE gone_at IS NOT NULL") == 0
    assert (
        await pool.fetchval(
            "SELECT count(*) FROM favicon_metadata WHERE crawled_at < now() - interval '1 day'"
        )
        == 0
    )
    assert await pool.fetchval("SELECT count(*) FROM favicon_history") == 0


async def test_an_icon_that_a_page_drops_is_retired_and_its_old_picture_kept(
    pool: Pool, hosts_server: HostsServer
) -> None:
    hosts_server.add("a.example", "/", '<link rel=icon href="/old.png"><link rel=icon href="/both.png">')
    for number, path in enumerate(("/old.png", "/both.png")):
        hosts_server.add("a.example", path, picture(number), content_type="image/png")
    async with pool.acquire() as connection:
        await add_unranked(connection, ["a.example"])
    await crawl_once(pool, hosts_server.port)
    hosts_server.add("a.example", "/", '<link rel=icon href="/both.png">')
    hosts_server.add("a.example", "/both.png", picture(7), content_type="image/png")
    await pool.execute("UPDATE favicon_metadata SET crawled_at = now() - interval '8 days'")
    await pool.execute("UPDATE page_visits SET crawled_at = now() - interval '8 days'")
    await crawl_once(pool, hosts_server.port)
    gone = await pool.fetch(
        "SELECT icon_url FROM site_icons JOIN icon_urls ON id = icon_url_id WHERE gone_at IS NOT NULL"
    )
    assert [row["icon_url"] for row in gone] == ["https://a.example/old.png"]
    kept = await pool.fetchval("SELECT sha256 FROM favicon_history")
    assert kept == hashlib.sha256(picture(1)).digest()


def picture(seed: int) -> bytes:
    from bench.crawl_web import draw_icon

    return draw_icon(seed, 32, "PNG")


@pytest.mark.parametrize("workers", [1, 3])
async def test_several_crawls_at_once_fetch_everything_once(pool: Pool, workers: int) -> None:
    from aiohttp import web

    app = create_sample_web()
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        # One of them redirects to another, which is then asked twice for good reason.
        sites = tuple(
            site
            for site in SITES
            if site.page_error is None and site.trouble is None and site.host != "lumora-mail.example"
        )
        await add_sites(pool, sites)
        await asyncio.gather(*(crawl_once(pool, port) for _ in range(workers)))
    finally:
        await runner.cleanup()
    status = await crawl_status(pool)
    assert [(phase.due, phase.leased) for phase in status.phases] == [(0, 0)] * 3
    pages = {site.host: app[REQUESTS][site.host, "/"] for site in sites}
    assert max(pages.values()) <= 1
