"""Names to addresses: public ones only, or those that the operator mapped by hand."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import translate
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult

from samelook.crawler.fetching.errors import BlockedAddress, DnsFailed, FetchError, FetchTimeout
from samelook.names.addresses import literal_address, why_refused

Lookup = Callable[[str], Sequence[str]]
"""Blocking name lookup: addresses in the order to try them; raises OSError."""


class BadResolveMap(ValueError):
    """The text is no list of `pattern=host:port`."""


@dataclass(frozen=True, slots=True)
class MappedHost:
    """One entry of a resolve map: names like `pattern` are fetched from `host`:`port`."""

    pattern: str
    host: str
    port: int


class ResolveMap:
    """Which names are fetched from an address given by the operator; the first match wins.

    Patterns are shell-style (`*`, `*.example`) and match names only: a literal address never
    reaches a mapped host. This is the only door to a private address.
    """

    __slots__ = ("_matchers", "entries")

    def __init__(self, entries: Sequence[MappedHost] = ()) -> None:
        self.entries = tuple(entries)
        self._matchers = [(re.compile(translate(entry.pattern)).match, entry) for entry in self.entries]

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResolveMap) and self.entries == other.entries

    def __hash__(self) -> int:
        return hash(self.entries)

    def __repr__(self) -> str:
        return f"parse_resolve({str(self)!r})"

    def __str__(self) -> str:
        return ",".join(f"{entry.pattern}={_authority(entry)}" for entry in self.entries)

    def find(self, name: str) -> MappedHost | None:
        """The entry for a host name in lower case; the caller has ruled out literal addresses."""
        if self._matchers:
            name = name.removesuffix(".")
            for matches, entry in self._matchers:
                if matches(name):
                    return entry
        return None


def _authority(entry: MappedHost) -> str:
    return f"[{entry.host}]:{entry.port}" if ":" in entry.host else f"{entry.host}:{entry.port}"


def parse_resolve(text: str) -> ResolveMap:
    """The map that `pattern=host:port,pattern=host:port` describes; an empty text maps nothing.

    Raises BadResolveMap saying which entry is wrong and how to write it.
    """
    entries = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        pattern, equals, target = (piece.strip() for piece in part.partition("="))
        host, colon, port = target.rpartition(":")
        if not (pattern and equals and host and colon):
            raise BadResolveMap(
                f"{part!r} is not of the form pattern=host:port, as in *.example=127.0.0.1:8099"
            )
        if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536):  # noqa: PLR2004
            raise BadResolveMap(f"{part!r}: {port!r} is no port; write a number from 1 to 65535")
        if ":" in host and not (host.startswith("[") and host.endswith("]")):
            raise BadResolveMap(f"{part!r}: write an IPv6 address in brackets, as in [::1]:8099")
        if "://" in target or "/" in target:
            raise BadResolveMap(f"{part!r}: write host:port without a scheme or path")
        if _is_literal(pattern):
            raise BadResolveMap(f"{part!r}: patterns match names, and {pattern!r} is an address")
        entries.append(MappedHost(pattern.lower(), host.strip("[]"), int(port)))
    return ResolveMap(entries)


def _is_literal(pattern: str) -> bool:
    if "*" in pattern or "?" in pattern:
        return False
    try:
        return literal_address(pattern) is not None
    except ValueError:
        return True


def getaddrinfo(name: str) -> list[str]:
    """The stream addresses of `name` from the system's resolver, in its order (RFC 6724)."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class CachingLookup:
    """Name lookups in threads of their own, each answer kept for a short time.

    What is kept is still checked whenever it is used, so a cached answer is no way around the
    guard. Concurrent questions for one name share one lookup.
    """

    def __init__(
        self,
        lookup: Lookup | None = None,
        *,
        threads: int = 32,
        timeout_s: float = 10.0,
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
        self._ttl_s = ttl_s
        self._negative_ttl_s = negative_ttl_s
        self._max_names = max_names
        self._clock = clock
        self._answers: OrderedDict[str, tuple[float, Sequence[str] | FetchError]] = OrderedDict()
        self._pending: dict[str, asyncio.Future[Sequence[str]]] = {}

    async def addresses(self, name: str) -> Sequence[str]:
        """The addresses of `name`. Raises DnsFailed or FetchTimeout."""
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
        pending = self._pending.get(name)
        if pending is None:
            loop = asyncio.get_running_loop()
            pending = loop.run_in_executor(self._threads, self._lookup, name)
            self._pending[name] = pending
            pending.add_done_callback(partial(self._forget, name))
        try:
            async with asyncio.timeout(self._timeout_s):
                # Shielded: other questions may wait for the same lookup.
                found = await asyncio.shield(pending)
        except TimeoutError:
            return FetchTimeout(
                f"the name server did not answer for {name} in {self._timeout_s:g} s", phase="dns"
            )
        except (OSError, UnicodeError) as error:
            return DnsFailed(f"{name} cannot be resolved: {_reason(error)}", host=name)
        return found or DnsFailed(f"{name} has no address", host=name)

    def _forget(self, name: str, done: asyncio.Future[Sequence[str]]) -> None:
        self._pending.pop(name, None)
        if not done.cancelled():
            done.exception()  # marks it as seen when every asker has given up

    async def close(self) -> None:
        """Forget all answers and let the threads go; a hanging lookup is not waited for."""
        self._answers.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)


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
        """Public addresses of `host`. Raises BlockedAddress, DnsFailed or FetchTimeout."""
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


@dataclass(frozen=True, slots=True)
class OwnPlaces:
    """Places in the operator's own network that may be fetched from, although they are not public."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """For URLs that hold an address instead of a name."""

    def include(self, host: str, address: str | None) -> bool:
        """Whether a URL with this host, which may be an address, leads to one of them."""
        if address is None:
            return host.rstrip(".").lower() in self.hosts
        return any(ip_address(address) in network for network in self.networks)


def parse_own_places(text: str) -> OwnPlaces:
    """Own places from `media.internal,10.2.0.0/16`. Raises ValueError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    networks = tuple(ip_network(word) for word in words if "/" in word or literal_address(word))
    names = frozenset(
        word.rstrip(".").lower() for word in words if "/" not in word and not literal_address(word)
    )
    if any(not _HOST_NAME(name) for name in names):
        raise ValueError("names of hosts and networks, separated by commas, as media.internal,10.2.0.0/16")
    return OwnPlaces(names, networks)


_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*").fullmatch


class OwnResolver(AbstractResolver):
    """Gives aiohttp all addresses of names that the operator has listed as their own."""

    def __init__(self, lookup: CachingLookup) -> None:
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All addresses of `host`. Raises DnsFailed or FetchTimeout."""
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
