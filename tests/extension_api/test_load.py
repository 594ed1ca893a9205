"""Clients that ask for more than is fair, hang up, or invent sites."""

from __future__ import annotations

import asyncio
import io
import json
import time
from typing import Any

import numpy as np
import pytest
from aiohttp.test_utils import TestClient

from samelook.extension_api import extension as shared
from samelook.extension_api import outbox
from samelook.extension_api.answers import SENT_BYTES
from samelook.extension_api.extension import EXTENSION
from samelook.facts.questions import AskedIcon
from samelook.looks.files import MOST_LOOKS
from samelook.looks.look import look_of
from samelook.names.sites import Site

ABANDONED = 60


@pytest.mark.alone
async def test_one_client_that_hangs_up_takes_nothing_from_others(crawled: Any, serve_extension: Any) -> None:
    http: TestClient[Any, Any] = await serve_extension(crawled)
    for number in range(ABANDONED):
        sites = [{"url": f"invented-{number}-{site}.example"} for site in range(100)]
        body = json.dumps({"sites": sites}).encode()
        _, writer = await asyncio.open_connection("127.0.0.1", http.port)
        head = b"POST /x/v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        writer.write(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()
    began = time.monotonic()
    async with http.get("/status/live") as alive:
        assert alive.status == 200
    # A moment on a machine with nothing else to do; it was 99 s when everything was let in.
    assert time.monotonic() - began < 10
    async with http.get("/metrics") as metrics:
        assert metrics.status == 200


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ('"icons":[' + ",".join(["1"] * 3_000_000) + "]", 413),
        ('"icons":[' + ",".join(["{}"] * 25_000) + "]", 400),
        (",".join(f'"f{number}":1' for number in range(500_000)), 413),
        (",".join(f'"f{number}":1' for number in range(25_000)), 400),
        ('"icons":[{' + ",".join(f'"f{number}":1' for number in range(25_000)) + "}]", 400),
    ],
    ids=["numbers", "empty icons", "many fields", "fields", "fields of an icon"],
)
async def test_faults_by_the_million_cost_little(
    crawled: Any, serve_extension: Any, what: str, status: int
) -> None:
    http = await serve_extension(crawled)
    body = f'{{"url":"lumora.example",{what}}}'.encode()
    began = time.process_time()
    async with http.post(
        "/x/v1/check", data=io.BytesIO(body), headers={"Content-Type": "application/json"}
    ) as answer:
        assert answer.status == status
        assert len(await answer.read()) < 20_000
    assert time.process_time() - began < 1.0  # it was thirteen seconds and three gigabytes


async def test_one_bad_site_of_many_spoils_nobody_elses_answer(crawled: Any, serve_extension: Any) -> None:
    http = await serve_extension(crawled)
    sites = [
        {"url": "lumora.example"},
        {"url": "a.example", "icons": [{"sha": "00" * 32}]},
        {"url": "a.example", "icon": []},
        {"url": 7},
        "a.example",
        {"url": "localhost"},
    ]
    async with http.post("/x/v1/check", json={"sites": sites}) as answer:
        told = (await answer.json())["results"]
    assert [one.get("verdict") for one in told] == ["trusted", None, None, None, None, None]
    assert told[1]["message"] == "icons.0.sha: there is no such field; did you mean sha256?"
    assert "mean icons?" in told[2]["message"]
    assert [one["details"]["kind"] for one in told[1:]] == [*["bad_request"] * 4, "not_a_site"]
    async with http.post("/x/v1/check", json={"url": "a.example", "icon": []}) as answer:
        assert (answer.status, "mean icons?" in (await answer.json())["message"]) == (400, True)


async def test_invented_sites_leave_nothing_on_the_disk(crawled: Any, serve_extension: Any) -> None:
    http = await serve_extension(crawled, trusted_proxies=1)
    box = http.app[EXTENSION].outbox

    async def ask(url: str, network: str) -> None:
        body = {"url": url, "icons": [{"data": "bm90IGFuIGltYWdl"}]}
        headers = {"X-Forwarded-For": f"{network}.1"}
        async with http.post("/x/v1/check", json=body, headers=headers) as answer:
            assert (await answer.json())["verdict"] == "grey"

    async def kept(site: str) -> int:
        await box.flush()
        return int(
            await http.app[EXTENSION].pool.fetchval("SELECT count(*) FROM sightings WHERE site = $1", site)
        )

    for _ in range(3):
        await ask("invented.example", "192.0.2")
        http.app[EXTENSION]._cache.clear()
    assert await kept("invented.example") == 0
    await ask("invented.example", "198.51.100")
    assert await kept("invented.example") == 1


async def test_a_line_that_the_client_invents_is_nobodys_address(crawled: Any, serve_extension: Any) -> None:
    http = await serve_extension(crawled, trusted_proxies=1)
    for invented in range(2):
        sent = [("X-Forwarded-For", f"10.{invented}.0.1"), ("X-Forwarded-For", "192.0.2.7:50000")]
        body = {"url": "invented.example", "icons": [{"data": "bm90IGFuIGltYWdl"}]}
        async with http.post("/x/v1/check", json=body, headers=sent) as answer:
            assert answer.status == 200
        http.app[EXTENSION]._cache.clear()
    await http.app[EXTENSION].outbox.flush()
    # Two networks that ask of it would be a reason to write it down.
    query = "SELECT count(*) FROM sightings WHERE site = 'invented.example'"
    assert await http.app[EXTENSION].pool.fetchval(query) == 0


async def test_what_a_network_may_leave_is_limited(crawled: Any, serve_extension: Any) -> None:
    box = (await serve_extension(crawled)).app[EXTENSION].outbox
    box.is_crawled = lambda _: True
    with box.asked_from("192.0.2.0/24"):
        for number in range(int(outbox.WRITES_PER_HOUR) + 100):
            box.saw(Site(f"s{number}.example"), b"0" * 32, 0.0)
    assert len(box._sightings) <= outbox.WRITES_PER_HOUR + 1
    with box.asked_from("198.51.100.0/24"):
        box.saw(Site("other.example"), b"0" * 32, 0.0)
    assert (Site("other.example"), b"0" * 32) in box._sightings


async def test_icons_that_were_sent_are_kept_by_their_size(crawled: Any, serve_extension: Any) -> None:
    answers = (await serve_extension(crawled)).app[EXTENSION].answers
    noise = np.random.default_rng(1).integers(0, 256, (48, 48, 4), np.uint8)
    looks = (look_of(noise),) * MOST_LOOKS

    async def looked_at(sha256: bytes, _: bytes) -> AskedIcon:
        return AskedIcon(sha256, looks)

    answers._looked_at = looked_at
    of_one = MOST_LOOKS * len(looks[0].to_bytes())
    for number in range(SENT_BYTES // of_one):
        await answers._of_bytes(number.to_bytes(4, "big"))
    assert 100 < len(answers._sent) <= SENT_BYTES // of_one // 2
    assert not answers._being_looked_at


async def test_answers_in_memory_are_bounded_in_bytes(crawled: Any, serve_extension: Any) -> None:
    extension = (await serve_extension(crawled)).app[EXTENSION]
    large = shared.Cached(0, 0.0, b"x" * 400_000, "")
    for number in range(500):
        extension.cache((number.to_bytes(16, "big"), None), large)
        extension.cache((number.to_bytes(16, "big"), None), large)
    assert 100 < len(extension._cache) <= shared.CACHED_BYTES // 400_000
