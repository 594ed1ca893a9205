"""The sample web, crawled once and cloned for each test, and what answers questions about it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from samelook.api.app import create_app
from samelook.api.settings import ApiSettings
from samelook.extension_api.extension import EXTENSION
from samelook.extension_api.judge import Judge, Judgement
from samelook.extension_api.settings import ExtensionSettings
from samelook.facts.follower import Follower
from samelook.facts.keeper import Keeper
from samelook.facts.questions import Asked, AskedIcon
from samelook.facts.settings import VerdictSettings
from samelook.names.sites import host_of_url
from samelook.sql.pool import open_connection
from samelook.sql.settings import DatabaseSettings
from tests.fixtures.waiting import until

SETTINGS = VerdictSettings()


@pytest.fixture
async def crawled(database_server: Any, crawled_template: str) -> AsyncIterator[DatabaseSettings]:
    """A database of the test's own with the crawled sample web."""
    name = await database_server.create(template=crawled_template)
    yield DatabaseSettings(url=database_server.url_of(name), application_name="test")
    await database_server.drop(name)


@dataclass
class Asking:
    """What is in memory about a database, and somebody who asks."""

    follower: Follower
    keeper: Keeper
    judge: Judge
    database: DatabaseSettings

    def ask(self, url: str, *icons: AskedIcon, client: int | None = None) -> Judgement:
        return self.judge.judge(Asked.about(host_of_url(url), *icons, client=client))

    async def catch_up(self) -> None:
        """Let the keeper number what has changed, and read it."""
        async with open_connection(self.database) as connection:
            await self.keeper.catch_up(connection)
            await self.follower.poll(connection)

    async def run(self, statement: str, *arguments: object) -> None:
        async with open_connection(self.database) as connection:
            await connection.execute(statement, *arguments)


async def asking_about(database: DatabaseSettings, settings: VerdictSettings = SETTINGS) -> Asking:
    follower = Follower(database, settings)
    await follower.load()
    return Asking(
        follower, Keeper(database, settings, time.time), Judge(follower, settings, time.time), database
    )


@pytest.fixture
async def serve_extension() -> AsyncIterator[Callable[..., Awaitable[TestClient[Any, Any]]]]:
    """Starts services on a database with settings of the test's choice; returns when they have read it."""
    clients: list[TestClient[Any, Any]] = []

    async def start(
        database: DatabaseSettings, *, service: Mapping[str, Any] | None = None, **choices: Any
    ) -> TestClient[Any, Any]:
        settings = ApiSettings(
            database,
            roles=frozenset({"extension"}),
            extension=ExtensionSettings(**choices),
            **(service or {}),
        )
        app = create_app(settings)
        client: TestClient[Any, Any] = TestClient(TestServer(app))
        clients.append(client)
        await client.start_server()
        await until(lambda: app[EXTENSION].follower.is_loaded)
        return client

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
async def sample(crawled: DatabaseSettings) -> Asking:
    """The crawled sample web in memory."""
    return await asking_about(crawled)
