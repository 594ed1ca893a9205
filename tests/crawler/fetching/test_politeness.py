from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest

from samelook.crawler.fetching.errors import RateLimited, SiteBusy
from samelook.crawler.fetching.politeness import Politeness, polite_site, retry_after_s


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("www.example.co.uk", "example.co.uk"),
        ("example.co.uk", "example.co.uk"),
        ("a.github.io", "a.github.io"),
        ("x.a.github.io", "a.github.io"),
        ("static.shop.example", "shop.example"),
        ("www.example.com.", "example.com"),
        ("com", "com"),
        ("localhost", "localhost"),
        ("8.8.8.8", "8.8.8.8"),
        ("2606:4700::1111", "2606:4700::1111"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_a_site_is_a_registrable_domain(host: str, site: str) -> None:
    assert polite_site(host) == site


NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("9" * 4000, float("9" * 12)),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60.0),
        ("Friday, 02-Jan-26 03:05:05 GMT", 60.0),
        ("Fri Jan  2 03:05:05 2026", 60.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        (None, None),
        ("٣", None),
        ("Fri, 99 Jan 2026 03:05:05 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, now=NOW) == seconds


async def most_at_once(politeness: Politeness, sites: list[str]) -> tuple[int, dict[str, int]]:
    """The most requests under way at once: over all, and for each site."""
    running: dict[str, int] = {}
    most: dict[str, int] = {}
    over_all = 0

    async def request(site: str) -> None:
        nonlocal over_all
        await politeness.enter(site)
        running[site] = running.get(site, 0) + 1
        most[site] = max(most.get(site, 0), running[site])
        over_all = max(over_all, sum(running.values()))
        await asyncio.sleep(0.001)
        running[site] -= 1
        politeness.leave(site)

    await asyncio.gather(*(request(site) for site in sites))
    return over_all, most


async def test_a_site_gets_so_many_requests_at_once_and_no_more() -> None:
    over_all, most = await most_at_once(Politeness(connections=2), ["a", "b"] * 10)
    assert most == {"a": 2, "b": 2}
    assert over_all == 4


async def test_all_sites_together_get_so_many_requests_at_once() -> None:
    over_all, _ = await most_at_once(Politeness(max_requests=3), [f"s{number}" for number in range(20)])
    assert over_all == 3


async def test_a_crowd_at_one_site_does_not_keep_others_out() -> None:
    politeness = Politeness(connections=1, max_requests=2)
    await politeness.enter("a")
    crowd = [asyncio.create_task(politeness.enter("a")) for _ in range(10)]
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        await politeness.enter("b")
    politeness.leave("b")
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    politeness.leave("a")
    assert len(politeness) == 0


@pytest.mark.parametrize(("setting_s", "asked_s"), [(0.05, 0.0), (0.0, 0.05), (0.01, 0.05)])
async def test_requests_to_a_site_start_apart(setting_s: float, asked_s: float) -> None:
    politeness = Politeness(connections=3, delay_s=setting_s)
    starts: list[float] = []

    async def request() -> None:
        await politeness.enter("a", asked_s)
        starts.append(time.monotonic())
        politeness.leave("a")

    await asyncio.gather(*(request() for _ in range(4)))
    # A start may be late, but never early.
    assert all(start - starts[0] > place * 0.05 - 0.01 for place, start in enumerate(starts))


async def test_one_site_waiting_does_not_delay_another() -> None:
    politeness = Politeness(delay_s=30)
    async with asyncio.timeout(1):
        await politeness.enter("a")
        await politeness.enter("b")
    politeness.leave("a")
    politeness.leave("b")


async def test_a_closed_site_is_left_alone_until_it_opens() -> None:
    now = 100.0
    politeness = Politeness(clock=lambda: now)
    politeness.close("a", 60)
    with pytest.raises(RateLimited) as raised:
        await politeness.enter("a")
    assert raised.value.retry_after_s == pytest.approx(60)
    await politeness.enter("b")
    politeness.leave("b")
    now = 161.0
    await politeness.enter("a")
    politeness.leave("a")
    assert len(politeness) == 0


async def test_a_short_pause_is_waited_for() -> None:
    politeness = Politeness(retry_after_wait_s=1)
    politeness.close("a", 0.05)
    started = time.monotonic()
    await politeness.enter("a")
    assert time.monotonic() - started >= 0.045
    politeness.leave("a")


async def test_a_request_that_waited_while_the_site_closed_does_not_go_out() -> None:
    politeness = Politeness(connections=1)
    await politeness.enter("a")
    waiting = asyncio.create_task(politeness.enter("a"))
    await asyncio.sleep(0)
    politeness.close("a", 600)
    politeness.leave("a")
    with pytest.raises(RateLimited):
        await waiting


async def test_waiting_too_long_for_a_slot_is_site_busy() -> None:
    politeness = Politeness(connections=1, turn_timeout_s=0.02)
    await politeness.enter("a")
    with pytest.raises(SiteBusy):
        await politeness.enter("a")
    politeness.leave("a")
    await politeness.enter("a")
    politeness.leave("a")
    assert len(politeness) == 0


async def test_a_queue_longer_than_the_patience_is_site_busy_at_once() -> None:
    politeness = Politeness(delay_s=100, turn_timeout_s=10)
    await politeness.enter("a")
    with pytest.raises(SiteBusy):
        await politeness.enter("a")
    politeness.leave("a")


async def test_a_cancelled_wait_gives_its_slots_back() -> None:
    politeness = Politeness(connections=1, max_requests=1)
    await politeness.enter("a")
    waiters = [asyncio.create_task(politeness.enter(site)) for site in ("a", "b")]
    await asyncio.sleep(0)
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    politeness.leave("a")
    async with asyncio.timeout(1):
        for site in ("a", "b"):
            await politeness.enter(site)
            politeness.leave(site)
    assert len(politeness) == 0


async def test_the_memory_of_idle_sites_is_bounded() -> None:
    politeness = Politeness(delay_s=60, max_idle_sites=100)
    for number in range(1000):
        await politeness.enter(f"s{number}")
        politeness.leave(f"s{number}")
    assert len(politeness) <= 100
