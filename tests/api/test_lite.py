"""HMA-lite: one list from a file, asked and replaced."""

from __future__ import annotations

import asyncio
import pickle
import re
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData

from samelook.api.app import create_app
from samelook.api.settings import ApiSettings, LiteSettings
from samelook.banks.errors import BadHashList
from samelook.sql.settings import DatabaseSettings

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
OTHER = "0123456789abcdef" * 4
NEAR = f"{int(OTHER, 16) ^ 7:064x}"
LITE = frozenset({"lite"})
SAMPLE = (files("samelook.api") / "sample_hashes.csv").read_bytes()


async def upload(api: Any, text: bytes, name: str = "list.csv") -> Any:
    form = FormData()
    form.add_field("data_file", text, filename=name)
    return await api("POST", "/upload_hashes", data=form)


@pytest.fixture
async def lite(steady: Any) -> AsyncIterator[Any]:
    """The shared service, whose list is the sample again afterwards."""
    yield steady
    assert (await upload(steady, SAMPLE)).status == 200


async def test_the_sample_answers_before_anything_is_uploaded(serve: Any) -> None:
    api = await serve(roles=LITE)
    answer = (await api.get("/v1/hashes/query", hash=PDQ)).json
    assert answer["match"] is True
    assert answer["result"][0]["distance"] == 0
    assert answer["result"][0]["data"]["hash"] == PDQ
    assert len(answer["result"]) > 5
    assert (await api.get("/v1/hashes/query", hash="5a" * 32)).json == {"match": False, "result": []}
    # The question in HMA-lite's README, whose answer is one bit away.
    value = "b3485b12693aa21374197089daa65b4db57d9eb68acb4d467db4eceaaa85c35"
    (match,) = (await api.get("/v1/hashes/query", hash=f"{value}1")).json["result"]
    assert (match["distance"], match["data"]["hash"]) == (1, f"{value}0")
    assert match["data"]["meta"][0] == "3525057520847482"


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (f"{OTHER}\n", {"hash": OTHER}),
        (f"{OTHER},a,b\r\n", {"hash": OTHER, "meta": ["a", "b"]}),
        (f"name,hash\nx,{OTHER}\n", {"name": "x", "hash": OTHER}),
        (f"hash,td_raw_indicator\nx,{OTHER}\n", {"hash": "x", "td_raw_indicator": OTHER}),
        (f"pdq,indicator\nx,{OTHER}\n", {"pdq": "x", "indicator": OTHER}),
        (f"first,second\n{OTHER},2\n", {"first": OTHER, "second": "2"}),
        (f"hash\n{OTHER},x\n", {"hash": OTHER, "meta": ["x"]}),
        (f'hash,note\n{OTHER},"two\nlines, ""quoted"""\n', {"hash": OTHER, "note": 'two\nlines, "quoted"'}),
        (f"\ufeffhash\n{OTHER}\n", {"hash": OTHER}),
        (f"{OTHER.upper()}\n", {"hash": OTHER.upper()}),
        (f"\n\n{OTHER}\n\nnonsense\n", {"hash": OTHER}),
        (f"hash,ü\n{OTHER},✓</script>\n", {"hash": OTHER, "ü": "✓</script>"}),
        (
            f"signal_type,signal_str,collab,category,tags\nurl,x,S,X,\npdq,{OTHER},S,X,a b\n",
            {"signal_type": "pdq", "signal_str": OTHER, "collab": "S", "category": "X", "tags": "a b"},
        ),
        (
            f"raw_text a b 'S' POSITIVE_CLASS\npdq {OTHER} 'S S' INVESTIGATION_SEED a,b\n",
            {"hash": OTHER, "meta": ["a", "b"]},
        ),
    ],
)
async def test_a_list_is_replaced_by_an_upload(lite: Any, text: str, data: dict[str, Any]) -> None:
    answer = await upload(lite, text.encode())
    assert answer.status == 200
    assert "in force now: 1" in answer.text
    found = (await lite.get("/v1/hashes/query", hash=NEAR)).json
    assert found == {"match": True, "result": [{"distance": 3, "data": data}]}
    assert (await lite.get("/v1/hashes/query", hash=PDQ)).json["match"] is False


@pytest.mark.parametrize(
    "text",
    [b"", b"nothing", b"hash\n", b"hash\nxyz\n", pickle.dumps([1]), b"\xff\xfe\x00", b"a,b,c\n1,2,3\n"],
)
async def test_a_bad_upload_leaves_the_list_in_force(steady: Any, text: bytes) -> None:
    answer = await upload(steady, text)
    assert answer.status == 400
    assert answer.json["message"]
    assert (await steady.get("/v1/hashes/query", hash=PDQ)).json["match"] is True


async def test_many_hashes_are_asked_at_once(serve: Any) -> None:
    api = await serve(roles=LITE)
    answer = (await api.post("/v1/hashes/query", {"hashes": [PDQ, "5a" * 32, PDQ]})).json
    assert list(answer["results"]) == [PDQ, "5a" * 32]
    assert answer["results"]["5a" * 32] == []
    assert answer["results"][PDQ] == (await api.get("/v1/hashes/query", hash=PDQ)).json["result"]
    assert (await api.post("/v1/hashes/query", {"hashes": []})).json == {"results": {}}


async def test_hashes_in_upper_case_are_taken(serve: Any) -> None:
    api = await serve(roles=LITE)
    expected = (await api.get("/v1/hashes/query", hash=PDQ)).json
    assert expected["match"]
    assert (await api.get("/v1/hashes/query", hash=PDQ.upper())).json == expected
    many = (await api.post("/v1/hashes/query", {"hashes": [PDQ.upper()]})).json
    assert many == {"results": {PDQ.upper(): expected["result"]}}
    form = await api("POST", "/check_for_match_hash", data={"hash": f" {PDQ.upper()}\n"})
    assert (form.status, "No match" in form.text) == (200, False)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"hashes": PDQ},
        {"hashes": ["x"]},
        {"hashes": [None]},
        {"hashes": [PDQ + "\n"]},
        {"hashes": None},
    ],
)
async def test_bad_questions_are_refused(steady: Any, body: Any) -> None:
    assert (await steady.post("/v1/hashes/query", body)).status == 400


@pytest.mark.parametrize("params", [{}, {"hash": ""}, {"hash": "x"}, {"hash": PDQ + "0"}])
async def test_a_bad_hash_is_refused(steady: Any, params: dict[str, str]) -> None:
    answer = await steady.get("/v1/hashes/query", **params)
    assert answer.status == 400
    assert answer.json["message"]


async def test_the_configured_file_is_the_first_list_and_an_upload_outlives_it(
    serve: Any, tmp_path: Path
) -> None:
    csv = tmp_path / "first.csv"
    csv.write_text(f"{OTHER},from the file\n")
    settings = LiteSettings(csv_file=csv, state_dir=tmp_path / "state")
    api = await serve(roles=LITE, lite=settings)
    assert (await api.get("/v1/hashes/query", hash=OTHER)).json["result"][0]["data"]["meta"] == [
        "from the file"
    ]
    other_worker = await serve(roles=LITE, lite=settings)
    await upload(api, f"{PDQ},uploaded\n".encode())
    async with asyncio.timeout(60):
        while not (await other_worker.get("/v1/hashes/query", hash=PDQ)).json["match"]:
            await asyncio.sleep(0.05)
    later = await serve(roles=LITE, lite=settings)
    assert (await later.get("/v1/hashes/query", hash=PDQ)).json["result"][0]["data"]["meta"] == ["uploaded"]
    assert (await later.get("/v1/hashes/query", hash=OTHER)).json["match"] is False


@pytest.mark.parametrize("which", ["csv_file", "index_file"])
@pytest.mark.parametrize("content", [None, b"", b"no hash", pickle.dumps([1]), b"x" * (2 << 20)])
def test_a_useless_list_is_named_before_anything_is_served(
    tmp_path: Path, which: str, content: bytes | None
) -> None:
    path = tmp_path / "list.te"
    if content is not None:
        path.write_bytes(content)
    elif which == "index_file":
        path.mkdir()
    settings = ApiSettings(DatabaseSettings(url="postgresql://"), lite=LiteSettings(**{which: path}))
    with pytest.raises(BadHashList, match=re.escape(str(path))):
        create_app(settings)


async def test_the_pages_work_without_anything_from_elsewhere(full: Any, picture: Any) -> None:
    landing = await full.get("/lite")
    assert landing.status == 200
    assert "http://" not in landing.text
    assert "https://" not in landing.text
    assert "default-src 'none'" in landing.headers["Content-Security-Policy"]
    assert (await full.get("/assets/style.css")).status == 200
    by_hash = await full("POST", "/check_for_match_hash", data={"hash": PDQ})
    assert by_hash.status == 200
    assert "matches" in by_hash.text
    bad = await full("POST", "/check_for_match_hash", data={"hash": "<script>"})
    assert bad.status == 400
    assert "<script>" not in bad.text
    hashed = (await full.send_file("/h/hash", "photo", picture())).json["pdq"]
    await upload(full, f"{hashed},mine\n".encode())
    by_image = await full.send_file("/check_for_match_image", "photo", picture())
    assert by_image.status == 200
    assert "1 match" in by_image.text
    assert "mine" in by_image.text
    assert (await full.send_file("/check_for_match_image", "photo", b"no picture")).status == 400
    assert (await full.get("/upload_hashes")).status == 204
