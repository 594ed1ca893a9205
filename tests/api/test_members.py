"""Contents that are known by more or less than their signals: texts, pointers, signals that come later."""

from __future__ import annotations

from typing import Any

import pytest

PDQ, OTHER, SHA256 = "1a" * 32, "3c" * 32, "5e" * 32


@pytest.fixture
async def banks(api: Any) -> Any:
    """A service with a bank A."""
    await api.post("/c/banks", {"name": "A"})
    return api


async def _matches(banks: Any, kind: str, value: str) -> list[int]:
    found = (await banks.get("/m/lookup", signal_type=kind, signal=value)).json
    return [one["bank_content_id"] for one in found.get("A", [])]


async def test_a_text_is_a_member_without_signals(banks: Any) -> None:
    text = {"content_type": "text", "raw_content": "Buy my followers\n\u4e2d", "notes": "spam"}
    added = await banks.post("/c/bank/A/member", text)
    assert (added.status, added.json["signals"]) == (200, {})
    shown = (await banks.get(f"/c/content/{added.json['id']}", include_details="true")).json
    assert (shown["content_type"], shown["raw_content"], shown["signals"]) == (
        "text",
        text["raw_content"],
        {},
    )
    texts = (await banks.get("/c/bank/A/content", content_type="text")).json["contents"]
    assert [one["id"] for one in texts] == [added.json["id"]]
    changes = (await banks.get("/c/changes")).json["changes"]
    assert [(one["content_id"], one["signals"]) for one in changes] == [(added.json["id"], [])]


async def test_signals_that_come_later_match_at_once(banks: Any) -> None:
    stored = {"storage_bucket": "s3", "storage_key": "a/b"}
    content_id = (await banks.post("/c/bank/A/member", stored)).json["id"]
    path = f"/c/bank/A/content/{content_id}"
    assert await _matches(banks, "pdq", PDQ) == []
    changed = await banks.put(path, {"signals": {"pdq": PDQ}})
    assert (changed.status, changed.json["signals"]) == (200, {"pdq": PDQ})
    assert await _matches(banks, "pdq", PDQ) == [content_id]
    assert (await banks.put(path, {"signals": {"sha256": SHA256, "pdq": PDQ}})).status == 200
    assert await _matches(banks, "sha256", SHA256) == [content_id]
    shown = (await banks.get(path, include_details="true")).json
    assert shown["signals"] == {"pdq": PDQ, "sha256": SHA256}
    assert (shown["storage_bucket"], shown["storage_key"]) == ("s3", "a/b")


async def test_a_second_signal_of_a_type_is_refused_and_changes_nothing(banks: Any) -> None:
    content_id = (await banks.post("/c/bank/A/signal", {"pdq": PDQ})).json["id"]
    refused = await banks.put(
        f"/c/bank/A/content/{content_id}", {"signals": {"sha256": SHA256, "pdq": OTHER}, "note": "new"}
    )
    assert (refused.status, "pdq" in refused.json["message"]) == (400, True)
    shown = (await banks.get(f"/c/content/{content_id}", include_details="true")).json
    assert (shown["signals"], shown["note"]) == ({"pdq": PDQ}, None)
    assert await _matches(banks, "pdq", OTHER) == []


async def test_where_a_content_is_stored_can_be_told_anew_and_taken_back(banks: Any) -> None:
    content_id = (await banks.post("/c/bank/A/signal", {"pdq": PDQ})).json["id"]
    path = f"/c/bank/A/content/{content_id}"
    told = {
        "storage_bucket": "cold",
        "storage_key": "k",
        "original_media_uri": "https://media.example/1",
        "content_type": "photo",
    }
    changed = (await banks.put(path, told)).json
    assert {name: changed[name] for name in told} == told
    assert (await banks.put(path, {"storage_key": None})).json["storage_key"] is None
    shown = (await banks.get(path, include_details="true")).json
    assert (shown["storage_bucket"], shown["storage_key"], shown["content_type"]) == ("cold", None, "photo")


@pytest.mark.parametrize(
    "body",
    [
        {"signals": {"pdq": "zz"}},
        {"signals": {"nothing": PDQ}},
        {"signals": None},
        {"signals": [PDQ]},
        {"content_type": "film"},
        {"storage_key": "x" * 5000},
        {"raw_content": "a\u0000b"},
    ],
)
async def test_what_cannot_be_told_is_refused(banks: Any, body: dict[str, Any]) -> None:
    content_id = (await banks.post("/c/bank/A/signal", {"pdq": PDQ})).json["id"]
    answer = await banks.put(f"/c/bank/A/content/{content_id}", body)
    assert (answer.status, bool(answer.json["message"])) == (400, True)


async def test_a_member_of_which_nothing_is_known_is_refused(banks: Any) -> None:
    nothing: tuple[dict[str, Any], ...] = ({}, {"notes": "n"}, {"signals": {}})
    for body in nothing:
        assert (await banks.post("/c/bank/A/member", body)).status == 400
