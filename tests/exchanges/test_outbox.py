"""What is said back: once, or not at all, and never twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from samelook.banks.errors import BadSignal, UnknownSignalType
from samelook.exchanges.errors import BadOpinion
from samelook.exchanges.outbox import send_opinions
from samelook.sql.named import queries

A = "0a" * 16


def said(path: str) -> list[Any]:
    file = Path(f"{path}.said")
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


async def test_an_opinion_and_a_sighting_are_sent_once(
    store: Any, settings: Any, script: Any, pool: Any
) -> None:
    path = script([])
    await store.create("ONE", "scripted", {"script": path})
    assert await store.say("ONE", "md5", A, category="POSITIVE_CLASS", tags=["x"])
    assert not await store.say("ONE", "md5", A.upper(), category="POSITIVE_CLASS")
    assert await store.say("ONE", "md5", A)
    assert await send_opinions(pool, settings) == 2
    assert await send_opinions(pool, settings) == 0
    assert sorted(said(path)) == [["md5", A, "POSITIVE_CLASS", ["x"]], ["md5", A, "SEEN"]]
    assert {(one.kind, one.state) for one in await store.opinions("ONE")} == {
        ("opinion", "sent"),
        ("seen", "sent"),
    }


async def test_whoever_changes_their_mind_says_so_once_more(
    store: Any, settings: Any, script: Any, pool: Any
) -> None:
    path = script([])
    await store.create("ONE", "scripted", {"script": path})
    for category in ("POSITIVE_CLASS", "NEGATIVE_CLASS"):
        assert await store.say("ONE", "md5", A, category=category)
        assert await send_opinions(pool, settings) == 1
    assert [one[2] for one in said(path)] == ["POSITIVE_CLASS", "NEGATIVE_CLASS"]


@pytest.mark.parametrize("ending", ["sent", "waiting", "dies"])
async def test_whoever_changes_their_mind_while_it_is_on_its_way_is_heard(
    store: Any, settings: Any, script: Any, pool: Any, ending: str
) -> None:
    path, ask = script([]), queries("exchanges")
    await store.create("ONE", "scripted", {"script": path})
    assert await store.say("ONE", "md5", A, category="POSITIVE_CLASS")
    taken = await ask.take_opinion(pool)
    assert taken["category"] == "POSITIVE_CLASS"
    assert await store.say("ONE", "md5", A, category="NEGATIVE_CLASS")
    assert await send_opinions(pool, settings) == 0  # one at a time
    if ending == "dies":
        await pool.execute(
            "UPDATE exchange_opinions SET try_at = try_at - interval '1 day', "
            "created_at = created_at - interval '1 day'"
        )
    else:
        await ask.settle_opinion(pool, id=taken["id"], state=ending, error=None, wait_s=3600.0)
    assert await send_opinions(pool, settings) == 1
    assert [one[2] for one in said(path)] == ["NEGATIVE_CLASS"]
    assert [one.state for one in await store.opinions("ONE")] == ["sent"]


async def test_what_a_type_cannot_take_is_not_tried_again(store: Any, settings: Any, pool: Any) -> None:
    await store.create("SAMPLE", "sample")
    await store.say("SAMPLE", "md5", A, category="POSITIVE_CLASS")
    await store.say("SAMPLE", "md5", A)
    assert await send_opinions(pool, settings) == 0
    assert [one.state for one in await store.opinions("SAMPLE")] == ["unsupported", "unsupported"]


async def test_what_was_interrupted_is_never_sent_again(
    store: Any, settings: Any, script: Any, pool: Any
) -> None:
    path = script([])
    await store.create("ONE", "scripted", {"script": path})
    await store.say("ONE", "md5", A)
    # As whoever dies while sending leaves it.
    await pool.execute(
        "UPDATE exchange_opinions SET state = 'sending', "
        "try_at = now() - interval '1 day', created_at = now() - interval '1 day'"
    )
    assert await send_opinions(pool, settings) == 0
    assert said(path) == []
    assert [one.state for one in await store.opinions("ONE")] == ["uncertain"]


async def test_a_plain_file_takes_positive_opinions(
    store: Any, settings: Any, tmp_path: Path, pool: Any
) -> None:
    file = tmp_path / "list.txt"
    file.write_text("md5 " + "0b" * 16)
    await store.create("FILE", "local_file", {"filename": str(file)})
    await store.say("FILE", "md5", A, category="POSITIVE_CLASS")
    await store.say("FILE", "md5", "0c" * 16, category="NEGATIVE_CLASS")
    assert await send_opinions(pool, settings) == 1
    assert file.read_text() == "md5 " + "0b" * 16 + f"\nmd5 {A}\n"


async def test_nonsense_is_refused_at_once(store: Any, script: Any) -> None:
    await store.create("ONE", "scripted", {"script": script([])})
    with pytest.raises(BadSignal):
        await store.say("ONE", "md5", "xyz")
    with pytest.raises(UnknownSignalType):
        await store.say("ONE", "no_type", A)
    with pytest.raises(BadOpinion):
        await store.say("ONE", "md5", A, category="MAYBE")
    with pytest.raises(BadOpinion):
        await store.say("ONE", "md5", A, tags=["x"])
