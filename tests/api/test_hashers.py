"""Hashers begin without a database, know keys without one, and go on when it is away."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer, unused_port

from samelook.api.app import create_app
from samelook.api.key_file import KeyFileUnusable, keys_in
from samelook.api.settings import ApiSettings
from samelook.sql.settings import DatabaseSettings

ADMIN, VIEWER, OTHER = ("a long admin's key 0123", "viewer-key-0123456789", "another-key-9876543210")
_HASHER = ApiSettings(
    DatabaseSettings(url=""), roles=frozenset({"hasher"}), require_keys=True, admin_key=ADMIN
)


@pytest.fixture
async def start() -> AsyncIterator[Any]:
    """Starts hashers with settings of the test's choice."""
    clients: list[Any] = []

    async def started(**choices: Any) -> Any:
        clients.append(TestClient(TestServer(create_app(dataclasses.replace(_HASHER, **choices)))))
        await clients[-1].start_server()
        return clients[-1]

    yield started
    for client in clients:
        await client.close()


async def _hash(hasher: Any, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    form = FormData()
    form.add_field("video", io.BytesIO(b"film"), filename="film")
    async with hasher.post("/h/hash", data=form, headers=headers) as answer:
        if answer.status == 200:
            assert (await answer.json()).keys() == {"video_md5"}
        return int(answer.status)


@pytest.fixture(params=["", "away"])
def url(request: pytest.FixtureRequest) -> str:
    """No database, and one that nobody answers for."""
    return f"postgresql://x@127.0.0.1:{unused_port()}/x" if request.param else ""


async def test_a_hasher_needs_no_database_and_knows_the_admins_key(start: Any, url: str) -> None:
    hasher = await start(database=DatabaseSettings(url=url))
    assert await _hash(hasher, ADMIN) == 200
    async with hasher.get("/status") as status:
        assert (status.status, await status.text()) == (200, "I-AM-ALIVE")
    # Whether a key that only the database could know works cannot be told while it is away.
    assert await _hash(hasher, OTHER) == (503 if url else 401)


async def test_keys_in_a_file_work_and_one_that_is_broken_later_is_ignored(
    start: Any, url: str, tmp_path: Path
) -> None:
    listed = tmp_path / "keys"
    listed.write_text(f"# of uploaders\n\nviewer uploader {VIEWER}\n")
    hasher = await start(database=DatabaseSettings(url=url), keys_file=listed, admin_key=None)
    assert await _hash(hasher, VIEWER) == 200
    # In one step: a file that is written anew is empty for a moment, and says then that there are no keys.
    broken = tmp_path / "broken"
    broken.write_text("viewer broken")
    broken.replace(listed)
    assert await _hash(hasher, VIEWER) == 200


def test_a_file_of_keys_that_is_none_says_where_without_showing_a_key(tmp_path: Path) -> None:
    listed = tmp_path / "keys"
    for text in (f"boss me {VIEWER}", "viewer me short", f"viewer {VIEWER}", f"viewer a b {VIEWER}"):
        listed.write_text(f"# first\n{text}\n")
        with pytest.raises(KeyFileUnusable, match="line 2") as refused:
            keys_in(listed)
        assert VIEWER not in refused.value.message
    listed.write_bytes(b"\xff\xfe")
    with pytest.raises(KeyFileUnusable):
        keys_in(listed)
    with pytest.raises(KeyFileUnusable):
        keys_in(tmp_path / "nothing")


async def test_other_roles_still_want_a_database(start: Any) -> None:
    assert not dataclasses.replace(_HASHER, roles=frozenset({"hasher", "lite"})).needs_database
    assert dataclasses.replace(_HASHER, roles=frozenset({"hasher", "matcher"})).needs_database
    assert await start(roles=frozenset({"hasher", "lite"}))
