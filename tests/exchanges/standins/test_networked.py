"""Each networked exchange through the fetch service, against a server that speaks its wire format."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from samelook.banks.export import checked_export, exported
from samelook.banks.store import BankStore
from samelook.exchanges.fetching import FetchOutcome, fetch_once
from samelook.exchanges.outbox import send_opinions
from samelook.exchanges.settings import ExchangeSettings
from samelook.exchanges.store import ExchangeStore
from samelook.sql.pool import Pool
from tests.exchanges.standins import server
from tests.exchanges.standins.ncmec import Ncmec
from tests.exchanges.standins.sources import GraphSource, NcmecSource, Source

BEGAN = int(time.time()) - 86_400
NAME = "SHARED"

Fetch = Callable[..., Awaitable[FetchOutcome]]
Held = Callable[[], Awaitable[list[str]]]


def hashes(number: int) -> list[str]:
    return [secrets.token_hex(32) for _ in range(number)]


@pytest.fixture
def settings(source: Source) -> ExchangeSettings:
    """As at work, but impatient, and sent to the stand-in."""
    return ExchangeSettings(urls={source.api: source.url}, attempts=2, retry_s=0.01)


@pytest.fixture
def store(pool: Pool, settings: ExchangeSettings) -> ExchangeStore:
    return ExchangeStore(pool, settings)


@pytest.fixture
async def fetch(pool: Pool, settings: ExchangeSettings, store: ExchangeStore, source: Source) -> Fetch:
    """Fetches the exchange SHARED."""
    await store.create(NAME, source.api, source.config, credentials=source.credentials)

    async def run(**choices: Any) -> FetchOutcome:
        return await fetch_once(pool, NAME, settings, **choices)

    return run


@pytest.fixture
def held(pool: Pool) -> Held:
    """The PDQ hashes that match now."""

    async def read() -> list[str]:
        bank = await BankStore(pool).bank(NAME)
        async with exported(pool, checked_export(bank, "hashes", ["pdq"])) as portions:
            return b"".join([portion.text async for portion in portions]).decode().split()

    return read


@pytest.fixture
def age(pool: Pool) -> Callable[..., Awaitable[None]]:
    """Changes fields of the stored checkpoint: makes time pass."""

    async def change(**fields: int) -> None:
        text = await pool.fetchval("SELECT checkpoint FROM exchange_checkpoints ORDER BY generation DESC")
        kept = json.loads(text)
        for name, seconds in fields.items():
            kept["v"][name] -= seconds
        await pool.execute("UPDATE exchange_checkpoints SET checkpoint = $1", json.dumps(kept))

    return change


async def an_hour_passes(source: Source, age: Any) -> None:
    if isinstance(source, NcmecSource):
        # Its checkpoint is the time of the fetch: nothing of before then is asked for again.
        await age(get_entries_max_ts=3600)


async def test_all_pages_arrive_deletes_remove_and_the_next_fetch_asks_for_what_is_new(
    source: Source, fetch: Fetch, held: Held, store: ExchangeStore, age: Any
) -> None:
    values = hashes(8)
    for number, value in enumerate(values):
        source.share(value, BEGAN + number)
    outcome = await fetch()
    assert outcome.succeeded, outcome.error
    assert outcome.up_to_date
    assert await held() == sorted(values)
    status = await store.status(NAME)
    assert (status.records, status.quarantined, status.up_to_date) == (8, 0, True)

    await an_hour_passes(source, age)
    asked = len(source.stand_in.pages)
    new = hashes(4)
    soon = int(time.time()) - 1800
    for value in new:
        source.share(value, soon)
    for value in values[:3]:
        source.delete(value, soon)
    outcome = await fetch()
    assert outcome.succeeded, outcome.error
    assert await held() == sorted([*values[3:], *new])
    if not isinstance(source, NcmecSource):  # which has to feel its way through time
        assert len(source.stand_in.pages) - asked <= 3


async def test_matches_carry_what_the_exchange_says(source: Source, fetch: Fetch, pool: Pool) -> None:
    source.share("0f" * 32, BEGAN)
    assert (await fetch()).succeeded
    said = await pool.fetchval("SELECT shared FROM bank_content")
    expected = {
        "fb_threatexchange": ("POSITIVE_CLASS", ["shared"]),
        "ncmec": ("POSITIVE_CLASS", ["A1"]),
        "stop_ncii": ("INVESTIGATION_SEED", []),
        "tat": ("INVESTIGATION_SEED", []),
    }[source.api]
    assert (said["opinion"], said["tags"]) == expected
    if source.api in {"fb_threatexchange", "ncmec"}:
        assert said["opinions"][0]["owner"] == "42"


async def test_errors_on_the_way_are_overcome(source: Source, fetch: Fetch, held: Held) -> None:
    values = hashes(7)
    for number, value in enumerate(values):
        source.share(value, BEGAN + number)
    source.stand_in.fail(server.reset, after=1)
    source.stand_in.fail(server.status(500, b"<h1>Oops</h1>"))
    source.stand_in.fail(server.status(429, Retry_After="0"))
    outcome = await fetch()
    assert outcome.succeeded, outcome.error
    assert (await held(), outcome.quarantined) == (sorted(values), 0)


async def test_a_source_that_goes_away_half_way_loses_nothing(
    source: Source, fetch: Fetch, held: Held, store: ExchangeStore
) -> None:
    values = hashes(8)
    for number, value in enumerate(values):
        source.share(value, BEGAN + (0 if isinstance(source, NcmecSource) else number))
    if isinstance(source, NcmecSource):
        # The second page of a range, not the second probe for one.
        source.stand_in.fail(server.cut_off, times=100, when=lambda asked: "start" in asked.query)
    else:
        source.stand_in.fail(server.cut_off, times=100, when=source.stand_in.is_page, after=1)
    outcome = await fetch()
    assert not outcome.succeeded
    assert outcome.error is not None
    assert outcome.error.kind == "source_unreachable"
    assert 0 < len(await held()) < 8
    status = await store.status(NAME)
    assert (status.succeeded, status.up_to_date, status.failures) == (False, False, 1)
    source.stand_in.mend()
    outcome = await fetch()
    assert outcome.succeeded, outcome.error
    assert await held() == sorted(values)


async def test_a_busy_source_is_left_alone_for_as_long_as_it_asks(
    source: Source, fetch: Fetch, store: ExchangeStore
) -> None:
    source.share(hashes(1)[0], BEGAN)
    busy = source.busy(3600)
    source.stand_in.fail(lambda _: busy, times=100)
    outcome = await fetch()
    assert outcome.error is not None
    assert outcome.error.kind == "source_busy"
    assert len(source.stand_in.pages) == 1
    status = await store.status(NAME)
    assert status.next_fetch_at is not None
    if not isinstance(source, GraphSource):  # which does not say how long
        assert (status.next_fetch_at - datetime.now(UTC)).total_seconds() > 3500


async def test_wrong_credentials_are_said_and_not_repeated(
    source: Source, fetch: Fetch, store: ExchangeStore
) -> None:
    source.share(hashes(1)[0], BEGAN)
    await store.set_credentials(NAME, source.wrong_credentials)
    outcome = await fetch()
    assert outcome.error is not None
    assert outcome.error.kind == "source_refused"
    shown = json.dumps([(await store.status(NAME)).error, outcome.error.as_json()])
    for secret in source.wrong_credentials.values():
        assert secret not in shown or secret in {"testington", "analyst"}


async def test_a_page_that_is_none_is_kept_and_the_fetch_goes_on_when_it_is_one(
    source: Source, fetch: Fetch, held: Held, store: ExchangeStore
) -> None:
    values = hashes(8)
    for number, value in enumerate(values):
        source.share(value, BEGAN + number)
    page = b"<html>Sorry, we will be back soon: \xff</html"
    source.stand_in.fail(server.instead(page), times=100, after=0 if isinstance(source, NcmecSource) else 1)
    outcome = await fetch()
    assert outcome.error is not None
    assert outcome.error.kind == "malformed_page"
    (kept,) = await store.quarantine(NAME)
    assert kept.raw is not None
    assert kept.raw.startswith(page[:30])
    assert (await store.status(NAME)).quarantined == 1
    source.stand_in.mend()
    outcome = await fetch()
    assert outcome.succeeded, outcome.error
    assert await held() == sorted(values)
    assert await store.quarantine(NAME) == []


async def test_a_bad_record_is_kept_apart_and_costs_no_other(
    source: Source, fetch: Fetch, held: Held, store: ExchangeStore, age: Any
) -> None:
    values = hashes(8)
    for number, value in enumerate(values):
        source.share(value, BEGAN + number)
    bad = values[3].encode()  # the first of its page, whichever way they are counted

    def spoil(body: bytes) -> bytes:
        return source.spoiled(body, bad) if bad in body else body

    source.stand_in.fail(server.changed(spoil), times=10_000)
    outcome = await fetch()
    assert outcome.succeeded, outcome.error
    assert await held() == sorted(set(values) - {values[3]})
    (kept,) = await store.quarantine(NAME)
    assert kept.raw is not None
    assert values[3] in kept.raw.decode()
    # The source mends it, which is an update like any other.
    source.stand_in.mend()
    await an_hour_passes(source, age)
    source.share(values[3], int(time.time()) - 1800)
    outcome = await fetch()
    assert outcome.succeeded, outcome.error
    assert await held() == sorted(values)


@pytest.mark.parametrize("source", ["fb_threatexchange", "stop_ncii"], indirect=True)
async def test_a_checkpoint_gone_stale_starts_over_beside_what_is_there(
    source: Source, fetch: Fetch, held: Held, age: Any
) -> None:
    values = hashes(8)
    for number, value in enumerate(values):
        source.share(value, BEGAN + number)
    assert (await fetch()).succeeded
    # While nobody asked, one was deleted and its tombstone forgotten.
    source.forget(values[0])
    await age(last_fetch_time=100 * 86_400)
    outcome = await fetch()
    assert outcome.succeeded, outcome.error
    assert outcome.stored == 7
    assert await held() == sorted(values[1:])


@pytest.mark.parametrize("source", ["stop_ncii", "tat"], indirect=True)  # whose times the server chooses
async def test_time_that_goes_backwards_loses_nothing(source: Source, fetch: Fetch, held: Held) -> None:
    values = hashes(8)
    for number, value in enumerate(values):
        source.share(value, BEGAN + 1000 * number)
    assert (await fetch()).succeeded
    # Restored from a backup, the server has forgotten the last hours; what it is told now has times of then.
    for value in values[4:]:
        source.forget(value)
    late = hashes(2)
    for number, value in enumerate(late):
        source.share(value, BEGAN + 4000 + number)
    outcome = await fetch()
    assert outcome.succeeded, outcome.error
    assert await held() == sorted([*values[:4], *late])
    assert (await fetch()).succeeded
    assert await held() == sorted([*values[:4], *late])


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
@pytest.mark.parametrize("source", ["ncmec"], indirect=True)
async def test_ncmec_is_asked_in_universal_time_wherever_we_are(
    zone: str, source: NcmecSource, fetch: Fetch, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    ncmec: Ncmec = source.ncmec
    recent = int(time.time()) - 60
    source.share("0f" * 32, recent)
    began = int(time.time())
    assert (await fetch()).succeeded
    assert await held() == ["0f" * 32]
    times = ncmec.times()
    assert times[0][0] == 0
    assert began - 5 <= max(end for _, end in times) <= time.time()


async def test_opinions_that_a_source_does_not_take_are_marked_so_and_never_sent(
    source: Source, fetch: Fetch, store: ExchangeStore, pool: Pool, settings: ExchangeSettings
) -> None:
    source.share("0f" * 32, BEGAN)
    assert (await fetch()).succeeded
    asked = len(source.stand_in.asked)
    assert await store.say(NAME, "pdq", "0f" * 32, category="POSITIVE_CLASS")
    assert not await store.say(NAME, "pdq", "0f" * 32, category="POSITIVE_CLASS")
    assert await send_opinions(pool, settings) == 0
    assert await pool.fetchval("SELECT state FROM exchange_opinions") == "unsupported"
    assert len(source.stand_in.asked) == asked


async def test_a_fetch_that_dies_between_pages_goes_on_from_there(
    source: Source, store: ExchangeStore, pool: Pool, settings: ExchangeSettings, held: Held
) -> None:
    values = hashes(11)
    for number, value in enumerate(values):
        source.share(value, BEGAN + number)
    await store.create(NAME, source.api, source.config, credentials=source.credentials)
    begun = asyncio.Event()

    def first_page(outcome: FetchOutcome) -> None:
        if outcome.stored:
            begun.set()

    running = asyncio.create_task(fetch_once(pool, NAME, settings, on_page=first_page))
    await asyncio.wait_for(begun.wait(), 60)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    outcome = await fetch_once(pool, NAME, replace(settings, attempts=1))
    assert outcome.succeeded, outcome.error
    assert await held() == sorted(values)
