"""Importing a rank list: its lines, copied into a staging table and merged into `domains`.

Memory is bounded by one block of the file and, in the database, by one merge. A merge commits, so an
import that is stopped leaves what it merged, and running it again goes on from there.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from samelook.crawler.errors import CrawlError
from samelook.crawler.queues.postgres import announce
from samelook.crawler.ranks.files import DamagedRankFile, RankFile
from samelook.crawler.ranks.formats import (
    SAMPLE_BYTES,
    BadLines,
    NotARankList,
    RankFormat,
    RankParser,
    layout_of,
    printable,
)
from samelook.sql.audit import note_change
from samelook.sql.away import AWAY
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.crawler.ranks.sources import Source
    from samelook.sql.pool import Connection

FIRST_UNRANKED: Final = 1 << 62
"""Where the positions of unranked domains begin (see the migration)."""


ANALYZE_ROWS: Final = 1000
"""Changed rows from which on the planner gets new statistics at once, not by autovacuum a minute later."""


class ImportUnderWay(CrawlError):
    """Another process is importing a rank list into this database."""

    kind = "import_under_way"


class ImportFailed(CrawlError):
    """The database refused to go on; what was merged before stays."""

    kind = "import_failed"


@dataclass(frozen=True, slots=True)
class RankImportSettings:
    """What to import, and in what portions."""

    format: RankFormat | None = None
    """None: told from the content."""
    limit: int | None = None
    """Only the first so many domains of the list."""
    complete: bool = False
    """The file is the whole list of its source: domains of it that are missing lose their rank."""
    unranked: bool = False
    """Whom to crawl and not whom to trust: new domains get no rank, known ones are left as they are."""
    merge_rows: int = 250_000
    """Lines that are merged at once, in one transaction of some seconds."""

    @property
    def choices(self) -> str:
        """What decides which domains and ranks an import of a list leaves, as one text."""
        flags = [name for name in ("complete", "unranked") if getattr(self, name)]
        limit = [] if self.limit is None else [f"limit {self.limit}"]
        return ", ".join([*([] if self.format is None else [str(self.format)]), *flags, *limit])


@dataclass(slots=True)
class RankImportCounts:
    """What an import has done so far; all but `bytes_read` counts what is committed."""

    file: str
    source: RankFormat | None = None
    bytes_read: int = 0
    bytes_total: int | None = None
    lines: int = 0
    domains: int = 0
    """Lines with a usable domain: added + updated + unchanged + outranked + repeated."""
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    outranked: int = 0
    """Known by a list that is trusted more, and left as they were."""
    repeated: int = 0
    """Named a second time; the first line counts."""
    unranked: int = 0
    bad: BadLines = field(default_factory=BadLines)
    seconds: float = 0.0
    finished: bool = False

    def as_json(self) -> dict[str, Any]:
        """The summary that `samelook crawl import --json` prints."""
        return {
            "file": self.file,
            "source": self.source and str(self.source),
            "finished": self.finished,
            "seconds": round(self.seconds, 3),
            **{
                name: getattr(self, name)
                for name in (
                    "lines",
                    "domains",
                    "added",
                    "updated",
                    "unchanged",
                    "outranked",
                    "repeated",
                    "unranked",
                )
            },
            "bad_lines": self.bad.count,
            "bad_reasons": dict(self.bad.reasons.most_common()),
            "bad_examples": [
                {"line": example.number, "reason": example.reason, "text": example.text}
                for example in self.bad.examples
            ],
        }


class RankImport:
    """One import of one file; `counts` is true at any moment, also after a failure.

    The connection should have no statement timeout: a merge takes as long as it takes.
    """

    def __init__(
        self,
        connection: Connection,
        path: str,
        settings: RankImportSettings | None = None,
        source: Source | None = None,
    ) -> None:
        self.counts = RankImportCounts(printable(path if source is None else source.url))
        self._source = source
        self._connection = connection
        self._path = path
        self._settings = settings or RankImportSettings()
        self._queries: Any = queries("ranks")
        self._import_id = 0

    async def run(self, report: Callable[[RankImportCounts], None] | None = None) -> RankImportCounts:
        """Import the list; `report` is called after each block.

        Raises UnreadableRankFile, NotARankList or ImportUnderWay before anything is imported,
        DamagedRankFile after all that precedes the damage was, and ImportFailed.
        """
        with RankFile(self._path) as file:
            self.counts.bytes_total = file.bytes_total
            sample = await asyncio.to_thread(file.sample, SAMPLE_BYTES)
            parser = RankParser(layout_of(sample, self._settings.format), self._settings.limit)
            self.counts.source = parser.layout.format
            try:
                await self._import_locked(file, parser, report or (lambda _: None))
            except AWAY as error:
                raise ImportFailed(f"The database stopped the import: {error}.") from error
        return self.counts

    async def _import_locked(
        self, file: RankFile, parser: RankParser, report: Callable[[RankImportCounts], None]
    ) -> None:
        if not await self._queries.lock_imports(self._connection):
            raise ImportUnderWay("Another rank list is being imported into this database; wait for its end.")
        try:
            await self._queries.create_rank_lines(self._connection)
            self._import_id = await self._queries.start_import(
                self._connection, file=self.counts.file, source=str(parser.layout.format)
            )
            await self._import(file, parser, report)
            if self._source is not None:
                await queries("runs").note_list_source(
                    self._connection,
                    import_id=self._import_id,
                    url=self._source.url,
                    etag=self._source.etag,
                    last_modified=self._source.last_modified,
                    choices=self._settings.choices,
                )
        finally:
            # On a connection that is lost, the session's end has done both.
            with suppress(*AWAY):
                await self._queries.drop_rank_lines(self._connection)
                await self._queries.unlock_imports(self._connection)

    async def _import(
        self, file: RankFile, parser: RankParser, report: Callable[[RankImportCounts], None]
    ) -> None:
        started = time.monotonic()
        blocks = file.blocks()
        staged = 0
        damage: DamagedRankFile | None = None
        # While Postgres works on one block, a thread unpacks and parses the next.
        ahead = asyncio.create_task(asyncio.to_thread(_next_text, blocks, parser))
        try:
            while True:
                try:
                    text, rows = await asyncio.shield(ahead)
                except DamagedRankFile as error:
                    damage = error
                    break
                if text is None:
                    break
                ahead = asyncio.create_task(asyncio.to_thread(_next_text, blocks, parser))
                if rows:
                    await self._copy(text, parser.copy_columns)
                    staged += rows
                if staged >= self._settings.merge_rows:
                    await self._merge(staged)
                    staged = 0
                self._note(file, parser, started)
                report(self.counts)
        finally:
            # The thread reads the file: it has to end before the file is closed.
            await asyncio.wait({ahead})
            ahead.exception()
        if staged:
            await self._merge(staged)
        self._note(file, parser, started)
        await self._finish(parser, damage)
        self.counts.seconds = time.monotonic() - started
        report(self.counts)
        if damage is not None:
            raise damage
        if not parser.rows:
            raise NotARankList("No line of the file names a domain.", bad_lines=parser.bad.count)

    async def _copy(self, text: bytes, columns: tuple[str, ...]) -> None:
        """Put a block's lines into the staging table.

        asyncpg 0.32 waits for ever when the connection is lost while a COPY waits to write, so the loss
        is watched for here.
        """
        copying = asyncio.ensure_future(
            self._connection.copy_to_table(
                "rank_lines", source=io.BytesIO(text), columns=columns, format="text"
            )
        )

        lost = asyncio.Event()

        def give_up(_connection: object) -> None:
            lost.set()
            copying.cancel()

        self._connection.add_termination_listener(give_up)
        try:
            await copying
        except asyncio.CancelledError:
            if not lost.is_set():
                raise
            raise asyncpg.ConnectionDoesNotExistError("connection was lost") from None
        finally:
            self._connection.remove_termination_listener(give_up)

    async def _merge(self, staged: int) -> None:
        """Bring the lines that wait into `domains`, in one transaction."""
        source, counts = self.counts.source, self.counts
        assert source is not None
        if self._settings.unranked:
            await self._merge_unranked(staged)
            return
        async with self._connection.transaction():
            await self._queries.prepare_merge(self._connection)
            tag = await self._queries.add_domains(
                self._connection, import_id=self._import_id, source=str(source)
            )
            added = int(tag.rpartition(" ")[2])
            updated = unchanged = outranked = 0
            if added < staged:
                updated, unchanged, outranked = await self._queries.update_domains(
                    self._connection, import_id=self._import_id, source=str(source), harmonic=source.harmonic
                )
            lowest = await self._queries.lowest_position(self._connection)
            await self._queries.empty_rank_lines(self._connection)
            if added or updated:
                await announce(self._connection, "domains", lowest)
        counts.domains += staged
        counts.added += added
        counts.updated += updated
        counts.unchanged += unchanged
        counts.outranked += outranked
        counts.repeated += staged - added - updated - unchanged - outranked

    async def _merge_unranked(self, staged: int) -> None:
        async with self._connection.transaction():
            await self._queries.prepare_merge(self._connection)
            tag = await self._queries.add_unranked_lines(self._connection, import_id=self._import_id)
            added = int(tag.rpartition(" ")[2])
            await self._queries.empty_rank_lines(self._connection)
            if added:
                await announce(self._connection, "domains", FIRST_UNRANKED)
        self.counts.domains += staged
        self.counts.added += added
        self.counts.unchanged += staged - added

    async def _finish(self, parser: RankParser, damage: DamagedRankFile | None) -> None:
        counts, source = self.counts, self.counts.source
        if self._settings.complete and damage is None and parser.rows:
            async with self._connection.transaction():
                tag = await self._queries.unrank_missing(
                    self._connection, import_id=self._import_id, source=str(source)
                )
                counts.unranked = int(tag.rpartition(" ")[2])
                if counts.unranked:
                    await announce(self._connection, "domains", FIRST_UNRANKED)
        counts.finished = damage is None
        await self._queries.note_import(
            self._connection,
            import_id=self._import_id,
            lines=counts.lines,
            domains=counts.domains,
            bad_lines=counts.bad.count,
            finished=counts.finished,
        )
        imported = {"source": str(source), "domains": counts.domains, "unranked": counts.unranked}
        await note_change(self._connection, "import_ranks", counts.file, after=imported)
        if counts.added + counts.updated + counts.unranked >= ANALYZE_ROWS:
            await self._queries.analyze_domains(self._connection)

    def _note(self, file: RankFile, parser: RankParser, started: float) -> None:
        counts = self.counts
        counts.lines, counts.bad = parser.lines, parser.bad
        counts.bytes_read = file.bytes_read
        counts.seconds = time.monotonic() - started


def _next_text(blocks: Iterator[bytes], parser: RankParser) -> tuple[bytes | None, int]:
    """The next block as COPY text, and its rows; None at the end of the list."""
    block = None if parser.full else next(blocks, None)
    if block is None:
        return None, 0
    before = parser.rows
    text = parser.copy_text(block)
    return text, parser.rows - before
