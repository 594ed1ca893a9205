"""Rank lists fetched from a web of the test's own, in whose place the resolver map puts the real names."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.errors import BlockedAddress, TooLarge
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.ranks.sources import NoRankList, Source, fetched_list, release_of

LIST = b"1,one.example\n2,two.example\n"


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    """Leads every name to a server that has what Common Crawl and Tranco publish."""

    async def graphs(_: web.Request) -> web.Response:
        return web.json_response([{"id": "cc-main-2026-jan-feb-mar"}, {"id": "cc-main-2025-oct-nov-dec"}])

    async def daily(_: web.Request) -> web.Response:
        return web.Response(text="X2Q9K\n")

    async def plain(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(
            body=LIST, headers={"ETag": '"1"', "Last-Modified": "Mon, 02 Mar 2026 00:00:00 GMT"}
        )

    async def packed(_: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(LIST))

    async def away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": request.query["to"]})

    async def round_and_round(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/round"})

    app = web.Application()
    app.router.add_get("/graphinfo.json", graphs)
    app.router.add_get("/top-1m-id", daily)
    app.router.add_get("/download/X2Q9K/1000000", plain)
    app.router.add_get("/list.csv", plain)
    app.router.add_get("/list.csv.gz", packed)
    app.router.add_get("/away", away)
    app.router.add_get("/round", round_and_round)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with Fetcher(FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{port}"))) as found:
        yield found
    await runner.cleanup()


async def nothing(_url: str) -> Source | None:
    return None


async def test_the_newest_release_of_each_list_is_found(fetcher: Fetcher) -> None:
    assert await release_of(fetcher, "commoncrawl") == (
        "https://data.commoncrawl.org/projects/hyperlinkgraph/cc-main-2026-jan-feb-mar/domain/"
        "cc-main-2026-jan-feb-mar-domain-ranks.txt.gz"
    )
    assert await release_of(fetcher, "tranco") == "https://tranco-list.eu/download/X2Q9K/1000000"


async def test_a_release_that_was_imported_is_not_fetched_again(fetcher: Fetcher, tmp_path: Path) -> None:
    async def imported(url: str) -> Source | None:
        return Source(url)

    async with fetched_list(fetcher, "tranco", tmp_path, imported, lambda *_: None) as found:
        assert found.path is None


async def test_a_file_is_asked_for_conditionally_and_gone_afterwards(
    fetcher: Fetcher, tmp_path: Path
) -> None:
    told: list[int] = []
    async with fetched_list(
        fetcher, "https://lists.example/list.csv", tmp_path, nothing, lambda done, _total: told.append(done)
    ) as found:
        assert found.path is not None
        assert found.path.read_bytes() == LIST
        source = found.source
    assert not list(tmp_path.iterdir())
    assert source.etag == '"1"'
    assert told[-1] == len(LIST)

    async def imported(_url: str) -> Source | None:
        return source

    async with fetched_list(fetcher, source.url, tmp_path, imported, lambda *_: None) as again:
        assert again.path is None


async def test_a_packed_list_lies_as_it_was_sent(fetcher: Fetcher, tmp_path: Path) -> None:
    url = "https://lists.example/list.csv.gz"
    async with fetched_list(fetcher, url, tmp_path, nothing, lambda *_: None) as found:
        assert found.path is not None
        assert gzip.decompress(found.path.read_bytes()) == LIST


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://lists.example/missing", NoRankList),
        ("https://lists.example/away?to=http://127.0.0.1/list.csv", BlockedAddress),
        ("https://lists.example/round", CrawlError),
        ("ftp://lists.example/list.csv", CrawlError),
    ],
)
async def test_what_is_no_list_is_a_typed_error_and_leaves_no_file(
    fetcher: Fetcher, tmp_path: Path, url: str, error: type[CrawlError]
) -> None:
    with pytest.raises(error):
        async with fetched_list(fetcher, url, tmp_path, nothing, lambda *_: None):
            pass
    assert not list(tmp_path.iterdir())


async def test_a_file_beyond_the_cap_is_given_up(fetcher: Fetcher) -> None:
    with tempfile.TemporaryFile() as file, pytest.raises(TooLarge):
        await fetcher.save("https://lists.example/list.csv", file, max_bytes=10)
