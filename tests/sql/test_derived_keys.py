"""docs/billion-rows.md moves a table to keys from which partitions follow: its statements, as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "billion-rows.md"
ADD = """
    INSERT INTO icon_urls (url_sha256, icon_url, declared, position)
    SELECT sha256(url::bytea), url, true, 1 FROM unnest($1::text[]) AS url
    ON CONFLICT (url_sha256) DO NOTHING RETURNING id
"""


async def steps(connection: Any) -> Any:
    """The page's steps, each in a transaction of its own, as it says."""
    for step in re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        async with connection.transaction():
            await connection.execute(step)
        yield step


async def test_a_live_table_moves_to_derived_keys_and_partitions(connection: Any) -> None:
    await connection.execute(
        "INSERT INTO domains (reversed_name, source) VALUES ('com.a', 'test');"
        "INSERT INTO target_urls (domain_id, url, position) SELECT id, 'https://a.com/', 1 FROM domains"
    )
    old = [f"https://a.com/{n}.png" for n in range(200)]
    await connection.fetch(ADD, old)
    await connection.execute(
        "INSERT INTO site_icons (target_url_id, icon_url_id, ordinal, source, declared_url)"
        " SELECT t.id, u.id, 0, 'link-icon', u.icon_url FROM icon_urls AS u, target_urls AS t;"
        "INSERT INTO favicon_metadata (icon_url_id, status) SELECT id, 404 FROM icon_urls;"
        "INSERT INTO leases (phase, input_id, lease_id, worker_id, expires_at)"
        " SELECT 'hashes', min(id), gen_random_uuid(), gen_random_uuid(), now() FROM icon_urls"
    )
    made = 0
    async for step in steps(connection):
        made += 1
        if "PARTITION" in step:
            break
        # The program of today, between any two steps: it knows what is there, and what is new gets its key.
        assert await connection.fetch(ADD, old) == []
        await connection.fetch(ADD, [f"https://a.com/new-{made}.png"])
    assert made == 4
    names = await connection.fetch("SELECT DISTINCT tableoid::regclass::text AS name FROM icon_urls")
    assert len(names) == 4
    assert await connection.fetchval("SELECT count(*) FROM icon_urls") == 203
    assert await connection.fetchval("SELECT bool_and(id = derived_id(url_sha256)) FROM icon_urls")
    # Children went along, and so did the lease.
    for child in ("site_icons", "favicon_metadata"):
        joined = f"SELECT count(*) FROM {child} AS c JOIN icon_urls AS u ON u.id = c.icon_url_id"
        assert await connection.fetchval(joined) == 200
    assert await connection.fetchval("SELECT count(*) FROM leases JOIN icon_urls ON id = input_id") == 1
    add = (
        "INSERT INTO icon_urls (id, url_sha256, icon_url, declared, position)"
        " SELECT derived_id(sha256(url::bytea)), sha256(url::bytea), url, true, 1"
        " FROM unnest($1::text[]) AS url"
        " ON CONFLICT (id) DO NOTHING RETURNING id"
    )
    assert await connection.fetch(add, old) == []
    assert len(await connection.fetch(add, ["https://a.com/last.png"])) == 1
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute("INSERT INTO favicon_metadata (icon_url_id, status) VALUES (7, 404)")
    # One URL is looked for in one partition.
    plan = await connection.fetch(
        "EXPLAIN SELECT * FROM icon_urls WHERE id = derived_id(sha256('https://a.com/1.png'::bytea))"
    )
    text = "\n".join(row[0] for row in plan)
    assert len(re.findall(r"icon_urls_\d", text)) >= 1
    assert "Append" not in text
