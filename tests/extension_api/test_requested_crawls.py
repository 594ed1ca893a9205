"""Sites that somebody asks about are crawled before all others, through every phase."""

from __future__ import annotations

import uuid
from typing import Any

from samelook.crawler.queues.postgres import PostgresQueue
from samelook.crawler.settings import CrawlSettings
from samelook.crawler.stores import domains_store
from samelook.extension_api.outbox import Outbox
from samelook.names.sites import Site
from samelook.sql.pool import Pool

ASKED_FOR = Site("asked-for.example")


async def ask_for(pool: Pool, *sites: str) -> None:
    outbox = Outbox(pool, remembered=10)
    for site in sites:
        outbox.want_crawl(Site(site), 1e9)
    await outbox.flush()


async def test_a_clock_that_was_set_back_does_not_keep_the_crawl_away(pool: Pool) -> None:
    outbox = Outbox(pool, remembered=10)
    outbox.want_crawl(ASKED_FOR, 1e9)
    assert outbox.has_asked_for(ASKED_FOR, 1e9 + 3600)
    assert not outbox.has_asked_for(ASKED_FOR, 1e9 - 3600)


async def requests(pool: Pool, phase: str) -> list[tuple[int, bool]]:
    rows = await pool.fetch(
        "SELECT input_id, taken_at IS NOT NULL AS taken FROM crawl_requests WHERE phase = $1 ORDER BY 1",
        phase,
    )
    return [(row["input_id"], row["taken"]) for row in rows]


async def test_a_requested_site_goes_before_ranked_ones_and_its_page_and_icons_too(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source) "
        "SELECT 'example.ranked' || n, n, 'x' FROM generate_series(1, 20) AS n"
    )
    queue: Any = PostgresQueue(pool, domains_store(), CrawlSettings(), uuid.uuid4())
    await ask_for(pool, ASKED_FOR)
    leases = await queue.pull(5)
    domain = await pool.fetchval("SELECT id FROM domains WHERE reversed_name = 'example.asked-for'")
    assert [lease.input_id for lease in leases] == [domain]
    assert await requests(pool, "domains") == [(domain, True)]
    # It is taken once, and the others come next.
    assert len(await queue.pull(5)) == 5
    target = await pool.fetchval(
        "INSERT INTO target_urls (domain_id, url, position) "
        "SELECT id, 'https://asked-for.example/', position FROM domains WHERE id = $1 RETURNING id",
        domain,
    )
    other = await pool.fetchval(
        "INSERT INTO target_urls (domain_id, url, position) SELECT id, 'https://ranked1.example/', 1 "
        "FROM domains WHERE reversed_name = 'example.ranked1' RETURNING id"
    )
    assert await requests(pool, "icons") == [(target, False)]
    icons = await pool.fetch(
        "INSERT INTO icon_urls (url_sha256, icon_url, declared, position) "
        "SELECT sha256(convert_to(n::text, 'UTF8')), 'https://x.example/' || n, true, 1 "
        "FROM generate_series(1, 2) AS n RETURNING id"
    )
    for page, icon in ((target, icons[0]["id"]), (other, icons[1]["id"])):
        await pool.execute(
            "INSERT INTO site_icons (target_url_id, icon_url_id, ordinal, source, declared_url) "
            "VALUES ($1, $2, 0, 'link-icon', '/i')",
            page,
            icon,
        )
    assert await requests(pool, "hashes") == [(icons[0]["id"], False)]


async def test_a_flood_of_requests_leaves_half_of_the_pulls_to_the_others(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source) "
        "SELECT 'example.ranked' || n, n, 'x' FROM generate_series(1, 20) AS n"
    )
    await ask_for(pool, *(f"asked-{number}.example" for number in range(20)))
    queue: Any = PostgresQueue(pool, domains_store(), CrawlSettings(), uuid.uuid4())
    ranked = set(await pool.fetchval("SELECT array_agg(id) FROM domains WHERE harmonic_position IS NOT NULL"))
    pulls = [{lease.input_id for lease in await queue.pull(5)} for _ in range(4)]
    assert [pull <= ranked for pull in pulls] == [False, True, False, True]
    assert all(len(pull) == 5 for pull in pulls)


async def test_a_site_that_failed_is_not_tried_again_at_anybodys_wish(pool: Pool) -> None:
    await ask_for(pool, ASKED_FOR)
    domain = await pool.fetchval("SELECT id FROM domains WHERE reversed_name = 'example.asked-for'")
    await pool.execute("DELETE FROM crawl_requests")
    await pool.execute(
        "INSERT INTO domain_errs (domain_id, error, retry_at) "
        """VALUES ($1, '{"kind": "timeout", "message": "", "detail": {}}', now() + interval '1 hour')""",
        domain,
    )
    await ask_for(pool, ASKED_FOR)
    assert await requests(pool, "domains") == []
