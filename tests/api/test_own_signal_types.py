"""Types that others have written compare and hash in their own way, over HTTP."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from samelook.banks import signal_types
from samelook.banks.own_values import OwnValues
from samelook.banks.states import ContentStates
from samelook.exchanges.settings import ExchangeSettings
from tests.api.conftest import MD5, PLUGINS, Caller, Serve
from tests.exchanges.plugins.signal_plugin import FramesSignal

NAMES = ("numbers", "length", "frames", "raw_text", "trend_query")
TREND = json.dumps({"and": [{"or": ["regex-/b+all/", "hoops"]}, {"or": ["now"]}], "not": ["tomorrow"]})


@pytest.fixture(autouse=True)
def plugged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The extension's types are known while the test runs."""
    from samelook.exchanges.signal_registration import register_signal_types

    monkeypatch.syspath_prepend(str(PLUGINS))
    types = list(signal_types._content_types)
    assert set(register_signal_types(ExchangeSettings(extensions=("signal_plugin",)))) == set(NAMES)
    yield
    for name in NAMES:
        del signal_types._known[name]
    signal_types._content_types[:] = types


async def test_each_type_finds_what_its_class_says(serve: Serve) -> None:
    api = await serve(roles=frozenset({"matcher", "curator"}))
    await api.post("/c/banks", {"name": "OWN"})
    ids = {}
    for name, value in (("numbers", "10,10,10,10"), ("raw_text", "x" * 300), ("trend_query", TREND)):
        ids[name] = (await api.post("/c/bank/OWN/signal", {name: value})).json["id"]

    async def found(name: str, signal: str) -> list[tuple[int, str]]:
        answer = await api.get("/m/lookup", signal_type=name, signal=signal)
        assert answer.status == 200, answer.text
        return [(one["bank_content_id"], one["distance"]) for one in answer.json.get("OWN", [])]

    assert await found("numbers", "10,10,10,16") == [(ids["numbers"], "36")]
    assert await found("numbers", "10,10,10,21") == []
    assert await found("raw_text", "x" * 295 + "yyyyy") == [(ids["raw_text"], "98%")]
    assert await found("raw_text", "x" * 200) == []
    assert await found("trend_query", "bbball right now?") == [(ids["trend_query"], "-")]
    assert await found("trend_query", "bbball now, or tomorrow") == []
    raw = await api.get("/m/raw_lookup", signal_type="numbers", signal="10,10,10,11", include_distance="true")
    assert raw.json == {"matches": [{"bank_content_id": ids["numbers"], "distance": "1"}]}

    both = {"numbers": ["1,2,3,4", "1,2,3,9"], "trend_query": [TREND, "hoops now"]}
    compared = (await api.post("/m/compare", both)).json
    assert compared == {"numbers": [True, {"distance": 25}], "trend_query": [True, {}]}

    await api.delete(f"/c/bank/OWN/content/{ids['numbers']}")
    assert await found("numbers", "10,10,10,10") == []
    assert (await api.post("/c/bank/OWN/signal", {"numbers": "10"})).status == 400
    assert (await api.get("/m/lookup", signal_type="numbers", signal="ten")).status == 400


async def test_what_was_there_is_found_after_a_start(serve: Serve) -> None:
    first = await serve(roles=frozenset({"curator"}))
    await first.post("/c/banks", {"name": "OWN"})
    await first.post("/c/bank/OWN/signal", {"numbers": "10,10,10,10"})
    api = await serve(roles=frozenset({"matcher"}))
    answer = await api.get("/m/lookup", signal_type="numbers", signal="10,10,10,11")
    assert [one["distance"] for one in answer.json["OWN"]] == ["1"]


async def test_a_content_type_of_the_settings_is_hashed_and_banked(full: Caller) -> None:
    listed = (await full.get("/c/content_type")).json
    assert [one["name"] for one in listed] == ["photo", "video", "document"]
    page = b"aaa eee iii"
    assert (await full.send_file("/h/hash", "document", page)).json == {"numbers": "3,3,3,0", "length": "11"}
    digest = await full.send_file("/h/hash", "document", b"", types="md5")
    assert digest.status == 400
    assert set((await full.send_file("/h/hash", "document", page, types="md5,length")).json) == {
        "md5",
        "length",
    }
    broken = await full.send_file("/h/hash", "document", b"broken")
    assert broken.json == {"numbers": "", "length": "6"}, "one class's fault costs the other signals nothing"

    await full.post("/c/banks", {"name": "PAGES"})
    added = await full.send_file("/c/bank/PAGES/content", "document", page)
    assert added.json["signals"] == {"numbers": "3,3,3,0", "length": "11"}
    kept = await full.get("/c/bank/PAGES/content", content_type="document")
    assert [one["id"] for one in kept.json["contents"]] == [added.json["id"]]
    assert (await full.get("/c/bank/PAGES/content", content_type="documents")).status == 400
    plain = {"signals": {"md5": MD5}, "content_type": "document"}
    assert (await full.post("/c/bank/PAGES/member", plain)).status == 200


async def test_a_film_of_three_hours_is_banked_found_and_given_out_as_any_value(
    full: Caller, serve: Serve, pool: Any
) -> None:
    film = np.random.default_rng(7).bytes(32 * 3 * 3600)
    cut = film[: -len(film) // 10] + bytes(range(32))
    whole = FramesSignal.hash_from_bytes(film)
    assert len(whole) > 700_000
    await full.post("/c/banks", {"name": "FILMS"})
    assert (await full.send_file("/h/hash", "video", film, types="frames")).json == {"frames": whole}
    banked = (await full.send_file("/c/bank/FILMS/content", "video", film, types="frames")).json
    again = (await full.post("/c/bank/FILMS/signal", {"frames": whole})).json
    line = json.dumps({"frames": whole})
    kind = {"Content-Type": "application/x-ndjson"}
    bulk = await full(
        "POST", "/c/bank/FILMS/signals", data=io.BytesIO(f"{line}\n{line}\n".encode()), headers=kind
    )
    assert (bulk.json["added"], bulk.json["refused"]) == (2, 0)
    assert await pool.fetchval("SELECT count(*) FROM signals WHERE type = 'frames'") == 1, "one value"
    ids = {banked["id"], again["id"], *range(again["id"] + 1, again["id"] + 3)}

    async def found(api: Caller) -> set[tuple[int, str]]:
        answer = await api.send_file("/m/lookup", "video", cut, types="frames")
        assert answer.status == 200, answer.text
        matches = answer.json["frames"]["FILMS"]
        return {(one["bank_content_id"], one["distance"]) for one in matches}

    assert await found(full) == {(content_id, "11") for content_id in ids}
    shown = await full.get(f"/c/bank/FILMS/content/{banked['id']}", include_signals="true")
    assert shown.json["signals"] == {"frames": whole}
    exported = await full.get("/c/bank/FILMS/export", format="ndjson")
    assert exported.text.count(json.dumps(whole)) == 4
    assert await found(await serve()) == await found(full), "after a start too"
    other = await full.post("/c/bank/FILMS/signal", {"frames": FramesSignal.hash_from_bytes(cut)})
    assert other.json["id"] not in ids


async def test_an_index_is_made_anew_beside_what_has_come_since() -> None:
    logic = signal_types.signal_type("numbers").own
    assert logic is not None
    values, states = OwnValues(logic), ContentStates()
    values.add([(one, b"%d,0,0,0" % (100 * one)) for one in range(1, 300)])
    ids = np.arange(1, 300)
    states.set(ids, np.ones(len(ids), np.int32), np.ones(len(ids), np.int64))
    states.set(ids[:1], np.zeros(1, np.int32), np.ones(1, np.int64))
    assert values.grown.is_set()
    await values.rebuild(states)
    values.add([(300, b"29905,0,0,0"), (301, b"no signal")])
    assert len(values) == 300
    assert await values.find("29900,0,0,0") == {299: "0", 300: "25"}
    assert await values.find("100,0,0,0") == {}, "what was removed is no longer in it"
