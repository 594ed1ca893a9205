"""Many signals at once: the good lines are added, the bad ones are listed."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
from typing import Any

import pytest

from samelook.banks import bulk

NDJSON = {"Content-Type": "application/x-ndjson"}
CSV = {"Content-Type": "text/csv"}
MD5 = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.fixture
async def bank_a(api: Any) -> Any:
    """A service with a bank A."""
    await api.post("/c/banks", {"name": "A"})
    return api


async def send(api: Any, text: str | bytes, headers: dict[str, str], bank: str = "A") -> Any:
    data = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return await api("POST", f"/c/bank/{bank}/signals", data=data, headers=headers)


@pytest.mark.parametrize("number", [0, 1, 2, 4999, 5000, 5001, 12_000])
async def test_every_line_is_added_and_matches(steady: Any, bank: str, number: int) -> None:
    values = [secrets.token_hex(32) for _ in range(number)]
    answer = await send(steady, "\n".join(json.dumps({"pdq": value}) for value in values), NDJSON, bank)
    assert answer.status == 200
    assert (answer.json["added"], answer.json["refused"]) == (number, 0)
    for value in values[:3] + values[-3:]:
        found = await steady.get("/m/lookup", signal=value, signal_type="pdq")
        assert found.json[bank][0]["distance"] == "0"
    details = (await steady.get(f"/c/bank/{bank}", include_details="true")).json
    assert details["contents"] == number


async def test_bad_lines_are_listed_and_stop_nothing(bank_a: Any) -> None:
    good = [secrets.token_hex(32) for _ in range(4)]
    lines = [
        json.dumps({"pdq": good[0]}),
        "not json",
        json.dumps({"pdq": good[1] + "\n"}),
        "",
        json.dumps({"pdq": good[1], "video_md5": MD5}),
        json.dumps([good[1]]),
        json.dumps({"nothing": "x"}),
        json.dumps({}),
        json.dumps({"pdq": good[2], "note": "n", "metadata": {"content_id": "c", "json": {"k": [1]}}}),
        json.dumps({"pdq": good[3], "metadata": {"unknown": 1}}),
        json.dumps({"pdq": good[3], "note": "x" * 256}),
        json.dumps({"pdq": good[3], "note": "\0"}),
        '{"pdq": NaN}',
        "[" * 100_000,
        json.dumps({"pdq": good[3]}) + "\r",
    ]
    text = "\n".join(lines).encode() + b'\n{"pdq": "\xff"}\n'
    answer = (await send(bank_a, text, NDJSON)).json
    assert (answer["added"], answer["refused"]) == (4, 11)
    assert [one["line"] for one in answer["errors"]] == [2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 16]
    assert all(one["message"] for one in answer["errors"])
    for value in good:
        assert (await bank_a.get("/m/raw_lookup", signal=value, signal_type="pdq")).json["matches"]
    shown = (await bank_a.get("/c/bank/A/content/3")).json
    assert (shown["note"], shown["metadata"]) == ("n", {"content_id": "c", "json": {"k": [1]}})
    both = (await bank_a.get("/c/bank/A/content/2", include_signals="true")).json
    assert both["signals"] == {"pdq": good[1], "video_md5": MD5}


@pytest.mark.parametrize(
    ("text", "added", "refused"),
    [
        ("pdq\n{0}\n{1}\n", 2, 0),
        ("\ufeffPDQ , note\r\n{0},one\r\n{1},\r\n", 2, 0),
        ('note,pdq,video_md5\n"a, b",{0},' + MD5 + "\nx,,\ny,{1},\n", 2, 1),
        ("pdq\n{0}\nbad\n{1}\n", 2, 1),
        ("pdq,note\n{0}\n{1},x\n", 1, 1),
        ('pdq\n"{0}\n{1}\n', 1, 1),
        ("pdq\n", 0, 0),
    ],
)
async def test_a_csv_names_its_columns(steady: Any, bank: str, text: str, added: int, refused: int) -> None:
    values = [secrets.token_hex(32) for _ in range(2)]
    answer = await send(steady, text.format(*values), CSV, bank)
    assert answer.status == 200
    assert (answer.json["added"], answer.json["refused"]) == (added, refused)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "note\nx\n", "{0}\n", "pdq,pdq\nx,y\n"])
async def test_a_csv_without_a_useful_header_is_refused(steady: Any, text: str) -> None:
    answer = await send(steady, text.format(secrets.token_hex(32)), CSV)
    assert answer.status == 400
    assert answer.json["message"]


@pytest.mark.parametrize(
    ("kind", "query", "text", "added", "refused"),
    [
        ("text/csv", "", "signal_type,signal_str,collab,category,tags\npdq,{0},S,X,a b\nurl,x,S,X,\n", 1, 1),
        ("text/csv", "?signal_type=pdq", "hash,when\n{0},today\n{1},today\n,\n", 2, 1),
        ("text/plain", "", "pdq {0} 'S S' INVESTIGATION_SEED a,b\n\nHASH_PDQ {1}\nvpdq {1}\n{0}\n", 2, 2),
        ("text/plain", "?signal_type=pdq", "{0}\n{1} 'S' POSITIVE_CLASS\npdq {0}\nnothing\n", 3, 1),
    ],
)
async def test_lists_are_taken_as_they_are_published(
    steady: Any, bank: str, kind: str, query: str, text: str, added: int, refused: int
) -> None:
    values = [secrets.token_hex(32) for _ in range(2)]
    answer = await steady(
        "POST",
        f"/c/bank/{bank}/signals{query}",
        data=text.format(*values).encode(),
        headers={"Content-Type": kind},
    )
    assert (answer.status, answer.json["added"], answer.json["refused"]) == (200, added, refused), answer.text
    found = await steady.get("/m/lookup", signal=values[0], signal_type="pdq", banks=bank)
    path = f"/c/bank/{bank}/content/{found.json[bank][0]['bank_content_id']}"
    tags = (await steady.get(path, include_details="true")).json["tags"]
    assert tags == ([] if query else ["a", "b"])


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
async def test_other_types_are_refused(steady: Any, kind: str) -> None:
    assert (await send(steady, "{}", {"Content-Type": kind})).status == 415


async def test_a_line_says_more_than_signals(steady: Any, bank: str) -> None:
    on, off = secrets.token_hex(32), secrets.token_hex(32)
    lines = [
        {"pdq": on, "tags": ["a", "b"], "disable_until_ts": 1, "note": None, "metadata": None},
        {"pdq": off, "disable_until_ts": 0},
        {"pdq": off, "disable_until_ts": -1},
        {"pdq": off, "disable_until_ts": None},
        {"pdq": off, "disable_until_ts": 99_999_999_999},
        {"pdq": off, "tags": [""]},
    ]
    answer = (await send(steady, "\n".join(json.dumps(line) for line in lines), NDJSON, bank)).json
    assert (answer["added"], answer["refused"]) == (2, 4)
    shown = (await steady.get(f"/c/bank/{bank}/content/{answer['first_id']}", include_details="true")).json
    assert (shown["tags"], shown["note"], shown["metadata"]) == (["a", "b"], None, None)
    assert (await steady.get("/m/lookup", signal=on, signal_type="pdq", banks=bank)).json
    assert (await steady.get("/m/lookup", signal=off, signal_type="pdq", banks=bank)).json == {}
    raw = await steady.get("/m/raw_lookup", signal=off, signal_type="pdq")
    assert raw.json == {"matches": [answer["last_id"]]}


async def test_a_line_without_end_does_not_fill_the_memory(steady: Any, bank: str) -> None:
    value = secrets.token_hex(32)
    text = b"x" * (3 << 20) + b"\n" + json.dumps({"pdq": value}).encode()
    answer = (await send(steady, text, NDJSON, bank)).json
    assert (answer["added"], answer["refused"]) == (1, 1)
    assert answer["errors"][0]["line"] == 1


async def test_the_same_value_many_times_is_many_contents_and_one_signal(bank_a: Any, pool: Any) -> None:
    value = secrets.token_hex(32)
    await send(bank_a, "\n".join([json.dumps({"pdq": value})] * 100), NDJSON)
    found = await bank_a.get("/m/raw_lookup", signal=value, signal_type="pdq")
    assert found.json["matches"] == list(range(1, 101))
    assert await pool.fetchval("SELECT count(*) FROM signals") == 1


async def test_loads_with_values_in_common_do_not_wait_in_a_circle(bank_a: Any) -> None:
    values = [secrets.token_hex(32) for _ in range(3000)]
    loads = [values, values[::-1], values[1000:] + values[:1000], sorted(values)]
    answers = await asyncio.gather(
        *(send(bank_a, "\n".join(json.dumps({"pdq": value}) for value in load), NDJSON) for load in loads)
    )
    assert [answer.json["added"] for answer in answers] == [3000] * 4
    assert len((await bank_a.get("/m/raw_lookup", signal=values[7], signal_type="pdq")).json["matches"]) == 4


async def test_a_bank_removed_during_the_load_ends_it(bank_a: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = bulk.BulkAdd.add

    async def remove_first(self: Any, contents: Any) -> Any:
        await bank_a.delete("/c/bank/A")
        return await real(self, contents)

    monkeypatch.setattr("samelook.banks.bulk.BulkAdd.add", remove_first)
    answer = await send(bank_a, json.dumps({"pdq": secrets.token_hex(32)}), NDJSON)
    assert answer.status == 404
