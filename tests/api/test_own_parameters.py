"""What only we take: filters, contents by their id, what is known of raw matches, and misspelt names."""

from __future__ import annotations

from typing import Any

import pytest

PDQ, MD5 = "1a" * 32, "2b" * 16


@pytest.fixture
async def filled(api: Any) -> dict[str, int]:
    """A bank A with a photo that has a PDQ, and a content that has an MD5; their ids by type."""
    await api.post("/c/banks", {"name": "A"})
    one = {"signals": {"pdq": PDQ}, "content_type": "photo", "metadata": {"content_id": "7"}}
    return {
        "pdq": (await api.post("/c/bank/A/member", one)).json["id"],
        "video_md5": (await api.post("/c/bank/A/signal", {"video_md5": MD5})).json["id"],
    }


async def test_raw_lookups_say_what_is_known(api: Any, filled: dict[str, int]) -> None:
    found = await api.get("/m/raw_lookup", signal=PDQ, signal_type="pdq", include_metadata="true")
    assert found.json["matches"] == [
        {
            "bank_content_id": filled["pdq"],
            "distance": "0",
            "bank": "A",
            "signal": PDQ,
            "metadata": {"content_id": "7"},
        }
    ]


async def test_an_id_leads_to_its_content(api: Any, filled: dict[str, int]) -> None:
    shown = await api.get(f"/c/content/{filled['pdq']}", include_signals="true")
    assert (shown.json["bank"]["name"], shown.json["signals"]) == ("A", {"pdq": PDQ})
    for nobody in (10**6, 10**30):
        assert (await api.get(f"/c/content/{nobody}")).status == 404
    await api.delete("/c/bank/A")
    assert (await api.get(f"/c/content/{filled['pdq']}")).status == 404


async def test_pages_and_changes_are_of_one_type(api: Any, filled: dict[str, int]) -> None:
    for name, content_id in filled.items():
        page = (await api.get("/c/bank/A/content", signal_type=name)).json["contents"]
        assert [one["id"] for one in page] == [content_id]
        changes = (await api.get("/c/changes", signal_type=name)).json["changes"]
        assert [one["content_id"] for one in changes] == [content_id]
    photos = (await api.get("/c/bank/A/content", content_type="photo")).json["contents"]
    assert [one["id"] for one in photos] == [filled["pdq"]]
    assert (await api.get("/c/bank/A/content", content_type="film")).status == 400


async def test_a_bank_tells_when_it_changed_and_its_contents_do_not_count(
    api: Any, filled: dict[str, int]
) -> None:
    assert filled
    before = (await api.get("/c/bank/A", include_details="true")).json
    assert before["id"] > 0
    assert before["updated_at"] == before["created_at"]
    await api.put("/c/bank/A", {"description": "other"})
    assert (await api.get("/c/bank/A", include_details="true")).json["updated_at"] > before["updated_at"]


@pytest.mark.parametrize(
    ("path", "near"), [("/c/changes?limt=1", "limit"), ("/c/bank/A/content?page_sise=1", "page_size")]
)
async def test_a_misspelt_parameter_is_named_with_the_nearest(steady: Any, path: str, near: str) -> None:
    refused = await steady("GET", path)
    assert refused.status == 400
    assert f"did you mean {near}?" in refused.json["message"]
