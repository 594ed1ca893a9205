"""What somebody may try against a brand, end to end: its copies lock as before, and it is trusted.

What thirty wearers, lists of hosts and a thousand clients do is in test_front_doors.py and test_poisoning.py.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from samelook.crawler.crawl import open_crawl
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.settings import CrawlSettings
from samelook.demo.sample_web.pictures import Format, IconFile
from samelook.extension_api import operator
from samelook.extension_api.extension import EXTENSION
from samelook.extension_api.operator import Act
from samelook.facts.catalogue_lists import Entries, ListedPicture, ListedVendor
from samelook.facts.look_worker import LookWorker
from samelook.facts.questions import AskedIcon
from samelook.hashing.sandbox import Sandbox
from samelook.hashing.settings import SandboxLimits
from samelook.names.sites import Site
from samelook.sql.pool import open_connection, open_pool
from tests.extension_api.test_front_doors import backdate, crawled_showing

BRAND, COPY = Site("lumora.example"), "lumora-secure.example"
ACT = Act("an operator", "a test")


def looks_of(sample: Any, host: str) -> tuple[AskedIcon, ...]:
    return tuple(map(AskedIcon, dict(sample.judge.memory.site(host).shown_looks(time.time()))))


def assert_protected(sample: Any) -> None:
    """The brand is trusted, the copy that is known and one that is new are locked, each as that brand's."""
    assert str(sample.ask(BRAND).decision.verdict) == "trusted"
    icons = looks_of(sample, BRAND)
    for judged in (sample.ask(COPY), sample.ask("another.example", *icons)):
        assert str(judged.decision.verdict) == "lock"
        assert judged.decision.looks_like[0].owner.site == BRAND


async def test_a_question_about_a_tenant_and_the_crawl_that_follows_it(
    crawled: Any, sample: Any, serve_extension: Any
) -> None:
    """Anybody may ask, without a token, about a free blog that shows the brand's icon."""
    http = await serve_extension(crawled)
    tenants = ("lumora-z.wordpress.com", "lumora-z.weebly.com", "sites.google.com")
    async with http.post("/x/v1/check", json={"sites": [{"url": one} for one in tenants]}) as answer:
        assert answer.status == 200
    await http.app[EXTENSION].outbox.flush()
    picture = IconFile("lumora", (44,), Format.PNG).data
    served: set[str] = set()

    async def copies(request: web.Request) -> web.Response:
        host = request.host.partition(":")[0]
        if host not in tenants:
            return web.Response(status=404)
        served.add(host)
        if request.path == "/":
            text = '<!doctype html><link rel="icon" href="/i.png"><p>Sign in</p>'
            return web.Response(text=text, content_type="text/html")
        return web.Response(body=picture, content_type="image/png")

    app = web.Application()
    app.router.add_get("/{path:.*}", copies)
    async with TestServer(app) as server, open_pool(crawled) as pool:
        fetch = FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{server.port}"), total_timeout_s=3.0)
        async with open_crawl(pool, crawl=CrawlSettings(), fetch=fetch, sandbox=SandboxLimits()) as crawl:
            await crawl.run(once=True)
        async with Sandbox(1) as sandbox:
            await LookWorker(pool, sandbox).catch_up()
    assert served == set(tenants)
    await sample.catch_up()
    assert_protected(sample)
    await backdate(sample, 40)
    assert str(sample.ask(BRAND).decision.verdict) == "trusted"
    assert str(sample.ask("another.example", *looks_of(sample, BRAND)).decision.verdict) == "lock"
    for host in tenants:
        assert str(sample.ask(host, *looks_of(sample, BRAND)).decision.verdict) in {"lock", "grey"}


async def test_old_clients_of_many_networks_who_stand_up_for_a_copy(sample: Any) -> None:
    """A thousand clients a year old, each in a network of its own; they flag the brand too."""
    await sample.run(
        """
        WITH added AS (
            INSERT INTO clients (token_sha256, created_at)
            SELECT sha256(convert_to('flood ' || n, 'UTF8')), now() - interval '1 year'
            FROM generate_series(1, 1000) AS n RETURNING id
        )
        INSERT INTO reports (site, kind, client_id, network, at)
        SELECT site, kind, id, convert_to('net ' || id, 'UTF8'), now() - interval '1 hour' FROM added,
            (VALUES ($1::text, 'flag'), ($2, 'unlock'), ($2, 'false_lock')) AS said (site, kind)
        """,
        BRAND,
        COPY,
    )
    await sample.catch_up()
    assert_protected(sample)


@pytest.mark.parametrize("kind", ["hreflang", "canonical", "webauthn", "assetlinks"])
async def test_a_copy_that_says_it_is_the_brands(sample: Any, kind: str) -> None:
    """It names the brand as a sister would; an unranked one, and one with a rank of its own."""
    await crawled_showing(sample, "lumora-family.example", rank=9_000)
    for site in (COPY, "lumora-family.example"):
        await sample.run(
            "INSERT INTO site_statements (site, other, kind) VALUES ($1, $2, $3)", site, BRAND, kind
        )
    await sample.catch_up()
    assert_protected(sample)
    told = sample.ask("lumora-family.example", *looks_of(sample, BRAND)).decision
    assert str(told.verdict) in {"lock", "grey"}


@pytest.mark.parametrize("is_seen", [True, False], ids=["known picture", "picture that nobody has seen yet"])
async def test_a_list_that_says_that_a_brands_icon_is_a_products_default(sample: Any, is_seen: bool) -> None:
    """By its MD5 and by its vendor's site; also where the list comes before the crawl sees the picture."""
    async with open_connection(sample.database) as connection:
        digests = await connection.fetch(
            "SELECT DISTINCT s.md5 FROM site_looks AS s JOIN site_facts AS f USING (domain_id) "
            "WHERE f.site = $1",
            BRAND,
        )
        digest = digests[0]["md5"]
        entries = Entries(
            vendors=(ListedVendor("Toy Panel", BRAND),),
            pictures=tuple(ListedPicture("Toy Theme", row["md5"]) for row in digests),
        )
        if is_seen:
            found = await operator.import_catalogue(connection, entries, "a list", ACT)
            assert (found.vendors, found.pictures) == (0, 0)
        else:
            # As the tables are when the list was first: nobody could say whose the picture is.
            await connection.execute(
                "INSERT INTO catalogue_vendors (product, kind, source) VALUES ('Toy Theme', 'framework', 'x')"
            )
            await connection.execute(
                "INSERT INTO catalogue_pictures (digest, product, source) VALUES ($1, 'Toy Theme', 'x')",
                digest,
            )
    await sample.catch_up()
    assert_protected(sample)
