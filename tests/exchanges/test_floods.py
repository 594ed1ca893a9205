"""An exchange that suddenly brings far more than usual is held for a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from samelook.banks.contents import ContentStore
from samelook.banks.store import BankStore
from samelook.exchanges.errors import ExchangeHeld
from samelook.exchanges.fetching import fetch_once
from samelook.sql.named import queries

VALUES = [f"{number:032x}" for number in range(1, 12)]


def md5(*numbers: int) -> list[Any]:
    return [["md5", VALUES[number], ["t"]] for number in numbers]


async def test_a_flood_matches_nothing_until_it_is_released(
    store: Any, fetch: Any, script: Any, pool: Any
) -> None:
    async def matching() -> list[int]:
        rows = await pool.fetch(
            "SELECT s.value FROM bank_content AS c JOIN content_signals AS cs ON cs.content_id = c.id "
            "JOIN signals AS s ON s.id = cs.signal_id WHERE c.disable_until_ts = 1 AND c.removed_at IS NULL"
        )
        return sorted(VALUES.index(row["value"].hex()) for row in rows)

    async def due() -> list[str]:
        return [row["name"] async for row in queries("exchanges").due_exchanges(pool, most=9)]

    few: dict[str, Any] = {"flood_least": 2, "flood_times": 2.0}
    pages = [md5(0, 1, 2, 3)]
    path = script(*pages)
    await store.create("ONE", "scripted", {"script": path})
    first = await fetch("ONE", **few)
    assert first.succeeded, "the first reading brings everything"
    pages += [md5(4), md5(0, 1, 2, 3)]
    script(*pages)
    assert (await fetch("ONE", **few)).succeeded, "what is usual, or there already"

    pages.append(md5(5, 6, 7))
    script(*pages)
    outcome = await fetch("ONE", **few)
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.detail) == ("flooded", {"added": 3, "held": 3})
    assert await matching() == [0, 1, 2, 3, 4]
    status = await store.status("ONE")
    assert (status.held, status.next_fetch_at, await due()) == (True, None, [])
    with pytest.raises(ExchangeHeld, match="release ONE"):
        await fetch("ONE", **few)

    looked_at = await pool.fetchval("SELECT max(id) FROM bank_content")
    await ContentStore(BankStore(pool)).update("ONE", looked_at, {"disable_until_ts": 0})
    assert await store.release("ONE") == 2
    assert len(await matching()) == 7, "what was switched off by hand stays so"
    assert await due() == ["ONE"]
    assert await store.release("ONE") == 0
    pages.append(md5(8, 9, 10))
    script(*pages)
    assert (await fetch("ONE", **few)).succeeded, "so many are usual now"
    assert {8, 9, 10} <= set(await matching())


async def test_a_reading_from_scratch_is_judged_too_but_the_first_one(
    store: Any, fetch: Any, script: Any, pool: Any
) -> None:
    few: dict[str, Any] = {"flood_least": 2, "flood_times": 2.0}
    path = script(md5(0, 1, 2, 3))
    await store.create("ONE", "scripted", {"script": path})
    assert (await fetch("ONE", **few)).succeeded
    script(md5(0, 1, 2, 3, 4), epoch=2)
    assert (await fetch("ONE", from_scratch=True, **few)).succeeded, "one is new among five"
    assert await pool.fetchval("SELECT usual FROM exchanges") == 1

    script(md5(0, 1, 2, 5, 6, 7), epoch=3)
    outcome = await fetch("ONE", from_scratch=True, **few)
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.detail) == ("flooded", {"added": 3, "held": 3})
    matching = "SELECT count(*) FROM bank_content WHERE disable_until_ts = 1 AND removed_at IS NULL"
    assert await pool.fetchval(matching) == 5, "all that was there before"
    assert await store.release("ONE") == 3
    assert (await fetch("ONE", **few)).up_to_date
    assert await pool.fetchval(matching) == 6, "what the new list has"


class Died(BaseException):
    """The process ends here."""


async def test_a_flood_is_held_from_its_first_moment(
    store: Any, script: Any, pool: Any, settings: Any
) -> None:
    """A process that dies right after the page is written leaves nothing that matches."""
    few = replace(settings, flood_least=1, flood_times=1.0)
    pages = [md5(0)]
    await store.create("ONE", "scripted", {"script": script(*pages)})
    assert (await fetch_once(pool, "ONE", few)).succeeded
    script(*pages, md5(1, 2, 3))

    def die(_outcome: Any) -> None:
        raise Died

    with pytest.raises(Died):
        await fetch_once(pool, "ONE", few, on_page=die)
    assert await pool.fetchval("SELECT count(*) FROM bank_content") == 4
    assert await pool.fetchval("SELECT count(*) FROM bank_content WHERE disable_until_ts = 1") == 1
    assert (await store.status("ONE")).held
