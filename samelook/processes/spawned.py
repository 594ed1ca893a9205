"""Child processes that run a command, kept running from within an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from samelook.processes.restarts import STOP_S, Restarts

_MOST_DEATHS = 3
"""In a row, each soon after its start: then what is wrong will not mend itself."""


async def keep_spawned(
    command: Sequence[str],
    count: int,
    *,
    environment: Mapping[str, str],
    stop: asyncio.Event,
    on_death: Callable[[int], object],
) -> int:
    """Run `count` processes until all have ended by themselves or `stop` is set; the worst exit status.

    One that dies is replaced, and `on_death` is told its status, negative for a signal; a place whose
    processes die young again and again stays empty. Standard input of each ends when this process does,
    however that happens. At `stop` they get SIGTERM, and SIGKILL ten seconds later.
    """
    async with asyncio.TaskGroup() as group:
        places = [group.create_task(_keep_one(command, environment, stop, on_death)) for _ in range(count)]
    return 1 if any(place.result() for place in places) else 0


async def _keep_one(
    command: Sequence[str],
    environment: Mapping[str, str],
    stop: asyncio.Event,
    on_death: Callable[[int], object],
) -> int:
    restarts = Restarts()
    while True:
        # Its own session, so that Ctrl-C reaches only this process, which then stops the others.
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, start_new_session=True, stdin=asyncio.subprocess.PIPE
        )
        restarts.began()
        status = await _until_ended(process, stop)
        if status == 0 or stop.is_set():
            return status
        pause_s = restarts.died()
        if restarts.in_a_row > _MOST_DEATHS:
            return status
        on_death(status)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause_s)
            return status


async def _until_ended(process: asyncio.subprocess.Process, stop: asyncio.Event) -> int:
    """The exit status of a process that ends by itself, or that is ended after `stop`."""
    ended = asyncio.create_task(process.wait())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not ended.done():
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            return await asyncio.wait_for(ended, STOP_S)
        except TimeoutError:
            process.kill()
            return await process.wait()
    return ended.result()
