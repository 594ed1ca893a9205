"""What operators decide of contents that an exchange shares: no fetch undoes it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from samelook.banks.contents import Content, ContentStore
from samelook.banks.errors import ReadOnlyBank, UnknownContent
from samelook.banks.signal_types import signal_type
from samelook.banks.store import BankStore
from samelook.exchanges.schedule import clear_removed

A, B, C = (f"{n:02x}" * 16 for n in (0xAA, 0xBB, 0xCC))
MD5 = signal_type("md5")


@pytest.fixture
def contents(pool: Any) -> ContentStore:
    return ContentStore(BankStore(pool))


def md5(*values: str, tags: tuple[str, ...] = ("t",)) -> list[Any]:
    return [["md5", value, list(tags)] for value in values]


async def of_value(contents: ContentStore, value: str) -> Content:
    signal = await contents.find_signal("md5", value)
    (member,) = await contents.members(signal.id, 0, 10)
    return await contents.get(member.bank, member.content_id)


@pytest.fixture
async def fetched(store: Any, fetch: Any, script: Any) -> None:
    await store.create("ONE", "scripted", {"script": script(md5(A, B))})
    assert (await fetch("ONE")).succeeded


@pytest.mark.usefixtures("fetched")
async def test_what_was_switched_off_stays_so_through_updates_and_readings_from_scratch(
    contents: ContentStore, fetch: Any, script: Any
) -> None:
    before = await of_value(contents, A)
    words = {"disable_until_ts": 0, "note": "a logo", "tags": ["ours"], "metadata": {"content_id": "7"}}
    await contents.update("ONE", before.id, words)
    script(md5(A, B), md5(A, tags=("new",)))
    await fetch("ONE")
    await fetch("ONE", from_scratch=True)
    after = await of_value(contents, A)
    assert (after.id, after.details.disable_until_ts, after.details.note) == (before.id, 0, "a logo")
    assert (after.details.tags, after.details.metadata) == (("ours",), {"content_id": "7"})
    assert after.shared is not None
    assert after.shared["tags"] == ["new"]
    assert (await of_value(contents, B)).details.disable_until_ts == 1


@pytest.mark.usefixtures("fetched")
async def test_a_decision_outlasts_the_record(contents: ContentStore, fetch: Any, script: Any) -> None:
    before = await of_value(contents, A)
    await contents.update("ONE", before.id, {"disable_until_ts": 0, "confirmed": False})
    script(md5(A, B), [["md5", A, None]])
    await fetch("ONE")
    with pytest.raises(UnknownContent):
        await contents.get("ONE", before.id)
    # Everything is taken away and shared again, as when a source restores a backup.
    script(md5(A, B), [["md5", A, None]], md5(A))
    await fetch("ONE")
    after = await of_value(contents, A)
    assert after.id != before.id
    assert (after.details.disable_until_ts, after.details.confirmed) == (0, False)


@pytest.mark.usefixtures("fetched")
async def test_a_removed_content_stays_hidden_until_it_is_taken_back(
    contents: ContentStore, fetch: Any, script: Any, matching: Any
) -> None:
    content = await of_value(contents, A)
    assert await contents.remove("ONE", content.id) == 1
    assert await contents.remove("ONE", content.id) == 0
    for from_scratch in (False, True):
        script(md5(A, B, tags=("again",)), epoch=2)
        await fetch("ONE", from_scratch=from_scratch)
        assert await matching("ONE") == {"md5": [B]}
    hidden = await contents.get("ONE", content.id, removed=True)
    assert hidden.removed_by == "operator"
    back = await contents.restore("ONE", content.id)
    assert (back.id, back.removed_at) == (content.id, None)
    assert await matching("ONE") == {"md5": [A, B]}
    await fetch("ONE", from_scratch=True)
    assert await matching("ONE") == {"md5": [A, B]}


@pytest.mark.usefixtures("fetched")
async def test_what_the_exchange_has_withdrawn_cannot_be_taken_back(
    contents: ContentStore, fetch: Any, script: Any, pool: Any
) -> None:
    one, other = await of_value(contents, A), await of_value(contents, B)
    await contents.remove("ONE", other.id)
    script(md5(A, B), [["md5", A, None], ["md5", B, None]])
    await fetch("ONE")
    for content in (one, other):
        with pytest.raises(UnknownContent, match="removed by the exchange"):
            await contents.restore("ONE", content.id)
    assert await pool.fetchval("SELECT count(*) FROM bank_content WHERE hidden") == 0


@pytest.mark.usefixtures("fetched")
async def test_a_decision_made_while_everything_is_read_anew_holds_for_the_old_and_the_new(
    contents: ContentStore, fetch: Any, script: Any, store: Any, pool: Any
) -> None:
    content = await of_value(contents, A)
    # The new reading breaks off after its first page: old and new are both there.
    script(md5(A, B), {"raise": "later"}, epoch=3)
    assert not (await fetch("ONE", attempts=1)).succeeded
    await contents.update("ONE", content.id, {"disable_until_ts": 0})
    script(md5(A, B), md5(C), epoch=3)
    assert (await fetch("ONE")).succeeded
    assert (await of_value(contents, A)).details.disable_until_ts == 0
    await store.delete("ONE")
    await clear_removed(pool)
    assert await pool.fetchval("SELECT count(*) FROM record_decisions") == 0


@pytest.mark.usefixtures("fetched")
async def test_a_decision_waits_for_a_page_that_is_being_written(contents: ContentStore, pool: Any) -> None:
    content = await of_value(contents, A)
    async with pool.acquire() as connection:
        writing = connection.transaction()
        await writing.start()
        await connection.execute("SELECT FROM banks WHERE name = 'ONE' FOR SHARE")
        deciding = asyncio.create_task(contents.update("ONE", content.id, {"disable_until_ts": 0}))
        held = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock')"
        async with asyncio.timeout(30):
            while not await pool.fetchval(held):
                assert not deciding.done()
        await writing.rollback()
    assert (await deciding).details.disable_until_ts == 0


@pytest.mark.usefixtures("fetched")
async def test_nothing_is_added_to_an_exchanges_bank_by_hand(contents: ContentStore) -> None:
    content = await of_value(contents, A)
    with pytest.raises(ReadOnlyBank):
        await contents.add("ONE", {MD5: bytes(16)}, content.details)
