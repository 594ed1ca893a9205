"""Who may ask how much: token buckets by client and by network, shared by the serving processes."""

from __future__ import annotations

import fcntl
import ipaddress
import mmap
import os
import secrets
import struct
import tempfile
import weakref
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from samelook.extension_api.errors import AskedTooOften

_PLACES = 8
_PLACE = struct.Struct("<Qdd")
"""A key's digest, the level of its bucket, and when that was so. No digest: nobody's."""
_ROW_BYTES = _PLACES * _PLACE.size
_AHEAD = 16
_MOST_AHEAD = 1024
"""Keys of which a process has taken something ahead."""


class Levels:
    """How full token buckets are, for this process and those forked from it: 6 MB for 262,144 keys.

    A key has its place in one of many rows of eight. Where all eight are taken, the one that was used longest
    ago is forgotten, which can only give somebody more. Rows are chosen by a secret, so that nobody can crowd
    out others on purpose. To be used by one thread of a process, as the kernel's locks are the process's.
    """

    def __init__(self, rows: int = 1 << 15) -> None:
        self._rows = rows
        self._secret = secrets.token_bytes(16)
        self._memory = mmap.mmap(-1, rows * _ROW_BYTES)
        # An empty file: a lock on its byte at offset n stands for row n. The kernel takes back the locks of a
        # process that dies.
        self._locks, name = tempfile.mkstemp(prefix="samelook-limits-")
        Path(name).unlink()
        weakref.finalize(self, os.close, self._locks)

    def take(self, key: str, units: float, now: float, per_s: float, burst: float) -> float:
        """Use up units of the key's bucket; or, where it has too few, say how many it lacks."""
        digest = blake2b(key.encode(errors="surrogatepass"), digest_size=8, key=self._secret).digest()
        number = int.from_bytes(digest, "little") or 1
        row = number % self._rows
        fcntl.lockf(self._locks, fcntl.LOCK_EX, 1, row)
        try:
            place, level, at = self._find(row * _ROW_BYTES, number, burst, now)
            level = min(burst, level + max(0.0, now - at) * per_s)
            if level < units:
                return units - level
            _PLACE.pack_into(self._memory, place, number, level - units, now)
            return 0.0
        finally:
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, row)

    def _find(self, start: int, number: int, burst: float, now: float) -> tuple[int, float, float]:
        """Where the key's place is, its level and of when it is; a new key gets the place of the oldest."""
        oldest, oldest_at = start, float("inf")
        for place in range(start, start + _ROW_BYTES, _PLACE.size):
            known, level, at = _PLACE.unpack_from(self._memory, place)
            if known == number:
                return place, level, at
            if not known:
                oldest, oldest_at = place, float("-inf")
            elif at < oldest_at:
                oldest, oldest_at = place, at
        return oldest, burst, now


class Buckets:
    """Token buckets by key. `kind` tells them from others in the same levels."""

    def __init__(
        self,
        per_s: float,
        burst: float,
        clock: Callable[[], float],
        levels: Levels | None = None,
        kind: str = "",
    ) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._levels = levels or Levels()
        self._kind = kind
        self._ahead: dict[str, float] = {}

    def spare(self, key: str, units: float) -> bool:
        """Use up units if there are enough; whether there were."""
        return self._lacking(key, units) == 0.0

    def take(self, key: str, units: float) -> None:
        """Use up units. Raises AskedTooOften when there are not enough."""
        lacking = self._lacking(key, units)
        if lacking:
            raise AskedTooOften("Too many requests; slow down.", retry_after_s=lacking / self._per_s)

    def take_little(self, key: str, units: float) -> None:
        """As `take`, for what costs little and is asked often: some of it is taken ahead, for this process.

        The levels are locked for each look at them, which costs more than an answer that is remembered.
        """
        ahead = self._ahead.pop(key, 0.0)
        if ahead < units:
            if not self.spare(key, _AHEAD * units):
                self.take(key, units)
                return
            ahead += _AHEAD * units
        while len(self._ahead) >= _MOST_AHEAD:
            del self._ahead[next(iter(self._ahead))]
        self._ahead[key] = ahead - units

    def _lacking(self, key: str, units: float) -> float:
        return self._levels.take(f"{self._kind} {key}", units, self._clock(), self._per_s, self._burst)


def client_address(peer: str | None, forwarded: str | None, trusted_proxies: int) -> str:
    """The address of whoever asks: what the outermost of our own proxies saw.

    Anybody can write X-Forwarded-For, so only as many entries count, from the end, as we have proxies.
    """
    if trusted_proxies and forwarded:
        hops = [hop.strip() for hop in forwarded.split(",")]
        return _without_port(hops[-min(trusted_proxies, len(hops))])
    return peer or "unknown"


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    host, colon, port = hop.rpartition(":")
    return host if colon and ":" not in host and port.isdigit() else hop


@lru_cache(maxsize=4096)
def client_of(address: str) -> str:
    """Whom limits count as one client: an IPv4 address, or the /64 of IPv6 that one subscriber has."""
    return _network(address, 32, 64)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The /24 or /48 that an address is in: one subscriber, or one small host."""
    return _network(address, 24, 48)


def _network(address: str, of_ipv4: int, of_ipv6: int) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    prefix = of_ipv4 if isinstance(parsed, ipaddress.IPv4Address) else of_ipv6
    return str(ipaddress.ip_network((parsed, prefix), strict=False))
