"""Runs the scenarios and prints a table."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from bench.faults import crawling, database, killing, surroundings
from bench.faults.outcome import HEADER, Outcome

Scenario = Callable[[Path], Awaitable[Outcome]]


def main() -> None:
    asked = argparse.ArgumentParser(description="Faults around the service and the crawl, made to happen.")
    asked.add_argument("names", nargs="*", help="scenarios; default: all")
    asked.add_argument("--kills", type=int, default=50, help="of each kind of work")
    chosen = asked.parse_args()
    scenarios: dict[str, Scenario] = {
        one.__name__: partial(database.one_fault, one) for one in database.FAULTS
    }
    scenarios |= {
        one.__name__: one for one in (*database.SCENARIOS, *crawling.SCENARIOS, *surroundings.SURROUNDINGS)
    }
    scenarios |= {one.__name__: partial(one, kills=chosen.kills) for one in killing.KILLED}
    failed = 0
    print(HEADER)
    for name in chosen.names or scenarios:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="samelook-fault-", ignore_cleanup_errors=True) as folder:
            try:
                outcome = asyncio.run(_run(scenarios[name], Path(folder)))
            except Exception as error:  # noqa: BLE001 - the others are to be run all the same
                outcome = Outcome(name, wrong=[f"{type(error).__name__}: {error}"[:300]])
        print(f"{outcome.row} [{time.monotonic() - began:.0f} s]", flush=True)
        failed += bool(outcome.faults)
    sys.exit(1 if failed else 0)


async def _run(scenario: Scenario, folder: Path) -> Outcome:
    async with asyncio.timeout(1800):
        return await scenario(folder)


if __name__ == "__main__":
    main()
