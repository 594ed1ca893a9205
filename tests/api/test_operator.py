"""The operator's doors over HTTP: what a curator may decide, who is named for it, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import ADMIN_KEY, Caller, Serve


def bearer(key: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {key}"}}


async def test_a_curator_decides_and_is_named_in_the_audit(serve: Serve) -> None:
    api = await serve(admin_key=ADMIN_KEY, host="0.0.0.0")
    admin = bearer(ADMIN_KEY)
    keys = {}
    for role in ("viewer", "curator"):
        made = await api("POST", "/c/api_keys", json={"name": f"a {role}", "role": role}, **admin)
        keys[role] = bearer(made.json["key"])
    body = {"list": "block", "note": "ticket 9", "expires_s": 3600}
    path = "/v1/operator/sites/www.lumora.com"
    assert (await api("PUT", path, json=body)).status == 401
    assert (await api("PUT", path, json=body, **keys["viewer"])).status == 403
    answer = await api("PUT", path, json=body, **keys["curator"])
    assert (answer.status, answer.json) == (200, {"site": "lumora.com", "list": "block"})
    (row,) = (await api("GET", "/v1/operator/sites", **keys["viewer"])).json["rows"]
    assert (row["site"], row["list"], row["added_by"]) == ("lumora.com", "block", "key a curator")
    answer = await api("DELETE", f"{path}?note=done", **keys["curator"])
    assert answer.json == {"site": "lumora.com", "list": None}
    rows = (await api("GET", "/v1/operator/audit?subject=lumora.com", **keys["viewer"])).json["rows"]
    assert [(row["who"], row["action"], row["note"]) for row in rows] == [
        ("key a curator", "forget", "done"),
        ("key a curator", "block", "ticket 9"),
    ]


async def test_families_and_reports_are_decided_too(api: Caller) -> None:
    answer = await api.post("/v1/operator/families", {"sites": ["lumora.com", "https://lumora.de/x"]})
    assert answer.json == {"sites": ["lumora.com", "lumora.de"], "related": True}
    answer = await api.post("/v1/operator/reports/dismiss", {"site": "lumora.com"})
    assert answer.json == {"site": "lumora.com", "dismissed": 0}
    assert (await api.get("/v1/operator/reports", kind="flag")).json == {"rows": [], "after": None}
    assert (await api.get("/v1/operator/verdicts", since="2026-01-01T00:00:00Z")).json["rows"] == []
    pages = await api.get("/v1/operator/audit", limit="2")
    assert len(pages.json["rows"]) == 2
    rest = await api.get("/v1/operator/audit", after=pages.json["after"])
    assert [row["action"] for row in (*pages.json["rows"], *rest.json["rows"])] == [
        "dismiss",
        "family",
        "family",
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/operator/sites/lumora.com", {}),
        ("PUT", "/v1/operator/sites/lumora.com", {"list": "maybe"}),
        ("PUT", "/v1/operator/sites/lumora.com", {"list": "allow", "expires_s": -1}),
        ("PUT", "/v1/operator/sites/lumora.com", {"list": "allow", "until": 7}),
        ("PUT", "/v1/operator/sites/lumora.com", {"list": "allow", "note": "x" * 2001}),
        ("PUT", "/v1/operator/sites/localhost", {"list": "allow"}),
        ("PUT", "/v1/operator/sites/10.0.0.1", {"list": "allow"}),
        ("DELETE", "/v1/operator/sites/localhost", None),
        ("POST", "/v1/operator/families", {"sites": ["lumora.com"]}),
        ("POST", "/v1/operator/families", {"sites": ["lumora.com", "www.lumora.com"]}),
        ("POST", "/v1/operator/families", {"sites": ["a.com"] * 301}),
        ("POST", "/v1/operator/reports/dismiss", {"site": "no site"}),
        ("GET", "/v1/operator/verdicts?verdict=trusted", None),
        ("GET", "/v1/operator/verdicts?since=yesterday", None),
        ("GET", "/v1/operator/verdicts?after=nonsense", None),
        ("GET", "/v1/operator/audit?limit=0", None),
        ("GET", "/v1/operator/audit?after=bm9uc2Vuc2U", None),
        ("GET", "/v1/operator/sites?after=%00", None),
    ],
)
async def test_bad_requests_are_refused_in_words(steady: Caller, method: str, path: str, body: Any) -> None:
    answer = await steady(method, path, json=body)
    assert answer.status == 400, answer.text
    assert answer.json["message"]
