"""What sites say of others: read politely, kept for a month, and proof only from the better-placed one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from samelook.crawler.discovery.statements import sites_in_file, sites_in_page
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.statements import StatementReader
from samelook.facts.families import FamilyMember, kinship
from samelook.facts.operator_data import read_families
from samelook.names.hosts import reversed_host
from samelook.names.sites import Site
from samelook.sql.pool import Pool

OWN = Site("lumora.com")


def page(*links: str) -> bytes:
    return f"<!doctype html><html><head>{''.join(links)}</head><body></body></html>".encode()


def test_links_to_other_languages_and_to_the_original_are_statements() -> None:
    found = sites_in_page(
        page(
            '<link rel=alternate hreflang=de href="https://www.lumora.de/">',
            '<link rel="alternate" hreflang="fr" href="//lumora.fr/start">',
            '<link rel=alternate hreflang=en href="/en">',
            '<link rel=alternate type="application/rss+xml" href="https://feeds.net/">',
            '<link rel=canonical href="https://lumora.org/">',
            '<link rel=stylesheet href="https://cdn.net/x.css">',
        ),
        "text/html",
        "https://lumora.com/",
        OWN,
    )
    assert found == {"hreflang": {"lumora.de", "lumora.fr"}, "canonical": {"lumora.org"}}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        page('<link rel=canonical href="http://[">', '<link rel=canonical href="javascript:1">'),
        page('<link rel=canonical href="http://10.0.0.1/">', '<link rel=canonical href="http://intranet/">'),
        b'<html><body><link rel=canonical href="https://lumora.org/"></body></html>',
        page(*(f'<link rel=alternate hreflang=x href="https://shop{n}.com/">' for n in range(301))),
    ],
)
def test_pages_that_say_nothing_useful_say_nothing(body: bytes) -> None:
    assert sites_in_page(body, "text/html", "https://lumora.com/", OWN) == {}


def test_the_two_files_are_read() -> None:
    related = {"origins": ["https://lumora.de", "https://lumora.com", "https://shop.lumora.fr:8443", 7]}
    assert sites_in_file("webauthn", json.dumps(related).encode(), OWN) == {"lumora.de", "lumora.fr"}
    links = [
        {
            "relation": ["delegate_permission/common.get_login_creds"],
            "target": {"namespace": "web", "site": "https://lumora.de"},
        },
        {
            "relation": ["delegate_permission/common.handle_all_urls"],
            "target": {"namespace": "web", "site": "https://stranger.net"},
        },
        {
            "relation": ["delegate_permission/common.get_login_creds"],
            "target": {"namespace": "android_app", "package_name": "com.lumora"},
        },
    ]
    assert sites_in_file("assetlinks", json.dumps(links).encode(), OWN) == {"lumora.de"}


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{}", b"[]", b"7", b"[" * 100_000, b'{"origins": "https://a.com"}', b'[{"target": 7}]',
     b'[{"relation": [[]], "target": {"namespace": "web", "site": []}}]',
     json.dumps({"origins": [f"https://shop{number}.com" for number in range(301)]}).encode()],
)  # fmt: skip
def test_files_of_another_form_say_nothing(body: bytes) -> None:
    assert sites_in_file("webauthn", body, OWN) == set()
    assert sites_in_file("assetlinks", body, OWN) == set()


@dataclass
class Web:
    """Sites by host and path; what is not there answers 404."""

    answers: dict[tuple[str, str], bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        key = (request.host.partition(":")[0], request.path)
        self.asked.append(key)
        body = self.answers.get(key)
        if body is None:
            return web.Response(status=404)
        if body.startswith(b"http"):
            return web.Response(status=301, headers={"Location": body.decode()})
        kind = "application/json" if "well-known" in request.path else "text/html"
        return web.Response(body=body, content_type=kind)


@pytest.fixture
async def sites() -> AsyncIterator[Web]:
    served = Web()
    app = web.Application()
    app.router.add_get("/{path:.*}", served.handle)
    async with TestServer(app) as server:
        assert server.port is not None
        served.port = server.port
        yield served


@pytest.fixture
async def reader(sites: Web, pool: Pool) -> AsyncIterator[StatementReader]:
    resolve = parse_resolve(f"*=127.0.0.1:{sites.port}")
    async with Fetcher(FetchSettings(resolve=resolve, site_delay_s=0.0)) as fetcher:
        yield StatementReader(pool, fetcher)


async def rank(pool: Pool, **positions: int | None) -> None:
    for name, position in positions.items():
        site = f"{name}.com"
        domain = await pool.fetchval(
            "INSERT INTO domains (reversed_name, harmonic_position, source) VALUES ($1, $2, 'tranco')"
            " RETURNING id",
            str(reversed_host(site)),
            position,
        )
        await pool.execute(
            "INSERT INTO site_facts (domain_id, seq, site, host, position, trusted_position, visited_at)"
            " VALUES ($1, nextval('verdict_seq'), $2, $2, $3, $3, now())",
            *(domain, site, position),
        )


async def said(pool: Pool, site: str, other: str) -> set[str]:
    async with pool.acquire() as connection:
        return set((await read_families(connection)).says(Site(site), Site(other)))


async def test_the_better_placed_sites_word_makes_a_family_and_a_copys_does_not(
    sites: Web, reader: StatementReader, pool: Pool
) -> None:
    await rank(pool, lumora=120, shop=90_000, thief=95_000, nobody=None)
    sites.answers |= {
        ("lumora.com", "/"): page('<link rel=alternate hreflang=de href="https://shop.com/">'),
        ("lumora.com", "/.well-known/webauthn"): b'{"origins": ["https://nobody.com"]}',
        ("thief.com", "/"): page('<link rel=canonical href="https://lumora.com/">'),
        ("nobody.com", "/"): page('<link rel=canonical href="https://thief.com/">'),
    }
    while await reader.read_due():
        pass
    assert await said(pool, "lumora.com", "shop.com") == {"hreflang"}
    assert await said(pool, "lumora.com", "nobody.com") == {"webauthn"}
    assert await said(pool, "thief.com", "lumora.com") == {"canonical"}
    async with pool.acquire() as connection:
        families = await read_families(connection)
    lumora, thief = FamilyMember(Site("lumora.com"), 120), FamilyMember(Site("thief.com"), 95_000)
    shop = FamilyMember(Site("shop.com"), 90_000)
    assert kinship(lumora, shop, says=families.says).related
    assert not kinship(lumora, thief, says=families.says).related
    # Beyond the tiers nobody is asked: it could prove nothing.
    assert not any(host == "nobody.com" for host, _ in sites.asked)
    asked = len(sites.asked)
    assert await reader.read_due() == 0
    assert len(sites.asked) == asked


async def test_what_is_said_no_longer_counts_no_longer_and_an_outage_takes_nothing_back(
    sites: Web, reader: StatementReader, pool: Pool
) -> None:
    await rank(pool, lumora=120, shop=90_000)
    sites.answers[("lumora.com", "/")] = page('<link rel=alternate hreflang=de href="https://shop.com/">')
    sites.answers[("shop.com", "/")] = page()
    assert await reader.read_due() == 2
    old = "UPDATE statement_visits SET visited_at = visited_at - interval '31 days'"
    await pool.execute(old)
    sites.answers[("lumora.com", "/")] = b"http://0.0.0.1/"
    assert await reader.read_due() == 2
    assert await said(pool, "lumora.com", "shop.com") == {"hreflang"}
    await pool.execute(old)
    sites.answers[("lumora.com", "/")] = page()
    assert await reader.read_due() == 2
    assert await said(pool, "lumora.com", "shop.com") == set()


async def test_where_a_site_leads_to_another_the_others_words_are_not_its_own(
    sites: Web, reader: StatementReader, pool: Pool
) -> None:
    await rank(pool, lumora=120)
    sites.answers |= {
        ("lumora.com", "/"): b"http://other.com/",
        ("other.com", "/"): page('<link rel=alternate hreflang=de href="https://stranger.com/">'),
        ("lumora.com", "/.well-known/webauthn"): b"http://other.com/.well-known/webauthn",
        ("other.com", "/.well-known/webauthn"): b'{"origins": ["https://stranger.com"]}',
    }
    assert await reader.read_due() == 1
    assert await pool.fetchval("SELECT count(*) FROM site_statements") == 0
