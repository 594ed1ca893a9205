"""Names to addresses: public ones only, or those that the operator mapped by hand."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial

from aiohttp.abc import AbstractResolver, ResolveResult

from samelook.crawler.fetching.errors import BlockedAddress, DnsFailed, FetchError, FetchTimeout, NamesBusy
from samelook.crawler.fetching.places import ResolveMap
from samelook.names.addresses import literal_address, why_refused

Lookup = Callable[[str], Sequence[str]]
"""Blocking name lookup: addresses in the order to try them; raises OSError."""


def getaddrinfo(name: str) -> list[str]:
    """The stream addresses of `name` from the system's resolver, in its order (RFC 6724)."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


_deadline: ContextVar[asyncio.Timeout | None] = ContextVar("deadline of a request", default=None)


@contextmanager
def putting_off(deadline: asyncio.Timeout) -> Iterator[None]:
    """While the block runs, the time that a name waits for a thread is added to `deadline`."""
    # A context variable, because aiohttp resolves names in a task of its own, which inherits this context.
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


@contextmanager
def _put_off() -> Iterator[None]:
    deadline = _deadline.get()
    ends = None if deadline is None else deadline.when()
    if deadline is None or ends is None:
        yield
        return
    loop = asyncio.get_running_loop()
    came = loop.time()
    deadline.reschedule(None)
    try:
        yield
    finally:
        # The request may have been given up meanwhile: then there is no deadline any more.
        with suppress(RuntimeError):
            deadline.reschedule(ends + loop.time() - came)


@dataclass(frozen=True, slots=True)
class _Question:
    """A name that waits for a thread, or that a thread has asked for."""

    came: float
    work: Future[Sequence[str]]
    begun: asyncio.Future[None]
    """Done once a thread has the question."""
    answer: asyncio.Future[Sequence[str]]


class CachingLookup:
    """Name lookups in threads of their own, each answer kept for a short time.

    What is kept is still checked whenever it is used, so a cached answer is no way around the
    guard. Concurrent questions for one name share one lookup. A thread whose name server is silent is
    taken until the system gives up, longer than `timeout_s`: how long a name may take counts from when a
    thread has it, and waiting for a thread has a limit of its own.
    """

    def __init__(
        self,
        lookup: Lookup | None = None,
        *,
        threads: int = 32,
        timeout_s: float = 10.0,
        turn_timeout_s: float = 60.0,
        ttl_s: float = 60.0,
        negative_ttl_s: float = 10.0,
        max_names: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lookup = lookup or getaddrinfo
        # The loop's own pool is small and shared with disk work; a slow name server blocks a
        # thread for seconds.
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="dns")
        self._timeout_s = timeout_s
        self._turn_timeout_s = turn_timeout_s
        self._ttl_s = ttl_s
        self._negative_ttl_s = negative_ttl_s
        self._max_names = max_names
        self._clock = clock
        self._answers: OrderedDict[str, tuple[float, Sequence[str] | FetchError]] = OrderedDict()
        self._pending: dict[str, _Question] = {}

    async def addresses(self, name: str) -> Sequence[str]:
        """The addresses of `name`. Raises DnsFailed, FetchTimeout or NamesBusy."""
        known = self._answers.get(name)
        if known is not None and known[0] > self._clock():
            answer = known[1]
        else:
            answer = await self._ask(name)
            ttl_s = self._negative_ttl_s if isinstance(answer, FetchError) else self._ttl_s
            self._answers[name] = (self._clock() + ttl_s, answer)
            self._answers.move_to_end(name)
            while len(self._answers) > self._max_names:
                self._answers.popitem(last=False)
        if isinstance(answer, FetchError):
            # A new object each time: one exception raised twice would mix its tracebacks.
            raise type(answer)(answer.message, **answer.detail)
        return answer

    async def _ask(self, name: str) -> Sequence[str] | FetchError:
        question = self._pending.get(name) or self._question(name)
        if not question.begun.done():
            await self._turn(name, question)
        try:
            async with asyncio.timeout(self._timeout_s):
                # Shielded: other questions may wait for the same lookup.
                found = await asyncio.shield(question.answer)
        except TimeoutError:
            return FetchTimeout(
                f"the name server did not answer for {name} in {self._timeout_s:g} s", phase="dns"
            )
        except (OSError, UnicodeError) as error:
            return DnsFailed(f"{name} cannot be resolved: {_reason(error)}", host=name)
        return found or DnsFailed(f"{name} has no address", host=name)

    def _question(self, name: str) -> _Question:
        loop = asyncio.get_running_loop()
        begun = loop.create_future()
        work = self._threads.submit(self._look_up, name, partial(loop.call_soon_threadsafe, _set, begun))
        question = self._pending[name] = _Question(loop.time(), work, begun, asyncio.wrap_future(work))
        question.answer.add_done_callback(partial(self._forget, name))
        return question

    def _look_up(self, name: str, begin: Callable[[], object]) -> Sequence[str]:
        begin()
        return self._lookup(name)

    async def _turn(self, name: str, question: _Question) -> None:
        """Waits until a thread has the question, and puts the request's deadline off. Raises NamesBusy."""
        left_s = question.came + self._turn_timeout_s - asyncio.get_running_loop().time()
        with _put_off():
            await asyncio.wait(
                (question.begun, question.answer),
                timeout=max(0.0, left_s),
                return_when=asyncio.FIRST_COMPLETED,
            )
        # What cannot be cancelled any more has just begun.
        if not question.begun.done() and (question.work.cancel() or question.answer.cancelled()):
            # No answer about the name, so it is not kept as one.
            raise NamesBusy(
                f"so many names are looked up that {name} had no turn in {self._turn_timeout_s:g} s",
                host=name,
                waited_s=self._turn_timeout_s,
            )

    def _forget(self, name: str, done: asyncio.Future[Sequence[str]]) -> None:
        self._pending.pop(name, None)
        if not done.cancelled():
            done.exception()  # marks it as seen when every asker has given up

    async def close(self) -> None:
        """Forget all answers and let the threads go; a hanging lookup is not waited for."""
        self._answers.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)


def _set(begun: asyncio.Future[None]) -> None:
    begun.set_result(None)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _results(name: str, addresses: Sequence[str], port: int, family: int) -> list[ResolveResult]:
    return [
        {
            "hostname": name,
            "host": address,
            "port": port,
            "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
            "proto": socket.IPPROTO_TCP,
            "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        }
        for address in addresses
        if not family or (family == socket.AF_INET6) == (":" in address)
    ]


class PublicResolver(AbstractResolver):
    """Gives aiohttp only the public addresses of a name.

    A name with public and private addresses is connected to at its public ones; one without
    any public address is refused.
    """

    def __init__(self, lookup: CachingLookup, max_addresses: int = 4) -> None:
        self._lookup = lookup
        self._max_addresses = max_addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Public addresses of `host`. Raises BlockedAddress, DnsFailed, FetchTimeout or NamesBusy."""
        addresses = await self._lookup.addresses(host)
        public = [address for address in addresses if why_refused(address) is None]
        if not public:
            refused = {address: why_refused(address) for address in addresses[: self._max_addresses]}
            first, why = next(iter(refused.items()))
            raise BlockedAddress(
                f"{host} leads to {first}, which is not public: {why}", host=host, addresses=refused
            )
        return _results(host, public[: self._max_addresses], port, family)

    async def close(self) -> None:
        """Nothing: the lookup belongs to the fetcher."""


class OwnResolver(AbstractResolver):
    """Gives aiohttp all addresses of names that the operator has listed as their own."""

    def __init__(self, lookup: CachingLookup) -> None:
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All addresses of `host`. Raises DnsFailed, FetchTimeout or NamesBusy."""
        return _results(host, await self._lookup.addresses(host), port, family)

    async def close(self) -> None:
        """Nothing: the lookup belongs to the fetcher."""


class MappedResolver(AbstractResolver):
    """Gives aiohttp the operator's address and port for the names of a resolve map, and no other."""

    def __init__(self, resolve_map: ResolveMap, lookup: CachingLookup) -> None:
        self._map = resolve_map
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The mapped address; the port asked for is replaced by the mapped one."""
        del port
        entry = self._map.find(host)
        if entry is None:
            raise BlockedAddress(f"{host} is not in the resolve map", host=host)
        try:
            address = literal_address(entry.host)
        except ValueError as error:
            raise DnsFailed(f"the resolve map sends {host} to {entry.host}: {error}", host=host) from error
        addresses = [address] if address else await self._lookup.addresses(entry.host)
        return _results(host, addresses, entry.port, family)

    async def close(self) -> None:
        """Nothing: the lookup belongs to the fetcher."""
