"""A crawling process: the phases, and what they share (fetcher, sandbox, database)."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from samelook.crawler import phases
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.pictures import HashedPictures
from samelook.crawler.queues.postgres import PostgresQueue
from samelook.crawler.rendering.renderer import Renderer
from samelook.crawler.slots import Slots, memory_allowed, most_slots
from samelook.crawler.statements import StatementReader
from samelook.crawler.stores import domains_store, hashes_store, icons_store
from samelook.crawler.visits import Visits
from samelook.crawler.worker import PhaseProgress, PhaseRunner
from samelook.hashing.sandbox import Sandbox
from samelook.hashing.signals import HashedPicture
from samelook.sql.named import queries
from samelook.sql.queue_queries import PHASES, Phase

if TYPE_CHECKING:
    import asyncpg

    from samelook.crawler.etl import Messages
    from samelook.crawler.faults import Faults
    from samelook.crawler.fetching.settings import FetchSettings
    from samelook.crawler.queues.interface import PhaseQueue
    from samelook.crawler.settings import CrawlSettings
    from samelook.hashing.settings import SandboxLimits

log = structlog.get_logger()

HEARTBEAT_S = 2.0


class Crawl:
    """The phases of one process, built by `open_crawl`. Call `run` once; a signal handler may call `stop`."""

    def __init__(
        self,
        pool: asyncpg.Pool[Any],
        fetcher: Fetcher,
        sandbox: Sandbox,
        settings: CrawlSettings,
        wanted: Sequence[Phase],
        faults: Faults | None = None,
        messages: Messages | None = None,
        renderer: Renderer | None = None,
    ) -> None:
        self.worker_id = uuid.uuid4()
        self._pool = pool
        self._faults = faults
        self._stop = asyncio.Event()
        self._runners: dict[Phase, PhaseRunner[Any, Any]] = {}
        self._fetcher = fetcher
        self.slots = Slots(fetcher.settings.max_requests, memory=memory_allowed(settings.processes))
        self._done: set[Phase] = set()
        stages = fetcher.stages

        async def hashed(body: bytes) -> HashedPicture:
            with stages.timed("decode"):
                return await sandbox.hash(body)

        pictures, visits = HashedPictures(hashed, self._known_pictures), Visits()
        works: dict[Phase, tuple[Any, Callable[[Any], Any]]] = {
            "domains": (domains_store(), phases.start_page_of),
            "icons": (
                icons_store(settings),
                lambda page: phases.visit_page(fetcher, page, visits, renderer),
            ),
            "hashes": (
                hashes_store(settings),
                lambda icon: phases.fetch_icon(fetcher, pictures, icon, visits),
            ),
        }
        self._statements = StatementReader(pool, fetcher) if "icons" in wanted else None
        self._etl = (
            messages.etl(pool, [works[phase][0] for phase in PHASES], settings, self._stop)
            if messages
            else None
        )
        downstream = None
        for phase in reversed(PHASES):
            if phase in wanted:
                store, work = works[phase]
                queue: PhaseQueue[Any, Any] = (
                    PostgresQueue(pool, store, settings, self.worker_id)
                    if messages is None
                    else messages.queue(pool, store, settings, self.worker_id)
                )
                if faults is not None:
                    queue, work = faults.queue(queue), faults.work(work)
                # The first phase waits for nothing: it must not take slots from those that do.
                slots = Slots(settings.batch) if phase == "domains" else self.slots
                downstream = PhaseRunner(phase, queue, work, settings, self._stop, slots, stages, downstream)
                self._runners = {phase: downstream, **self._runners}

    @property
    def progress(self) -> dict[Phase, PhaseProgress]:
        """What this process did so far."""
        return {phase: runner.progress for phase, runner in self._runners.items()}

    def stop(self) -> None:
        """Finish what is in hand within the grace time, give the rest back, and end."""
        self._stop.set()

    async def run(self, *, once: bool) -> None:
        """Crawl until stopped; with `once`, until no phase has anything due."""
        crawl = queries("crawl")
        await crawl.forget_old_workers(self._pool)
        await crawl.start_worker(
            self._pool,
            worker_id=self.worker_id,
            host=platform.node(),
            pid=os.getpid(),
            phases=[*self._runners, *(["etl"] if self._etl else [])],
        )
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(self._beat()),
                group.create_task(self.slots.keep_fitting(lambda: self._fetcher.waiting)),
            ]
            if self._statements is not None and not once:
                beside.append(group.create_task(self._statements.run()))
            if self._faults is not None:
                beside.append(group.create_task(self._faults.follow()))
            async with asyncio.TaskGroup() as running:
                for phase in self._runners:
                    running.create_task(self._run_phase(phase, once=once), name=phase)
                if self._etl is not None:
                    running.create_task(self._etl.run(once=once), name="etl")
            if once and self._statements is not None and not self._stop.is_set():
                while await self._statements.read_due():
                    pass
            for task in beside:
                task.cancel()
        await crawl.stop_worker(self._pool, worker_id=self.worker_id, progress=self._progress_json())

    async def _run_phase(self, phase: Phase, *, once: bool) -> None:
        before = [other for other in PHASES[: PHASES.index(phase)] if other in self._runners]
        await self._runners[phase].run((lambda: self._done.issuperset(before)) if once else None)
        self._done.add(phase)

    async def _beat(self) -> None:
        """Tell the database that this worker lives, and what it did."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            try:
                await queries("crawl").heartbeat(
                    self._pool,
                    worker_id=self.worker_id,
                    progress=self._progress_json(),
                    load=json.dumps(self.load_json()),
                )
            except Exception as error:  # noqa: BLE001 - the next beat tries again; the phases notice by themselves
                log.warning("heartbeat.failed", error=str(error) or type(error).__name__)

    def _progress_json(self) -> str:
        return json.dumps(
            {
                phase: {"done": progress.done, "failed": progress.failed, "busy": progress.busy}
                for phase, progress in self.progress.items()
            }
        )

    def load_json(self) -> dict[str, Any]:
        """What this process shows of itself; see `samelook.crawler.load.WorkerLoad`."""
        load = self.slots.load
        return {
            "slots": self.slots.limit,
            "taken": self.slots.taken,
            "requests": self._fetcher.waiting,
            "lag_s": round(load.lag_s, 4),
            "busy": round(load.busy, 3),
            "memory": load.memory,
            "stages": self._fetcher.stages.as_json(),
            "errors": {phase: progress.errors for phase, progress in self.progress.items()},
        }

    async def _known_pictures(self, sha256s: list[str]) -> dict[str, HashedPicture]:
        return {
            row["sha256"].hex(): HashedPicture(
                sha256=row["sha256"].hex(),
                md5=row["md5"].hex(),
                format=row["format"],
                width=row["width"],
                height=row["height"],
                frames=row["frames"],
                bytes=row["size"],
                signals={},
            )
            async for row in queries("crawl").known_pictures(
                self._pool, sha256s=[bytes.fromhex(sha256) for sha256 in sha256s]
            )
        }


@asynccontextmanager
async def open_crawl(
    pool: asyncpg.Pool[Any],
    *,
    crawl: CrawlSettings,
    fetch: FetchSettings,
    sandbox: SandboxLimits,
    phases: Sequence[Phase] = PHASES,
    faults: Faults | None = None,
    messages: Messages | None = None,
    render: bool = False,
) -> AsyncIterator[Crawl]:
    """A crawl with its fetcher and its sandbox, which end with it.

    With `faults` it breaks on purpose; with `messages` its queues are a message service's; with `render`
    Chromium runs the scripts of pages that name no icon. Raises RenderingFailed where it cannot.
    """
    # A slot has one request at a time, so there are as many as there may be slots.
    most = most_slots(crawl.processes)
    fetch = replace(fetch, max_requests=min(most, crawl.concurrency or most))
    async with AsyncExitStack() as stack:
        if faults is not None:
            await faults.refresh()
        fetcher = await stack.enter_async_context(faults.fetcher(fetch) if faults else Fetcher(fetch))
        decoders = await stack.enter_async_context(
            Sandbox(workers=crawl.hash_processes, limits=sandbox, optional_signals=crawl.optional_signals)
        )
        renderer = await stack.enter_async_context(Renderer(crawl.chromium)) if render else None
        if renderer is not None:
            await renderer.check()
        yield Crawl(pool, fetcher, decoders, crawl, phases, faults, messages, renderer)
