"""What visitors see of what a site offers: in the tables, and in the verdict on it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from samelook.crawler.crawl import open_crawl
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.requests import add_unranked
from samelook.extension_api.judge import Judge, Judgement
from samelook.facts.follower import Follower
from samelook.facts.keeper import Keeper
from samelook.facts.look_worker import LookWorker
from samelook.facts.questions import Asked
from samelook.facts.settings import VerdictSettings
from samelook.hashing.sandbox import Sandbox
from samelook.hashing.settings import SandboxLimits
from samelook.sql.pool import Pool, open_connection
from samelook.sql.queue_queries import PHASES, Phase, queue_queries
from samelook.sql.settings import DatabaseSettings
from tests.crawler.test_crawl import SETTINGS, picture

if TYPE_CHECKING:
    from tests.crawler.conftest import HostsServer

HOST = "a.example"


async def crawl(pool: Pool, server: HostsServer, *phases: Phase, again: bool = False) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await add_unranked(connection, [HOST])
        if again:
            await connection.execute("UPDATE page_visits SET crawled_at = now() - interval '8 days'")
            await connection.execute("UPDATE favicon_metadata SET crawled_at = now() - interval '8 days'")
            for phase in PHASES[1:]:
                await queue_queries(phase).rewind(connection)
    fetch = FetchSettings(resolve=parse_resolve(server.resolve), total_timeout_s=5)
    async with open_crawl(
        pool, crawl=SETTINGS, fetch=fetch, sandbox=SandboxLimits(), phases=phases or PHASES
    ) as crawling:
        await crawling.run(once=True)


async def displayed(pool: Pool, url: str) -> dict[str, tuple[str, Any]]:
    """By path, who shows an icon and since when that is so, if it was not at first."""
    async with Sandbox(workers=1) as sandbox:
        await LookWorker(pool, sandbox).catch_up()
    database = DatabaseSettings(url=url)
    async with open_connection(database) as connection:
        await Keeper(database, VerdictSettings(), time.time).catch_up(connection)
    rows = await pool.fetch(
        "SELECT icon_url, displayed_by, shown_since FROM site_looks WHERE gone_since IS NULL"
    )
    return {row["icon_url"].partition(HOST)[2]: (row["displayed_by"], row["shown_since"]) for row in rows}


async def judged(url: str) -> Judgement:
    follower = Follower(DatabaseSettings(url=url), VerdictSettings())
    await follower.load()
    return Judge(follower, VerdictSettings(), time.time).judge(Asked.about(HOST))


def offer(server: HostsServer, page: str, *paths: str, **more: Any) -> None:
    server.add(HOST, "/", page, **more)
    for number, path in enumerate(paths):
        server.add(HOST, path, picture(number), content_type="image/png")


async def test_who_shows_what_is_stored_and_only_that_speaks_for_the_site(
    pool: Pool, database_url: str, hosts_server: HostsServer
) -> None:
    page = (
        "<head><link rel=icon sizes=512x512 href=/large><link rel=icon sizes=32x32 href=/small>"
        "<link rel=apple-touch-icon href=/touch></head><body><p>x<link rel=icon href=/behind>"
    )
    offer(hosts_server, page, "/large", "/small", "/touch", "/behind", "/favicon.ico")
    await crawl(pool, hosts_server)
    found = await displayed(pool, database_url)
    assert {path: who for path, (who, _) in found.items()} == {
        "/small": "chromium",
        "/behind": "firefox",
        **dict.fromkeys(("/large", "/touch", "/favicon.ico"), "nobody"),
    }
    memory = (await judged(database_url)).facts
    assert len(memory.looks) == 2


async def test_what_was_hidden_does_not_grow_old(
    pool: Pool, database_url: str, hosts_server: HostsServer
) -> None:
    offer(
        hosts_server, "<link rel=icon href=/own><link rel=apple-touch-icon href=/hidden>", "/own", "/hidden"
    )
    await crawl(pool, hosts_server)
    assert (await displayed(pool, database_url))["/hidden"] == ("nobody", None)
    hosts_server.add(HOST, "/", "<link rel=icon href=/hidden>")
    await crawl(pool, hosts_server, again=True)
    found = await displayed(pool, database_url)
    assert found["/hidden"][0] == "both"
    assert found["/hidden"][1] is not None


@pytest.mark.parametrize("status", [401, 403, 429, 503])
async def test_the_icon_of_a_wall_is_flagged_and_says_nothing(
    pool: Pool, database_url: str, hosts_server: HostsServer, status: int
) -> None:
    offer(hosts_server, "<link rel=icon href=/i>", "/i", status=status)
    await crawl(pool, hosts_server)
    assert await displayed(pool, database_url) == {"/i": ("wall", None)}
    verdict = await judged(database_url)
    assert (verdict.decision.reasons[0].rule, verdict.facts.looks) == ("6-discovery", ())
    assert verdict.decision.reasons[0].detail == {"error": "walled"}
    offer(hosts_server, "<link rel=icon href=/i>", "/i")
    await crawl(pool, hosts_server, again=True)
    assert (await displayed(pool, database_url))["/i"][0] == "both"
    offer(hosts_server, "<link rel=icon href=/wall>", "/wall", status=status)
    await crawl(pool, hosts_server, again=True)
    assert (await displayed(pool, database_url)).keys() == {"/i"}


async def test_behind_a_wall_the_icon_at_the_path_of_all_sites_is_the_sites_own(
    pool: Pool, database_url: str, hosts_server: HostsServer
) -> None:
    offer(hosts_server, "Go away.", "/favicon.ico", status=403)
    await crawl(pool, hosts_server)
    assert await displayed(pool, database_url) == {"/favicon.ico": ("both", None)}
    facts = (await judged(database_url)).facts
    assert [look.own_since is not None for look in facts.looks] == [True]


@pytest.mark.parametrize("together", [True, False])
async def test_cookies_of_the_visit_go_with_its_icons_and_no_further(
    pool: Pool, hosts_server: HostsServer, *, together: bool
) -> None:
    sent: list[tuple[str, str | None]] = []

    async def answer(request: web.Request) -> web.Response:
        cookie = request.headers.get("Cookie")
        sent.append((request.path, cookie))
        if request.path == "/":
            body = "<link rel=icon href=/i><link rel=icon href=https://other.example/i>"
            headers = {"Content-Type": "text/html", "Set-Cookie": "visit=1; Path=/"}
            return web.Response(text=body, headers=headers)
        if request.path != "/i" or (cookie is None and request.host == HOST):
            return web.Response(status=403)
        return web.Response(body=picture(1), content_type="image/png", headers={"Set-Cookie": "icon=1"})

    hosts_server.handle(HOST, "*", answer)
    hosts_server.handle("other.example", "*", answer)
    for again in (False, True):
        sent.clear()
        for phases in [PHASES] if together else [("domains", "icons"), ("hashes",)]:
            await crawl(pool, hosts_server, *phases, again=again and phases != ("hashes",))  # type: ignore[arg-type]  # names of phases
        pages = [cookie for path, cookie in sent if path == "/"]
        # An icon that is fetched by itself has the page visited again.
        assert set(pages) == {None}
        assert len(pages) in ({1, 2} if again else {1} if together else {2})
        icons = [cookie for path, cookie in sent if path == "/i"]
        assert sorted(icons, key=str) == [None, "visit=1"]
    assert await pool.fetchval("SELECT count(*) FROM favicon_metadata WHERE sha256 IS NOT NULL") == 2
