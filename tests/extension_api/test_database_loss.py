"""Postgres stops and starts again: no verdict changes, neither meanwhile nor after, nor in a new process."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from bench.check_effects import fetched
from bench.check_looks import fresh_icons
from samelook.extension_api.curation import list_site
from samelook.extension_api.extension import EXTENSION, Extension
from samelook.postgres import cluster, postmaster
from samelook.postgres.embedded import embedded_postgres
from samelook.sql.migrate import migrate
from samelook.sql.pool import open_connection
from samelook.sql.settings import DatabaseSettings
from tests.fixtures.waiting import until

PATIENCE_S = 60.0
ICONS = fresh_icons(3, 13)
ASKED = {
    "brand.example": None,
    "copy.example": None,
    "stranger.example": ICONS[0],
    "unheard-of.example": ICONS[2],
    "blocked.example": None,
    "mine.example": None,
}


@dataclass(frozen=True)
class Own:
    """A database of the test's own, with a server that it may stop."""

    home: Path
    settings: DatabaseSettings


@pytest.fixture
async def own() -> AsyncIterator[Own]:
    # Short, so that the server's socket fits beside its data and has one address for good.
    with (
        tempfile.TemporaryDirectory(prefix="samelook-") as folder,
        embedded_postgres(Path(folder), durable=False) as url,
    ):
        await migrate(url)
        settings = DatabaseSettings(url=url)
        async with open_connection(settings) as connection:
            async with connection.transaction():
                await fetched(connection, "brand.example", 7, ICONS[0])
            await list_site(connection, "blocked.example", "block", by="test")
            await list_site(connection, "mine.example", "block", by="test")
        yield Own(Path(folder) / "postgres", settings)


async def verdicts(http: TestClient[Any, Any], client: str) -> dict[str, str]:
    """What is said of each, made anew."""
    extension_of(http)._cache.clear()
    said = {}
    for site, icon in ASKED.items():
        icons = [{"data": base64.b64encode(icon).decode()}] if icon else []
        headers = {"X-Samelook-Client": client}
        async with http.post("/x/v1/check", json={"url": site, "icons": icons}, headers=headers) as answer:
            assert answer.status == 200
            said[site] = (await answer.json())["verdict"]
    return said


def extension_of(http: TestClient[Any, Any]) -> Extension:
    assert http.app is not None
    extension: Extension = http.app[EXTENSION]
    return extension


async def report(http: TestClient[Any, Any], client: str) -> int:
    body = {"url": "stranger.example", "kind": "flag"}
    async with http.post("/x/v1/report", json=body, headers={"X-Samelook-Client": client}) as answer:
        return answer.status


async def test_stopping_postgres_changes_no_verdict(own: Own, serve_extension: Any) -> None:
    http = await serve_extension(own.settings)
    async with http.post("/x/v1/clients", json={}) as answer:
        client = (await answer.json())["client"]
    async with http.post(
        "/x/v1/allowlist", json={"url": "mine.example"}, headers={"X-Samelook-Client": client}
    ) as answer:
        assert answer.status == 201
    expected = {
        "brand.example": "trusted",
        "copy.example": "first_use",
        "stranger.example": "lock",
        "unheard-of.example": "first_use",
        "blocked.example": "lock",
        "mine.example": "trusted",
    }

    async def is_known() -> bool:
        return await verdicts(http, client) == expected

    await until(is_known)
    assert await report(http, client) == 201

    await asyncio.to_thread(postmaster.stop, own.home / "data")
    assert postmaster.read_postmaster(own.home / "data") is None
    assert await verdicts(http, client) == expected
    assert await report(http, client) == 503

    async def is_noticed() -> bool:
        return not extension_of(http).follower.is_current

    await until(is_noticed)
    assert await verdicts(http, client) == expected

    await asyncio.to_thread(cluster.start, own.home, durable=False)

    async def is_back() -> bool:
        return extension_of(http).follower.is_current and await report(http, client) == 201

    await until(is_back)
    assert await verdicts(http, client) == expected
    # And what changes from now on is followed again.
    async with open_connection(own.settings) as connection:
        await list_site(connection, "copy.example", "block", by="test")

    async def is_followed() -> bool:
        return await verdicts(http, client) == {**expected, "copy.example": "lock"}

    await until(is_followed)
    other = await serve_extension(own.settings)
    assert await verdicts(other, client) == {**expected, "copy.example": "lock"}
