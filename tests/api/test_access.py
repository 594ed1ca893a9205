"""Who may do what: keys with roles, origins, hosts."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from samelook.api.settings import ApiSettings, is_loopback
from samelook.sql.settings import DatabaseSettings


def bearer(key: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {key}"}}


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.com", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_keys_are_off_only_on_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
    assert ApiSettings(DatabaseSettings(url=""), host=host).keys_needed is not expected


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/c/banks"),
        ("POST", "/c/banks"),
        ("DELETE", "/c/bank/A"),
        ("GET", "/m/lookup"),
        ("POST", "/m/compare"),
        ("GET", "/v1/hashes/query"),
        ("POST", "/upload_hashes"),
        ("GET", "/c/api_keys"),
        ("GET", "/metrics"),
        ("GET", "/site-map"),
        ("GET", "/c/changes"),
    ],
)
async def test_without_a_key_nothing_is_told_or_done(keyed: Any, method: str, path: str) -> None:
    for more in (
        {},
        bearer("wrong"),
        bearer(""),
        {"headers": {"Authorization": "Basic eA=="}},
        {"headers": {"X-API-Key": ""}},
    ):
        answer = await keyed(method, path, **more)
        assert answer.status == 401
        assert answer.json["message"]
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path", ["/status", "/status/live", "/livez", "/readyz", "/openapi/openapi.json", "/openapi/", "/"]
)
async def test_health_and_documentation_need_no_key(keyed: Any, path: str) -> None:
    assert (await keyed.get(path)).status == 200


async def test_a_role_allows_what_it_says(keyed: Any, admin_key: str) -> None:
    keys = {}
    for role in ("viewer", "curator", "admin"):
        made = await keyed("POST", "/c/api_keys", json={"name": role, "role": role}, **bearer(admin_key))
        assert made.status == 201
        keys[role] = made.json["key"]
    allowed = {
        "viewer": (("GET", "/c/banks", None, 200),),
        "curator": (
            ("PUT", "/c/bank/B", {"active": True}, 200),
            ("POST", "/c/bank/B/signal", {"pdq": ""}, 400),
        ),
        "admin": (
            ("PUT", "/c/signal_type/pdq", {"enabled_ratio": 1}, 200),
            ("GET", "/c/api_keys", None, 200),
        ),
    }
    order = list(allowed)
    for needed, requests in allowed.items():
        for role in order:
            for method, path, body, status in requests:
                answer = await keyed(method, path, json=body, headers={"X-API-Key": keys[role]})
                if order.index(role) < order.index(needed):
                    assert answer.status == 403
                    assert needed in answer.json["message"]
                elif role == needed:
                    assert answer.status == status


async def test_a_key_is_shown_once_and_kept_as_a_hash(
    keyed: Any, admin_key: str, shared_database_url: str
) -> None:
    made = (
        await keyed("POST", "/c/api_keys", json={"name": "x", "role": "viewer"}, **bearer(admin_key))
    ).json
    listed = (await keyed("GET", "/c/api_keys", **bearer(admin_key))).text
    assert made["key"] not in listed
    connection = await asyncpg.connect(shared_database_url)
    stored = await connection.fetchval("SELECT string_agg(k::text, '') FROM api_keys AS k")
    await connection.close()
    assert made["key"] not in stored
    again = await keyed("POST", "/c/api_keys", json={"name": "x", "role": "viewer"}, **bearer(admin_key))
    assert again.status == 403
    assert (await keyed("GET", "/c/banks", **bearer(made["key"]))).status == 200
    await keyed("DELETE", f"/c/api_keys/{made['id']}", **bearer(admin_key))
    assert (await keyed("GET", "/c/banks", **bearer(made["key"]))).status == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "", "role": "viewer"},
        {"name": "x", "role": "god"},
        {"name": "x" * 101, "role": "viewer"},
        {"name": "a\0b", "role": "viewer"},
        {"name": "\ud800", "role": "viewer"},
    ],
)
async def test_a_bad_key_is_refused(keyed: Any, admin_key: str, body: dict[str, str]) -> None:
    answer = await keyed("POST", "/c/api_keys", json=body, **bearer(admin_key))
    assert answer.status == 400
    assert answer.json["message"]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://evil.example", False),
        ("null", False),
        ("http://127.0.0.1:1", False),
        ("chrome-extension://abcdef", True),
        ("moz-extension://abcdef", True),
        ("https://console.example", True),
        ("https://console.example.evil.example", False),
    ],
)
async def test_only_known_pages_may_call(steady: Any, origin: str, allowed: bool) -> None:
    headers = {"Origin": origin, "Content-Type": "application/json"}
    written = await steady("PUT", "/c/bank/B", data='{"active": true}', headers=headers)
    assert written.status == (200 if allowed else 403)
    read = await steady("GET", "/c/banks", headers={"Origin": origin})
    assert (read.headers.get("Access-Control-Allow-Origin") == origin) is allowed
    failed = await steady("GET", "/nothing", headers={"Origin": origin})
    assert failed.status == 404
    assert (failed.headers.get("Access-Control-Allow-Origin") == origin) is allowed
    asked = await steady(
        "OPTIONS", "/c/banks", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
    )
    assert asked.status == (204 if allowed else 403)


async def test_a_page_of_the_service_itself_may_call(api: Any) -> None:
    own = str(api.client.make_url("/").origin())
    answer = await api("POST", "/c/banks", json={"name": "A"}, headers={"Origin": own})
    assert answer.status == 201


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example", 403), ("evil.example:80", 403), ("localhost:5", 200), ("[::1]", 200)],
)
async def test_a_strangers_name_for_this_machine_is_refused(steady: Any, host: str, status: int) -> None:
    assert (await steady("GET", "/c/banks", headers={"Host": host})).status == status
