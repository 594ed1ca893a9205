"""A streaming standby: it answers every question, follows the primary, and says in one line what needs that.

The tests share a primary and its standby, which the last one promotes.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
import typer
from aiohttp.test_utils import TestClient, TestServer
from typer.testing import CliRunner

from samelook.api.app import create_app
from samelook.api.settings import ApiSettings
from samelook.banks.contents import ContentStore
from samelook.banks.details import Details
from samelook.banks.live import LiveBanks, live_banks
from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.banks.store import BankStore
from samelook.cli import app
from samelook.exchanges.settings import ExchangeSettings
from samelook.matching.settings import LiveSettings
from samelook.sql.migrate import migrate
from samelook.sql.pool import open_pool
from samelook.sql.settings import DatabaseSettings
from samelook.sql.standby import NEEDS_PRIMARY
from samelook.terminal.problems import explained
from tests.fixtures.clusters import Clusters, clusters
from tests.fixtures.waiting import until

PDQ, SHA256 = SIGNAL_TYPES["pdq"], SIGNAL_TYPES["sha256"]
READS = {
    "banks list": "",
    "banks tables": "",
    "check": "partner.example nobody.example",
    "crawl runs": "",
    "crawl status": "",
    "db migrate": "",
    "db url": "",
    "exchange fetch": "",
    "exchange list": "",
    "exchange status": "",
    "inspect audit": "",
    "inspect common": "",
    "inspect errors": "",
    "inspect grey": "",
    "inspect health": "",
    "inspect inject": "",
    "inspect lists": "",
    "inspect look": "0" * 64,
    "inspect overlaps": "",
    "inspect queue": "",
    "inspect reports": "",
    "inspect runs": "",
    "inspect site": "partner.example",
    "inspect verdicts": "",
    "keys list": "",
    "reports list": "",
    "users list": "",
}
WRITES = {
    "banks big-seed": "--banks 1 --hashes 2",
    "banks seed": "",
    "catalogue forget": "Toy",
    "catalogue import": "{folder}/vendors.txt --name toys",
    "crawl add": "one.example",
    "crawl import": "{folder}/list.txt",
    "crawl run": "--once",
    "exchange add": "SAMPLE sample",
    "exchange auth": "fb_threatexchange --unset",
    "exchange remove": "SAMPLE --yes",
    "families import": "{folder}/families.json",
    "inspect inject fault": "dns --share 0.1",
    "keys create": "x --role viewer",
    "keys revoke": "1",
    "keys rotate": "1",
    "reports dismiss": "partner.example",
    "site allow": "a.example",
    "site block": "a.example",
    "site family": "a.example b.example",
    "site forget": "partner.example",
    "users remove": "anna",
}
# They ask no database, refuse something else first, read from a prompt, or run on (`serve` is below).
OTHERS = {
    "banks reset",
    "catalogue add",
    "compare-hma",
    "db shell",
    "demo",
    "discord register",
    "exchange export",
    "exchange quarantine",
    "exchange release",
    "exchange types",
    "hash",
    "icons",
    "inspect inject error",
    "inspect inject result",
    "serve",
    "settings",
    "similar",
    "users add",
    "users password",
}


@dataclass(frozen=True)
class Pair:
    """The URLs of a primary and of its standby."""

    primary: str
    standby: str
    servers: Clusters


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with clusters() as servers:
        primary = servers.new("primary")
        asyncio.run(migrate(primary))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SAMELOOK_DATABASE_URL", primary)
            for words in ("site allow partner.example", "crawl add partner.example"):
                assert CliRunner().invoke(app, words.split()).exit_code == 0
        yield Pair(primary, servers.standby("standby", "primary"), servers)


@pytest.mark.parametrize("command", sorted(READS | WRITES))
def test_a_command_reads_a_standby_or_says_that_it_needs_the_primary(
    command: str, pair: Pair, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "vendors.txt").write_text("toys.example\tToys\n")
    (tmp_path / "list.txt").write_text("one.example\ntwo.example\n")
    (tmp_path / "families.json").write_text('[{"shared": ["a.example", "b.example"]}]')
    monkeypatch.setenv("SAMELOOK_DATABASE_URL", pair.standby)
    monkeypatch.setenv("SAMELOOK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SAMELOOK_ALLOW_INJECTION", "1")
    words = (READS | WRITES)[command].replace("{folder}", str(tmp_path))
    ended = CliRunner().invoke(app, [*command.split(), *shlex.split(words)])
    if command in READS:
        # A crawl that nobody runs is not healthy, which is an answer too.
        assert ended.exit_code == (1 if command == "inspect health" else 0), ended.output
        if command == "check":
            assert "partner.example: trusted" in ended.output
    else:
        assert ended.exception is not None
        assert explained(ended.exception) == (NEEDS_PRIMARY, 1), ended.exception


def test_every_command_is_told_apart() -> None:
    def leaves(command: Any, *names: str) -> Iterator[str]:
        children = getattr(command, "commands", {})
        if not children or (command.invoke_without_command and names):
            yield " ".join(names)
        for name, child in children.items():
            yield from leaves(child, *names, name)

    known = set(leaves(typer.main.get_command(app))) - {"discord"}
    assert known == set(READS) | set(WRITES) | OTHERS


async def _found(live: LiveBanks, value: bytes) -> list[int]:
    return [one.content_id for one in await live.find(PDQ, value)]


async def test_a_matcher_on_a_standby_follows_the_primary(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_pool(DatabaseSettings(url=pair.primary)) as pool:
        store = BankStore(pool)
        contents = ContentStore(store)
        await store.create("A")
        before, after, late = (secrets.token_bytes(32) for _ in range(3))
        early_id = await contents.add("A", {PDQ: before}, Details())
        # What a service does when it starts: on a standby there is nothing to be done, and nothing fails.
        await migrate(pair.standby)
        async with (
            open_pool(DatabaseSettings(url=pair.standby)) as reader,
            live_banks(reader, LiveSettings()) as live,
        ):
            await until(lambda: _found(live, before))
            content_id = await contents.add("A", {PDQ: after, SHA256: after}, Details())
            await until(lambda: _found(live, after))
            assert [one.content_id for one in await live.find(SHA256, after)] == [content_id]

            # A transaction that began before others committed, and commits after a follower has passed them.
            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                late_id = await connection.fetchval(
                    "INSERT INTO bank_content (bank_id) SELECT id FROM banks RETURNING id"
                )
                await connection.execute("INSERT INTO signals (type, value) VALUES ('pdq', $1)", late)
                await connection.execute(
                    "INSERT INTO content_signals SELECT $1, id FROM signals WHERE value = $2",
                    late_id,
                    late,
                )
                other = secrets.token_bytes(32)
                await contents.add("A", {PDQ: other}, Details())
                await until(lambda: _found(live, other))
                assert await _found(live, late) == []
                await transaction.commit()
            await until(lambda: _found(live, late))
            assert await _found(live, late) == [late_id]

            await contents.remove("A", early_id)

            async def gone() -> bool:
                return await _found(live, before) == []

            await until(gone)
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_a_service_reads_a_standby_and_writes_when_that_is_promoted(pair: Pair, tmp_path: Path) -> None:
    settings = ApiSettings(DatabaseSettings(url=pair.standby), exchanges=ExchangeSettings(look_s=0.1))
    settings = replace(settings, live=LiveSettings(snapshot_folder=tmp_path))
    with structlog.testing.capture_logs() as logged:
        async with TestClient(TestServer(create_app(settings))) as client:

            async def text(path: str) -> str:
                async with client.get(path) as response:
                    return await response.text()

            async def is_ready_to_read() -> bool:
                return await text("/readyz") == "DATABASE-READ-ONLY: curator"

            await until(is_ready_to_read)
            assert await text("/readyz?role=matcher") == "READY"
            question = {"url": "https://partner.example/", "icons": []}
            async with client.post("/x/v1/check", json=question) as response:
                assert (await response.json())["verdict"] == "trusted"
            async with client.get(f"/m/lookup?signal_type=pdq&signal={'f' * 64}") as response:
                assert await response.json() == {}
            async with client.post("/c/banks", json={"name": "NEW"}) as response:
                assert response.status == 503
                assert "primary" in (await response.json())["message"]
            await asyncio.sleep(2.5)  # longer than anything waits before it tries to write again
            warned = [one["event"] for one in logged if one["log_level"] in {"warning", "error"}]
            assert sorted(set(warned)) == sorted(warned), warned  # each thing once
            assert "api.database_read_only" in warned

            await asyncio.to_thread(pair.servers.promote, "standby")

            async def is_ready() -> bool:
                return await text("/readyz") == "READY"

            await until(is_ready)
            async with client.post("/c/banks", json={"name": "NEW"}) as response:
                assert response.status == 201

            async with open_pool(DatabaseSettings(url=pair.standby)) as pool:

                async def keeps_facts() -> bool:
                    return bool(await pool.fetchval("SELECT names_version FROM verdict_epochs"))

                await until(keeps_facts)
