"""One fetch of one exchange, from its checkpoint to its end.

A generation that is complete is followed: updates and deletes are applied as they come. When there is
none, when its checkpoint has gone stale or the source's time has gone back, everything is read into a new
generation. What the new one brings matches at once; what only the old one has goes on matching until the
new one is complete, and is removed then. So nothing that is shared ever stops matching in between, and a
reading that breaks off does no harm.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from samelook.sql.away import AWAY
from samelook.sql.cancelled import check_cancelled
from samelook.sql.named import queries
from samelook.sql.pool import Connection, Pool

from .child import Child, running
from .errors import (
    FAILURES_BY_KIND,
    ExchangeError,
    ExchangeHeld,
    FetchedElsewhere,
    FetchFailed,
    MalformedPage,
    NothingUsable,
    SourceBusy,
    Superseded,
    WorkerDied,
)
from .floods import FloodWatch
from .pages import PageWriter
from .settings import ExchangeSettings
from .store import Exchange, ExchangeStore

_log = structlog.get_logger(__name__)
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class FetchOutcome:
    """What a fetch came to."""

    exchange: str
    succeeded: bool
    up_to_date: bool
    """False too when it broke off because it took too long: the next one goes on."""
    error: ExchangeError | None = None
    pages: int = 0
    stored: int = 0
    removed: int = 0
    quarantined: int = 0
    seconds: float = 0.0


async def fetch_once(
    pool: Pool,
    name: str,
    settings: ExchangeSettings,
    *,
    from_scratch: bool = False,
    patience_s: float = 0.0,
    on_page: Callable[[FetchOutcome], None] | None = None,
) -> FetchOutcome:
    """Fetches an exchange until it is up to date, fails or has taken its time; the outcome says which.

    With `from_scratch` everything is read anew, beside what is there. Raises UnknownExchange, ExchangeHeld,
    or FetchedElsewhere when another process has it for longer than `patience_s`; errors of the database pass
    through.
    """
    store = ExchangeStore(pool, settings)
    exchange = await store.exchange(name)
    if exchange.held:
        raise ExchangeHeld(
            f"{name} is held: it brought far more than usual. samelook exchange release {name} lets it go on",
            exchange=name,
        )
    ask = queries("exchanges")
    async with pool.acquire() as connection:
        # The server may take a moment to notice that whoever held the lock was killed.
        deadline = time.monotonic() + patience_s
        while not (locked := await ask.try_lock(connection, id=exchange.id)) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)
        if not locked:
            raise FetchedElsewhere(f"{name} is being fetched by another process just now", exchange=name)
        try:
            return await _Run(store, exchange, settings, connection, on_page).to_its_end(
                from_scratch=from_scratch
            )
        finally:
            if not connection.is_closed():
                # Shielded: an exchange that stays locked would be fetched by nobody while this process lives.
                await asyncio.shield(ask.unlock(connection, id=exchange.id))


class _Rewound(Exception):
    """The source's time is long before that of the checkpoint: everything is to be read anew."""

    def __init__(self, by_s: int) -> None:
        super().__init__(f"the source's time went back by {by_s} s")
        self.by_s = by_s


class _Run:
    def __init__(
        self,
        store: ExchangeStore,
        exchange: Exchange,
        settings: ExchangeSettings,
        connection: Connection,
        on_page: Callable[[FetchOutcome], None] | None,
    ) -> None:
        self._store = store
        self._exchange = exchange
        self._settings = settings
        self._connection = connection
        self._on_page = on_page
        self._queries = queries("exchanges")
        self._run_id = uuid.uuid4()
        self._began = time.monotonic()
        self._outcome = FetchOutcome(exchange.name, succeeded=False, up_to_date=False)
        self._place: object = None
        self._progress = 0
        """How many pages have moved the checkpoint."""
        self._may_be_the_checkpoint = False
        """The last attempt failed before its first request: the stored checkpoint may be damaged."""
        self._plan = ""
        self._first = True
        """Nothing of the exchange has been read to its end yet."""
        self._flood = FloodWatch(connection, exchange, self._run_id, settings)
        self._removed = False

    async def to_its_end(self, *, from_scratch: bool) -> FetchOutcome:
        log = _log.bind(exchange=self._exchange.name, api=self._exchange.api)
        started = await self._queries.begin_run(self._connection, id=self._exchange.id, run_id=self._run_id)
        if started is None:
            raise Superseded(f"{self._exchange.name} was removed just now")
        self._flood.begin(started["usual"], started["last_content"])
        log.info("exchange.fetch_begun", from_scratch=from_scratch)
        error: ExchangeError | None = None
        up_to_date = False
        try:
            up_to_date = await self._patiently(from_scratch=from_scratch)
        except ExchangeError as failure:
            error = failure
        self._outcome = replace(
            self._outcome,
            succeeded=error is None,
            up_to_date=up_to_date,
            error=error,
            seconds=time.monotonic() - self._began,
        )
        wait_s = await self._wait_s()
        await self._queries.end_run(
            self._connection,
            id=self._exchange.id,
            run_id=self._run_id,
            succeeded=error is None,
            up_to_date=up_to_date,
            error=None if error is None else error.as_json(),
            wait_s=wait_s,
            added=None if self._first else self._flood.added,
        )
        if error is None:
            log.info("exchange.fetch_ended", up_to_date=up_to_date, pages=self._outcome.pages)
        else:
            log.error("exchange.fetch_failed", kind=error.kind, error=error.message, next_in_s=round(wait_s))
        return self._outcome

    async def _patiently(self, *, from_scratch: bool) -> bool:
        """Whether it is up to date. A page that cannot be read is asked for again first."""
        attempt = 0
        while True:
            attempt += 1
            seen = self._progress
            last = attempt >= self._settings.attempts
            try:
                return await self._attempt(from_scratch=from_scratch, salvage=last)
            except _Rewound as error:
                _log.error("exchange.time_rewound", exchange=self._exchange.name, by_s=error.by_s)
                attempt, from_scratch = 0, True
            except MalformedPage as error:
                if self._progress > seen:
                    # The fetch has got further: this is another page, which was asked for once so far.
                    attempt, from_scratch = 1, False
                    self._check_time(error)
                elif not last:
                    pass
                elif self._may_be_the_checkpoint and self._plan == "follow":
                    # At most once a run, or a generation would be begun again and again.
                    _log.error(
                        "exchange.checkpoint_unusable", exchange=self._exchange.name, error=error.message
                    )
                    attempt, from_scratch = 0, True
                else:
                    await self._keep_page(error)
                    raise
            await asyncio.sleep(self._settings.retry_s * 2 ** max(0, attempt - 1) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter

    def _check_time(self, error: MalformedPage) -> None:
        if time.monotonic() - self._began > self._settings.run_s:
            raise error

    async def _attempt(self, *, from_scratch: bool, salvage: bool) -> bool:
        stored = [row async for row in self._queries.checkpoints(self._connection, id=self._exchange.id)]
        current = max(
            (row for row in stored if row["complete"]), key=lambda row: row["generation"], default=None
        )
        self._first = current is None
        newest = stored[-1] if stored else None
        building = newest if newest is not None and not newest["complete"] else None
        credentials = await self._store.credentials_of(self._exchange)
        start = {
            "api": self._exchange.api,
            "config": await self._store.shown_config(self._exchange),
            "credentials": credentials,
            "current": None if current is None else current["checkpoint"],
            "building": None if building is None else building["checkpoint"],
            "has_building": building is not None,
            "from_scratch": from_scratch,
            "salvage": salvage,
            "page_records": self._settings.page_records,
        }
        async with running(self._settings, start) as child:
            watching = asyncio.create_task(self._stop_when_removed(child))
            try:
                plan = await child.receive()
                if plan["about"] == "error":
                    raise self._failure(plan)
                self._plan = plan["plan"]
                writer = await self._writer(self._plan, current, building)
                left_out = await self._pages(child, writer)
                if left_out is None:
                    return False
            except WorkerDied as error:
                if self._removed:
                    raise Superseded(f"{self._exchange.name} was removed meanwhile") from error
                raise
            finally:
                watching.cancel()
                await asyncio.wait([watching])
        if writer.beside:
            if left_out + self._outcome.quarantined > 0:
                await self._check_usable(writer, current, left_out)
            await self._queries.complete_generation(
                self._connection, id=self._exchange.id, generation=writer.generation
            )
            await writer.clear_others([writer.generation])
        await self._queries.release_pages(self._connection, id=self._exchange.id)
        return True

    async def _stop_when_removed(self, child: Child) -> None:
        """Ends the process of an exchange that is no longer there: it may be at something that never ends."""
        while True:
            await asyncio.sleep(self._settings.look_s)
            try:
                wanted = await self._queries.run_is_wanted(
                    self._store.pool, id=self._exchange.id, run_id=self._run_id
                )
            except AWAY:
                check_cancelled()
                continue
            if not wanted:
                self._removed = True
                await asyncio.shield(child.stop())
                return

    async def _check_usable(self, writer: PageWriter, current: Any, left_out: int) -> None:
        """Raises NothingUsable when a complete reading brought no content at all.

        What was there before goes on matching, and the next fetch begins anew: the file, or the settings, may
        be right by then.
        """
        generation = {"id": self._exchange.id, "generation": writer.generation}
        if await self._queries.holds_contents(self._connection, **generation):
            return
        await writer.clear_others([] if current is None else [current["generation"]])
        raise NothingUsable(
            f"nothing that {self._exchange.name} shares could be used: {left_out} records are of types that "
            f"are not known here, and {self._outcome.quarantined} are in quarantine",
            left_out=left_out,
            quarantined=self._outcome.quarantined,
        )

    async def _writer(self, plan: str, current: Any, building: Any) -> PageWriter:
        """Where the pages go, with what is no longer needed out of the way."""
        if plan == "follow":
            writer = self._writer_of(current["generation"], beside=False)
            await writer.clear_others([writer.generation])
            return writer
        if plan == "resume":
            return self._writer_of(building["generation"], beside=True)
        # Of older generations the newest is kept, so that its contents can be taken over.
        keep = [row["generation"] for row in (current, building) if row is not None]
        if keep:
            await self._writer_of(keep[0], beside=True).clear_others(keep)
        generation = await self._queries.begin_generation(self._connection, id=self._exchange.id)
        return self._writer_of(generation, beside=True)

    def _writer_of(self, generation: int, *, beside: bool) -> PageWriter:
        exchange = self._exchange
        return PageWriter(
            self._connection, exchange.id, exchange.name, self._run_id, generation, beside=beside
        )

    async def _pages(self, child: Child, writer: PageWriter) -> int | None:
        """Writes what comes; how many records were of no use, or None when it did not come to its end."""
        while True:
            message = await child.receive()
            match message["about"]:
                case "keys":
                    await child.send({"old": await writer.old_values(message["keys"])})
                case "page":
                    await self._write(writer, message)
                    if message["last"] and time.monotonic() - self._began > self._settings.run_s:
                        return None
                case "done":
                    return int(message["unusable"])
                case "rewound":
                    raise _Rewound(message["by_s"])
                case "error":
                    raise self._failure(message)
                case _:
                    raise WorkerDied("the fetching process sent something else than pages")

    async def _write(self, writer: PageWriter, page: dict[str, Any]) -> None:
        # In one transaction: what is too much has not matched for a moment, nor does it if we die here.
        async with self._connection.transaction():
            written = await writer.write(
                page["rows"], page["problems"], page["checkpoint"], page.get("progress_at")
            )
            flooded = await self._flood.note(written.added, first=self._first)
        # A checkpoint that names the present moment differs each time; the time that it stands for does not.
        place = page["checkpoint"] if page.get("progress_at") is None else page["progress_at"]
        if page["checkpoint"] is not None and place != self._place:
            self._place = place
            self._progress += 1
        for problem in page["problems"]:
            _log.error(
                "exchange.quarantined",
                exchange=self._exchange.name,
                kind=problem["kind"],
                error=problem["message"],
            )
        self._outcome = replace(
            self._outcome,
            pages=self._outcome.pages + bool(page["last"]),
            stored=self._outcome.stored + written.stored,
            removed=self._outcome.removed + written.removed,
            quarantined=self._outcome.quarantined + written.quarantined,
            seconds=time.monotonic() - self._began,
        )
        if self._on_page is not None:
            self._on_page(self._outcome)
        if flooded is not None:
            raise flooded

    def _failure(self, message: dict[str, Any]) -> FetchFailed:
        kind = FAILURES_BY_KIND.get(message["kind"])
        if kind is None:
            # The child reports a fault on our side: a missing class, a wrong setting.
            return FetchFailed(message["message"], of=message["kind"])
        if kind is SourceBusy:
            return SourceBusy(message["message"], retry_after_s=message["retry_after_s"])
        if kind is MalformedPage:
            self._may_be_the_checkpoint = not message["asked"] and not message["read"]
            return MalformedPage(message["message"], raw=message["raw"])
        return kind(message["message"])

    async def _keep_page(self, error: MalformedPage) -> None:
        raw = error.detail.pop("raw", None)
        problem = {"kind": error.kind, "message": error.message, "key": None, "raw": raw}
        await self._writer_of(0, beside=False).quarantine([problem])
        self._outcome = replace(self._outcome, quarantined=self._outcome.quarantined + 1)
        _log.error("exchange.quarantined", exchange=self._exchange.name, kind=error.kind, error=error.message)

    async def _wait_s(self) -> float:
        """Until the next fetch."""
        settings, error = self._settings, self._outcome.error
        every_s = self._exchange.every_s or settings.every_s
        if error is None:
            return every_s * random.uniform(0.9, 1.1) if self._outcome.up_to_date else 0.0  # noqa: S311 - jitter
        row = await self._queries.get_exchange(self._connection, name=self._exchange.name)
        failures = 0 if row is None else row["failures"]
        longest = settings.longest_backoff_s
        backoff_s = min(longest, settings.backoff_s * 2.0 ** min(failures, 30)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        asked_s = error.detail.get("retry_after_s")
        if isinstance(asked_s, int | float):
            # Not before the source allows it, and not all exchanges at the same moment.
            return min(settings.longest_wait_s, asked_s) + random.uniform(0.0, 0.1 * min(asked_s, 60.0))  # noqa: S311 - jitter
        return backoff_s
