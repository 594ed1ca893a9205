"""Files of hashes in the forms that people have them in."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from samelook.exchanges.errors import BadExchange
from samelook.exchanges.store import ExchangeStore

PDQ = [f"{n:02x}" * 32 for n in (0x1A, 0x2B, 0x3C)]
MD5 = [f"{n:032x}" for n in (1, 2, 3)]

FORMS = {
    "types and values": ("a.txt", f"pdq {PDQ[0]}\n\nmd5 {MD5[0]}\r\npdq {PDQ[1]}", None),
    "values": ("a.txt", "\n".join(PDQ[:2]) + "\n", "pdq"),
    "names of ThreatExchange": ("a.txt", f"HASH_PDQ {PDQ[0]}\nHASH_PDQ {PDQ[1]}\n", None),
    "header": ("a.csv", f'id,hash,note\n1,{PDQ[0]},"a, b\nc"\n2,{PDQ[1]},\n', "pdq"),
    "header named after the type": ("a.csv", f"pdq,note\n{PDQ[0]},x\n{PDQ[1]},y\n", None),
    "type column": ("a.csv", f"\ufeffsignal_type,value,tags\npdq,{PDQ[0]},one two\npdq,{PDQ[1]},\n", None),
    "type first, no header": ("a.csv", f"pdq,{PDQ[0]}\npdq,{PDQ[1]}\n", None),
    "no header": ("a.csv", f"{PDQ[0]},whatever\n{PDQ[1]},else\n", "pdq"),
    "the library's command": (
        "a.csv",
        f"signal_type,signal_str,collab,category,tags\npdq,{PDQ[0]},S S,X,b a\npdq,{PDQ[1]},S,X,\n",
        None,
    ),
    "the library's command, plain": (
        "a.txt",
        f"pdq {PDQ[0]} 'S S' INVESTIGATION_SEED\npdq {PDQ[1]} \"it's\" POSITIVE_CLASS z,y\nurl x 'S' A\n",
        None,
    ),
    "a .te file": ("mine.te", f"{PDQ[0]},12,today,tag other\n{PDQ[1]},13,today,\n", "pdq"),
    "the library's own": ("simple.HASH_PDQ.te", f"{PDQ[0]},12,today,tag other\n{PDQ[1]},13,today,\n", None),
}


TAGS = {
    "type column": {"one", "two"},
    "the library's own": {"other", "tag"},
    "a .te file": {"other", "tag"},
    "the library's command": {"a", "b"},
    "the library's command, plain": {"y", "z"},
}


@pytest.mark.parametrize("form", FORMS)
async def test_each_form_is_read(
    store: Any, fetch: Any, tmp_path: Path, matching: Any, pool: Any, form: str
) -> None:
    name, text, signal_type = FORMS[form]
    file = tmp_path / name
    file.write_text(text, newline="")
    config = {"filename": str(file), **({"signal_type": signal_type} if signal_type else {})}
    await store.create("FILE", "local_file", config)
    outcome = await fetch("FILE")
    assert outcome.succeeded, outcome.error
    assert await store.quarantine("FILE") == []
    assert (await matching("FILE"))["pdq"] == PDQ[:2]
    tags = {
        tag for row in await pool.fetch("SELECT shared FROM bank_content") for tag in row["shared"]["tags"]
    }
    assert tags == TAGS.get(form, set())


async def test_lines_that_vanish_are_removed_and_a_file_that_stays_costs_nothing(
    store: Any, fetch: Any, tmp_path: Path, matching: Any, pool: Any
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\n".join(f"md5 {one}" for one in MD5))
    await store.create("FILE", "local_file", {"filename": str(file)})
    await fetch("FILE")
    generation = await pool.fetchval("SELECT max(generation) FROM exchange_records")
    await fetch("FILE")
    assert await pool.fetchval("SELECT max(generation) FROM exchange_records") == generation
    file.write_text(f"md5 {MD5[1]}\n")
    await fetch("FILE")
    assert await matching("FILE") == {"md5": [MD5[1]]}


async def test_a_long_file_goes_on_where_it_stopped(
    store: Any, fetch: Any, tmp_path: Path, pool: Any
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("".join(f"md5 {n:032x}\n" for n in range(5000)))
    await store.create("FILE", "local_file", {"filename": str(file)})
    counts = []
    for _ in range(3):
        outcome = await fetch("FILE", run_s=0.0)
        counts.append(outcome.stored)
    assert counts == [2000, 2000, 1000]
    assert await pool.fetchval("SELECT count(*) FROM exchange_records") == 5000


async def test_what_is_no_signal_is_kept_and_named(
    store: Any, fetch: Any, tmp_path: Path, matching: Any
) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"md5 " + MD5[0].encode() + b"\nnonsense\nmd5 123\nsound_hash abc\n\xff\xfe md5\n")
    await store.create("FILE", "local_file", {"filename": str(file)})
    outcome = await fetch("FILE")
    assert outcome.succeeded
    assert await matching("FILE") == {"md5": [MD5[0]]}
    raws = sorted(one.raw.decode() for one in await store.quarantine("FILE"))
    # By place and length: whoever sees the quarantine need not be allowed to read the file.
    assert raws == [
        "The line of 7 bytes that ends at byte 54 is no md5 signal",
        "The line of 8 bytes that ends at byte 46 is without a signal type",
    ]


async def test_a_row_that_is_no_csv_spoils_no_other(
    store: Any, fetch: Any, tmp_path: Path, matching: Any
) -> None:
    file = tmp_path / "a.csv"  # found by fuzzing: a lone carriage return, and a cell longer than csv reads
    rows = [f"md5,{MD5[0]}", "md5,a\rb", "md5," + "x" * 140_000, f"md5,{MD5[1]}"]
    file.write_bytes(("signal_type,signal_str\n" + "\n".join(rows) + "\n").encode())
    await store.create("FILE", "local_file", {"filename": str(file)})
    assert (await fetch("FILE")).succeeded
    assert {name: sorted(found) for name, found in (await matching("FILE")).items()} == {
        "md5": sorted(MD5[:2])
    }


@pytest.mark.parametrize("text", ["sound_hash abc\nsound_hash def\n", "a,b\nc,d\n", "pdq nonsense\n"])
async def test_a_file_of_which_nothing_can_be_used_is_no_success_and_takes_nothing_away(
    store: Any, fetch: Any, tmp_path: Path, matching: Any, text: str
) -> None:
    file = tmp_path / "a.txt"
    file.write_text(text)
    await store.create("FILE", "local_file", {"filename": str(file)})
    for _ in range(2):
        outcome = await fetch("FILE")
        assert (outcome.succeeded, outcome.error.kind) == (False, "nothing_usable")
    file.write_text(f"md5 {MD5[0]}\n")
    assert (await fetch("FILE")).succeeded
    file.write_text(text)
    assert (await fetch("FILE")).error.kind == "nothing_usable"
    assert await matching("FILE") == {"md5": [MD5[0]]}
    file.write_text("")
    assert (await fetch("FILE")).succeeded
    assert await matching("FILE") == {}


async def test_a_file_that_is_not_there(store: Any, fetch: Any, tmp_path: Path) -> None:
    await store.create("FILE", "local_file", {"filename": str(tmp_path / "absent")})
    outcome = await fetch("FILE")
    assert outcome.error.kind == "source_unreachable"
    assert "absent" in outcome.error.message


async def test_a_file_that_vanishes_takes_nothing_with_it(
    store: Any, fetch: Any, tmp_path: Path, matching: Any
) -> None:
    file = tmp_path / "a.txt"
    file.write_text(f"md5 {MD5[0]}\n")
    await store.create("FILE", "local_file", {"filename": str(file)})
    await fetch("FILE")
    file.unlink()
    assert not (await fetch("FILE")).succeeded
    assert await matching("FILE") == {"md5": [MD5[0]]}


async def test_signal_types_of_an_extension_match(
    pool: Any, settings: Any, tmp_path: Path, plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from samelook.banks import signal_types
    from samelook.banks.live import live_banks
    from samelook.exchanges.fetching import fetch_once
    from samelook.exchanges.signal_registration import register_signal_types
    from samelook.exchanges.store import ExchangeStore
    from samelook.matching.settings import LiveSettings

    for name in ("word", "short_hash"):
        monkeypatch.delitem(signal_types._known, name, raising=False)
    chosen = replace(
        settings, extensions=(), signal_types=(f"{plugin}.WordSignal", f"{plugin}.ShortHashSignal:64:8")
    )
    assert sorted(register_signal_types(chosen)) == ["short_hash", "word"]
    file = tmp_path / "a.txt"
    file.write_text("word Hello\nshort_hash 00000000ffffffff\nword 12\n")
    await ExchangeStore(pool, chosen).create("FILE", "local_file", {"filename": str(file)})
    outcome = await fetch_once(pool, "FILE", chosen)
    assert outcome.succeeded
    assert outcome.quarantined == 1
    async with live_banks(pool, LiveSettings()) as live:
        word, near = (signal_types.signal_type(name) for name in ("word", "short_hash"))
        assert [one.bank.name for one in await live.find(word, word.parse(" HELLO "))] == ["FILE"]
        assert [one.distance for one in await live.find(near, bytes.fromhex("00000000fffffff0"))] == [4]
        assert await live.find(near, bytes.fromhex("000000000000ffff")) == []
    for name in ("word", "short_hash"):
        signal_types._known.pop(name)


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "link", "/proc/self/environ", "/dev/zero"])
async def test_nothing_outside_the_operators_folder_is_read(store: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(BadExchange, match="SAMELOOK_EXCHANGE_FOLDER"):
        await store.create("FILE", "local_file", {"filename": name})
    with pytest.raises(BadExchange, match="named no folder"):
        await ExchangeStore(store.pool).create("FILE", "local_file", {"filename": "list.txt"})


@pytest.mark.parametrize("name", ["circle", "below/list.txt", "\ud800", "x" * 5000])
async def test_a_name_that_leads_to_no_file_is_told_and_no_fault_of_ours(
    store: Any, fetch: Any, tmp_path: Path, name: str
) -> None:
    (tmp_path / "circle").symlink_to("other")
    (tmp_path / "other").symlink_to("circle")
    (tmp_path / "below").symlink_to("circle")
    try:
        await store.create("FILE", "local_file", {"filename": name})
    except BadExchange:
        return
    # A name may be of a file that is still to come.
    outcome = await fetch("FILE")
    assert not outcome.succeeded
    assert outcome.error.kind != "worker_died"


async def test_a_link_that_is_laid_later_leads_nowhere(store: Any, fetch: Any, tmp_path: Path) -> None:
    await store.create("FILE", "local_file", {"filename": "list.txt"})
    (tmp_path / "list.txt").symlink_to("/etc/passwd")
    outcome = await fetch("FILE")
    assert not outcome.succeeded
    assert [one.raw for one in await store.quarantine("FILE")] == []


async def test_what_is_no_regular_file_is_refused(store: Any, fetch: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    await store.create("PIPE", "local_file", {"filename": "pipe"})
    await store.create("FOLDER", "local_file", {"filename": "folder"})
    for name in ("PIPE", "FOLDER"):
        outcome = await fetch(name)
        assert not outcome.succeeded
        assert "no regular file" in outcome.error.message


async def test_removing_an_exchange_ends_its_process(store: Any, fetch: Any, script: Any) -> None:
    await store.create("SLOW", "scripted", {"script": script({"hang": True})})
    fetching = asyncio.create_task(fetch("SLOW"))
    while not (await store.status("SLOW")).running_since:
        await asyncio.sleep(0.01)
    await store.delete("SLOW")
    async with asyncio.timeout(30):
        outcome = await fetching
    assert outcome.error.kind == "superseded"
