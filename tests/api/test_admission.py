"""Who is let in when more is asked than can be answered, and what arrives too slowly."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from samelook.api import admission, health, server, slowness
from samelook.api.admission import DECODING, Door, Gone, turn_at_decoding
from samelook.api.app import create_app
from samelook.api.errors import ApiError
from samelook.api.routes.checks import units_of
from samelook.api.settings import ApiSettings
from samelook.api.state import SETTINGS
from samelook.sql.pool import Connection, open_connection
from samelook.sql.settings import DatabaseSettings
from tests.fixtures.waiting import until

ELSEWHERE = "192.0.2.7"


def asked_by(address: str) -> web.Request:
    app = web.Application()
    app[SETTINGS] = ApiSettings(DatabaseSettings(url=""))
    request = make_mocked_request("POST", "/", app=app)
    request.transport.is_closing.return_value = False  # type: ignore[union-attr]
    return request.clone(remote=address)


def test_a_client_has_its_share_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_AT_ONCE", 5)
    monkeypatch.setattr(admission, "MOST_OF_A_CLIENT", 3)
    door = Door()
    for _ in range(3):
        door.enter("greedy", 0)
    with pytest.raises(ApiError) as refused:
        door.enter("greedy", 0)
    assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
    door.enter("other", 0)
    door.enter("another", 0)
    with pytest.raises(ApiError) as full:
        door.enter("one more", 0)
    assert full.value.status == 503
    door.leave("greedy", 0)
    door.enter("one more", 0)


def test_bodies_in_hand_are_bounded_in_bytes() -> None:
    door, size = Door(), 1 << 20
    for number in range(admission.MOST_BYTES // size):
        door.enter(f"client {number}", size)
    with pytest.raises(ApiError) as refused:
        door.enter("b", 1)
    assert refused.value.status == 503
    door.leave("client 0", size)
    door.enter("b", 1)


async def test_work_that_would_wait_too_long_is_refused_with_a_time() -> None:
    door, hold = Door(), asyncio.Event()
    door.unit_s = 0.01

    async def work(address: str) -> None:
        async with door.turn(asked_by(address), 90):
            await hold.wait()

    tasks = [asyncio.create_task(work(f"192.0.2.{number}")) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(ApiError) as full:
        async with door.turn(asked_by("192.0.2.9"), 1):
            pass
    assert (full.value.status, full.value.headers) == (503, {"Retry-After": "3"})
    tasks[2].cancel()
    await asyncio.wait([tasks[2]])
    more = asyncio.create_task(work("192.0.2.1"))
    await asyncio.sleep(0)
    with pytest.raises(ApiError) as own:
        async with door.turn(asked_by("192.0.2.1"), 1):
            pass
    assert own.value.status in (429, 503)
    hold.set()
    await asyncio.gather(*tasks[:2], more)
    async with door.turn(asked_by("192.0.2.9"), 1):
        pass


@pytest.mark.parametrize("key", ["url", "\\u0075rl"])
def test_the_work_of_a_question_is_what_it_asks_about_however_it_is_spelled(key: str) -> None:
    sites = [f'{{"{key}": "s{number}.example"}}' for number in range(100)]
    many = units_of(f'{{"sites": [{", ".join(sites)}]}}'.encode())
    icon = f'{{"{key}": "s.example", "icons": [{{"data": "{"A" * 20_000}"}}]}}'.encode()
    known = f'{{"{key}": "s.example", "icons": [{{"sha256": "{"0" * 64}"}}]}}'.encode()
    assert 100 <= many < 110
    # A picture's size is not what is dear about it: sixteen askers of new pictures are no flood.
    assert units_of(known) == pytest.approx(units_of(icon), abs=0.5)
    assert units_of(b"[" * 8_000_000) > 50


async def rounds(door: Door, late_s: float, count: int, crowd: int = 100) -> float:
    """The share of a crowd's questions that is refused after so many rounds of the loop."""
    refused = asked = 0
    for _ in range(count):
        refused = asked = 0
        for number in range(crowd):
            door.enter(f"192.0.2.{number}", 1)
            door.leave(f"192.0.2.{number}", 1)
            asked += 1
            try:
                async with door.turn(asked_by(f"192.0.2.{number}"), 1):
                    pass
            except ApiError as error:
                refused += error.status == 503
        door.came_round(late_s)
    return refused / asked


async def test_a_queue_that_stands_in_the_sockets_is_shed_until_it_is_gone() -> None:
    door = Door()
    assert await rounds(door, 0.3, 3) == 0  # a burst may pass
    shares = [await rounds(door, 0.3, 1) for _ in range(12)]
    assert shares[:5] == sorted(shares[:5])
    assert 0 < shares[0] < 0.5
    assert 0.9 < shares[-1] < 1  # some are always answered
    assert await rounds(door, 0.01, 60) < 0.1
    assert await rounds(door, 0.01, 60) == 0


async def test_a_slow_machine_refuses_nobody() -> None:
    assert await rounds(Door(), 3.0, 20, crowd=10) == 0


async def test_a_full_disk_is_told_until_there_is_room(
    database_url: str, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, room = await serve(roles=frozenset({"matcher", "curator"})), False
    measure = health._has_room

    async def has_room(connection: Connection) -> bool:
        return room and await measure(connection)

    monkeypatch.setattr(health, "_has_room", has_room)
    async with open_connection(DatabaseSettings(url=database_url)) as connection:
        await connection.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN RAISE 'no room' USING ERRCODE = 'disk_full'; END$$;"
            " CREATE TRIGGER full_disk BEFORE INSERT ON banks FOR EACH ROW EXECUTE FUNCTION full_disk()"
        )
    assert (await service.post("/c/banks", {"name": "FULL"})).status == 503
    assert (await service.get("/readyz")).text == "DATABASE-FULL: curator"
    assert (await service.get("/status", role="matcher")).status == 200
    room = True

    async def ready() -> bool:
        return bool((await service.get("/readyz")).status == 200)

    await until(ready)


async def test_media_of_who_has_gone_are_not_decoded() -> None:
    here, gone = asked_by("192.0.2.1"), asked_by("192.0.2.2")
    here.app[DECODING] = gone.app[DECODING] = asyncio.Semaphore(1)

    async def decode(request: web.Request) -> None:
        async with turn_at_decoding(request):
            pytest.fail("nobody waits for it")

    async with turn_at_decoding(here):
        waiting = asyncio.create_task(decode(gone))
        await asyncio.sleep(0)
        gone.transport.is_closing.return_value = True  # type: ignore[union-attr]
    with pytest.raises(Gone):
        await waiting


async def test_the_work_of_who_has_gone_is_dropped() -> None:
    request = asked_by(ELSEWHERE)
    request.transport.is_closing.return_value = True  # type: ignore[union-attr]
    with pytest.raises(Gone):
        async with Door().turn(request, 1):
            pytest.fail("it was done all the same")


@pytest.fixture
async def port(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Where a service listens that is impatient."""
    monkeypatch.setattr(server, "HEADERS_S", 0.2)
    monkeypatch.setattr(slowness, "BODY_S", 0.2)
    app = create_app(ApiSettings(DatabaseSettings(url=database_url), roles=frozenset({"curator"})))
    runner = server.service_runner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.mark.parametrize(
    "start", [b"", b"GET /status", b"GET /status/live HTTP/1.1\r\nHost: localhost\r\nX-A: "]
)
async def test_headers_that_do_not_come_end_the_connection(port: int, start: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start)
    async with asyncio.timeout(30):
        assert await reader.read() == b""
    writer.close()


async def test_a_body_that_trickles_is_given_up(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b"POST /c/banks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    writer.write(head + b"Content-Length: 1000\r\n\r\n{")
    async with asyncio.timeout(30):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"too slowly" in answer
    writer.close()


async def test_a_connection_that_is_kept_waits_for_the_next_request(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(b"GET /status/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(30):
            assert b"200 OK" in await reader.readuntil(b"I-AM-ALIVE")
    writer.close()


@pytest.mark.parametrize(
    "path",
    [
        "/c/bank/%00",
        "/c/bank/A/content/9223372036854775807",
        "/c/bank/A/content/9999999999999999999",
        "/c/signal/9999999999999999999",
        "/c/signal?signal_type=%00&signal_value=%00",
        "/m/lookup?signal_type=pdq&signal=%00",
        "/c/exchange/%00",
        "/c/api_keys/9999999999999999999",
    ],
)
async def test_odd_names_and_numbers_are_no_fault_of_ours(steady: Any, path: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = await steady(method, path, json={})
        # What is not there can be removed, as in HMA.
        allowed = (200, 400, 401, 404, 405) if method == "DELETE" else (400, 401, 404, 405)
        assert answer.status in allowed, (method, answer.text)


async def test_descriptors_that_run_out_are_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slowness, "_LOOK_S", 0.001)
    monkeypatch.setattr(slowness, "_QUIET_LOOKS", 1_000_000)
    here = threading.get_ident()
    # Services that tests share run in another thread of this process, and are watched too.
    monkeypatch.setattr(
        slowness, "_descriptors", lambda limit: round(0.95 * limit) if threading.get_ident() == here else 0
    )
    with capture_logs() as logs:
        async for _ in slowness.descriptors_watched(web.Application()):
            await until(lambda: logs)
            await asyncio.sleep(0.005)
            break
    assert [(log["event"], log["log_level"]) for log in logs] == [("api.descriptors_run_out", "error")]
    assert 0 < logs[0]["used"] < logs[0]["limit"]


async def test_readiness_tells_the_truth_by_role(serve: Any, database_url: str, database_server: Any) -> None:
    service = await serve(roles=frozenset({"matcher", "curator"}))
    name = urlsplit(database_url).path.strip("/")
    assert (await service.get("/readyz")).text == "READY"
    await database_server.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await database_server.run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )

    async def ready() -> bool:
        return bool((await service.get("/readyz")).status == 200)

    async def away() -> bool:
        return not await ready()

    try:
        await until(away)
        assert (await service.get("/readyz")).text == "DATABASE-AWAY: curator"
        assert (await service.get("/status")).text == "DATABASE-AWAY"
        assert (await service.get("/status", role="curator")).status == 503
        assert (await service.get("/status", role="matcher")).status == 200
        assert (await service.get("/status", role="lite")).status == 400
        found = await service.get("/m/lookup", signal_type="pdq", signal="f8" * 32)
        assert (found.status, found.json) == (200, {})
    finally:
        await database_server.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await until(ready)
