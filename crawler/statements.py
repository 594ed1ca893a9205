"""Reading what sites in the tiers say of others: each site once a month, its page and two small files.

A reading is an upkeep of its own beside the phases: it needs no queue, as there are a hundred thousand sites
at most, and goes through the one fetcher, which is polite and honours robots.txt.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from samelook.crawler.discovery.page import is_html
from samelook.crawler.discovery.statements import WELL_KNOWN, StatementKind, sites_in_file, sites_in_page
from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.urls import origin_of, start_urls_of
from samelook.names.errors import NotASite
from samelook.names.sites import Site, site_of_url
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.crawler.fetching.fetcher import Fetcher, Response
    from samelook.sql.pool import Pool

log = structlog.get_logger()

TRUSTED_TO = 100_000
"""Only what sites in the tiers say can be proof."""
_BATCH = 8
_IDLE_S = 60.0


@dataclass(frozen=True, slots=True)
class Statements:
    """What a site says, or why it could not be asked."""

    site: Site
    others: dict[StatementKind, set[Site]] = field(default_factory=dict)
    error: str | None = None


async def statements_of(fetcher: Fetcher, site: Site) -> Statements:
    """What a site's front page and its two files say. A file that is not there says nothing."""
    page: Response | None = None
    error = ""
    for url in start_urls_of(site):
        try:
            page = await fetcher.fetch(url, kind="page")
            break
        except CrawlError as failure:
            error = error or failure.kind
    if page is None or not page.ok:
        return Statements(site, error=error or "http_status")
    others: dict[StatementKind, set[Site]] = {}
    # The visit ended on another site's page: its statements are not this site's.
    if _is_at(page, site) and is_html(page.body, page.headers.get("content-type")):
        others.update(sites_in_page(page.body, page.headers.get("content-type"), page.final_url, site))
    for kind, path in WELL_KNOWN.items():
        try:
            file = await fetcher.fetch(origin_of(page.url) + path, kind="manifest")
        except CrawlError:
            continue
        # The file was redirected to another site: it is the other's statement.
        if file.ok and _is_at(file, site):
            others[kind] = sites_in_file(kind, file.body, site)
    return Statements(site, {kind: sites for kind, sites in others.items() if sites})


def _is_at(answer: Response, site: Site) -> bool:
    """Whether an answer is the site's own, after redirects."""
    try:
        return site_of_url(answer.final_url) == site
    except NotASite:
        return False


class StatementReader:
    """Reads the sites that are due, and keeps what they say."""

    def __init__(self, pool: Pool, fetcher: Fetcher) -> None:
        self._pool = pool
        self._fetcher = fetcher
        self._queries: Any = queries("statements")

    async def read_due(self, most: int = _BATCH) -> int:
        """Read up to so many sites that are due; how many were."""
        due = [
            Site(row["site"])
            async for row in self._queries.claim_statements(self._pool, trusted_to=TRUSTED_TO, most=most)
        ]
        for found in await asyncio.gather(*(statements_of(self._fetcher, site) for site in due)):
            async with self._pool.acquire() as connection, connection.transaction():
                await self._keep(connection, found)
        return len(due)

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            try:
                count = await self.read_due()
            except Exception as error:  # noqa: BLE001 - the root of the task: the next round tries again
                log.warning("statements.failed", error=str(error) or type(error).__name__)
                count = 0
            if not count:
                await asyncio.sleep(_IDLE_S)

    async def _keep(self, connection: Any, found: Statements) -> None:
        await self._queries.note_statement_visit(connection, site=found.site, error=found.error)
        if found.error is not None:
            # A site that is away for a day has taken nothing back.
            return
        pairs = sorted((other, kind) for kind, sites in found.others.items() for other in sites)
        others, kinds = [other for other, _ in pairs], [kind for _, kind in pairs]
        await self._queries.retract_statements(connection, site=found.site, others=others, kinds=kinds)
        await self._queries.write_statements(connection, site=found.site, others=others, kinds=kinds)
