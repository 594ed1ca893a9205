"""Crawls through message services: nothing is lost, nothing is done twice; each test on each service."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from samelook.crawler.crawl import open_crawl
from samelook.crawler.errors import CrawlError
from samelook.crawler.etl import Etl, Messages
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.queues.interface import Lease, Outcome
from samelook.crawler.queues.message_queue import DEAD, RESULTS, Channel, MessageQueue, MessageService
from samelook.crawler.queues.messages import DeadMessage, unpacked
from samelook.crawler.queues.settings import QueueSettings
from samelook.crawler.requests import add_unranked
from samelook.crawler.settings import CrawlSettings
from samelook.crawler.slots import Slots
from samelook.crawler.stages import Stages
from samelook.crawler.status import crawl_status
from samelook.crawler.stores import (
    DomainInput,
    PageVisit,
    TargetUrl,
    domains_store,
    hashes_store,
    icons_store,
)
from samelook.crawler.worker import PhaseRunner
from samelook.demo.sample_web.sample_site import Trouble
from samelook.demo.sample_web.server import sample_web_server
from samelook.demo.sample_web.sites import SITES
from samelook.hashing.settings import SandboxLimits
from samelook.sql.pool import Pool

SETTINGS = CrawlSettings(flush_s=0.05, idle_first_s=0.05, concurrency=50, batch=50)
CHOICES = QueueSettings(prefix="test", wait_s=0.1, inputs_per_message=7)
Queue = MessageQueue[DomainInput, TargetUrl]


def etl_of(
    pool: Pool, service: MessageService, stop: asyncio.Event, *, settings: CrawlSettings = SETTINGS
) -> Etl:
    stores: list[Any] = [domains_store(), icons_store(settings), hashes_store(settings)]
    etl = Messages(service, CHOICES).etl(pool, stores, settings, stop)
    assert etl is not None
    return etl


class Fed:
    """Domains that wait in a message service, workers for them, and what writes their outcomes."""

    def __init__(self, pool: Pool, service: MessageService) -> None:
        self.pool = pool
        self.service = service
        self.stop = asyncio.Event()
        self.etl = etl_of(pool, service, self.stop)

    async def feed(self, count: int) -> None:
        await self.pool.execute(
            "INSERT INTO domains (reversed_name, harmonic_position, source)"
            " SELECT 'example.d' || n, n, 'test' FROM generate_series(1, $1::int) AS n",
            count,
        )
        assert await self.etl._feed("domains") == count

    def worker(self, settings: CrawlSettings = SETTINGS) -> Queue:
        return Messages(self.service, CHOICES).queue(self.pool, domains_store(), settings, uuid.uuid4())

    async def channel(self, name: str) -> Channel:
        return await self.service.channel(name, visibility_s=60)

    async def collect(self) -> None:
        """Write the outcomes that wait."""
        results, dead = await self.channel(RESULTS), await self.channel(DEAD)
        for delivery in await all_of(results):
            await self.etl._collect(delivery, results, dead)

    async def outcomes(self) -> tuple[int, int, int]:
        """Results, errors, leases."""
        row = await self.pool.fetchrow(
            "SELECT (SELECT count(*) FROM target_urls), (SELECT count(*) FROM domain_errs),"
            " (SELECT count(*) FROM leases)"
        )
        assert row is not None
        return row[0], row[1], row[2]


@pytest.fixture
def fed(pool: Pool, service: MessageService) -> Fed:
    return Fed(pool, service)


async def all_of(channel: Channel) -> list[Any]:
    """What waits in a queue; a service may need several requests to say so."""
    found: list[Any] = []
    empty = 0
    while empty < 3:
        deliveries = await channel.receive(10)
        empty = 0 if deliveries else empty + 1
        found += deliveries
    return found


async def pulled(queue: MessageQueue[Any, Any], count: int) -> list[Lease[Any]]:
    """Pull until there are so many."""
    leases: list[Lease[Any]] = []
    async with asyncio.timeout(30):
        while len(leases) < count:
            leases += await queue.pull(count - len(leases))
    return leases


async def nothing_for(queue: Queue) -> bool:
    return not any([await queue.pull(10) for _ in range(3)])


def done(leases: list[Lease[DomainInput]]) -> list[Outcome[DomainInput, TargetUrl]]:
    return [Outcome(lease, result=TargetUrl("https://x.example/", lease.input.position)) for lease in leases]


async def test_a_crawl_ends_with_what_was_put_into_the_web(pool: Pool, service: MessageService) -> None:
    async with sample_web_server() as port:
        async with pool.acquire() as connection:
            await add_unranked(connection, [site.host for site in SITES])
        fetch = FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{port}"), total_timeout_s=3)
        async with open_crawl(
            pool, crawl=SETTINGS, fetch=fetch, sandbox=SandboxLimits(), messages=Messages(service, CHOICES)
        ) as crawl:
            await crawl.run(once=True)
    status = await crawl_status(pool)
    assert [(phase.due, phase.leased) for phase in status.phases] == [(0, 0)] * 3
    assert status.phases[1].errors == Counter(site.page_error for site in SITES if site.page_error)
    found: dict[str, set[str]] = {}
    for row in await pool.fetch(
        "SELECT d.reversed_name, u.icon_url FROM domains AS d JOIN target_urls AS t ON t.domain_id = d.id"
        " JOIN site_icons AS s ON s.target_url_id = t.id JOIN icon_urls AS u ON u.id = s.icon_url_id"
        " JOIN favicon_metadata AS m ON m.icon_url_id = u.id WHERE m.sha256 IS NOT NULL"
    ):
        host = ".".join(reversed(row["reversed_name"].split(".")))
        found.setdefault(host, set()).add(row["icon_url"])
    for site in SITES:
        if site.page_error is None and site.trouble is not Trouble.TOO_MANY_ICONS:
            assert (site.host, found.get(site.host, set())) == (site.host, set(site.icons))
    bodies = await pool.fetch("SELECT sha256, sha256(body) AS right FROM favicons WHERE body IS NOT NULL")
    assert bodies
    assert all(row["sha256"] == row["right"] for row in bodies)
    assert await pool.fetchval("SELECT count(*) FROM hash_pdq") == status.pictures
    assert await pool.fetchval("SELECT phases FROM crawl_workers") == ["domains", "icons", "hashes", "etl"]


async def test_a_second_delivery_is_dropped_before_any_work(fed: Fed) -> None:
    await fed.feed(7)
    channel = await fed.channel("domains")
    (first,) = await all_of(channel)
    await channel.send([first.body, first.body])
    await channel.extend([first.receipt], 0)
    one, other = fed.worker(), fed.worker()
    leases = await pulled(one, 7)
    # Neither another worker nor the same one is given any of it again, while it is worked on …
    assert await nothing_for(other)
    assert await nothing_for(one)
    await one.push(done(leases))
    # … nor when it is done, written or not.
    await channel.send([first.body])
    assert await nothing_for(one)
    await fed.collect()
    await channel.send([first.body])
    assert await nothing_for(other)
    assert await fed.outcomes() == (7, 0, 0)
    assert await all_of(channel) == []


async def test_a_message_that_is_delivered_twice_to_a_phase_is_worked_on_once(fed: Fed) -> None:
    await fed.feed(7)
    channel = await fed.channel("domains")
    (first,) = await all_of(channel)
    await channel.send([first.body] * 3)
    worked: Counter[int] = Counter()

    async def work(domain: DomainInput) -> TargetUrl:
        worked[domain.position] += 1
        return TargetUrl(f"https://d{domain.position}.example/", domain.position)

    runners = [
        PhaseRunner("domains", fed.worker(), work, SETTINGS, asyncio.Event(), Slots(50), Stages())
        for _ in range(2)
    ]
    etl = Messages(fed.service, CHOICES).etl(fed.pool, [domains_store()], SETTINGS, asyncio.Event())
    assert etl is not None
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(etl.run(once=True))
        for runner in runners:
            group.create_task(runner.run(once=True))
    assert worked == Counter(range(1, 8))
    assert (await fed.outcomes())[:2] == (7, 0)


async def test_a_silent_workers_message_comes_back(fed: Fed) -> None:
    await fed.feed(7)
    brief = replace(SETTINGS, lease_s=1.0)
    dead, heir = fed.worker(brief), fed.worker(brief)
    lost = await pulled(dead, 7)
    await dead.push(done(lost[:2]))
    await fed.collect()
    # The service gives the message again, and the leases of the silent worker have ended.
    inherited = await pulled(heir, 5)
    assert {lease.input_id for lease in inherited} == {lease.input_id for lease in lost[2:]}
    assert {lease.attempts for lease in inherited} == {2}
    await heir.push(done(inherited))
    # It was only slow: whose outcome is written first counts, and the other changes nothing.
    await dead.push(done(lost[2:]))
    await fed.collect()
    assert await fed.outcomes() == (7, 0, 0)
    assert fed.etl.written == 7


async def test_what_is_given_back_is_there_for_others_at_once(fed: Fed) -> None:
    await fed.feed(14)
    one, other = fed.worker(), fed.worker()
    leases = await pulled(one, 9)
    await one.push(done(leases[:3]))
    # Also what it was delivered and had not begun.
    await one.release(leases[3:])
    rest = await pulled(other, 11)
    assert {lease.attempts for lease in rest} == {1}
    await other.push(done(rest))
    await fed.collect()
    assert await fed.outcomes() == (14, 0, 0)
    assert await all_of(await fed.channel("domains")) == []


async def test_renewing_keeps_leases_and_messages(fed: Fed, visible_at: Callable[[str], list[float]]) -> None:
    await fed.feed(7)
    queue = fed.worker(replace(SETTINGS, lease_s=30.0))
    leases = await pulled(queue, 7)
    (first,) = visible_at("domains")
    await fed.pool.execute("UPDATE leases SET expires_at = now() + interval '1 second'")
    await asyncio.sleep(0.2)
    await queue.renew([])
    (renewed,) = visible_at("domains")
    assert renewed > first
    ends = await fed.pool.fetchval("SELECT extract(epoch FROM min(expires_at) - now())::float8 FROM leases")
    assert ends > 20
    await queue.push(done(leases))
    assert visible_at("domains") == []


async def test_an_input_that_kills_its_workers_is_given_up(fed: Fed) -> None:
    await fed.feed(7)
    await fed.pool.execute(
        "UPDATE leases SET attempts = 10, worker_id = gen_random_uuid(), expires_at = now() WHERE input_id = "
        "(SELECT min(input_id) FROM leases)"
    )
    queue = fed.worker()
    leases = await pulled(queue, 6)
    await queue.push(done(leases))
    await fed.collect()
    assert await fed.outcomes() == (6, 1, 0)
    assert await fed.pool.fetchval("SELECT kind FROM domain_errs") == "gave_up"


async def test_outcomes_under_way_keep_their_leases_for_as_long_as_messages_may_take(fed: Fed) -> None:
    async def seconds_left() -> float:
        left = "SELECT extract(epoch FROM min(expires_at) - now())::float8 FROM leases"
        return float(await fed.pool.fetchval(left))

    await fed.feed(7)
    queue = fed.worker(replace(SETTINGS, lease_s=30.0))
    await queue.push(done(await pulled(queue, 7)))
    await queue.renew([])
    assert CHOICES.queued_s - 60 < await seconds_left() <= CHOICES.queued_s
    # Once only: a message that was lost must not hold its inputs for as long as its worker lives.
    await fed.pool.execute("UPDATE leases SET expires_at = now() + interval '5 seconds'")
    await queue.renew([])
    assert await seconds_left() <= 5
    await fed.collect()
    assert await fed.outcomes() == (7, 0, 0)


async def test_a_delivery_that_could_not_be_taken_in_comes_again(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fed.feed(7)
    await fed.pool.execute(
        "UPDATE leases SET attempts = 10, worker_id = gen_random_uuid(), expires_at = now() WHERE input_id = "
        "(SELECT min(input_id) FROM leases)"
    )
    queue = fed.worker(replace(SETTINGS, lease_s=2.0))

    async def away(_: object) -> None:
        raise ConnectionError("the service is away")

    with monkeypatch.context() as broken:
        broken.setattr(queue, "push", away)
        with pytest.raises(ConnectionError):
            await pulled(queue, 6)
    async with asyncio.timeout(30):
        while await fed.outcomes() != (6, 1, 0):
            await queue.renew([])
            await queue.push(done(await queue.pull(7)))
            await fed.collect()
            await asyncio.sleep(0.2)


async def test_outcomes_that_come_twice_are_written_once(fed: Fed) -> None:
    await fed.feed(7)
    queue = fed.worker()
    await queue.push(done(await pulled(queue, 7)))
    results = await fed.channel(RESULTS)
    (message,) = await all_of(results)
    await results.send([message.body, message.body])
    await fed.collect()
    assert fed.etl.written == 7
    assert await fed.outcomes() == (7, 0, 0)


async def test_poison_goes_to_the_dead_and_the_rest_goes_on(fed: Fed) -> None:
    inputs, results = await fed.channel("domains"), await fed.channel(RESULTS)
    await fed.feed(7)
    (good,) = await all_of(inputs)
    await inputs.extend([good.receipt], 0)
    await inputs.send([b"\xff\x00 none of ours"])
    # An honest message in the wrong place is as bad.
    await results.send([good.body])
    queue = fed.worker()
    await queue.push(done(await pulled(queue, 7)))
    await nothing_for(queue)
    await fed.collect()
    assert await fed.outcomes() == (7, 0, 0)
    dead = [unpacked(delivery.body) for delivery in await all_of(await fed.channel(DEAD))]
    assert all(isinstance(message, DeadMessage) for message in dead)
    assert {(message.queue, message.body) for message in dead if isinstance(message, DeadMessage)} == {
        ("domains", b"\xff\x00 none of ours"),
        (RESULTS, good.body),
    }
    assert await all_of(inputs) == []
    assert await all_of(results) == []


async def test_what_a_bug_keeps_from_being_written_is_quarantined_and_the_rest_is_kept(fed: Fed) -> None:
    await fed.feed(7)
    queue = fed.worker()
    leases = await pulled(queue, 7)
    of_domains = fed.etl._queues["domains"]
    store: Any = of_domains._store

    async def buggy(connection: Any, rows: Any) -> int:
        assert all(input_id != leases[2].input_id for input_id, _ in rows), "a bug"
        return int(await store.write(connection, rows))

    of_domains._store = replace(store, write=buggy)
    await queue.push(done(leases))
    await fed.collect()
    assert await fed.outcomes() == (6, 1, 0)
    assert await fed.pool.fetchval("SELECT kind FROM domain_errs") == "internal_error"
    dead = [unpacked(delivery.body) for delivery in await all_of(await fed.channel(DEAD))]
    assert [message.queue for message in dead if isinstance(message, DeadMessage)] == [RESULTS]
    assert isinstance(dead[0], DeadMessage)
    assert "Traceback" in dead[0].reason or "buggy" in dead[0].reason
    assert await all_of(await fed.channel(RESULTS)) == []


async def test_a_database_that_is_away_keeps_outcomes_waiting(fed: Fed) -> None:
    await fed.feed(7)
    queue = fed.worker()
    of_domains = fed.etl._queues["domains"]
    store: Any = of_domains._store

    async def away(connection: Any, rows: Any) -> int:
        raise ConnectionResetError

    await queue.push(done(await pulled(queue, 7)))
    of_domains._store = replace(store, write=away)
    with pytest.raises(ConnectionResetError):
        await fed.collect()
    of_domains._store = store
    assert await all_of(await fed.channel(DEAD)) == []
    assert await fed.outcomes() == (0, 0, 7)


class Narrow:
    """A service whose messages are small."""

    def __init__(self, service: MessageService) -> None:
        self._service = service

    async def channel(self, name: str, *, visibility_s: float) -> Channel:
        channel = await self._service.channel(name, visibility_s=visibility_s)
        channel.largest_bytes = 5_000
        return channel


async def test_what_does_not_fit_is_an_error_of_its_own(pool: Pool, service: MessageService) -> None:
    narrow = Narrow(service)
    etl = etl_of(pool, narrow, asyncio.Event())
    noise = random.Random(3).randbytes(8_000).hex()
    await pool.execute(
        "WITH added AS (INSERT INTO domains (reversed_name, harmonic_position, source) VALUES"
        " ('example.a', 1, 'test'), ('example.b', 2, 'test'), ('example.c', 3, 'test')"
        " RETURNING id, position)"
        " INSERT INTO target_urls (domain_id, url, position)"
        " SELECT id, CASE position WHEN 2 THEN $1 ELSE 'https://x.example/' END, position FROM added",
        f"https://b.example/{noise}",
    )
    assert await etl._feed("icons") == 3
    queue = Messages(narrow, CHOICES).queue(pool, icons_store(SETTINGS), SETTINGS, uuid.uuid4())
    small, large = await pulled(queue, 2)
    assert (small.input.position, large.input.position) == (1, 3)
    visit = PageVisit(1, "https://x.example/", 200, None, None, None, (), ())
    huge = replace(visit, position=3, final_url=f"https://c.example/{noise}")
    await queue.push([Outcome(small, result=visit), Outcome(large, result=huge)])
    results, dead = (
        await service.channel(RESULTS, visibility_s=60),
        await service.channel(DEAD, visibility_s=60),
    )
    for delivery in await all_of(results):
        await etl._collect(delivery, results, dead)
    assert await pool.fetchval("SELECT array_agg(final_url) FROM page_visits") == ["https://x.example/"]
    kinds = [row["kind"] for row in await pool.fetch("SELECT kind FROM icon_errs")]
    assert kinds == ["message_too_large"] * 2
    assert await pool.fetchval("SELECT count(*) FROM leases") == 0


async def test_errors_keep_their_kind_and_their_wait(fed: Fed) -> None:
    class Busy(CrawlError):
        kind = "busy"
        retry_after_s = 7_200.0

    await fed.feed(1)
    queue = fed.worker()
    (lease,) = await pulled(queue, 1)
    await queue.push([Outcome(lease, error=Busy("come back", host="d1.example"))])
    await fed.collect()
    row = await fed.pool.fetchrow(
        "SELECT kind, error, extract(epoch FROM retry_at - at)::float8 AS wait_s FROM domain_errs"
    )
    assert row is not None
    assert row["kind"] == "busy"
    assert row["error"]["detail"] == {"host": "d1.example"}
    assert 6_800 < row["wait_s"] < 7_600


async def test_no_more_than_wanted_is_out_at_once(pool: Pool, service: MessageService) -> None:
    fed = Fed(pool, service)
    fed.etl._choices = replace(CHOICES, ahead=10)
    await pool.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source)"
        " SELECT 'example.d' || n, n, 'test' FROM generate_series(1, 25) AS n"
    )
    assert [await fed.etl._feed("domains") for _ in range(2)] == [10, 0]
    queue = fed.worker()
    await queue.push(done(await pulled(queue, 4)))
    assert await fed.etl._feed("domains") == 0
    await fed.collect()
    assert await fed.etl._feed("domains") == 4


async def test_what_could_not_be_sent_is_due_again(pool: Pool, service: MessageService) -> None:
    class Broken(Narrow):
        async def channel(self, name: str, *, visibility_s: float) -> Channel:
            channel = await self._service.channel(name, visibility_s=visibility_s)

            async def refuse(_: Any) -> None:
                raise ConnectionResetError

            channel.send = refuse  # type: ignore[assignment, method-assign]
            return channel

    fed = Fed(pool, Broken(service))
    with pytest.raises(ConnectionResetError):
        await fed.feed(7)
    whole = Fed(pool, service)
    assert await whole.etl._feed("domains") == 7
    queue = whole.worker()
    leases = await pulled(queue, 7)
    assert {lease.attempts for lease in leases} == {1}


async def test_a_stop_gives_back_what_is_not_done(pool: Pool, service: MessageService) -> None:
    fed = Fed(pool, service)
    await fed.feed(14)
    started = asyncio.Event()

    async def work(domain: DomainInput) -> TargetUrl:
        if domain.position > 3:
            started.set()
            await asyncio.Event().wait()
        return TargetUrl("https://x.example/", domain.position)

    stop = asyncio.Event()
    settings = replace(SETTINGS, stop_grace_s=0.1)
    runner = PhaseRunner("domains", fed.worker(settings), work, settings, stop, Slots(50), Stages())
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(runner.run(once=False))
        await started.wait()
        stop.set()
    await fed.collect()
    results, errors, leases = await fed.outcomes()
    assert (results, errors, leases) == (3, 0, 11)
    heir = fed.worker()
    await heir.push(done(await pulled(heir, 11)))
    await fed.collect()
    assert await fed.outcomes() == (14, 0, 0)
