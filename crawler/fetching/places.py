"""Places that the operator names: where chosen names are fetched from, and own ones that are not public."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from ipaddress import IPv4Network, IPv6Network, ip_address

from samelook.names.addresses import literal_address
from samelook.variables import network


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


@dataclass(frozen=True, slots=True)
class OwnPlaces:
    """Places in the operator's own network that may be fetched from, although they are not public."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """For URLs that hold an address instead of a name."""

    def __str__(self) -> str:
        return ",".join([*sorted(self.hosts), *(str(network) for network in self.networks)])

    def include(self, host: str, address: str | None) -> bool:
        """Whether a URL with this host, which may be an address, leads to one of them."""
        if address is None:
            return host.rstrip(".").lower() in self.hosts
        return any(ip_address(address) in network for network in self.networks)


def parse_own_places(text: str) -> OwnPlaces:
    """Own places from `media.internal,10.2.0.0/16`. Raises ValueError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    networks = tuple(network(word) for word in words if "/" in word or _is_literal(word))
    names = frozenset(word.rstrip(".").lower() for word in words if "/" not in word and not _is_literal(word))
    if any(not _HOST_NAME(name) for name in names):
        raise ValueError(
            "write names of hosts and networks, separated by commas, as media.internal,10.2.0.0/16"
        )
    return OwnPlaces(names, networks)


_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*").fullmatch
