"""Faults on purpose: what can go wrong in a crawl goes wrong, so that every way through it can be tried.

`samelook inspect inject fault` puts rows into `injected_faults`; a crawling process that may inject
follows that table and breaks its own requests, results and queue accordingly. What comes of a
broken input is an error that is marked `injected`; a result that a fault took part in is never kept.
A process without `Faults` has none of this code in its way.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import signal
import ssl
import struct
import zlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import aiohttp
import structlog
from aiohttp.client_reqrep import ConnectionKey

from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.errors import RateLimited
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.politeness import polite_site
from samelook.crawler.queues.interface import Lease, LeaseKey, Outcome, PhaseQueue, Pushed
from samelook.names.hosts import host_of
from samelook.sql.named import queries

if TYPE_CHECKING:
    import asyncpg

    from samelook.crawler.fetching.settings import FetchSettings

log = structlog.get_logger()

FAULT_KINDS = (
    "dns",
    "timeout",
    "tls",
    "http-503",
    "truncated",
    "bomb",
    "not-an-image",
    "crash-worker",
    "duplicate-message",
)
REFRESH_S = 1.0
RETRY_AFTER_S = 120
"""What the injected 503 asks for."""

_OF_REQUESTS = frozenset(FAULT_KINDS) - {"crash-worker", "duplicate-message"}


class InjectedFault(CrawlError):
    """A fault was injected while this input was worked on, so its outcome is not kept."""

    kind = "injected_fault"


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of `injected_faults` that is in force."""

    id: UUID
    kind: str
    site: str | None
    share: float

    def meets(self, site: str) -> bool:
        """Whether it falls on this site: the named one, or one of its share (always the same ones)."""
        if self.site is not None:
            return site == self.site
        digest = hashlib.blake2b(self.id.bytes + site.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") < self.share * 2.0**64


# The faults that met the input which the current task works on; tasks that it starts share the list.
_MET: ContextVar[list[Fault] | None] = ContextVar("injected_faults", default=None)


class Faults:
    """The faults in force, and what a crawl is wrapped in so that they take effect."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool
        self._active: tuple[Fault, ...] = ()

    async def refresh(self) -> None:
        """Read the table again."""
        self._active = tuple(
            [
                Fault(row["id"], row["kind"], row["site"], row["share"])
                async for row in queries("faults").active_faults(self._pool)
            ]
        )

    async def follow(self) -> None:
        """Keep up with the table until cancelled. While the database is away, the last faults stay."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 - the next round tries again; the phases notice by themselves
                log.warning("faults.unread", error=str(error) or type(error).__name__)

    def fetcher(self, settings: FetchSettings) -> Fetcher:
        """A fetcher whose requests meet the faults."""
        return _FaultyFetcher(settings, self)

    def queue(self, queue: PhaseQueue[Any, Any]) -> PhaseQueue[Any, Any]:
        """A queue that delivers some inputs twice."""
        return _FaultyQueue(queue, self)

    def work(self, work: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
        """Work whose outcome is marked when a fault had a part in it."""

        async def faulty(item: Any) -> Any:
            met: list[Fault] = []
            token = _MET.set(met)
            try:
                await self._maybe_crash(item)
                result = await work(item)
            except CrawlError as error:
                if met:
                    error.injected = True
                    error.detail["fault"] = met[0].kind
                raise
            except Exception as error:
                if not met:
                    raise
                log.exception("work.bug", fault=met[0].kind)
                raise _injected(met, f"it met a bug: {type(error).__name__}: {error}") from error
            finally:
                _MET.reset(token)
            if met:
                raise _injected(met, "the result is not kept")
            return result

        return faulty

    def of(self, site: str, kinds: frozenset[str]) -> Fault | None:
        """The first fault of these kinds that falls on a site."""
        return next((fault for fault in self._active if fault.kind in kinds and fault.meets(site)), None)

    async def take(self, fault: Fault) -> bool:
        """Whether the fault may be used once more; counts it."""
        return bool(await queries("faults").take_fault(self._pool, id=fault.id))

    async def _maybe_crash(self, item: Any) -> None:
        site = _site_of(item)
        fault = self.of(site, frozenset(("crash-worker",))) if self._active and site else None
        if fault is not None and await self.take(fault):
            log.warning("worker.crashing", site=site)
            os.kill(os.getpid(), signal.SIGKILL)


class _FaultyFetcher(Fetcher):
    """A fetcher that breaks requests where a real one would break: below redirects, caps and explanations."""

    def __init__(self, settings: FetchSettings, faults: Faults) -> None:
        super().__init__(settings)
        self._faults = faults

    async def _request(
        self, target: Any, headers: dict[str, str], max_bytes: int
    ) -> tuple[int, dict[str, str], bytes]:
        met = _MET.get()
        # A broken robots.txt would be remembered beyond the input and beyond the fault.
        fault = None if target.url.endswith("/robots.txt") else self._faults.of(target.site, _OF_REQUESTS)
        for_icon = headers.get("Accept", "").startswith("image/")
        if (
            met is None
            or fault is None
            or (fault.kind == "not-an-image" and not for_icon)
            or not await self._faults.take(fault)
        ):
            return await super()._request(target, headers, max_bytes)
        met.append(fault)
        return _broken(fault.kind, target.host, for_icon=for_icon, max_bytes=max_bytes)

    def _respect(self, target: Any, status: int, headers: Mapping[str, str]) -> None:
        if not _MET.get():
            super()._respect(target, status, headers)
            return
        # The site itself asked for nothing: it is not closed for requests that meet no fault.
        pause_s = float(headers.get("retry-after", RETRY_AFTER_S))
        raise RateLimited(
            f"{target.host} answers with status {status} and asks to come back in {pause_s:.0f} s",
            retry_after_s=pause_s,
            status=status,
            host=target.host,
        )


class _FaultyQueue:
    """A queue that hands some leases out twice, as services do that deliver at least once."""

    def __init__(self, queue: PhaseQueue[Any, Any], faults: Faults) -> None:
        self._queue = queue
        self._faults = faults

    async def pull(self, limit: int) -> Sequence[Lease[Any]]:
        leases = list(await self._queue.pull(limit))
        for lease in tuple(leases):
            site = _site_of(lease.input)
            fault = self._faults.of(site, frozenset(("duplicate-message",))) if site else None
            if fault is not None and await self._faults.take(fault):
                leases.append(lease)
        return leases

    async def push(self, outcomes: Sequence[Outcome[Any, Any]]) -> Pushed:
        return await self._queue.push(outcomes)

    async def release(self, leases: Sequence[Lease[Any]]) -> None:
        await self._queue.release(leases)

    async def renew(self, held: Collection[LeaseKey]) -> None:
        await self._queue.renew(held)

    async def exhausted(self) -> bool:
        return await self._queue.exhausted()


def _injected(met: list[Fault], what: str) -> InjectedFault:
    error = InjectedFault(f"The fault {met[0].kind} was injected; {what}", fault=met[0].kind)
    error.injected = True
    return error


def _site_of(item: Any) -> str | None:
    """The site of a phase's input; None for an icon that is a `data:` URL."""
    name = getattr(item, "reversed_name", None)
    if name is not None:
        return polite_site(host_of(name))
    authority = item.url.partition("://")[2].partition("/")[0]
    host = authority.rpartition("@")[2].partition(":")[0]
    return polite_site(host) if host else None


def _broken(kind: str, host: str, *, for_icon: bool, max_bytes: int) -> tuple[int, dict[str, str], bytes]:
    """What one request gives, or raises, under a fault of this kind."""
    key = ConnectionKey(host, 443, True, True, None, None, None)  # noqa: FBT003 - it takes no names
    match kind:
        case "dns":
            raise aiohttp.ClientConnectorDNSError(key, OSError("injected: the name is not known"))
        case "timeout":
            raise TimeoutError
        case "tls":
            raise aiohttp.ClientConnectorCertificateError(
                key, ssl.SSLCertVerificationError("injected: the certificate is not trusted")
            )
        case "truncated":
            raise aiohttp.ClientPayloadError("injected: the connection closed early")
        case "http-503":
            return 503, {"retry-after": str(RETRY_AFTER_S)}, b""
        case "not-an-image":
            return 200, {"content-type": "image/png"}, b"<!DOCTYPE html><title>No picture</title>"
        case _ if for_icon:
            return 200, {"content-type": "image/png"}, _PICTURE_BOMB
        case _:
            bomb = gzip.compress(bytes(max_bytes + 1), mtime=0)
            return 200, {"content-type": "text/html", "content-encoding": "gzip"}, bomb


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


# A small PNG that claims 100,000 pixels a side.
_PICTURE_BOMB = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(bytes(64)))
    + _chunk(b"IEND", b"")
)
