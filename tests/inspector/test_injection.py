"""Injection: every kind of fault, its typed error and retry, and a clearing that leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from samelook.crawler.crawl import open_crawl
from samelook.crawler.faults import RETRY_AFTER_S, Faults
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.requests import add_unranked
from samelook.crawler.settings import CrawlSettings
from samelook.demo.sample_web.server import REQUESTS, create_sample_web, sample_web_server
from samelook.demo.sample_web.sites import SITES as SAMPLE
from samelook.extension_api.extension import answering_once
from samelook.extension_api.models import SiteQuestion
from samelook.hashing.settings import SandboxLimits
from samelook.inspector.errors import BadQuestion, NoSuchSite, NothingToInject
from samelook.inspector.failures import errors_answer
from samelook.inspector.health import health_answer
from samelook.inspector.injection import (
    clear,
    error_kinds,
    inject_error,
    inject_fault,
    inject_result,
    injected_answer,
)
from samelook.inspector.listing import Answer, Row
from samelook.inspector.overlaps import overlaps_answer
from samelook.inspector.settings import InspectorSettings
from samelook.inspector.sites import site_answer
from samelook.sql.pool import OwnConnection, Pool
from samelook.sql.settings import DatabaseSettings

SETTINGS = InspectorSettings()
CRAWL = CrawlSettings(flush_s=0.05, idle_first_s=0.05)
SITES = ("lumora.example", "norrbank.example", "kestrelshop.example")
HOUR = timedelta(hours=1)

# Everything but what differs between any two crawls: times, and the ids that inserts draw.
CONTENTS = {
    "target_urls": "SELECT url, position FROM target_urls",
    "page_visits": "SELECT t.url, v.final_url, v.status, v.icon_count, v.charset, v.etag, v.last_modified,"
    " v.notes, v.injected FROM page_visits AS v JOIN target_urls AS t ON t.id = v.target_url_id",
    "icon_urls": "SELECT icon_url, declared, position FROM icon_urls",
    "site_icons": "SELECT t.url, u.icon_url, s.ordinal, s.source, s.declared_url, s.sizes, s.type, s.media,"
    " s.gone_at FROM site_icons AS s JOIN target_urls AS t ON t.id = s.target_url_id"
    " JOIN icon_urls AS u ON u.id = s.icon_url_id",
    "favicon_metadata": "SELECT u.icon_url, m.sha256, m.size, m.format, m.final_url, m.status, m.etag,"
    " m.last_modified, m.injected FROM favicon_metadata AS m JOIN icon_urls AS u ON u.id = m.icon_url_id",
    "favicons": "SELECT sha256, size, format, width, height, frames FROM favicons",
    "hash_pdq": "SELECT * FROM hash_pdq",
    "favicon_history": "SELECT sha256 FROM favicon_history",
    "domain_errs": "SELECT error, injected, replaced FROM domain_errs",
    "icon_errs": "SELECT t.url, e.kind, e.attempts, e.injected, e.replaced FROM icon_errs AS e"
    " JOIN target_urls AS t ON t.id = e.target_url_id",
    "hashing_errs": "SELECT u.icon_url, e.kind, e.attempts, e.injected, e.replaced FROM hashing_errs AS e"
    " JOIN icon_urls AS u ON u.id = e.icon_url_id",
    "leases": "SELECT phase, input_id FROM leases",
    "injected_faults": "SELECT kind FROM injected_faults",
    "injected_icon_urls": "SELECT icon_url_id FROM injected_icon_urls",
}


async def contents(pool: Pool) -> dict[str, list[str]]:
    return {
        table: sorted(str(tuple(row)) for row in await pool.fetch(statement))
        for table, statement in CONTENTS.items()
    }


async def crawl_once(pool: Pool, port: int, *, faulty: bool) -> Any:
    fetch = FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{port}"), total_timeout_s=3)
    faults = Faults(pool) if faulty else None
    async with open_crawl(pool, crawl=CRAWL, fetch=fetch, sandbox=SandboxLimits(), faults=faults) as crawl:
        await crawl.run(once=True)
    return crawl.progress


async def add_sites(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await add_unranked(connection, SITES)


@pytest.fixture
async def reference(database_server: Any) -> dict[str, list[str]]:
    """What the tables hold after a crawl in which nothing was injected."""
    from samelook.sql.pool import open_pool
    from samelook.sql.settings import DatabaseSettings

    name = await database_server.create(template=database_server.template)
    try:
        async with (
            sample_web_server() as port,
            open_pool(DatabaseSettings(url=database_server.url_of(name))) as pool,
        ):
            await add_sites(pool)
            await crawl_once(pool, port, faulty=False)
            return await contents(pool)
    finally:
        await database_server.drop(name)


@pytest.mark.parametrize(
    ("fault", "phase", "kind"),
    [
        ("dns", "icons", "dns_failed"),
        ("timeout", "icons", "timeout"),
        ("tls", "icons", "tls_failed"),
        ("http-503", "icons", "rate_limited"),
        ("truncated", "icons", "truncated_body"),
        # The site has still /favicon.ico, and what that holds only the next phase would meet.
        ("bomb", "icons", "injected_fault"),
        ("not-an-image", "hashes", "not_an_image"),
    ],
)
async def test_each_fault_leads_to_its_error_and_retry_and_clearing_leaves_nothing(
    pool: Pool, connection: OwnConnection, reference: dict[str, list[str]], fault: str, phase: str, kind: str
) -> None:
    await add_sites(pool)
    await inject_fault(connection, fault, site="lumora.example", share=1.0, lasts=HOUR)
    async with sample_web_server() as port:
        await crawl_once(pool, port, faulty=True)
        errors = (await errors_answer(connection, limit=100)).listings[1].rows
        assert {row["site"] for row in errors} == {"lumora.example"}
        # A guess at a well-known path that gives no image is no error of its own: the outcome is dropped.
        kinds = {row["kind"] for row in errors if row["phase"] == phase}
        assert kinds - {"injected_fault"} == {kind} - {"injected_fault"}
        assert kind in kinds
        assert all(row["injected"] and row["detail"]["fault"] == fault for row in errors)
        waits = await pool.fetch(
            "SELECT extract(epoch FROM retry_at - at)::float8 AS s FROM icon_errs"
            " UNION ALL SELECT extract(epoch FROM retry_at - at)::float8 FROM hashing_errs"
        )
        first_s = max(CRAWL.retry_first_s, RETRY_AFTER_S if fault == "http-503" else 0)
        assert all(0.94 * first_s <= row["s"] <= 1.06 * first_s for row in waits)
        assert len(waits) == len(errors) > 0
        # The other sites are as they would have been.
        assert await pool.fetchval("SELECT count(*) FROM page_visits") >= len(SITES) - 1
        assert (await injected_answer(connection)).facts["errors"] == len(errors)
        assert (await connection.fetchval("SELECT hits FROM injected_faults")) > 0
        cleared = await clear(connection)
        assert (cleared.faults, cleared.errors, cleared.restored) == (1, len(errors), 0)
        await crawl_once(pool, port, faulty=True)
    assert await contents(pool) == reference


async def test_a_picture_bomb_is_refused_by_its_size(pool: Pool, connection: OwnConnection) -> None:
    await add_sites(pool)
    async with sample_web_server() as port:
        await crawl_once(pool, port, faulty=True)
        await pool.execute("DELETE FROM favicon_metadata")
        await pool.execute("SELECT setval('cursor_hashes_fresh', 0)")
        await inject_fault(connection, "bomb", site="norrbank.example", share=1.0, lasts=HOUR)
        await crawl_once(pool, port, faulty=True)
    errors = (await errors_answer(connection, phase="hashes")).listings[1].rows
    assert {(row["site"], row["kind"], row["injected"]) for row in errors} == {
        ("norrbank.example", "too_many_pixels", True)
    }


async def test_a_crashed_worker_loses_nothing(
    pool: Pool, connection: OwnConnection, database_url: str, reference: dict[str, list[str]]
) -> None:
    await add_sites(pool)
    await inject_fault(connection, "crash-worker", site="lumora.example", share=1.0, lasts=HOUR, times=2)
    code = """
import asyncio, sys
from samelook.crawler.crawl import open_crawl
from samelook.crawler.faults import Faults
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.settings import CrawlSettings
from samelook.extension_api.extension import answering_once
from samelook.extension_api.models import SiteQuestion
from samelook.hashing.settings import SandboxLimits
from samelook.sql.pool import open_pool
from samelook.sql.settings import DatabaseSettings

async def main():
    async with open_pool(DatabaseSettings(url=sys.argv[1])) as pool:
        settings = CrawlSettings(flush_s=0.05, idle_first_s=0.05, lease_s=1.0)
        fetch = FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{sys.argv[2]}"))
        async with open_crawl(
            pool, crawl=settings, fetch=fetch, sandbox=SandboxLimits(), faults=Faults(pool)
        ) as crawl:
            await crawl.run(once=True)

asyncio.run(main())
"""
    statuses = []
    async with sample_web_server() as port:
        for _ in range(4):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", code, database_url, str(port), env=dict(os.environ)
            )
            statuses.append(await process.wait())
            if statuses[-1] == 0:
                break
    assert statuses == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert await connection.fetchval("SELECT hits FROM injected_faults") == 2
    await clear(connection)
    assert await contents(pool) == reference


async def test_a_duplicate_is_dropped_before_any_request(
    pool: Pool, connection: OwnConnection, reference: dict[str, list[str]]
) -> None:
    await add_sites(pool)
    await inject_fault(connection, "duplicate-message", site=None, share=1.0, lasts=HOUR)
    app = create_sample_web()
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        progress = await crawl_once(pool, runner.addresses[0][1], faulty=True)
    finally:
        await runner.cleanup()
    assert await connection.fetchval("SELECT hits FROM injected_faults") > 20
    # Any robots.txt of the site that redirects everything leads to its start page.
    pages = {key: count for key, count in app[REQUESTS].items() if key[0] != "www.kestrelshop.example"}
    assert max(pages.values()) == 1
    assert progress["icons"].done == len(SITES)
    await clear(connection)
    assert await contents(pool) == reference


async def test_a_share_falls_on_the_same_sites_each_time(pool: Pool, connection: OwnConnection) -> None:
    await inject_fault(connection, "dns", site=None, share=0.25, lasts=HOUR)
    faults = Faults(pool)
    await faults.refresh()
    met = [faults.of(f"site{n}.example", frozenset({"dns"})) is not None for n in range(2000)]
    assert 400 < sum(met) < 600
    assert met == [faults.of(f"site{n}.example", frozenset({"dns"})) is not None for n in range(2000)]
    await connection.execute("UPDATE injected_faults SET ends_at = now()")
    await faults.refresh()
    assert faults.of("site1.example", frozenset({"dns"})) is None


async def test_a_crawl_that_may_not_inject_meets_no_fault(
    pool: Pool, connection: OwnConnection, reference: dict[str, list[str]]
) -> None:
    await add_sites(pool)
    await inject_fault(connection, "dns", site=None, share=1.0, lasts=HOUR)
    async with sample_web_server() as port:
        await crawl_once(pool, port, faulty=False)
    await connection.execute("DELETE FROM injected_faults")
    assert await contents(pool) == reference


async def test_a_real_error_comes_back_as_it_was(crawled_pool: Pool) -> None:
    async with crawled_pool.acquire() as connection:
        before = await connection.fetch("SELECT * FROM icon_errs ORDER BY id")
        pages = await connection.fetch("SELECT * FROM page_visits ORDER BY target_url_id")
        for _ in range(2):  # an injected error may be replaced by another
            await inject_error(
                connection, "dripping-tap.example", phase="icons", kind="tls_failed", attempts=5
            )
        await inject_error(connection, "lumora.example", phase="icons", kind="dns_failed")
        marked = await connection.fetch("SELECT kind, attempts FROM icon_errs WHERE injected ORDER BY kind")
        assert [tuple(row) for row in marked] == [("dns_failed", 1), ("tls_failed", 5)]
        cleared = await clear(connection)
        assert (cleared.errors, cleared.restored) == (2, 1)
        assert await connection.fetch("SELECT * FROM icon_errs ORDER BY id") == before
        assert await connection.fetch("SELECT * FROM page_visits ORDER BY target_url_id") == pages


async def test_a_real_failure_after_an_injected_one_goes_on_counting(crawled_pool: Pool) -> None:
    from samelook.crawler.errors import CrawlError
    from samelook.crawler.queues.interface import Outcome
    from samelook.crawler.queues.postgres import PostgresQueue
    from samelook.crawler.stores import icons_store

    async with crawled_pool.acquire() as connection:
        await inject_error(
            connection,
            "dripping-tap.example",
            phase="icons",
            kind="tls_failed",
            attempts=7,
            retry_in=timedelta(0),
        )
    queue = PostgresQueue(crawled_pool, icons_store(CRAWL), CRAWL, uuid.uuid4())
    (lease,) = await queue.pull(10)
    await queue.push([Outcome(lease, error=CrawlError("again"))])
    row = await crawled_pool.fetchrow(
        "SELECT kind, attempts, injected, replaced FROM icon_errs WHERE target_url_id = $1", lease.input_id
    )
    assert row is not None
    assert tuple(row) == ("crawl_error", 2, False, None)


async def test_an_injected_result_is_shown_and_counts_for_nothing(crawled_pool: Pool) -> None:
    before = await contents(crawled_pool)
    async with crawled_pool.acquire() as connection:
        overlaps = (await overlaps_answer(connection, SETTINGS)).listings[0].rows
        icons = await inject_result(connection, "gardenplan.example", wearing="lumora.example")
        assert icons == 6
        answer = await site_answer(connection, SETTINGS, "lumora.example")
        alike = {row["site"]: row for row in rows_of(answer, "look_alikes")}
        assert alike["gardenplan.example"]["injected"]
        assert not alike["lumora.test"]["injected"]
        victim = await site_answer(connection, SETTINGS, "gardenplan.example")
        assert Counter(row["injected"] for row in rows_of(victim, "icons"))[True] == icons
        # What it seems to wear is not what it is compared by.
        assert "lumora.example" not in {row["site"] for row in rows_of(victim, "look_alikes")}
        assert (await overlaps_answer(connection, SETTINGS)).listings[0].rows == overlaps
        checks = {row["check"]: row for row in (await health_answer(connection, SETTINGS)).listings[0].rows}
        assert checks["injection"]["state"] == "watch"
        assert (await clear(connection)).results == icons
    assert await contents(crawled_pool) == before


def rows_of(answer: Answer, name: str) -> list[Row]:
    (listing,) = [listing for listing in answer.listings if listing.name == name]
    return listing.rows


async def test_nothing_that_is_injected_has_a_part_in_a_verdict(crawled_pool: Pool, crawled_url: str) -> None:
    async def opinions() -> tuple[Any, ...]:
        """What the service says of every site once it has taken up all changes."""
        async with answering_once(DatabaseSettings(url=crawled_url)) as service:
            said = [await service.answer(SiteQuestion(url=site.host)) for site in SAMPLE]
        assert await crawled_pool.fetchval("SELECT count(*) FROM site_changes") == 0
        grey = await crawled_pool.fetch("SELECT site, reason, detail FROM grey_sites ORDER BY 1, 2, 3")
        return [(one["site"], one["verdict"], one["reasons"], one["looks_like"]) for one in said], grey

    before = await opinions()
    assert {verdict for _, verdict, _, _ in before[0]} == {"trusted", "first_use", "grey", "lock"}
    async with crawled_pool.acquire() as connection:
        # A brand that fails in every phase, in the place of a result and of a real error, and a site that
        # wears a brand's icons.
        await inject_error(connection, "lumora.example", phase="domains", kind="bad_url")
        await inject_error(connection, "lumora.example", phase="icons", kind="timeout")
        await inject_error(connection, "lumora.example", phase="hashes", kind="truncated")
        await inject_error(connection, "dripping-tap.example", phase="icons", kind="dns_failed")
        await inject_error(connection, "quietpage.example", phase="icons", kind="dns_failed")
        for wearer in ("gardenplan.example", "quietpage.example", "rowanwiki.example"):
            await inject_result(connection, wearer, wearing="lumora.example")
    assert await opinions() == before
    async with crawled_pool.acquire() as connection:
        await clear(connection)
    assert await opinions() == before


async def test_a_result_for_a_site_that_was_never_visited(pool: Pool, connection: OwnConnection) -> None:
    await add_sites(pool)
    with pytest.raises(NothingToInject, match="crawl it first"):
        await inject_result(connection, SITES[0], wearing=SITES[1])
    with pytest.raises(NothingToInject, match="--phase domains"):
        await inject_error(connection, SITES[0], phase="icons", kind="timeout")
    assert await inject_error(connection, SITES[0], phase="domains", kind="bad_url") == 1


async def test_bad_wishes_are_refused(crawled_pool: Pool) -> None:
    async with crawled_pool.acquire() as connection:
        for bad in (
            inject_fault(connection, "meteor", site=None, share=1, lasts=HOUR),
            inject_fault(connection, "dns", site=None, share=0, lasts=HOUR),
            inject_fault(connection, "dns", site=None, share=1, lasts=timedelta(days=2)),
            inject_error(connection, "lumora.example", phase="icons", kind="meteor"),
            inject_error(connection, "lumora.example", phase="lunch", kind="timeout"),  # type: ignore[arg-type]
            inject_error(connection, "lumora.example", phase="icons", kind="timeout", attempts=0),
        ):
            with pytest.raises(BadQuestion):
                await bad
        with pytest.raises(NoSuchSite):
            await inject_fault(connection, "dns", site="nowhere.example", share=1, lasts=HOUR)
        with pytest.raises(NothingToInject):
            await inject_error(
                connection, "lumora.example", phase="hashes", kind="truncated", icon_url="https://x/"
            )
        assert await inject_error(connection, "lumora.example", phase="hashes", kind="truncated") == 8


def test_kinds_of_errors_are_those_of_the_crawl() -> None:
    kinds = error_kinds()
    assert {"timeout", "dns_failed", "too_many_pixels", "gave_up", "internal_error", "http_status"} <= kinds
    assert "crawl_error" not in kinds
