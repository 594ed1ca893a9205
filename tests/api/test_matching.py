"""Create a bank, add to it, look it up: the way HMA's users go."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer, unused_port

from samelook.api.app import create_app
from samelook.api.settings import ApiSettings
from samelook.sql.settings import DatabaseSettings

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
MD5 = "d41d8cd98f00b204e9800998ecf8427e"
NEAR = "f8f8f0cee0f4a84f06370a2a038f63f0b36e26d596621e1d33e6b39c4e9c9b22"

SITE_WITH_ICON = """
WITH d AS (
    INSERT INTO domains (reversed_name, source) VALUES ('com.example', 'test') RETURNING id, position
), t AS (
    INSERT INTO target_urls (domain_id, url, position)
    SELECT id, 'https://example.com/', position FROM d RETURNING id
), i AS (
    INSERT INTO icon_urls (url_sha256, icon_url, declared, position)
    VALUES ('x', 'https://example.com/favicon.ico', true, 1) RETURNING id
), m AS (
    INSERT INTO favicon_metadata (icon_url_id, sha256) SELECT id, $1 FROM i
)
INSERT INTO site_icons (target_url_id, icon_url_id, ordinal, source, declared_url)
SELECT t.id, i.id, 0, 'link-icon', '' FROM t, i
"""


async def test_a_banked_picture_is_found(full: Any, picture: Any) -> None:
    api = full
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


@pytest.fixture
async def banked(api: Any) -> Any:
    """The service with one hash in bank A, ratio 1, and in bank HALF, ratio 0.5."""
    await api.post("/c/banks", {"name": "A"})
    await api.post("/c/banks", {"name": "HALF", "enabled_ratio": 0.5})
    await api.post("/c/bank/A/signal", {"pdq": PDQ, "video_md5": MD5})
    await api.post("/c/bank/HALF/signal", {"pdq": PDQ})
    return api


@pytest.mark.parametrize("seed", ["0", "1", "2", "seed", "1234", "x y", "é", ""])
async def test_a_seed_flips_hmas_coin(steady: Any, seed: str) -> None:
    expected = {"A", "HALF"} if random.Random(seed).random() <= 0.5 else {"A"}
    for _ in range(3):
        found = await steady.get("/m/lookup", signal=PDQ, signal_type="pdq", seed=seed)
        assert set(found.json) == expected


async def test_without_a_seed_half_a_bank_matches_half_the_time(steady: Any) -> None:
    times = 0
    for _ in range(200):
        times += "HALF" in (await steady.get("/m/lookup", signal=PDQ, signal_type="pdq")).json
    assert 60 < times < 140


@pytest.mark.parametrize("ratio", [0, 0.5, 1])
async def test_the_coin_can_be_bypassed(api: Any, ratio: float) -> None:
    await api.post("/c/banks", {"name": "A", "enabled_ratio": ratio})
    await api.post("/c/bank/A/signal", {"pdq": PDQ})
    for _ in range(5):
        found = await api.get("/m/lookup", signal=PDQ, signal_type="pdq", bypass_coinflip="true")
        assert list(found.json) == ["A"]


@pytest.mark.parametrize("change", [{"enabled": False}, {"enabled_ratio": 0}, {"active": False}])
async def test_a_bank_that_is_switched_off_matches_nothing(banked: Any, change: dict[str, Any]) -> None:
    await banked.put("/c/bank/A", change)
    await banked.put("/c/bank/HALF", change)
    assert (await banked.get("/m/lookup", signal=PDQ, signal_type="pdq", seed="1")).json == {}
    raw = await banked.get("/m/raw_lookup", signal=PDQ, signal_type="pdq")
    assert raw.json == {"matches": [1, 2]}


@pytest.mark.parametrize(
    ("banks", "expected"),
    [
        ("A", {"A"}),
        ("HALF", {"HALF"}),
        ("A,HALF", {"A", "HALF"}),
        ("A, HALF", {"A", "HALF"}),
        (" HALF ,,A ", {"A", "HALF"}),
        ("NONE", set()),
        ("NONE,A", {"A"}),
        ("a", set()),
        (",", set()),
        ("", {"A", "HALF"}),
    ],
)
async def test_only_the_banks_asked_for_answer(steady: Any, banks: str, expected: set[str]) -> None:
    asked = {"signal": PDQ, "signal_type": "pdq", "banks": banks}
    found = await steady.get("/m/lookup", **asked, bypass_coinflip="true")
    assert set(found.json) == expected
    raw = await steady.get("/m/raw_lookup", **asked)
    assert set(raw.json["matches"]) == {{"A": 1, "HALF": 2}[name] for name in expected}


async def test_distances_are_strings_in_lookups_and_numbers_in_compare(steady: Any) -> None:
    raw = await steady.get("/m/raw_lookup", signal=NEAR, signal_type="pdq", include_distance="true")
    assert raw.json == {
        "matches": [{"bank_content_id": 1, "distance": "2"}, {"bank_content_id": 2, "distance": "2"}]
    }
    exact = await steady.get("/m/raw_lookup", signal=MD5, signal_type="video_md5", include_distance="true")
    assert exact.json == {"matches": [{"bank_content_id": 1, "distance": "-"}]}
    compared = await steady.post("/m/compare", {"pdq": [PDQ, NEAR]})
    assert (compared.status, compared.json) == (200, {"pdq": [True, {"distance": 2}]})


@pytest.mark.parametrize(
    ("bits", "matches"),
    [(0, True), (1, True), (30, True), (31, True), (32, False), (33, False), (255, False)],
)
async def test_pdq_matches_within_31_bits(steady: Any, bits: int, matches: bool) -> None:
    changed = f"{int(PDQ, 16) ^ ((1 << bits) - 1):064x}"
    raw = await steady.get("/m/raw_lookup", signal=changed, signal_type="pdq", include_distance="true")
    assert [one["distance"] for one in raw.json["matches"]] == ([str(bits)] * 2 if matches else [])
    compared = await steady.post("/m/compare", {"pdq": [PDQ, changed]})
    assert compared.json == {"pdq": [matches, {"distance": bits}]}


@pytest.mark.parametrize(
    ("bits", "radius", "matches"),
    [(0, "0", True), (1, "0", False), (10, "9", False), (10, "10", True), (40, "40", True), (63, "63", True)],
)
async def test_a_radius_can_be_asked_for(
    steady: Any, bank: str, random_pdq: Any, bits: int, radius: str, matches: bool
) -> None:
    pdq = random_pdq()
    content_id = (await steady.post(f"/c/bank/{bank}/signal", {"pdq": pdq})).json["id"]
    asked = {"signal": f"{int(pdq, 16) ^ ((1 << bits) - 1):064x}", "signal_type": "pdq", "radius": radius}
    found = await steady.get("/m/lookup", **asked, banks=bank)
    match = {"bank_content_id": content_id, "distance": str(bits)}
    assert found.json == ({bank: [match]} if matches else {})
    raw = await steady.get("/m/raw_lookup", **asked, banks=bank)
    assert raw.json == {"matches": [content_id] if matches else []}
    compared = await steady("POST", f"/m/compare?radius={radius}", json={"pdq": [pdq, asked["signal"]]})
    assert compared.json == {"pdq": [matches, {"distance": bits}]}


async def test_a_bank_may_have_a_radius_of_its_own(api: Any) -> None:
    made = await api.post("/c/banks", {"name": "STRICT", "radii": {"pdq": 5, "phash": 0}})
    assert (made.status, made.json["radii"]) == (201, {"pdq": 5, "phash": 0})
    await api.post("/c/banks", {"name": "PLAIN"})
    await api.post("/c/banks", {"name": "WIDE"})
    changed = await api.put("/c/bank/WIDE", {"radii": {"pdq": 50}})
    assert (changed.status, changed.json["radii"]) == (200, {"pdq": 50})
    for name in ("STRICT", "PLAIN", "WIDE"):
        await api.post(f"/c/bank/{name}/signal", {"pdq": PDQ, "phash": "0" * 16, "md5": MD5})

    async def matching(bits: int, **more: str) -> set[str]:
        changed = f"{int(PDQ, 16) ^ ((1 << bits) - 1):064x}"
        return set((await api.get("/m/lookup", signal=changed, signal_type="pdq", **more)).json)

    assert await matching(5) == {"STRICT", "PLAIN", "WIDE"}
    assert await matching(6) == await matching(31) == {"PLAIN", "WIDE"}
    assert await matching(32) == await matching(50) == {"WIDE"}
    assert await matching(51) == set()
    assert await matching(40, radius="40") == {"STRICT", "PLAIN", "WIDE"}
    assert set((await api.get("/m/lookup", signal="0" * 15 + "1", signal_type="phash")).json) == {
        "PLAIN",
        "WIDE",
    }
    assert len((await api.get("/m/lookup", signal=MD5, signal_type="md5")).json) == 3
    raw = await api.get("/m/raw_lookup", signal=f"{int(PDQ, 16) ^ (1 << 40) - 1:064x}", signal_type="pdq")
    assert raw.json == {"matches": []}
    assert (await api.put("/c/bank/STRICT", {"tags": ["t"]})).json["radii"] == {"pdq": 5, "phash": 0}
    await api.put("/c/bank/STRICT", {"radii": {}})
    assert await matching(31) == {"STRICT", "PLAIN", "WIDE"}
    await api.delete("/c/bank/WIDE")
    assert await matching(32) == set()


@pytest.mark.parametrize(
    "radii", [{"pdq": 64}, {"pdq": -1}, {"md5": 0}, {"none": 1}, {"pdq": "x"}, {"pdq": None}, [], 5]
)
async def test_a_strange_radius_of_a_bank_is_refused(steady: Any, bank: str, radii: Any) -> None:
    for answer in (
        await steady.post("/c/banks", {"name": "ODD", "radii": radii}),
        await steady.put(f"/c/bank/{bank}", {"radii": radii}),
    ):
        assert answer.status == 400
        assert answer.json["message"]
    assert (await steady.get(f"/c/bank/{bank}", include_details="true")).json["radii"] == {}


async def test_a_radius_is_for_types_that_have_one(steady: Any, bank: str, picture: Any) -> None:
    await steady.send_file(f"/c/bank/{bank}/content", "photo", picture(), types="pdq,md5")
    asked = {"banks": bank, "types": "pdq,md5"}
    exact = await steady.send_file("/m/lookup", "photo", picture(), radius="5", **asked)
    assert (list(exact.json["pdq"]), list(exact.json["md5"])) == ([bank], [bank])
    other = await steady.send_file("/m/lookup", "photo", picture("JPEG", quality=20), radius="0", **asked)
    assert other.json == {"pdq": {}, "md5": {}}


@pytest.mark.parametrize("radius", ["-1", "64", "x", "", "1.5", "99999999999999999999"])
@pytest.mark.parametrize("path", ["/m/lookup", "/m/raw_lookup"])
async def test_a_strange_radius_is_refused(steady: Any, path: str, radius: str) -> None:
    answer = await steady.get(path, signal=PDQ, signal_type="pdq", radius=radius)
    assert answer.status == 400
    assert "radius" in answer.json["message"]


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({}, {}),
        ({"video_md5": [MD5, MD5]}, {"video_md5": [True, {"distance": 0}]}),
        ({"video_md5": [MD5, "0" * 32]}, {"video_md5": [False, {"distance": 1}]}),
        ({"phash": ["0" * 16, "3f" + "0" * 14]}, {"phash": [True, {"distance": 6}]}),
        ({"phash": ["0" * 16, "7f" + "0" * 14]}, {"phash": [False, {"distance": 7}]}),
        (
            {"pdq": [PDQ, PDQ], "video_md5": [MD5, MD5]},
            {"pdq": [True, {"distance": 0}], "video_md5": [True, {"distance": 0}]},
        ),
    ],
)
async def test_compare_answers_for_each_type(
    steady: Any, body: dict[str, Any], answer: dict[str, Any]
) -> None:
    compared = await steady.post("/m/compare", body)
    assert (compared.status, compared.json) == (200, answer)


@pytest.mark.parametrize(
    "body",
    [
        [],
        None,
        {"pdq": PDQ},
        {"pdq": [PDQ]},
        {"pdq": [PDQ, PDQ, PDQ]},
        {"pdq": [PDQ, ""]},
        {"pdq": [PDQ, None]},
        {"pdq": [PDQ, 1]},
        {"pdq": [PDQ, PDQ + "\n"]},
        {"pdq": {"a": PDQ}},
        {"unknown": [PDQ, PDQ]},
        {"video_md5": ["x", "y"]},
    ],
)
async def test_what_cannot_be_compared_is_refused(steady: Any, body: Any) -> None:
    answer = await steady.post("/m/compare", body)
    assert answer.status in {400, 415}
    assert answer.json["message"]


@pytest.mark.parametrize("path", ["/m/lookup", "/m/raw_lookup"])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"signal": PDQ},
        {"signal_type": "pdq"},
        {"signal": "", "signal_type": "pdq"},
        {"signal": PDQ, "signal_type": ""},
        {"signal": PDQ, "signal_type": "none"},
        {"signal": PDQ + "\n", "signal_type": "pdq"},
        {"signal": PDQ.upper(), "signal_type": "pdq"},
        {"signal": PDQ[1:], "signal_type": "pdq"},
        {"signal": "\0", "signal_type": "pdq"},
        {"signal": PDQ, "signal_type": "\0"},
        {"signal": "x" * 5000, "signal_type": "pdq"},
        {"signal": MD5, "signal_type": "pdq"},
        {"signal": PDQ, "signal_type": "video_md5"},
    ],
)
async def test_a_bad_lookup_is_refused(steady: Any, path: str, params: dict[str, str]) -> None:
    answer = await steady.get(path, **params)
    assert answer.status == 400
    assert answer.json["message"]


@pytest.mark.parametrize(
    ("path", "name"),
    [("/m/lookup", "bypass_coinflip"), ("/m/raw_lookup", "include_distance")],
)
@pytest.mark.parametrize("value", ["perhaps", "", "2", "null"])
async def test_a_flag_is_yes_or_no(steady: Any, path: str, name: str, value: str) -> None:
    answer = await steady.get(path, signal=PDQ, signal_type="pdq", **{name: value})
    assert answer.status == 400
    assert name in answer.json["message"]


async def test_a_lookup_tells_what_is_known_if_asked(
    steady: Any, bank: str, picture: Any, random_pdq: Any
) -> None:
    added = await steady.send_file(f"/c/bank/{bank}/content", "photo", picture())
    pdq = added.json["signals"]["pdq"]
    path = f"/c/bank/{bank}/content/{added.json['id']}"
    asked = {"banks": bank, "types": "pdq,md5", "include_metadata": "true"}
    match = {"bank_content_id": added.json["id"], "distance": "0", "signal": pdq, "metadata": None}
    found = await steady.send_file("/m/lookup", "photo", picture(), **asked)
    assert found.json == {"pdq": {bank: [match]}, "md5": {}}
    await steady.put(path, {"metadata": {"content_id": "7"}})
    match["metadata"] = {"content_id": "7"}
    assert (await steady.send_file("/m/lookup", "photo", picture(), **asked)).json["pdq"] == {bank: [match]}
    by_signal = {"signal": pdq, "signal_type": "pdq", "banks": bank}
    assert (await steady.get("/m/lookup", **by_signal, include_metadata="true")).json == {bank: [match]}
    assert set((await steady.get("/m/lookup", **by_signal)).json[bank][0]) == {"bank_content_id", "distance"}
    nothing = await steady.get(
        "/m/lookup", signal=random_pdq(), signal_type="pdq", include_metadata="true", banks=bank
    )
    assert nothing.json == {}


async def test_an_index_of_one_hash_matches(api: Any) -> None:
    await api.post("/c/banks", {"name": "A"})
    await api.post("/c/bank/A/signal", {"pdq": "0" * 64})
    assert (await api.get("/m/raw_lookup", signal="0" * 64, signal_type="pdq")).json == {"matches": [1]}


async def test_index_status_counts_at_once(banked: Any) -> None:
    status = (await banked.get("/m/index/status")).json
    assert status["pdq"]["present"] is True
    assert (status["pdq"]["size"], status["video_md5"]["size"]) == (2, 1)
    assert status["pdq"]["built_to"] > 1_700_000_000
    assert list((await banked.get("/m/index/status", signal_type="pdq")).json) == ["pdq"]
    assert (await banked.get("/m/index/status", signal_type="none")).status == 400


async def test_lookups_of_media_need_the_hasher(api: Any, picture: Any) -> None:
    for answer in (
        await api.get("/m/lookup", url="http://example.com/x.png"),
        await api.send_file("/m/lookup", "photo", picture()),
    ):
        assert answer.status == 403
        assert answer.json["message"]


async def test_the_crawls_looks_are_a_bank_that_only_the_crawl_changes(api: Any, pool: Any) -> None:
    telling, flat = bytes.fromhex(PDQ), bytes(32)
    sha, flat_sha = bytes([1]) * 32, bytes([2]) * 32
    await pool.execute(
        "INSERT INTO favicons (sha256, md5, size, format, width, height, frames) "
        "SELECT s, '\\x00112233445566778899aabbccddeeff', 1, 'png', 1, 1, 1 FROM unnest($1::bytea[]) AS s",
        [sha, flat_sha],
    )
    await pool.execute(SITE_WITH_ICON, sha)
    await pool.execute(
        "INSERT INTO hash_pdq (sha256, hash) SELECT * FROM unnest($1::bytea[], $2::bytea[])",
        [sha, flat_sha],
        [telling, flat],
    )
    async with asyncio.timeout(60):
        while not (found := await api.get("/m/lookup", signal=NEAR, signal_type="pdq")).json:
            await asyncio.sleep(0.02)
    (match,) = found.json["CRAWLED_LOOKS"]
    shown = (await api.get(f"/c/bank/CRAWLED_LOOKS/content/{match['bank_content_id']}")).json
    known = {"content_id": sha.hex(), "json": {"sites": ["example.com"]}}
    assert shown["metadata"] == known
    (listed,) = (await api.get("/c/bank/CRAWLED_LOOKS/content")).json["contents"]
    assert listed["metadata"] == known
    told = await api.get("/m/lookup", signal=NEAR, signal_type="pdq", include_metadata="true")
    assert told.json == {"CRAWLED_LOOKS": [{**match, "signal": PDQ, "metadata": known}]}
    for answer in (
        await api.post("/c/bank/CRAWLED_LOOKS/signal", {"pdq": PDQ}),
        await api.put(f"/c/bank/CRAWLED_LOOKS/content/{match['bank_content_id']}", {"disable_until_ts": 0}),
        await api.delete(f"/c/bank/CRAWLED_LOOKS/content/{match['bank_content_id']}"),
        await api.delete("/c/bank/CRAWLED_LOOKS"),
        await api.put("/c/bank/CRAWLED_LOOKS", {"name": "MINE"}),
    ):
        assert answer.status == 403
        assert "crawl" in answer.json["message"]
    await pool.execute("DELETE FROM hash_pdq")
    async with asyncio.timeout(60):
        while (await api.get("/m/lookup", signal=NEAR, signal_type="pdq")).json:
            await asyncio.sleep(0.02)


async def test_lookups_read_where_they_are_told_to(serve: Any, database_url: str) -> None:
    mark = "&" if "?" in database_url else "?"
    reader = f"{database_url}{mark}default_transaction_read_only=on"
    api = await serve(roles=frozenset({"matcher", "curator"}), read_url=reader)
    await api.post("/c/banks", {"name": "A"})
    added = (await api.post("/c/bank/A/signal", {"pdq": "1a" * 32, "md5": "2b" * 16})).json["id"]
    for kind, value in (("pdq", "1a" * 32), ("md5", "2b" * 16)):
        found = await api.get("/m/lookup", signal_type=kind, signal=value, include_metadata="true")
        assert [one["bank_content_id"] for one in found.json["A"]] == [added]


async def test_a_place_to_read_from_that_is_away_leaves_the_rest_alone(database_url: str) -> None:
    nobody = f"postgresql://x@127.0.0.1:{unused_port()}/x"
    settings = ApiSettings(
        DatabaseSettings(url=database_url), read_url=nobody, roles=frozenset({"curator", "matcher"})
    )
    async with TestClient(TestServer(create_app(settings))) as client:
        async with client.post("/c/banks", json={"name": "B"}) as made:
            assert made.status == 201
        async with client.get("/m/lookup", params={"signal_type": "pdq", "signal": PDQ}) as refused:
            assert refused.status == 503


async def test_a_negative_bank_mutes_the_others(full: Any) -> None:
    for name in ("BAD", "GOOD"):
        await full.post("/c/banks", {"name": name})
    near = f"{int(PDQ, 16) ^ 0b111:064x}"
    await full.post("/c/bank/BAD/signal", {"pdq": PDQ})
    good = (await full.post("/c/bank/GOOD/signal", {"pdq": near})).json["id"]
    changed = await full.put("/c/bank/GOOD", {"negative": True, "radii": {"pdq": 3}})
    assert changed.json["negative"]

    async def asked(signal: str, **more: str) -> tuple[set[str], str | None]:
        answer = await full.get("/m/lookup", signal=signal, signal_type="pdq", **more)
        return set(answer.json), answer.headers.get("Samelook-Muted-By")

    assert await asked(PDQ) == await asked(PDQ, banks="BAD") == (set(), "GOOD")
    assert await asked(PDQ, banks="BAD,GOOD") == ({"GOOD"}, "GOOD"), "one can see what mutes"
    assert await asked(f"{int(PDQ, 16) ^ 1 << 9:064x}") == ({"BAD"}, None), "too far for the negative bank"
    await full.put(f"/c/bank/GOOD/content/{good}", {"disable_until_ts": 0})
    assert await asked(PDQ) == ({"BAD"}, None)
    await full.put(f"/c/bank/GOOD/content/{good}", {"disable_until_ts": 1})
    raw = await full.get("/m/raw_lookup", signal=PDQ, signal_type="pdq")
    assert len(raw.json["matches"]) == 2, "a raw lookup shows everything"

    # One signal of a file that is known to be good mutes all of its signals.
    picture = b"not really a picture"
    signals = (await full.send_file("/h/hash", "video", picture, types="md5,sha256")).json
    await full.post("/c/bank/BAD/signal", {"md5": signals["md5"]})
    lookup = await full.send_file("/m/lookup", "video", picture, types="md5,sha256")
    assert [set(lookup.json[name]) for name in ("md5", "sha256")] == [{"BAD"}, set()]
    await full.post("/c/bank/GOOD/signal", {"sha256": signals["sha256"]})
    lookup = await full.send_file("/m/lookup", "video", picture, types="md5,sha256")
    assert lookup.json == {"md5": {}, "sha256": {}}
