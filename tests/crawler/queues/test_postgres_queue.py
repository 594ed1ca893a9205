"""The queue on real Postgres: who gets what, what comes back, and what a pull costs."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from samelook.crawler.errors import CrawlError
from samelook.crawler.queues.interface import Lease, Outcome, Pushed
from samelook.crawler.queues.postgres import PostgresQueue, announce
from samelook.crawler.settings import CrawlSettings
from samelook.crawler.stores import DomainInput, TargetUrl, domains_store, icons_store
from samelook.sql.queue_queries import PHASES, queue_queries

SETTINGS = CrawlSettings(lease_s=60.0)
Pool = Any
Queue = PostgresQueue[DomainInput, TargetUrl]


class Refused(CrawlError):
    kind = "refused"


async def add_domains(pool: Pool, count: int, *, ranked: bool = True) -> None:
    await pool.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source)"
        " SELECT 'example.d' || n, CASE WHEN $2 THEN n END, 'test' FROM generate_series(1, $1::int) AS n",
        count,
        ranked,
    )


def queue_of(pool: Pool, settings: CrawlSettings = SETTINGS) -> Queue:
    return PostgresQueue(pool, domains_store(), settings, uuid.uuid4())


def done(lease: Lease[DomainInput]) -> Outcome[DomainInput, TargetUrl]:
    return Outcome(lease, result=TargetUrl(f"https://{lease.input.reversed_name}/", lease.input.position))


async def expire_leases(pool: Pool) -> None:
    await pool.execute("UPDATE leases SET expires_at = now() - interval '1 second'")


async def test_pull_hands_out_the_best_positions_first(pool: Pool) -> None:
    await add_domains(pool, 30)
    leases = await queue_of(pool).pull(10)
    assert [lease.input.position for lease in leases] == list(range(1, 11))


async def test_unranked_inputs_follow_all_ranked_ones(pool: Pool) -> None:
    await add_domains(pool, 3, ranked=False)
    await pool.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source) VALUES ('a.b', 900, 'test')"
    )
    leases = await queue_of(pool).pull(10)
    assert leases[0].input.reversed_name == "a.b"
    assert len(leases) == 4


async def test_two_workers_never_lease_the_same_row(pool: Pool) -> None:
    await add_domains(pool, 2_000)
    queues = [queue_of(pool) for _ in range(8)]

    async def drain(queue: Queue) -> list[int]:
        taken: list[int] = []
        while leases := await queue.pull(37):
            taken += [lease.input_id for lease in leases]
        return taken

    taken = [id_ for ids in await asyncio.gather(*map(drain, queues)) for id_ in ids]
    assert len(taken) == 2_000
    assert len(set(taken)) == 2_000


async def test_equal_positions_are_all_handed_out_once(pool: Pool) -> None:
    await add_domains(pool, 50)
    await pool.execute("UPDATE domains SET harmonic_position = 7")
    queue = queue_of(pool)
    taken: list[int] = []
    while leases := await queue.pull(8):
        taken += [lease.input_id for lease in leases]
        await queue.push([done(lease) for lease in leases])
    assert len(taken) == len(set(taken)) == 50


async def test_a_killed_workers_rows_come_back_when_the_lease_ends(pool: Pool) -> None:
    await add_domains(pool, 5)
    lost = await queue_of(pool).pull(5)
    survivor = queue_of(pool)
    assert await survivor.pull(5) == []
    await expire_leases(pool)
    again = await survivor.pull(5)
    assert {lease.input_id for lease in again} == {lease.input_id for lease in lost}
    assert {lease.attempts for lease in again} == {2}


async def test_a_late_workers_outcome_is_dropped(pool: Pool) -> None:
    await add_domains(pool, 1)
    late = queue_of(pool)
    (lease,) = await late.pull(1)
    await expire_leases(pool)
    quick = queue_of(pool)
    (taken_over,) = await quick.pull(1)
    assert await late.push([Outcome(lease, error=Refused("too late"))]) == Pushed(0)
    assert await quick.push([done(taken_over)]) == Pushed(1, fed=1)
    assert await pool.fetchval("SELECT count(*) FROM domain_errs") == 0
    assert await pool.fetchval("SELECT count(*) FROM target_urls") == 1


async def test_pushing_twice_changes_nothing(pool: Pool) -> None:
    await add_domains(pool, 3)
    queue = queue_of(pool)
    outcomes = [done(lease) for lease in await queue.pull(3)]
    assert await queue.push(outcomes) == Pushed(3, fed=3)
    assert await queue.push(outcomes) == Pushed(0)
    assert await pool.fetchval("SELECT count(*) FROM target_urls") == 3


async def test_released_work_is_taken_at_once_and_does_not_count_as_an_attempt(pool: Pool) -> None:
    await add_domains(pool, 4)
    first, second = queue_of(pool), queue_of(pool)
    await first.release(await first.pull(4))
    assert [lease.attempts for lease in await second.pull(4)] == [1, 1, 1, 1]


async def test_an_input_that_kills_every_worker_becomes_an_error(pool: Pool) -> None:
    await add_domains(pool, 1)
    for _ in range(SETTINGS.max_attempts):
        assert len(await queue_of(pool).pull(1)) == 1
        await expire_leases(pool)
    assert await queue_of(pool).pull(1) == []
    error = json.loads(await pool.fetchval("SELECT error::text FROM domain_errs"))
    assert error["kind"] == "gave_up"
    assert error["detail"] == {"attempts": SETTINGS.max_attempts}


async def test_errors_are_tried_again_after_a_growing_back_off(pool: Pool) -> None:
    await add_domains(pool, 1)
    queue = queue_of(pool)
    waits = []
    for attempt in range(1, 4):
        (lease,) = await queue.pull(1)
        await queue.push([Outcome(lease, error=Refused("no"))])
        row = await pool.fetchrow(
            "SELECT attempts, extract(epoch FROM retry_at - at)::float8 AS wait FROM domain_errs"
        )
        assert row["attempts"] == attempt
        waits.append(row["wait"])
        assert await queue.pull(1) == []
        await pool.execute("UPDATE domain_errs SET retry_at = now() - interval '1 second'")
        await rewind(pool)
    assert 0.9 < waits[0] / SETTINGS.retry_first_s < 1.1
    assert all(1.8 < later / earlier < 2.3 for earlier, later in pairwise(waits))


async def test_a_result_ends_the_error(pool: Pool) -> None:
    await add_domains(pool, 1)
    queue = queue_of(pool)
    (lease,) = await queue.pull(1)
    await queue.push([Outcome(lease, error=Refused("no"))])
    await pool.execute("UPDATE domain_errs SET retry_at = now() - interval '1 second'")
    await rewind(pool)
    await queue.push([done(lease) for lease in await queue.pull(1)])
    assert await pool.fetchval("SELECT count(*) FROM domain_errs") == 0
    assert await pool.fetchval("SELECT count(*) FROM target_urls") == 1
    assert await queue.exhausted()


async def test_retry_after_prevails_over_a_shorter_back_off(pool: Pool) -> None:
    class Busy(CrawlError):
        kind = "busy"
        retry_after_s = 50_000.0

    await add_domains(pool, 1)
    queue = queue_of(pool)
    (lease,) = await queue.pull(1)
    await queue.push([Outcome(lease, error=Busy("come back later"))])
    wait = await pool.fetchval("SELECT extract(epoch FROM retry_at - at)::float8 FROM domain_errs")
    assert 45_000 < wait < 55_000


async def test_better_ranked_additions_are_handed_out_next(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source)"
        " SELECT 'example.d' || n, n, 'test' FROM generate_series(1001, 1020) AS n"
    )
    queue = queue_of(pool)
    await queue.pull(10)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO domains (reversed_name, harmonic_position, source) VALUES ('new.b', 3, 't')"
        )
        await announce(connection, "domains", 3)
    leases = await queue.pull(5)
    assert [lease.input.position for lease in leases] == [3, 1011, 1012, 1013, 1014][: len(leases)]
    assert leases[0].input.reversed_name == "new.b"


async def test_a_pull_that_waited_for_an_addition_sees_it(pool: Pool) -> None:
    """The race that the queue's lock closes: the puller's snapshot must be younger than the lock."""
    await add_domains(pool, 1)
    queue = queue_of(pool)
    await queue.push([done(lease) for lease in await queue.pull(5)])
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            "INSERT INTO domains (reversed_name, harmonic_position, source) VALUES ('n.b', 1, 't')"
        )
        await announce(connection, "domains", 1)
        pulling = asyncio.create_task(queue.pull(5))
        await asyncio.sleep(0.1)
        assert not pulling.done()
        await transaction.commit()
    assert [lease.input.reversed_name for lease in await pulling] == ["n.b"]


async def test_stale_results_are_visited_again_oldest_first(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source)"
        " SELECT 'e.d' || n, n, 't' FROM generate_series(1, 3) AS n"
    )
    await pool.execute(
        "INSERT INTO target_urls (domain_id, url, position) SELECT id, 'https://x/', position FROM domains"
    )
    await pool.execute(
        "INSERT INTO page_visits (target_url_id, final_url, status, icon_count, crawled_at)"
        " SELECT id, url, 200, 1, now() - id * interval '1 day' FROM target_urls"
    )
    settings = replace(SETTINGS, page_stale_s=1.5 * 86_400)
    queue = PostgresQueue(pool, icons_store(settings), settings, uuid.uuid4())
    stale = [lease.input.position for lease in await queue.pull(10)]
    assert sorted(stale) == [2, 3]
    assert [lease.input_id for lease in await queue.pull(10)] == []


async def test_one_unstorable_outcome_does_not_lose_the_others(pool: Pool) -> None:
    await add_domains(pool, 3)
    queue = queue_of(pool)
    leases = await queue.pull(3)
    bad = Outcome(leases[1], result=TargetUrl("https://nul\0/", leases[1].input.position))
    assert await queue.push([done(leases[0]), bad, done(leases[2])]) == Pushed(3, fed=2)
    assert await pool.fetchval("SELECT count(*) FROM target_urls") == 2
    assert await pool.fetchval("SELECT kind FROM domain_errs") == "unstorable"


async def test_error_texts_of_any_kind_are_kept(pool: Pool) -> None:
    await add_domains(pool, 1)
    queue = queue_of(pool)
    (lease,) = await queue.pull(1)
    await queue.push([Outcome(lease, error=Refused("nul \0 half \ud800", data={"\0": ["\udfff", b"\xff"]}))])
    error = json.loads(await pool.fetchval("SELECT error::text FROM domain_errs"))
    assert error["message"].startswith("nul \ufffd half")


async def test_exhausted_finds_what_a_crash_left_behind_the_cursor(pool: Pool) -> None:
    await add_domains(pool, 5)
    queue = queue_of(pool)
    await pool.execute("SELECT setval('cursor_domains_fresh', 4)")  # as if a crash undid the claims of 1 to 4
    await queue.push([done(lease) for lease in await queue.pull(10)])
    assert await queue.pull(10) == []
    assert not await queue.exhausted()
    leases = await queue.pull(10)
    assert [lease.input.position for lease in leases] == [1, 2, 3, 4]
    assert not await queue.exhausted()
    await queue.push([done(lease) for lease in leases])
    assert await queue.exhausted()


async def test_what_is_known_to_be_done_is_not_looked_at_again(pool: Pool) -> None:
    await seed_half_done(pool, 20_000, 1.0)
    queue = queue_of(pool)
    assert await queue.exhausted()
    rows, pages = touched(await plan_of_claim(pool, "look_whether_done", span=16_384))
    assert rows <= 1  # of the cursor
    assert pages < 10
    await pool.execute("DELETE FROM target_urls WHERE position = 500")
    async with pool.acquire() as connection, connection.transaction():
        await announce(connection, "domains", 500)
    assert not await queue.exhausted()
    assert [lease.input.position for lease in await queue.pull(10)] == [500]


async def rewind(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await queue_queries("domains").lock_queue(connection)
        await queue_queries("domains").rewind(connection)


@asynccontextmanager
async def held_snapshot(url: str) -> AsyncIterator[None]:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.fetchval("SELECT count(*) FROM domains")
            yield
    finally:
        await connection.close()


async def seed_half_done(pool: Pool, count: int, done_share: float) -> None:
    await add_domains(pool, count)
    await pool.execute(
        "INSERT INTO target_urls (domain_id, url, position)"
        " SELECT id, 'https://x/', position FROM domains WHERE position <= $1::float8",
        count * done_share,
    )
    await pool.execute("SELECT setval('cursor_domains_fresh', floor($1::float8)::bigint)", count * done_share)
    # The server does so by itself sooner or later; in the middle of a comparison it would change one side.
    await pool.execute("VACUUM (ANALYZE) domains, target_urls")


async def plan_of_claim(pool: Pool, query: str, **parameters: Any) -> dict[str, Any]:
    """EXPLAIN (ANALYZE, BUFFERS) of a claim, rolled back."""
    queries = queue_queries("domains")
    values = {
        "worker_id": uuid.uuid4(),
        "lease_id": uuid.uuid4(),
        "lease_s": 60.0,
        "batch": 100,
        **parameters,
    }
    sql: str = getattr(queries, query).sql
    names = list(queries.driver_adapter.var_sorted[query])
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await queries.lock_queue(connection)
        plans = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *[values[name] for name in names]
        )
        await transaction.rollback()
    plan: dict[str, Any] = plans[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *[node for child in plan.get("Plans", []) for node in nodes(child)]]


def touched(plan: dict[str, Any]) -> tuple[int, int]:
    """Rows read from tables and indexes, and buffers."""
    scans = [node for node in nodes(plan) if "Relation Name" in node and node["Node Type"] != "ModifyTable"]
    rows = sum(node["Actual Rows"] * node["Actual Loops"] for node in scans)
    return round(rows), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest.mark.parametrize("span", [100, 1000])
async def test_a_pull_touches_as_many_rows_at_99_percent_as_at_1_percent(pool: Pool, span: int) -> None:
    figures = []
    for share in (0.01, 0.99):
        await pool.execute("TRUNCATE domains CASCADE")
        await seed_half_done(pool, 100_000, share)
        plan = await plan_of_claim(pool, "claim_fresh", span=span)
        assert not [
            node
            for node in nodes(plan)
            if node["Node Type"] == "Seq Scan"
            and node["Relation Name"] in ("domains", "target_urls", "domain_errs", "leases")
        ]
        figures.append(touched(plan))
    (rows_1, buffers_1), (rows_99, buffers_99) = figures
    assert abs(rows_1 - rows_99) <= 1  # WITH TIES reads one more where there is one
    assert buffers_99 <= buffers_1 * 1.25 + 20


async def test_a_held_snapshot_does_not_make_pulls_longer(pool: Pool, database_url: str) -> None:
    await add_domains(pool, 20_000)
    queue = queue_of(pool)
    before = touched(await plan_of_claim(pool, "claim_fresh", span=100))
    async with held_snapshot(database_url):
        for _ in range(150):
            leases = await queue.pull(100)
            await queue.push([done(lease) for lease in leases])
        after = touched(await plan_of_claim(pool, "claim_fresh", span=100))
        expired = touched(await plan_of_claim(pool, "claim_expired"))
    assert after[0] <= before[0] + 5
    assert after[1] <= before[1] * 1.5 + 50
    assert expired[0] <= 5


def test_every_phase_has_all_queries() -> None:
    assert {
        phase: "claim_fresh" in queue_queries(phase).available_queries for phase in PHASES
    } == dict.fromkeys(PHASES, True)
