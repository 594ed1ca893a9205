"""Discovery against a real server, through the real fetcher."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from aiohttp import web
from PIL import Image

from samelook.crawler.discovery.discover import discover
from samelook.crawler.discovery.icon_fetch import fetch_icons
from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.hashing.sandbox import Sandbox

if TYPE_CHECKING:

    class HostsServer(Protocol):
        resolve: str
        seen: list[tuple[str, str]]

        def handle(
            self, host: str, path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> None: ...

        def add(
            self,
            host: str,
            path: str,
            body: bytes | str = b"",
            *,
            content_type: str = "text/html",
            status: int = 200,
            headers: dict[str, str] | None = None,
        ) -> None: ...

        def redirect(self, host: str, path: str, location: str, *, status: int = 302) -> None: ...


HOST = "a.example"


@pytest.fixture
async def fetcher(hosts_server: HostsServer) -> AsyncIterator[Fetcher]:
    settings = FetchSettings(resolve=parse_resolve(hosts_server.resolve), total_timeout_s=10)
    async with Fetcher(settings) as fetcher:
        yield fetcher


def png(size: int = 16, colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(out, "PNG")
    return out.getvalue()


WELL_KNOWN = ["/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png"]


async def test_candidates_come_in_order_of_their_sources(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.add(
        HOST,
        "/",
        "<meta name=msapplication-TileImage content=tile.png>"
        "<meta name=msapplication-config content=/c/b.xml>"
        "<link rel=fluid-icon href=fluid.png><link rel=manifest href=/m/app.json>"
        "<link rel=apple-touch-icon-precomposed href=pre.png><link rel=apple-touch-icon href=touch.png>"
        "<link rel=icon href=one.png><link rel='shortcut icon' href=two.png>"
        "<link rel=mask-icon href=mask.svg>",
    )
    hosts_server.add(HOST, "/m/app.json", '{"icons": [{"src": "app.png"}]}', content_type="text/plain")
    hosts_server.add(HOST, "/c/b.xml", "<browserconfig><tile><TileImage src='b.png'/></tile></browserconfig>")
    found = await discover(fetcher, f"http://{HOST}/")
    assert [(icon.source, icon.url.removeprefix(f"http://{HOST}")) for icon in found.icons] == [
        ("link-icon", "/one.png"),
        ("link-icon", "/two.png"),
        ("apple-touch-icon", "/touch.png"),
        ("apple-touch-icon-precomposed", "/pre.png"),
        ("manifest", "/m/app.png"),
        *(("well-known", path) for path in WELL_KNOWN),
        ("tile-image", "/tile.png"),
        ("browserconfig", "/c/b.png"),
        ("fluid-icon", "/fluid.png"),
    ]
    assert found.notes == ()


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("", "text/html", 200),
        ("", "text/html", 500),
        ('{"a": 1}', "application/json", 200),
        ("<p>not here</p>", "text/html", 404),
        ("<link rel=icon href=no.png>", "text/plain", 200),
    ],
)
async def test_well_known_paths_are_listed_whatever_the_page_is(
    hosts_server: HostsServer, fetcher: Fetcher, body: str, content_type: str, status: int
) -> None:
    hosts_server.add(HOST, "/deep/page", body, content_type=content_type, status=status)
    found = await discover(fetcher, f"http://{HOST}/deep/page?q=1")
    assert found.status == status
    assert [icon.url for icon in found.icons] == [f"http://{HOST}{path}" for path in WELL_KNOWN]


async def test_links_on_an_error_page_count(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.add(HOST, "/", "<link rel=icon href=/e.png>", status=503)
    assert (await discover(fetcher, f"http://{HOST}/")).icons[0].url == f"http://{HOST}/e.png"


async def test_well_known_paths_are_on_the_pages_origin_not_the_bases(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.redirect("old.example", "/", "//new.example/x/")
    hosts_server.add("new.example", "/x/", "<base href=http://cdn.example/v/><link rel=icon href=i.png>")
    found = await discover(fetcher, "http://old.example/")
    assert found.final_url == "http://new.example/x/"
    assert [icon.url for icon in found.icons] == [
        "http://cdn.example/v/i.png",
        *(f"http://new.example{path}" for path in WELL_KNOWN),
    ]


async def test_a_www_host_that_is_no_site_does_not_hide_what_went_wrong(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.redirect(HOST, "/", "/")
    with pytest.raises(CrawlError) as raised:
        await discover(fetcher, HOST)
    assert raised.value.kind == "redirect_loop"
    hosts_server.add(f"www.{HOST}", "/", "<link rel=icon href=i.png>", status=403)
    assert (await discover(fetcher, HOST)).icons[0].url == f"https://www.{HOST}/i.png"


async def test_a_host_that_takes_its_time_is_not_asked_again(hosts_server: HostsServer) -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    hosts_server.handle(HOST, "/", slow)
    settings = FetchSettings(resolve=parse_resolve(hosts_server.resolve), total_timeout_s=0.3)
    async with Fetcher(settings) as fetcher:
        with pytest.raises(CrawlError) as raised:
            await discover(fetcher, HOST)
    assert raised.value.kind == "timeout"
    assert [path for _, path in hosts_server.seen] == ["/robots.txt", "/"]


async def test_a_page_that_says_no_icon_is_not_asked_for_the_default(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.add(HOST, "/", "<link rel=icon href='data:,'>")
    found = await discover(fetcher, f"http://{HOST}/")
    assert found.says_no_icon
    assert [icon.declared for icon in found.icons] == WELL_KNOWN[1:]


async def test_immediate_refreshes_are_followed_but_not_round_in_circles(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.add(HOST, "/", "<meta http-equiv=refresh content='0;url=/de/'>")
    hosts_server.redirect(HOST, "/de/", "/de/home")
    hosts_server.add(
        HOST, "/de/home", "<link rel=icon href=i.png><meta http-equiv=refresh content='0;url=/'>"
    )
    found = await discover(fetcher, f"http://{HOST}/")
    assert found.final_url == f"http://{HOST}/de/home"
    assert found.icons[0].url == f"http://{HOST}/de/i.png"
    assert "loop" in found.notes[0]


async def test_a_refresh_may_be_a_header(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.add(HOST, "/", "x", content_type="text/plain", headers={"Refresh": "0; url=/de/"})
    hosts_server.add(HOST, "/de/", "<link rel=icon href=i.png>", headers={"Refresh": "5; url=/later"})
    found = await discover(fetcher, f"http://{HOST}/")
    assert found.icons[0].url == f"http://{HOST}/de/i.png"


async def test_refreshes_are_counted(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    for n in range(30):
        hosts_server.add(HOST, f"/{n}", f"<meta http-equiv=refresh content='0;url=/{n + 1}'>")
    found = await discover(fetcher, f"http://{HOST}/0")
    assert found.final_url == f"http://{HOST}/10"
    assert "too many hops" in found.notes[0]


async def test_a_refresh_to_nowhere_leaves_the_page(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    hosts_server.add(
        HOST, "/", "<link rel=icon href=i.png><meta http-equiv=refresh content='0;url=http://127.0.0.1/'>"
    )
    found = await discover(fetcher, f"http://{HOST}/")
    assert found.icons[0].url == f"http://{HOST}/i.png"
    assert "refresh not followed" in found.notes[0]


async def test_failures_of_manifest_and_browserconfig_are_notes(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.add(
        HOST,
        "/",
        "<link rel=manifest href=http://169.254.169.254/m.json>"
        "<meta name=msapplication-config content=/gone>",
    )
    found = await discover(fetcher, f"http://{HOST}/")
    assert len(found.notes) == 2
    assert "404" in found.notes[1]
    assert len(found.icons) == 3


async def test_a_url_is_listed_once_with_what_all_its_links_say(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.add(
        HOST,
        "/",
        "<link rel=icon href=i.png sizes=16x16 media='(prefers-color-scheme: dark)'>"
        "<link rel=icon href=/i.png#x sizes='16x16 32x32' media='(prefers-color-scheme: light)'>"
        "<link rel=apple-touch-icon href=./i.png sizes=180x180><link rel=icon href=favicon.ico>",
    )
    found = await discover(fetcher, f"http://{HOST}/")
    assert [icon.declared for icon in found.icons] == ["i.png", "favicon.ico", *WELL_KNOWN[1:]]
    assert found.icons[0].sizes == "16x16 32x32"
    assert found.icons[0].media == "(prefers-color-scheme: dark), (prefers-color-scheme: light)"


async def test_a_flood_of_links_is_cut_but_keeps_the_well_known_paths(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.add(HOST, "/", "".join(f"<link rel=icon href={n}.png>" for n in range(500)))
    found = await discover(fetcher, f"http://{HOST}/")
    assert len(found.icons) == 64
    assert [icon.declared for icon in found.icons[-3:]] == WELL_KNOWN
    declared = {icon.declared for icon in found.icons}
    assert {"0.png", "40.png", "499.png"} <= declared  # browsers choose the last one
    assert "500" in found.notes[0] or "259" in found.notes[0]


async def test_a_page_that_cannot_be_had_raises_its_error(fetcher: Fetcher) -> None:
    with pytest.raises(CrawlError) as caught:
        await discover(fetcher, "http://127.0.0.1/")
    assert caught.value.kind == "blocked_address"
    with pytest.raises(CrawlError) as caught:
        await discover(fetcher, "ftp://a.example/")
    assert caught.value.kind == "bad_url"


async def test_an_icon_counts_by_status_and_bytes(hosts_server: HostsServer, fetcher: Fetcher) -> None:
    carried = "data:image/png;base64," + base64.b64encode(png(24, "blue")).decode()
    names = ["real.txt", "gone.png", "html.png", "empty.png", "pixel.gif", "cut.png"]
    hosts_server.add(HOST, "/", "".join(f"<link rel=icon href='{name}'>" for name in [*names, carried]))
    hosts_server.add(HOST, "/real.txt", png(), content_type="text/plain")
    hosts_server.add(HOST, "/gone.png", png(), status=404)
    hosts_server.add(HOST, "/html.png", "<html>", content_type="image/png")
    hosts_server.add(HOST, "/empty.png", b"", content_type="image/png")
    hosts_server.add(HOST, "/pixel.gif", png(1), content_type="image/gif")
    hosts_server.add(HOST, "/cut.png", png(64)[:60], content_type="image/png")
    hosts_server.add(HOST, "/favicon.ico", png(32))
    async with Sandbox() as sandbox:
        found = await fetch_icons(fetcher, sandbox, await discover(fetcher, f"http://{HOST}/"))
    assert [
        (icon.candidate.declared[:10], icon.picture.width, "chromium" in icon.displayed_by)
        for icon in found.found
    ] == [
        ("real.txt", 16, True),
        ("data:image", 24, False),
        ("/favicon.i", 32, False),
    ]
    kinds = {missing.candidate.declared: missing.kind for missing in found.missing}
    assert kinds["gone.png"] == "http_status"
    assert kinds["pixel.gif"] == "one_pixel"
    assert set(kinds) == {*names[1:], *WELL_KNOWN[1:]}
    assert [path for _, path in hosts_server.seen].count("/real.txt") == 1


async def test_a_page_that_cannot_be_read_leaves_its_favicon_ico(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    hosts_server.add(HOST, "/", b"no gzip", headers={"Content-Encoding": "gzip"})
    with pytest.raises(CrawlError) as raised:
        await discover(fetcher, HOST)
    assert raised.value.kind == "bad_encoding"
    hosts_server.add(HOST, "/favicon.ico", b"GIF89a", content_type="image/gif")
    found = await discover(fetcher, HOST)
    assert [icon.url for icon in found.icons] == [f"https://{HOST}/favicon.ico"]
    assert found.unreadable is not None
    assert "cannot be read" in found.notes[0]


async def test_cookies_last_for_the_visit_and_go_to_the_host_that_set_them(
    hosts_server: HostsServer, fetcher: Fetcher
) -> None:
    asked: list[tuple[str, str | None]] = []

    def answering(*, location: str | None = None, cookie: str | None = None, body: str = "") -> Any:
        async def answer(request: web.Request) -> web.Response:
            asked.append((request.host, request.headers.get("Cookie")))
            headers = {"Location": location} if location else {"Content-Type": "text/html"}
            response = web.Response(status=302 if location else 200, headers=headers, text=body)
            if cookie:
                response.headers.add("Set-Cookie", cookie)
                response.headers.add("Set-Cookie", "gone=1; Max-Age=0")
            return response

        return answer

    hosts_server.handle("a.example", "/", answering(location="https://b.example/", cookie="seen=1; Path=/"))
    hosts_server.handle("b.example", "/", answering(location="https://a.example/in/", cookie="b=2; Secure"))
    hosts_server.handle(
        "a.example", "/in/", answering(body='<meta http-equiv=refresh content="0;url=/last">', cookie="x=3")
    )
    hosts_server.handle("a.example", "/last", answering(body="<link rel=icon href=i.png>"))
    for _ in range(2):
        asked.clear()
        await discover(fetcher, "https://a.example/")
        assert asked == [
            ("a.example", None),
            ("b.example", None),
            ("a.example", "seen=1"),
            ("a.example", "seen=1"),  # the other one is for /in/
        ]
