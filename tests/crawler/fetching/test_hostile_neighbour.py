"""Sixty honest sites beside one that sends a hostile body: nobody waits for it and nobody else is blamed."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped]  # ships no types
import pytest
import zstandard

from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings

if TYPE_CHECKING:
    from tests.crawler.conftest import HostsServer

HONEST = 60
PAGE = b"<!doctype html><title>honest</title>" + b"<p>text</p>" * 3_000
MIB = 1 << 20


def br(data: bytes) -> bytes:
    return bytes(brotli.compress(data))


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


EMPTY_GZIP, EMPTY_ZSTD = gzip.compress(b"", mtime=0), zstd(b"")
# Packed when it is sent: that costs seconds, which whoever only collects the tests would pay too.
BODIES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty gzip members under br": ("gzip, br", lambda: br(EMPTY_GZIP * (8 * MIB // len(EMPTY_GZIP)))),
    "empty zstd frames under br": ("zstd, br", lambda: br(EMPTY_ZSTD * (8 * MIB // len(EMPTY_ZSTD)))),
    "empty zstd frames": ("zstd", lambda: EMPTY_ZSTD * (7 * MIB // len(EMPTY_ZSTD))),
    "gzip five times over": (", ".join(["gzip"] * 5), lambda: gzip.compress(gzip.compress(bytes(8 * MIB)))),
    "a bomb of br": ("br", lambda: br(bytes(64 * MIB))),
    "a bomb of zstd": ("zstd", lambda: zstd(bytes(64 * MIB))),
    "a bomb of gzip": ("gzip", lambda: gzip.compress(bytes(64 * MIB))),
}


async def crawl(fetcher: Fetcher, sites: int) -> tuple[float, list[str]]:
    """How long the honest sites took, and what went wrong at any of them."""
    failed: list[str] = []

    async def visit(number: int) -> None:
        try:
            page = await fetcher.fetch(f"https://honest{number}.example/")
        except CrawlError as error:
            failed.append(f"{number}: {error.kind}")
        else:
            assert page.body == PAGE

    started = time.monotonic()
    await asyncio.gather(*map(visit, range(sites)))
    return time.monotonic() - started, failed


async def hostile_visit(fetcher: Fetcher, path: str) -> None:
    try:
        await fetcher.fetch(f"https://hostile.example/{path}")
    except CrawlError as error:
        assert error.kind in {"too_large", "bad_encoding", "timeout"}  # noqa: PT017 - it need not fail


@pytest.mark.alone
@pytest.mark.parametrize("name", BODIES)
async def test_honest_sites_are_as_fast_as_without_it(hosts_server: HostsServer, name: str) -> None:
    coding, pack = BODIES[name]
    body = pack()
    for number in range(HONEST):
        hosts_server.add(
            f"honest{number}.example", "/", gzip.compress(PAGE), headers={"Content-Encoding": "gzip"}
        )
    for number in range(4):
        hosts_server.add("hostile.example", f"/{number}", body, headers={"Content-Encoding": coding})
    settings = FetchSettings(
        resolve=parse_resolve(hosts_server.resolve), total_timeout_s=10, honour_robots=False
    )
    async with Fetcher(settings) as fetcher:
        alone_s, failed = await crawl(fetcher, HONEST)
        assert not failed
        hostile = [asyncio.create_task(hostile_visit(fetcher, str(number))) for number in range(4)]
        beside_s, failed = await crawl(fetcher, HONEST)
        await asyncio.gather(*hostile)
    assert not failed
    # It cost 31 to 74 s when members were counted by none; a busy machine costs tenths.
    assert beside_s < 2 * alone_s + 1.5
