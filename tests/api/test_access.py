"""Who may do what: keys with roles, origins, hosts."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from samelook.api.access import ROLES, is_own_name, is_trusted
from samelook.api.description import operation_of
from samelook.api.settings import ApiSettings, is_loopback
from samelook.api.state import KEYS
from samelook.extension_api.settings import ExtensionSettings
from samelook.settings import SettingsError, load_settings
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


async def test_keys_that_nobody_knows_are_not_looked_for_without_end(serve: Any, admin_key: str) -> None:
    service = await serve(roles=frozenset({"curator"}), require_keys=True, admin_key=admin_key)
    statuses = [
        (await service("GET", "/c/banks", **bearer(f"invented-{number}"))).status for number in range(80)
    ]
    assert statuses[:50] == [401] * 50
    assert statuses[-1] == 429
    assert (await service("GET", "/c/banks", **bearer(admin_key))).status == 200


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
        {"name": "x", "role": "viewer", "rolle": "admin"},
        {"name": "x", "role": "viewer", "per_minute": 0},
        {"name": "a\nb", "role": "viewer"},
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
        ("http://[", False),
        ("http://127.0.0.1:1", False),
        ("chrome-extension://abcdef", False),
        ("moz-extension://abcdef", False),
        ("https://console.example", True),
        ("https://console.example.evil.example", False),
    ],
)
async def test_only_known_pages_may_call(steady: Any, origin: str, allowed: bool) -> None:
    headers = {"Origin": origin, "Content-Type": "application/json"}
    written = await steady("PUT", "/c/bank/B", data='{"active": true}', headers=headers)
    assert written.status == (200 if allowed else 403)
    read = await steady("GET", "/c/banks", headers={"Origin": origin})
    assert read.status == (200 if allowed else 403)
    assert (read.headers.get("Access-Control-Allow-Origin") == origin) is allowed
    failed = await steady("GET", "/nothing", headers={"Origin": origin})
    assert failed.status == 404
    asked = await steady(
        "OPTIONS", "/c/banks", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
    )
    assert asked.status == (204 if allowed else 403)


async def test_an_extension_gets_the_extensions_routes_and_no_others(steady: Any) -> None:
    origin = "chrome-extension://abcdef"
    may = set()
    for path, methods in (await steady.get("/openapi/openapi.json")).json["paths"].items():
        for method, operation in methods.items():
            asked = await steady(
                "OPTIONS",
                filled(path),
                headers={"Origin": origin, "Access-Control-Request-Method": method.upper()},
            )
            told = await steady(
                method.upper(), filled(path), headers={"Origin": origin}, data=b"", allow_redirects=False
            )
            assert (asked.status == 204) is (told.status != 403), (method, path)
            if told.status not in (302, 403):
                assert told.headers["Access-Control-Allow-Origin"] == origin
            if told.status != 403 and "security" in operation:
                may.add(path)
    assert {path for path in may if not path.startswith(("/x/v1/", "/malicious", "/allowlist-add"))} == set()
    assert {"/x/v1/check", "/x/v1/report", "/malicious-p"} <= may


@pytest.mark.parametrize(
    ("sent_by", "mode", "dest", "status"),
    [
        ("cross-site", "no-cors", "image", 403),
        ("none", "cors", "empty", 403),
        ("cross-site", "navigate", "iframe", 403),
        ("same-site", "no-cors", "script", 403),
        ("cross-site", "navigate", "document", 200),
        ("same-origin", "cors", "empty", 200),
        ("none", "navigate", "document", 200),
    ],
)
async def test_what_foreign_pages_embed_is_refused(
    steady: Any, sent_by: str, mode: str, dest: str, status: int
) -> None:
    headers = {"Sec-Fetch-Site": sent_by, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    assert (await steady("GET", "/c/banks", headers=headers)).status == status
    assert (await steady("GET", "/status/live", headers=headers)).status == 200


async def test_a_page_of_the_service_itself_may_call(api: Any) -> None:
    own = str(api.client.make_url("/").origin())
    answer = await api("POST", "/c/banks", json={"name": "A"}, headers={"Origin": own})
    assert answer.status == 201


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 403),
        ("evil.example:80", 403),
        ("localhost.evil.example", 403),
        ("10.0.0.1", 403),
        ("localhost:5", 200),
        ("LOCALHOST.", 200),
        ("[::1]", 200),
        ("[", 400),
        ("[::1", 400),
        ("a b", 400),
        ("localhost@evil.example", 400),
        ("localhost/..", 400),
    ],
)
@pytest.mark.parametrize(
    "path", ["/c/banks", "/status/live", "/x/v1/looks", "/nothing", "/openapi/openapi.json"]
)
async def test_a_strangers_name_for_this_machine_is_refused_on_every_route(
    steady: Any, host: str, status: int, path: str
) -> None:
    answer = await steady("GET", path, headers={"Host": host})
    assert answer.status in ({200, 404, 503} if status == 200 else {status})


@pytest.mark.parametrize(
    ("listening", "host", "own"),
    [
        ("127.0.0.1", "10.0.0.1", False),
        ("127.0.0.1", "samelook.example", True),
        ("127.0.0.1", "other.example", True),
        ("0.0.0.0", "10.0.0.1", True),
        ("0.0.0.0", "localhost", True),
        ("0.0.0.0", "samelook.example", True),
        ("0.0.0.0", "stranger.example", False),
        ("look.internal", "look.internal", True),
    ],
)
def test_the_services_names_are_configured(listening: str, host: str, own: bool) -> None:
    settings = ApiSettings(
        DatabaseSettings(url=""),
        host=listening,
        public_url="https://samelook.example/x",
        hosts=("other.example",),
    )
    assert is_own_name(host, settings) is own


def filled(path: str) -> str:
    """A path with something in place of its parameters."""
    return re.sub(r"\{(\w*id|place)[^{}]*\}", "999999", path).replace("{", "").replace("}", "")


async def test_every_route_asks_for_the_key_that_its_description_says(serve: Any, admin_key: str) -> None:
    """All routes by all roles; a request that is let through fails at its empty body, or finds nothing."""
    service = await serve(
        require_keys=True, admin_key=admin_key, extension=ExtensionSettings(require_key=True)
    )
    keys: dict[str, str] = {}
    for role in ROLES:
        _, keys[role] = await service.app[KEYS].create(role, role)
    walked = 0
    for route in service.app.router.routes():
        operation = operation_of(route.handler)
        assert operation is not None, f"{route} says nothing of who may call it"
        if route.method == "HEAD":  # as GET, without a body to tell errors apart by
            continue
        path = filled(route.resource.canonical)
        walked += 1
        for shown in (None, *ROLES):
            headers = {} if shown is None else {"X-API-Key": keys[shown]}
            answer = await service(route.method, path, headers=headers, allow_redirects=False)
            passed = answer.status not in (401, 403)
            if operation.role is None:
                expected = True
            elif shown is None:
                expected = False
            else:
                expected = ROLES.index(shown) >= ROLES.index(operation.role)
            no_token = answer.status == 401 and "client token" in answer.text
            # A page's form is everybody's to send, once they have opened the page.
            no_token |= operation.page and operation.role is None and "bad_form" in answer.text
            assert (passed or no_token) is expected, (route.method, path, shown, answer.text)
    assert walked > 80


async def test_keys_need_proof_where_nothing_else_does(serve: Any, admin_key: str) -> None:
    service = await serve(roles=frozenset({"curator"}), admin_key=admin_key)
    assert (await service.get("/c/banks")).status == 200
    body = {"name": "mine", "role": "admin"}
    for method, path in (
        ("GET", "/c/api_keys"),
        ("POST", "/c/api_keys"),
        ("POST", "/c/api_keys/1/rotate"),
        ("DELETE", "/c/api_keys/1"),
    ):
        refused = await service(method, path, json=body)
        assert (refused.status, "samelook keys create" in refused.text) == (401, True)
    assert (await service("POST", "/c/api_keys", json=body, **bearer(admin_key))).status == 201


async def test_a_key_is_limited_in_reach_in_time_and_in_requests(serve: Any, admin_key: str) -> None:
    service = await serve(roles=frozenset({"curator"}), require_keys=True, admin_key=admin_key)
    keys = service.app[KEYS]
    _, scoped = await keys.create("scoped", "admin", scopes=frozenset({"banks"}))
    assert (await service("GET", "/c/banks", **bearer(scoped))).status == 200
    refused = await service("GET", "/c/content_type", **bearer(scoped))
    assert (refused.status, "only" in refused.json["message"]) == (403, True)
    _, short = await keys.create("short", "viewer", expires_s=-1.0)
    assert (await service("GET", "/c/banks", **bearer(short))).status == 401
    _, again = await keys.create("short", "viewer")
    assert (await service("GET", "/c/banks", **bearer(again))).status == 200
    _, slow = await keys.create("slow", "viewer", per_minute=2)
    statuses = [(await service("GET", "/c/banks", **bearer(slow))).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    made, little = await keys.create("little", "viewer", per_minute=1000, per_day=3)
    statuses = [(await service("GET", "/c/banks", **bearer(little))).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    newer, secret = await keys.rotate(made.id)
    assert (newer.per_minute, newer.per_day) == (1000, 3)
    assert (await service("GET", "/c/banks", **bearer(secret))).status == 200
    unknown = await service(
        "POST", "/c/api_keys", json={"name": "x", "role": "viewer", "scopes": ["bank"]}, **bearer(admin_key)
    )
    assert (unknown.status, "banks" in unknown.json["message"]) == (400, True)


async def test_a_key_is_replaced_without_downtime(keyed: Any, admin_key: str) -> None:
    made = await keyed("POST", "/c/api_keys", json={"name": "old", "role": "viewer"}, **bearer(admin_key))
    old = made.json
    rotated = await keyed(
        "POST", f"/c/api_keys/{old['id']}/rotate", json={"grace_s": 600}, **bearer(admin_key)
    )
    assert (rotated.status, rotated.json["name"], rotated.json["role"]) == (201, "old", "viewer")
    for key in (old["key"], rotated.json["key"]):
        assert (await keyed("GET", "/c/banks", **bearer(key))).status == 200
    listed = {one["id"]: one for one in (await keyed("GET", "/c/api_keys", **bearer(admin_key))).json}
    assert listed[old["id"]]["replaced_at"] is not None
    assert listed[old["id"]]["expires_at"] is not None
    assert listed[rotated.json["id"]]["expires_at"] is None
    again = await keyed("POST", f"/c/api_keys/{old['id']}/rotate", **bearer(admin_key))
    assert again.status == 404
    at_once = await keyed(
        "POST", f"/c/api_keys/{rotated.json['id']}/rotate", json={"grace_s": 0}, **bearer(admin_key)
    )
    assert (await keyed("GET", "/c/banks", **bearer(rotated.json["key"]))).status == 401
    assert (await keyed("GET", "/c/banks", **bearer(at_once.json["key"]))).status == 200


async def test_keys_work_while_the_database_is_away(
    serve: Any, admin_key: str, database_url: str, database_server: Any
) -> None:
    service = await serve(roles=frozenset({"matcher"}), require_keys=True, admin_key=admin_key)
    _, key = await service.app[KEYS].create("viewer", "viewer")
    ask = {"signal_type": "pdq", "signal": "f8" * 32}
    assert (await service("GET", "/m/lookup", params=ask, **bearer(key))).status == 200
    name = urlsplit(database_url).path.strip("/")
    await database_server.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await database_server.run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    try:
        assert (await service("GET", "/m/lookup", params=ask, **bearer(key))).status == 200
        assert (await service("GET", "/m/lookup", params=ask, **bearer("unknown"))).status == 503
    finally:
        await database_server.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@pytest.mark.parametrize("key", ["a", "a" * 40, "short-but-diverse"])
def test_an_admin_key_that_can_be_guessed_is_refused(key: str) -> None:
    with pytest.raises(SettingsError, match="SAMELOOK_ADMIN_KEY: write a random text") as refused:
        load_settings({"SAMELOOK_ADMIN_KEY": key})
    assert key not in str(refused.value).partition(":")[2] or key == "a"
    assert load_settings({"SAMELOOK_ADMIN_KEY": "0f9c4e1ab2d37788aa55"}).api.admin_key


async def test_machines_of_a_trusted_network_need_no_key(serve: Any) -> None:
    roles = frozenset({"curator"})
    trusting = await serve(
        roles=roles, require_keys=True, admin_key="admin", trusted_networks=(ip_network("127.0.0.0/8"),)
    )
    assert (await trusting.post("/c/banks", {"name": "A"})).status == 201
    assert (await trusting("GET", "/c/banks", **bearer("of nobody"))).status == 401
    other = await serve(
        roles=roles, require_keys=True, admin_key="admin", trusted_networks=(ip_network("10.1.0.0/16"),)
    )
    assert (await other.get("/c/banks")).status == 401


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fd00::1", True),
        ("10.2.0.1", False),
        ("fe80::1", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_a_trusted_network_is_known_in_every_spelling(address: str, expected: bool) -> None:
    networks = load_settings({"SAMELOOK_TRUSTED_NETWORKS": "10.1.0.0/16, fd00::/8"}).api.trusted_networks
    settings = ApiSettings(DatabaseSettings(url=""), trusted_networks=networks)
    assert is_trusted(address, settings) is expected


def test_a_network_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="SAMELOOK_TRUSTED_NETWORKS"):
        load_settings({"SAMELOOK_TRUSTED_NETWORKS": "10.1.0.1/16"})


async def test_a_key_makes_no_key_that_may_do_more_or_lasts_longer(serve: Any, admin_key: str) -> None:
    service = await serve(roles=frozenset({"matcher", "curator"}), require_keys=True, admin_key=admin_key)

    async def made(by: str, **key: Any) -> Any:
        return await service("POST", "/c/api_keys", json={"role": "admin", **key}, **bearer(by))

    async def rotated(by: str, number: int) -> Any:
        return await service("POST", f"/c/api_keys/{number}/rotate", **bearer(by))

    whole = (await made(admin_key, name="whole")).json
    narrow = (await made(admin_key, name="narrow", scopes=["configuration", "banks"])).json
    assert (await made(narrow["key"], name="a")).status == 403
    assert (await made(narrow["key"], name="a", scopes=["banks", "matching"])).status == 403
    assert (await made(narrow["key"], name="a", scopes=["banks"])).status == 201
    assert (await rotated(narrow["key"], whole["id"])).status == 403
    assert (await rotated(narrow["key"], narrow["id"])).status == 201

    short = (await made(admin_key, name="short", expires_in_s=100)).json
    assert (await made(short["key"], name="b")).status == 403
    assert (await made(short["key"], name="b", expires_in_s=1000)).status == 403
    assert (await made(short["key"], name="b", expires_in_s=50)).status == 201
    again = await rotated(short["key"], short["id"])
    assert again.status == 201
    assert again.json["expires_at"] <= short["expires_at"]
    assert (await rotated(admin_key, again.json["id"])).json["expires_at"] is not None
    assert (await rotated(admin_key, whole["id"])).json["expires_at"] is None
