"""Icons that only scripts make: Chromium runs them without a network, and asks for everything through us."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from samelook.crawler.discovery.discover import Discovery, discover
from samelook.crawler.fetching.cookies import Cookies
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.rendering.browser import RenderingFailed, installed_chromium
from samelook.crawler.rendering.renderer import Renderer
from tests.crawler.browser.raw_server import Answer, png, serving, whole

ICON = whole(png((9, 9, 9)), "image/png")
LINK = "const l = document.createElement('link'); l.rel = 'icon'; l.href = %s; document.head.append(l);"


def scripted(script: str, body: str = "") -> bytes:
    return whole(f"<!doctype html><title>t</title><body>{body}<script>{script}</script>".encode())


@pytest.fixture
async def renderer() -> AsyncIterator[Renderer]:
    if installed_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail("CI runs scripts in Chromium, and it is not installed.")
        pytest.skip("CHROMIUM IS NOT INSTALLED: no scripts were run.")
    async with Renderer() as found:
        yield found


def shown(found: Discovery) -> list[str]:
    return [icon.url for icon in found.icons if icon.source == "link-icon"]


async def test_scripts_name_the_icon_of_a_page_that_has_none(renderer: Renderer) -> None:
    asked: list[bytes] = []

    def icon_that_is_there(head: bytes) -> bytes:
        asked.append(head)
        return whole(png((1, 1, 1)), "image/x-icon")

    sites: dict[str, dict[str, Answer]] = {
        "at-once": {"/": scripted(LINK % "'i.png'")},
        "by-a-file": {
            "/": whole(b"<!doctype html><script src=/app.js type=module></script>"),
            "/app.js": whole(
                f"fetch('/names.json').then(a => a.json()).then(n => {{ {LINK % 'n.icon'} }})".encode(),
                "text/javascript",
            ),
            "/names.json": whole(b'{"icon": "/z.png"}', "application/json"),
        },
        "none": {"/": scripted("")},
        "has-one": {"/": scripted(LINK % "'i.png'"), "/favicon.ico": icon_that_is_there},
    }
    async with serving(sites, {}) as port:
        settings = FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{port}"), total_timeout_s=20)
        async with Fetcher(settings) as fetcher:
            found = {
                name: await discover(fetcher, f"http://{name}.test/", renderer=renderer) for name in sites
            }
            plain = await discover(fetcher, "http://at-once.test/")
    assert shown(found["at-once"]) == ["http://at-once.test/i.png"]
    assert found["at-once"].notes == ("Only its scripts name its icons",)
    assert shown(found["by-a-file"]) == ["http://by-a-file.test/z.png"]
    assert not shown(found["none"]) + shown(found["has-one"]) + shown(plain)
    assert len(asked) == 1


async def test_nothing_that_a_page_tries_reaches_a_private_address(renderer: Renderer) -> None:
    reached: list[bytes] = []

    def private(head: bytes) -> bytes:
        reached.append(head)
        return ICON

    paths = ("/fetched", "/image", "/frame", "/worker", "/socket", "/sent", "/module.js")
    sites: dict[str, dict[str, Answer]] = {"hostile": {}}
    async with serving(sites, dict.fromkeys(paths, private)) as port:
        there = f"127.0.0.1:{port}"
        sites["hostile"]["/"] = scripted(
            f"fetch('http://{there}/fetched', {{mode: 'no-cors'}}).catch(() => 0);"
            f"new Image().src = 'http://{there}/image';"
            f"new WebSocket('ws://{there}/socket');"
            f"navigator.sendBeacon('http://{there}/sent', 'x');"
            f"new Worker('data:text/javascript,fetch(`http://{there}/worker`)');"
            f"import('http://{there}/module.js').catch(() => 0);" + LINK % "'i.png'",
            f"<iframe src='http://{there}/frame'></iframe>",
        )
        settings = FetchSettings(resolve=parse_resolve(f"hostile.test=127.0.0.1:{port}"), total_timeout_s=20)
        async with Fetcher(settings) as fetcher:
            found = await renderer.render(fetcher, "http://hostile.test/", Cookies())
    assert 'href="http://hostile.test/i.png"' in found.markup
    assert not reached


async def test_a_missing_chromium_is_told() -> None:
    async with Renderer("/nowhere/chromium") as missing:
        with pytest.raises(RenderingFailed, match="SAMELOOK_CHROMIUM"):
            await missing.check()
