"""What one client may hold of the service: connections, unread answers, bodies, forms, guesses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web

from samelook.api import admission, server
from samelook.api.admission import DOOR, Door, with_admission
from samelook.api.description import operation_of
from samelook.api.errors import ApiError
from samelook.api.settings import ApiSettings
from samelook.api.state import SETTINGS
from samelook.sql.settings import DatabaseSettings
from tests.fixtures.waiting import until

MIB = 1 << 20
FORM = "application/x-www-form-urlencoded"


@asynccontextmanager
async def serving(body: bytes) -> AsyncIterator[tuple[web.Application, str, int]]:
    """A service that answers everything with these bytes."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application(middlewares=[with_admission])
    app[SETTINGS] = ApiSettings(DatabaseSettings(url=""))
    app[DOOR] = Door()
    app.router.add_get("/", answer)
    runner = server.service_runner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield app, *runner.addresses[0][:2]
    finally:
        await runner.cleanup()


async def asked(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection over which the answer was asked for; little of it is read unasked."""
    reader, writer = await asyncio.open_connection(host, port, limit=1024)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await writer.drain()
    return reader, writer


async def test_an_address_has_so_many_connections_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 3)
    async with serving(b"here") as (_, host, port):
        held = [await asked(host, port) for _ in range(3)]
        for reader, _ in held:
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        reader, writer = await asked(host, port)
        assert await reader.readline() == b"HTTP/1.1 429 Too Many Requests\r\n"
        assert (await reader.read())[-4:] == b"\r\n\r\n"
        writer.close()
        held.pop()[1].close()

        async def is_let_in() -> bool:
            reader, writer = await asked(host, port)
            line = await reader.readline()
            writer.close()
            return b" 200 " in line

        await until(is_let_in)
        for _, writer in held:
            writer.close()


async def test_answers_that_nobody_reads_count_as_their_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_UNREAD_OF_A_CLIENT", 60 * MIB)
    async with serving(bytes(40 * MIB)) as (app, host, port):
        held = [await asked(host, port) for _ in range(2)]
        await until(lambda: app[DOOR]._unread.total() == 80 * MIB)
        reader, writer = await asked(host, port)
        assert b" 429 " in await reader.readline()
        writer.close()
        for _, writer in held:
            writer.close()
        await until(lambda: not app[DOOR]._unread)


async def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BODY_S", 0.1)
    monkeypatch.setattr(server, "SLOWEST_BYTES_S", 1 << 30)
    async with serving(bytes(40 * MIB)) as (app, host, port):
        reader, writer = await asked(host, port)
        assert b" 200 " in await reader.readline()
        await until(lambda: not app[DOOR]._unread)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(40 * MIB)
        writer.close()


async def test_an_answer_that_is_read_slowly_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BODY_S", 0.3)
    async with serving(bytes(12 * MIB)) as (_, host, port):
        reader, writer = await asked(host, port)
        await reader.readuntil(b"\r\n\r\n")
        count = 0
        while count < 12 * MIB:
            count += len(await reader.readexactly(MIB))
            await asyncio.sleep(0.02)
        writer.close()


def test_large_bodies_that_come_slowly_keep_nobody_from_asking() -> None:
    door, large = Door(), 64 * MIB
    door.enter("a", large)
    with pytest.raises(ApiError) as own:
        door.enter("a", large)
    assert own.value.status == 429
    door.enter("b", large)
    door.enter("c", large)
    with pytest.raises(ApiError) as full:
        door.enter("d", large)
    assert full.value.status == 503
    for client in "abcd":
        door.enter(client, 3000)
    door.leave("a", large)
    door.leave("b", large)
    door.enter("d", large)


async def test_who_needs_no_key_sends_small_bodies(full: Any) -> None:
    """On all routes that anybody may send something to, but those that say what they need more for."""
    large, more = b"a" * 100_000, set()
    for route in full.app.router.routes():
        operation = operation_of(route.handler)
        if operation is None or operation.role not in (None, "extension") or route.method in ("GET", "HEAD"):
            continue
        if operation.most_bytes > len(large):
            more.add(route.resource.canonical)
            continue
        answer = await full(
            route.method, route.resource.canonical.replace("{", "").replace("}", ""), data=large
        )
        assert answer.status == 413, route.resource.canonical
    assert more == {"/x/v1/check"}
    assert (await full("POST", "/malicious-p", data=_chunked(large))).status == 413


async def _chunked(body: bytes) -> AsyncIterator[bytes]:
    yield body


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"&".join([b"a=b"] * 10_000), FORM),
        (
            b"".join(
                b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nc\r\n'
                for _ in range(700)
            )
            + b"--x--\r\n",
            "multipart/form-data; boundary=x",
        ),
    ],
    ids=["fields", "files"],
)
async def test_forms_of_thousands_of_fields_are_not_taken_apart(full: Any, body: bytes, kind: str) -> None:
    answer = await full("POST", "/ui/sign-in", data=body, headers={"Content-Type": kind})
    assert answer.status in (400, 403)


async def test_guesses_at_once_are_counted_as_guesses_one_after_the_other(full: Any) -> None:
    form = await full("GET", "/ui/sign-in")
    token = form.text.partition('name="token" value="')[2].partition('"')[0]
    guess = urlencode({"token": token, "name": "somebody", "password": "a wrong guess"})
    answers = await asyncio.gather(
        *(full("POST", "/ui/sign-in", data=guess, headers={"Content-Type": FORM}) for _ in range(12))
    )
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [401] * 5 + [429] * 7
