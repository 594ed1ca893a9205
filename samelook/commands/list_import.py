"""One import of a rank list, from a file or from the web, booked as a run: done once, or again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from samelook.crawler.ranks.importing import ImportUnderWay, RankImport, RankImportCounts, RankImportSettings
from samelook.crawler.ranks.sources import FetchedList, Source, fetched_list, is_address
from samelook.crawler.runs import Planned, recorded
from samelook.sql.audit import by_account
from samelook.sql.named import queries
from samelook.sql.pool import open_connection, open_pool

if TYPE_CHECKING:
    from samelook.settings import Settings
    from samelook.sql.pool import Pool

Report = Callable[[RankImportCounts], None]
Fetching = Callable[[int, int | None], None]

QUIET_REPORT_S = 5.0
"""Seconds between the lines of progress where nobody watches a terminal."""
_UNDER_WAY_S = 60.0
"""A planned import that meets another one looks so often whether that has ended."""
TRUSTED_TO = 100_000
"""Ranks up to this one are the tiers of DESIGN's verdicts: their looks are protected."""


@dataclass(slots=True)
class ListImport:
    """An import that may be under way; what it has done so far is true at any moment."""

    counts: RankImportCounts | None = None
    unchanged: bool = False
    """The list is the one that was imported last: nothing was done."""
    ranked: int | None = None
    """How many domains have a rank within the tiers now."""

    def as_json(self) -> dict[str, Any]:
        summary = self.counts.as_json() if self.counts is not None else {}
        return {**summary, "up_to_date": self.unchanged, "ranked_in_the_tiers": self.ranked}


async def import_list(
    settings: Settings,
    url: str,
    name: str,
    options: RankImportSettings,
    done: ListImport,
    *,
    report: Report,
    fetching: Fetching,
    planned: Planned | None = None,
) -> None:
    """Import the list named, which may be an address, and tell `done` about it. Raises CrawlError."""

    def counts() -> dict[str, Any]:
        found = done.counts.as_json() if done.counts is not None else {}
        kept = ("lines", "domains", "added", "updated", "unchanged", "unranked", "bad_lines")
        return {key: found[key] for key in kept if found.get(key)}

    async with (
        open_pool(replace(settings.database_at(url), max_connections=2)) as pool,
        recorded(pool, "import", name, counts, planned) as run,
    ):
        if not is_address(name):
            await _import(settings, url, name, options, done, report)
        else:
            await _import_from_web(settings, url, name, options, done, report, fetching, pool, planned)
            if done.unchanged:
                run.outcome = "unchanged"
        done.ranked = await queries("ranks").ranked_to(pool, position=TRUSTED_TO)


async def _import_from_web(
    settings: Settings,
    url: str,
    name: str,
    options: RankImportSettings,
    done: ListImport,
    report: Report,
    fetching: Fetching,
    pool: Pool,
    planned: Planned | None,
) -> None:
    from samelook.crawler.fetching.fetcher import Fetcher

    folder = settings.data_dir / "lists"
    while True:
        try:
            async with (
                Fetcher(settings.fetch) as fetcher,
                fetched_list(fetcher, name, folder, _last(pool, options), fetching) as fetched,
            ):
                done.unchanged = fetched.path is None
                if fetched.path is not None:
                    await _import(settings, url, str(fetched.path), options, done, report, fetched)
        except ImportUnderWay:
            # Machines with one rhythm begin at the same moment; to the second the list is nothing new then.
            if planned is None:
                raise
            await asyncio.sleep(_UNDER_WAY_S)
        else:
            return


async def _import(
    settings: Settings,
    url: str,
    path: str,
    options: RankImportSettings,
    done: ListImport,
    report: Report,
    fetched: FetchedList | None = None,
) -> None:
    # Merging a list may take longer than the time that one statement of the crawl has.
    async with open_connection(replace(settings.database_at(url), statement_timeout_s=0)) as connection:
        importing = RankImport(connection, path, options, fetched.source if fetched else None)
        done.counts = importing.counts
        with by_account():
            await importing.run(report)


def _last(pool: Pool, options: RankImportSettings) -> Any:
    async def last(url: str) -> Source | None:
        row = await queries("runs").last_import_of(pool, url=url, choices=options.choices)
        return None if row is None else Source(row["url"], row["etag"], row["last_modified"])

    return last


def summary(done: ListImport, *, unranked: bool) -> None:
    """Print what an import has done, and what the ranks mean now."""
    from samelook.terminal.console import out, say
    from samelook.terminal.tables import Table

    counts = done.counts
    if done.unchanged:
        say("Nothing new: it is the list that was imported last.")
    if counts is None or counts.source is None:
        return
    say(f"{counts.file} ({counts.source})")
    rows = {
        "lines": counts.lines,
        "domains": counts.domains,
        "  new": counts.added,
        "  with a new rank": counts.updated,
        "  known, left as they were" if unranked else "  unchanged": counts.unchanged,
        "  left alone: ranked by a list trusted more": counts.outranked,
        "  named twice": counts.repeated,
        "no longer in the list: rank taken": counts.unranked,
        "bad lines": counts.bad.count,
    }
    shown_at_zero = {"lines", "domains", "bad lines"}
    figures: list[tuple[str, int | float]] = [
        (name, count) for name, count in rows.items() if count or name in shown_at_zero
    ]
    rate = counts.domains / counts.seconds if counts.seconds else 0.0
    figures += [("seconds", counts.seconds), ("domains a second", round(rate))]
    out().print(Table(("", ""), figures))
    for reason, count in counts.bad.reasons.most_common():
        say(f"bad lines, {reason}: {count:,}")
    for example in counts.bad.examples:
        say(f"  line {example.number}: {example.reason}: {example.text}")
    if unranked:
        say("New domains have no rank: they are crawled last and trusted no more than strangers.")
    elif done.ranked is not None:
        say(
            f"Rank is trust. Domains that are ranked {TRUSTED_TO:,} or better now: {done.ranked:,}. Their "
            "looks are protected, and whoever else shows them is locked. Was this a list of suspects? Those "
            "go in by --unranked."
        )


def progress_lines() -> tuple[Report, Fetching]:
    """Progress where nobody watches a terminal: a line now and then, on standard error."""
    import time

    from samelook.terminal.console import counted, tell

    reported = time.monotonic()

    def due() -> bool:
        nonlocal reported
        if time.monotonic() - reported < QUIET_REPORT_S:
            return False
        reported = time.monotonic()
        return True

    def report(counts: RankImportCounts) -> None:
        if not due():
            return
        rest = ""
        if counts.bytes_total and counts.bytes_read:
            share = min(counts.bytes_read / counts.bytes_total, 1.0)
            rest = f", {share:.0%}, about {counts.seconds / share * (1 - share):.0f} s left"
        rate = counts.domains / counts.seconds if counts.seconds else 0.0
        tell(f"{counted(counts.domains, 'domain')} imported, {rate:,.0f}/s{rest}")

    def fetching(done: int, total: int | None) -> None:
        if due():
            tell(f"{done / 1e6:,.0f} MB fetched" + (f" of {total / 1e6:,.0f}" if total else ""))

    return report, fetching
