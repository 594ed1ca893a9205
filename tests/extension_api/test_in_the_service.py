"""The extension's routes as part of the whole service."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from samelook.api.app import create_app
from samelook.api.settings import ApiSettings
from samelook.extension_api.answering import EXTENSION
from samelook.extension_api.settings import ExtensionSettings

MINE = "chrome-extension://abcdefghijklmnop"
OTHER = "chrome-extension://somebodyelses"


@pytest.fixture
async def service(crawled: Any) -> Any:
    """A service that others can reach, so that its other routes ask for API keys."""
    settings = ApiSettings(
        database=crawled,
        roles=frozenset({"curator", "extension"}),
        require_keys=True,
        extension=ExtensionSettings(origins=(MINE,)),
    )
    client = TestClient(TestServer(create_app(settings)))
    await client.start_server()
    yield client
    await client.close()


async def test_verdicts_need_no_api_key_and_other_routes_do(service: Any, until: Any) -> None:
    await until(lambda: service.app[EXTENSION].follower.is_loaded)
    async with service.post("/x/v1/check", json={"url": "lumora-secure.example"}) as answer:
        assert (answer.status, (await answer.json())["verdict"]) == (200, "lock")
    async with service.post("/malicious-p", json={"url": "lumora-secure.example"}) as answer:
        assert await answer.json() == {"malicious": True}
    async with service.get("/c/banks") as answer:
        assert answer.status == 401


async def test_only_configured_extensions_are_answered(service: Any, until: Any) -> None:
    await until(lambda: service.app[EXTENSION].follower.is_loaded)
    body = {"url": "lumora.example"}
    async with service.post("/x/v1/check", json=body, headers={"Origin": MINE}) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, MINE)
    async with service.post("/x/v1/check", json=body, headers={"Origin": OTHER}) as answer:
        assert (answer.status, (await answer.json())["details"]["kind"]) == (403, "foreign_origin")
    async with service.post("/x/v1/check", json=body, headers={"Origin": "https://evil.example"}) as answer:
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    async with service.post("/x/v1/check", data=b"{", headers={"Origin": MINE}) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (400, MINE)
    preflight = {"Origin": MINE, "Access-Control-Request-Method": "POST"}
    async with service.options("/x/v1/check", headers=preflight) as answer:
        assert answer.status == 204
        allowed = answer.headers["Access-Control-Allow-Headers"]
        assert {"X-Samelook-Client", "Idempotency-Key"} <= set(allowed.replace(",", " ").split())


async def test_the_description_has_every_route(service: Any) -> None:
    async with service.get("/openapi/openapi.json") as answer:
        paths = (await answer.json())["paths"]
    assert set(paths["/x/v1/check"]["post"]["responses"]) == {"200", "400", "401", "413", "429", "503"}
    assert {"/x/v1/looks", "/x/v1/report", "/x/v1/why/{id}", "/malicious-p", "/allowlist-add"} <= set(paths)


async def test_questions_before_everything_is_known_are_told_to_come_back(service: Any) -> None:
    follower = service.app[EXTENSION].follower
    follower.is_loaded = False
    async with service.post("/x/v1/check", json={"url": "lumora.example"}) as answer:
        told = await answer.json()
        # It may have been read in the meantime, and never from half of what is known.
        assert (answer.status, told.get("details", {}).get("kind", told.get("verdict"))) in {
            (503, "unavailable"),
            (200, "trusted"),
        }
