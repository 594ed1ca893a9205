"""A phase at work on a real queue: it ends, it stops, it survives bugs and outages."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from samelook.crawler.errors import CrawlError
from samelook.crawler.queues import postgres
from samelook.crawler.queues.interface import Outcome
from samelook.crawler.queues.postgres import PhaseStore, PostgresQueue
from samelook.crawler.settings import CrawlSettings
from samelook.crawler.slots import Slots
from samelook.crawler.stages import Stages
from samelook.crawler.stores import DomainInput, TargetUrl, domains_store
from samelook.crawler.worker import INTERRUPTIONS, PhaseRunner

SETTINGS = CrawlSettings(concurrency=10, batch=10, flush_s=0.02, idle_first_s=0.02, stop_grace_s=0.3)
Pool = Any


class Refused(CrawlError):
    kind = "refused"


async def add_domains(pool: Pool, count: int) -> None:
    await pool.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source)"
        " SELECT 'example.d' || n, n, 'test' FROM generate_series(1, $1::int) AS n",
        count,
    )


def runner_of(
    pool: Pool, work: Any, stop: asyncio.Event | None = None, settings: CrawlSettings = SETTINGS
) -> PhaseRunner[DomainInput, TargetUrl]:
    queue = PostgresQueue(pool, domains_store(), settings, uuid.uuid4())
    slots = Slots(settings.concurrency)
    return PhaseRunner("domains", queue, work, settings, stop or asyncio.Event(), slots, Stages())


async def start_page(domain: DomainInput) -> TargetUrl:
    return TargetUrl(f"https://{domain.reversed_name}/", domain.position)


async def counts(pool: Pool) -> tuple[int, int, int]:
    """Results, errors, leases."""
    row = await pool.fetchrow(
        "SELECT (SELECT count(*) FROM target_urls), (SELECT count(*) FROM domain_errs),"
        " (SELECT count(*) FROM leases)"
    )
    return tuple(row)


async def test_once_works_through_everything_and_ends(pool: Pool) -> None:
    await add_domains(pool, 57)
    runner = runner_of(pool, start_page)
    await runner.run(once=True)
    assert await counts(pool) == (57, 0, 0)
    assert (runner.progress.done, runner.progress.failed, runner.progress.busy) == (57, 0, 0)


async def test_an_error_is_kept_and_the_phase_goes_on(pool: Pool) -> None:
    async def work(domain: DomainInput) -> TargetUrl:
        if domain.position % 3 == 0:
            raise Refused("every third one")
        return await start_page(domain)

    await add_domains(pool, 30)
    runner = runner_of(pool, work)
    await runner.run(once=True)
    assert await counts(pool) == (20, 10, 0)
    assert runner.progress.errors == {"refused": 10}


async def test_a_bug_costs_one_input(pool: Pool) -> None:
    async def work(domain: DomainInput) -> TargetUrl:
        if domain.position == 2:
            raise ZeroDivisionError
        return await start_page(domain)

    await add_domains(pool, 3)
    await runner_of(pool, work).run(once=True)
    assert await counts(pool) == (2, 1, 0)
    assert await pool.fetchval("SELECT kind FROM domain_errs") == "internal_error"


async def test_leases_of_a_pull_that_failed_half_way_expire(pool: Pool) -> None:
    """The claim is committed, and then the connection is lost: nobody holds these leases, or renews them."""
    store, lost = domains_store(), asyncio.Event()

    async def load(connection: Any, ids: Sequence[int]) -> dict[int, DomainInput]:
        if not lost.is_set():
            lost.set()
            raise ConnectionResetError("as asyncpg does when Postgres is killed")
        return await store.load(connection, ids)

    await add_domains(pool, 30)
    settings = replace(SETTINGS, lease_s=0.5)
    queue = PostgresQueue(pool, replace(store, load=load), settings, uuid.uuid4())
    runner = PhaseRunner(
        "domains", queue, start_page, settings, asyncio.Event(), Slots(settings.concurrency), Stages()
    )
    async with asyncio.timeout(20):
        await runner.run(once=True)
    assert await counts(pool) == (30, 0, 0)


async def test_work_that_outlasts_its_lease_keeps_it(pool: Pool) -> None:
    taken = 0

    async def work(domain: DomainInput) -> TargetUrl:
        nonlocal taken
        taken += 1
        await asyncio.sleep(1.5)
        return await start_page(domain)

    await add_domains(pool, 3)
    settings = replace(SETTINGS, lease_s=0.4)
    others = [runner_of(pool, work, settings=settings) for _ in range(2)]
    async with asyncio.timeout(20):
        await asyncio.gather(*[runner.run(once=True) for runner in others])
    assert await counts(pool) == (3, 0, 0)
    assert taken == 3


@pytest.mark.parametrize("times", [1, 1000])
async def test_work_that_the_database_leaves_is_done_again_and_not_for_ever(pool: Pool, times: int) -> None:
    refused: list[int] = []

    async def work(domain: DomainInput) -> TargetUrl:
        if domain.position == 2 and len(refused) < times:
            refused.append(domain.position)
            raise ConnectionRefusedError("as asyncpg does while Postgres is away")
        return await start_page(domain)

    await add_domains(pool, 3)
    async with asyncio.timeout(20):
        await runner_of(pool, work).run(once=True)
    assert await counts(pool) == ((3, 0, 0) if times == 1 else (2, 1, 0))
    assert len(refused) == min(times, INTERRUPTIONS + 1)


def _broken(raised: Callable[[Any], Awaitable[None]]) -> PhaseStore[DomainInput, TargetUrl]:
    """A store that cannot write what came of the second domain."""
    store = domains_store()

    async def write(connection: Any, results: Sequence[tuple[int, TargetUrl]]) -> int:
        if any(result.url == "https://example.d2/" for _, result in results):
            await raised(connection)
        return await store.write(connection, results)

    return replace(store, write=write)


async def _type_error(_connection: Any) -> None:
    raise TypeError("a bug of ours")


async def _argument_too_many(connection: Any) -> None:
    await connection.fetch("SELECT 1", 2)


async def _too_slow(connection: Any) -> None:
    await connection.execute("SET LOCAL statement_timeout = 20")
    await connection.execute("SELECT pg_sleep(5)")


@pytest.mark.parametrize("raised", [_type_error, _argument_too_many, _too_slow])
async def test_a_bug_in_writing_costs_one_outcome(
    pool: Pool, raised: Callable[[Any], Awaitable[None]]
) -> None:
    await add_domains(pool, 5)
    queue = PostgresQueue(pool, _broken(raised), SETTINGS, uuid.uuid4())
    slots = Slots(SETTINGS.concurrency)
    runner = PhaseRunner("domains", queue, start_page, SETTINGS, asyncio.Event(), slots, Stages())
    async with asyncio.timeout(20):
        await runner.run(once=True)
    assert await counts(pool) == (4, 1, 0)
    assert await pool.fetchval("SELECT kind FROM domain_errs") == "internal_error"


async def test_an_outcome_whose_error_cannot_be_written_either_keeps_nobody(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_domains(pool, 5)
    queue = PostgresQueue(pool, _broken(_type_error), SETTINGS, uuid.uuid4())
    monkeypatch.setattr(postgres, "storable_json", None)
    leases = await queue.pull(5)
    outcomes = [Outcome(lease, result=await start_page(lease.input)) for lease in leases]
    assert (await queue.push(outcomes)).kept == 4
    assert await counts(pool) == (4, 0, 1)


async def test_never_more_in_hand_than_slots(pool: Pool) -> None:
    running, most = 0, 0

    async def work(domain: DomainInput) -> TargetUrl:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1
        return await start_page(domain)

    await add_domains(pool, 100)
    await runner_of(pool, work, settings=replace(SETTINGS, concurrency=4)).run(once=True)
    assert most == 4


@pytest.mark.alone
async def test_stop_finishes_quick_work_and_gives_slow_work_back(pool: Pool) -> None:
    stop = asyncio.Event()

    async def work(domain: DomainInput) -> TargetUrl:
        if domain.position == 1:
            await asyncio.sleep(60)
        stop.set()
        await asyncio.sleep(0.05)
        return await start_page(domain)

    await add_domains(pool, 5)
    started = time.monotonic()
    await runner_of(pool, work, stop).run(once=False)
    assert time.monotonic() - started < 3
    assert await counts(pool) == (4, 0, 1)
    again = PostgresQueue(pool, domains_store(), SETTINGS, uuid.uuid4())
    assert [(lease.input.position, lease.attempts) for lease in await again.pull(5)] == [(1, 1)]


async def test_outcomes_outlive_an_outage_of_the_database(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    cut = False

    async def work(domain: DomainInput) -> TargetUrl:
        nonlocal cut
        if not cut:
            cut = True
            await pool.execute(
                "REVOKE CONNECT ON DATABASE "
                + await pool.fetchval("SELECT current_database()")
                + " FROM PUBLIC"
            )
            await pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        return await start_page(domain)

    await add_domains(pool, 25)
    await runner_of(pool, work).run(once=True)
    assert await counts(pool) == (25, 0, 0)


async def test_a_held_slow_worker_does_not_stall_another(pool: Pool) -> None:
    async def slow(_: DomainInput) -> TargetUrl:
        await asyncio.sleep(60)
        raise AssertionError

    await add_domains(pool, 60)
    stop = asyncio.Event()
    holding = asyncio.create_task(runner_of(pool, slow, stop).run(once=False))
    await asyncio.sleep(0.2)
    quick = asyncio.create_task(runner_of(pool, start_page, stop).run(once=False))
    async with asyncio.timeout(10):
        while (await counts(pool))[0] < 50:
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(holding, quick)
    assert await counts(pool) == (50, 0, 10)
