"""Banks as files: what is in them, what is not, and what becomes of a transfer that breaks off."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from threatexchange.exchanges.impl.file_api import FileCollaborationConfig, LocalFileSignalExchangeAPI
from threatexchange.signal_type.md5 import VideoMD5Signal
from threatexchange.signal_type.pdq.signal import PdqSignal

from samelook.api.app import create_app
from samelook.api.routes import export as export_routes
from samelook.api.settings import ApiSettings
from samelook.banks import export, signal_types
from samelook.banks.bulk import BulkAdd, NewContent
from samelook.banks.contents import ContentStore
from samelook.banks.details import Details
from samelook.banks.errors import UnknownSignalType
from samelook.banks.signal_types import SIGNAL_TYPES, SignalType, parsed_signals
from samelook.banks.store import Bank, BankStore
from samelook.exchanges import tx
from samelook.sql.pool import Pool
from samelook.sql.settings import DatabaseSettings

Get = Callable[..., Awaitable[tuple[int, str, Any]]]


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    return await BankStore(pool).create("SHARED")


@pytest.fixture
def add(pool: Pool, bank: Bank) -> Callable[..., Awaitable[int]]:
    """Adds a content with signals to the bank; its id."""

    async def add_one(signals: dict[str, str], **details: Any) -> int:
        contents = ContentStore(BankStore(pool))
        return await contents.add(bank.name, parsed_signals(signals), Details(**details))

    return add_one


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[Any]:
    settings = ApiSettings(DatabaseSettings(url=database_url), roles=frozenset({"curator"}))
    async with TestClient(TestServer(create_app(settings))) as one:
        yield one


@pytest.fixture
def get(client: Any) -> Get:
    async def ask(bank: str = "SHARED", **query: str) -> tuple[int, str, Any]:
        async with client.get(f"/c/bank/{bank}/export", params=query) as response:
            return response.status, await response.text(), response.headers

    return ask


async def text_of(pool: Pool, bank: Bank, format_name: str = "local_file", *types: str) -> str:
    async with export.exported(pool, export.checked_export(bank, format_name, types)) as portions:
        return b"".join([portion.text async for portion in portions]).decode()


async def test_the_librarys_file_exchange_reads_exactly_what_was_banked(
    add: Any, pool: Pool, bank: Bank, tmp_path: Path
) -> None:
    kinds = [one for one in tx.SIGNAL_TYPES if one.get_name() in SIGNAL_TYPES]
    ours = {one.get_name(): one.get_examples()[0] for one in kinds}
    theirs = {"pdq": secrets.token_hex(32), "video_md5": secrets.token_hex(16)}
    for name, value in {**ours, **theirs}.items():
        await add({name: value})
    await add(theirs)
    path = tmp_path / "shared.txt"
    path.write_text(await text_of(pool, bank))

    api = LocalFileSignalExchangeAPI.for_collab(FileCollaborationConfig(name="shared", filename=str(path)))
    (delta,) = api.fetch_iter([], None)
    assert set(delta.updates) == {*ours.items(), *theirs.items()}
    known: list[Any] = [PdqSignal, VideoMD5Signal, *kinds]
    converted = api.naive_convert_to_signal_type(known, api.collab, delta.updates)
    assert {kind.get_name(): list(values) for kind, values in converted.items()} == {
        name: [value] for name, value in {**ours, **theirs}.items()
    }


async def test_a_list_of_one_type_is_read_when_the_type_is_told(
    add: Any, pool: Pool, bank: Bank, tmp_path: Path
) -> None:
    values = sorted(secrets.token_hex(32) for _ in range(3))
    for value in values:
        await add({"blockhash16": value, "md5": secrets.token_hex(16)})
    path = tmp_path / "hashes.txt"
    path.write_text(await text_of(pool, bank, "hashes", "blockhash16"))
    assert path.read_text().split() == values
    config = FileCollaborationConfig(name="x", filename=str(path), signal_type="blockhash16")
    (delta,) = LocalFileSignalExchangeAPI.for_collab(config).fetch_iter([], None)
    assert set(delta.updates) == {("blockhash16", value) for value in values}


async def test_a_signal_is_written_once_and_in_one_order(add: Any, pool: Pool, bank: Bank) -> None:
    low, high = "0" * 63 + "1", "f" * 64
    for value in (high, low, high):
        await add({"pdq": value, "blockhash16": high})
    assert await text_of(pool, bank) == f"blockhash16 {high}\npdq {low}\npdq {high}\n"
    assert await text_of(pool, bank, "local_file", "pdq") == f"pdq {low}\npdq {high}\n"


async def test_only_what_matches_now_is_shared(add: Any, pool: Pool, bank: Bank) -> None:
    values = {word: secrets.token_hex(32) for word in ("on", "off", "later", "since", "removed", "other")}
    await add({"pdq": values["on"]})
    await add({"pdq": values["off"]}, disable_until_ts=0)
    await add({"pdq": values["later"]}, disable_until_ts=int(time.time()) + 3600)
    await add({"pdq": values["since"]}, disable_until_ts=int(time.time()) - 3600)
    removed = await add({"pdq": values["removed"]})
    await ContentStore(BankStore(pool)).remove(bank.name, removed)
    await BankStore(pool).create("OTHER")
    await ContentStore(BankStore(pool)).add("OTHER", parsed_signals({"pdq": values["other"]}), Details())
    expected = sorted([values["on"], values["since"]])
    assert (await text_of(pool, bank, "hashes", "pdq")).split() == expected
    contents = [json.loads(line) for line in (await text_of(pool, bank, "ndjson")).splitlines()]
    assert contents == [{"pdq": values["on"]}, {"pdq": values["since"]}]


async def test_texts_of_extensions_cannot_add_lines_of_their_own(
    add: Any, pool: Pool, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = SignalType("words", 0, None, ("photo",), normalise=str)
    with monkeypatch.context() as patch:
        patch.setitem(signal_types._known, "words", words)
        texts = ["one line", "two\npdq " + "f" * 64, "cr\rlf", " blank", "ü"]
        for text in texts:
            await add({"words": text})
        assert await text_of(pool, bank) == "words one line\nwords ü\n"
        async with export.exported(pool, export.checked_export(bank, "local_file", ["words"])) as portions:
            assert [(portion.lines, portion.left_out) async for portion in portions] == [(2, 3)]
        contents = [json.loads(line) for line in (await text_of(pool, bank, "ndjson")).splitlines()]
        assert [content["words"] for content in contents] == texts
    with pytest.raises(export.BadExport, match="words"):
        await text_of(pool, bank)


async def test_an_empty_bank_is_an_empty_file(pool: Pool, bank: Bank, get: Get) -> None:
    for format_name in ("local_file", "ndjson"):
        assert await text_of(pool, bank, format_name) == ""
        assert (await get(format=format_name))[:2] == (200, "")


async def test_lines_of_json_go_into_another_bank_as_they_are(add: Any, client: Any, get: Get) -> None:
    first = {"pdq": secrets.token_hex(32), "favicon_mmh3": "-5"}
    metadata = {"content_id": "7", "content_uri": "https://example.com/ü", "json": {"seen": [1, None]}}
    await add(first, note="a “note”", metadata=metadata)
    await add({"md5": secrets.token_hex(16)})
    status, text, headers = await get(format="ndjson")
    assert (status, headers["Content-Type"]) == (200, "application/x-ndjson; charset=utf-8")
    assert json.loads(text.splitlines()[0]) == {**first, "note": "a “note”", "metadata": metadata}

    await client.post("/c/banks", json={"name": "COPY"})
    lines = {"Content-Type": "application/x-ndjson"}
    async with client.post("/c/bank/COPY/signals", data=text.encode(), headers=lines) as response:
        assert (await response.json())["added"] == 2
    assert (await get("COPY", format="ndjson"))[1] == text


async def test_over_http_it_is_a_file_to_save(add: Any, get: Get) -> None:
    value = secrets.token_hex(32)
    await add({"pdq": value, "md5": secrets.token_hex(16)})
    status, text, headers = await get(signal_type=" pdq ,blockhash16")
    assert (status, text) == (200, f"pdq {value}\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Content-Disposition"] == 'attachment; filename="SHARED.txt"'
    assert headers["Transfer-Encoding"] == "chunked"


async def test_what_cannot_be_exported_is_said_before_it_begins(
    client: Any, get: Get, pool: Pool, bank: Bank
) -> None:
    assert (await get("NOBODYS"))[0] == 404
    for query, word in (
        ({"format": "xml"}, "local_file, hashes, ndjson"),
        ({"format": "hashes"}, "name one signal type"),
        ({"format": "hashes", "signal_type": "pdq,md5"}, "name one signal type"),
        ({"signal_type": "nonsense"}, "nonsense"),
        ({"signal_type": ","}, "No such signal type"),
    ):
        status, text, _ = await get(**query)
        assert status == 400
        assert word in json.loads(text)["message"]
    with pytest.raises(UnknownSignalType):
        export.checked_export(bank, "local_file", ["nonsense"])
    async with client.head("/c/bank/SHARED/export") as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_it_takes_a_key_as_other_reads_of_banks_do(database_url: str, bank: Bank) -> None:
    settings = ApiSettings(
        DatabaseSettings(url=database_url),
        roles=frozenset({"curator"}),
        require_keys=True,
        admin_key="k" * 40,
    )
    async with TestClient(TestServer(create_app(settings))) as client:
        async with client.get("/c/bank/SHARED/export") as response:
            assert response.status == 401
        new_key = {"name": "partner", "role": "viewer"}
        async with client.post("/c/api_keys", json=new_key, headers={"X-API-Key": "k" * 40}) as made:
            key = (await made.json())["key"]
        async with client.get("/c/bank/SHARED/export", headers={"X-API-Key": key}) as response:
            assert response.status == 200


async def test_a_large_bank_is_read_in_portions_of_one_moment(
    add: Any, pool: Pool, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_ROWS", 10)
    bulk = BulkAdd(BankStore(pool), bank)
    values = sorted(secrets.token_hex(32) for _ in range(95))
    await bulk.add([NewContent(parsed_signals({"pdq": value}), Details()) for value in values])
    found: list[str] = []
    sizes = []
    async with export.exported(pool, export.checked_export(bank, "hashes", ["pdq"])) as portions:
        async for portion in portions:
            sizes.append(portion.lines)
            found += portion.text.decode().split()
            # Neither what comes nor what goes meanwhile is seen.
            await pool.execute("UPDATE bank_content SET removed_at = now() WHERE removed_at IS NULL")
            await add({"pdq": secrets.token_hex(32)})
    assert found == values
    assert sizes == [10] * 9 + [5]


async def test_when_the_database_fails_half_way_the_client_knows(
    add: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await add({"pdq": secrets.token_hex(32)})
    monkeypatch.setattr(export, "_ROWS", 1)
    made = export._signal_lines

    def fails_at_the_second(rows: Any, seen: list[int] = []) -> list[str]:  # noqa: B006 - it counts calls
        seen.append(1)
        if len(seen) == 2:
            raise RuntimeError("the database went away")
        return made(rows)

    monkeypatch.setattr(export, "_signal_lines", fails_at_the_second)
    response = await client.get("/c/bank/SHARED/export")
    assert response.status == 200
    with pytest.raises(aiohttp.ClientError):
        await response.read()
    async with client.get("/c/bank/SHARED/export") as response:
        assert len((await response.text()).splitlines()) == 3


async def test_few_are_exported_at_once_and_a_slot_comes_back(
    add: Any, client: Any, pool: Pool, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add({"pdq": secrets.token_hex(32)})
    held, go = asyncio.Semaphore(0), asyncio.Event()
    original = export.exported

    def waits(*arguments: Any) -> Any:
        return _Waiting(original(*arguments), held, go)

    monkeypatch.setattr("samelook.api.routes.export.exported", waits)
    running = [asyncio.ensure_future(get()) for _ in range(export_routes._MOST_AT_ONCE)]
    for _ in running:
        await held.acquire()
    status, text, headers = await get()
    assert (status, headers["Retry-After"]) == (503, "5")
    assert "exported" in json.loads(text)["message"]
    go.set()
    assert [(await one)[0] for one in running] == [200] * len(running)
    assert (await get())[0] == 200


class _Waiting:
    """An export that begins when it is told to."""

    def __init__(self, inner: Any, held: asyncio.Semaphore, go: asyncio.Event) -> None:
        self._inner, self._held, self._go = inner, held, go

    async def __aenter__(self) -> Any:
        self._held.release()
        await self._go.wait()
        return await self._inner.__aenter__()

    async def __aexit__(self, *error: object) -> Any:
        return await self._inner.__aexit__(*error)


async def test_a_client_that_leaves_gives_its_connection_back(
    database_url: str, pool: Pool, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than the buffers between two sockets hold, so that the server is in the midst of it.
    written = export._signal_lines
    monkeypatch.setattr(export, "_signal_lines", lambda rows: written(rows) * 200)
    bulk = BulkAdd(BankStore(pool), bank)
    await bulk.add(
        [NewContent(parsed_signals({"pdq": secrets.token_hex(32)}), Details()) for _ in range(5000)]
    )
    database = replace(DatabaseSettings(url=database_url), max_connections=1)
    settings = ApiSettings(database, roles=frozenset({"curator"}))
    async with TestClient(TestServer(create_app(settings))) as client:
        async with client.get("/c/bank/SHARED/export") as response:
            assert await response.content.readline()
        async with client.get("/c/bank/SHARED/export", params={"signal_type": "md5"}) as response:
            assert (response.status, await response.text()) == (200, "")
