"""Paths and methods as clients of HMA send them."""

from __future__ import annotations

from typing import Any

import pytest

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"


@pytest.mark.parametrize("path", ["//c/banks", "/c//banks", "///c///banks", "//c/banks?include_details=true"])
async def test_slashes_too_many_are_one(steady: Any, path: str) -> None:
    answer = await steady("GET", f"{steady.client._base_url.origin()}{path}")
    assert answer.status == 200
    assert "A" in [one["name"] for one in answer.json]


async def test_they_are_one_for_lookups_and_bodies_too(steady: Any, bank: str) -> None:
    origin = steady.client._base_url.origin()
    added = await steady("POST", f"{origin}//c/bank/{bank}//signal", json={"pdq": PDQ})
    assert added.status == 200
    found = await steady("GET", f"{origin}//m/lookup?signal={PDQ}&signal_type=pdq&banks={bank}")
    assert found.json[bank][0]["bank_content_id"] == added.json["id"]
    removed = await steady("DELETE", f"{origin}//c/bank/{bank}/content/{added.json['id']}")
    assert removed.json == {"deleted": 1}


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "//nothing", 404), ("PATCH", "//c/banks", 405)]
)
async def test_what_is_not_there_is_not_there(steady: Any, method: str, path: str, status: int) -> None:
    answer = await steady(method, f"{steady.client._base_url.origin()}{path}")
    assert (answer.status, bool(answer.json["message"])) == (status, True)


async def test_keys_are_asked_for_behind_any_number_of_slashes(keyed: Any) -> None:
    assert (await keyed("GET", f"{keyed.client._base_url.origin()}//c//banks")).status == 401


async def test_options_are_told(steady: Any) -> None:
    answer = await steady("OPTIONS", "/c/banks")
    assert (answer.status, answer.headers["Allow"]) == (200, "GET, HEAD, OPTIONS, POST")


async def test_a_taken_name_is_said_in_hmas_words(steady: Any, bank: str) -> None:
    again = await steady.post("/c/banks", {"name": bank})
    assert (again.status, "already exists" in again.json["message"]) == (403, True)
    renamed = await steady.put(f"/c/bank/{bank}", {"name": "A"})
    assert (renamed.status, "already exists" in renamed.json["message"]) == (403, True)
