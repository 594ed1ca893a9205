"""The routes, through real sockets, over the crawled sample web."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import TestClient

from samelook.api.state import KEYS
from samelook.demo.sample_web.pictures import Alteration, Format, IconFile
from samelook.demo.sample_web.sites import SITES
from samelook.extension_api.curation import list_site
from samelook.extension_api.extension import EXTENSION, Extension
from samelook.facts.settings import VerdictSettings
from samelook.hashing.errors import DecoderDied, DecoderTimeout, HashingError
from samelook.names.sites import Site
from samelook.sql.pool import open_connection

ORIGIN = "chrome-extension://abcdefghijklmnop"
EFFECT_S = 2.0
"""What is promised for changes, where there is a processor for whoever looks for them."""
PATIENCE_S = 60.0


@pytest.fixture
async def http(crawled: Any, serve_extension: Any) -> TestClient[Any, Any]:
    client: TestClient[Any, Any] = await serve_extension(crawled, origins=(ORIGIN,))
    return client


def extension_of(http: TestClient[Any, Any]) -> Extension:
    assert http.app is not None
    extension: Extension = http.app[EXTENSION]
    return extension


async def post(http: TestClient[Any, Any], path: str, body: Any, **more: Any) -> tuple[int, Any]:
    async with http.post(path, json=body, **more) as answer:
        return answer.status, await answer.json()


async def check(http: TestClient[Any, Any], url: str, *icons: Any, **more: Any) -> Any:
    status, answer = await post(http, "/x/v1/check", {"url": url, "icons": list(icons)}, **more)
    assert status == 200, answer
    return answer


async def new_client(http: TestClient[Any, Any]) -> dict[str, str]:
    status, answer = await post(http, "/x/v1/clients", {})
    assert status == 201
    return {"X-Samelook-Client": answer["client"]}


def encoded(picture: bytes) -> dict[str, str]:
    return {"data": base64.b64encode(picture).decode()}


async def test_an_answer_has_all_that_an_extension_needs(http: TestClient[Any, Any]) -> None:
    answer = await check(http, "https://user:pw@lumora-secure.example/a/secret?path")
    assert {name: answer[name] for name in ("verdict", "action", "site", "need")} == {
        "verdict": "lock",
        "action": "lock",
        "site": "lumora-secure.example",
        "need": [],
    }
    like = answer["looks_like"][0]
    assert (like["site"], like["rank"], like["current"]) == ("lumora.example", 12, True)
    assert set(like["md5"]) == {"asker", "owner"}
    assert len(like["md5"]["asker"]) == 32
    assert {"code": "looks_like", "rule": "4-strict"}.items() <= answer["reasons"][0].items()
    assert answer["ttl"] > 0
    assert answer["version"].partition("-")[2].isdecimal()
    assert "secret" not in json.dumps(answer)
    async with http.get(like["pictures"]["owner"]) as picture:
        assert (picture.status, picture.content_type) == (200, "image/png")
        assert hashlib.sha256(await picture.read()).hexdigest() == like["sha256"]["owner"]
    async with http.get(answer["why"]) as why:
        told = await why.json()
    assert (told["verdict"], told["reasons"]) == ("lock", answer["reasons"])


async def test_an_icon_may_come_as_bytes_as_digest_or_as_a_hash(http: TestClient[Any, Any]) -> None:
    copy = IconFile("tidepool", (72,), Format.PNG, Alteration.RESIZED).data
    digest = hashlib.sha256(copy).hexdigest()
    unknown = await check(http, "stranger.example", {"sha256": digest})
    assert (unknown["verdict"], unknown["need"]) == ("first_use", [digest])
    assert "icon_needed" in [reason["code"] for reason in unknown["reasons"]]
    sent = await check(http, "stranger.example", encoded(copy))
    assert (sent["verdict"], sent["looks_like"][0]["site"], sent["need"]) == ("lock", "tidepool.example", [])
    again = await check(http, "other-stranger.example", {"sha256": digest})
    assert (again["verdict"], again["need"]) == ("lock", [])
    # What a client sent is evidence for its own question, and makes nobody an owner.
    extension = extension_of(http)
    assert bytes.fromhex(digest) not in extension.follower.memory.pictures
    hash_only = await check(http, "stranger.example", {"signals": {"pdq": "0" * 64, "phash": "00"}})
    assert hash_only["verdict"] == "first_use"


async def test_bytes_that_are_no_picture_are_a_grey_reason(http: TestClient[Any, Any]) -> None:
    answer = await check(http, "stranger.example", encoded(b"<html>not an image</html>"))
    assert (answer["verdict"], answer["reasons"][0]["detail"]) == ("grey", {"errors": ["not_an_image"]})


@pytest.mark.parametrize("failure", [DecoderTimeout, DecoderDied])
async def test_an_icon_that_is_named_twice_is_told_by_what_says_most(
    http: TestClient[Any, Any], monkeypatch: pytest.MonkeyPatch, failure: type[HashingError]
) -> None:
    picture = IconFile("tidepool", (72,), Format.PNG, Alteration.RESIZED).data
    data, digest = encoded(picture), {"sha256": hashlib.sha256(picture).hexdigest()}

    async def fail(*_: object) -> None:
        raise failure("The worker process did not come to an end.")

    orders = ([data, digest], [digest, data], [digest, data, digest], [data])
    with monkeypatch.context() as patched:
        patched.setattr(extension_of(http).answers._sandbox, "run", fail)
        answers = [await check(http, "stranger.example", *icons) for icons in orders]
    reasons = answers[0]["reasons"]
    assert (reasons[0]["detail"], answers[0]["need"]) == ({"errors": [failure.kind]}, [])
    assert [(answer["reasons"], answer["need"]) for answer in answers] == [(reasons, [])] * len(orders)
    # A failure of the decoder is not kept with the icon: the next site's question is answered with its looks.
    answers = [await check(http, "other-stranger.example", *icons) for icons in orders]
    assert [(answer["verdict"], answer["need"]) for answer in answers] == [("lock", [])] * len(orders)


async def test_a_ranked_site_needs_no_bytes_of_its_icon(http: TestClient[Any, Any]) -> None:
    answer = await check(http, "lumora.example", {"sha256": "ab" * 32})
    assert (answer["verdict"], answer["need"]) == ("trusted", [])


async def test_a_hundred_sites_at_once(http: TestClient[Any, Any]) -> None:
    hosts = [site.host for site in SITES][:50]
    sites = [{"url": host} for host in (*hosts, "192.0.2.1")]
    status, answer = await post(http, "/x/v1/check", {"sites": sites})
    assert status == 200
    single = [(await check(http, host))["verdict"] for host in hosts]
    assert [result.get("verdict") for result in answer["results"]] == [*single, None]
    assert answer["results"][-1]["details"]["kind"] == "not_a_site"
    status, answer = await post(http, "/x/v1/check", {"sites": [{"url": "a.example"}] * 101})
    assert (status, set(answer)) == (413, {"message", "details"})


async def test_an_answer_that_did_not_change_is_not_sent_again(http: TestClient[Any, Any]) -> None:
    body = {"url": "lumora.example"}
    async with http.post("/x/v1/check", json=body) as first:
        tag = first.headers["ETag"]
    for known in (tag, f'"another", W/{tag}'):
        async with http.post("/x/v1/check", json=body, headers={"If-None-Match": known}) as second:
            assert (second.status, await second.read()) == (304, b"")
    for unknown in ('"another"', "garbage", "*"):
        async with http.post("/x/v1/check", json=body, headers={"If-None-Match": unknown}) as second:
            assert (second.status, (await second.json())["verdict"]) == (200, "trusted")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"{", 400, "bad_request"),
        (b"[]", 400, "bad_request"),
        (b"{}", 400, "bad_request"),
        (b'{"url": "localhost"}', 400, "not_a_site"),
        (b'{"url": "a.example", "icons": [{"sha256": "xyz"}]}', 400, "bad_request"),
        (b'{"url": "a.example", "icons": [{"data": "%%%"}]}', 400, "bad_request"),
        (b'{"url": "a.example", "icons": [{"signals": {"pdq": "zz"}}]}', 400, "bad_request"),
        (b'{"url": "a.example", "icons": [{"data": "' + b"A" * 400_000 + b'"}]}', 413, "too_large"),
        (
            b'{"url": "a.example", "icons": [' + b",".join([b"{}"] * 17) + b"]}",
            400,
            "bad_request",
        ),
        (b"[" * 100_000, 400, "bad_request"),
    ],
)
async def test_bad_questions_are_told_what_is_wrong(
    http: TestClient[Any, Any], body: bytes, status: int, kind: str
) -> None:
    headers = {"Origin": ORIGIN, "Content-Type": "application/json"}
    async with http.post("/x/v1/check", data=body, headers=headers) as answer:
        told = await answer.json()
        assert (answer.status, told["details"]["kind"]) == (status, kind)
        assert set(told) == {"message", "details"}
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_a_body_over_the_limit_is_refused(crawled: Any, serve_extension: Any) -> None:
    http = await serve_extension(crawled, origins=(ORIGIN,), service={"max_body_bytes": 1000})
    status, told = await post(http, "/x/v1/check", {"url": "a.example", "pad": "x" * 2000})
    assert (status, told["details"]["kind"]) == (413, "too_large")


async def test_cors_is_for_configured_origins_and_on_errors_too(http: TestClient[Any, Any]) -> None:
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    async with http.options("/x/v1/check", headers=preflight) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "X-Samelook-Client" in answer.headers["Access-Control-Allow-Headers"]
        assert "DELETE" in answer.headers["Access-Control-Allow-Methods"]
    async with http.options("/x/v1/check", headers={**preflight, "Origin": "https://evil.example"}) as answer:
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    async with http.get("/nothing-here", headers={"Origin": ORIGIN}) as answer:
        assert (answer.status, set(await answer.json())) == (404, {"message"})
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    async with http.get("/x/v1/check", headers={"Origin": ORIGIN}) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_a_clients_allowlist_is_its_own_and_ends(http: TestClient[Any, Any]) -> None:
    mine, other = await new_client(http), await new_client(http)
    url = "lumora-secure.example"
    assert (await check(http, url, headers=mine))["verdict"] == "lock"
    status, entry = await post(
        http, "/x/v1/allowlist", {"url": f"https://www.{url}/x", "expires_in_s": 4000}, headers=mine
    )
    assert (status, entry["site"]) == (201, url)
    await becomes(http, url, "trusted", headers=mine)
    assert (await check(http, url, headers=other))["verdict"] == "lock"
    assert (await check(http, url))["verdict"] == "lock"
    async with http.get("/x/v1/allowlist", headers=mine) as answer:
        assert [site["site"] for site in (await answer.json())["sites"]] == [url]
    async with http.delete(f"/x/v1/allowlist/{url}", headers=mine) as answer:
        assert answer.status == 204
    await becomes(http, url, "lock", headers=mine)
    await post(http, "/x/v1/allowlist", {"url": url, "expires_in_s": 3}, headers=mine)
    await becomes(http, url, "trusted", headers=mine)
    # Nobody says that it has ended, and no answer outlives it.
    await becomes(http, url, "lock", headers=mine)


async def becomes(http: TestClient[Any, Any], url: str, verdict: str, **more: Any) -> None:
    """Waits until the verdict is this one."""
    async with asyncio.timeout(PATIENCE_S):
        while (await check(http, url, **more))["verdict"] != verdict:
            await asyncio.sleep(0.05)


def test_the_times_between_looks_add_up_to_less_than_what_is_promised() -> None:
    settings = VerdictSettings()
    # The keeper looks for what the crawl wrote, each process for what the keeper wrote; an answer is cached.
    assert 2 * settings.poll_s + settings.cached_s < EFFECT_S


async def test_a_change_of_the_operators_takes_effect_in_every_process(
    crawled: Any, serve_extension: Any
) -> None:
    both = [await serve_extension(crawled) for _ in range(2)]
    for http in both:
        assert (await check(http, "rowanwiki.example"))["verdict"] == "first_use"
    async with open_connection(crawled) as connection:
        await list_site(connection, "rowanwiki.example", "block", by="test")
    await asyncio.gather(*(becomes(http, "rowanwiki.example", "lock") for http in both))


async def test_a_new_look_takes_effect(http: TestClient[Any, Any], crawled: Any) -> None:
    """A ranked site that the crawl has not known begins to show an icon that another wears."""
    assert (await check(http, "confetti-storm.example"))["verdict"] == "first_use"
    async with open_connection(crawled) as connection, connection.transaction():
        domain = await connection.fetchval(
            "INSERT INTO domains (reversed_name, harmonic_position, source) "
            "VALUES ('example.elm', 40, 'x') RETURNING id"
        )
        target = await connection.fetchval(
            "INSERT INTO target_urls (domain_id, url, position) "
            "VALUES ($1, 'https://elm.example/', 40) RETURNING id",
            domain,
        )
        await connection.execute(
            "INSERT INTO site_icons (target_url_id, icon_url_id, ordinal, source, declared_url) "
            "SELECT $1, s.icon_url_id, 0, 'link-icon', '/i' FROM site_icons AS s "
            "JOIN target_urls AS t ON t.id = s.target_url_id JOIN favicon_metadata AS m USING (icon_url_id) "
            "WHERE t.url LIKE '%confetti-storm%' AND m.sha256 IS NOT NULL LIMIT 1",
            target,
        )
        await connection.execute(
            "INSERT INTO page_visits (target_url_id, final_url, status, icon_count) "
            "VALUES ($1, 'https://elm.example/', 200, 1)",
            target,
        )
    await becomes(http, "confetti-storm.example", "lock")


async def test_reports_are_kept_once_for_each_key(http: TestClient[Any, Any], crawled: Any) -> None:
    mine = await new_client(http)
    body = {"url": "https://rowanwiki.example/secret", "kind": "flag", "idempotency_key": "k1"}
    first = await post(http, "/x/v1/report", body, headers=mine)
    second = await post(http, "/x/v1/report", body, headers=mine)
    assert (first[0], second[0], first[1]) == (201, 200, second[1])
    status, told = await post(http, "/x/v1/report", {**body, "kind": "unlock"}, headers=mine)
    assert (status, told["details"]["kind"]) == (400, "bad_request")
    assert (await post(http, "/x/v1/report", body))[0] == 401
    assert (await post(http, "/x/v1/report", body, headers={"X-Samelook-Client": "nobody"}))[0] == 401
    async with http.post(
        "/x/v1/report", json={**body, "idempotency_key": None}, headers={**mine, "Idempotency-Key": "k" * 201}
    ) as answer:
        assert answer.status == 400
    nul = {**body, "idempotency_key": "a\x00b"}
    assert (await post(http, "/x/v1/report", nul, headers=mine))[0] == 400
    async with open_connection(crawled) as connection:
        rows = await connection.fetch("SELECT * FROM reports")
    assert [(row["site"], row["kind"]) for row in rows] == [("rowanwiki.example", "flag")]
    assert "secret" not in str(rows)
    assert "127.0.0" not in str(rows)


async def test_who_asks_too_much_is_told_when_to_come_back(crawled: Any, serve_extension: Any) -> None:
    http = await serve_extension(
        crawled, origins=(ORIGIN,), work_per_s=10.0, work_burst=35.0, clients_per_hour=2.0
    )
    statuses = [(await post(http, "/x/v1/check", {"url": f"a{n}.example"}))[0] for n in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    async with http.post("/x/v1/check", json={"url": "b.example"}, headers={"Origin": ORIGIN}) as answer:
        assert (answer.status, int(answer.headers["Retry-After"]) >= 1) == (429, True)
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert [(await post(http, "/x/v1/clients", {}))[0] for _ in range(3)] == [201, 201, 429]


async def test_api_keys_can_be_required(crawled: Any, serve_extension: Any) -> None:
    http = await serve_extension(crawled, origins=(ORIGIN,), require_key=True)
    assert http.app is not None
    keys = http.app[KEYS]
    made, secret = await keys.create("test", "extension")
    for path, body in (
        ("/x/v1/check", {"url": "a.example"}),
        ("/malicious-p", {"url": "a.example"}),
        ("/allowlist-add", {"url": "a.example", "key": "a-key-of-somebody-0123456789"}),
    ):
        assert (await post(http, path, body))[0] == 401
        assert (await post(http, path, body, headers={"X-API-Key": secret}))[0] == 200
    await keys.revoke(made.id)
    assert (await post(http, "/x/v1/check", {"url": "a.example"}, headers={"X-API-Key": secret}))[0] == 401


async def test_a_report_sent_again_uses_up_nothing(crawled: Any, serve_extension: Any) -> None:
    http = await serve_extension(crawled, origins=(ORIGIN,), reports_per_hour=2.0)
    mine = await new_client(http)
    body = {"url": "rowanwiki.example", "kind": "flag", "idempotency_key": "k1"}
    assert [(await post(http, "/x/v1/report", body, headers=mine))[0] for _ in range(4)] == [201, *[200] * 3]
    others = [{**body, "idempotency_key": key} for key in ("k2", "k3")]
    assert [(await post(http, "/x/v1/report", other, headers=mine))[0] for other in others] == [201, 429]


async def test_a_networks_allowlist_entries_are_limited_together(crawled: Any, serve_extension: Any) -> None:
    http = await serve_extension(crawled, origins=(ORIGIN,), reports_per_hour=2.0)
    statuses = [
        (await post(http, "/x/v1/allowlist", {"url": "rowanwiki.example"}, headers=await new_client(http)))[0]
        for _ in range(3)
    ]
    assert statuses == [201, 201, 429]


async def test_trusted_looks_can_be_had_whole_and_by_change(http: TestClient[Any, Any], crawled: Any) -> None:
    async with http.get("/x/v1/looks") as answer:
        full = await answer.json()
        tag = answer.headers["ETag"]
    assert full["full"]
    assert checksum(full["looks"]) == (full["checksum"], full["count"])
    tiers = {look["site"]: look["tier"] for look in full["looks"]}
    assert (tiers["lumora.example"], tiers["vaultmoth.example"], tiers["rookery.example"]) == (
        "wide",
        "standard",
        "strict",
    )
    assert "tinlantern.example" not in tiers
    async with http.get("/x/v1/looks", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
    async with http.get("/x/v1/looks", params={"since": full["version"]}) as answer:
        nothing = await answer.json()
    assert (nothing["full"], nothing["looks"], nothing["removed"]) == (False, [], [])
    async with open_connection(crawled) as connection:
        await connection.execute(
            "UPDATE domains SET harmonic_position = 60000, import_id = NULL "
            "WHERE reversed_name = 'example.vaultmoth'"
        )
        await connection.execute(
            "UPDATE domains SET harmonic_position = NULL, import_id = NULL "
            "WHERE reversed_name = 'example.rookery'"
        )
        await connection.execute(
            "INSERT INTO site_changes (domain_id) SELECT id FROM domains "
            "WHERE reversed_name IN ('example.vaultmoth', 'example.rookery')"
        )
    changed: Any = {"looks": [], "removed": []}
    async with asyncio.timeout(PATIENCE_S):
        while not (changed["looks"] and changed["removed"]):
            await asyncio.sleep(0.05)
            async with http.get("/x/v1/looks", params={"since": full["version"]}) as answer:
                changed = await answer.json()
    held = {(look["id"], look["site"]): look for look in full["looks"]}
    held |= {(look["id"], look["site"]): look for look in changed["looks"]}
    for look in changed["removed"]:
        del held[look["id"], look["site"]]
    assert checksum(list(held.values())) == (changed["checksum"], changed["count"])
    assert {look["tier"] for look in changed["looks"]} == {"strict"}
    epoch = full["version"].partition("-")[0]
    async with http.get("/x/v1/looks", params={"since": f"{epoch}-{10**17}"}) as answer:
        ahead = await answer.json()
    assert (ahead["full"], len(ahead["looks"])) == (True, ahead["count"])
    for bad in ({"since": "nonsense"}, {"since": f"{epoch}-{'9' * 30}"}, {"page": "9" * 30}, {"page": "-1"}):
        async with http.get("/x/v1/looks", params=bad) as answer:
            assert (bad, answer.status) == (bad, 400)


def checksum(looks: list[Any]) -> tuple[str, int]:
    total = 0
    for look in looks:
        line = f"{look['id']}:{look['site']}:{look['tier']}:{look['rank']}"
        total ^= int.from_bytes(hashlib.sha256(line.encode()).digest()[:8], "big")
    return f"{total:016x}", len(looks)


async def test_the_published_threatslayer_extension_is_served(http: TestClient[Any, Any]) -> None:
    shared = {"key": "threatslayer-api-key", "url": "https://lumora-secure.example/login"}
    for path in ("/malicious-p", "/malicious_p"):
        assert await post(http, path, shared) == (200, {"malicious": True})
    assert await post(http, "/malicious-p", {"url": "https://lumora.example/"}) == (200, {"malicious": False})
    assert (await post(http, "/allowlist-add", shared))[0] == 401
    mine = {**shared, "key": "a-key-of-somebody-0123456789"}
    status, entry = await post(http, "/allowlist-add", mine)
    assert (status, entry["site"]) == (200, "lumora-secure.example")
    async with asyncio.timeout(PATIENCE_S):
        while await post(http, "/malicious-p", mine) != (200, {"malicious": False}):
            await asyncio.sleep(0.05)
    assert await post(http, "/malicious-p", shared) == (200, {"malicious": True})


async def test_unknown_sites_are_queued_for_the_crawl_and_only_hosts_are_kept(
    http: TestClient[Any, Any], crawled: Any
) -> None:
    # Two networks ask: what one alone asks about is not kept.
    extension_of(http).outbox._askers[Site("unheard-of.example")] = "192.0.2.0/24"
    await check(http, "https://unheard-of.example/private/path?token=1", {"sha256": "cd" * 32})
    sent = IconFile("tidepool", (50,), Format.PNG).data
    await check(http, "https://unheard-of.example/private/path?token=2", encoded(sent))
    await extension_of(http).outbox.flush()
    async with open_connection(crawled) as connection:
        domain = await connection.fetchrow(
            "SELECT id, source FROM domains WHERE reversed_name = 'example.unheard-of'"
        )
        assert domain is not None
        requested = await connection.fetchval(
            "SELECT count(*) FROM crawl_requests WHERE phase = 'domains' AND input_id = $1", domain["id"]
        )
        cursor = await connection.fetchval("SELECT last_value FROM cursor_domains_fresh")
        position = await connection.fetchval("SELECT position FROM domains WHERE id = $1", domain["id"])
        sightings = await connection.fetch("SELECT site, sha256, verified_at FROM sightings")
        everything = str(await connection.fetch("SELECT verdict FROM explained_verdicts")) + str(sightings)
    assert (domain["source"], requested, cursor < position) == ("request", 1, True)
    assert [(row["site"], row["sha256"], row["verified_at"]) for row in sightings] == [
        ("unheard-of.example", hashlib.sha256(sent).digest(), None)
    ]
    assert "private" not in everything


async def test_losing_the_database_for_a_while_changes_no_verdict(
    http: TestClient[Any, Any], crawled: Any, database_server: Any
) -> None:
    before = {site.host: (await check(http, site.host))["verdict"] for site in SITES}
    mine = await new_client(http)
    name = urlsplit(crawled.url).path.strip("/")
    await database_server.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await database_server.run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    try:
        extension_of(http)._cache.clear()
        assert {site.host: (await check(http, site.host))["verdict"] for site in SITES} == before
        assert (await check(http, "unheard-of.example"))["verdict"] == "first_use"
        report = {"url": "rowanwiki.example", "kind": "flag"}
        status, told = await post(http, "/x/v1/report", report, headers=mine)
        assert (status, told["details"]["kind"]) == (503, "unavailable")
    finally:
        await database_server.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    async with asyncio.timeout(PATIENCE_S):
        while (
            not extension_of(http).follower.is_current
            or (await post(http, "/x/v1/report", report, headers=mine))[0] != 201
        ):
            await asyncio.sleep(0.1)
    assert {site.host: (await check(http, site.host))["verdict"] for site in SITES} == before


async def test_what_is_not_there_is_404(http: TestClient[Any, Any]) -> None:
    for path, status in (
        ("/x/v1/why/00000000-0000-0000-0000-000000000000", 404),
        ("/x/v1/why/nonsense", 400),
        (f"/x/v1/icons/{'00' * 32}", 404),
        ("/x/v1/icons/xyz", 400),
    ):
        async with http.get(path) as answer:
            assert (path, answer.status) == (path, status)
            assert "message" in await answer.json()
