"""Postgres understands every statement of this room's files."""

from __future__ import annotations

from typing import Any

import pytest

from samelook.sql.named import queries
from samelook.sql.pool import OwnConnection


@pytest.mark.parametrize("subject", ["verdicts", "extension", "looks"])
async def test_every_statement_can_be_prepared(connection: OwnConnection, subject: str) -> None:
    loaded: Any = queries(subject)
    names = [name for name in loaded.available_queries if not name.endswith("_cursor")]
    assert names
    for name in names:
        await connection.prepare(getattr(loaded, name).sql)
