"""Plans of the inspector's questions on tables too large to be read."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import asyncpg
import pytest

from samelook.hashing.table import STORED
from samelook.inspector.tables import table_queries
from samelook.sql.hash_queries import hash_queries
from samelook.sql.named import queries
from samelook.sql.pool import OwnConnection, open_connection
from samelook.sql.settings import DatabaseSettings

SITES = 20_000
FILL = f"""
INSERT INTO domains (reversed_name, harmonic_position, source)
SELECT 'example.s' || n, n, 'test' FROM generate_series(1, {SITES}) AS n;
INSERT INTO target_urls (domain_id, url, position)
SELECT id, 'https://s' || id || '.example/', position FROM domains;
INSERT INTO page_visits (target_url_id, final_url, status, icon_count, crawled_at)
SELECT id, url, 200, 1, now() - id * interval '1 second' FROM target_urls WHERE id % 10 <> 0;
INSERT INTO icon_errs (target_url_id, error, at, retry_at)
SELECT id, jsonb_build_object('kind', 'kind' || id % 7, 'message', '', 'detail', 0),
       now() - id * interval '1 second', now() + id * interval '1 second'
FROM target_urls WHERE id % 10 = 0;
INSERT INTO icon_urls (url_sha256, icon_url, declared, position)
SELECT sha256(n::text::bytea), 'https://s' || n || '.example/i', true, n
FROM generate_series(1, {SITES}) AS n;
INSERT INTO site_icons (target_url_id, icon_url_id, ordinal, source, declared_url)
SELECT t.id, u.id, 0, 'link-icon', '' FROM target_urls AS t JOIN icon_urls AS u ON u.position = t.position;
INSERT INTO favicons (sha256, md5, size, format, width, height, frames)
SELECT url_sha256, substring(url_sha256 FROM 1 FOR 16), 1, 'png', 1, 1, 1 FROM icon_urls;
INSERT INTO hash_pdq SELECT sha256, sha256 FROM favicons;
INSERT INTO favicon_metadata (icon_url_id, sha256, crawled_at)
SELECT id, url_sha256, now() - id * interval '1 second' FROM icon_urls WHERE id % 10 <> 0;
INSERT INTO hashing_errs (icon_url_id, error, at, retry_at)
SELECT id, jsonb_build_object('kind', 'kind' || id % 7, 'message', '', 'detail', 0),
       now() - id * interval '1 second', now() + id * interval '1 second'
FROM icon_urls WHERE id % 10 = 0;
"""
SOME = "ARRAY(SELECT sha256 FROM favicons LIMIT 3)"


@pytest.mark.parametrize(
    ("name", "parameters", "most"),
    [
        ("site", {"reversed_names": "ARRAY['example.s77']"}, 20),
        ("site_icons", {"target_id": "77", "most": "200"}, 20),
        ("site_errors", {"domain_id": "80"}, 20),
        ("site_history", {"target_id": "77", "most": "50"}, 20),
        ("md5s_of", {"sha256s": SOME}, 60),
        ("of_pictures_pdq", {"sha256s": SOME}, 60),
        ("wearers", {"sha256s": SOME, "most": "50"}, 60),
        ("queue_times", {}, 60),
        ("newest_work", {}, 20),
        ("anything_ahead", {}, 20),
        ("errors_icons", {"since": "NULL", "before": "NULL", "before_id": "NULL", "page": "20"}, 120),
        ("errors_hashes", {"since": "NULL", "before": "now()", "before_id": "NULL", "page": "20"}, 250),
        (
            "errors_of_kind_icons",
            {"kind": "'kind3'", "since": "NULL", "before": "NULL", "before_id": "NULL", "page": "20"},
            120,
        ),
        ("kinds_icons", {"kind": "NULL", "since": "NULL", "most": "50"}, 800),
        ("retries_due_icons", {"most": "1000"}, 20),
        ("failed_lately_hashes", {"seconds": "100", "most": "1000"}, 60),
        ("done_lately_icons", {"seconds": "100", "most": "1000"}, 250),
        ("stale_hashes", {"seconds": "19990", "most": "1000"}, 60),
        ("hashes_pdq", {"after": "'\\x80'::bytea", "page": "100"}, 250),
        ("equal_pdq", {"hashes": SOME, "most": "10"}, 60),
    ],
)
async def test_questions_touch_few_rows(
    large: OwnConnection, name: str, parameters: dict[str, str], most: int
) -> None:
    statement = sql_of(name, parameters)
    ((plan,),) = await large.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
    # What a scan reads and throws away counts like what it gives; scans of empty tables cost nothing.
    rows = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes(plan[0]["Plan"])
        if "Relation Name" in node
    )
    assert rows <= most, (name, rows)


@pytest.fixture(scope="module")
def filled(database_server: Any) -> Any:
    """A database with twenty thousand sites, for all plans."""

    async def fill() -> str:
        name: str = await database_server.create(template=database_server.template)
        connection = await asyncpg.connect(database_server.url_of(name))
        # The triggers are the verdict's business.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(FILL)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()
        return name

    name = asyncio.run(fill())
    yield database_server.url_of(name)
    asyncio.run(database_server.drop(name))


@pytest.fixture
async def large(filled: str) -> Any:
    async with open_connection(DatabaseSettings(url=filled)) as connection:
        yield connection


def sql_of(name: str, parameters: dict[str, str]) -> str:
    """The statement with its parameters written in; EXPLAIN takes none."""
    files = (queries("inspector"), table_queries(), hash_queries(STORED))
    query = next(getattr(file, name) for file in files if name in file.available_queries)
    names = [parameter for parameter in query.__signature__.parameters if parameter != "self"]
    assert set(names) == set(parameters)
    return re.sub(r"\$(\d+)", lambda match: parameters[names[int(match[1]) - 1]], query.sql)


def nodes(plan: dict[str, Any]) -> Any:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)
