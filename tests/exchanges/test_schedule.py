"""Whatever is due is fetched, by one process at a time, and one bad exchange holds up no other."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from samelook.exchanges.schedule import Schedule
from tests.fixtures.waiting import until

A, B = "0a" * 16, "0b" * 16


async def test_two_schedules_fetch_everything_that_is_due_and_stop(
    store: Any, settings: Any, script: Any, pool: Any, matching: Any
) -> None:
    path = script([["md5", A, ["t"]]])
    for name in ("ONE", "TWO", "OFF"):
        await store.create(name, "scripted", {"script": path}, enabled=name != "OFF")
    await store.create("GONE", "scripted", {"script": path})
    await store.delete("GONE")
    outcomes: list[Any] = []
    schedules = [Schedule(pool, settings, on_outcome=outcomes.append) for _ in range(2)]
    running = [asyncio.create_task(one.run()) for one in schedules]

    async def fetched() -> bool:
        removed = await pool.fetchval("SELECT count(*) FROM exchanges WHERE removed_at IS NOT NULL")
        return len(outcomes) == 2 and removed == 0

    await until(fetched)
    for one in schedules:
        one.stop()
    await asyncio.gather(*running)
    assert {one.exchange for one in outcomes} == {"ONE", "TWO"}
    assert await matching("ONE") == await matching("TWO") == {"md5": [A]}
    assert await matching("OFF") == {}
    assert await pool.fetchval(
        "SELECT bool_and(next_fetch_at > now() + interval '4 min') FROM exchanges WHERE enabled"
    )


async def test_a_hanging_exchange_holds_up_no_other(
    store: Any, settings: Any, script: Any, pool: Any, matching: Any, tmp_path: Any
) -> None:
    await store.create("HANGS", "scripted", {"script": script({"hang": True})})
    file = tmp_path / "a.txt"
    file.write_text(f"md5 {B}\n")
    await store.create("FILE", "local_file", {"filename": str(file)})
    schedule = Schedule(pool, replace(settings, at_once=2))
    running = asyncio.create_task(schedule.run())

    async def there() -> bool:
        return bool(await matching("FILE") == {"md5": [B]})

    await until(there)
    schedule.stop()
    await running
    assert (await store.status("HANGS")).running_since is None


async def test_enabling_makes_it_due_at_once(store: Any, script: Any, pool: Any, fetch: Any) -> None:
    await store.create("ONE", "scripted", {"script": script([])})
    await fetch("ONE")
    await store.update("ONE", enabled=False)
    await store.update("ONE", enabled=True)
    assert await pool.fetchval("SELECT next_fetch_at <= now() FROM exchanges")


async def test_a_fetch_that_is_asked_for_during_another_comes_after_it(
    store: Any, script: Any, pool: Any, fetch: Any
) -> None:
    await store.create("ONE", "scripted", {"script": script([])})
    running = asyncio.create_task(fetch("ONE"))

    async def begun() -> bool:
        return (await store.status("ONE")).running_since is not None and bool(
            await pool.fetchval("SELECT run_id IS NOT NULL FROM exchanges")
        )

    await until(begun)
    await store.fetch_soon("ONE")
    await running
    assert await pool.fetchval("SELECT next_fetch_at <= now() FROM exchanges")
