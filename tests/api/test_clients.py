"""What published clients of HMA send, and what HMA answers them: status codes, fields, and how they end.

roostorg/coop, matrix-org/policyserv, FetLife's hasher_matcher_actioner_api and julietshen/atproto-hma were
read for their requests; the answers are those of HMA 1.1.7. `tx` is no client over HTTP: what it writes is
read in tests/banks/test_hash_lists.py and tests/exchanges/test_files.py.
"""

from __future__ import annotations

import io
import secrets
from typing import Any

import pytest
from aiohttp import FormData
from PIL import Image

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"


def name_of_a_bank() -> str:
    return f"COOP_{secrets.token_hex(6).upper()}"


def form(field: str, data: bytes, filename: str = "x", **texts: str) -> FormData:
    made = FormData()
    made.add_field(field, data, filename=filename, content_type="application/octet-stream")
    for name, text in texts.items():
        made.add_field(name, text)
    return made


@pytest.fixture
def base(steady: Any) -> str:
    """The base URL as Coop has it by default: with a slash at its end, and paths that begin with one."""
    return f"{steady.client._base_url.origin()}/"


async def test_coop_makes_shows_changes_and_deletes_a_bank(steady: Any, base: str) -> None:
    name = name_of_a_bank()
    made = await steady("POST", f"{base}/c/banks", json={"name": name, "enabled_ratio": "0.5"})
    assert (made.status, made.json) == (201, {"name": name, "matching_enabled_ratio": 0.5})
    # A 404 here makes Coop delete its own record of the bank.
    shown = await steady("GET", f"{base}/c/bank/{name}")
    assert (shown.status, shown.json) == (200, {"name": name, "matching_enabled_ratio": 0.5})
    changed = await steady("PUT", f"{base}/c/bank/{name}", json={"name": name, "enabled_ratio": 1})
    assert (changed.status, changed.json) == (200, {"name": name, "matching_enabled_ratio": 1.0})
    again = await steady("POST", f"{base}/c/banks", json={"name": name, "enabled_ratio": "1"})
    assert again.status == 403
    assert (await steady("DELETE", f"{base}/c/bank/{name}")).json == {"message": "Done"}
    assert (await steady("GET", f"{base}/c/bank/{name}")).status == 404


async def test_coop_finds_the_exchange_of_a_bank_or_that_there_is_none(steady: Any, base: str) -> None:
    apis = await steady("GET", f"{base}/c/exchanges/apis")
    assert apis.status == 200
    assert {"sample", "ncmec", "fb_threatexchange", "stop_ncii"} <= set(apis.json)
    one = await steady("GET", f"{base}/c/exchanges/api/ncmec")
    assert one.json == {"supports_authentification": True, "has_set_authentification": False}
    schema = await steady("GET", f"{base}/c/exchanges/api/ncmec/schema")
    assert {"config_schema", "credentials_schema"} == schema.json.keys()
    assert (await steady("GET", f"{base}/c/exchange/A")).status == 404


async def test_coop_makes_an_exchange_with_a_bank_and_changes_its_ratio(exchanges: Any) -> None:
    body = {"bank": "COOP_NCMEC", "api": "sample", "api_json": {}}
    assert (await exchanges.post("/c/exchanges", body)).status == 201
    changed = await exchanges.put("/c/bank/COOP_NCMEC", {"enabled_ratio": 0.25})
    assert (changed.status, changed.json["matching_enabled_ratio"]) == (200, 0.25)
    assert (await exchanges.delete("/c/bank/COOP_NCMEC")).status == 200
    assert (await exchanges.get("/c/exchange/COOP_NCMEC")).status == 404


async def test_policyserv_takes_a_picture_without_detail_for_harmless(steady: Any) -> None:
    key = {"Authorization": "Bearer "}  # of a policyserv without a key
    blank = io.BytesIO()
    Image.new("RGB", (200, 100), "red").save(blank, "PNG")
    hashed = await steady("POST", "/h/hash", data=form("photo", blank.getvalue()), headers=key)
    assert (hashed.status, hashed.json) == (200, {"pdq": ""})
    # It asks on with the empty hash, and reads the answer, whatever its status, as names of banks.
    found = await steady("GET", "/m/lookup?signal_type=pdq&signal=", headers=key)
    assert found.status == 400
    assert not {"A", "HALF", "B"} & found.json.keys()


async def test_policyserv_finds_the_banks_of_a_picture_and_of_a_video(
    steady: Any, bank: str, picture: Any
) -> None:
    data = picture(seed=secrets.randbelow(1000) + 10)
    hashed = await steady("POST", "/h/hash", data=form("photo", data))
    assert (hashed.status, list(hashed.json)) == (200, ["pdq"])
    await steady.post(f"/c/bank/{bank}/signal", hashed.json)
    found = await steady("GET", f"/m/lookup?signal_type=pdq&signal={hashed.json['pdq']}")
    assert bank in found.json
    video = await steady("POST", "/h/hash", data=form("video", b"no video at all"))
    assert (video.status, list(video.json)) == (200, ["video_md5"])


async def test_the_ruby_gem_makes_a_bank_and_knows_a_taken_name(steady: Any) -> None:
    name = name_of_a_bank()
    body = {"name": name, "enabled": "true", "matching_enabled_ratio": 1.0}
    made = await steady.post("/c/banks", body)
    assert (made.status, made.json) == (201, {"name": name, "matching_enabled_ratio": 1.0})
    again = await steady.post("/c/banks", body)
    assert again.status == 403
    assert "already exists" in again.json["message"]
    await steady.delete(f"/c/bank/{name}")


async def test_the_ruby_gem_adds_hashes_and_looks_up(steady: Any, bank: str, picture: Any) -> None:
    data = picture(seed=secrets.randbelow(1000) + 10)
    added = await steady(
        "POST", f"/c/bank/{bank}/content", data=form("photo", data, metadata='{"content_id": "7"}')
    )
    assert (added.status, added.json.keys()) == (200, {"id", "signals"})
    content_id, pdq = added.json["id"], added.json["signals"]["pdq"]
    raw = await steady.get("/m/raw_lookup", signal=pdq, signal_type="pdq", include_distance="false")
    assert content_id in raw.json["matches"]
    raw = await steady.get("/m/raw_lookup", signal=pdq, signal_type="pdq", include_distance="true")
    assert {"bank_content_id": content_id, "distance": "0"} in raw.json["matches"]
    found = await steady.get("/m/lookup", signal=pdq, signal_type="pdq")
    assert found.json[bank] == [{"bank_content_id": content_id, "distance": "0"}]
    uploaded = await steady("POST", "/m/lookup", data=form("photo", data))
    assert uploaded.json.keys() == {"pdq"}
    assert uploaded.json["pdq"][bank] == [{"bank_content_id": content_id, "distance": "0"}]
    assert (await steady.get("/status")).text in {"I-AM-ALIVE", "INDEX-STALE"}


async def test_a_process_that_does_not_hash_says_so_in_the_gems_words(api: Any, picture: Any) -> None:
    refused = await api("POST", "/m/lookup", data=form("photo", picture()))
    assert refused.status == 403
    assert "missing role" in refused.json["message"]


async def test_atproto_hma_sends_texts_beside_the_file(steady: Any, bank: str, picture: Any) -> None:
    data = picture("JPEG", seed=secrets.randbelow(1000) + 10)
    hashed = await steady("POST", "/h/hash", data=form("photo", data, "a.jpg", content_type="photo"))
    assert hashed.status == 200
    added = await steady.post(f"/c/bank/{bank}/signal", {"pdq": hashed.json["pdq"]})
    assert (added.status, added.json["signals"]) == (200, hashed.json)
    # HMA reads neither of these from the form: all banks are asked.
    asked = form("photo", data, "a.jpg", content_type="photo", banks="SAMPLE_IMAGES", threshold="0.8")
    found = await steady("POST", "/m/lookup", data=asked)
    assert found.json["pdq"][bank][0]["bank_content_id"] == added.json["id"]
    content = await steady(
        "POST", f"/c/bank/{bank}/content", data=form("photo", data, "a.jpg", content_type="photo")
    )
    assert (content.status, content.json["signals"]) == (200, hashed.json)
