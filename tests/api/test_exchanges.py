"""Exchanges over HTTP: HMA's paths and shapes, matches in time, secrets that stay inside."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar

from samelook.api.users import UserStore
from tests.api.pages.conftest import PASSWORDS, Person
from tests.fixtures.waiting import until

if not os.environ.get("CI"):  # where a missing package is an error and not a reason to skip
    pytest.importorskip("threatexchange", reason="the exchanges extra is not installed: its tests DO NOT RUN")

SECRET = "not-to-be-seen-anywhere"


async def test_the_sample_from_creation_to_match(exchanges: Any) -> None:
    made = await exchanges.post("/c/exchanges", {"bank": "SAMPLE", "api": "sample", "api_json": {}})
    assert (made.status, made.json) == (201, {"message": "Created successfully"})
    assert (await exchanges.get("/c/exchanges")).json == ["SAMPLE"]
    shown = (await exchanges.get("/c/exchange/SAMPLE")).json
    assert {name: shown[name] for name in ("name", "api", "enabled")} == {
        "name": "SAMPLE",
        "api": "sample",
        "enabled": True,
    }

    async def done() -> bool:
        return bool((await exchanges.get("/c/exchange/SAMPLE/status")).json["last_fetch_succeeded"])

    await until(done)
    status = (await exchanges.get("/c/exchange/SAMPLE/status")).json
    assert set(status) == {
        "checkpoint_ts",
        "running_fetch_start_ts",
        "last_fetch_complete_ts",
        "last_fetch_succeeded",
        "up_to_date",
        "fetched_items",
    }
    assert status["up_to_date"]
    assert status["fetched_items"] > 17
    assert status["running_fetch_start_ts"] is None
    known = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"

    async def matches() -> bool:
        found = await exchanges.get("/m/lookup", signal=known, signal_type="pdq")
        return bool("SAMPLE" in found.json)

    await until(matches)
    found = (await exchanges.get("/m/lookup", signal=known, signal_type="pdq")).json["SAMPLE"]
    content = await exchanges.get(f"/c/bank/SAMPLE/content/{found[0]['bank_content_id']}")
    key = f"('pdq', '{known}')"
    assert content.json["collab_metadata"] == content.json["metadata"]["collab"] == {"SAMPLE": [key]}
    told = await exchanges.get("/m/lookup", signal=known, signal_type="pdq", include_metadata="true")
    assert told.json["SAMPLE"][0]["metadata"]["json"]["opinion"] == "INVESTIGATION_SEED"
    assert told.json["SAMPLE"][0]["metadata"]["collab"] == {"SAMPLE": [key]}
    assert "metadata" not in found[0]
    assert content.json["metadata"]["json"]["exchange"] == "SAMPLE"
    assert content.json["metadata"]["json"]["opinion"] == "INVESTIGATION_SEED"


async def test_new_signals_match_and_removed_ones_stop_within_two_seconds_of_their_commit(
    exchanges: Any, tmp_path: Path, pool: Any
) -> None:
    a, b = "1a" * 32, "2b" * 32
    script = tmp_path / "script.json"

    def send(*pages: list[Any]) -> None:
        script.write_text(json.dumps({"epoch": 1, "pages": [{"updates": page} for page in pages]}))

    async def matching(value: str) -> bool:
        return bool((await exchanges.get("/m/lookup", signal=value, signal_type="pdq")).json)

    async def committed(number: int) -> bool:
        written = "SELECT count(*) FROM exchange_checkpoints WHERE checkpoint LIKE '%\"page\":' || $1 || ',%'"
        return bool(await pool.fetchval(written, str(number)))

    send([["pdq", a, []]])
    await exchanges.post(
        "/c/exchanges", {"bank": "ONE", "api": "scripted", "api_json": {"script": str(script)}}
    )
    await until(lambda: committed(1))
    assert await until(lambda: matching(a)) < 2
    send([], [["pdq", a, None], ["pdq", b, []]])
    assert (await exchanges.post("/c/exchange/ONE/fetch")).status == 202
    await until(lambda: committed(2))

    async def swapped() -> bool:
        return await matching(b) and not await matching(a)

    assert await until(swapped) < 2
    await exchanges.delete("/c/exchange/ONE")
    assert await until(lambda: _not(matching(b))) < 2


async def _not(question: Any) -> bool:
    return not await question


async def test_a_flood_is_released_by_a_request_and_by_the_page(
    serve: Any, exchange_settings: Any, tmp_path: Path, pool: Any
) -> None:
    settings = replace(exchange_settings, flood_least=1, flood_times=1.0)
    roles = frozenset({"matcher", "curator", "ui"})
    api = await serve(roles=roles, exchanges=settings, fetch_exchanges=True)
    script, pages = tmp_path / "script.json", []
    values = [f"{number:02x}" * 32 for number in range(3)]

    async def brings(*numbers: int) -> None:
        pages.append({"updates": [["pdq", values[number], []] for number in numbers]})
        script.write_text(json.dumps({"epoch": 1, "pages": pages}))
        if len(pages) == 1:
            made = {"bank": "ONE", "api": "scripted", "api_json": {"script": str(script)}}
            assert (await api.post("/c/exchanges", made)).status == 201
        else:
            await api.post("/c/exchange/ONE/fetch")

    async def matching() -> list[int]:
        asked = [await api.get("/m/lookup", signal=one, signal_type="pdq", radius="0") for one in values]
        return [number for number, found in enumerate(asked) if found.json]

    async def held() -> bool:
        status = await api.get("/c/exchange/ONE/status", include_details="true")
        return status.json["held"] and not status.json["running_fetch_start_ts"]

    async def all_match(count: int) -> bool:
        return await matching() == list(range(count))

    await brings(0)
    await until(lambda: all_match(1))
    await brings(1, 2)
    await until(held)
    assert await matching() == [0]
    assert (await api.post("/c/exchange/ONE/release")).json == {"released": 2}
    await until(lambda: all_match(3))

    # Held once more, as the next flood would be.
    await pool.execute("UPDATE exchanges SET held_after = 0")
    await pool.execute("UPDATE bank_content SET disable_until_ts = 0")
    await until(lambda: all_match(0))
    await UserStore(pool).add("admin", "admin", PASSWORDS["admin"])
    jar = CookieJar(unsafe=True)
    async with ClientSession(str(api.client.make_url("/")).rstrip("/"), cookie_jar=jar) as session:
        person = Person(session)
        assert 'action="/ui/exchanges/ONE/release"' not in (await person.get("/ui/exchanges/ONE"))[1]
        assert (await person.post("/ui/exchanges/ONE/release"))[0] in {303, 401, 403}
        assert await matching() == []
        await person.sign_in("admin")
        _, text = await person.get("/ui/exchanges/ONE")
        assert 'action="/ui/exchanges/ONE/release"' in text
        status, text = await person.post("/ui/exchanges/ONE/release")
        assert (status, text.startswith("/ui/exchanges/ONE")) == (303, True)
    await until(lambda: all_match(3))
    assert (await api.post("/c/exchange/NONE/release")).status == 404


async def test_types_their_schemas_and_their_credentials(exchanges: Any) -> None:
    apis = (await exchanges.get("/c/exchanges/apis")).json
    assert {"sample", "local_file", "fb_threatexchange", "ncmec", "stop_ncii", "tat", "web"} <= set(apis)
    assert (await exchanges.get("/c/exchanges/api/sample")).json == {
        "supports_authentification": False,
        "has_set_authentification": False,
    }
    sent = await exchanges.post("/c/exchanges/api/web", {"credential_json": {"token": SECRET}})
    assert sent.json == {"supports_authentification": True, "has_set_authentification": True}
    assert SECRET not in (await exchanges.get("/c/exchanges/api/web")).text
    cleared = await exchanges.post("/c/exchanges/api/web", {"credential_json": {}})
    assert cleared.json["has_set_authentification"] is False
    schema = (await exchanges.get("/c/exchanges/api/local_file/schema")).json
    assert [one["name"] for one in schema["config_schema"]["fields"]] == ["filename", "signal_type"]
    assert schema["credentials_schema"] is None
    assert (await exchanges.get("/c/exchanges/api/nothing")).status == 400
    unknown = await exchanges.get("/c/exchanges/api/nothing/schema")
    assert (unknown.status, unknown.json["details"]["kind"]) == (404, "unknown_exchange_type")


async def test_credentials_go_in_and_never_come_out(exchanges: Any) -> None:
    body = {
        "bank": "WEB",
        "api": "web",
        "api_json": {"url": "http://127.0.0.1:1/", "enabled": False},
        "credential_json": {"token": SECRET},
    }
    assert (await exchanges.post("/c/exchanges", body)).status == 201
    shown = await exchanges.get("/c/exchange/WEB", include_details="true")
    own = {"supports_auth": True, "has_credentials": True, "source": "exchange"}
    assert shown.json["credential_status"] == own
    assert shown.json["enabled"] is False
    assert (await exchanges.get("/c/exchange/WEB/credentials")).json == own
    cleared = await exchanges.post("/c/exchange/WEB/credentials", {"credential_json": None})
    assert cleared.json == {"supports_auth": True, "has_credentials": False, "source": None}
    for bad in ({"credential_json": {"token": SECRET, "x": SECRET}}, {"token": SECRET}, {}):
        refused = await exchanges.post("/c/exchange/WEB/credentials", bad)
        assert refused.status == 400
        assert SECRET not in refused.text
    for path in ("/c/exchange/WEB", "/c/exchange/WEB/status", "/c/exchanges", "/metrics"):
        assert SECRET not in (await exchanges.get(path)).text


async def test_switching_off_and_deleting_are_hma_s(exchanges: Any) -> None:
    await exchanges.post("/c/exchanges", {"bank": "SAMPLE", "api": "sample"})
    switched = await exchanges.put("/c/exchange/SAMPLE", {"enabled": False})
    assert switched.status == 200
    assert switched.json["enabled"] is False
    assert "SAMPLE" in [one["name"] for one in (await exchanges.get("/c/banks")).json]
    assert (await exchanges.delete("/c/exchange/SAMPLE")).json == {"message": "Exchange deleted"}
    assert (await exchanges.get("/c/banks")).json == []
    # What does not exist is deleted all the same; all else needs it.
    assert (await exchanges.delete("/c/exchange/SAMPLE")).status == 200
    for path in ("", "/status", "/credentials", "/quarantine", "/opinions"):
        assert (await exchanges.get(f"/c/exchange/SAMPLE{path}")).status == 404


async def test_an_exchange_s_bank_keeps_its_name_and_takes_nothing_by_hand(exchanges: Any) -> None:
    await exchanges.post("/c/exchanges", {"bank": "SAMPLE", "api": "sample"})
    assert (await exchanges.put("/c/bank/SAMPLE", {"name": "OTHER"})).status == 403
    assert (await exchanges.post("/c/bank/SAMPLE/signal", {"pdq": "0f" * 32})).status == 403


async def test_an_exchange_goes_with_its_bank(exchanges: Any) -> None:
    await exchanges.post("/c/exchanges", {"bank": "SAMPLE", "api": "sample"})
    assert (await exchanges.delete("/c/bank/SAMPLE")).json == {"message": "Done"}
    assert (await exchanges.get("/c/banks")).json == []
    assert (await exchanges.get("/c/exchanges")).json == []
    assert (await exchanges.post("/c/exchanges", {"bank": "SAMPLE", "api": "sample"})).status == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"bank": "ONE"}, 400),
        ({"api": "sample"}, 400),
        ({"bank": "ONE", "api": "nothing"}, 400),
        ({"bank": "ONE", "api": None}, 400),
        ({"bank": "one", "api": "sample"}, 400),
        ({"bank": "A" * 256, "api": "sample"}, 400),
        ({"bank": "ONE", "api": "sample", "api_json": []}, 400),
        ({"bank": "ONE", "api": "sample", "api_json": {"nonsense": 1}}, 400),
        ({"bank": "ONE", "api": "local_file", "api_json": {}}, 400),
        ({"bank": "ONE", "api": "sample", "every_s": 0}, 400),
        ({"bank": "TAKEN", "api": "sample"}, 403),
        ({"bank": "CRAWLED_LOOKS", "api": "sample"}, 403),
        ([], 400),
    ],
)
async def test_bad_requests_are_named(exchanges: Any, body: Any, status: int) -> None:
    await exchanges.post("/c/banks", {"name": "TAKEN"})
    answer = await exchanges("POST", "/c/exchanges", json=body)
    assert answer.status == status, answer.text
    assert answer.json["message"]
    assert (await exchanges.get("/c/exchanges")).json == []


async def test_quarantine_and_opinions_can_be_seen(exchanges: Any, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("md5 " + "0a" * 16 + "\nmd5 nonsense\n")
    await exchanges.post(
        "/c/exchanges", {"bank": "FILE", "api": "local_file", "api_json": {"filename": str(file)}}
    )

    async def held() -> bool:
        return bool((await exchanges.get("/c/exchange/FILE/quarantine")).json)

    await until(held)
    (one,) = (await exchanges.get("/c/exchange/FILE/quarantine")).json
    assert one["kind"] == "left_out"
    assert "nonsense" not in str(one)
    details = (await exchanges.get("/c/exchange/FILE/status", include_details="true")).json
    assert details["quarantined"] == 1
    opinion = {"signal_type": "md5", "signal_value": "0b" * 16, "opinion": "POSITIVE_CLASS"}
    assert (await exchanges.post("/c/exchange/FILE/opinion", opinion)).json == {"queued": True}
    assert (await exchanges.post("/c/exchange/FILE/opinion", opinion)).json == {"queued": False}

    async def sent() -> bool:
        return bool((await exchanges.get("/c/exchange/FILE/opinions")).json[0]["state"] == "sent")

    await until(sent)
    assert ("0b" * 16) in file.read_text()
    assert (await exchanges.post("/c/exchange/FILE/opinion", {**opinion, "opinion": "MAYBE"})).status == 400
    assert (
        await exchanges.post("/c/exchange/FILE/seen", {"signal_type": "md5", "signal_value": "x"})
    ).status == 400
