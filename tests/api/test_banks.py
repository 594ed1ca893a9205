"""Banks over HTTP: HMA's contract, and what HMA gets wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

JSON = {"Content-Type": "application/json"}


async def test_a_new_service_has_no_banks(api: Any) -> None:
    answer = await api.get("/c/banks")
    assert (answer.status, answer.json) == (200, [])


@pytest.mark.parametrize("name", ["X", "_", "A1", "MY_TEST_BANK_01", "A" * 255, "__X__"])
async def test_a_good_name_makes_a_bank(steady: Any, name: str) -> None:
    answer = await steady.post("/c/banks", {"name": name})
    assert (answer.status, answer.json) == (201, {"name": name, "matching_enabled_ratio": 1.0})
    assert (await steady.get("/c/banks")).json[-1] == answer.json
    assert (await steady.get(f"/c/bank/{name}")).json == answer.json
    assert (await steady.delete(f"/c/bank/{name}")).status == 200


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "my_bank",
        "01_BANK",
        "A-B",
        "A B",
        " A",
        "A ",
        "A\n",
        "\nA",
        "Ä",
        "A" * 256,
        "A/B",
        "A\0",
        "A.B",
        "\ud800",
    ],
)
async def test_a_bad_name_is_refused_with_a_reason(steady: Any, name: str) -> None:
    answer = await steady("POST", "/c/banks", data=json.dumps({"name": name}), headers=JSON)
    assert answer.status == 400
    assert answer.json["message"]
    assert [one["name"] for one in (await steady.get("/c/banks")).json] == ["A", "HALF", "B"]


@pytest.mark.parametrize(
    ("body", "ratio"),
    [
        ({}, 1.0),
        ({"enabled": True}, 1.0),
        ({"enabled": False}, 0.0),
        ({"enabled_ratio": 0.25}, 0.25),
        ({"enabled_ratio": 0}, 0.0),
        ({"enabled_ratio": 1}, 1.0),
        ({"enabled_ratio": "0.5"}, 0.5),
        ({"enabled": True, "enabled_ratio": 0.5}, 0.5),
        ({"enabled": "false"}, 0.0),
        ({"enabled": None, "enabled_ratio": None}, 1.0),
        ({"something": "else"}, 1.0),
    ],
)
async def test_how_a_bank_takes_part_is_chosen_at_creation(
    steady: Any, body: dict[str, Any], ratio: float
) -> None:
    answer = await steady.post("/c/banks", {"name": "CHOSEN", **body})
    assert (answer.status, answer.json) == (201, {"name": "CHOSEN", "matching_enabled_ratio": ratio})
    assert (await steady.delete("/c/bank/CHOSEN")).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"enabled_ratio": 5},
        {"enabled_ratio": -1},
        {"enabled_ratio": 1.0001},
        {"enabled_ratio": "many"},
        {"enabled_ratio": []},
        {"enabled": "perhaps"},
        {"enabled": 7},
        {"name": None},
        {"name": 5},
        {"name": ["A"]},
        {"tags": "x"},
        {"tags": [""]},
        {"tags": ["x" * 256]},
        {"description": 3},
        {"description": "\0"},
        {"active": "sometimes"},
    ],
)
async def test_bad_properties_are_refused(steady: Any, body: dict[str, Any]) -> None:
    answer = await steady.post("/c/banks", {"name": "NEW", **body})
    assert answer.status == 400
    assert answer.json["message"]
    assert (await steady.get("/c/bank/NEW")).status == 404
    assert (await steady.put("/c/bank/B", body)).status in ({200} if body.get("name", 1) is None else {400})


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 400),
        ("{", 400),
        ("[]", 400),
        ("null", 400),
        ('"A"', 400),
        ("5", 400),
        ('{"name": "A", "enabled_ratio": NaN}', 400),
        ('{"name": "A", "enabled_ratio": Infinity}', 400),
        ('{"name": "A", "enabled_ratio": 1e999}', 400),
        ("[" * 5000, 400),
        ("{}", 400),
        ("\xff", 400),
    ],
)
async def test_a_body_that_is_no_bank_is_refused(steady: Any, text: str, status: int) -> None:
    answer = await steady("POST", "/c/banks", data=text.encode("latin-1"), headers=JSON)
    assert answer.status == status
    assert answer.json["message"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_body_of_another_type_is_refused(steady: Any, kind: str) -> None:
    answer = await steady("POST", "/c/banks", data=b'{"name": "A"}', headers={"Content-Type": kind})
    assert answer.status == 415
    assert answer.json["message"]


async def test_a_name_is_given_once(api: Any) -> None:
    await api.post("/c/banks", {"name": "A"})
    answer = await api.post("/c/banks", {"name": "A"})
    assert answer.status == 403
    assert "exists" in answer.json["message"]


async def test_renaming_keeps_what_is_in_the_bank(api: Any, random_pdq: Any) -> None:
    await api.post("/c/banks", {"name": "A"})
    await api.post("/c/banks", {"name": "TAKEN"})
    value = random_pdq()
    await api.post("/c/bank/A/signal", {"pdq": value})
    renamed = await api.put("/c/bank/A", {"name": "B"})
    assert (renamed.status, renamed.json["name"]) == (200, "B")
    assert (await api.get("/c/bank/A")).status == 404
    assert list((await api.get("/m/lookup", signal=value, signal_type="pdq")).json) == ["B"]
    assert (await api.put("/c/bank/B", {"name": "TAKEN"})).status == 403
    assert (await api.put("/c/bank/B", {"name": "1_invalid_name"})).status == 400
    assert (await api.put("/c/bank/B", {"name": "B"})).status == 200


async def test_updates_change_only_what_they_name(api: Any) -> None:
    await api.post("/c/banks", {"name": "A"})
    assert (await api.put("/c/bank/A", {"enabled": False})).json["matching_enabled_ratio"] == 0
    assert (await api.put("/c/bank/A", {"enabled_ratio": 0.5})).json["matching_enabled_ratio"] == 0.5
    assert (await api.put("/c/bank/A", {})).json == {"name": "A", "matching_enabled_ratio": 0.5}
    details = (await api.put("/c/bank/A", {"description": "Flags", "tags": ["a", "b"], "active": False})).json
    assert (details["description"], details["tags"], details["active"]) == ("Flags", ["a", "b"], False)
    shown = (await api.get("/c/bank/A", include_details="true")).json
    assert (shown["contents"], shown["signals"], shown["matching_enabled_ratio"]) == (0, {}, 0.5)


async def test_deleting_is_done_however_often_it_is_asked(api: Any) -> None:
    await api.post("/c/banks", {"name": "A"})
    for name in ("A", "A", "NEVER_THERE", "not a name"):
        answer = await api.delete(f"/c/bank/{name}")
        assert (answer.status, answer.json) == (200, {"message": "Done"})
    assert (await api.get("/c/banks")).json == []
    assert (await api.post("/c/banks", {"name": "A"})).status == 201


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("name", ["NONE", "lower", "A" * 300, "%00", "%0A", "%FF"])
async def test_an_unknown_bank_is_not_found(steady: Any, method: str, name: str) -> None:
    answer = await steady(method, f"/c/bank/{name}", json={"enabled": True} if method == "PUT" else None)
    assert answer.status == 404
    assert answer.json["message"]


async def test_the_crawls_name_is_kept_for_the_crawl(api: Any) -> None:
    assert (await api.post("/c/banks", {"name": "CRAWLED_LOOKS"})).status == 403
    await api.post("/c/banks", {"name": "A"})
    assert (await api.put("/c/bank/A", {"name": "CRAWLED_LOOKS"})).status == 403


async def test_signal_types_are_listed_and_switched(api: Any, random_pdq: Any) -> None:
    listed = (await api.get("/c/signal_type")).json
    assert listed[:2] == [{"name": "pdq", "enabled_ratio": 1.0}, {"name": "video_md5", "enabled_ratio": 1.0}]
    off = await api.put("/c/signal_type/pdq", {"enabled_ratio": 0})
    assert (off.status, off.json) == (200, {"name": "pdq", "enabled_ratio": 0.0})
    looked = await api.get("/m/lookup", signal=random_pdq(), signal_type="pdq")
    assert looked.status == 400
    assert "not enabled" in looked.json["message"]
    await api.put("/c/signal_type/pdq", {"enabled_ratio": 1})
    assert (await api.get("/m/lookup", signal=random_pdq(), signal_type="pdq")).status == 200


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("pdq", {}),
        ("pdq", {"enabled_ratio": 2}),
        ("pdq", {"enabled_ratio": -0.1}),
        ("pdq", {"enabled_ratio": None}),
        ("pdq", {"enabled_ratio": "x"}),
        ("nothing", {"enabled_ratio": 1}),
    ],
)
async def test_bad_switches_are_refused(steady: Any, name: str, body: dict[str, Any]) -> None:
    assert (await steady.put(f"/c/signal_type/{name}", body)).status == 400


async def test_sizes_of_the_indexes_are_told(api: Any, random_pdq: Any) -> None:
    await api.post("/c/banks", {"name": "A"})
    empty = (await api.get("/c/signal_type/index", signal_type="pdq")).json["pdq"]
    assert (empty["db_size"], empty["index_size"], empty["newest_db_item"]) == (0, 0, -1)
    await api.post("/c/bank/A/signal", {"pdq": random_pdq(), "video_md5": "0" * 32})
    sizes = (await api.get("/c/signal_type/index")).json
    assert (sizes["pdq"]["db_size"], sizes["pdq"]["index_size"]) == (1, 1)
    assert sizes["video_md5"]["db_size"] == 1
    assert sizes["pdq"]["index_out_of_date"] is False
    assert sizes["pdq"]["newest_db_item"] > 1_700_000_000
    await api.delete("/c/bank/A")
    gone = (await api.get("/c/signal_type/index", signal_type="pdq")).json["pdq"]
    assert (gone["db_size"], gone["index_size"], gone["index_out_of_date"]) == (0, 0, False)
    assert (await api.get("/c/signal_type/index", signal_type="none")).status == 400
    assert (await api.get("/c/content_type")).json == [
        {"name": "photo", "enabled": True},
        {"name": "video", "enabled": True},
    ]
