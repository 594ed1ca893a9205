"""Batches: what the process that adds them knows at once, and what others do to them meanwhile."""

from __future__ import annotations

import secrets

import pytest

from samelook.banks.bulk import Batch, BulkAdd, NewContent
from samelook.banks.contents import ContentStore
from samelook.banks.details import Details
from samelook.banks.live import live_banks
from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.banks.store import BankStore
from samelook.matching.settings import LiveSettings
from samelook.sql.pool import Pool

PDQ, MD5, PHASH = (SIGNAL_TYPES[name] for name in ("pdq", "video_md5", "phash"))


def batch_of(number: int) -> tuple[Batch, list[dict[str, bytes]]]:
    """A batch of contents with signals of one, two or three types, and details for every seventh."""
    batch, told = Batch(), []
    for one in range(number):
        signals = {PDQ: secrets.token_bytes(32)}
        if one % 2:
            signals[MD5] = secrets.token_bytes(16)
        if one % 3 == 0:
            signals[PHASH] = secrets.token_bytes(8)
        if one % 7 == 3:
            batch.add(signals, Details(note=str(one), disable_until_ts=0, metadata={"content_uri": "x"}))
        else:
            batch.add(signals)
        told.append({kind.name: value for kind, value in signals.items()})
    return batch, told


@pytest.mark.parametrize("number", [1, 2, 50])
async def test_a_batch_is_stored_as_it_was_given(pool: Pool, number: int) -> None:
    store = BankStore(pool)
    bank = await store.create("A")
    batch, told = batch_of(number)
    ids = await BulkAdd(store, bank).add(batch)
    assert ids == sorted(ids)
    contents = ContentStore(store)
    stored = await contents.signals(ids)
    for place, (content_id, signals) in enumerate(zip(ids, told, strict=True)):
        assert {one.type: one.value for one in stored[content_id]} == {
            name: value.hex() for name, value in signals.items()
        }
        details = (await contents.get("A", content_id)).details
        described = place % 7 == 3
        assert details.note == (str(place) if described else None)
        assert details.metadata == ({"content_uri": "x"} if described else {})
        assert details.disable_until_ts == (0 if described else 1)
        assert details.media_unavailable is not described


async def test_what_is_committed_is_known_without_being_read_back(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = BankStore(pool)
    bank = await store.create("A")
    async with live_banks(pool, LiveSettings(poll_s=3600)) as live:
        batch, told = batch_of(300)
        read: list[object] = []
        monkeypatch.setattr(live.feed, "_hand_out", read.extend)
        ids = await BulkAdd(store, bank, live.committing).add(batch)
        await live.refresh()
        assert read == []
        for content_id, signals in zip(ids, told, strict=True):
            (found,) = await live.find(PDQ, signals["pdq"])
            assert (found.content_id, found.bank.name) == (content_id, "A")
            assert found.disable_until_ts == (0 if (content_id - ids[0]) % 7 == 3 else 1)


async def test_what_others_do_to_it_at_once_is_not_missed(pool: Pool) -> None:
    store = BankStore(pool)
    contents = ContentStore(store)
    bank = await store.create("A")
    async with live_banks(pool, LiveSettings(poll_s=3600)) as live:
        batch, told = batch_of(20)
        ids = await BulkAdd(store, bank, live.committing).add(batch)
        # Removed and changed before this process has looked even once.
        await contents.remove("A", ids[4])
        await contents.update("A", ids[5], {"disable_until_ts": 0})
        await live.refresh()
        assert await live.find(PDQ, told[4]["pdq"]) == []
        (changed,) = await live.find(PDQ, told[5]["pdq"])
        assert changed.disable_until_ts == 0
        await contents.remove("A", ids[6])
        await live.refresh()
        assert await live.find(PDQ, told[6]["pdq"]) == []
        assert len(await live.find(PDQ, told[7]["pdq"])) == 1


async def test_a_batch_that_is_not_committed_is_not_shown(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = BankStore(pool)
    bank = await store.create("A")
    async with live_banks(pool, LiveSettings(poll_s=3600)) as live:
        bulk = BulkAdd(store, bank, live.committing)
        add = bulk._add

        async def add_and_spoil(connection: object, batch: Batch) -> object:
            added = await add(connection, batch)  # type: ignore[arg-type]
            # A constraint that is only looked at when the transaction ends.
            await connection.execute(  # type: ignore[attr-defined]
                "CREATE TEMP TABLE late (n int UNIQUE DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP"
            )
            await connection.execute("INSERT INTO late VALUES (1), (1)")  # type: ignore[attr-defined]
            return added

        monkeypatch.setattr(bulk, "_add", add_and_spoil)
        value = secrets.token_bytes(32)
        with pytest.raises(Exception, match="duplicate key"):
            await bulk.add([NewContent({PDQ: value}, Details())])
        await live.refresh()
        assert await live.find(PDQ, value) == []
        assert await pool.fetchval("SELECT count(*) FROM signals") == 0


async def test_values_that_are_there_already_are_linked(pool: Pool) -> None:
    store = BankStore(pool)
    bank = await store.create("A")
    values = [secrets.token_bytes(32) for _ in range(30)]
    first = await BulkAdd(store, bank).add([NewContent({PDQ: one}, Details()) for one in values[:20]])
    again = await BulkAdd(store, bank).add([NewContent({PDQ: one}, Details()) for one in values[10:] * 2])
    stored = await ContentStore(store).signals([*first, *again])
    assert [stored[one][0].value for one in [*first, *again]] == [
        one.hex() for one in values[:20] + values[10:] * 2
    ]
    assert await pool.fetchval("SELECT count(*) FROM signals") == 30
