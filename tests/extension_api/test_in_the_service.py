"""The extension's routes as part of the whole service."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from samelook.api.app import create_app
from samelook.api.settings import ApiSettings
from samelook.extension_api.extension import EXTENSION
from samelook.extension_api.settings import ExtensionSettings
from tests.fixtures.waiting import until

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


async def test_verdicts_need_no_api_key_and_other_routes_do(service: Any) -> None:
    await until(lambda: service.app[EXTENSION].follower.is_loaded)
    async with service.post("/x/v1/check", json={"url": "lumora-secure.example"}) as answer:
        assert (answer.status, (await answer.json())["verdict"]) == (200, "lock")
    async with service.post("/malicious-p", json={"url": "lumora-secure.example"}) as answer:
        assert await answer.json() == {"malicious": True}
    async with service.get("/c/banks") as answer:
        assert answer.status == 401


async def test_only_configured_extensions_are_answered(service: Any) -> None:
    await until(lambda: service.app[EXTENSION].follower.is_loaded)
    body = {"url": "lumora.example"}
    async with service.post("/x/v1/check", json=body, headers={"Origin": MINE}) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, MINE)
    async with service.post("/x/v1/check", json=body, headers={"Origin": OTHER}) as answer:
        assert (answer.status, (await answer.json())["details"]["kind"]) == (403, "foreign_origin")
    async with service.post("/x/v1/check", json=body, headers={"Origin": "https://evil.example"}) as answer:
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    broken = {"Origin": MINE, "Content-Type": "application/json"}
    async with service.post("/x/v1/check", data=b"{", headers=broken) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (400, MINE)
    preflight = {"Origin": MINE, "Access-Control-Request-Method": "POST"}
    async with service.options("/x/v1/check", headers=preflight) as answer:
        assert answer.status == 204
        allowed = answer.headers["Access-Control-Allow-Headers"]
        assert {"X-Samelook-Client", "Idempotency-Key"} <= set(allowed.replace(",", " ").split())


async def test_the_description_has_every_route_and_header(service: Any) -> None:
    async with service.get("/openapi/openapi.json") as answer:
        told = await answer.json()
    paths = told["paths"]
    check = paths["/x/v1/check"]["post"]
    assert set(check["responses"]) == {"200", "304", "400", "401", "403", "413", "415", "429", "503"}
    assert {"/x/v1/looks", "/x/v1/report", "/x/v1/why/{id}", "/malicious-p", "/allowlist-add"} <= set(paths)
    headers = {one["name"]: one["required"] for one in paths["/x/v1/report"]["post"]["parameters"]}
    assert headers == {"X-Samelook-Client": True, "Idempotency-Key": False}
    assert check["requestBody"]["content"]["application/json"]["example"]["url"]
    assert set(told["components"]["securitySchemes"]) == {"bearer", "header"}
    assert paths["/c/banks"]["get"]["security"] == [{"bearer": []}, {"header": []}]
    assert {} in check["security"]
    for methods in paths.values():
        for operation in methods.values():
            for status, one in operation["responses"].items():
                assert one["description"] != "It went wrong.", (operation["operationId"], status)


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
