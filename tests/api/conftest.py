"""A service on a real socket and a real database, and what is needed to ask it things."""

from __future__ import annotations

import asyncio
import io
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image, ImageDraw

from api.app import create_app
from api.settings import ApiSettings
from api.state import MATCHING
from sql.settings import DatabaseSettings


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
        self.app = client.app

    async def __call__(self, method: str, path: str, **more: Any) -> Answer:
        async with self.client.request(method, path, **more) as response:
            text = await response.text()
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
        form.add_field(field, data, filename="file", content_type="application/octet-stream")
        return await self("POST", path, data=form, params=params)


Serve = Callable[..., Awaitable[Caller]]


@pytest.fixture
async def serve(database_url: str) -> AsyncIterator[Serve]:
    """Starts services with settings of the test's choice; returns when their index is loaded."""
    clients: list[Any] = []

    async def start(**choices: Any) -> Caller:
        settings = replace(ApiSettings(database=DatabaseSettings(url=database_url)), **choices)
        client = TestClient(TestServer(create_app(settings)))
        clients.append(client)
        await client.start_server()
        if "matcher" in settings.roles:
            async with asyncio.timeout(30):
                while client.app[MATCHING].live is None:
                    await asyncio.sleep(0.01)
        return Caller(client)

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
async def api(serve: Serve) -> Caller:
    """A service with all roles on loopback."""
    return await serve()


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
