"""How fast the web pages answer with a million sites: `python -m bench.pages [--sites N] [--keep FOLDER]`.

The database is that of `bench.inspector`, with facts and looks of each site and 200,000 explained verdicts of
the last 90 days. `samelook serve` answers from it with its default roles. Each figure is the median of nine
answers after one that is not counted, with that one and the slowest beside it; the bar is 300 ms. It ends
with status 1 when a page misses it.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.api_service import running_service
from bench.check_looks import drawn_looks
from bench.inspector import fill
from samelook.names.version import names_version
from samelook.postgres.embedded import embedded_postgres
from samelook.settings import load_settings
from samelook.sql.migrate import migrate
from samelook.sql.named import queries
from samelook.sql.pool import open_connection
from samelook.terminal.console import out
from samelook.terminal.tables import Table

START_S = 900.0
"""The service reads what is known of all sites before it is ready."""
BAR_MS = 300
TIMES = 9
LOOKS_A_STATEMENT = 20_000
VERDICTS = 200_000

FACTS = (
    """
    INSERT INTO site_facts (domain_id, seq, site, host, position, trusted_position, visited_at)
    SELECT id, position, name, name, position, position, now()
    FROM (SELECT id, harmonic_position AS position,
                 's' || lpad(harmonic_position::text, 9, '0') || '.example' AS name FROM domains) AS d
    """,
    """
    INSERT INTO site_looks (domain_id, sha256, seq, icon_url, md5, since)
    SELECT DISTINCT ON (t.domain_id, m.sha256) t.domain_id, m.sha256, t.position, u.icon_url, f.md5, now()
    FROM site_icons AS i JOIN target_urls AS t ON t.id = i.target_url_id
    JOIN icon_urls AS u ON u.id = i.icon_url_id JOIN favicon_metadata AS m ON m.icon_url_id = u.id
    JOIN favicons AS f ON f.sha256 = m.sha256
    """,
)
EXPLAINED = """
    INSERT INTO explained_verdicts (id, site, at, verdict)
    SELECT gen_random_uuid(), n.site, now() - n.n * interval '35 seconds',
           jsonb_build_object(
               'verdict', (ARRAY['lock', 'grey'])[1 + n.n % 2], 'action', 'lock',
               'host', n.site, 'site', n.site,
               'reasons', jsonb_build_array(jsonb_build_object('code', 'looks_like')),
               'looks_like', jsonb_build_array(jsonb_build_object(
                   'site', n.owner, 'rank', 1 + n.n % 500, 'form', 'whole', 'version', 'file',
                   'pdq', 12, 'colour', 1.5, 'under', 'strict', 'current', true,
                   'sha256', jsonb_build_object('asker', f.hex, 'owner', f.hex),
                   'md5', jsonb_build_object('asker', '', 'owner', ''),
                   'pictures', jsonb_build_object(
                       'asker', '/x/v1/icons/' || f.hex, 'owner', '/x/v1/icons/' || f.hex,
                       'owner_url', 'https://' || n.owner || '/favicon.ico'))))
    FROM (SELECT n, 's' || lpad((n * 4)::text, 9, '0') || '.example' AS site,
                 's' || lpad((1 + n % 500)::text, 9, '0') || '.example' AS owner
          FROM generate_series(1, $1::int) AS n) AS n,
         (SELECT encode(sha256, 'hex') AS hex FROM favicons LIMIT 1) AS f
"""


async def prepare(url: str, sites: int, console: Console) -> str:
    """Fill the database where it is empty; the SHA-256 of a picture that many sites wear."""
    database = load_settings().database_at(url)
    async with open_connection(replace(database, statement_timeout_s=0.0)) as connection:
        await migrate(connection)
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM domains)"):
            await fill(connection, sites, console)
            for statement in FACTS:
                await connection.execute(statement)
            await _fill_looks(connection)
            await connection.execute(EXPLAINED, VERDICTS)
            await connection.execute("SELECT setval('verdict_seq', $1)", sites)
            await connection.execute("DELETE FROM pending_looks")
            # Else the keeper would make the facts of all sites anew while the pages are timed.
            await queries("verdicts").take_names_version(connection, version=names_version())
            await connection.execute("VACUUM ANALYZE")
            console.print("Facts, looks and verdicts are there.")
        return str(await connection.fetchval("SELECT encode(sha256, 'hex') FROM site_looks LIMIT 1"))


async def _fill_looks(connection: Any) -> None:
    digests = [row["sha256"] for row in await connection.fetch("SELECT sha256 FROM favicons")]
    drawn: Iterator[bytes] = drawn_looks(len(digests), 3)
    while page := list(islice(drawn, LOOKS_A_STATEMENT)):
        taken, digests = digests[: len(page)], digests[len(page) :]
        await connection.execute(
            "INSERT INTO looks (sha256, frame, look) "
            "SELECT s, 0, l FROM unnest($1::bytea[], $2::bytea[]) AS g (s, l)",
            taken,
            page,
        )


def asked(url: str) -> float:
    """Milliseconds of one answer. Raises urllib.error.HTTPError where it is none."""
    began = time.perf_counter()
    with urllib.request.urlopen(url, timeout=60) as answer:
        answer.read()
    return (time.perf_counter() - began) * 1000


def main() -> int:
    """Fills, asks each page, prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sites", type=int, default=1_000_000)
    parser.add_argument(
        "--keep", type=Path, help="generate into this folder, or ask the database that is there"
    )
    chosen = parser.parse_args()
    console = Console(stderr=True)
    rows, late = [], False
    with tempfile.TemporaryDirectory(prefix="samelook-bench-") as folder:
        place = chosen.keep or Path(folder)
        with embedded_postgres(place / "postgres") as url:
            picture = asyncio.run(prepare(url, chosen.sites, console))
            with running_service((), START_S, SAMELOOK_DATABASE_URL=url) as service:
                middle = f"s{chosen.sites // 2 + 2:09}.example"
                pages = {
                    "Home": "/ui/",
                    "Verdicts": "/ui/verdicts",
                    "Verdicts, locked, of one owner": "/ui/verdicts?verdict=lock&owner=s000000007.example",
                    "Site in the middle": f"/ui/site/{middle}",
                    "Best site": "/ui/site/s000000010.example",
                    "Looks": "/ui/looks",
                    "Match of a picture's hash": f"/ui/match?hash={picture}",
                    "Banks": "/ui/banks",
                    "Exchanges": "/ui/exchanges",
                }
                for name, path in pages.items():
                    first, *taken = [asked(service.url + path) for _ in range(TIMES + 1)]
                    median = statistics.median(taken)
                    late |= median > BAR_MS
                    rows.append((name, f"{first:,.0f}", f"{median:,.0f}", f"{max(taken):,.0f}"))
    out().print(Table(("page", "first, ms", "median, ms", "slowest, ms"), rows))
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
