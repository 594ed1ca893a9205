"""A false positive in an exchange's bank: switched off, said to the exchange, hidden and taken back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.waiting import until

if not os.environ.get("CI"):  # where a missing package is an error and not a reason to skip
    pytest.importorskip("threatexchange", reason="the exchanges extra is not installed: its tests DO NOT RUN")

PDQ = "1a" * 32


@pytest.fixture
async def shared(exchanges: Any, tmp_path: Path) -> tuple[str, Path]:
    """The path of a fetched content, and the file where its exchange writes what it is told."""
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"epoch": 1, "pages": [{"updates": [["pdq", PDQ, ["t"]]]}]}))
    body = {"bank": "ONE", "api": "scripted", "api_json": {"script": str(script)}}
    assert (await exchanges.post("/c/exchanges", body)).status == 201
    found: dict[str, Any] = {}

    async def matches() -> bool:
        found.update((await exchanges.get("/m/lookup", signal=PDQ, signal_type="pdq")).json)
        return "ONE" in found

    await until(matches)
    return f"/c/bank/ONE/content/{found['ONE'][0]['bank_content_id']}", Path(f"{script}.said")


async def matching(api: Any) -> bool:
    return bool((await api.get("/m/lookup", signal=PDQ, signal_type="pdq")).json)


async def test_hmas_way_to_switch_off_works_on_what_was_fetched(exchanges: Any, shared: Any) -> None:
    path, said = shared
    changed = await exchanges.put(path, {"disable_until_ts": 0, "note": "our own logo"})
    assert changed.status == 200
    assert (changed.json["disable_until_ts"], changed.json["note"]) == (0, "our own logo")
    assert changed.json["metadata"]["collab"] == {"ONE": [f"('pdq', '{PDQ}')"]}
    assert not await matching(exchanges)
    assert (await exchanges.put(path, {"disable_until_ts": 1})).status == 200
    assert await matching(exchanges)
    assert not said.exists()


async def test_what_people_found_switches_and_is_said_to_the_exchange(exchanges: Any, shared: Any) -> None:
    path, said = shared

    async def told() -> bool:
        return bool(said.exists() and said.read_text().count("\n") == lines)

    lines = 1
    changed = await exchanges.put(path, {"confirmed": False})
    assert (changed.json["confirmed"], changed.json["disable_until_ts"]) == (False, 0)
    assert not await matching(exchanges)
    await until(told)
    lines = 2
    changed = await exchanges.put(path, {"confirmed": True})
    assert (changed.json["confirmed"], changed.json["disable_until_ts"]) == (True, 1)
    assert await matching(exchanges)
    await until(told)
    assert [json.loads(line)[2] for line in said.read_text().splitlines()] == [
        "NEGATIVE_CLASS",
        "POSITIVE_CLASS",
    ]
    assert (await exchanges.put(path, {"confirmed": None})).json["confirmed"] is None
    still_on = await exchanges.put(path, {"confirmed": False, "disable_until_ts": 1})
    assert (still_on.json["confirmed"], still_on.json["disable_until_ts"]) == (False, 1)


async def test_what_was_fetched_is_hidden_and_taken_back(exchanges: Any, shared: Any) -> None:
    path, _ = shared
    assert (await exchanges.delete(path)).json == {"deleted": 1}
    assert not await matching(exchanges)
    assert (await exchanges.delete(path)).json == {"deleted": 0}
    assert (await exchanges.get(path)).status == 404
    hidden = (await exchanges.get(path, include_removed="true")).json
    assert (hidden["removed"], hidden["removed_by"]) == (True, "operator")
    assert hidden["removed_at"]
    back = await exchanges.put(path, {"removed": False, "note": "it was right"})
    assert (back.status, back.json["removed"], back.json["note"]) == (200, False, "it was right")
    assert await matching(exchanges)


async def test_a_curators_own_content_is_taken_back_too(api: Any) -> None:
    await api.post("/c/banks", {"name": "A"})
    path = f"/c/bank/A/content/{(await api.post('/c/bank/A/signal', {'pdq': PDQ})).json['id']}"
    assert (await api.put(path, {"removed": True})).json["removed"] is True
    assert not await matching(api)
    assert (await api.put(path, {"note": "too late"})).status == 404
    assert (await api.put(path, {"removed": False})).json["removed"] is False
    assert await matching(api)
    assert (await api.get(path)).status == 200


async def test_only_an_admin_removes_an_exchange_with_its_bank(
    exchanges: Any, shared: Any, serve: Any
) -> None:
    assert shared
    keyed = await serve(roles=frozenset({"curator"}), require_keys=True, admin_key="admin")
    made = await keyed(
        "POST",
        "/c/api_keys",
        json={"name": "c", "role": "curator"},
        headers={"X-API-Key": "admin"},
    )
    curator = {"X-API-Key": made.json["key"]}
    assert (await keyed("DELETE", "/c/bank/ONE", headers=curator)).status == 403
    assert (await keyed("DELETE", "/c/bank/ONE", headers={"X-API-Key": "admin"})).status == 200
    assert (await exchanges.get("/c/exchanges")).json == []
