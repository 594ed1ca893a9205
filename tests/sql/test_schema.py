"""The schema: nothing in it that nobody uses, and no trigger that does not say why it is one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ROOMS = (
    "api",
    "banks",
    "crawler",
    "exchanges",
    "extension_api",
    "facts",
    "inspector",
    "looks",
    "sql",
    "samelook",
)
GUARDS = {"single_row"}
"""Columns that only hold a constraint."""


async def test_every_table_and_column_is_named_by_a_query_or_by_code(connection: Any) -> None:
    files = [
        file for room in ROOMS for ending in ("py", "sql") for file in (ROOT / room).rglob(f"*.{ending}")
    ]
    used = "\n".join(
        re.sub(r"--.*", "", file.read_text()) for file in files if "migrations" not in file.parts
    )
    words = set(re.findall(r"\w+", used))
    rows = await connection.fetch(
        "SELECT c.table_name, c.column_name FROM information_schema.columns AS c"
        " JOIN information_schema.tables AS t USING (table_schema, table_name)"
        " WHERE table_schema = 'public' AND t.table_type = 'BASE TABLE'"
    )
    assert len(rows) > 300
    # The names of the tables of hashes are made from those of signals.
    tables = {row["table_name"] for row in rows if not row["table_name"].startswith("hash_")}
    assert tables - words == set()
    assert {row["column_name"] for row in rows} - words == GUARDS


async def test_every_trigger_says_why_it_is_one(connection: Any) -> None:
    silent = await connection.fetch(
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND obj_description(tgfoid, 'pg_proc') IS NULL"
    )
    assert silent == []
