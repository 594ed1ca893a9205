"""What the routes share: memory that follows the database, caches, limits, and the tasks behind them."""

from __future__ import annotations

import asyncio
import base64
import hmac
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from samelook.extension_api.answers import Answers
from samelook.extension_api.clients import Clients
from samelook.extension_api.compact_lists import CompactLists
from samelook.extension_api.curation import FamiliesFile
from samelook.extension_api.errors import BadRequest
from samelook.extension_api.limits import Buckets, Levels, network_of
from samelook.extension_api.outbox import Outbox
from samelook.extension_api.settings import ExtensionSettings
from samelook.facts.follower import Follower
from samelook.facts.keeper import Keeper
from samelook.facts.look_worker import LookWorker
from samelook.hashing.sandbox import Sandbox
from samelook.looks.letters import load_alphabet
from samelook.looks.marks import load_map
from samelook.looks.remembered import Remembered
from samelook.names.suffixes import load_suffixes
from samelook.sql.named import queries
from samelook.sql.pool import open_connection, open_pool
from samelook.sql.standby import is_read_only

if TYPE_CHECKING:
    from samelook.sql.pool import Pool
    from samelook.sql.settings import DatabaseSettings

HOUR_S = 3600.0
CACHED_AT_MOST_S = 60.0
CACHED_BYTES = 64 << 20
"""Of answers; one may have 400 KB."""
_OVERHEAD = 800
"""What keeping an answer takes beside its text, in bytes."""
LOOKS_PAGE = 200
_NUMBER = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Cached:
    """An answer as it was sent, and the state of the facts it was made from."""

    version: int
    at: float
    payload: bytes
    etag: str


class Extension:
    """Everything that the routes use, for one process."""

    def __init__(
        self,
        pool: Pool,
        follower: Follower,
        outbox: Outbox,
        sandbox: Sandbox,
        settings: ExtensionSettings,
        clock: Callable[[], float] = time.time,
        levels: Levels | None = None,
    ) -> None:
        levels = levels or Levels()
        self.pool = pool
        self.follower = follower
        self.outbox = outbox
        self.settings = settings
        self.clock = clock
        self.clients = Clients(pool)
        self.answers = Answers(follower, outbox, sandbox, pool, settings, clock)
        self.compact = CompactLists(pool, follower, settings.verdicts.tiers)
        self.work = Buckets(settings.work_per_s, settings.work_burst, time.monotonic, levels, "work")
        self.registrations = _hourly(settings.clients_per_hour, levels, "registrations")
        self.reports = _hourly(settings.reports_per_hour, levels, "reports")
        self.reads: Any = queries("verdicts")
        self.writes: Any = queries("extension")
        self.crawls = _hourly(settings.crawls_per_hour, levels, "crawls")
        self._network_key = settings.network_key
        self._cache: Remembered[tuple[bytes, int | None], Cached] = Remembered(
            CACHED_BYTES, lasts_s=CACHED_AT_MOST_S, clock=clock
        )
        self._checksum: tuple[str, str, int] = ("", "", 0)

    def cached(self, key: tuple[bytes, int | None]) -> Cached | None:
        """The answer to the same question, as long as nothing can have changed it, or for a moment."""
        cached = self._cache.get(key)
        if cached is None:
            return None
        age = self.clock() - cached.at
        fresh = (
            CACHED_AT_MOST_S if cached.version == self.follower.version else self.settings.verdicts.cached_s
        )
        return cached if 0 <= age < fresh else None  # below 0: the clock was set back

    def cache(self, key: tuple[bytes, int | None], answer: Cached) -> None:
        """Keeps an answer for those who ask the same within a minute."""
        self._cache.put(key, answer, _OVERHEAD + len(answer.payload))

    def may_crawl(self, address: str) -> bool:
        """Whether whoever asks may send the crawler to one more site."""
        return self.crawls.spare(network_of(address), 1)

    async def network_digest(self, network: str) -> bytes:
        """What stands for a reporter's network: equal for equal networks, in every process.

        Without the key, which should be no part of the database, it cannot be turned back.
        """
        if not self._network_key:
            self._network_key = await self.writes.service_key(self.pool, name="reporters")
        return hmac.digest(self._network_key, network.encode(), "sha256")[:16]

    async def looks_page(self, since: str | None, page: str | None) -> dict[str, Any]:
        """A page of the trusted looks: of all, or of what changed after version `since`.

        `page` is where the last page ended. Raises BadRequest.
        """
        async with (
            self.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            epoch = (await self.reads.epoch(connection)).hex[:8]
            newest = await self.reads.newest_trusted(connection)
            full, after = True, 0
            if since is not None:
                known, _, seq = since.rpartition("-")
                if not _NUMBER.fullmatch(seq):
                    raise BadRequest("`since` is a version that an earlier answer named.")
                # A version from the future means that the database was put back to an earlier state.
                if known == epoch and int(seq) <= newest:
                    full, after = False, int(seq)
            if page is not None:
                if not _NUMBER.fullmatch(page):
                    raise BadRequest("`page` is what the page before named as `next`.")
                after = max(after, int(page))
            rows = [row async for row in self.reads.trusted_after(connection, seq=after, page=LOOKS_PAGE)]
            more = len(rows) == LOOKS_PAGE
            version = f"{epoch}-{newest}"
            if self._checksum[0] != version:
                sums = await self.reads.trusted_checksum(connection)
                self._checksum = (version, f"{sums['sum'] & 0xFFFFFFFFFFFFFFFF:016x}", sums["looks"])
        tiers = self.settings.verdicts.tiers
        return {
            "version": version,
            "full": full,
            "tiers": {"wide": tiers.wide, "standard": tiers.standard, "strict": tiers.strict},
            "looks": [
                {
                    "id": row["look_id"],
                    "site": row["site"],
                    "rank": row["position"],
                    "tier": row["tier"],
                    "look": base64.b64encode(row["look"]).decode(),
                }
                for row in rows
                if not row["removed"]
            ],
            "removed": [
                {"id": row["look_id"], "site": row["site"]} for row in rows if row["removed"] and not full
            ],
            "checksum": self._checksum[1],
            "count": self._checksum[2],
            "next": str(rows[-1]["seq"]) if more else None,
        }


EXTENSION: web.AppKey[Extension] = web.AppKey("extension", Extension)


def extension_context(
    settings: ExtensionSettings,
    database: DatabaseSettings,
    sandbox_of: Callable[[web.Application], Sandbox],
    levels: Levels,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """What to append to an application's `cleanup_ctx`, after what opens the sandbox that it shares.

    Serving processes that are given the same levels, made before they were forked, share the limits.
    """

    async def context(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(open_pool(database))
            sandbox = sandbox_of(app)
            await asyncio.to_thread(load_suffixes)
            await asyncio.to_thread(load_alphabet)
            if settings.verdicts.look_model:
                await asyncio.to_thread(load_map)
            follower = Follower(database, settings.verdicts)
            outbox = Outbox(pool, remembered=settings.verdicts.remembered_sightings, levels=levels)
            outbox.is_crawled = lambda site: site in follower.memory.sites
            await outbox.load(queries("verdicts"))
            app[EXTENSION] = Extension(pool, follower, outbox, sandbox, settings, levels=levels)
            keeper = Keeper(database, settings.verdicts, time.time)
            # Start-up does not wait for the facts: other routes answer meanwhile, these answer 503.
            work = [follower.run, keeper.run, outbox.run, LookWorker(pool, sandbox, keeper).run]
            if settings.families_file is not None:
                work.append(FamiliesFile(settings.families_file, pool).run)
            tasks = [asyncio.create_task(job(), name=job.__qualname__) for job in work]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await outbox.close()

    return context


def _hourly(count: float, levels: Levels, kind: str) -> Buckets:
    return Buckets(count / HOUR_S, count, time.monotonic, levels, kind)


@asynccontextmanager
async def answering_once(
    database: DatabaseSettings, settings: ExtensionSettings | None = None, *, keep: bool = False
) -> AsyncIterator[Answers]:
    """Answers for a command that ends soon: facts are brought up to date once.

    Where the database can only be read they are as its keeper left them. Nothing of the answers is written,
    unless they are to be kept as the service keeps its own: then the pages show who was locked.
    """
    settings = settings or ExtensionSettings()
    async with open_pool(database) as pool, Sandbox() as sandbox:
        if not await is_read_only(pool):
            await LookWorker(pool, sandbox).catch_up()
            async with open_connection(database) as connection:
                keeper = Keeper(database, settings.verdicts, time.time)
                if await queries("verdicts").try_keeping(connection):
                    await keeper.catch_up(connection)
        follower = Follower(database, settings.verdicts)
        await follower.load()
        outbox = Outbox(pool, remembered=0)
        yield Answers(follower, outbox, sandbox, pool, settings, time.time)
        if keep:
            await outbox.flush()
