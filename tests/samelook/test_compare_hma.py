"""`samelook compare-hma` against stand-ins that answer as HMA and Samelook do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from samelook.commands.compare_hma import difference, lookups_in

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
Start = Callable[[dict[str, Any]], Awaitable[str]]


@pytest.fixture
async def answering() -> AsyncIterator[Start]:
    """Starts services that answer lookups from a table of banks by signal; gives their addresses."""
    servers: list[TestServer] = []

    async def start(known: dict[str, Any]) -> str:
        async def lookup(request: web.Request) -> web.Response:
            assert request.query["seed"]
            found = known.get(request.query["signal"], {})
            return web.json_response(found) if isinstance(found, dict) else web.Response(status=found)

        app = web.Application()
        app.router.add_get("/m/lookup", lookup)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return str(servers[-1].make_url("/"))

    yield start
    for server in servers:
        await server.close()


async def compared(*words: str, lines: str) -> tuple[int, str, str]:
    command = await asyncio.create_subprocess_exec(
        ".venv/bin/samelook",
        "compare-hma",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    told, complaints = await command.communicate(lines.encode())
    assert command.returncode is not None
    return command.returncode, told.decode(), complaints.decode()


def match(content_id: int, distance: str) -> dict[str, Any]:
    return {"bank_content_id": content_id, "distance": distance}


LOG = f"""
10.0.0.7 - - [30/Nov/2026:10:00:00 +0000] "GET /m/lookup?signal={A}&signal_type=pdq HTTP/1.1" 200 44
10.0.0.7 - - [30/Nov/2026:10:00:01 +0000] "GET /status HTTP/1.1" 200 10
pdq {B}
"""


async def test_equal_answers_with_other_ids_are_equal(answering: Start) -> None:
    hma = await answering({A: {"X": [match(1, "0"), match(2, "10")]}})
    ours = await answering({A: {"X": [match(8, "10"), match(7, "0")]}})
    status, told, summary = await compared(hma, "--with", ours, lines=LOG)
    assert (status, told, summary) == (0, "", "2 lookups: 2 answered alike.\n")


async def test_differences_are_named_with_both_answers(answering: Start) -> None:
    hma = await answering({A: {"X": [match(1, "0")]}, C: 500})
    ours = await answering({B: {"Y": [match(1, "3")]}})
    status, told, summary = await compared(hma, "--with", ours, "--json", lines=f"{LOG}pdq {C}\n")
    assert status == 1
    found = {one["kind"]: one for one in map(json.loads, told.splitlines())}
    assert found.keys() == {"missed here", "missed by HMA", "other status"}
    assert (found["missed here"]["hma"], found["missed here"]["samelook"]) == ({"X": ["0"]}, {})
    assert A in found["missed here"]["lookup"]
    assert (found["other status"]["hma"], found["other status"]["samelook"]) == (500, 200)
    assert summary == "3 lookups: 0 answered alike, 1 missed by HMA, 1 missed here, 1 other status.\n"


async def test_a_service_that_is_not_there_is_a_difference(answering: Start) -> None:
    ours = await answering({})
    status, told, _ = await compared("http://127.0.0.1:1", "--with", ours, lines=f"pdq {A}\n")
    assert status == 1
    assert "other status" in told
    assert (await compared("nowhere", lines=""))[0] == 2
    assert (await compared(ours, "--with", ours, lines="GET /status\n"))[0] == 1


def test_lookups_keep_their_parameters_and_get_a_seed() -> None:
    lines = [
        f"GET /m/lookup?signal={A}&signal_type=pdq&banks=X&seed=7 HTTP/1.1",
        f"GET /m/raw_lookup?signal={A}&signal_type=pdq",
        "GET /m/lookup?url=https://example.com/a.png",
        f"GET /c/banks {A}",
        f"pdq {B} 'Sample Signals' INVESTIGATION_SEED",
    ]
    assert list(lookups_in(lines)) == [
        f"/m/lookup?signal={A}&signal_type=pdq&banks=X&seed=7",
        f"/m/raw_lookup?signal={A}&signal_type=pdq&include_distance=true",
        f"/m/lookup?signal_type=pdq&signal={B}&seed={B}",
    ]


def test_raw_answers_are_compared_by_distance() -> None:
    one, other = {"matches": [match(1, "2")]}, {"matches": [match(5, "2")]}
    assert difference("x", (200, one), (200, other)) is None
    assert difference("x", (400, "no"), (400, "never")) is None
    found = difference("x", (200, one), (200, {"matches": [match(5, "4")]}))
    assert found is not None
    assert found.kind == "other contents"
