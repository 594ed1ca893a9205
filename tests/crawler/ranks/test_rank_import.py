"""Rank lists into a real Postgres: what is added, updated, left alone, and what survives a failure."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from samelook.crawler.ranks.files import DamagedRankFile
from samelook.crawler.ranks.formats import NotARankList, RankFormat
from samelook.crawler.ranks.importing import (
    FIRST_UNRANKED,
    ImportFailed,
    ImportUnderWay,
    RankImport,
    RankImportCounts,
    RankImportSettings,
)
from samelook.sql.pool import Connection, open_connection
from samelook.sql.settings import DatabaseSettings

HEADER = "#harmonicc_pos\t#harmonicc_val\t#pr_pos\t#pr_val\t#host_rev\t#n_hosts\n"
SMALL_MERGES = RankImportSettings(merge_rows=2)


def commoncrawl(names: Sequence[str], first: int = 1) -> str:
    rows = (f"{place}\t{1e7 - place}\t{place}\t1.5E-9\t{name}\t2" for place, name in enumerate(names, first))
    return HEADER + "".join(row + "\n" for row in rows)


class Importer:
    """Writes a list to a file and imports it."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self.connection = connection
        self.path = folder / "list"

    async def __call__(
        self, content: str | bytes, settings: RankImportSettings | None = None
    ) -> RankImportCounts:
        self.path.write_bytes(content.encode() if isinstance(content, str) else content)
        counts = await RankImport(self.connection, str(self.path), settings).run()
        parts = (counts.added, counts.updated, counts.unchanged, counts.outranked, counts.repeated)
        assert counts.domains == sum(parts)
        assert counts.finished
        return counts

    async def column(self, name: str) -> dict[str, Any]:
        """A column of `domains` by name of the domain, best position first."""
        rows = await self.connection.fetch(f"SELECT reversed_name, {name} FROM domains ORDER BY position")
        return {row[0]: row[1] for row in rows}

    async def positions(self) -> dict[str, int]:
        return await self.column("position")

    async def cursor(self) -> int:
        value: int = await self.connection.fetchval("SELECT last_value FROM cursor_domains_fresh")
        return value


@pytest.fixture
def importer(connection: Connection, tmp_path: Path) -> Importer:
    return Importer(connection, tmp_path)


async def test_a_list_becomes_domains_with_all_their_figures(importer: Importer) -> None:
    counts = await importer(commoncrawl(["com.facebook", "com.google"]))
    assert (counts.source, counts.lines, counts.added) == (RankFormat.COMMONCRAWL_DOMAIN, 3, 2)
    row = await importer.connection.fetchrow("SELECT * FROM domains WHERE reversed_name = 'com.google'")
    assert row is not None
    wanted = {
        "harmonic_position": 2, "harmonic_value": 9999998.0, "pagerank_position": 2, "pagerank_value": 1.5e-9,
        "n_hosts": 2, "list_position": None, "position": 2, "source": "commoncrawl-domain",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    noted = await importer.connection.fetchrow("SELECT * FROM rank_imports")
    assert noted is not None
    assert row["import_id"] == noted["id"]
    assert (noted["lines"], noted["domains"], noted["bad_lines"]) == (3, 2, 0)
    assert noted["finished_at"] is not None


@pytest.mark.parametrize("settings", [RankImportSettings(), SMALL_MERGES])
async def test_of_two_lines_about_one_domain_the_first_counts(
    importer: Importer, settings: RankImportSettings
) -> None:
    counts = await importer("5,b.example\n7,a.example\n3,b.example\n9,a.example\n1,a.example\n", settings)
    assert (counts.added, counts.repeated) == (2, 3)
    assert await importer.positions() == {"example.b": 5, "example.a": 7}
    # The same again: the first lines change nothing, and the later ones still do not count.
    counts = await importer("5,b.example\n7,a.example\n3,b.example\n9,a.example\n1,a.example\n", settings)
    assert (counts.unchanged, counts.repeated) == (2, 3)
    assert await importer.positions() == {"example.b": 5, "example.a": 7}


async def test_what_does_not_change_is_not_written(importer: Importer) -> None:
    await importer(commoncrawl(["com.facebook", "com.google", "com.youtube"]))
    before = await importer.connection.fetch("SELECT id, xmin, ctid FROM domains ORDER BY id")
    counts = await importer(commoncrawl(["com.facebook", "com.google", "com.youtube"]))
    assert (counts.added, counts.updated, counts.unchanged) == (0, 0, 3)
    assert await importer.connection.fetch("SELECT id, xmin, ctid FROM domains ORDER BY id") == before
    assert not await importer.connection.fetchval("SELECT count(*) FROM domains WHERE xmax <> 0")


async def test_importing_again_moves_ranks_and_keeps_results(importer: Importer) -> None:
    await importer(commoncrawl(["com.facebook", "com.google"]))
    await importer.connection.execute(
        "INSERT INTO target_urls (domain_id, url, position) SELECT id, 'https://x', position FROM domains"
    )
    ids = await importer.column("id")
    counts = await importer(commoncrawl(["com.google", "org.wikipedia", "com.facebook"]))
    assert (counts.added, counts.updated) == (1, 2)
    assert await importer.positions() == {"com.google": 1, "org.wikipedia": 2, "com.facebook": 3}
    found = await importer.column("id")
    assert {name: found[name] for name in ids} == ids
    assert (
        await importer.connection.fetchval(
            "SELECT count(*) FROM target_urls JOIN domains d ON d.id = domain_id"
        )
        == 2
    )


async def test_a_list_ranks_only_what_common_crawl_does_not(importer: Importer) -> None:
    await importer(commoncrawl(["com.facebook"], first=10))
    counts = await importer("1,facebook.com\n2,t.co\n")
    assert (counts.added, counts.outranked) == (1, 1)
    assert await importer.positions() == {"co.t": 2, "com.facebook": 10}
    # The other way round, and in either order the outcome is the same.
    counts = await importer(commoncrawl(["co.t"], first=11))
    assert counts.updated == 1
    row = await importer.connection.fetchrow(
        "SELECT position, list_position, source FROM domains WHERE reversed_name = 'co.t'"
    )
    assert row is not None
    assert tuple(row) == (11, None, "commoncrawl-domain")


async def test_domain_ranks_outrank_host_ranks(importer: Importer) -> None:
    hosts = "1\t9\t1\t9\tcom.google.www\n2\t8\t2\t8\tcom.google\n3\t7\t3\t7\tcom.youtube\n"
    assert (await importer(hosts)).source is RankFormat.COMMONCRAWL_HOST
    await importer(commoncrawl(["com.google"], first=5))
    counts = await importer(hosts)
    assert (counts.unchanged, counts.outranked) == (2, 1)
    assert await importer.positions() == {"com.google.www": 1, "com.youtube": 3, "com.google": 5}


async def test_a_newer_list_replaces_the_position_of_an_older_one(importer: Importer) -> None:
    await importer("a.example\nb.example\n")
    await importer("1,b.example\n2,c.example\n")
    assert await importer.column("source") == {
        "example.a": "list",
        "example.b": "tranco",
        "example.c": "tranco",
    }


async def test_a_requested_domain_is_ranked_when_a_list_names_it(importer: Importer) -> None:
    await importer.connection.execute(
        "INSERT INTO domains (reversed_name, source) VALUES ('example.a', 'request')"
    )
    counts = await importer("a.example\n")
    assert counts.updated == 1
    assert await importer.positions() == {"example.a": 1}


@pytest.mark.parametrize("merge_rows", [1, 250_000])
async def test_a_complete_list_takes_the_rank_from_what_it_no_longer_names(
    importer: Importer, merge_rows: int
) -> None:
    await importer("1,a.example\n2,b.example\n3,c.example\n")
    await importer("x.example\n")  # another source, which is not concerned
    settings = RankImportSettings(format=RankFormat.TRANCO, complete=True, merge_rows=merge_rows)
    counts = await importer("1,a.example\n2,c.example\n", settings)
    assert (counts.unchanged, counts.updated, counts.unranked) == (1, 1, 1)
    found = await importer.positions()
    assert found.pop("example.b") > FIRST_UNRANKED
    assert found == {"example.a": 1, "example.x": 1, "example.c": 2}
    assert (await importer("1,a.example\n2,c.example\n", settings)).unranked == 0


async def test_the_cursor_of_fresh_domains_goes_back_to_what_moved(importer: Importer) -> None:
    await importer(commoncrawl(["com.a1", "com.a2", "com.a3", "com.a4"]))
    await importer.connection.fetchval("SELECT setval('cursor_domains_fresh', 4)")
    await importer(commoncrawl(["com.a1", "com.a2", "com.a3", "com.a4"]))
    assert await importer.cursor() == 4
    await importer(commoncrawl(["com.new"], first=3))
    assert await importer.cursor() == 2


async def test_the_limit_takes_the_first_domains(importer: Importer) -> None:
    counts = await importer(commoncrawl([f"com.d{n}" for n in range(100)]), RankImportSettings(limit=7))
    assert counts.added == 7
    assert list((await importer.positions()).values()) == [1, 2, 3, 4, 5, 6, 7]


async def test_progress_is_told_and_counts_only_what_is_committed(importer: Importer, tmp_path: Path) -> None:
    path = tmp_path / "ranks.gz"
    path.write_bytes(gzip.compress(commoncrawl([f"com.d{n:07}" for n in range(60_000)]).encode()))
    seen: list[tuple[int, int]] = []
    run = RankImport(importer.connection, str(path), RankImportSettings(merge_rows=20_000))
    await run.run(lambda counts: seen.append((counts.domains, counts.bytes_read)))
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert seen[-1] == (60_000, path.stat().st_size)


async def test_a_truncated_file_keeps_what_precedes_the_break(importer: Importer, tmp_path: Path) -> None:
    path = tmp_path / "ranks.gz"
    packed = gzip.compress(commoncrawl([f"com.d{n * 7919 % 99991}" for n in range(50_000)]).encode())
    path.write_bytes(packed[: len(packed) // 2])
    run = RankImport(importer.connection, str(path), RankImportSettings(complete=True, merge_rows=1000))
    with pytest.raises(DamagedRankFile):
        await run.run()
    assert 10_000 < run.counts.added < 50_000
    assert run.counts.domains == await importer.connection.fetchval("SELECT count(*) FROM domains")
    assert not run.counts.finished
    assert await importer.connection.fetchval("SELECT finished_at FROM rank_imports") is None


async def test_a_damaged_complete_list_takes_no_rank(importer: Importer, tmp_path: Path) -> None:
    await importer(commoncrawl(["com.kept", "com.gone"]))
    path = tmp_path / "ranks.gz"
    path.write_bytes(gzip.compress(commoncrawl(["com.kept"]).encode())[:-4])
    with pytest.raises(DamagedRankFile):
        await RankImport(importer.connection, str(path), RankImportSettings(complete=True)).run()
    assert await importer.positions() == {"com.kept": 1, "com.gone": 2}


async def test_a_list_without_a_usable_line_is_an_error(importer: Importer) -> None:
    with pytest.raises(NotARankList, match="No line"):
        await importer("???\n!!!\n")
    assert await importer.positions() == {}


async def test_one_import_at_a_time(importer: Importer, database_url: str) -> None:
    async with open_connection(DatabaseSettings(database_url)) as other:
        await other.execute("SELECT pg_advisory_lock(hashtext('samelook.rank_import'))")
        with pytest.raises(ImportUnderWay):
            await importer("a.example\n")
        await other.execute("SELECT pg_advisory_unlock_all()")
    assert (await importer("a.example\n")).added == 1


async def test_a_cancelled_import_keeps_what_it_merged_and_can_be_run_again(importer: Importer) -> None:
    text = commoncrawl([f"com.d{n:07}" for n in range(120_000)])
    importer.path.write_text(text)
    run = RankImport(importer.connection, str(importer.path), RankImportSettings(merge_rows=10_000))
    merged = asyncio.Event()

    def report(counts: RankImportCounts) -> None:
        if counts.domains:
            merged.set()

    task = asyncio.create_task(run.run(report))
    await merged.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stored = await importer.connection.fetchval("SELECT count(*) FROM domains")
    assert 0 < stored == run.counts.domains < 120_000
    counts = await importer(text)
    assert (counts.added, counts.unchanged) == (120_000 - stored, stored)


async def test_a_lost_connection_is_a_typed_error_and_a_new_one_goes_on(
    importer: Importer, database_url: str
) -> None:
    text = commoncrawl([f"com.d{n:07}" for n in range(60_000)])
    importer.path.write_text(text)
    killed: list[asyncio.Future[object]] = []
    lost = await asyncpg.connect(database_url)
    pid = lost.get_server_pid()

    def kill_at_first_merge(counts: RankImportCounts) -> None:
        if counts.domains and not killed:
            kill = importer.connection.fetchval("SELECT pg_terminate_backend($1)", pid)
            killed.append(asyncio.ensure_future(kill))

    run = RankImport(lost, str(importer.path), RankImportSettings(merge_rows=10_000))
    with pytest.raises(ImportFailed):
        await run.run(kill_at_first_merge)
    lost.terminate()
    counts = await importer(text)
    assert counts.added + counts.unchanged == 60_000
    assert counts.unchanged >= 10_000


async def test_the_staging_tables_are_gone_afterwards(importer: Importer) -> None:
    await importer("a.example\n")
    with pytest.raises(asyncpg.UndefinedTableError):
        await importer.connection.execute("SELECT FROM rank_lines")
    assert not await importer.connection.fetchval(
        "SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database"
        " WHERE locktype = 'advisory' AND datname = current_database()"
    )
