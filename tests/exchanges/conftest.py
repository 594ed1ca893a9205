"""Exchanges against a database of the test's own, with everything that waits made quick."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from samelook.exchanges.settings import ExchangeSettings
from samelook.sql.pool import Pool

if not os.environ.get("CI"):  # where a missing package is an error and not a reason to skip
    pytest.importorskip("threatexchange", reason="the exchanges extra is not installed: its tests DO NOT RUN")

PLUGINS = Path(__file__).parent / "plugins"
Fetch = Callable[..., Awaitable[Any]]
Script = Callable[..., str]


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an extension that this process and its children can import."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    monkeypatch.setenv("PYTHONPATH", str(PLUGINS), prepend=":")
    return "exchange_plugin"


@pytest.fixture
def settings(plugin: str, tmp_path: Path) -> ExchangeSettings:
    """As at work, but impatient, and with the extension's exchange types."""
    types = tuple(f"{plugin}.{name}" for name in ("Scripted", "Gathering", "Web"))
    return ExchangeSettings(
        exchange_types=types, attempts=2, retry_s=0.01, silence_s=500.0, look_s=0.02, files_folder=tmp_path
    )


@pytest.fixture
def store(pool: Pool, settings: ExchangeSettings) -> Any:
    from samelook.exchanges.store import ExchangeStore

    return ExchangeStore(pool, settings)


@pytest.fixture
def fetch(pool: Pool, settings: ExchangeSettings) -> Fetch:
    """Fetches an exchange, with settings of the test's choice."""
    from samelook.exchanges.fetching import fetch_once

    async def run(name: str, *, from_scratch: bool = False, **choices: Any) -> Any:
        return await fetch_once(pool, name, replace(settings, **choices), from_scratch=from_scratch)

    return run


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Writes what a scripted exchange is to send next; the path of the script."""
    path = tmp_path / "script.json"

    def write(*pages: Any, epoch: int = 1) -> str:
        told = [page if isinstance(page, dict) else {"updates": page} for page in pages]
        path.write_text(json.dumps({"epoch": epoch, "pages": told}))
        return str(path)

    return write


@pytest.fixture
def matching(pool: Pool) -> Callable[[str], Awaitable[dict[str, list[str]]]]:
    """What a bank holds: signals by type, each as often as a content has it."""

    async def read(bank: str) -> dict[str, list[str]]:
        rows = await pool.fetch(
            "SELECT s.type, encode(s.value, 'hex') AS value FROM bank_content AS c "
            "JOIN banks AS b ON b.id = c.bank_id JOIN content_signals AS cs ON cs.content_id = c.id "
            "JOIN signals AS s ON s.id = cs.signal_id "
            "WHERE b.name = $1 AND c.removed_at IS NULL AND b.removed_at IS NULL ORDER BY 1, 2",
            bank,
        )
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["type"], []).append(row["value"])
        return found

    return read


@pytest.fixture
async def source() -> AsyncIterator[Callable[[Any], Awaitable[str]]]:
    """Starts servers of pages; gives their URLs."""
    servers: list[Any] = []

    async def start(handler: Any) -> str:
        app = web.Application()
        app.router.add_get("/", handler)
        server = TestServer(app)
        servers.append(server)
        await server.start_server()
        return str(server.make_url("/"))

    yield start
    for server in servers:
        await server.close()
