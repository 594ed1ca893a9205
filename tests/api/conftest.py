"""Services on real sockets and a real database, and what is needed to ask them things.

A test of what all banks together do, or of ids, has a service and a database of its own (`api`, `serve`).
One that only reads, whose requests are refused, or that does with a bank of its own (`bank`), asks a service
that all share (`steady`, `keyed`): that takes a hundredth of the time. The shared ones run in a thread,
because each test has an event loop of its own.
"""

from __future__ import annotations

import asyncio
import io
import secrets
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, FormData, web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image, ImageDraw

from samelook.api.app import create_app
from samelook.api.server import service_runner
from samelook.api.settings import ApiSettings
from samelook.api.state import MATCHING, SETTINGS
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.exchanges.settings import ExchangeSettings
from samelook.sql.settings import DatabaseSettings


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    text: str
    headers: Any
    json: Any


class Caller:
    """A client that reads answers to their end."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.app = getattr(client, "app", None)

    async def __call__(self, method: str, path: str, **more: Any) -> Answer:
        async with self.client.request(method, path, **more) as response:
            text = await response.text(errors="replace")  # some answers are bytes
            is_json = response.content_type == "application/json"
            return Answer(response.status, text, response.headers, await response.json() if is_json else None)

    async def get(self, path: str, **params: str) -> Answer:
        return await self("GET", path, params=params)

    async def post(self, path: str, body: Any = None, **params: str) -> Answer:
        return await self("POST", path, json=body, params=params)

    async def put(self, path: str, body: Any) -> Answer:
        return await self("PUT", path, json=body)

    async def delete(self, path: str) -> Answer:
        return await self("DELETE", path)

    async def send_file(self, path: str, field: str, data: bytes, **params: str) -> Answer:
        form = FormData()
        form.add_field(field, io.BytesIO(data), filename="file", content_type="application/octet-stream")
        return await self("POST", path, data=form, params=params)


Serve = Callable[..., Awaitable[Caller]]
PATIENCE_S = 60.0
PLUGINS = Path(__file__).parents[1] / "exchanges" / "plugins"
ADMIN_KEY = "an admin's key for these tests"
PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
MD5 = "d41d8cd98f00b204e9800998ecf8427e"


async def loaded(app: web.Application) -> None:
    """Returns when lookups are answered."""
    if "matcher" in app[SETTINGS].roles:
        async with asyncio.timeout(PATIENCE_S):
            while app[MATCHING].live is None:
                await asyncio.sleep(0.005)


@pytest.fixture
async def serve(database_url: str) -> AsyncIterator[Serve]:
    """Starts services with settings of the test's choice; returns when their index is loaded."""
    clients: list[Any] = []

    async def start(**choices: Any) -> Caller:
        settings = replace(ApiSettings(DatabaseSettings(url=database_url), fetch_exchanges=False), **choices)
        client = TestClient(TestServer(create_app(settings)))
        clients.append(client)
        await client.start_server()
        await loaded(client.app)
        return Caller(client)

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
async def api(serve: Serve) -> Caller:
    """A service on loopback that hashes nothing: it starts in a tenth of the time."""
    return await serve(roles=frozenset({"matcher", "curator", "lite"}))


@pytest.fixture
async def full(serve: Serve) -> Caller:
    """A service with all roles on loopback."""
    return await serve()


@pytest.fixture
def exchange_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ExchangeSettings:
    """Exchanges of types that tests have written, and no waiting."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    monkeypatch.setenv("PYTHONPATH", str(PLUGINS), prepend=":")
    types = tuple(f"exchange_plugin.{name}" for name in ("Scripted", "Web"))
    return ExchangeSettings(
        exchange_types=types, look_s=0.05, attempts=2, retry_s=0.01, silence_s=500.0, files_folder=tmp_path
    )


@pytest.fixture
async def exchanges(serve: Serve, exchange_settings: ExchangeSettings) -> Caller:
    """A service that fetches exchanges as soon as they are due."""
    roles = frozenset({"matcher", "curator"})
    return await serve(roles=roles, exchanges=exchange_settings, fetch_exchanges=True)


class Background:
    """An event loop in a thread, and the services in it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="shared services")
        self._runners: list[web.AppRunner] = []
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of a coroutine that runs over there."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def serve(self, app: web.Application) -> str:
        """Starts an application; its address."""
        return str(self.do(self._serve(app)))

    async def _serve(self, app: web.Application) -> str:
        run = service_runner if SETTINGS in app else web.AppRunner  # sites are not ours
        runner = run(app, shutdown_timeout=1)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        if SETTINGS in app:
            await loaded(app)
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    def stop(self) -> None:
        """Ends everything over there."""
        for runner in reversed(self._runners):
            self.do(runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()


@dataclass
class Site:
    """A web site that the shared service may fetch from under the name site.test."""

    address: str = ""
    answers: dict[str, tuple[int, bytes, dict[str, str]]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    """Of the last request."""

    async def answer(self, request: web.Request) -> web.Response:
        self.headers = dict(request.headers)
        status, body, headers = self.answers[request.path]
        return web.Response(status=status, body=body, headers=headers)


@pytest.fixture(scope="session")
def background(shared_database_url: str) -> Iterator[Background]:
    assert shared_database_url  # it is to go last
    background = Background()
    yield background
    background.stop()


@pytest.fixture(scope="session")
def shared_database_url(database_server: Any) -> Iterator[str]:
    name = asyncio.run(database_server.create(template=database_server.template))
    yield database_server.url_of(name)
    asyncio.run(database_server.drop(name))


@pytest.fixture(scope="session")
def site(background: Background) -> Site:
    """What http://site.test/… answers."""
    site = Site()
    app = web.Application()
    app.router.add_get("/{path:.*}", site.answer)
    site.address = background.serve(app).removeprefix("http://")
    return site


@pytest.fixture(scope="session")
def steady_address(background: Background, shared_database_url: str, site: Site) -> str:
    settings = ApiSettings(
        DatabaseSettings(url=shared_database_url),
        fetch=FetchSettings(resolve=parse_resolve(f"*.test={site.address}"), honour_robots=False),
        allowed_origins=("https://console.example",),
    )
    url = background.serve(create_app(settings))

    async def fill() -> None:
        async with ClientSession(url) as session:
            caller = Caller(session)
            for name, ratio in (("A", 1), ("HALF", 0.5), ("B", 1)):
                made = await caller.post("/c/banks", {"name": name, "enabled_ratio": ratio})
                assert made.status == 201
            assert (await caller.post("/c/bank/A/signal", {"pdq": PDQ, "video_md5": MD5})).json["id"] == 1
            assert (await caller.post("/c/bank/HALF/signal", {"pdq": PDQ})).json["id"] == 2

    background.do(fill())
    return url


@pytest.fixture
async def steady(steady_address: str) -> AsyncIterator[Caller]:
    """A service that tests share, with all roles. Whoever uses it leaves it as it was.

    Bank A holds a PDQ and an MD5 as content 1, bank HALF (ratio 0.5) the PDQ as content 2, bank B nothing.
    """
    async with ClientSession(steady_address) as session:
        yield Caller(session)


@pytest.fixture
async def bank(steady: Caller) -> AsyncIterator[str]:
    """The name of an empty bank in the shared service, for this test only."""
    name = f"OF_ONE_TEST_{secrets.token_hex(6).upper()}"
    assert (await steady.post("/c/banks", {"name": name})).status == 201
    yield name
    await steady.delete(f"/c/bank/{name}")


@pytest.fixture(scope="session")
def keyed_address(background: Background, shared_database_url: str, steady_address: str) -> str:
    assert steady_address  # it fills the database
    settings = ApiSettings(
        DatabaseSettings(url=shared_database_url),
        roles=frozenset({"matcher", "curator", "lite"}),
        require_keys=True,
        admin_key=ADMIN_KEY,
    )
    return background.serve(create_app(settings))


@pytest.fixture
async def keyed(keyed_address: str) -> AsyncIterator[Caller]:
    """A service that tests share, which asks for keys; its own one is `admin_key`."""
    async with ClientSession(keyed_address) as session:
        yield Caller(session)


@pytest.fixture
def admin_key() -> str:
    return ADMIN_KEY


@pytest.fixture
def random_pdq() -> Callable[[], str]:
    return lambda: secrets.token_hex(32)


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Draws a picture full of detail and encodes it."""

    def draw(
        image_format: str = "PNG", size: int = 128, mode: str = "RGB", seed: int = 1, **options: Any
    ) -> bytes:
        image = Image.new("RGB", (size, size), "white")
        pen = ImageDraw.Draw(image)
        for step in range(24):
            left, top = (step * 37 * seed) % size, (step * 53 + seed * 11) % size
            colour = ((step * 70) % 256, (step * 40 + seed * 30) % 256, (step * 110) % 256)
            pen.rectangle((left, top, left + size // 4, top + size // 5), fill=colour)
        stored = io.BytesIO()
        image.convert(mode).save(stored, image_format, **options)
        return stored.getvalue()

    return draw
