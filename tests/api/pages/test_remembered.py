"""What is dear to find is found once for all who look, and nobody waits long for it twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from aiohttp import web

from samelook.api.pages import remembered
from samelook.api.pages.remembered import PageCache


class Slow:
    """Answers 1, 2, 3, … each after it was let go."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = asyncio.Event()

    async def __call__(self, _: web.Application) -> Mapping[str, int]:
        self.asked += 1
        number = self.asked
        await self.go.wait()
        return {"number": number}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "PATIENCE_S", 0.02)


async def test_what_takes_long_is_shown_when_it_is_there_and_asked_for_once() -> None:
    slow, app = Slow(), web.Application()
    cache = PageCache(slow, 60.0)
    assert [await cache.values_soon(app) for _ in range(3)] == [None] * 3
    waiting = [asyncio.create_task(cache.values(app)) for _ in range(3)]
    await asyncio.sleep(0.05)
    waiting[0].cancel()  # who leaves takes nothing from the others
    slow.go.set()
    assert [await one for one in waiting[1:]] == [{"number": 1}] * 2
    assert await cache.values_soon(app) == {"number": 1}
    assert slow.asked == 1


async def test_older_values_are_shown_until_the_newer_ones_are_there() -> None:
    slow, app = Slow(), web.Application()
    cache = PageCache(slow, 0.0)
    slow.go.set()
    assert await cache.values(app) == {"number": 1}
    slow.go.clear()
    assert await cache.values(app) == {"number": 1}
    slow.go.set()
    await asyncio.sleep(0.05)
    assert await cache.values_soon(app) == {"number": 3}


async def test_an_error_is_told_and_nothing_is_kept() -> None:
    faults = [ConnectionError("away"), None]

    async def ask(_: web.Application) -> Mapping[str, int]:
        if (fault := faults.pop(0)) is not None:
            raise fault
        return {"number": 1}

    cache, app = PageCache(ask, 60.0), web.Application()
    with pytest.raises(ConnectionError):
        await cache.values(app)
    assert await cache.values(app) == {"number": 1}


async def test_nothing_is_asked_for_when_the_service_ends() -> None:
    slow, app = Slow(), web.Application()
    cache = PageCache(slow, 60.0)
    assert await cache.values_soon(app) is None
    await cache.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
