"""What a second serving process brings: `python -m bench.workers [--codes N] [--seconds S]`.

One service with one process and one with two, each with the same bank, asked in turns by a process of its
own. Told is the processor time that a lookup takes in all serving processes together, which other work on the
machine changes little, and from it how many times the lookups of one process two can answer on two processors
that are theirs: twice, less what they cost each other. Memory is proportional (PSS): what is shared counts
once. The bar is 1.7.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import statistics
import sys
import time

import psutil

from bench.api_load import get, run_load
from bench.api_service import Service, running_service

BAR, ROUNDS, AT_ONCE = 1.7, 5, 32


def _filled(service: Service, codes: int) -> list[str]:
    service.ask("/c/banks", b'{"name": "FULL"}')
    values: list[str] = []
    for begin in range(0, codes, 50_000):
        piece = [secrets.token_hex(32) for _ in range(min(50_000, codes - begin))]
        lines = "\n".join(f"pdq {value}" for value in piece).encode()
        service.ask("/c/bank/FULL/signals", lines, "text/plain")
        values += piece
    return values


def _serving(service: Service) -> list[psutil.Process]:
    """The processes that answer: those that were forked, or the only one."""
    forked = [
        one for one in service.process.children(recursive=True) if "serve" in one.cmdline() and _is_ours(one)
    ]
    return forked or [service.process]


def _is_ours(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "samelook" in " ".join(process.cmdline())
    return False


def _used(processes: list[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (one.cpu_times() for one in processes))


async def _asked(service: Service, values: list[str], seconds: float) -> tuple[float, int, float]:
    """Processor seconds a lookup, how many there were, and how many a second of the clock."""
    requests = [
        get(f"{service.url}/m/raw_lookup?signal_type=pdq&signal={secrets.choice(values)}")
        for _ in range(2000)
    ]
    processes = _serving(service)
    before = _used(processes)
    load = await run_load(service.address, requests, at_once=AT_ONCE, seconds=seconds)
    if load.wrong:
        raise RuntimeError(f"{load.wrong} answers were wrong")
    return (_used(processes) - before) / load.requests, load.requests, load.rate


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--codes", type=int, default=200_000)
    asked.add_argument("--seconds", type=float, default=3.0)
    chosen = asked.parse_args()
    roles = ("--role", "matcher", "--role", "curator")
    with (
        running_service(["--workers", "1", *roles]) as alone,
        running_service(["--workers", "2", *roles]) as both,
    ):
        services = {1: alone, 2: both}
        values = {number: _filled(service, chosen.codes) for number, service in services.items()}
        time.sleep(15)  # snapshots are shared soon after a large load
        spent: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(ROUNDS):
            for number, service in services.items():
                took, count, rate = asyncio.run(_asked(service, values[number], chosen.seconds))
                spent[number].append(took)
                print(f"{number} processes: {1e6 * took:.0f} µs a lookup ({count:,} of them, {rate:,.0f}/s)")
        memory = {
            number: sum(one.memory_full_info().pss for one in _serving(service)) / 1e6
            for number, service in services.items()
        }
    one, two = (statistics.median(spent[number]) for number in (1, 2))
    times = 2 * one / two
    print(
        f"load of the machine {os.getloadavg()[0]:.0f}; {1e6 * one:.0f} and {1e6 * two:.0f} µs of processor "
        f"time a lookup: two processes answer {times:.2f} times as many on two processors (bar {BAR})\n"
        f"memory (PSS): {memory[1]:.0f} MB for one, {memory[2]:.0f} MB for two together"
    )
    sys.exit(times < BAR)


if __name__ == "__main__":
    main()
