"""When a process that died is started again, and when its place stays empty."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from samelook.processes import spawned
from samelook.processes.restarts import Restarts
from samelook.processes.spawned import keep_spawned


def test_pauses_double_up_to_a_limit_and_start_again_after_a_long_life() -> None:
    now = 0.0
    restarts = Restarts(clock=lambda: now)
    pauses = []
    for _ in range(8):
        restarts.began()
        pauses.append(restarts.died())
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert restarts.in_a_row == 8
    restarts.began()
    now = 61.0
    assert restarts.died() == 0
    assert restarts.in_a_row == 0
    restarts.began()
    assert restarts.died() == 1


def _command(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def test_processes_that_end_well_are_not_replaced() -> None:
    deaths: list[int] = []
    status = await keep_spawned(
        _command("pass"), 3, environment=os.environ, stop=asyncio.Event(), on_death=deaths.append
    )
    assert (status, deaths) == (0, [])


async def test_one_that_is_killed_is_replaced(tmp_path: Path) -> None:
    code = f"""
import os, pathlib, signal
mark = pathlib.Path({str(tmp_path / "died")!r})
if not mark.exists():
    mark.touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    deaths: list[int] = []
    status = await keep_spawned(
        _command(code), 1, environment=os.environ, stop=asyncio.Event(), on_death=deaths.append
    )
    assert (status, deaths) == (0, [-9])


async def test_a_place_whose_processes_die_young_stays_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawned, "_MOST_DEATHS", 1)
    deaths: list[int] = []
    status = await keep_spawned(
        _command("raise SystemExit(7)"),
        1,
        environment=os.environ,
        stop=asyncio.Event(),
        on_death=deaths.append,
    )
    assert (status, deaths) == (1, [7])


async def test_a_stop_ends_what_runs_and_what_waits_to_be_started_again(tmp_path: Path) -> None:
    stop = asyncio.Event()
    code = f"""
import os, pathlib, sys
mark = pathlib.Path({str(tmp_path / "first")!r})
try:
    mark.touch(exist_ok=False)
except FileExistsError:
    raise SystemExit(1)
sys.stdin.read()
"""
    started = time.monotonic()
    # One waits for its input until it is told to end; the other dies, which asks for the stop.
    await keep_spawned(_command(code), 2, environment=os.environ, stop=stop, on_death=lambda _: stop.set())
    assert stop.is_set()
    assert time.monotonic() - started < 60
