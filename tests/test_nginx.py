"""Roles of their own behind the real nginx: the answers of one service with all of them, whoever stops."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from aiohttp import ClientSession, FormData, web
from aiohttp.test_utils import unused_port

from samelook.api.app import create_app
from samelook.api.server import service_runner
from samelook.api.settings import ROLES, ApiSettings, Role
from samelook.api.state import MATCHING
from samelook.demo.sample_web.pictures import png
from samelook.sql.migrate import migrate
from samelook.sql.settings import DatabaseSettings
from tests.fixtures.clusters import clusters
from tests.fixtures.nginx import nginx, ports_of_example
from tests.fixtures.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")
# By the first port of each pair in the example.
ROLES_AT: dict[int, frozenset[Role]] = {
    511: frozenset({"hasher"}),
    512: frozenset({"matcher", "hasher"}),
    513: frozenset({"curator", "hasher"}),
    514: frozenset({"extension"}),
    515: frozenset(ROLES),
}
STREAMS = {"/ui/events"}
"""Paths whose answers do not end."""
OF_THE_MOMENT = {"created_at", "updated_at", "first_seen", "version", "ttl", "id", "why", "need"}


@dataclass(slots=True)
class Servers:
    """Services on ports, which may be stopped and started again."""

    ports: dict[int, int] = field(default_factory=dict)
    """Of each of the example's ports, the port that stands for it."""
    _settings: dict[int, ApiSettings] = field(default_factory=dict)
    _runners: dict[int, web.AppRunner] = field(default_factory=dict)

    async def start(self, name: int, settings: ApiSettings | None = None) -> str:
        """Serve what has this name, with its former settings if none are given; its URL."""
        self._settings[name] = settings = settings or self._settings[name]
        app = create_app(settings)
        self._runners[name] = runner = service_runner(app, shutdown_timeout=60.0)
        await runner.setup()
        port = self.ports.setdefault(name, unused_port())
        if "matcher" in settings.roles:
            await until(lambda: app[MATCHING].live is not None)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return f"http://127.0.0.1:{port}"

    async def stop(self, name: int) -> None:
        """Stop it as a signal does: what is in hand is answered."""
        await self._runners.pop(name).cleanup()

    async def stop_all(self) -> None:
        for name in list(self._runners):
            await self.stop(name)


@pytest.fixture(scope="module")
def databases() -> Iterator[tuple[str, str, str]]:
    """A primary, its standby, and a database of its own for the service with all roles."""
    with clusters() as servers:
        primary = servers.new("primary")
        whole = primary.replace("/postgres?", "/whole?")

        async def prepare() -> None:
            connection = await asyncpg.connect(primary)
            await connection.execute("CREATE DATABASE whole")
            await connection.close()
            for url in (primary, whole):
                await migrate(url)

        asyncio.run(prepare())
        yield primary, servers.standby("standby", "primary"), whole


@dataclass(slots=True)
class Both:
    """The parts behind nginx, and the whole."""

    parts: str
    whole: str
    servers: Servers
    client: ClientSession


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(
    databases: tuple[str, str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Both]:
    tmp_path = tmp_path_factory.mktemp("nginx")
    primary, standby, whole_url = databases
    servers = Servers()
    try:
        whole = await servers.start(0, ApiSettings(DatabaseSettings(url=whole_url), fetch_exchanges=False))
        for port in ports_of_example():
            roles = ROLES_AT[port // 10]
            url = "" if roles == {"hasher"} else primary
            read_url = standby if "matcher" in roles and port // 10 == 512 else ""
            settings = ApiSettings(
                DatabaseSettings(url=url), read_url=read_url, roles=roles, fetch_exchanges=False
            )
            await servers.start(port, settings)
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(ClientSession())
            url = stack.enter_context(nginx(tmp_path, servers.ports))
            await until(lambda: _answers(client, url))
            yield Both(url, whole, servers, client)
    finally:
        await servers.stop_all()


async def _answers(client: ClientSession, url: str, path: str = "/status/live") -> bool:
    try:
        async with client.get(url + path) as answer:
            return answer.status == 200
    except OSError:
        return False


async def _ask(client: ClientSession, url: str, method: str, path: str, **more: Any) -> tuple[int, Any]:
    async with client.request(method, url + path, allow_redirects=False, **more) as answer:
        if answer.content_type != "application/json":
            return answer.status, answer.content_type
        return answer.status, _lasting(await answer.json())


def _lasting(value: Any) -> Any:
    """The value without what differs from one moment to the next."""
    if isinstance(value, dict):
        return {name: _lasting(one) for name, one in value.items() if name not in OF_THE_MOMENT}
    return [_lasting(one) for one in value] if isinstance(value, list) else value


def _form(data: bytes) -> FormData:
    form = FormData()
    form.add_field("photo", io.BytesIO(data), filename="a.png", content_type="image/png")
    return form


async def test_the_parts_answer_what_the_whole_answers(both: Both) -> None:
    client = both.client
    async with client.get(f"{both.whole}/site-map") as answer:
        paths = [path for path in await answer.json() if "<" not in path and path not in STREAMS]
    assert len(paths) > 50
    for path in paths:
        parts, whole = [await _ask(client, url, "GET", path) for url in (both.parts, both.whole)]
        assert parts[0] == whole[0], path

    picture = png("gearwheel", 256).data
    talk: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/h/hash", {"data": picture}),
        ("POST", "/c/banks", {"json": {"name": "TALK", "matching_enabled_ratio": 1.0}}),
        ("POST", "/c/banks", {"json": {"name": "not a name"}}),
        ("POST", "/c/bank/TALK/content?content_type=photo", {"data": picture}),
        ("GET", "/c/bank/TALK", {}),
        ("POST", "/m/lookup", {"data": picture}),
        ("GET", f"/m/lookup?signal_type=pdq&signal={'0' * 64}", {}),
        ("GET", "/m/lookup?signal_type=pdq&signal=short", {}),
        ("POST", "/x/v1/check", {"json": {"url": "https://talk.example/", "icons": []}}),
        ("POST", "/malicious-p", {"json": {"url": "https://talk.example/"}}),
        ("GET", "/nowhere", {}),
        ("DELETE", "/c/bank/TALK", {}),
    ]
    for method, path, more in talk:
        if path in {"/m/lookup", "/x/v1/check"}:
            # The replica follows; and the facts are read while other roles answer already.
            await until(partial(_is_same, both, method, path, more))
        parts, whole = [await _said(client, url, method, path, more) for url in (both.parts, both.whole)]
        assert parts == whole, path
        assert parts[0] < 500, path


async def _said(
    client: ClientSession, url: str, method: str, path: str, more: dict[str, Any]
) -> tuple[int, Any]:
    asked = {name: _form(value) if name == "data" else value for name, value in more.items()}
    return await _ask(client, url, method, path, **asked)


async def _is_same(both: Both, method: str, path: str, more: dict[str, Any]) -> bool:
    whole = await _said(both.client, both.whole, method, path, more)
    # Each of the servers behind nginx is asked, and has to have followed.
    parts = [await _said(both.client, both.parts, method, path, more) for _ in range(6)]
    same = all(answer == whole for answer in parts)
    return same and whole[0] == 200 and (path != "/m/lookup" or "TALK" in str(whole[1]))


async def test_no_request_is_lost_when_servers_go_one_after_the_other(both: Both) -> None:
    """Lookups, hashes and verdicts go on while each server behind them is stopped and started again."""
    client, done = both.client, asyncio.Event()
    lost: list[tuple[str, Any]] = []
    counted = dict.fromkeys(("lookup", "hash", "check"), 0)
    form = png("gearwheel", 256).data
    await until(lambda: _knows(both))

    async def keep_asking(what: str) -> None:
        while not done.is_set():
            match what:
                case "lookup":
                    asked = _ask(client, both.parts, "GET", f"/m/lookup?signal_type=pdq&signal={'f' * 64}")
                case "hash":
                    asked = _ask(client, both.parts, "POST", "/h/hash", data=_form(form))
                case _:
                    question = {"url": f"https://n{counted['check']}.example/", "icons": []}
                    asked = _ask(client, both.parts, "POST", "/x/v1/check", json=question)
            status, answer = await asked
            counted[what] += 1
            if status != 200:
                lost.append((what, (status, answer)))

    async with asyncio.TaskGroup() as tasks:
        for what in ("lookup", "lookup", "lookup", "hash", "check", "check"):
            tasks.create_task(keep_asking(what))
        for name in (5110, 5111, 5120, 5121, 5140, 5141):
            before = sum(counted.values())
            await both.servers.stop(name)
            await until(lambda before=before: sum(counted.values()) > before + 20)
            url = await both.servers.start(name)
            await until(partial(_answers, client, url, "/readyz"))
            # nginx leaves it alone for a second, and counts whole ones: the other is not to go before.
            await asyncio.sleep(2.2)
        done.set()
    assert not lost, (len(lost), lost[:3], counted)
    assert min(counted.values()) > 0, counted


async def _knows(both: Both) -> bool:
    question = {"url": "https://first.example/", "icons": []}
    return (await _ask(both.client, both.parts, "POST", "/x/v1/check", json=question))[0] == 200
