"""Discord's routes in the service: mounted when it is configured, and open without an API key."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from nacl.signing import SigningKey

from samelook.inspector.settings import ChatSettings

KEY = SigningKey.generate()
CHAT = ChatSettings(
    public_key=KEY.verify_key.encode().hex(),
    application_id="77",
    api_url="http://127.0.0.1:1",
    guilds=frozenset({"5"}),
)


def signed(body: bytes, key: SigningKey = KEY) -> dict[str, str]:
    timestamp = str(int(time.time()))
    signature = key.sign(timestamp.encode() + body).signature.hex()
    return {"X-Signature-Ed25519": signature, "X-Signature-Timestamp": timestamp}


@pytest.mark.parametrize(
    "settings", [{}, {"require_keys": True, "admin_key": "an admin's long key"}], ids=["no keys", "keys"]
)
async def test_discord_asks_without_an_api_key(serve: Any, settings: dict[str, Any]) -> None:
    # Discord knows the service by its public name, whatever tunnel leads to it.
    api = await serve(
        roles=frozenset({"curator"}), chat=CHAT, public_url="https://samelook.example", **settings
    )
    ping = b'{"type": 1}'
    headers = signed(ping) | {"Host": "samelook.example"}
    answer = await api("POST", "/discord/interactions", data=ping, headers=headers)
    assert (answer.status, answer.json) == (200, {"type": 1})
    forged = await api(
        "POST", "/discord/interactions", data=ping, headers=signed(ping, SigningKey.generate())
    )
    assert forged.status == 401
    assert forged.json["message"]
    unknown = await api("GET", "/discord/shared/nothing")
    assert unknown.status == 404
    assert unknown.json["message"]


async def test_a_question_is_kept_before_it_is_acknowledged(serve: Any, pool: Any) -> None:
    api = await serve(roles=frozenset({"curator"}), chat=CHAT)
    asked = {
        "type": 2,
        "id": "1",
        "token": "tok",
        "guild_id": "5",
        "data": {"options": [{"name": "health"}]},
    }
    body = json.dumps(asked).encode()
    answer = await api("POST", "/discord/interactions", data=body, headers=signed(body))
    assert (answer.status, answer.json) == (200, {"type": 5})
    assert await pool.fetchval("SELECT count(*) FROM chat_requests WHERE interaction ->> 'id' = '1'") == 1
    stranger = json.dumps(asked | {"guild_id": "6"}).encode()
    assert (await api("POST", "/discord/interactions", data=stranger, headers=signed(stranger))).status == 401


async def test_without_discord_its_routes_are_not_there(api: Any) -> None:
    assert (await api.post("/discord/interactions", {"type": 1})).status == 404
    described = (await api.get("/openapi/openapi.json")).json["paths"]
    assert not [path for path in described if "discord" in path]


async def test_the_description_names_discords_routes(serve: Any) -> None:
    api = await serve(roles=frozenset({"curator"}), chat=CHAT, require_keys=True)
    described = (await api.get("/openapi/openapi.json")).json["paths"]
    assert "security" not in described["/discord/interactions"]["post"]
    assert "404" in described["/discord/shared/{key}"]["get"]["responses"]
