"""`samelook serve` killed without warning: what it acknowledged is there; several workers agree."""

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
from pathlib import Path
from typing import Any

import aiohttp
import pytest

COMMAND = [sys.executable, "-m", "samelook.commands.serve", "--role", "matcher", "--role", "curator"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def served(database_url: str, folder: Path, *more: str) -> AsyncIterator[tuple[Any, str]]:
    """A serving process of its own, and its address."""
    port = free_port()
    environment = {**os.environ, "SAMELOOK_DATABASE_URL": database_url, "SAMELOOK_DATA_DIR": str(folder)}
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "--port", str(port), *more, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
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


@pytest.mark.timeout(240)
async def test_acknowledged_writes_survive_kill_9(database_url: str, tmp_path: Path) -> None:
    acknowledged: dict[int, str] = {}
    asked: set[int] = set()
    removed: set[int] = set()
    async with served(database_url, tmp_path) as (process, url), aiohttp.ClientSession() as session:
        async with session.post(f"{url}/c/banks", json={"name": "A"}) as response:
            assert response.status == 201

        async def write() -> None:
            while True:
                value = secrets.token_hex(32)
                async with session.post(f"{url}/c/bank/A/signal", json={"pdq": value}) as response:
                    content_id = (await response.json())["id"]
                    acknowledged[content_id] = value
                if content_id % 5 == 0:
                    asked.add(content_id)
                    async with session.delete(f"{url}/c/bank/A/content/{content_id}") as response:
                        assert (await response.json())["deleted"] == 1
                        removed.add(content_id)

        async def load() -> None:
            lines = [json.dumps({"pdq": secrets.token_hex(32)}) for _ in range(200)]
            while True:
                async with session.post(
                    f"{url}/c/bank/A/signals",
                    data="\n".join(lines),
                    headers={"Content-Type": "application/x-ndjson"},
                ) as response:
                    told = await response.json()
                    acknowledged[told["first_id"]] = json.loads(lines[0])["pdq"]

        writers = [asyncio.create_task(job()) for job in (write, write, write, load)]
        while len(acknowledged) < 60 or not removed:
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        for outcome in await asyncio.gather(*writers, return_exceptions=True):
            assert isinstance(outcome, (aiohttp.ClientError, ConnectionError))
    async with served(database_url, tmp_path) as (_, url), aiohttp.ClientSession() as session:
        for content_id, value in acknowledged.items():
            found = await lookup(session, url, value)
            # A removal that was asked for and not acknowledged may have happened or not.
            if content_id in removed or content_id not in asked:
                assert (content_id in found) is (content_id not in removed)


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
        (["--host", "192.0.2.1"], "cannot listen"),
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
        "samelook.commands.serve",
        "--port",
        "0",
        *arguments,
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    assert process.returncode == 2
    assert said in told.decode()
