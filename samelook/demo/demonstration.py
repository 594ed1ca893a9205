"""The demo: a whole crawl of the bundled sample web, from a rank list to hashed favicons."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from samelook.crawler.crawl import open_crawl
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.ranks.importing import RankImport, RankImportSettings
from samelook.crawler.requests import add_unranked
from samelook.crawler.status import crawl_status
from samelook.demo.sample_web.ranks import rank_list, unranked_list
from samelook.demo.sample_web.server import sample_web_server
from samelook.demo.sample_web.sites import SITES
from samelook.demo.verdicts import sample_verdicts, show_verdicts
from samelook.hashing.settings import SandboxLimits
from samelook.look_upkeep import computing_looks
from samelook.postgres.configured import configured_database
from samelook.processes.running import run_async, stopping
from samelook.settings import Settings, load_settings
from samelook.sql.errors import DatabaseError
from samelook.sql.named import queries
from samelook.sql.pool import Pool, open_pool
from samelook.sql.queue_queries import PHASES, queue_queries
from samelook.sql.settings import DatabaseSettings
from samelook.terminal.console import err, out
from samelook.terminal.crawl_display import showing_progress, status_tables

FETCH_SECONDS = 3.0
"""The sample web is near; who has not answered after this long (one site drips on purpose) will not."""
TOP_LEVEL_DOMAINS = ["example", "test"]
"""Reserved by RFC 2606: whatever a database holds of these came from the demo."""


class NotForDemo(DatabaseError):
    """The configured database holds a real crawl, which the demo must not touch."""


def run_demo(keep: Path | None) -> int:
    """Crawl the sample web and print what came of it; the exit status.

    The demo's data stay in the configured database, so that the other commands can look at them;
    running the demo again starts it afresh. A database that holds anything else is left alone.
    """
    settings = load_settings()
    if keep is not None:
        settings = replace(settings, data_dir=keep.absolute(), database=DatabaseSettings())
    out().print("[bold]Samelook[/bold]: a crawl of the bundled sample web. Nothing leaves this machine.")
    started = time.monotonic()
    with _demo_database(settings) as (settings, url):
        out().print(f"Postgres is up ({time.monotonic() - started:.1f} s).")
        status: int = run_async(_demo(settings, url))
    return status


@contextmanager
def _demo_database(settings: Settings) -> Iterator[tuple[Settings, str]]:
    """The configured database when the demo may have it, else one beside it in the data folder."""
    with configured_database(settings) as url:
        if run_async(_is_free(settings, url)):
            yield settings, url
            return
    if settings.database.url:
        raise NotForDemo(
            "SAMELOOK_DATABASE_URL names a database with a crawl of other sites; the demo leaves it alone. "
            "Unset the variable, or name an empty database."
        )
    beside = replace(settings, data_dir=settings.data_dir / "demo")
    out().print(f"{settings.data_dir} holds a crawl of other sites; the demo uses {beside.data_dir}.")
    with configured_database(beside) as url:
        yield beside, url


async def _is_free(settings: Settings, url: str) -> bool:
    async with open_pool(settings.database_at(url)) as pool:
        foreign: int = await queries("crawl").foreign_domains(pool, suffixes=TOP_LEVEL_DOMAINS)
    return foreign == 0


async def _demo(settings: Settings, url: str) -> int:
    async with sample_web_server() as port, open_pool(settings.database_at(url)) as pool:
        out().print(f"The sample web is up: {len(SITES)} sites on port {port} of this machine.")
        await _start_over(pool)
        ranked, unranked = await _import_names(pool)
        out().print(f"{ranked} domains imported from a rank list, {unranked} added that no list names.")
        fetch = replace(
            settings.fetch, resolve=parse_resolve(f"*=127.0.0.1:{port}"), total_timeout_s=FETCH_SECONDS
        )
        async with open_crawl(pool, crawl=settings.crawl, fetch=fetch, sandbox=SandboxLimits()) as crawl:
            started = time.monotonic()
            async with computing_looks(pool, settings, once=True):
                with stopping(crawl.stop):
                    async with showing_progress(lambda: crawl.progress, quiet=False):
                        await crawl.run(once=True)
                seconds = time.monotonic() - started
        status = await crawl_status(pool)
        verdicts = await sample_verdicts(pool, settings, url)
    out().print(status_tables(status))
    domains = status.phases[0].inputs
    out().print(
        f"{domains} sites in {seconds:.1f} s, {domains / seconds:.1f} a second "
        f"(one of them drips its page for {FETCH_SECONDS:g} s, twice, on purpose)."
    )
    unfinished = sum(phase.due + phase.leased for phase in status.phases)
    if unfinished:
        err().print(f"{unfinished} inputs were not finished: the demo was stopped.")
        return 1
    out().print("\n[bold]Verdicts[/bold]: what a browser extension would be told about these sites.")
    show_verdicts(verdicts)
    out().print(
        f"\nLook around: {_hint(settings)}samelook check lumora-secure.example, "
        f"{_hint(settings)}samelook crawl status, {_hint(settings)}samelook serve",
        highlight=False,
    )
    return 0


async def _start_over(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await queries("crawl").forget_everything(connection)
        for phase in PHASES:
            await queue_queries(phase).lock_queue(connection)
            await queue_queries(phase).rewind(connection)


async def _import_names(pool: Pool) -> tuple[int, int]:
    """Import the sample web's rank list, and add the sites that it does not name."""
    async with pool.acquire() as connection:
        with tempfile.TemporaryDirectory(prefix="samelook-demo-") as folder:
            file = Path(folder) / "sample-domain-ranks.txt.gz"
            file.write_bytes(rank_list())
            counts = await RankImport(connection, str(file), RankImportSettings()).run()
        unranked = await add_unranked(connection, unranked_list().decode().split())
    return counts.domains, unranked


def _hint(settings: Settings) -> str:
    """What to write before a command so that it finds the demo's database."""
    if settings.database.url or settings.data_dir == Settings().data_dir:
        return ""
    return f"SAMELOOK_DATA_DIR={settings.data_dir} "
