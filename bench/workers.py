"""What a second serving process brings: `python -m bench.workers [--codes N] [--seconds S]`.

One service with one process and one with two, each with a bank of its own, are asked in turns by a process
that takes processor time too, which on two cores only the two have to give it. Memory is proportional (PSS):
pages that both map count once. The bar is 1.7 times as many lookups a second.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import statistics
import sys
import time

from bench.api_load import get, run_load
from bench.api_service import Service, processor_s, running_service

BAR, ROUNDS, AT_ONCE, PIECE = 1.7, 5, 32, 50_000
_SETTLES_S = 15.0
"""Snapshots are shared soon after a large load."""


def _filled(service: Service, codes: int) -> list[str]:
    """The values that a new bank has got."""
    service.ask("/c/banks", b'{"name": "FULL"}')
    values = [secrets.token_hex(32) for _ in range(codes)]
    for begin in range(0, codes, PIECE):
        lines = "\n".join(f"pdq {value}" for value in values[begin : begin + PIECE])
        service.ask("/c/bank/FULL/signals", lines.encode(), "text/plain")
    return values


async def _asked(service: Service, values: list[str], seconds: float) -> tuple[float, float]:
    """Processor seconds a lookup, and lookups a second. Raises RuntimeError for a wrong answer."""
    url = f"{service.url}/m/raw_lookup?signal_type=pdq&signal="
    requests = [get(url + secrets.choice(values)) for _ in range(2000)]
    before = processor_s(service.process)
    load = await run_load(service.address, requests, at_once=AT_ONCE, seconds=seconds)
    if load.wrong:
        raise RuntimeError(f"{load.wrong} answers were wrong")
    return (processor_s(service.process) - before) / load.requests, load.rate


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--codes", type=int, default=1_000_000)
    asked.add_argument("--seconds", type=float, default=4.0)
    chosen = asked.parse_args()
    roles = ("--role", "matcher", "--role", "curator")
    with (
        running_service(["--workers", "1", *roles]) as alone,
        running_service(["--workers", "2", *roles]) as both,
    ):
        services = {1: alone, 2: both}
        values = {number: _filled(service, chosen.codes) for number, service in services.items()}
        time.sleep(_SETTLES_S)
        spent: dict[int, list[float]] = {1: [], 2: []}
        rates: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(ROUNDS):
            for number, service in services.items():
                took, rate = asyncio.run(_asked(service, values[number], chosen.seconds))
                spent[number].append(took)
                rates[number].append(rate)
        memory = {number: service.memory()[0] for number, service in services.items()}
    print("processes  µs of processor a lookup               lookups/s  MB (PSS)")
    for number in services:
        cost, rate = statistics.median(spent[number]), statistics.median(rates[number])
        print(f"{number:9} {1e6 * cost:25.0f} {rate:26,.0f} {memory[number]:9.0f}")
    times = statistics.median(rates[2]) / statistics.median(rates[1])
    print(f"two processes answer {times:.2f} times as many (bar {BAR}); load {os.getloadavg()[0]:.0f}")
    sys.exit(times < BAR)


if __name__ == "__main__":
    main()
