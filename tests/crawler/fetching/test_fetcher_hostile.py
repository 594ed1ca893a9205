"""What the fetcher does with servers that mean harm or are broken: one typed error each."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import brotli  # type: ignore[import-untyped]  # ships no types
import pytest
import trustme
import zstandard
from aiohttp import web

from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching import fetcher as fetcher_module
from samelook.crawler.fetching import resolver
from samelook.crawler.fetching.errors import (
    BadRedirect,
    BadUrl,
    BlockedAddress,
    BlockedPort,
    ConnectionFailed,
    DnsFailed,
    FetchError,
    FetchTimeout,
    HttpProtocolError,
    RedirectLoop,
    RobotsUnavailable,
    TlsFailed,
    TooLarge,
    TruncatedBody,
    UnsupportedScheme,
)
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.names import addresses

if TYPE_CHECKING:
    from tests.crawler.conftest import HostsServer

REBINDING = ["93.184.215.14", "127.0.0.1"]


@pytest.fixture
def settings(hosts_server: HostsServer) -> FetchSettings:
    # Only names under .example are mapped; all others meet the guard.
    return FetchSettings(
        resolve=parse_resolve(f"*.example=127.0.0.1:{hosts_server.port}"),
        ports=frozenset({80, 443, hosts_server.port}),
        total_timeout_s=3,
        max_page_bytes=100_000,
        max_icon_bytes=50_000,
        max_manifest_bytes=10_000,
    )


def private_names(name: str) -> list[str]:
    return {
        "inside.test": ["10.0.0.1"],
        "loopback.test": ["127.0.0.1"],
        "metadata.test": ["169.254.169.254"],
        "mapped6.test": ["::ffff:127.0.0.1"],
        "nat64.test": ["64:ff9b::7f00:1"],
        "local6.test": ["fe80::1%lo", "fd00::1"],
    }[name]


@pytest.fixture
async def fetcher(settings: FetchSettings) -> AsyncIterator[Fetcher]:
    async with Fetcher(settings, lookup=private_names) as fetcher:
        yield fetcher


PRIVATE_HOSTS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "①②⑦.0.0.1",
    "0",
    "10.0.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.168.0.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fd00::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[2001:db8::1]",
    "inside.test",
    "loopback.test",
    "metadata.test",
    "mapped6.test",
    "nat64.test",
    "local6.test",
]


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
@pytest.mark.parametrize("kind", ["page", "manifest"])
async def test_a_private_address_is_never_connected_to(
    hosts_server: HostsServer, fetcher: Fetcher, host: str, kind: fetcher_module.Kind
) -> None:
    with pytest.raises(BlockedAddress) as raised:
        await fetcher.fetch(f"http://{host}:{hosts_server.port}/", kind=kind)
    assert raised.value.kind == "blocked_address"
    assert raised.value.detail["addresses"]
    assert hosts_server.seen == []


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
@pytest.mark.parametrize("path", ["/", "/robots.txt"])
async def test_no_redirect_leads_to_a_private_address(
    hosts_server: HostsServer, fetcher: Fetcher, host: str, path: str
) -> None:
    hosts_server.redirect("a.example", path, f"http://{host}:{hosts_server.port}/inside")
    hosts_server.add("a.example", "/x", "must not be fetched when robots.txt is unclear")
    with pytest.raises(BlockedAddress):
        await fetcher.fetch("https://a.example/" if path == "/" else "https://a.example/x")
    assert {path for _, path in hosts_server.seen} <= {"/", "/robots.txt"}
    assert {host for host, _ in hosts_server.seen} == {"a.example"}


async def test_a_pattern_for_all_names_still_maps_no_literal(hosts_server: HostsServer) -> None:
    async with Fetcher(FetchSettings(resolve=parse_resolve(hosts_server.resolve))) as fetcher:
        for host in ("127.0.0.1", "0x7f.1", "[::1]", "8.8.8.8.8"):
            with pytest.raises((BlockedAddress, BadUrl)):
                await fetcher.fetch(f"http://{host}/")
    assert hosts_server.seen == []


async def test_a_zone_or_broken_literal_is_no_url(fetcher: Fetcher) -> None:
    for host in (
        "[fe80::1%25eth0]",
        "[fe80::1%lo]",
        "[::1",
        "1.2.3.4.5",
        "256.256.256.256",
        "[::ffff:1.2.3]",
    ):
        with pytest.raises(BadUrl):
            await fetcher.fetch(f"http://{host}/")


async def test_a_name_that_rebinds_is_connected_to_where_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter(REBINDING)
    connected: list[object] = []

    async def record(sock: socket.socket, address: object) -> None:
        connected.append(address)
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", record)
    settings = FetchSettings(dns_ttl_s=0, robots_ttl_s=0)
    async with Fetcher(settings, lookup=lambda _: [next(answers)]) as fetcher:
        with pytest.raises(ConnectionFailed):
            await fetcher.fetch("http://rebind.test/")
        with pytest.raises(BlockedAddress):
            await fetcher.fetch("http://rebind.test/")
    assert connected == [("93.184.215.14", 80)]


async def test_the_last_wall_holds_when_the_resolver_is_deceived(
    hosts_server: HostsServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both checks before the socket are switched off: neither a name nor a literal gets through."""
    monkeypatch.setattr(resolver, "why_refused", lambda _: None)
    monkeypatch.setattr(fetcher_module, "why_refused", lambda _: None)
    for host in ("loopback.test", "127.0.0.1", "[::1]"):
        with pytest.raises(BlockedAddress, match="loopback"):
            await fetcher.fetch(f"http://{host}:{hosts_server.port}/")
    assert hosts_server.seen == []


@pytest.mark.parametrize("port", [22, 25, 3306, 8080])
async def test_other_ports_are_not_connected_to(fetcher: Fetcher, port: int) -> None:
    with pytest.raises(BlockedPort):
        await fetcher.fetch(f"http://public.test:{port}/")


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "file:///etc/passwd", "javascript:alert(1)", "data:,x", "gopher:x"]
)
async def test_only_http_is_spoken(hosts_server: HostsServer, fetcher: Fetcher, url: str) -> None:
    with pytest.raises(UnsupportedScheme):
        await fetcher.fetch(url)
    hosts_server.redirect("a.example", "/", url)
    with pytest.raises(BadRedirect):
        await fetcher.fetch("https://a.example/")


@pytest.mark.parametrize(
    "url", ["", "a.example", "/path", "http://", "http:///", "http://a b/", "http://a.example:99999/"]
)
async def test_what_is_no_url_is_a_bad_url(fetcher: Fetcher, url: str) -> None:
    with pytest.raises(BadUrl):
        await fetcher.fetch(url)


async def test_a_location_of_raw_bytes_is_followed(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    async with raw_server(
        b"HTTP/1.1 302 Found\r\nLocation: /\xff\xe4 \xc3\xa4\r\nContent-Length: 0\r\n\r\n"
    ) as port:
        mapped = replace(fetcher.settings, resolve=parse_resolve(f"*=127.0.0.1:{port}"), honour_robots=False)
        async with Fetcher(mapped) as raw:
            with pytest.raises(RedirectLoop) as raised:
                await raw.fetch("https://a.example/")
    assert raised.value.detail["urls"] == ["https://a.example/"] + ["https://a.example/%FF%E4%20%C3%A4"] * 3


async def test_a_redirect_loop_is_noticed_in_its_second_round(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.redirect("a.example", "/", "https://b.example/")
    hosts_server.redirect("b.example", "/", "https://a.example/#again")
    with pytest.raises(RedirectLoop):
        await fetcher.fetch("https://a.example/")
    assert len(hosts_server.seen) == 6


async def test_a_redirect_to_itself_is_a_loop(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.add("a.example", "/", status=302, headers={"Location": "/", "Set-Cookie": "seen=1"})
    with pytest.raises(RedirectLoop):
        await fetcher.fetch("https://a.example/")


async def test_a_redirect_to_itself_may_end_well_the_second_time(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    """A server behind one port cannot tell http from https, and some sites count their visitors."""
    asked = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return (
            web.Response(status=301, headers={"Location": "/"}) if asked == 1 else web.Response(text="hello")
        )

    hosts_server.handle("a.example", "/", answer)
    assert (await fetcher.fetch("https://a.example/")).body == b"hello"


async def stream(request: web.Request, chunk: bytes, pause_s: float) -> web.StreamResponse:
    """Sends `chunk` for ever."""
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        while True:
            await response.write(chunk)
            await asyncio.sleep(pause_s)
    except ConnectionError:
        return response


@pytest.mark.parametrize(("kind", "limit"), [("page", 100_000), ("icon", 50_000), ("manifest", 10_000)])
async def test_an_endless_body_is_too_large(
    hosts_server: HostsServer, fetcher: Fetcher, kind: fetcher_module.Kind, limit: int
) -> None:
    hosts_server.handle("a.example", "/", lambda request: stream(request, b"x" * 1000, 0))
    with pytest.raises(TooLarge) as raised:
        await fetcher.fetch("https://a.example/", kind=kind)
    assert raised.value.detail == {"where": "wire", "max_bytes": limit, "url": "https://a.example/"}


async def test_a_body_announced_too_large_is_not_read(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.add("a.example", "/", b"x" * 100_001)
    hosts_server.add("a.example", "/fits", b"x" * 100_000)
    with pytest.raises(TooLarge):
        await fetcher.fetch("https://a.example/")
    assert len((await fetcher.fetch("https://a.example/fits")).body) == 100_000


@pytest.mark.alone
@pytest.mark.parametrize("part", ["headers", "body"])
async def test_a_slow_drip_ends_with_the_total_time(
    hosts_server: HostsServer, settings: FetchSettings, part: str
) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n" + (b"\r\n" if part == "body" else b"X-Drip: ")
        )
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(drip) as port:
        slow = replace(
            settings, resolve=parse_resolve(f"*=127.0.0.1:{port}"), total_timeout_s=0.3, honour_robots=False
        )
        started = time.monotonic()
        async with Fetcher(slow) as fetcher:
            with pytest.raises(FetchTimeout) as raised:
                await fetcher.fetch("https://a.example/")
    assert raised.value.detail["phase"] == "total"
    assert time.monotonic() - started < 1


async def test_the_total_time_spans_redirects(hosts_server: HostsServer, settings: FetchSettings) -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0.1)
        return web.Response(status=302, headers={"Location": f"/{int(request.path[1:] or 0) + 1}"})

    hosts_server.handle("a.example", "*", slow)
    async with Fetcher(replace(settings, total_timeout_s=0.35, honour_robots=False)) as fetcher:
        with pytest.raises(FetchTimeout):
            await fetcher.fetch("https://a.example/")
    assert len(hosts_server.seen) <= 4


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "br": lambda data: bytes(brotli.compress(data, quality=5)),
    "zstd": zstandard.ZstdCompressor().compress,
    "gzip, gzip": lambda data: gzip.compress(gzip.compress(data)),
}


@pytest.mark.parametrize("coding", ENCODERS)
async def test_a_bomb_is_too_large(hosts_server: HostsServer, fetcher: Fetcher, coding: str) -> None:
    bomb = ENCODERS[coding](bytes(50_000_000))
    assert len(bomb) < 100_000
    hosts_server.add("a.example", "/", bomb, headers={"Content-Encoding": coding})
    with pytest.raises(TooLarge) as raised:
        await fetcher.fetch("https://a.example/")
    assert raised.value.detail["where"] == "decoded"


async def test_an_endless_robots_txt_keeps_us_away(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.handle("a.example", "/robots.txt", lambda request: stream(request, b"# no\n" * 20_000, 0))
    for _ in range(2):
        with pytest.raises(RobotsUnavailable) as raised:
            await fetcher.fetch("https://a.example/")
        assert raised.value.detail["robots_kind"] == "too_large"
    assert hosts_server.seen == [("a.example", "/robots.txt")]


@asynccontextmanager
async def serving(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """The port of a server of bare sockets."""

    async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(handled, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.01)


@asynccontextmanager
async def raw_server(answer: bytes) -> AsyncIterator[int]:
    """The port of a server that sends `answer` to whatever is asked, and hangs up."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with serving(handle) as port:
        yield port


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", ConnectionFailed),
        (b"SSH-2.0-OpenSSH_9.6\r\n", HttpProtocolError),
        (b"HTTP/1.1 200 OK\r\nX: a\0b\r\nno colon\r\n\r\n", HttpProtocolError),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 300_000 + b"\r\n\r\n", HttpProtocolError),
        (
            b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(50_000)) + b"\r\n",
            HttpProtocolError,
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", HttpProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", TruncatedBody),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", TruncatedBody),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nshort\r\n",
            (TruncatedBody, HttpProtocolError),
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\nx", TooLarge),
        (b"HTTP/1.1 200 OK\r\nContent-Length: +9\r\n\r\n" + b"x" * 9_000_000, TooLarge),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", HttpProtocolError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 20_000, HttpProtocolError),
        (
            b"HTTP/1.1 200 OK\r\nA : b\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n" + b"x" * 9_000_000,
            TooLarge,
        ),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_a_broken_answer_is_a_typed_error(
    answer: bytes, error: type[CrawlError] | tuple[type[CrawlError], ...]
) -> None:
    async with raw_server(answer) as port:
        settings = FetchSettings(
            resolve=parse_resolve(f"*=127.0.0.1:{port}"), honour_robots=False, total_timeout_s=3
        )
        async with Fetcher(settings) as fetcher:
            with pytest.raises(error) as raised:
                await fetcher.fetch("https://a.example/")
    assert "\n" not in raised.value.message
    assert raised.value.message.isprintable()


async def test_a_body_without_length_ends_with_the_connection() -> None:
    async with raw_server(b"HTTP/1.0 200 OK\r\n\r\nold but fine") as port:
        settings = FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{port}"), honour_robots=False)
        async with Fetcher(settings) as fetcher:
            assert (await fetcher.fetch("https://a.example/")).body == b"old but fine"


async def test_a_closed_port_is_a_failed_connection() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        settings = FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{held.getsockname()[1]}"))
        async with Fetcher(settings) as fetcher:
            with pytest.raises(ConnectionFailed, match=r"to a\.example: Connection refused$") as raised:
                await fetcher.fetch("https://a.example/")
    assert raised.value.detail["errno"]


async def test_an_unknown_name_is_a_dns_failure() -> None:
    def unknown(_: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with Fetcher(FetchSettings(), lookup=unknown) as fetcher:
        with pytest.raises(DnsFailed, match=r"nowhere\.test"):
            await fetcher.fetch("https://nowhere.test/")


async def test_a_connection_that_does_not_come_about_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(sock: socket.socket, address: object) -> None:
        await asyncio.sleep(30)

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", hang)
    settings = FetchSettings(connect_timeout_s=0.05)
    async with Fetcher(settings, lookup=lambda _: ["93.184.215.14"]) as fetcher:
        with pytest.raises(FetchTimeout) as raised:
            await fetcher.fetch("http://slow.test/")
    assert raised.value.detail["phase"] == "connect"


# TLS. The mapped hosts are spoken to in plain HTTP, so these tests reach their server as if
# 127.0.0.1 were public.


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    real = addresses.why_refused

    def pretend(address: str) -> str | None:
        return None if address == "127.0.0.1" else real(address)

    for module in (addresses, resolver, fetcher_module):
        monkeypatch.setattr(module, "why_refused", pretend)


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, str]:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return ca, str(tmp_path / "ca.pem")


async def tls_fetch(ca_file: str, certificate: trustme.LeafCert, **changes: object) -> bytes:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(tls)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")
        await writer.drain()

    async with serving(handle, tls) as port:
        settings = replace(
            FetchSettings(ca_file=ca_file, ports=frozenset({port}), honour_robots=False, total_timeout_s=3),
            **changes,  # type: ignore[arg-type]  # fields by name
        )
        async with Fetcher(settings, lookup=lambda _: ["127.0.0.1"]) as fetcher:
            return (await fetcher.fetch(f"https://good.test:{port}/")).body


@pytest.mark.usefixtures("loopback_is_public")
async def test_a_certificate_that_verifies_is_accepted(authority: tuple[trustme.CA, str]) -> None:
    ca, ca_file = authority
    assert await tls_fetch(ca_file, ca.issue_cert("good.test")) == b"secret"


@pytest.mark.usefixtures("loopback_is_public")
async def test_the_second_try_checks_the_certificate_and_the_address_too(
    authority: tuple[trustme.CA, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, ca_file = authority
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("good.test").configure_cert(tls)
    asked: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: +6\r\n\r\nsecret")
        await writer.drain()

    async with serving(handle, tls) as port:
        settings = FetchSettings(
            ca_file=ca_file, ports=frozenset({port}), honour_robots=False, total_timeout_s=10
        )
        answers = iter((["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"], ["10.0.0.1"]))
        lookup = lambda _: next(answers)  # noqa: E731 - a name that rebinds
        async with Fetcher(replace(settings, dns_ttl_s=0), lookup=lookup) as fetcher:
            assert (await fetcher.fetch(f"https://good.test:{port}/x?y=1")).body == b"secret"
            first, second = asked
            assert f"GET /x?y=1 HTTP/1.1\r\nHost: good.test:{port}\r\n".encode() in second
            assert {line for line in first.split(b"\r\n") if b"User-Agent" in line} <= set(
                second.split(b"\r\n")
            )
            with pytest.raises(BlockedAddress):
                await fetcher.fetch(f"https://good.test:{port}/")
        assert len(asked) == 3


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize("fault", ["other name", "other authority"])
async def test_a_certificate_that_does_not_verify_is_refused(
    authority: tuple[trustme.CA, str], fault: str
) -> None:
    ca, ca_file = authority
    certificate = (
        ca.issue_cert("other.test") if fault == "other name" else trustme.CA().issue_cert("good.test")
    )
    with pytest.raises(TlsFailed) as raised:
        await tls_fetch(ca_file, certificate)
    assert raised.value.detail["certificate"] is True
    assert await tls_fetch(ca_file, certificate, verify_tls=False) == b"secret"


@pytest.mark.usefixtures("loopback_is_public")
async def test_plain_http_on_a_tls_port_is_a_tls_failure(hosts_server: HostsServer) -> None:
    settings = FetchSettings(ports=frozenset({hosts_server.port}))
    async with Fetcher(settings, lookup=lambda _: ["127.0.0.1"]) as fetcher:
        with pytest.raises(TlsFailed) as raised:
            await fetcher.fetch(f"https://good.test:{hosts_server.port}/")
    assert raised.value.detail["certificate"] is False


def test_every_failure_has_a_kind_of_its_own() -> None:
    kinds = [leaf.kind for leaf in FetchError.__subclasses__()]
    assert len(set(kinds)) == len(kinds)
    assert FetchError.kind not in kinds
    assert issubclass(FetchError, CrawlError)
    assert not issubclass(FetchError, aiohttp.ClientError)
