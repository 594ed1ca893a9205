"""Contents over HTTP: added, shown, changed, removed, through their own bank and no other."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
GOOD = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def banks(api: Any) -> Any:
    """A service with a bank A and a bank B."""
    for name in "AB":
        await api.post("/c/banks", {"name": name})
    return api


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"pdq": GOOD}, {"pdq": GOOD}),
        ({"video_md5": MD5}, {"video_md5": MD5}),
        ({"video_md5": f" {MD5.upper()}\n"}, {"video_md5": MD5}),
        ({"pdq": GOOD, "video_md5": MD5}, {"pdq": GOOD, "video_md5": MD5}),
        ({"md5": MD5.upper()}, {"md5": MD5}),
        ({"sha256": "A" * 64}, {"sha256": "a" * 64}),
        ({"phash": "0123456789abcdef"}, {"phash": "0123456789abcdef"}),
        ({"blockhash16": "0f" * 32}, {"blockhash16": "0f" * 32}),
        ({"blockhash8_quick": "0f" * 8}, {"blockhash8_quick": "0f" * 8}),
        ({"favicon_mmh3": "-1506567445"}, {"favicon_mmh3": "-1506567445"}),
        ({"favicon_mmh3": "0"}, {"favicon_mmh3": "0"}),
    ],
)
async def test_signals_are_kept_in_one_form_and_found_in_it(
    steady: Any, bank: str, given: dict[str, str], kept: dict[str, str]
) -> None:
    added = await steady.post(f"/c/bank/{bank}/signal", given)
    assert (added.status, added.json["signals"]) == (200, kept)
    content_id = added.json["id"]
    for name, value in kept.items():
        found = await steady.get("/m/lookup", signal=value, signal_type=name)
        assert [one["bank_content_id"] for one in found.json[bank]] == [content_id]
    shown = await steady.get(f"/c/bank/{bank}/content/{content_id}", include_signals="true")
    assert shown.json["signals"] == kept


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"pdq": ""},
        {"pdq": None},
        {"pdq": 5},
        {"pdq": [GOOD]},
        {"pdq": GOOD + "\n"},
        {"pdq": "\n" + GOOD},
        {"pdq": GOOD + " "},
        {"pdq": GOOD[:-1]},
        {"pdq": GOOD + "0"},
        {"pdq": "g" * 64},
        {"pdq": GOOD.upper()},
        {"pdq": "\u0663" * 64},
        {"pdq": "a b" * 21 + "a"},
        {"video_md5": "x" * 32},
        {"video_md5": MD5[:-1]},
        {"favicon_mmh3": "1e3"},
        {"favicon_mmh3": "2147483648"},
        {"favicon_mmh3": "-2147483649"},
        {"favicon_mmh3": "007"},
        {"favicon_mmh3": "-0"},
        {"favicon_mmh3": "+1"},
        {"favicon_mmh3": "\u0661"},
        {"sha256": "a" * 63},
        {"phash": "0" * 15},
        {"blockhash8": "0" * 64},
        {"unknown": "x"},
        {"PDQ": GOOD},
        {"pdq": GOOD, "video_md5": "bad"},
        {"": GOOD},
    ],
)
async def test_a_bad_signal_is_refused_and_nothing_is_kept(steady: Any, body: dict[str, Any]) -> None:
    answer = await steady.post("/c/bank/A/signal", body)
    assert answer.status == 400
    assert answer.json["message"]
    assert (await steady.get("/c/bank/A", include_details="true")).json["contents"] == 1
    assert (await steady.get("/m/lookup", signal=GOOD, signal_type="pdq")).json["A"][0]["distance"] == "0"


@pytest.mark.parametrize("text", ["[]", '["pdq"]', "null", '"x"', "", "{", "NaN"])
async def test_a_body_that_is_no_object_is_refused(steady: Any, text: str) -> None:
    answer = await steady("POST", "/c/bank/A/signal", data=text, headers=JSON)
    assert answer.status == 400
    assert answer.json["message"]


@pytest.mark.parametrize("path", ["signal", "content", "member", "signals"])
async def test_an_unknown_bank_is_told_before_anything_else(steady: Any, path: str) -> None:
    answer = await steady.post(f"/c/bank/NONE/{path}", {"pdq": GOOD})
    assert answer.status == 404
    assert "NONE" in answer.json["message"]


async def test_content_belongs_to_its_own_bank(banks: Any) -> None:
    await banks.post("/c/bank/A/signal", {"pdq": GOOD})
    assert (await banks.get("/c/bank/B/content/1")).status == 404
    assert (await banks.put("/c/bank/B/content/1", {"disable_until_ts": 0})).status == 404
    assert (await banks.delete("/c/bank/B/content/1")).json == {"deleted": 0}
    assert (await banks.get("/c/bank/A/content/1")).json["disable_until_ts"] == 1


async def test_a_content_is_shown_as_hma_shows_it(banks: Any) -> None:
    await banks.post("/c/bank/A/signal", {"pdq": GOOD})
    assert (await banks.get("/c/bank/A/content/1")).json == {
        "id": 1,
        "disable_until_ts": 1,
        "collab_metadata": {},
        "original_media_uri": None,
        "bank": {"name": "A", "matching_enabled_ratio": 1.0},
    }
    changed = await banks.put("/c/bank/A/content/1", {"note": "n", "metadata": {"content_id": "c"}})
    assert (changed.json["note"], changed.json["metadata"]) == ("n", {"content_id": "c"})
    shown = (await banks.get("/c/bank/A/content/1")).json
    assert (shown["note"], shown["metadata"]) == ("n", {"content_id": "c"})
    shown = (await banks.get("/c/bank/A/content/1", include_metadata="false")).json
    assert (shown["note"], "metadata" in shown) == ("n", False)
    assert (await banks.get("/c/bank/A/content/1", include_metadata="perhaps")).status == 400


@pytest.mark.parametrize("nothing", ["", None])
async def test_an_empty_note_is_none(steady: Any, bank: str, nothing: str | None) -> None:
    added = await steady.post(f"/c/bank/{bank}/signal", {"pdq": GOOD, "note": "n"})
    path = f"/c/bank/{bank}/content/{added.json['id']}"
    assert (await steady.get(path)).json["note"] == "n"
    assert (await steady.put(path, {"note": nothing})).json["note"] is None
    assert "note" not in (await steady.get(path)).json


async def test_signals_come_with_words(steady: Any, bank: str) -> None:
    words = {"note": "seen twice", "metadata": {"content_id": "7"}, "tags": ["t"], "disable_until_ts": 0}
    added = await steady.post(f"/c/bank/{bank}/signal", {"pdq": GOOD, **words})
    assert (added.status, added.json["signals"]) == (200, {"pdq": GOOD})
    path = f"/c/bank/{bank}/content/{added.json['id']}"
    shown = (await steady.get(path, include_details="true")).json
    assert {name: shown[name] for name in words} == words
    assert shown["is_media_unavailable"] is True
    for bad in ({"note": "x" * 256}, {"note": 5}, {"tags": "x"}, {"disable_until_ts": -1}, {"pdq": ""}):
        assert (await steady.post(f"/c/bank/{bank}/signal", {"pdq": GOOD, **bad})).status == 400
    assert (await steady.post(f"/c/bank/{bank}/signal", words)).status == 400


async def test_metadata_that_was_read_can_be_sent_again(steady: Any, bank: str) -> None:
    added = await steady.post(f"/c/bank/{bank}/signal", {"pdq": GOOD})
    path = f"/c/bank/{bank}/content/{added.json['id']}"
    read = {"content_id": "7", "content_uri": None, "json": None, "collab": {"X": ["1"]}}
    assert (await steady.put(path, {"metadata": read})).status == 200
    assert (await steady.get(path)).json["metadata"] == {"content_id": "7"}


@pytest.mark.parametrize("content_id", ["2", "0", "99999999999999999999999", "9223372036854775807"])
async def test_an_unknown_content_is_not_found(steady: Any, content_id: str) -> None:
    assert (await steady.get(f"/c/bank/A/content/{content_id}")).status == 404
    assert (await steady.put(f"/c/bank/A/content/{content_id}", {"note": "x"})).status == 404
    assert (await steady.delete(f"/c/bank/A/content/{content_id}")).json == {"deleted": 0}


@pytest.mark.parametrize("content_id", ["x", "-1", "1.0", "1e3", "%20"])
async def test_what_is_no_id_is_not_found(steady: Any, content_id: str) -> None:
    answer = await steady.get(f"/c/bank/A/content/{content_id}")
    assert answer.status == 404
    assert answer.json["message"]


@pytest.mark.parametrize(
    ("asked", "signals"),
    [
        ({}, None),
        ({"include_signals": "true"}, {"pdq": GOOD, "video_md5": MD5}),
        ({"include_signals": "TRUE"}, {"pdq": GOOD, "video_md5": MD5}),
        ({"include_signals": "false"}, None),
        ({"signal_type": "pdq"}, {"pdq": GOOD}),
        ({"signal_type": "sha256"}, {}),
        ({"signal_type": "video_md5", "include_signals": "true"}, {"video_md5": MD5}),
    ],
)
async def test_signals_are_shown_when_asked_for(
    steady: Any, asked: dict[str, str], signals: dict[str, str] | None
) -> None:
    shown = (await steady.get("/c/bank/A/content/1", **asked)).json
    assert shown.get("signals") == signals


async def test_the_signals_of_an_unknown_type_are_refused(steady: Any) -> None:
    answer = await steady.get("/c/bank/A/content/1", signal_type="invalid")
    assert answer.status == 400
    assert "No such signal type" in answer.json["message"]


async def test_deleting_is_counted(steady: Any, bank: str) -> None:
    content_id = (await steady.post(f"/c/bank/{bank}/signal", {"pdq": GOOD})).json["id"]
    assert (await steady.delete(f"/c/bank/{bank}/content/{content_id}")).json == {"deleted": 1}
    assert (await steady.delete(f"/c/bank/{bank}/content/{content_id}")).json == {"deleted": 0}
    assert (await steady.get(f"/c/bank/{bank}/content/{content_id}")).status == 404
    raw = await steady.get("/m/raw_lookup", signal=GOOD, signal_type="pdq", banks=bank)
    assert raw.json == {"matches": []}


@pytest.mark.parametrize(
    ("until", "matches"),
    [
        (0, False),
        (1, True),
        (2, True),
        (lambda: int(time.time()) - 60, True),
        (lambda: int(time.time()) + 3600, False),
    ],
)
async def test_a_content_is_disabled_until_its_time(
    steady: Any, bank: str, until: Any, matches: bool
) -> None:
    when = until() if callable(until) else until
    content_id = (await steady.post(f"/c/bank/{bank}/signal", {"pdq": GOOD})).json["id"]
    changed = await steady.put(f"/c/bank/{bank}/content/{content_id}", {"disable_until_ts": when})
    assert (changed.status, changed.json["disable_until_ts"]) == (200, when)
    found = await steady.get("/m/lookup", signal=GOOD, signal_type="pdq", bypass_coinflip="true")
    assert (bank in found.json) is matches
    raw = await steady.get("/m/raw_lookup", signal=GOOD, signal_type="pdq", banks=bank)
    assert raw.json == {"matches": [content_id]}


@pytest.mark.parametrize(
    "body",
    [
        {"disable_until_ts": None},
        {"disable_until_ts": -1},
        {"disable_until_ts": 9_999_999_999},
        {"disable_until_ts": "soon"},
        {"disable_until_ts": 1.5},
        {"disable_until_ts": []},
        {"disable_until_ts": 10**30},
        {"note": "x" * 256},
        {"note": 5},
        {"note": "\0"},
        {"metadata": {"unknown": 1}},
        {"metadata": {"content_id": 5}},
        {"metadata": "x"},
        {"metadata": None},
        {"metadata": {"json": []}},
        {"metadata": {"json": {"x": "\0"}}},
        {"metadata": {"json": {"x": "\ud800"}}},
        {"metadata": {"json": {"x": "y" * 70_000}}},
        {"tags": [""]},
        {"tags": "x"},
        {"is_media_unavailable": None},
    ],
)
async def test_bad_changes_are_refused_and_change_nothing(steady: Any, body: dict[str, Any]) -> None:
    answer = await steady("PUT", "/c/bank/A/content/1", data=json.dumps(body), headers=JSON)
    assert answer.status == 400
    assert answer.json["message"]
    shown = (await steady.get("/c/bank/A/content/1")).json
    assert (shown["disable_until_ts"], shown.get("note"), shown.get("metadata")) == (1, None, None)


async def test_what_is_said_of_a_content_is_kept(steady: Any, bank: str) -> None:
    content_id = (await steady.post(f"/c/bank/{bank}/signal", {"pdq": GOOD})).json["id"]
    metadata = {"content_id": "7", "content_uri": "s3://x/7", "json": {"a": [1, None, {"ü": "✓"}]}}
    await steady.put(
        f"/c/bank/{bank}/content/{content_id}", {"note": "é" * 255, "metadata": metadata, "tags": ["t"]}
    )
    shown = (await steady.get(f"/c/bank/{bank}/content/{content_id}", include_details="true")).json
    assert (shown["note"], shown["metadata"], shown["tags"]) == ("é" * 255, metadata, ["t"])
    await steady.put(f"/c/bank/{bank}/content/{content_id}", {"note": None})
    again = (await steady.get(f"/c/bank/{bank}/content/{content_id}")).json
    assert ("note" in again, again["metadata"]) == (False, metadata)


async def test_members_point_to_their_media_or_say_that_there_is_none(banks: Any) -> None:
    member = {
        "signals": {"pdq": GOOD},
        "content_type": "photo",
        "storage_bucket": "bucket",
        "storage_key": "a/b.png",
        "notes": "from the archive",
        "tags": ["x", "y"],
    }
    assert (await banks.post("/c/bank/A/member", member)).json == {"id": 1, "signals": {"pdq": GOOD}}
    shown = (await banks.get("/c/bank/A/content/1", include_details="true")).json
    assert [shown[name] for name in ("content_type", "storage_bucket", "storage_key", "note", "tags")] == [
        "photo",
        "bucket",
        "a/b.png",
        "from the archive",
        ["x", "y"],
    ]
    await banks.post(
        "/c/bank/A/member", {"signals": {"pdq": GOOD}, "is_media_unavailable": True, "note": "n"}
    )
    assert (await banks.get("/c/bank/A/content/2")).json["note"] == "n"
    assert (await banks.get("/c/bank/A/content/2", include_details="true")).json[
        "is_media_unavailable"
    ] is True
    await banks.post("/c/bank/A/signal", {"pdq": GOOD})
    assert (await banks.get("/c/bank/A/content/3", include_details="true")).json[
        "is_media_unavailable"
    ] is True
    refused: tuple[dict[str, Any], ...] = (
        {},
        {"signals": {}},
        {"signals": {"pdq": GOOD}, "content_type": "song"},
        {"signals": {"pdq": GOOD}, "x": 1},
        {"signals": {"pdq": GOOD}, "notes": "x" * 256},
    )
    for bad in refused:
        assert (await banks.post("/c/bank/A/member", bad)).status == 400


async def test_a_signal_has_one_id_in_every_bank(banks: Any) -> None:
    await banks.post("/c/bank/A/signal", {"pdq": GOOD})
    await banks.post("/c/bank/B/signal", {"pdq": GOOD, "video_md5": MD5})
    signal = (await banks.get("/c/signal", signal_type="pdq", signal_value=GOOD)).json
    members = (await banks.get(f"/c/signal/{signal['id']}")).json
    assert members["signal"] == {"id": signal["id"], "signal_type": "pdq", "signal_value": GOOD}
    assert [(one["content_id"], one["bank"]) for one in members["members"]] == [(1, "A"), (2, "B")]
    first = (await banks.get(f"/c/signal/{signal['id']}", page_size="1")).json
    rest = (
        await banks.get(f"/c/signal/{signal['id']}", page_size="1", page_token=first["next_page_token"])
    ).json
    assert [one["content_id"] for one in first["members"] + rest["members"]] == [1, 2]
    assert (await banks.get("/c/signal/999999")).status == 404
    assert (await banks.get("/c/signal/99999999999999999999")).status == 404
    assert (await banks.get("/c/signal", signal_type="pdq", signal_value="0" * 64)).status == 404
    assert (await banks.get("/c/signal", signal_type="pdq", signal_value="x")).status == 400


async def test_a_bank_is_listed_page_by_page(banks: Any, random_pdq: Any) -> None:
    values = [random_pdq() for _ in range(7)]
    for value in values:
        await banks.post("/c/bank/A/signal", {"pdq": value})
    await banks.post("/c/bank/B/signal", {"pdq": values[0]})
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = (await banks.get("/c/bank/A/content", page_size="3", **token)).json
        seen += [one["signals"]["pdq"] for one in page["contents"]]
        if page["next_page_token"] is None:
            break
        token = {"page_token": page["next_page_token"]}
    assert seen == values
    other = await banks.get("/c/bank/B/content", **token)
    assert other.status == 400


@pytest.mark.parametrize("token", ["", "x", "e30", "bnVsbA", "WzEsMl0", "a" * 1000, "é"])
async def test_a_strange_page_token_is_refused(steady: Any, token: str) -> None:
    assert (await steady.get("/c/bank/A/content", page_token=token)).status == 400


@pytest.mark.parametrize("size", ["0", "-1", "1001", "x", ""])
async def test_a_strange_page_size_is_refused(steady: Any, size: str) -> None:
    assert (await steady.get("/c/bank/A/content", page_size=size)).status == 400


async def test_following_the_changes_gives_what_the_banks_hold(banks: Any, random_pdq: Any) -> None:
    values = [random_pdq() for _ in range(5)]
    for value in values:
        await banks.post("/c/bank/A/signal", {"pdq": value})
    held: dict[int, str] = {}
    cursor: dict[str, str] = {}

    async def follow() -> None:
        while True:
            page = (await banks.get("/c/changes", limit="2", **cursor)).json
            for change in page["changes"]:
                held[change["content_id"]] = change["signals"][0]["signal_value"]
                if change["removed"]:
                    del held[change["content_id"]]
            cursor["cursor"] = page["cursor"]
            if not page["more"]:
                return

    await follow()
    assert held == dict(enumerate(values, 1))
    await banks.delete("/c/bank/A/content/2")
    extra = random_pdq()
    await banks.post("/c/bank/B/signal", {"pdq": extra})
    await follow()
    assert held == {1: values[0], 3: values[2], 4: values[3], 5: values[4], 6: extra}
    await banks.delete("/c/bank/B")
    await follow()


@pytest.mark.parametrize("cursor", ["x", "WyJhIiwiMSIsMV0", "W10", "bnVsbA"])
async def test_a_strange_cursor_is_refused(steady: Any, cursor: str) -> None:
    answer = await steady.get("/c/changes", cursor=cursor)
    assert answer.status == 400
    assert answer.json["message"]
