"""What the fetcher does with well-meaning servers; `test_fetcher_hostile.py` has the others."""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped]  # ships no types
import pytest
import zstandard
from aiohttp import web

from samelook.crawler.fetching.errors import (
    BadEncoding,
    FetchTimeout,
    RateLimited,
    RobotsDisallowed,
    RobotsUnavailable,
    TooManyRedirects,
)
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from tests.fixtures.waiting import until

if TYPE_CHECKING:
    from tests.crawler.conftest import HostsServer


@pytest.fixture
def settings(hosts_server: HostsServer) -> FetchSettings:
    return FetchSettings(resolve=parse_resolve(hosts_server.resolve), total_timeout_s=5)


@pytest.fixture
async def fetcher(settings: FetchSettings) -> AsyncIterator[Fetcher]:
    async with Fetcher(settings) as fetcher:
        yield fetcher


async def test_an_answer_comes_back_whole(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.add("a.example", "/", "<p>hello</p>", headers={"ETag": '"1"', "X-Odd": "käse"})
    response = await fetcher.fetch("https://a.example/#top")
    assert (response.status, response.ok, response.body) == (200, True, b"<p>hello</p>")
    assert (response.url, response.final_url, response.redirects) == (
        "https://a.example/#top",
        "https://a.example/",
        (),
    )
    assert response.headers["etag"] == '"1"'
    assert response.headers["x-odd"] == "käse"
    assert hosts_server.seen == [("a.example", "/robots.txt"), ("a.example", "/")]


async def test_large_bodies_wait_for_each_other_and_come_whole(
    hosts_server: HostsServer, settings: FetchSettings
) -> None:
    growing = most = 0

    async def large(request: web.Request) -> web.StreamResponse:
        nonlocal growing, most
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in range(30):
            await response.write(b"x" * 100_000)
            # Beyond what the fetcher and the sockets' buffers take, a sender goes on only when it is read.
            if piece == 20:
                growing += 1
                most = max(most, growing)
        growing -= 1
        return response

    for number in range(4):
        hosts_server.handle(f"{number}.example", "/", large)
    narrow = replace(settings, large_body_bytes=50_000, max_large_bodies=1, honour_robots=False)
    async with Fetcher(narrow) as fetcher:
        urls = [f"http://{number}.example/" for number in range(4)]
        responses = await asyncio.gather(*map(fetcher.fetch, urls))
        assert fetcher.waiting == 0
        assert fetcher.stages.as_json()["request"]["passes"] == 4
    assert [len(response.body) for response in responses] == [3_000_000] * 4
    assert most == 1


async def test_an_error_status_is_an_answer(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.add("a.example", "/", "gone", status=410)
    response = await fetcher.fetch("http://a.example/")
    assert (response.status, response.ok, response.body) == (410, False, b"gone")


async def test_the_request_says_who_asks_and_carries_nothing_else(hosts_server: HostsServer) -> None:
    hosts_server.add("a.example", "/", status=302, headers={"Location": "//b.example/", "Set-Cookie": "a=1"})
    hosts_server.add("b.example", "/", "b", headers={"Set-Cookie": "b=2"})
    settings = FetchSettings(
        resolve=parse_resolve(hosts_server.resolve), contact="https://samelook.example/bot"
    )
    async with Fetcher(settings) as fetcher:
        for _ in range(2):
            await fetcher.fetch("https://user:secret@a.example/")
    for request in hosts_server.requests:
        assert request.headers["User-Agent"] == "Samelook/0.1.0 (+https://samelook.example/bot)"
        for name in ("Cookie", "Authorization", "Referer", "Proxy-Authorization"):
            assert name not in request.headers


async def test_an_icon_is_asked_for_as_if_from_its_own_site(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.redirect("a.example", "/i.png", "https://b.example/j.png")
    hosts_server.add("b.example", "/j.png", b"x", content_type="image/png")
    await fetcher.fetch("https://a.example/i.png", kind="icon")
    asked = {request.path: request.headers.get("Referer") for request in hosts_server.requests}
    assert (asked["/i.png"], asked["/j.png"]) == ("https://a.example/", "https://b.example/")
    assert asked["/robots.txt"] is None


async def test_a_proxy_in_the_environment_is_ignored(
    hosts_server: HostsServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    hosts_server.add("a.example", "/", "direct")
    assert (await fetcher.fetch("http://a.example/")).body == b"direct"


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", brotli.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
    ],
)
@pytest.mark.parametrize("size", [100, 1_000_000])
async def test_compressed_bodies_are_decoded(
    hosts_server: HostsServer, fetcher: Fetcher, coding: str, encode: Callable[[bytes], bytes], size: int
) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    hosts_server.add("a.example", "/", encode(body), headers={"Content-Encoding": coding})
    response = await fetcher.fetch("https://a.example/")
    assert response.body == body
    assert coding in hosts_server.requests[-1].headers["Accept-Encoding"]


async def test_an_unknown_coding_is_passed_over(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.add("a.example", "/", "plain", headers={"Content-Encoding": "utf-8"})
    assert (await fetcher.fetch("https://a.example/")).body == b"plain"


async def test_a_long_header_is_read(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.add("a.example", "/", "ok", headers={"Content-Security-Policy": "x" * 30_000})
    assert len((await fetcher.fetch("https://a.example/")).headers["content-security-policy"]) == 30_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(hosts_server: HostsServer, fetcher: Fetcher, status: int) -> None:
    hosts_server.redirect("a.example", "/", "/next", status=status)
    hosts_server.redirect("a.example", "/next", "http://b.example/end#part", status=status)
    hosts_server.add("b.example", "/end", "here")
    response = await fetcher.fetch("https://a.example/")
    assert response.body == b"here"
    assert response.final_url == "http://b.example/end"
    assert response.redirects == ("https://a.example/next", "http://b.example/end")


@pytest.mark.parametrize(
    ("location", "final"),
    [
        ("end", "https://a.example/dir/end"),
        ("/end", "https://a.example/end"),
        ("?end", "https://a.example/dir/start?end"),
        ("//b.example/end", "https://b.example/end"),
        ("\\\\b.example\\end", "https://b.example/end"),
        ("HTTPS://B.EXAMPLE/end", "https://b.example/end"),
        ("https://b.example", "https://b.example/"),
        ("/an end", "https://a.example/an%20end"),
        ("/käse", "https://a.example/k%C3%A4se"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://u:p@b.example/end", "https://b.example/end"),
        ("../../end", "https://a.example/end"),
    ],
)
async def test_a_location_is_read_as_browsers_do(
    hosts_server: HostsServer, fetcher: Fetcher, location: str, final: str
) -> None:
    async def start(request: web.Request) -> web.Response:
        if request.query_string:
            return web.Response(text="end")
        return web.Response(status=302, headers={"Location": location})

    hosts_server.handle("a.example", "/dir/start", start)
    for host in ("a.example", "b.example", "xn--bcher-kva.example"):
        hosts_server.add(host, "*", "end")
    response = await fetcher.fetch("https://a.example/dir/start")
    assert (response.body, response.final_url) == (b"end", final)


async def test_a_redirect_status_without_target_is_an_answer(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.add("a.example", "/", "choose", status=302)
    assert (await fetcher.fetch("https://a.example/")).status == 302


async def test_ten_redirects_are_followed_and_eleven_are_not(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    for number in range(11):
        hosts_server.redirect("a.example", f"/{number}", f"/{number + 1}")
    hosts_server.add("a.example", "/11", "end")
    assert len((await fetcher.fetch("https://a.example/1")).redirects) == 10
    with pytest.raises(TooManyRedirects) as raised:
        await fetcher.fetch("https://a.example/0")
    assert raised.value.kind == "too_many_redirects"


async def test_an_unchanged_answer_is_not_sent_again(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    async def icon(request: web.Request) -> web.Response:
        if (
            request.headers.get("If-None-Match") == '"v1"'
            or request.headers.get("If-Modified-Since") == "yesterday"
        ):
            return web.Response(status=304)
        return web.Response(body=b"icon", headers={"ETag": '"v1"'})

    hosts_server.handle("a.example", "/icon", icon)
    first = await fetcher.fetch("https://a.example/icon", kind="icon")
    assert (first.unchanged, first.body) == (False, b"icon")
    again = await fetcher.fetch("https://a.example/icon", kind="icon", etag=first.headers["etag"])
    assert (again.unchanged, again.status, again.body) == (True, 304, b"")
    assert (await fetcher.fetch("https://a.example/icon", last_modified="yesterday")).unchanged
    assert not (await fetcher.fetch("https://a.example/icon", etag='"v0"')).unchanged


async def test_a_stored_header_cannot_smuggle_another_one(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.add("a.example", "/", "ok")
    await fetcher.fetch("https://a.example/", etag='"x"\r\nX-Injected: 1')
    assert "X-Injected" not in hosts_server.requests[-1].headers
    assert "If-None-Match" not in hosts_server.requests[-1].headers


async def test_robots_txt_is_honoured_also_behind_a_redirect(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.add("a.example", "/robots.txt", "User-agent: samelook\nDisallow: /private")
    hosts_server.redirect("b.example", "/", "https://a.example/private/x")
    for url in ("https://a.example/private", "https://b.example/"):
        with pytest.raises(RobotsDisallowed):
            await fetcher.fetch(url)
    assert (await fetcher.fetch("https://a.example/public")).status == 404
    paths = [path for host, path in hosts_server.seen if host == "a.example"]
    assert paths == ["/robots.txt", "/public"]


async def test_robots_txt_may_be_ignored_by_setting(
    hosts_server: HostsServer, settings: FetchSettings
) -> None:
    hosts_server.add("a.example", "/robots.txt", "User-agent: *\nDisallow: /")
    hosts_server.add("a.example", "/", "ok")
    async with Fetcher(replace(settings, honour_robots=False)) as fetcher:
        assert (await fetcher.fetch("https://a.example/")).body == b"ok"
    assert hosts_server.seen == [("a.example", "/")]


async def test_robots_txt_may_be_redirected_to_another_host(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.redirect("a.example", "/robots.txt", "https://www.a.example/robots.txt")
    hosts_server.add("www.a.example", "/robots.txt", "User-agent: *\nDisallow: /")
    with pytest.raises(RobotsDisallowed):
        await fetcher.fetch("https://a.example/")


async def test_robots_txt_behind_six_redirects_counts_as_absent(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.redirect("a.example", "/robots.txt", "/1")
    for number in range(1, 6):
        hosts_server.redirect("a.example", f"/{number}", f"/{number + 1}")
    hosts_server.add("a.example", "/6", "User-agent: *\nDisallow: /")
    hosts_server.add("a.example", "/", "ok")
    assert (await fetcher.fetch("https://a.example/")).ok


async def test_a_site_whose_robots_txt_fails_is_left_alone(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.add("a.example", "/robots.txt", status=500)
    for _ in range(3):
        with pytest.raises(RobotsUnavailable):
            await fetcher.fetch("https://a.example/")
    assert hosts_server.seen == [("a.example", "/robots.txt")]


@pytest.mark.parametrize("status", [429, 503])
async def test_a_site_that_says_later_is_left_alone(
    hosts_server: HostsServer, fetcher: Fetcher, status: int
) -> None:
    hosts_server.add("a.example", "/", "busy", status=status, headers={"Retry-After": "3600"})
    hosts_server.add("b.example", "/", "ok")
    with pytest.raises(RateLimited) as raised:
        await fetcher.fetch("https://a.example/")
    assert raised.value.retry_after_s == 3600
    assert raised.value.retry
    asked = len(hosts_server.seen)
    # The whole site, not the host only.
    for url in ("https://a.example/icon", "https://www.a.example/"):
        with pytest.raises(RateLimited):
            await fetcher.fetch(url)
    assert len(hosts_server.seen) == asked
    assert (await fetcher.fetch("https://b.example/")).ok


async def test_a_pause_is_capped(hosts_server: HostsServer, settings: FetchSettings) -> None:
    hosts_server.add("a.example", "/", status=503, headers={"Retry-After": "99999999999"})
    hosts_server.add("b.example", "/", status=503, headers={"Retry-After": "whenever"})
    async with Fetcher(replace(settings, retry_after_max_s=50, retry_after_default_s=7)) as fetcher:
        for url, pause_s in (("https://a.example/", 50), ("https://b.example/", 7)):
            with pytest.raises(RateLimited) as raised:
                await fetcher.fetch(url)
            assert raised.value.retry_after_s == pause_s


@pytest.mark.parametrize("status", [429, 503])
async def test_busy_without_a_time_is_an_answer(
    hosts_server: HostsServer, fetcher: Fetcher, status: int
) -> None:
    hosts_server.add("a.example", "/", "busy", status=status)
    assert (await fetcher.fetch("https://a.example/")).status == status


@pytest.mark.parametrize("allowed", [1, 2])
async def test_a_site_is_asked_for_no_more_things_at_once_than_is_allowed(
    hosts_server: HostsServer, settings: FetchSettings, allowed: int
) -> None:
    running = most = 0

    async def slow(_: web.Request) -> web.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return web.Response()

    for host in ("a.example", "www.a.example", "cdn.a.example"):
        hosts_server.handle(host, "*", slow)
    urls = [f"https://{host}a.example/{n}" for host in ("", "www.", "cdn.") for n in range(4)]
    async with Fetcher(replace(settings, site_connections=allowed)) as fetcher:
        await asyncio.gather(*map(fetcher.fetch, urls))
    assert most == allowed


async def test_crawl_delay_sets_requests_apart(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.add("a.example", "/robots.txt", "User-agent: *\nCrawl-delay: 0.1")
    hosts_server.add("a.example", "/", "ok")
    started = time.monotonic()
    await asyncio.gather(*(fetcher.fetch("https://a.example/") for _ in range(3)))
    assert time.monotonic() - started >= 0.19


async def test_waiting_for_a_turn_does_not_count_as_the_sites_time(
    hosts_server: HostsServer, settings: FetchSettings
) -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.1)
        return web.Response(text="ok")

    hosts_server.handle("a.example", "/", slow)
    async with Fetcher(replace(settings, total_timeout_s=0.3, site_connections=1)) as fetcher:
        answers = await asyncio.gather(*(fetcher.fetch("https://a.example/") for _ in range(5)))
    assert all(answer.ok for answer in answers)


async def test_connections_are_used_again(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.add("a.example", "*", "ok")
    for number in range(5):
        await fetcher.fetch(f"https://a.example/{number}")
    peers = {
        request.transport.get_extra_info("peername") for request in hosts_server.requests if request.transport
    }
    assert len(peers) == 1


async def test_a_port_in_the_url_is_kept_in_the_host_header(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.add("a.example:8443", "/", "ok")
    response = await fetcher.fetch("https://a.example:8443/")
    assert (response.body, response.final_url) == (b"ok", "https://a.example:8443/")


async def test_a_cancelled_fetch_gives_its_turn_back(
    hosts_server: HostsServer, settings: FetchSettings
) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    hosts_server.handle("a.example", "/hang", hang)
    hosts_server.add("a.example", "/", "ok")
    async with Fetcher(replace(settings, site_connections=1)) as fetcher:
        task = asyncio.create_task(fetcher.fetch("https://a.example/hang"))
        while len(hosts_server.seen) < 2:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await fetcher.fetch("https://a.example/")).ok


async def test_a_wrong_encoding_is_an_error_of_its_own(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.add("a.example", "/", "plain text", headers={"Content-Encoding": "gzip"})
    with pytest.raises(BadEncoding):
        await fetcher.fetch("https://a.example/")


async def test_the_time_of_a_fetch_stands_still_while_its_name_waits_for_a_thread(
    hosts_server: HostsServer, settings: FetchSettings
) -> None:
    hosts_server.add("good.example", "/", "<p>hello</p>")
    asked: list[str] = []
    release = threading.Event()

    def lookup(name: str) -> list[str]:
        asked.append(name)
        if name == "silent.test":
            release.wait(30)
        return ["127.0.0.1"]

    port = hosts_server.port
    settings = replace(
        settings,
        resolve=parse_resolve(f"silent.example=silent.test:{port},*=web.test:{port}"),
        total_timeout_s=1,
        dns_threads=1,
        honour_robots=False,
    )
    async with Fetcher(settings, lookup=lookup) as fetcher:
        silent = asyncio.create_task(fetcher.fetch("http://silent.example/"))
        await until(lambda: asked)
        good = asyncio.create_task(fetcher.fetch("http://good.example/"))
        with pytest.raises(FetchTimeout):
            await silent
        await asyncio.sleep(0.4)
        assert not good.done()
        release.set()
        assert (await good).body == b"<p>hello</p>"
    assert asked == ["silent.test", "web.test"]
