"""Whole crawls through message services: nothing is lost, nothing is done twice."""

from __future__ import annotations

from crawler.crawl import open_crawl
from crawler.etl import Messages
from crawler.fetch_settings import FetchSettings
from crawler.message_queue import MessageService
from crawler.queue_settings import QueueSettings
from crawler.requests import add_unranked
from crawler.resolver import parse_resolve
from crawler.settings import CrawlSettings
from crawler.status import crawl_status
from hashing.sandbox import SandboxLimits
from samelook.sample_web.server import sample_web_server
from samelook.sample_web.sites import SITES
from sql.pool import Pool

SETTINGS = CrawlSettings(flush_s=0.05, idle_first_s=0.05)
CHOICES = QueueSettings(prefix="test", wait_s=0.1, inputs_per_message=7)


async def test_a_crawl_through_a_message_service_ends_as_one_in_the_database(
    pool: Pool, service: MessageService
) -> None:
    messages = Messages(service, CHOICES)
    async with sample_web_server() as port:
        async with pool.acquire() as connection:
            await add_unranked(connection, [site.host for site in SITES])
        fetch = FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{port}"), total_timeout_s=1.5)
        async with open_crawl(
            pool, crawl=SETTINGS, fetch=fetch, sandbox=SandboxLimits(), messages=messages
        ) as crawl:
            await crawl.run(once=True)
    status = await crawl_status(pool)
    assert [(phase.due, phase.leased) for phase in status.phases] == [(0, 0)] * 3
