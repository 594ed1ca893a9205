"""`samelook serve` or its Postgres killed without warning: what was acknowledged is there; workers agree."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from samelook.api.keys import KeyStore
from samelook.sql.pool import open_pool
from samelook.sql.settings import DatabaseSettings

COMMAND = [sys.executable, "-m", "samelook", "serve", "--role", "matcher", "--role", "curator"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def served(database_url: str | None, folder: Path, *more: str) -> AsyncIterator[tuple[Any, str]]:
    """A serving process of its own, and its address. Without a database it makes one in the folder."""
    port = free_port()
    environment = {**os.environ, "SAMELOOK_DATA_DIR": str(folder)}
    environment.pop("SAMELOOK_DATABASE_URL", None)
    if database_url is not None:
        environment["SAMELOOK_DATABASE_URL"] = database_url
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "--port", str(port), *more, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(100), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"{url}/status") as response:
                        if response.status == 200:
                            break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
        yield process, url
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(20):
                await process.wait()


async def lookup(session: aiohttp.ClientSession, url: str, value: str) -> list[int]:
    async with session.get(f"{url}/m/raw_lookup", params={"signal": value, "signal_type": "pdq"}) as response:
        return list((await response.json())["matches"])


@dataclass
class Writes:
    """Writers of one service, and what it has acknowledged to them until it answered no more."""

    url: str
    session: aiohttp.ClientSession
    added: dict[int, str] = field(default_factory=dict)
    noted: dict[int, str] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    asked_to_go: set[int] = field(default_factory=set)
    """It may be gone although nobody said so."""

    async def told(self, method: str, path: str, **more: Any) -> Any:
        """The answer. Raises ConnectionError when there is none, or none of success."""
        async with self.session.request(method, self.url + path, **more) as response:
            if response.status >= 300:
                raise ConnectionError(f"{response.status}: {await response.text()}")
            return await response.json()

    async def write(self) -> None:
        """Adds, says something of it, and removes every fifth."""
        while True:
            value = secrets.token_hex(32)
            content_id = (await self.told("POST", "/c/bank/A/signal", json={"pdq": value}))["id"]
            self.added[content_id] = value
            path = f"/c/bank/A/content/{content_id}"
            if content_id % 5:
                note = secrets.token_hex(4)
                assert (await self.told("PUT", path, json={"note": note}))["note"] == note
                self.noted[content_id] = note
            else:
                self.asked_to_go.add(content_id)
                assert await self.told("DELETE", path) == {"deleted": 1}
                self.removed.add(content_id)

    async def load(self) -> None:
        """Adds many at once."""
        while True:
            values = [secrets.token_hex(32) for _ in range(200)]
            answer = await self.told(
                "POST",
                "/c/bank/A/signals",
                data="\n".join(json.dumps({"pdq": value}) for value in values),
                headers={"Content-Type": "application/x-ndjson"},
            )
            assert answer["added"] == len(values)
            self.added[answer["first_id"]], self.added[answer["last_id"]] = values[0], values[-1]

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Writes flow when the block begins; whatever is done in it ends them."""
        await self.told("POST", "/c/banks", json={"name": "A"})
        writers = [asyncio.create_task(job()) for job in (self.write, self.write, self.write, self.load)]
        async with asyncio.timeout(60):
            while len(self.added) < 60 or not (self.removed and self.noted):
                for writer in writers:
                    assert not writer.done(), writer
                await asyncio.sleep(0.01)
        yield
        async with asyncio.timeout(60):
            for outcome in await asyncio.gather(*writers, return_exceptions=True):
                assert isinstance(outcome, (aiohttp.ClientError, ConnectionError)), outcome

    async def are_there(self, url: str) -> None:
        """Fails unless a service that knows nothing of this one has all of it."""
        for content_id, value in self.added.items():
            found = await lookup(self.session, url, value)
            if content_id in self.removed or content_id not in self.asked_to_go:
                assert (content_id in found) is (content_id not in self.removed)
        for content_id, note in self.noted.items():
            async with self.session.get(f"{url}/c/bank/A/content/{content_id}") as response:
                assert (await response.json())["note"] == note


@pytest.mark.timeout(240)
async def test_acknowledged_writes_survive_kill_9(database_url: str, tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as session:
        async with served(database_url, tmp_path) as (process, url):
            writes = Writes(url, session)
            async with writes.flowing():
                process.send_signal(signal.SIGKILL)
                await process.wait()
        async with served(database_url, tmp_path) as (_, url):
            await writes.are_there(url)


@pytest.mark.timeout(240)
async def test_acknowledged_writes_survive_kill_9_of_postgres(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as session:
        async with served(None, tmp_path) as (_, url):
            writes = Writes(url, session)
            async with writes.flowing():
                postmaster = psutil.Process(
                    int((tmp_path / "postgres/data/postmaster.pid").read_text().split()[0])
                )
                for one in (postmaster, *postmaster.children(recursive=True)):
                    one.kill()
            async with session.get(f"{url}/c/banks") as response:
                assert response.status == 503
                assert (await response.json())["message"]
        async with served(None, tmp_path) as (_, url):
            await writes.are_there(url)


@pytest.mark.timeout(240)
async def test_workers_agree_and_are_replaced_when_killed(database_url: str, tmp_path: Path) -> None:
    async with served(database_url, tmp_path, "--workers", "2") as (process, url):
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            async with session.post(f"{url}/c/banks", json={"name": "A"}) as response:
                assert response.status == 201
            value = secrets.token_hex(32)
            async with session.post(f"{url}/c/bank/A/signal", json={"pdq": value}) as response:
                assert response.status == 200
            await asyncio.sleep(2)
            # Every connection may meet another worker.
            for _ in range(40):
                assert await lookup(session, url, value) == [1]
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            assert len(children) == 2
            async with open_pool(DatabaseSettings(url=database_url)) as pool:
                _, secret = await KeyStore(pool, None).create("limited", "admin", per_minute=10)
            statuses = []
            for _ in range(24):
                async with session.get(f"{url}/c/api_keys", headers={"X-API-Key": secret}) as response:
                    statuses.append(response.status)
            assert statuses == [200] * 10 + [429] * 14
            os.kill(int(children[0]), signal.SIGKILL)
            async with asyncio.timeout(60):
                while True:
                    now = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                    if len(now) == 2 and children[0] not in now:
                        break
                    await asyncio.sleep(0.1)
            async with asyncio.timeout(60):
                for _ in range(20):
                    try:
                        assert await lookup(session, url, value) == [1]
                    except (aiohttp.ClientError, KeyError):
                        await asyncio.sleep(0.2)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "SAMELOOK_ADMIN_KEY"),
        (["--role", "cook"], "no role"),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1:0: Cannot assign requested address"),
    ],
)
async def test_serve_refuses_what_would_be_unsafe_or_impossible(
    database_url: str, tmp_path: Path, arguments: list[str], said: str
) -> None:
    environment = {
        **os.environ,
        "SAMELOOK_DATABASE_URL": database_url,
        "SAMELOOK_DATA_DIR": str(tmp_path),
        "COLUMNS": "300",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "samelook",
        "serve",
        "--port",
        "0",
        *arguments,
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    assert process.returncode == 2
    assert said in told.decode()
