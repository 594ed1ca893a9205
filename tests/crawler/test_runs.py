"""The book of runs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from samelook.crawler.rhythm import Due, Rhythm
from samelook.crawler.runs import LastRun, Planned, last_run, recorded
from samelook.inspector.health import health_answer
from samelook.inspector.runs import runs_answer
from samelook.inspector.settings import InspectorSettings
from samelook.sql.errors import DatabaseError

Pool = Any
HOURLY = Rhythm(timedelta(hours=1))


async def the_runs(pool: Pool) -> list[dict[str, Any]]:
    return (await runs_answer(pool)).listings[0].rows


async def health_of_runs(pool: Pool) -> list[tuple[str, str]]:
    answer = await health_answer(pool, InspectorSettings())
    return [(row["state"], row["found"]) for row in answer.listings[0].rows if row["check"] == "runs"]


async def test_a_run_is_booked_with_what_it_did_and_which_errors_it_met(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO domains (reversed_name, source) SELECT 'example.d' || n, 'test'"
        " FROM generate_series(1, 5) AS n"
    )
    await pool.execute(
        "INSERT INTO domain_errs (domain_id, error, retry_at, at)"
        ' SELECT id, \'{"kind": "old", "message": "", "detail": {}}\', now(), now() - interval \'1 day\''
        " FROM domains WHERE reversed_name = 'example.d1'"
    )
    async with recorded(pool, "crawl", "domains", lambda: {"domains": {"done": 3, "failed": 1}}):
        await pool.execute(
            "INSERT INTO domain_errs (domain_id, error, retry_at)"
            ' SELECT id, \'{"kind": "timeout", "message": "", "detail": {}}\', now()'
            " FROM domains WHERE reversed_name IN ('example.d2', 'example.d3')"
        )
    (run,) = await the_runs(pool)
    assert (run["state"], run["counts"], run["errors"]) == (
        "done",
        {"domains": {"done": 3, "failed": 1}},
        {"timeout": 2},
    )


async def test_a_failure_is_booked_in_words_and_passes_on(pool: Pool) -> None:
    with pytest.raises(DatabaseError):
        async with recorded(pool, "import", "tranco", dict):
            raise DatabaseError("The list is gone.")
    with pytest.raises(ValueError, match="secret"):
        async with recorded(pool, "import", "tranco", dict):
            raise ValueError("a secret")
    newest, oldest = await the_runs(pool)
    assert (oldest["state"], oldest["message"]) == ("failed", "The list is gone.")
    assert (newest["state"], newest["message"]) == ("failed", "ValueError")
    # Nobody planned it, so nobody is called.
    assert [state for state, _ in await health_of_runs(pool)] == ["watch"]


async def test_a_cancelled_run_was_stopped(pool: Pool) -> None:
    begun = asyncio.Event()

    async def run() -> None:
        async with recorded(pool, "crawl", "domains", dict):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(run())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one["state"] for one in await the_runs(pool)] == ["stopped"]


async def test_two_runs_at_once_know_of_each_other(pool: Pool) -> None:
    async with recorded(pool, "crawl", "domains", dict) as first:
        async with recorded(pool, "crawl", "domains", dict) as second:
            assert len(second.others) == 1
        assert not first.others
    await pool.execute(
        "UPDATE crawl_runs SET finished_at = NULL, outcome = NULL, seen_at = now() - interval '1 h'"
    )
    async with recorded(pool, "crawl", "domains", dict) as third:
        assert not third.others, "it has fallen silent"


async def test_a_schedule_goes_on_where_it_was(pool: Pool) -> None:
    due = Due(datetime(2026, 1, 1, 3, tzinfo=UTC))
    async with recorded(pool, "crawl", "domains", dict, Planned(HOURLY, due)):
        pass
    async with recorded(pool, "crawl", "domains", dict):
        pass  # by hand: it is none of the schedule's
    assert await last_run(pool, "crawl", "domains") == LastRun(due.at)
    assert await last_run(pool, "crawl", "icons") is None


async def test_runs_that_fail_on_end_are_counted(pool: Pool) -> None:
    due = Due(datetime(2026, 1, 1, 3, tzinfo=UTC))

    async def run(*, fails: bool) -> LastRun:
        with suppress(DatabaseError):
            async with recorded(pool, "import", "tranco", dict, Planned(HOURLY, due)):
                if fails:
                    raise DatabaseError("The list is gone.")
        found = await last_run(pool, "import", "tranco")
        assert found is not None
        return found

    assert [(await run(fails=fails)).failures for fails in (True, True, False, True)] == [1, 2, 0, 1]
    assert (await run(fails=True)).failed_at is not None


async def test_jitter_is_no_lateness(pool: Pool) -> None:
    spread = Rhythm(timedelta(hours=6), jitter=timedelta(hours=3))
    begun = datetime.now(UTC) - timedelta(hours=8)
    async with recorded(pool, "crawl", "domains", dict, Planned(spread, Due(begun))):
        pass
    assert await health_of_runs(pool) == [("ok", "1 scheduled, none late, none failed")]


async def test_health_calls_when_a_scheduled_run_fails_or_misses_its_time(pool: Pool) -> None:
    now = datetime.now(UTC)
    assert await health_of_runs(pool) == [("ok", "0 scheduled, none late, none failed")]
    async with recorded(pool, "crawl", "domains", dict, Planned(HOURLY, Due(now))):
        pass
    assert [state for state, _ in await health_of_runs(pool)] == ["ok"]
    await pool.execute("UPDATE crawl_runs SET next_at = now() - interval '20 minutes'")
    ((state, found),) = await health_of_runs(pool)
    assert (state, "missed its time" in found) == ("bad", True)
    with pytest.raises(DatabaseError):
        async with recorded(pool, "crawl", "domains", dict, Planned(HOURLY, Due(now))):
            raise DatabaseError("Nobody answers.")
    assert await health_of_runs(pool) == [("bad", "crawl domains failed: Nobody answers.")]
    await pool.execute(
        "UPDATE crawl_runs SET finished_at = NULL, outcome = NULL, seen_at = now() - interval '1 hour'"
    )
    ((state, found),) = await health_of_runs(pool)
    assert (state, "fell silent" in found) == ("bad", True)


async def test_runs_come_in_pages(pool: Pool) -> None:
    for _ in range(5):
        async with recorded(pool, "crawl", "domains", dict):
            pass
    seen: list[int] = []
    after = None
    for _ in range(3):
        (page,) = (await runs_answer(pool, limit=2, after=after)).listings
        seen += [row["id"] for row in page.rows]
        after = page.after
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 5
    assert after is None
