"""Every change is in the audit: who, what, before and after; and nothing secret."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from samelook.api.users import UserStore
from tests.api.test_access import bearer

EVERYTHING = frozenset({"matcher", "curator", "extension", "hasher"})


async def rows_of(service: Any, key: str) -> list[dict[str, Any]]:
    answer = await service("GET", "/v1/operator/audit", params={"limit": "100"}, **bearer(key))
    assert answer.status == 200
    return list(reversed(answer.json["rows"]))


async def test_changes_of_keys_banks_contents_and_sites_are_audited(serve: Any, admin_key: str) -> None:
    service = await serve(roles=EVERYTHING, require_keys=True, admin_key=admin_key)

    async def done(method: str, path: str, body: Any = None, key: str = admin_key) -> Any:
        answer = await service(method, path, json=body, **bearer(key))
        assert answer.status in (200, 201), (path, answer.text)
        return answer.json

    made = await done("POST", "/c/api_keys", {"name": "carol", "role": "curator", "per_minute": 500})
    carol = made["key"]
    await done("POST", "/c/banks", {"name": "A"}, carol)
    await done("PUT", "/c/bank/A", {"enabled_ratio": 0.5}, carol)
    content = (await done("POST", "/c/bank/A/signal", {"pdq": "f8" * 32}, carol))["id"]
    await done("PUT", f"/c/bank/A/content/{content}", {"disable_until_ts": 0}, carol)
    await done("DELETE", f"/c/bank/A/content/{content}", key=carol)
    await done("PUT", "/v1/operator/sites/a.example.com", {"list": "block", "note": "seen"}, carol)
    await done("PUT", "/v1/operator/sites/a.example.com", {"list": "allow"}, carol)
    await done("DELETE", "/v1/operator/sites/a.example.com", key=carol)
    await done("DELETE", "/c/bank/A", key=carol)
    rotated = await done("POST", f"/c/api_keys/{made['id']}/rotate", {"grace_s": 60})
    await done("DELETE", f"/c/api_keys/{rotated['id']}")

    rows = await rows_of(service, admin_key)
    assert [(row["who"], row["action"]) for row in rows] == [
        ("key SAMELOOK_ADMIN_KEY", "create_key"),
        ("key carol", "create_bank"),
        ("key carol", "change_bank"),
        ("key carol", "add_content"),
        ("key carol", "change_content"),
        ("key carol", "remove_content"),
        ("key carol", "block"),
        ("key carol", "allow"),
        ("key carol", "forget"),
        ("key carol", "remove_bank"),
        ("key SAMELOOK_ADMIN_KEY", "rotate_key"),
        ("key SAMELOOK_ADMIN_KEY", "revoke_key"),
    ]
    changed = rows[2]["detail"]
    assert (changed["before"], changed["after"]) == ({"enabled_ratio": 1.0}, {"enabled_ratio": 0.5})
    assert rows[3]["detail"]["after"]["signals"] == {"pdq": "f8" * 32}
    assert rows[4]["detail"]["after"] == {"disable_until_ts": 0}
    assert rows[7]["detail"]["before"]["list"] == "block"
    assert rows[8]["detail"]["before"]["list"] == "allow"
    everything = json.dumps(rows)
    assert carol not in everything
    assert rotated["key"] not in everything


async def test_what_is_refused_or_undone_leaves_no_row(serve: Any, admin_key: str) -> None:
    service = await serve(roles=EVERYTHING, require_keys=True, admin_key=admin_key)
    for body in ({"name": "A"}, {"name": "A"}, {"name": "not a name"}):
        await service("POST", "/c/banks", json=body, **bearer(admin_key))
    await service("PUT", "/c/bank/B", json={"enabled_ratio": 0.5}, **bearer(admin_key))
    await service("DELETE", "/c/bank/A/content/99", **bearer(admin_key))
    assert [row["action"] for row in await rows_of(service, admin_key)] == ["create_bank"]


@pytest.mark.parametrize("secret", ["a-password-of-an-exchange"])
async def test_credentials_of_exchanges_are_never_in_it(pool: Any, secret: str) -> None:
    pytest.importorskip("threatexchange", reason="the extra exchanges")
    from cryptography.fernet import Fernet

    from samelook.exchanges.settings import ExchangeSettings
    from samelook.exchanges.store import ExchangeStore

    store = ExchangeStore(pool, ExchangeSettings(credentials_keys=(Fernet.generate_key().decode(),)))
    await store.create("NCMEC", "ncmec", {"environment": "https://report.cybertip.org/hashsharing"})
    await store.set_credentials("NCMEC", {"user": "somebody", "password": secret})
    await store.update("NCMEC", enabled=False)
    await store.delete("NCMEC")
    rows = await pool.fetch("SELECT action, who, detail FROM audit ORDER BY id")
    assert [row["action"] for row in rows] == [
        "create_exchange",
        "set_credentials",
        "change_exchange",
        "remove_exchange",
    ]
    assert {row["who"] for row in rows} == {"local"}
    assert rows[1]["detail"] == {"before": {"credentials": "unset"}, "after": {"credentials": "set"}}
    assert rows[2]["detail"] == {"before": {"enabled": True}, "after": {"enabled": False}}
    assert rows[3]["detail"]["before"] == {
        "api": "ncmec",
        "config": sorted(rows[0]["detail"]["after"]["config"]),
        "enabled": False,
        "credentials": "set",
    }
    assert secret not in json.dumps([row["detail"] for row in rows])


async def test_what_leaves_for_others_is_audited_once(pool: Any) -> None:
    pytest.importorskip("threatexchange", reason="the extra exchanges")
    from cryptography.fernet import Fernet

    from samelook.exchanges.settings import ExchangeSettings
    from samelook.exchanges.store import ExchangeStore

    store = ExchangeStore(pool, ExchangeSettings(credentials_keys=(Fernet.generate_key().decode(),)))
    await store.create("NCMEC", "ncmec", {"environment": "https://report.cybertip.org/hashsharing"})
    for _ in range(2):
        await store.say("NCMEC", "pdq", "f8" * 32, category="POSITIVE_CLASS", tags=["a", "b"])
        await store.say("NCMEC", "pdq", "f8" * 32)
    for password in ("first", "second"):
        await store.set_type_credentials("ncmec", {"user": "somebody", "password": password})
    await store.set_type_credentials("ncmec", {})
    rows = await pool.fetch("SELECT action, subject, detail FROM audit ORDER BY id OFFSET 1")
    assert [(row["action"], row["subject"]) for row in rows] == [
        ("say_opinion", "NCMEC"),
        ("say_seen", "NCMEC"),
        *[("set_type_credentials", "ncmec")] * 3,
    ]
    signal = {"signal_type": "pdq", "value": "f8" * 32}
    assert rows[0]["detail"]["after"] == {**signal, "opinion": "POSITIVE_CLASS", "tags": "a, b"}
    assert rows[1]["detail"]["after"] == signal
    first, _, last = (row["detail"] for row in rows[2:])
    assert first == {"before": {"credentials": "unset"}, "after": {"credentials": "set"}}
    assert last == {"before": {"credentials": "set"}, "after": {"credentials": "unset"}}


async def test_a_list_of_ranks_is_audited(connection: Any, tmp_path: Any) -> None:
    from samelook.crawler.ranks.formats import printable
    from samelook.crawler.ranks.importing import RankImport

    (tmp_path / "ranks.csv").write_text("1,google.com\n2,bbc.co.uk\n")
    await RankImport(connection, str(tmp_path / "ranks.csv")).run()
    row = await connection.fetchrow("SELECT action, subject, detail FROM audit")
    assert (row["action"], row["subject"]) == ("import_ranks", printable(str(tmp_path / "ranks.csv")))
    assert row["detail"]["after"]["domains"] == 2


async def test_a_list_of_hashes_that_is_replaced_is_audited(serve: Any, admin_key: str) -> None:
    service = await serve(roles=EVERYTHING | {"lite"}, require_keys=True, admin_key=admin_key)
    form = aiohttp.FormData()
    form.add_field("data_file", b"hash\n" + b"f8" * 32 + b"\n", filename="ours.csv")
    answer = await service("POST", "/upload_hashes", data=form, **bearer(admin_key))
    assert answer.status == 200, answer.text
    (row,) = await rows_of(service, admin_key)
    assert (row["who"], row["action"], row["subject"]) == (
        "key SAMELOOK_ADMIN_KEY",
        "upload_hashes",
        "ours.csv",
    )
    assert row["detail"]["after"]["hashes"] == 1


async def test_accounts_are_audited_without_their_passwords(pool: Any) -> None:
    users = UserStore(pool)
    await users.add("anna", "curator", "a password of anna's")
    await users.change_password("anna", "another password")
    assert not await users.change_password("nobody", "another password")
    await users.remove("anna")
    rows = await pool.fetch("SELECT action, subject, detail FROM audit ORDER BY id")
    assert [(row["action"], row["subject"]) for row in rows] == [
        ("create_user", "anna"),
        ("change_password", "anna"),
        ("remove_user", "anna"),
    ]
    assert "password" not in json.dumps([row["detail"] for row in rows])
