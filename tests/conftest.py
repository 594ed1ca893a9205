"""A database for each test, cloned from a template that is migrated once."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import hypothesis
import pytest

from samelook.postgres.embedded import embedded_postgres
from samelook.sql.migrate import migrate
from samelook.sql.pool import OwnConnection, Pool, open_connection, open_pool
from samelook.sql.settings import DatabaseSettings

MEMORY_NEEDED = 4 << 30
"""Bytes. A database is gone before the next test, but some tests fill theirs."""
pytest_plugins = (
    "tests.fixtures.pictures",
    "tests.fixtures.machine",
    "tests.fixtures.blocking",
    "tests.fixtures.crawled",
)
# Machines are fast and slow; how long an example takes says nothing.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


@dataclass(frozen=True, slots=True)
class Server:
    """A Postgres where tests make databases of their own."""

    url: str
    version: int
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def template(self) -> str:
        return f"samelook_template_{os.getpid()}"

    def url_of(self, database: str) -> str:
        head, slash, rest = self.url.partition("://")
        hosts, _, path = rest.partition("/")
        _, question_mark, query = path.partition("?")
        return f"{head}{slash}{hosts}/{database}{question_mark}{query}"

    async def create(self, *, template: str | None = None) -> str:
        """A new database's name. Copying files is faster than logging pages where fsync is off."""
        name = f"samelook_test_{os.getpid()}_{next(self._numbers)}"
        how = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""
        await self.run(f'CREATE DATABASE "{name}"{how}')
        return name

    async def drop(self, name: str) -> None:
        await self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def database_server() -> Iterator[Server]:
    """The server of this test run: SAMELOOK_TEST_DATABASE_URL, or an embedded one in a temporary folder."""
    configured = os.environ.get("SAMELOOK_TEST_DATABASE_URL")
    if configured:
        yield from _with_template(configured)
        return
    # Not in pytest's folder: every other run of pytest closes that to the server's account anew.
    with (
        tempfile.TemporaryDirectory(prefix="samelook-test-", dir=_folder_in_memory()) as folder,
        embedded_postgres(Path(folder), durable=False) as url,
    ):
        yield from _with_template(url)


def _folder_in_memory() -> str | None:
    """A file system in memory with room enough: seven hundred files make a database, and most tests copy one.

    On a busy disk a copy took 0.6 to 3.5 s, in memory 0.15 s.
    """
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        return None
    return str(memory) if shutil.disk_usage(memory).free > MEMORY_NEEDED else None


def _with_template(url: str) -> Iterator[Server]:
    async def prepare() -> Server:
        connection = await asyncpg.connect(url)
        try:
            server = Server(url, connection.get_server_version().major)
        finally:
            await connection.close()
        await server.drop(server.template)
        await server.run(f'CREATE DATABASE "{server.template}"')
        await migrate(server.url_of(server.template))
        return server

    server = asyncio.run(prepare())
    yield server
    asyncio.run(server.drop(server.template))


@pytest.fixture
async def database_url(database_server: Server) -> AsyncIterator[str]:
    """A migrated database of the test's own."""
    name = await database_server.create(template=database_server.template)
    yield database_server.url_of(name)
    await database_server.drop(name)


@pytest.fixture
async def empty_database_url(database_server: Server) -> AsyncIterator[str]:
    """A database of the test's own with nothing in it."""
    name = await database_server.create()
    yield database_server.url_of(name)
    await database_server.drop(name)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """Connections to a migrated database of the test's own."""
    async with open_pool(DatabaseSettings(url=database_url, application_name="test")) as connections:
        yield connections


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[OwnConnection]:
    """One connection to a migrated database of the test's own."""
    async with open_connection(DatabaseSettings(url=database_url, application_name="test")) as one:
        yield one
