"""Updates, deletes, generations, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from samelook.exchanges.errors import (
    AnswerTooLarge,
    FetchedElsewhere,
    MalformedPage,
    Superseded,
    UnknownExchange,
    WorkerDied,
    WorkerHung,
)
from tests.fixtures.waiting import until

A, B, C, D = (f"{n:02x}" * 16 for n in (0xAA, 0xBB, 0xCC, 0xDD))


def md5(*values: str, tags: tuple[str, ...] = ("t",)) -> list[Any]:
    return [["md5", value, list(tags)] for value in values]


def gone(*values: str) -> list[Any]:
    return [["md5", value, None] for value in values]


async def test_the_sample_fills_its_bank_and_a_second_fetch_changes_nothing(
    store: Any, fetch: Any, matching: Any, pool: Any
) -> None:
    await store.create("SAMPLE", "sample")
    first = await fetch("SAMPLE")
    held, ids = await matching("SAMPLE"), await pool.fetch("SELECT id FROM bank_content ORDER BY id")
    second = await fetch("SAMPLE")
    assert first.succeeded
    assert second.succeeded
    assert first.up_to_date
    assert second.up_to_date
    assert len(held["pdq"]) == 16
    assert len(held["video_md5"]) == 2
    assert await matching("SAMPLE") == held
    assert await pool.fetch("SELECT id FROM bank_content ORDER BY id") == ids
    status = await store.status("SAMPLE")
    assert (status.records, status.up_to_date, status.succeeded, status.running_since) == (
        first.stored,
        True,
        True,
        None,
    )


async def test_updates_and_deletes_are_applied_in_their_order(
    store: Any, fetch: Any, script: Any, matching: Any
) -> None:
    path = script(md5(A, B), gone(A), md5(A, C), gone(A, B))
    await store.create("ONE", "scripted", {"script": path})
    outcome = await fetch("ONE")
    assert outcome.succeeded
    assert outcome.pages == 4
    assert await matching("ONE") == {"md5": [C]}


async def test_a_fetch_goes_on_from_its_checkpoint(
    store: Any, fetch: Any, script: Any, matching: Any
) -> None:
    path = script(md5(A), md5(B))
    await store.create("ONE", "scripted", {"script": path})
    await fetch("ONE")
    # What is behind the checkpoint would fail if it were read again.
    script({"raise": "read again"}, {"raise": "read again"}, [*md5(C), *gone(A)])
    outcome = await fetch("ONE")
    assert outcome.succeeded, outcome.error
    assert outcome.pages == 1
    assert await matching("ONE") == {"md5": [B, C]}


async def test_a_stale_checkpoint_starts_over_beside_the_old_data(
    store: Any, fetch: Any, script: Any, matching: Any, pool: Any
) -> None:
    path = script(md5(A, B, C))
    await store.create("ONE", "scripted", {"script": path})
    await fetch("ONE")
    kept = await pool.fetchval("SELECT content_id FROM exchange_records WHERE key LIKE '%' || $1 || '%'", B)
    # Half-way through the new reading: all of the old still matches, and so does the new.
    script(md5(B), md5(D), {"raise": "not yet"}, epoch=2)
    outcome = await fetch("ONE")
    assert not outcome.succeeded
    assert await matching("ONE") == {"md5": [A, B, C, D]}
    assert (await store.status("ONE")).rebuilding
    script(md5(B), md5(D), md5(A), epoch=2)
    outcome = await fetch("ONE")
    assert outcome.succeeded
    assert outcome.pages == 1
    assert await matching("ONE") == {"md5": [A, B, D]}
    status = await store.status("ONE")
    assert (status.records, status.rebuilding) == (3, False)
    # What did not change keeps its content.
    assert kept == await pool.fetchval(
        "SELECT content_id FROM exchange_records WHERE key LIKE '%' || $1 || '%'", B
    )
    assert await pool.fetchval("SELECT count(DISTINCT generation) FROM exchange_records") == 1


async def test_from_scratch_removes_what_the_source_no_longer_has(
    store: Any, fetch: Any, script: Any, matching: Any
) -> None:
    path = script(md5(A, B))
    await store.create("ONE", "scripted", {"script": path})
    await fetch("ONE")
    script(md5(B))  # A is gone, and nobody said so
    await fetch("ONE")
    assert await matching("ONE") == {"md5": [A, B]}
    await fetch("ONE", from_scratch=True)
    assert await matching("ONE") == {"md5": [B]}


async def test_starting_over_again_and_again_leaves_nothing_behind(
    store: Any, fetch: Any, script: Any, matching: Any, pool: Any
) -> None:
    path = script(md5(A, B))
    await store.create("ONE", "scripted", {"script": path})
    await fetch("ONE")
    for epoch in range(2, 6):
        script(md5(C), {"raise": "breaks off"}, epoch=epoch)
        assert not (await fetch("ONE")).succeeded
        assert await matching("ONE") == {"md5": [A, B, C]}
    assert await pool.fetchval("SELECT count(DISTINCT generation) FROM exchange_records") <= 3
    script(md5(B), epoch=9)
    assert (await fetch("ONE")).succeeded
    assert await matching("ONE") == {"md5": [B]}
    assert await pool.fetchval("SELECT count(*) FROM exchange_records") == 1
    assert await pool.fetchval("SELECT count(*) FROM exchange_checkpoints") == 1


async def test_values_are_merged_by_the_type_and_a_large_page_is_cut(
    store: Any, fetch: Any, script: Any, pool: Any
) -> None:
    path = script(md5(A, B, C, D, tags=("one",)), md5(A, B, tags=("two",)), md5(B, tags=()))
    await store.create("ONE", "gathering", {"script": path})
    outcome = await fetch("ONE", page_records=3)
    assert outcome.succeeded, outcome.error
    rows = await pool.fetch("SELECT shared FROM bank_content WHERE removed_at IS NULL ORDER BY id")
    assert [row["shared"]["tags"] for row in rows] == [["one", "two"], ["one"], ["one"]]


async def test_matches_carry_what_the_exchange_says(store: Any, fetch: Any, script: Any, pool: Any) -> None:
    path = script(md5(A, tags=("first", "second")))
    await store.create("ONE", "scripted", {"script": path})
    await fetch("ONE")
    before = await pool.fetchrow("SELECT id, shared FROM bank_content")
    said = before["shared"]
    assert (said["exchange"], said["opinion"], said["tags"]) == ("ONE", "POSITIVE_CLASS", ["first", "second"])
    assert said["opinions"] == [
        {"category": "POSITIVE_CLASS", "tags": ["first", "second"], "is_mine": False, "owner": "7"}
    ]
    assert (said["key"], said["record"]) == (f"('md5', '{A}')", {"tags": ["first", "second"], "owner": 7})
    script(md5(A, tags=("first", "second")), md5(A, tags=("third",)))
    await fetch("ONE")
    after = await pool.fetchrow("SELECT id, shared FROM bank_content WHERE removed_at IS NULL")
    assert (after["id"], after["shared"]["tags"]) == (before["id"], ["third"])


async def test_one_record_that_is_no_signal_costs_only_itself(
    store: Any, fetch: Any, script: Any, matching: Any
) -> None:
    # HMA takes a PDQ with a newline behind it, and never builds an index again.
    newline = "f" * 64 + "\n"
    path = script(
        [["pdq", newline, []], ["pdq", "a" * 64, []], ["md5", "x", []], ["unknown", "whatever", []]]
    )
    await store.create("ONE", "scripted", {"script": path})
    outcome = await fetch("ONE")
    assert outcome.succeeded
    assert outcome.quarantined == 2
    assert await matching("ONE") == {"pdq": ["a" * 64]}
    held = await store.quarantine("ONE")
    assert {one.error["kind"] for one in held} == {"bad_signal"}
    assert any(newline.strip() in one.raw.decode() for one in held)
    # Read well later, it is no longer in quarantine.
    script([], [["md5", "x", None]])
    await fetch("ONE")
    assert len(await store.quarantine("ONE")) == 1
    assert len(await store.quarantine("ONE", include_resolved=True)) == 2


async def test_a_page_that_cannot_be_read_is_retried_and_quarantined(
    store: Any, fetch: Any, script: Any, matching: Any
) -> None:
    path = script(md5(A), {"raise": "nonsense"}, md5(B))
    await store.create("ONE", "scripted", {"script": path})
    outcome = await fetch("ONE")
    assert isinstance(outcome.error, MalformedPage)
    assert "nonsense" in outcome.error.message
    assert await matching("ONE") == {"md5": [A]}
    status = await store.status("ONE")
    assert (status.succeeded, status.failures, status.quarantined) == (False, 1, 1)
    await fetch("ONE")
    (held,) = await store.quarantine("ONE")
    assert (held.error["kind"], held.times) == ("malformed_page", 2)
    assert (await store.status("ONE")).failures == 2
    script(md5(A), md5(D), md5(B))
    assert (await fetch("ONE")).succeeded
    status = await store.status("ONE")
    assert (status.failures, status.quarantined) == (0, 0)
    assert await matching("ONE") == {"md5": [A, B, D]}


async def test_a_hanging_library_is_killed(store: Any, fetch: Any, script: Any, matching: Any) -> None:
    path = script(md5(A), {"hang": True})
    await store.create("ONE", "scripted", {"script": path})
    outcome = await fetch("ONE", silence_s=3.0)
    assert isinstance(outcome.error, WorkerHung)
    assert await matching("ONE") == {"md5": [A]}


async def test_a_library_that_brings_its_process_down_harms_nobody_else(
    store: Any, fetch: Any, script: Any, matching: Any
) -> None:
    path = script(md5(A), {"die": True})
    await store.create("ONE", "scripted", {"script": path})
    outcome = await fetch("ONE")
    assert isinstance(outcome.error, WorkerDied)
    assert await matching("ONE") == {"md5": [A]}
    script(md5(A), md5(B))
    assert (await fetch("ONE")).succeeded
    assert await matching("ONE") == {"md5": [A, B]}


async def test_an_answer_without_end_does_not_fill_the_machine(
    store: Any, fetch: Any, script: Any, matching: Any
) -> None:
    path = script(md5(A), {"fill": True})
    await store.create("ONE", "scripted", {"script": path})
    outcome = await fetch("ONE", memory_bytes=200 << 20)
    assert isinstance(outcome.error, AnswerTooLarge)
    assert "SAMELOOK_EXCHANGE_MEMORY_MB" in outcome.error.message
    assert await matching("ONE") == {"md5": [A]}


async def test_time_that_goes_back_is_reported_and_read_again(
    store: Any, fetch: Any, script: Any, matching: Any
) -> None:
    path = script(
        {"updates": md5(A), "time": 100}, {"updates": md5(B), "time": 50}, {"updates": gone(A), "time": 120}
    )
    await store.create("ONE", "scripted", {"script": path})
    outcome = await fetch("ONE")
    assert outcome.succeeded
    assert outcome.quarantined == 1
    assert await matching("ONE") == {"md5": [B]}
    assert (await store.status("ONE")).checkpoint_ts == 120


async def test_a_page_without_checkpoint_does_not_lose_the_last_one(
    store: Any, fetch: Any, script: Any, matching: Any
) -> None:
    path = script(md5(A), {"updates": md5(B), "no_checkpoint": True}, {"raise": "here"})
    await store.create("ONE", "scripted", {"script": path})
    await fetch("ONE")
    assert await matching("ONE") == {"md5": [A, B]}
    script({"raise": "read again"}, md5(B), md5(C))
    assert (await fetch("ONE")).pages == 2
    assert await matching("ONE") == {"md5": [A, B, C]}


async def test_a_checkpoint_of_another_version_starts_over(
    store: Any, fetch: Any, script: Any, matching: Any, pool: Any
) -> None:
    path = script(md5(A, B))
    await store.create("ONE", "scripted", {"script": path})
    await fetch("ONE")
    await pool.execute(
        "UPDATE exchange_checkpoints SET checkpoint = replace(checkpoint, 'ScriptCheckpoint', 'Former')"
    )
    script(md5(B))
    assert (await fetch("ONE")).succeeded
    assert await matching("ONE") == {"md5": [B]}


async def test_only_one_process_fetches_an_exchange_at_a_time(
    store: Any, fetch: Any, script: Any, pool: Any
) -> None:
    path = script({"hang": True})
    made = await store.create("ONE", "scripted", {"script": path})
    first = asyncio.create_task(fetch("ONE"))
    async with asyncio.timeout(30):
        while (await store.status("ONE")).running_since is None:
            await asyncio.sleep(0.01)
    with pytest.raises(FetchedElsewhere):
        await fetch("ONE")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (await store.status("ONE")).running_since is None
    assert await pool.fetchval("SELECT run_id IS NOT NULL FROM exchanges WHERE id = $1", made.id)
    script(md5(A))
    assert (await fetch("ONE")).succeeded


@pytest.mark.parametrize("what", ["disable", "delete", "take over"])
async def test_who_lost_the_exchange_writes_no_more(
    store: Any, settings: Any, script: Any, matching: Any, pool: Any, what: str
) -> None:
    from samelook.exchanges.fetching import fetch_once

    path = script(md5(A), md5(B))
    await store.create("ONE", "scripted", {"script": path})
    seen = asyncio.Event()

    async def interfere() -> None:
        await seen.wait()
        if what == "disable":
            await store.update("ONE", enabled=False)
        elif what == "delete":
            await store.delete("ONE")
        else:
            await pool.execute("UPDATE exchanges SET run_id = gen_random_uuid()")

    # The first page's lock is held while the second statement waits for it: no page comes between.
    blocker = await pool.acquire()
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("LOCK TABLE exchange_records IN ACCESS EXCLUSIVE MODE")
    running = asyncio.create_task(fetch_once(pool, "ONE", settings))
    await until(lambda: pool.fetchval("SELECT run_id IS NOT NULL FROM exchanges"))
    await transaction.rollback()
    await pool.release(blocker)
    seen.set()
    await interfere()
    outcome = await running
    held = await matching("ONE")
    if what == "delete":
        assert held == {}
    # It was either through already, or it stopped; what came after the change was never written.
    assert outcome.succeeded or isinstance(outcome.error, Superseded)


async def test_a_run_that_takes_too_long_stops_and_the_next_goes_on(
    store: Any, fetch: Any, script: Any, matching: Any
) -> None:
    path = script(md5(A), md5(B), md5(C))
    await store.create("ONE", "scripted", {"script": path})
    for values in ([A], [A, B], [A, B, C]):
        outcome = await fetch("ONE", run_s=0.0)
        assert outcome.succeeded
        assert not outcome.up_to_date
        assert outcome.pages == 1
        assert await matching("ONE") == {"md5": values}
    assert (await fetch("ONE")).up_to_date


async def test_an_unknown_exchange_is_no_surprise(fetch: Any) -> None:
    with pytest.raises(UnknownExchange):
        await fetch("NOTHING")


async def test_two_records_with_one_signal_need_two_deletes(
    store: Any, fetch: Any, tmp_path: Path, matching: Any, pool: Any
) -> None:
    """The same value under two keys of the source: `md5` and its ThreatExchange name."""
    file = tmp_path / "list.txt"
    file.write_text(f"md5 {A}\nmd5 {A.upper()}\n")
    await store.create("ONE", "local_file", {"filename": str(file)})
    await fetch("ONE")
    assert await matching("ONE") == {"md5": [A, A]}
    file.write_text(f"md5 {A}\n")
    await fetch("ONE")
    assert await matching("ONE") == {"md5": [A]}


async def test_the_log_of_a_failed_fetch_is_json(store: Any, fetch: Any, script: Any, pool: Any) -> None:
    path = script({"raise": "a \u0000 in it"})
    await store.create("ONE", "scripted", {"script": path})
    await fetch("ONE")
    error = await pool.fetchval("SELECT error FROM exchanges")
    assert json.loads(json.dumps(error))["kind"] == "malformed_page"
