from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest

from samelook.crawler.fetching.errors import BlockedAddress, DnsFailed, FetchTimeout, NamesBusy
from samelook.crawler.fetching.places import BadResolveMap, MappedHost, ResolveMap, parse_resolve
from samelook.crawler.fetching.resolver import CachingLookup, MappedResolver, PublicResolver
from tests.fixtures.waiting import until


class Names:
    """Answers like a name server, and counts."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.names = names
        self.asked: list[str] = []

    def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        try:
            return self.names[name]
        except KeyError:
            raise OSError(-2, "Name or service not known") from None


@pytest.fixture
async def names() -> Names:
    return Names(
        {
            "public.example": ["93.184.215.14", "2606:2800:21f::1"],
            "mixed.example": ["10.0.0.1", "93.184.215.14", "::1"],
            "private.example": ["10.0.0.1", "fd00::1"],
            "mapped.example": ["::ffff:127.0.0.1"],
            "empty.example": [],
        }
    )


@pytest.fixture
async def lookup(names: Names) -> AsyncIterator[CachingLookup]:
    lookup = CachingLookup(names)
    yield lookup
    await lookup.close()


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("", []),
        (" , ", []),
        ("*=127.0.0.1:8099", [MappedHost("*", "127.0.0.1", 8099)]),
        (
            "*.Example=web:80, a.test=[::1]:8080",
            [MappedHost("*.example", "web", 80), MappedHost("a.test", "::1", 8080)],
        ),
    ],
)
def test_a_resolve_map_is_read(text: str, entries: list[MappedHost]) -> None:
    resolve = parse_resolve(text)
    assert list(resolve.entries) == entries
    assert bool(resolve) == bool(entries)
    assert parse_resolve(str(resolve)) == resolve


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("127.0.0.1:8099", "pattern=host:port"),
        ("*=127.0.0.1", "pattern=host:port"),
        ("*=:80", "pattern=host:port"),
        ("=127.0.0.1:80", "pattern=host:port"),
        ("*=a:0", "port"),
        ("*=a:65536", "port"),
        ("*=a:http", "port"),
        ("*=a:99999999999", "port"),
        ("*=::1:80", "brackets"),
        ("*=http://a:80", "brackets|scheme"),
        ("127.0.0.1=a:80", "address"),
        ("[::1]=a:80", "address"),
        ("0x7f.1=a:80", "address"),
        ("a.example=b:80,oops", "oops"),
    ],
)
def test_a_resolve_map_that_cannot_be_read_says_why(text: str, message: str) -> None:
    with pytest.raises(BadResolveMap, match=message):
        parse_resolve(text)


def test_the_first_matching_pattern_wins() -> None:
    resolve = parse_resolve("a.example=one:1,*.example=two:2,*=three:3")
    found = [
        resolve.find(name) for name in ("a.example", "b.example", "a.b.example", "example", "other.test")
    ]
    assert [entry.port if entry else None for entry in found] == [1, 2, 2, 3, 3]
    assert resolve.find("a.example.") == MappedHost("a.example", "one", 1)


def test_an_empty_map_maps_nothing() -> None:
    assert ResolveMap().find("a.example") is None


async def test_all_public_addresses_are_given(lookup: CachingLookup) -> None:
    results = await PublicResolver(lookup).resolve("public.example", 443)
    assert [(result["host"], result["port"]) for result in results] == [
        ("93.184.215.14", 443),
        ("2606:2800:21f::1", 443),
    ]


async def test_of_a_mixed_answer_only_public_addresses_are_given(lookup: CachingLookup) -> None:
    results = await PublicResolver(lookup).resolve("mixed.example", 80)
    assert [result["host"] for result in results] == ["93.184.215.14"]


@pytest.mark.parametrize("name", ["private.example", "mapped.example"])
async def test_a_name_without_public_address_is_blocked(lookup: CachingLookup, name: str) -> None:
    with pytest.raises(BlockedAddress, match="not public"):
        await PublicResolver(lookup).resolve(name, 80)


@pytest.mark.parametrize("name", ["unknown.example", "empty.example"])
async def test_a_name_without_address_is_a_dns_failure(lookup: CachingLookup, name: str) -> None:
    with pytest.raises(DnsFailed, match=name):
        await PublicResolver(lookup).resolve(name, 80)


async def test_a_name_that_turns_private_is_refused_from_then_on(names: Names) -> None:
    lookup = CachingLookup(names, ttl_s=0)
    resolver = PublicResolver(lookup)
    await resolver.resolve("public.example", 80)
    names.names["public.example"] = ["127.0.0.1"]
    with pytest.raises(BlockedAddress):
        await resolver.resolve("public.example", 80)
    await lookup.close()


async def test_answers_and_failures_are_kept_for_their_time(names: Names) -> None:
    now = 0.0
    lookup = CachingLookup(names, ttl_s=60, negative_ttl_s=10, clock=lambda: now)
    for _ in range(2):
        await lookup.addresses("public.example")
        with pytest.raises(DnsFailed):
            await lookup.addresses("unknown.example")
    assert names.asked == ["public.example", "unknown.example"]
    now = 30.0
    await lookup.addresses("public.example")
    with pytest.raises(DnsFailed):
        await lookup.addresses("unknown.example")
    assert names.asked == ["public.example", "unknown.example", "unknown.example"]
    now = 61.0
    await lookup.addresses("public.example")
    assert names.asked.count("public.example") == 2
    await lookup.close()


async def test_only_so_many_names_are_kept(names: Names) -> None:
    lookup = CachingLookup(names, max_names=1)
    await lookup.addresses("public.example")
    await lookup.addresses("mixed.example")
    await lookup.addresses("public.example")
    assert names.asked == ["public.example", "mixed.example", "public.example"]
    await lookup.close()


async def test_questions_at_once_for_one_name_share_a_lookup(names: Names, lookup: CachingLookup) -> None:
    answers = await asyncio.gather(*(lookup.addresses("public.example") for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert names.asked == ["public.example"]


async def test_a_silent_name_server_is_a_timeout() -> None:
    release = threading.Event()

    def silent(_: str) -> list[str]:
        release.wait(5)
        return ["93.184.215.14"]

    lookup = CachingLookup(silent, timeout_s=0.05)
    started = time.monotonic()
    try:
        with pytest.raises(FetchTimeout) as raised:
            await lookup.addresses("slow.example")
    finally:
        release.set()
    assert raised.value.detail["phase"] == "dns"
    assert time.monotonic() - started < 2
    await lookup.close()


async def test_one_asker_giving_up_does_not_fail_the_others() -> None:
    release = threading.Event()

    def slow(_: str) -> list[str]:
        release.wait(5)
        return ["93.184.215.14"]

    lookup = CachingLookup(slow)
    first, second = (asyncio.create_task(lookup.addresses("slow.example")) for _ in range(2))
    await asyncio.sleep(0.02)
    first.cancel()
    await asyncio.sleep(0)
    release.set()
    assert await second == ["93.184.215.14"]
    assert first.cancelled()
    await lookup.close()


async def test_the_mapped_port_replaces_the_one_asked_for(lookup: CachingLookup) -> None:
    resolver = MappedResolver(parse_resolve("*.example=127.0.0.1:8099"), lookup)
    (result,) = await resolver.resolve("a.example", 80)
    assert (result["host"], result["port"]) == ("127.0.0.1", 8099)
    with pytest.raises(BlockedAddress):
        await resolver.resolve("a.test", 80)


async def test_a_mapped_host_may_be_a_name(lookup: CachingLookup) -> None:
    resolver = MappedResolver(parse_resolve("*.test=private.example:80"), lookup)
    results = await resolver.resolve("a.test", 443)
    assert [result["host"] for result in results] == ["10.0.0.1", "fd00::1"]


class SilentServers:
    """Holds a thread for each name under `silent.example` until `release` is set; answers all others."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.asked: list[str] = []

    def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        if name.endswith(".silent.example"):
            self.release.wait(30)
        return ["127.0.0.1"]


@pytest.fixture
def silent_servers() -> Iterator[SilentServers]:
    servers = SilentServers()
    yield servers
    servers.release.set()


async def test_the_time_of_a_name_runs_from_when_a_thread_asks_for_it(silent_servers: SilentServers) -> None:
    lookup = CachingLookup(silent_servers, threads=2, timeout_s=0.5)
    hanging = [asyncio.create_task(lookup.addresses(f"{n}.silent.example")) for n in range(2)]
    await until(lambda: len(silent_servers.asked) == 2)
    good = asyncio.create_task(lookup.addresses("good.example"))
    for asked in hanging:
        with pytest.raises(FetchTimeout):
            await asked
    # Their threads are taken still, although nobody waits for them any more.
    await asyncio.sleep(0.2)
    assert not good.done()
    silent_servers.release.set()
    assert await good == ["127.0.0.1"]
    await lookup.close()


async def test_waiting_for_a_thread_has_a_limit_and_leaves_no_answer(silent_servers: SilentServers) -> None:
    lookup = CachingLookup(silent_servers, threads=1, timeout_s=0.5, turn_timeout_s=0.2)
    hanging = asyncio.create_task(lookup.addresses("a.silent.example"))
    await until(lambda: silent_servers.asked)
    outcomes = await asyncio.gather(
        *(lookup.addresses("good.example") for _ in range(3)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [NamesBusy] * 3
    with pytest.raises(FetchTimeout):
        await hanging
    silent_servers.release.set()
    assert await lookup.addresses("good.example") == ["127.0.0.1"]
    # Who was sent away was not asked for behind their backs.
    assert silent_servers.asked == ["a.silent.example", "good.example"]
    await lookup.close()


async def test_good_names_outlast_more_silent_ones_than_there_are_threads(
    silent_servers: SilentServers,
) -> None:
    lookup = CachingLookup(silent_servers, threads=32, timeout_s=1)
    hanging = [asyncio.create_task(lookup.addresses(f"{n}.silent.example")) for n in range(40)]
    good = [asyncio.create_task(lookup.addresses(f"{n}.example")) for n in range(40)]
    await asyncio.wait(hanging[:32])
    silent_servers.release.set()
    assert await asyncio.gather(*good) == [["127.0.0.1"]] * 40
    assert await asyncio.gather(*hanging[32:]) == [["127.0.0.1"]] * 8
    await lookup.close()


async def test_a_request_that_is_given_up_leaves_its_question_to_others(
    silent_servers: SilentServers,
) -> None:
    lookup = CachingLookup(silent_servers, threads=1)
    hanging = asyncio.create_task(lookup.addresses("a.silent.example"))
    await until(lambda: silent_servers.asked)
    first, second = (asyncio.create_task(lookup.addresses("good.example")) for _ in range(2))
    await asyncio.sleep(0.02)
    first.cancel()
    await asyncio.sleep(0)
    silent_servers.release.set()
    assert await second == ["127.0.0.1"]
    assert await hanging == ["127.0.0.1"]
    await lookup.close()
