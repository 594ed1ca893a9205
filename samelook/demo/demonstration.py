"""The demo: a whole crawl of the bundled sample web, from a rank list to hashed favicons."""

from __future__ import annotations

import shlex
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from samelook.sql.named import queries
from samelook.sql.pool import Pool, open_pool
from samelook.sql.queue_queries import PHASES, queue_queries
from samelook.sql.settings import DatabaseSettings
from samelook.terminal.console import counted, out, say, tell
from samelook.terminal.crawl_display import showing_progress, status_tables

if TYPE_CHECKING:
    from samelook.crawler.status import CrawlStatus

FETCH_SECONDS = 3.0
"""The sample web is near; who has not answered after this long (one site drips on purpose) will not."""


Afterwards = Callable[[Settings, str, int], Awaitable[None]]
"""What goes on when all is shown: with the settings, the database's URL and the sample web's port."""


def run_demo(keep: Path | None, *, verbose: bool = False, afterwards: Afterwards | None = None) -> int:
    """Crawl the sample web and show what came of it; the exit status.

    The demo's brands are invented and would lock real sites, so its data always have a folder of their own,
    where the other commands can look at them. Running the demo again starts it afresh.
    """
    settings = load_settings()
    folder = settings.data_dir / "demo" if keep is None else keep.absolute()
    settings = replace(settings, data_dir=folder, database=DatabaseSettings())
    say("Samelook: a crawl of the bundled sample web. Nothing leaves this machine.", style="bold")
    tell("Starting Postgres…")
    started = time.monotonic()
    with configured_database(settings) as url:
        tell(f"Postgres is up ({time.monotonic() - started:.1f} s).")
        status: int = run_async(_demo(settings, url, verbose=verbose, afterwards=afterwards))
    return status


@dataclass(frozen=True, slots=True)
class Crawled:
    """What came of a crawl of the sample web."""

    ranked: int
    unranked: int
    seconds: float
    status: CrawlStatus
    verdicts: dict[str, dict[str, Any]]


def led_to(settings: Settings, port: int) -> Settings:
    """The settings with which every name leads to the sample web."""
    fetch = replace(
        settings.fetch, resolve=parse_resolve(f"*=127.0.0.1:{port}"), total_timeout_s=FETCH_SECONDS
    )
    return replace(settings, fetch=fetch)


async def crawl_sample_web(settings: Settings, url: str, port: int) -> Crawled:
    """Crawl the sample web, which listens on `port`, into the database, from an empty one on."""
    settings = led_to(settings, port)
    async with open_pool(settings.database_at(url)) as pool:
        await _start_over(pool)
        ranked, unranked = await _import_names(pool)
        async with open_crawl(
            pool, crawl=settings.crawl, fetch=settings.fetch, sandbox=SandboxLimits()
        ) as crawl:
            started = time.monotonic()
            async with computing_looks(pool, settings, once=True):
                with stopping(crawl.stop):
                    async with showing_progress(lambda: crawl.progress, quiet=False):
                        await crawl.run(once=True)
                seconds = time.monotonic() - started
        return Crawled(
            ranked,
            unranked,
            seconds,
            await crawl_status(pool),
            await sample_verdicts(pool, settings, url),
        )


async def _demo(settings: Settings, url: str, *, verbose: bool, afterwards: Afterwards | None) -> int:
    async with sample_web_server() as port:
        tell(f"Crawling {len(SITES)} sites, which port {port} of this machine serves…")
        crawled = await crawl_sample_web(settings, url, port)
        status = crawled.status
        unfinished = sum(phase.due + phase.leased for phase in status.phases)
        if unfinished:
            tell(f"The demo was stopped before {counted(unfinished, 'input')} came to an end.")
            return 1
        await show_verdicts(crawled.verdicts, settings, url, every_site=verbose)
        domains = status.phases[0].inputs
        say(
            f"\nThe crawl: {domains} sites in {crawled.seconds:.1f} s, "
            f"{domains / crawled.seconds:.1f} a second (one of them drips its page for "
            f"{FETCH_SECONDS:g} s, twice, on purpose)."
        )
        if verbose:
            say(f"{crawled.ranked} domains came from a rank list, {crawled.unranked} no list names.\n")
            out().print(status_tables(status))
        else:
            say("`--verbose` shows its tables.")
        if afterwards is None:
            _show_what_next(settings)
        else:
            await afterwards(led_to(settings, port), url, port)
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


def _show_what_next(settings: Settings) -> None:
    program = program_name()
    say("\nLook around, a command a line:\n")
    say(f"  export SAMELOOK_DATA_DIR={shlex.quote(str(settings.data_dir))}")
    for words in ("check lumora-secure.example", "inspect site lumora.example", "inspect overlaps", "serve"):
        say(f"  {program} {words}")
    say(f"\nIts pages: http://127.0.0.1:{settings.api.port}/ui/. To see a browser lock a look-alike:\n")
    say(f"  {program} demo --serve")


def program_name() -> str:
    """How this program was called, as it can be typed again in the same folder."""
    called = Path(sys.argv[0])
    return shlex.quote(str(called)) if called.name == "samelook" and called.parent.name else "samelook"
