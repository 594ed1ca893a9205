"""Attempts to poison verdicts over HTTP: a thousand clients, and lists of ranks that somebody has bent."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

from samelook.crawler.ranks.importing import RankImport
from samelook.demo.sample_web.pictures import Format, IconFile
from samelook.demo.sample_web.sites import SITES
from samelook.extension_api.extension import EXTENSION
from samelook.sql.pool import open_connection

CLIENTS = 1000
AT_ONCE = 20
VICTIMS = ("lumora.example", "rowanwiki.example", "elmgrove.example", "obolia.example")
COPIES = ("lumora-secure.example", "tidepoool.example", "obolia-airdrop.example")


@pytest.fixture
async def http(crawled: Any, serve_extension: Any) -> Any:
    """A service behind a proxy, so that one test can come from a thousand networks."""
    return await serve_extension(crawled, trusted_proxies=1, reports_per_hour=120.0)


async def verdicts(http: Any) -> dict[str, tuple[str, str]]:
    """What an outsider is told of every site of the sample web."""
    sites = [{"url": site.host} for site in SITES]
    async with http.post("/x/v1/check", json={"sites": sites}, headers=coming_from(0)) as answer:
        results = (await answer.json())["results"]
    return {result["site"]: (result["verdict"], result["reasons"][0]["rule"]) for result in results}


def coming_from(number: int) -> dict[str, str]:
    return {"X-Forwarded-For": f"10.{number >> 8}.{number & 255}.7"}


async def attack(http: Any, number: int, *, network: int) -> None:
    """One client claims icons for sites of its own, flags honest sites and stands up for copies."""
    headers = coming_from(network)
    async with http.post("/x/v1/clients", json={}, headers=headers) as answer:
        assert answer.status == 201
        headers |= {"X-Samelook-Client": (await answer.json())["client"]}
    logo = ("lumora", "rowan", "tidepool")[number % 3]
    icon = {"data": base64.b64encode(picture(logo)).decode()}
    claims = [
        {"url": f"first-{number}.example", "icons": [icon]},
        {"url": COPIES[number % 3], "icons": [icon]},
    ]
    async with http.post("/x/v1/check", json={"sites": claims}, headers=headers) as answer:
        assert answer.status == 200
    for url, kind in (
        (VICTIMS[number % 4], "flag"),
        (COPIES[number % 3], "unlock"),
        (COPIES[number % 3], "false_lock"),
    ):
        async with http.post("/x/v1/report", json={"url": url, "kind": kind}, headers=headers) as answer:
            assert answer.status == 201


def picture(logo: str) -> bytes:
    if logo == "rowan":
        site = next(site for site in SITES if site.host == "rowanwiki.example")
        assert site.logo is not None
        logo = site.logo
    return IconFile(logo, (44,), Format.PNG).data


async def everything_takes_effect(http: Any, crawled: Any) -> None:
    """Returns when all that was sent is written, and the facts of this process are the database's."""
    extension = http.app[EXTENSION]
    await extension.outbox.flush()
    async with open_connection(crawled) as connection, asyncio.timeout(60):
        while await connection.fetchval("SELECT EXISTS (SELECT FROM site_changes)"):
            await asyncio.sleep(0.05)
    version = extension.follower.version
    async with open_connection(crawled) as connection, asyncio.timeout(60):
        # Whoever has read this change has read all before it.
        await connection.execute(
            "INSERT INTO operator_lists (site, list, added_by) VALUES ('nobody.example', 'allow', 'test') "
            "ON CONFLICT (site) DO UPDATE SET added_at = now()"
        )
        while extension.follower.version == version:
            await asyncio.sleep(0.05)


async def test_a_thousand_new_clients_from_a_thousand_networks_change_no_verdict(
    http: Any, crawled: Any
) -> None:
    before = await verdicts(http)
    assert before["lumora-secure.example"] == ("lock", "4-strict")
    assert before["lumora.example"][0] == "trusted"
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with turns:
            await attack(http, number, network=number + 1)

    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(one(number))
    await everything_takes_effect(http, crawled)
    async with open_connection(crawled) as connection:
        clients = await connection.fetchval("SELECT count(*) FROM clients")
        networks = await connection.fetchval("SELECT count(DISTINCT network) FROM reports")
        reports = await connection.fetchval("SELECT count(*) FROM reports")
    assert (clients, networks, reports) == (CLIENTS, CLIENTS, 3 * CLIENTS)
    http.app[EXTENSION]._cache.clear()
    assert await verdicts(http) == before
    # A site that a thousand clients have seen first is judged by its look, like any other.
    icon = {"data": base64.b64encode(picture("lumora")).decode()}
    async with http.post("/x/v1/check", json={"url": "first-0.example", "icons": [icon]}) as answer:
        assert (await answer.json())["verdict"] == "lock"


async def test_old_clients_of_one_network_weigh_as_one(http: Any, crawled: Any) -> None:
    before = await verdicts(http)
    for number in range(30):
        await attack(http, number, network=7)
    async with open_connection(crawled) as connection:
        await connection.execute("UPDATE clients SET created_at = now() - interval '1 year'")
        await connection.execute("UPDATE reports SET at = at - interval '1 minute'")
    await everything_takes_effect(http, crawled)
    http.app[EXTENSION]._cache.clear()
    assert await verdicts(http) == before


@pytest.mark.parametrize(
    "lines",
    [
        # A copy buys a good place, and the brand is left out.
        ["1,lumora-secure.example", "2,tidepoool.example", "3,stranger.example"],
        # Everybody is moved down by copies.
        [*[f"{n},copy-{n}.example" for n in range(1, 60)], "60,lumora.example", "61,rowanwiki.example"],
    ],
)
async def test_a_bent_list_of_ranks_changes_no_verdict(
    http: Any, crawled: Any, tmp_path: Path, lines: list[str]
) -> None:
    before = await verdicts(http)
    bent = tmp_path / "bent.csv"
    bent.write_text("\n".join(lines) + "\n", "utf-8")
    async with open_connection(crawled) as connection:
        counts = await RankImport(connection, str(bent)).run()
    assert counts.domains == len(lines)
    await everything_takes_effect(http, crawled)
    http.app[EXTENSION]._cache.clear()
    assert await verdicts(http) == before
