"""How a process of ours runs: on uvloop, with many connections, until a signal stops it."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any


def run_async(main: Any) -> Any:
    """Run a coroutine on uvloop, where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def allow_many_connections() -> None:
    """Raise the soft limit of open files to the hard one: idle connections to sites add up."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def collect_garbage_rarely() -> None:
    """Spare the collector the walk over all modules again and again: a sixth of the crawl's CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


class stopping:  # noqa: N801 - a context manager, named as it reads
    """Call `stop` at the first SIGINT or SIGTERM; the second one ends the process as if nobody caught it."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._caught)

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _caught(self) -> None:
        self._restore()
        self._stop()

    def _restore(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(RuntimeError, ValueError):
                loop.remove_signal_handler(number)
