"""Rank lists on the web: the newest release of Common Crawl's or Tranco's, or the file at an address.

A list is fetched through the guarded fetcher into a file, because an archive is read from its end and a slow
database must not hold a connection open for an hour. It is fetched only when it is not the one that was
imported last: a release has an address of its own, other files are asked for conditionally.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from samelook.crawler.errors import CrawlError

if TYPE_CHECKING:
    from samelook.crawler.fetching.fetcher import Fetcher

COMMON_CRAWL: Final = "commoncrawl"
TRANCO: Final = "tranco"
NAMED: Final = (COMMON_CRAWL, TRANCO)

# What the two publish of their releases: https://commoncrawl.org/web-graphs and https://tranco-list.eu.
_GRAPHS: Final = "https://index.commoncrawl.org/graphinfo.json"
_GRAPH_FILES: Final = "https://data.commoncrawl.org/projects/hyperlinkgraph"
_TRANCO_ID: Final = "https://tranco-list.eu/top-1m-id"
_TRANCO_LIST: Final = "https://tranco-list.eu/download"

_RELEASE: Final = re.compile(r"cc-main-[a-z0-9-]{1,80}")
_DAILY_ID: Final = re.compile(r"[A-Z0-9]{4,10}")
_PREFIX: Final = "rank-list-"
_LEFT_S: Final = 86_400.0
MOST_BYTES: Final = 16 << 30
"""Common Crawl's ranks of hosts, the largest list there is, have some 6 GB."""

Report = Callable[[int, int | None], None]


class NoRankList(CrawlError):
    """No rank list could be had at an address."""

    kind = "rank_list_unavailable"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a list came from."""

    url: str
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class FetchedList:
    """A list on this machine, or nothing new."""

    source: Source
    path: Path | None
    """None: it is the list that was imported last."""


def is_address(text: str) -> bool:
    """Whether a list is named that is to be fetched, not a file."""
    return text in NAMED or text.startswith(("http://", "https://"))


async def release_of(fetcher: Fetcher, name: str) -> str:
    """The address of the newest list of that name; an address stands for itself. Raises CrawlError."""
    if name == COMMON_CRAWL:
        body = await _small(fetcher, _GRAPHS)
        try:
            release = json.loads(body)[0]["id"]
        except (ValueError, LookupError, TypeError) as error:
            raise NoRankList(f"{_GRAPHS} is no list of graphs any more.", url=_GRAPHS) from error
        if not isinstance(release, str) or not _RELEASE.fullmatch(release):
            raise NoRankList(f"{_GRAPHS} names a release {str(release)[:80]!r}.", url=_GRAPHS)
        return f"{_GRAPH_FILES}/{release}/domain/{release}-domain-ranks.txt.gz"
    if name == TRANCO:
        daily = (await _small(fetcher, _TRANCO_ID)).decode("ascii", "replace").strip()
        if not _DAILY_ID.fullmatch(daily):
            raise NoRankList(f"{_TRANCO_ID} gives no id of a list, but {daily[:80]!r}.", url=_TRANCO_ID)
        return f"{_TRANCO_LIST}/{daily}/1000000"
    return name


def _sweep(folder: Path) -> None:
    """Makes the folder, and takes away what killed imports left: one that lives has its file open."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < time.time() - _LEFT_S:
                left.unlink()


async def _small(fetcher: Fetcher, url: str) -> bytes:
    with tempfile.SpooledTemporaryFile(max_size=1 << 20) as file:
        response = await fetcher.save(url, cast("BinaryIO", file), max_bytes=1 << 20)
        if not response.ok:
            raise NoRankList(f"{url} answers with status {response.status}.", url=url, status=response.status)
        file.seek(0)
        return file.read()


@asynccontextmanager
async def fetched_list(
    fetcher: Fetcher,
    name: str,
    folder: Path,
    imported: Callable[[str], Awaitable[Source | None]],
    report: Report,
) -> AsyncIterator[FetchedList]:
    """The list, in a file that goes with the block; `imported` tells what was imported last of an address.

    Raises CrawlError.
    """
    url = await release_of(fetcher, name)
    same = await imported(url)
    if same is not None and name in NAMED:
        yield FetchedList(same, None)
        return
    await asyncio.to_thread(_sweep, folder)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=_PREFIX) as file:
        response = await fetcher.save(
            url,
            cast("BinaryIO", file),
            max_bytes=MOST_BYTES,
            etag=same.etag if same else None,
            last_modified=same.last_modified if same else None,
            report=report,
        )
        if response.unchanged and same is not None:
            yield FetchedList(same, None)
            return
        if not response.ok:
            raise NoRankList(f"{url} answers with status {response.status}.", url=url, status=response.status)
        file.flush()
        source = Source(url, response.headers.get("etag"), response.headers.get("last-modified"))
        yield FetchedList(source, Path(file.name))
