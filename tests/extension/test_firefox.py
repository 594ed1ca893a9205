"""The extension in Firefox: trusted sites are left alone and asked nobody about; copies are locked."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.extension.attacks import ICON, ROBBED
from tests.extension.firefox import Firefox, running_firefox
from tests.extension.stage import Stage
from tests.fixtures.waiting import until

PACK = Path(__file__).parents[2] / "extension/pack.py"
COPIES = ("by-svg", "by-script", "late-field", "in-frame", "asks-to-stay")


@pytest.mark.timeout(300)
async def test_firefox_locks_copies_and_leaves_others_alone(
    firefox_program: str, stage: Stage, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, PACK, tmp_path / "packed"], check=True, capture_output=True)
    archive = tmp_path / "packed/samelook-firefox.zip"
    before = len(stage.asked)
    async with running_firefox(firefox_program, archive, stage, tmp_path) as firefox:
        await _has_its_list(stage, before)
        before = len(stage.asked)
        await firefox.open("lumora.example")
        await _can_be_typed_into(firefox, ROBBED)
        assert [path for _, path, _ in stage.asked[before:]] == []
        await _decodes(stage)
        before = len(stage.asked)
        for name in COPIES:
            await firefox.open(f"{name}.example")
        await _are_locked(firefox, {f"{name}.example" for name in COPIES})
        assert any("//lumora.example/" in url for url in await firefox.urls())
    questions = [json.loads(body) for _, path, body in stage.asked[before:] if path == "/x/v1/check"]
    assert {question["url"] for question in questions} == {f"{name}.example" for name in COPIES}
    assert all(set(icon) == {"data"} for question in questions for icon in question["icons"])


async def _has_its_list(stage: Stage, before: int) -> None:
    async def fetched() -> bool:
        return any(path.startswith("/x/v1/looks/compact") for _, path, _ in stage.asked[before:])

    await until(fetched)


async def _decodes(stage: Stage) -> None:
    """The service has started its decoders: on a busy machine that outlasts the extension's patience."""
    question = {"url": "nobody.example", "icons": [{"data": base64.b64encode(ICON).decode()}]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{stage.server}/x/v1/check", json=question) as answer,
    ):
        assert answer.status == 200


async def _are_locked(firefox: Firefox, hosts: set[str]) -> None:
    left = set(hosts)

    async def none_is_left() -> bool:
        left.difference_update([host for host in left if await firefox.is_locked(host)])
        return not left

    try:
        await until(none_is_left, 150.0)
    except TimeoutError:
        raise AssertionError(f"not locked: {left}; tabs: {await firefox.urls()}") from None


async def _can_be_typed_into(firefox: Firefox, host: str) -> None:
    tab = await firefox.open(host)

    async def arrived() -> bool:
        return any(f"//{host}/" in url for url in await firefox.urls()) and await firefox.has_field(tab)

    await until(arrived)
    assert await firefox.value_after_typing(tab, "abc") == "abc"
