"""A database that holds a crawl of the sample web, and what the sample web says about itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from yarl import URL

from samelook.crawler.crawl import open_crawl
from samelook.crawler.discovery.data_urls import data_of, is_data_url
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.requests import add_unranked
from samelook.crawler.settings import CrawlSettings
from samelook.demo.sample_web.server import answers_of, sample_web_server
from samelook.demo.sample_web.sites import SITES
from samelook.extension_api.extension import answering_once
from samelook.hashing.settings import SandboxLimits
from samelook.hashing.signals import hash_bytes
from samelook.inspector.reading import reading
from samelook.names.hosts import reversed_host
from samelook.sql.pool import OwnConnection, Pool, open_pool
from samelook.sql.settings import DatabaseSettings

CRAWL = CrawlSettings(flush_s=0.05, idle_first_s=0.05)


async def fill(url: str) -> None:
    """Crawl the sample web, with its ranks, into a migrated database, up to the facts of verdicts."""
    async with sample_web_server() as port, open_pool(DatabaseSettings(url=url)) as pool:
        await add_sample_sites(pool)
        fetch = FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{port}"), total_timeout_s=3)
        async with open_crawl(pool, crawl=CRAWL, fetch=fetch, sandbox=SandboxLimits()) as crawl:
            await crawl.run(once=True)
    # As a service does that was started on it: looks are computed, and what the crawl found becomes facts.
    async with answering_once(DatabaseSettings(url=url)):
        pass


async def add_sample_sites(pool: Pool) -> None:
    ranked = [(reversed_host(site.host), site.rank) for site in SITES if site.rank is not None]
    await pool.executemany(
        "INSERT INTO domains (reversed_name, harmonic_position, source) VALUES ($1, $2, 'sample')", ranked
    )
    async with pool.acquire() as connection:
        await add_unranked(connection, [site.host for site in SITES if site.rank is None])


@pytest.fixture(scope="session")
def crawled_template(database_server: Any) -> Iterator[str]:
    """The name of a database that was crawled once for all tests; they get copies of it."""

    async def prepare() -> str:
        name: str = await database_server.create(template=database_server.template)
        await fill(database_server.url_of(name))
        return name

    name = asyncio.run(prepare())
    yield name
    asyncio.run(database_server.drop(name))


@pytest.fixture
async def crawled_url(database_server: Any, crawled_template: str) -> AsyncIterator[str]:
    """A crawled database of the test's own."""
    name = await database_server.create(template=crawled_template)
    yield database_server.url_of(name)
    await database_server.drop(name)


@pytest.fixture
async def crawled_pool(crawled_url: str) -> AsyncIterator[Pool]:
    async with open_pool(DatabaseSettings(url=crawled_url)) as pool:
        yield pool


@pytest.fixture
async def reader(crawled_url: str) -> AsyncIterator[OwnConnection]:
    """The connection that the inspector asks on."""
    async with reading(DatabaseSettings(url=crawled_url)) as connection:
        yield connection


@dataclass
class SampleLooks:
    """What the sample web's icons look like, computed without any crawl or database."""

    ranks: dict[str, int | None] = field(default_factory=dict)
    files: dict[str, set[str]] = field(default_factory=dict)
    """The SHA-256 of each site's usable icons."""
    signals: dict[str, dict[str, str]] = field(default_factory=dict)
    """By SHA-256."""

    def distance(self, one: str, other: str, signal: str) -> int:
        """The least distance between two sites' icons."""
        return min(
            self.between(mine, theirs, signal) for mine in self.files[one] for theirs in self.files[other]
        )

    def between(self, one: str, other: str, signal: str) -> int:
        return (int(self.signals[one][signal], 16) ^ int(self.signals[other][signal], 16)).bit_count()

    def order(self, host: str) -> tuple[bool, int, str]:
        rank = self.ranks[host]
        return (rank is None, rank or 0, reversed_host(host))


@pytest.fixture(scope="session")
def sample_looks() -> SampleLooks:
    looks = SampleLooks()
    answers = answers_of(SITES)
    for site in SITES:
        looks.ranks[site.host] = site.rank
        # Of a site that lists hundreds, a crawl looks at the first.
        for url in site.icons[:61]:
            if site.page_error is not None:
                break
            if is_data_url(url):
                data = data_of(url)[0]
            else:
                parts = URL(url, encoded=True)
                data = answers[parts.raw_host or "", parts.raw_path].data
            picture = hash_bytes(data)
            looks.signals[picture.sha256] = picture.signals
            looks.files.setdefault(site.host, set()).add(picture.sha256)
    return looks
