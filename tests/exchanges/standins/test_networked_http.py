"""Each networked exchange from its creation over HTTP to a match, and to the end of it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from samelook.api.app import create_app
from samelook.api.settings import ApiSettings
from samelook.api.state import MATCHING, Matching
from samelook.exchanges.settings import ExchangeSettings
from samelook.sql.pool import Pool
from samelook.sql.settings import DatabaseSettings
from tests.exchanges.standins import server
from tests.exchanges.standins.sources import NcmecSource, Source
from tests.fixtures.waiting import until

BEGAN = int(time.time()) - 86_400


class Service:
    """A service that fetches what is due, and matches."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self._client.request(method, path, **more) as response:
            return response.status, json.loads(await response.text())

    async def is_loaded(self) -> bool:
        matching: Matching = self._client.app[MATCHING]
        return matching.live is not None

    async def stands(self) -> Any:
        """How the fetches of SHARED stand."""
        _, answer = await self.ask("GET", "/c/exchange/SHARED/status", params={"include_details": "true"})
        return answer

    async def matching(self, values: list[str]) -> list[str]:
        """Those of the PDQ hashes that SHARED has."""
        found = []
        for value in values:
            query = {"signal": value, "signal_type": "pdq"}
            _, banks = await self.ask("GET", "/m/lookup", params=query)
            if banks.get("SHARED"):
                found.append(value)
        return found


@pytest.fixture
async def service(source: Source, database_url: str) -> AsyncIterator[Service]:
    settings = ApiSettings(
        DatabaseSettings(url=database_url),
        roles=frozenset({"curator", "matcher"}),
        exchanges=ExchangeSettings(urls={source.api: source.url}, retry_s=0.01, attempts=2, look_s=0.02),
        fetch_exchanges=True,
    )
    async with TestClient(TestServer(create_app(settings))) as client:
        running = Service(client)
        await until(running.is_loaded)
        yield running


async def until_it_stands(service: Service, **expected: Any) -> Any:
    async def holds() -> bool:
        return bool((await service.stands()).items() >= expected.items())

    await until(holds)
    return await service.stands()


async def until_exactly_match(service: Service, values: list[str], *, of: list[str]) -> None:
    async def holds() -> bool:
        return await service.matching(of) == values

    await until(holds)


async def test_from_its_creation_to_its_end(source: Source, service: Service, pool: Pool) -> None:
    values = [secrets.token_hex(32) for _ in range(7)]
    for number, value in enumerate(values):
        source.share(value, BEGAN + number)
    body = {
        "bank": "SHARED",
        "api": source.api,
        "api_json": source.config,
        "credential_json": source.credentials,
    }
    assert (await service.ask("POST", "/c/exchanges", json=body))[0] == 201
    await until_exactly_match(service, values, of=values)
    shown = await until_it_stands(service, up_to_date=True)
    assert (shown["fetched_items"], shown["last_fetch_succeeded"], shown["quarantined"]) == (7, True, 0)
    _, configuration = await service.ask("GET", "/c/exchange/SHARED")
    assert configuration["api"] == source.api
    assert configuration["credential_status"]["source"] == "exchange"
    assert not any(secret in json.dumps(configuration) for secret in source.credentials.values())

    # One is taken back, and the page that says so is none at first.
    await an_hour_passes(source, pool)
    source.delete(values[0], int(time.time()) - 1800)
    source.stand_in.fail(server.instead(b"<html>Sorry"), times=2)  # as often as it is tried
    assert (await service.ask("POST", "/c/exchange/SHARED/fetch"))[0] == 202
    shown = await until_it_stands(service, failures=1)
    assert (shown["last_fetch_succeeded"], shown["error"]["kind"]) == (False, "malformed_page")
    assert "<html>Sorry" in json.dumps(await service.ask("GET", "/c/exchange/SHARED/quarantine"))
    assert await service.matching(values) == values
    assert (await service.ask("POST", "/c/exchange/SHARED/fetch"))[0] == 202
    await until_exactly_match(service, values[1:], of=values)

    assert (await service.ask("DELETE", "/c/exchange/SHARED"))[0] == 200
    assert (await service.ask("GET", "/c/exchange/SHARED/status"))[0] == 404
    await until_exactly_match(service, [], of=values)


async def an_hour_passes(source: Source, pool: Pool) -> None:
    if not isinstance(source, NcmecSource):
        return
    # It asks for what has changed since the last fetch, which was a moment ago.
    kept = json.loads(str(await pool.fetchval("SELECT checkpoint FROM exchange_checkpoints")))
    kept["v"]["get_entries_max_ts"] -= 3600
    await pool.execute("UPDATE exchange_checkpoints SET checkpoint = $1", json.dumps(kept))
