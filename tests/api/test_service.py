"""The service as a whole: errors, health, roles, its description, its metrics."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import time
from typing import Any

import asyncpg
import pytest
from aiohttp.test_utils import TestClient, TestServer
from rich.console import Console

from samelook.api.app import create_app
from samelook.api.description import operation_of
from samelook.api.settings import ApiSettings
from samelook.api.state import MATCHING
from samelook.crawler.status import crawl_status
from samelook.sql.settings import DatabaseSettings
from samelook.terminal.crawl_display import status_tables


@pytest.mark.parametrize(
    "path", ["/nothing", "/c", "/c/", "/m/lookup/", "/c/bank/", "/%2e%2e/etc/passwd", "/v1", "/\xff"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_route_is_told_as_json(steady: Any, method: str, path: str) -> None:
    answer = await steady(method, path)
    assert answer.status == 404
    assert answer.json["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/m/lookup"),
        ("DELETE", "/c/banks"),
        ("POST", "/c/bank/A"),
        ("PATCH", "/c/bank/A"),
        ("POST", "/status"),
    ],
)
async def test_a_wrong_method_is_told_as_json(steady: Any, method: str, path: str) -> None:
    answer = await steady(method, path)
    assert answer.status == 405
    assert answer.json["message"]
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /status HTTP/1.1\r\nHost: localhost\r\nBad Header\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /c/banks HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
        (
            b"POST /c/banks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: application/json\r\n\r\nzz\r\n"
        ),
        (
            b"POST /c/banks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde"
        ),
        b"GET /status HTTP/1.1\r\nHost: localhost\r\nExpect: nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_told_as_json_too(steady_address: str, sent: bytes) -> None:
    host, _, port = steady_address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    writer.close()
    assert 400 <= int(head.split()[1]) < 500
    assert b"application/json" in head
    assert json.loads(body)["message"]
    assert b"abcde" not in body


async def test_a_body_over_the_limit_is_refused(serve: Any) -> None:
    api = await serve(roles=frozenset({"curator"}), max_body_bytes=1000)
    answer = await api.post("/c/banks", {"name": "A", "description": "x" * 2000})
    assert answer.status == 413
    assert answer.json["message"]


async def test_health_says_when_the_index_is_not_loaded_or_stale(database_url: str, serve: Any) -> None:
    api = await serve(roles=frozenset({"matcher"}))
    assert ((await api.get("/status")).status, (await api.get("/status")).text) == (200, "I-AM-ALIVE")
    matching = api.app[MATCHING]
    live, matching.live = matching.live, None
    assert ((await api.get("/status")).status, (await api.get("/status")).text) == (503, "INDEX-NOT-LOADED")
    assert (await api.get("/status/live")).text == "I-AM-ALIVE"
    assert (await api.get("/livez")).status == 200
    assert (await api.get("/readyz")).status == 503
    looked = await api.get("/m/lookup", signal="0" * 64, signal_type="pdq")
    assert looked.status == 503
    assert looked.json["message"]
    matching.live = live
    assert (await api.get("/readyz")).text == "READY"
    stale = await serve(roles=frozenset({"matcher"}), stale_s=1e-9)
    assert ((await stale.get("/status")).status, (await stale.get("/status")).text) == (503, "INDEX-STALE")
    assert (await stale.get("/status/live")).status == 200


@pytest.mark.parametrize(
    ("role", "there", "missing"),
    [
        ("hasher", "/h/hash", "/m/lookup"),
        ("matcher", "/m/lookup", "/c/banks"),
        ("curator", "/c/banks", "/h/hash"),
        ("lite", "/v1/hashes/query", "/c/banks"),
    ],
)
async def test_a_role_serves_its_own_paths(serve: Any, role: str, there: str, missing: str) -> None:
    api = await serve(roles=frozenset({role}))
    paths = (await api.get("/site-map")).json
    assert there in paths
    assert missing not in paths
    assert (await api.get(missing)).status == 404
    assert (await api.get("/status")).status == 200
    assert paths == sorted(paths)


async def test_hma_clients_find_their_paths(full: Any) -> None:
    paths = set((await full.get("/site-map")).json)
    assert {
        "/",
        "/c/bank/<bank_name>",
        "/c/bank/<bank_name>/content",
        "/c/bank/<bank_name>/content/<int:content_id>",
        "/c/bank/<bank_name>/signal",
        "/c/banks",
        "/c/content_type",
        "/c/signal_type",
        "/c/exchange/<string:exchange_name>",
        "/c/exchange/<string:exchange_name>/credentials",
        "/c/exchange/<string:exchange_name>/status",
        "/c/exchanges",
        "/c/exchanges/api/<string:api_name>",
        "/c/exchanges/api/<string:api_name>/schema",
        "/c/exchanges/apis",
        "/c/signal_type/<signal_type_name>",
        "/c/signal_type/index",
        "/h/hash",
        "/m/compare",
        "/m/index/status",
        "/m/lookup",
        "/m/raw_lookup",
        "/site-map",
        "/status",
        "/ui/",
    } <= paths
    home = await full("GET", "/ui/", allow_redirects=False)
    assert home.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/status/live", 415), ("POST", "/nothing", 415), ("POST", "/c/bank/NONE/signals", 415)],
)
async def test_a_packed_body_is_not_unpacked(
    steady: Any, caplog: pytest.LogCaptureFixture, method: str, path: str, status: int
) -> None:
    packed = gzip.compress(bytes(1 << 28), 1)
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-ndjson"}
    began = time.process_time()
    assert (await steady(method, path, data=io.BytesIO(packed), headers=headers)).status == status
    assert (await steady.get("/status/live")).status == 200  # by then it is done with the other connection
    assert time.process_time() - began < 0.25
    assert not [record for record in caplog.records if record.name.startswith("aiohttp")]


async def test_every_route_is_described_and_every_description_is_sound(full: Any) -> None:
    document = (await full.get("/openapi/openapi.json")).json
    assert document["openapi"].startswith("3.1")
    ids = set()
    for route in full.app.router.routes():
        operation = operation_of(route.handler)
        assert operation is not None, route
        if route.method == "HEAD" or operation.page:  # pages are for people, and are left out
            continue
        told = document["paths"][route.resource.canonical][route.method.lower()]
        assert told["summary"] == operation.summary
        assert str(operation.status) in told["responses"]
        ids.add(told["operationId"])
    assert len(ids) == sum(len(methods) for methods in document["paths"].values())

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [value[name] for name in value if name == "$ref"] + [
                one for inner in value.values() for one in references(inner)
            ]
        return [one for inner in value for one in references(inner)] if isinstance(value, list) else []

    for reference in references(document):
        assert reference.rpartition("/")[2] in document["components"]["schemas"]


async def test_the_explorer_asks_nobody_else(full: Any) -> None:
    for path in ("/openapi/", "/openapi/swagger", "/assets/explorer.js", "/assets/style.css"):
        page = await full.get(path)
        assert page.status == 200
        assert "http://" not in page.text
        assert "https://" not in page.text


async def test_requests_are_counted_by_route_and_not_by_path(api: Any) -> None:
    await api.get("/c/bank/SECRET_NAME")
    text = (await api.get("/metrics")).text
    line = 'samelook_http_requests_total{method="GET",route="/c/bank/{bank_name}",status="404"}'
    assert line in text
    assert "SECRET_NAME" not in text
    assert 'samelook_index_items{signal_type="pdq"} 0.0' in text


async def test_metrics_tell_of_crawling_processes_and_of_runs_in_trouble(api: Any, pool: Any) -> None:
    load = {
        "slots": 900,
        "taken": 850,
        "requests": 800,
        "lag_s": 0.02,
        "busy": 0.8,
        "memory": 90 << 20,
        "stages": {"request": {"seconds": 12.5, "passes": 40}},
        "errors": {"icons": {"timeout": 2}},
    }
    progress = {"icons": {"done": 7, "failed": 2, "busy": 850}}
    await pool.execute(
        "INSERT INTO crawl_workers (id, host, pid, phases, progress, load) VALUES"
        " (gen_random_uuid(), 'box', 4, '{icons}', $1, $2),"
        " (gen_random_uuid(), 'old', 5, '{icons}', $3, '{}')",
        progress,
        load,
        {"icons": {"done": 1, "failed": 0, "busy": 0}},
    )
    await pool.execute(
        "INSERT INTO crawl_runs (kind, what, every_s, due_at, next_at, host, pid, finished_at, outcome)"
        " VALUES ('crawl', 'icons', 60, now(), now(), 'box', 1, now(), 'failed')"
    )
    lines = (await api.get("/metrics")).text.splitlines()
    assert 'samelook_crawl_inputs_total{outcome="failed",phase="icons",process="box:4"} 2.0' in lines
    assert 'samelook_crawl_errors_total{kind="timeout",phase="icons",process="box:4"} 2.0' in lines
    assert 'samelook_crawl_stage_seconds_total{process="box:4",stage="request"} 12.5' in lines
    assert 'samelook_crawl_slots{process="box:4"} 900.0' in lines
    assert 'samelook_crawl_lag_seconds{process="box:4"} 0.02' in lines
    # A process of the version before says less.
    assert 'samelook_crawl_inputs_total{outcome="done",phase="icons",process="old:5"} 1.0' in lines
    trouble = 'samelook_run_trouble{kind="crawl",needs_somebody="true",problem="failed",what="icons"} 1.0'
    assert trouble in lines
    shown = io.StringIO()
    Console(file=shown, width=100).print(status_tables(await crawl_status(pool)))
    assert "850" in shown.getvalue()
    assert "312.5" in shown.getvalue()  # milliseconds a request


async def test_a_bug_is_a_number_and_not_a_traceback(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("samelook.banks.store.BankStore.banks", broken)
    answer = await api.get("/c/banks")
    assert answer.status == 500
    assert answer.json["details"]["number"]
    assert "secret" not in answer.text


async def test_a_database_that_goes_away_is_told_and_comes_back(
    database_server: Any, database_url: str, serve: Any
) -> None:
    api = await serve(roles=frozenset({"matcher", "curator"}))
    await api.post("/c/banks", {"name": "A"})
    content = (await api.post("/c/bank/A/signal", {"video_md5": "1" * 32})).json["id"]
    async with asyncio.timeout(30):
        while "video_md5" not in api.app[MATCHING].live.equal:
            await asyncio.sleep(0.01)
    name = database_url.partition("?")[0].rpartition("/")[2]
    admin = await asyncpg.connect(database_server.url)
    try:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
            name,
        )
        answer = await api.get("/c/banks")
        assert answer.status == 503
        assert answer.json["message"]
        assert (await api.get("/m/raw_lookup", signal="0" * 64, signal_type="pdq")).status == 200
        found = await api.get("/m/raw_lookup", signal="1" * 32, signal_type="video_md5")
        assert found.json["matches"] == [content]
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    finally:
        await admin.close()
    async with asyncio.timeout(60):
        while (await api.get("/c/banks")).status != 200:
            await asyncio.sleep(0.1)
    assert (await api.post("/c/bank/A/signal", {"pdq": "0" * 64})).status == 200


@pytest.mark.parametrize("wait_s", [0, 0.01, 0.05, 0.3])
async def test_a_service_stops_although_its_database_is_gone(
    database_server: Any, database_url: str, serve: Any, wait_s: float
) -> None:
    api = await serve(roles=frozenset({"matcher", "curator"}))
    await database_server.drop(database_url.partition("?")[0].rpartition("/")[2])
    # However far its connections are in noticing: a cancelled task ends.
    await asyncio.sleep(wait_s)
    async with asyncio.timeout(60):
        await api.client.close()


async def test_two_services_agree_soon(serve: Any, random_pdq: Any) -> None:
    roles = frozenset({"matcher", "curator"})
    one, other = await serve(roles=roles), await serve(roles=roles)
    await one.post("/c/banks", {"name": "A"})
    for round_number in range(5):
        value = random_pdq()
        asked = {"signal": value, "signal_type": "pdq"}
        await one.post("/c/bank/A/signal", {"pdq": value})
        assert (await one.get("/m/lookup", **asked)).json
        async with asyncio.timeout(60):
            while not (await other.get("/m/lookup", **asked)).json:
                await asyncio.sleep(0.01)
        await other.delete(f"/c/bank/A/content/{round_number + 1}")
        assert not (await other.get("/m/lookup", **asked)).json
        async with asyncio.timeout(60):
            while (await one.get("/m/lookup", **asked)).json:
                await asyncio.sleep(0.01)
    await one.put("/c/bank/A", {"enabled": False})
    async with asyncio.timeout(60):
        while (await other.get("/c/banks")).json[0]["matching_enabled_ratio"] or other.app[
            MATCHING
        ].live.banks[1].enabled_ratio:
            await asyncio.sleep(0.01)


async def test_an_index_survives_a_restart_by_its_snapshot(
    database_url: str, tmp_path: Any, random_pdq: Any
) -> None:
    from samelook.matching.settings import LiveSettings

    settings = ApiSettings(
        DatabaseSettings(url=database_url),
        live=LiveSettings(snapshot_folder=tmp_path),
        roles=frozenset({"matcher", "curator"}),
    )
    values = [random_pdq() for _ in range(3)]
    for round_number in range(3):
        async with TestClient(TestServer(create_app(settings))) as client:
            async with asyncio.timeout(60):
                while client.app[MATCHING].live is None:
                    await asyncio.sleep(0.01)
            live = client.app[MATCHING].live
            assert live is not None
            if round_number:
                assert live.indexes["pdq"].status().started_from == "snapshot"
            else:
                await client.post("/c/banks", json={"name": "A"})
            await live.indexes["pdq"].save()
            await client.post("/c/bank/A/signal", json={"pdq": values[round_number]})
            if round_number == 2:
                await client.delete("/c/bank/A/content/1")
            for number, value in enumerate(values[: round_number + 1], 1):
                answer = await client.get("/m/raw_lookup", params={"signal": value, "signal_type": "pdq"})
                expected = [] if round_number == 2 and number == 1 else [number]
                assert (await answer.json())["matches"] == expected
