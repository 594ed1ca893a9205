"""Create a bank, add to it, look it up: the way HMA's users go."""

from __future__ import annotations

from typing import Any

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
NEAR = "f8f8f0cee0f4a84f06370a2a038f63f0b36e26d596621e1d33e6b39c4e9c9b22"


async def test_a_banked_picture_is_found(api: Any, picture: Any) -> None:
    created = await api.post("/c/banks", {"name": "MY_BANK"})
    assert (created.status, created.json) == (201, {"name": "MY_BANK", "matching_enabled_ratio": 1.0})
    added = await api.send_file("/c/bank/MY_BANK/content", "photo", picture())
    assert added.status == 200
    assert added.json["id"] == 1
    assert list(added.json["signals"]) == ["pdq"]
    found = await api.send_file("/m/lookup", "photo", picture("JPEG", quality=90))
    assert found.status == 200
    (match,) = found.json["pdq"]["MY_BANK"]
    assert match["bank_content_id"] == 1
    assert int(match["distance"]) <= 10


async def test_lookup_by_signal_names_banks(api: Any) -> None:
    await api.post("/c/banks", {"name": "A"})
    await api.post("/c/banks", {"name": "B"})
    await api.post("/c/bank/A/signal", {"pdq": PDQ})
    await api.post("/c/bank/B/signal", {"pdq": NEAR})
    found = await api.get("/m/lookup", signal=PDQ, signal_type="pdq")
    assert found.json == {
        "A": [{"bank_content_id": 1, "distance": "0"}],
        "B": [{"bank_content_id": 2, "distance": "2"}],
    }
    raw = await api.get("/m/raw_lookup", signal=PDQ, signal_type="pdq")
    assert raw.json == {"matches": [1, 2]}
