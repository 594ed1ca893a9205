"""Errors, the queue, grey sites, reports and health, as the database of a crawled sample web tells them."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from samelook.crawler.discovery.discover import WELL_KNOWN_PATHS
from samelook.demo.sample_web.sites import SITES
from samelook.inspector.errors import BadQuestion
from samelook.inspector.failures import errors_answer
from samelook.inspector.health import health_answer
from samelook.inspector.opinions import grey_answer, reports_answer
from samelook.inspector.queues import queue_answer
from samelook.inspector.settings import InspectorSettings
from samelook.sql.pool import OwnConnection, Pool

SETTINGS = InspectorSettings()


def expected_kinds() -> Counter[tuple[str, str]]:
    kinds = Counter(("icons", site.page_error) for site in SITES if site.page_error)
    # A page at a path that nobody named is no error, it is no icon.
    kinds += Counter(
        ("hashes", kind)
        for site in SITES
        for path, kind in site.icon_errors.items()
        if not (kind == "not_an_image" and path in WELL_KNOWN_PATHS)
    )
    return kinds


async def test_error_kinds_are_counted_as_the_sample_web_has_them(reader: OwnConnection) -> None:
    kinds, errors = (await errors_answer(reader, limit=1000)).listings
    assert {(row["phase"], row["kind"]): row["inputs"] for row in kinds.rows} == expected_kinds()
    assert Counter((row["phase"], row["kind"]) for row in errors.rows) == expected_kinds()
    sites = {row["site"] for row in errors.rows if row["phase"] == "icons"}
    assert sites == {site.host for site in SITES if site.page_error}
    assert errors.after is None


async def test_errors_are_filtered(reader: OwnConnection) -> None:
    answer = await errors_answer(reader, phase="icons", kind="too_large")
    assert sorted(row["site"] for row in answer.listings[1].rows) == [
        "heavy-page.example",
        "neverending.example",
    ]
    future = await errors_answer(reader, since=datetime.now(UTC) + timedelta(hours=1))
    assert [listing.rows for listing in future.listings] == [[], []]
    with pytest.raises(BadQuestion, match="no phase"):
        await errors_answer(reader, phase="nonsense")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [None, "blocked_address"])
async def test_pages_of_errors_join_without_gap_or_repetition(
    crawled_pool: Pool, reader: OwnConnection, kind: str | None
) -> None:
    # One transaction writes many errors at the very same time.
    await crawled_pool.execute("UPDATE hashing_errs SET at = '2026-01-01' WHERE kind = 'blocked_address'")
    whole = (await errors_answer(reader, kind=kind, limit=1000)).listings[1].rows
    paged, after = [], None
    while True:
        page = (await errors_answer(reader, kind=kind, limit=2, after=after)).listings[1]
        paged += page.rows
        after = page.after
        if after is None:
            break
    assert paged == whole
    assert len(whole) > 4


@pytest.mark.parametrize("mark", ["nonsense", "WzFd", "", "WyJ4IiwieSJd"])
async def test_a_foreign_page_mark_is_refused(reader: OwnConnection, mark: str) -> None:
    for ask in (errors_answer, reports_answer):
        with pytest.raises(BadQuestion):
            await ask(reader, after=mark)
    with pytest.raises(BadQuestion):
        await grey_answer(reader, after=mark)


async def test_the_queue_of_a_finished_crawl(crawled_pool: Pool, reader: OwnConnection) -> None:
    phases, workers = (await queue_answer(reader, SETTINGS)).listings
    by_phase = {row["phase"]: row for row in phases.rows}
    assert by_phase["domains"]["inputs"] == by_phase["domains"]["done"] == len(SITES)
    assert by_phase["icons"]["failed"] == sum(site.page_error is not None for site in SITES)
    assert by_phase["icons"]["done"] + by_phase["icons"]["failed"] == len(SITES)
    assert all(row["due"] == row["leased"] == row["expired"] == row["stale"] == 0 for row in phases.rows)
    assert not any(row["estimated"] for row in phases.rows)
    assert [worker["state"] for worker in workers.rows] == ["stopped"]
    oldest = await crawled_pool.fetchval("SELECT min(crawled_at) FROM page_visits")
    assert datetime.fromisoformat(by_phase["icons"]["oldest_result"]) == oldest.replace(
        microsecond=oldest.microsecond // 1000 * 1000
    )


async def test_due_leased_expired_stale_and_silent_are_told_apart(
    crawled_pool: Pool, reader: OwnConnection
) -> None:
    worker = uuid.uuid4()
    await crawled_pool.execute(
        "INSERT INTO crawl_workers (id, host, pid, phases, last_seen_at)"
        " VALUES ($1, 'elsewhere', 7, '{icons}', now() - interval '5 minutes')",
        worker,
    )
    targets = [
        row["id"] for row in await crawled_pool.fetch("SELECT id FROM target_urls ORDER BY id LIMIT 5")
    ]
    await crawled_pool.execute("DELETE FROM page_visits WHERE target_url_id = ANY ($1)", targets)
    await crawled_pool.execute("DELETE FROM icon_errs WHERE target_url_id = ANY ($1)", targets)
    for target, minutes in zip(targets[:3], (1, 2, -3), strict=True):
        await crawled_pool.execute(
            "INSERT INTO leases (phase, input_id, lease_id, worker_id, expires_at)"
            " VALUES ('icons', $1, gen_random_uuid(), $2, now() + $3 * interval '1 minute')",
            target,
            worker,
            minutes,
        )
    await crawled_pool.execute(
        "UPDATE page_visits SET crawled_at = now() - interval '8 days' WHERE target_url_id ="
        " (SELECT max(target_url_id) FROM page_visits)"
    )
    phases, workers = (await queue_answer(reader, SETTINGS)).listings
    icons = phases.rows[1]
    assert (icons["due"], icons["leased"], icons["expired"], icons["stale"]) == (3, 2, 1, 1)
    assert [row["state"] for row in workers.rows] == ["silent", "stopped"]
    checks = {row["check"]: row for row in (await health_answer(reader, SETTINGS)).listings[0].rows}
    assert checks["workers"]["state"] == "watch"
    assert "elsewhere:7" in checks["workers"]["found"]
    await crawled_pool.execute("UPDATE leases SET expires_at = now() - interval '1 hour'")
    answer = await health_answer(reader, SETTINGS)
    assert not answer.facts["healthy"]
    assert {row["check"] for row in answer.listings[0].rows if row["state"] == "bad"} == {"leases"}


async def test_large_tables_are_estimated_and_say_so(crawled_pool: Pool, reader: OwnConnection) -> None:
    await crawled_pool.execute("ANALYZE")
    phases = (await queue_answer(reader, InspectorSettings(counted_exactly=20))).listings[0]
    assert [row["inputs"] for row in phases.rows][:2] == [len(SITES)] * 2
    assert all(row["estimated"] for row in phases.rows)


async def test_a_finished_crawl_is_healthy(reader: OwnConnection) -> None:
    answer = await health_answer(reader, SETTINGS)
    assert answer.facts["healthy"], answer.listings[0].rows


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("DELETE FROM schema_migrations WHERE version = 1", "schema"),
        ("INSERT INTO schema_migrations VALUES (9999, '9999_future.sql', 'x')", "schema"),
        (
            """
            INSERT INTO hashing_errs (icon_url_id, error, retry_at)
            SELECT id, '{"kind": "dns_failed", "message": "", "detail": {}}', now() + interval '1 hour'
            FROM icon_urls ON CONFLICT DO NOTHING;
            UPDATE hashing_errs SET at = now();
            UPDATE favicon_metadata SET crawled_at = now() - interval '2 hours'
            """,
            "failures of hashes",
        ),
        (
            """
            UPDATE page_visits SET crawled_at = now() - interval '1 hour';
            UPDATE favicon_metadata SET crawled_at = now() - interval '1 hour';
            UPDATE icon_errs SET retry_at = now() - interval '1 minute'
            """,
            "crawl",
        ),
    ],
)
async def test_what_needs_a_person_is_bad(
    crawled_pool: Pool, reader: OwnConnection, statement: str, check: str
) -> None:
    await crawled_pool.execute(statement)
    answer = await health_answer(reader, SETTINGS)
    assert not answer.facts["healthy"]
    assert [row["check"] for row in answer.listings[0].rows if row["state"] == "bad"] == [check]


async def test_reports_come_newest_first_in_pages(crawled_pool: Pool, reader: OwnConnection) -> None:
    await crawled_pool.execute(
        "INSERT INTO reports (site, kind, network, at)"
        " SELECT 'site' || n || '.example', CASE WHEN n % 2 = 0 THEN 'flag' ELSE 'unlock' END, 'n',"
        " timestamptz '2026-01-01' + n / 3 * interval '1 hour' FROM generate_series(1, 9) AS n"
    )
    whole = (await reports_answer(reader)).listings[0].rows
    assert len(whole) == 9
    assert [row["at"] for row in whole] == sorted((row["at"] for row in whole), reverse=True)
    first = (await reports_answer(reader, limit=4)).listings[0]
    second = (await reports_answer(reader, limit=100, after=first.after)).listings[0]
    assert first.rows + second.rows == whole
    flags = (await reports_answer(reader, kind="flag")).listings[0].rows
    assert {row["kind"] for row in flags} == {"flag"}
    assert len(flags) == 4
    with pytest.raises(BadQuestion):
        await reports_answer(reader, kind="nonsense")


async def test_grey_sites_are_listed_by_reason_in_pages(reader: OwnConnection) -> None:
    failed = (await grey_answer(reader, reason="discovery_failed", limit=100)).listings[0].rows
    assert Counter(row["detail"] for row in failed) == Counter(
        site.page_error for site in SITES if site.page_error
    )
    whole = (await grey_answer(reader, limit=1000)).listings[0].rows
    first = (await grey_answer(reader, limit=10)).listings[0]
    second = (await grey_answer(reader, limit=1000, after=first.after)).listings[0]
    assert first.rows + second.rows == whole
