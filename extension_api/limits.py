"""Who may ask how much: token buckets by client and by network, in memory, for each process."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable

from samelook.extension_api.errors import AskedTooOften

MOST_BUCKETS = 100_000


class Buckets:
    """Token buckets by key. The least recently used are forgotten, which can only give somebody more."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float]) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spare(self, key: str, units: float) -> bool:
        """Use up units if there are enough; whether there were."""
        try:
            self.take(key, units)
        except AskedTooOften:
            return False
        return True

    def take(self, key: str, units: float) -> None:
        """Use up units. Raises RateLimited when there are not enough."""
        now = self._clock()
        level, at = self._levels.get(key, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._per_s)
        if level < units:
            raise AskedTooOften("Too many requests; slow down.", retry_after_s=(units - level) / self._per_s)
        self._levels[key] = (level - units, now)
        self._levels.move_to_end(key)
        if len(self._levels) > MOST_BUCKETS:
            self._levels.popitem(last=False)


def client_address(peer: str | None, forwarded: str | None, trusted_proxies: int) -> str:
    """The address of whoever asks: what the outermost of our own proxies saw.

    Anybody can write X-Forwarded-For, so only as many entries count, from the end, as we have proxies.
    """
    if trusted_proxies and forwarded:
        hops = [hop.strip() for hop in forwarded.split(",")]
        return hops[-min(trusted_proxies, len(hops))]
    return peer or "unknown"


def network_of(address: str) -> str:
    """The /24 or /48 that an address is in: one subscriber, or one small host."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    prefix = 24 if isinstance(parsed, ipaddress.IPv4Address) else 48
    return str(ipaddress.ip_network((parsed, prefix), strict=False))
