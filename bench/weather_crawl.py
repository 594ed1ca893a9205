"""The crawl's own command, whose web is bench/weather_web: every name leads to its ports, and nowhere else.

    BENCH_WEATHER='{"plain": 1, "tls": 2, …}' python -m bench.weather_crawl crawl run --once

All is the product's code but for two functions: the one that gives addresses for a name, which knows the
sites' weather, and the one that refuses sockets to loopback.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import Any

from bench.weather_sites import number_of, site
from samelook.crawler.fetching import connections, resolver, second_try

PORTS = json.loads(os.environ["BENCH_WEATHER"])
IS_STILL = PORTS["still"]
DNS_S, DUMB_S = 0.03, 5.0


def looked_up(name: str) -> list[str]:
    reach = site(number_of(name)).reach
    if not IS_STILL:
        time.sleep(DUMB_S if reach == "dumb" else DNS_S)
    if reach in {"unknown", "dumb"}:
        raise OSError(socket.EAI_NONAME, "Name or service not known")
    return ["127.0.0.1"]


async def resolve(self: Any, host: str, port: int = 0, family: int = 0) -> list[Any]:  # noqa: ARG001
    (address,) = await self._lookup.addresses(host)
    place = site(number_of(host))
    if place.reach == "answers":
        where = PORTS["tls"] if port == 443 else PORTS["plain"]
        if place.tls != (port == 443) and not place.tls:
            where = 1
    elif IS_STILL:
        where = 1
    else:
        where = PORTS.get(place.reach, 1)
    return [{"hostname": host, "host": address, "port": where, "family": 2, "proto": 6, "flags": 0}]


def main() -> None:
    resolver.getaddrinfo = looked_up
    resolver.PublicResolver.resolve = resolve  # type: ignore[method-assign]

    def unguarded(info: Any) -> socket.socket:
        assert info[4][0] == "127.0.0.1"
        return socket.socket(info[0], info[1], info[2])

    connections.guarded_socket = unguarded  # type: ignore[attr-defined]
    second_try.guarded_socket = unguarded  # type: ignore[attr-defined]
    from samelook.cli import main as command

    command()


if __name__ == "__main__":
    sys.argv[0] = "samelook"
    main()
