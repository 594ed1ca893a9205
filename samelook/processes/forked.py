"""Processes forked from one that has imported everything: they start at once and share its memory."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import NoReturn

from samelook.processes.restarts import Restarts

STOPPING = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class _Place:
    """One of the processes that should run."""

    restarts: Restarts = field(default_factory=Restarts)
    pid: int | None = None
    due: float = 0.0


def keep_forked(
    work: Callable[[int], int], count: int, *, stop_s: float, on_death: Callable[[int], object]
) -> None:
    """Run `work` in `count` processes until SIGINT or SIGTERM; a process that dies is replaced.

    `work` is given a file descriptor that ends when this process does, however that happens, and returns
    an exit status. `on_death` is told the status of one that died, negative for a signal. At a signal
    the processes get SIGTERM, and SIGKILL `stop_s` seconds later; a second signal ends this process as if
    nobody caught it. Only to be called where no other thread runs and no event loop, as neither outlives
    a fork.
    """
    lifeline, held = os.pipe()
    places = [_Place() for _ in range(count)]
    try:
        with _signals() as (caught, wakeup):
            while not caught:
                for place in places:
                    if place.pid is None and time.monotonic() >= place.due:
                        place.pid = _fork(work, lifeline, held)
                        place.restarts.began()
                dues = [place.due for place in places if place.pid is None]
                _wait(wakeup, min(dues) - time.monotonic() if dues else None)
                for place in places:
                    _replace_if_dead(place, on_death)
            _stop(places, wakeup, stop_s)
    finally:
        os.close(held)
        os.close(lifeline)


@contextmanager
def _signals() -> Iterator[tuple[list[int], int]]:
    """The signals to stop that were caught so far, and a descriptor to read from at any signal."""
    caught: list[int] = []
    wakeup, waking = os.pipe()
    for descriptor in (wakeup, waking):
        os.set_blocking(descriptor, False)

    def stop(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        for other in STOPPING:
            signal.signal(other, before[other])

    before = {number: signal.getsignal(number) for number in (*STOPPING, signal.SIGCHLD)}
    for number in STOPPING:
        signal.signal(number, stop)
    # With a handler, whatever it is, the end of a process is written to the descriptor.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    woken_before = signal.set_wakeup_fd(waking)
    try:
        yield caught, wakeup
    finally:
        signal.set_wakeup_fd(woken_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(wakeup)
        os.close(waking)


def _wait(wakeup: int, seconds: float | None) -> None:
    """Until a signal came, or the time is up."""
    select.select([wakeup], [], [], None if seconds is None else max(0.0, seconds))
    with suppress(BlockingIOError):
        while os.read(wakeup, 512):
            pass


def _fork(work: Callable[[int], int], lifeline: int, held: int) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    # A signal in the child before it has handlers of its own would be noted in a copy that nobody reads.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, (*STOPPING, signal.SIGCHLD))
    try:
        pid = os.fork()
        if pid == 0:
            _become(work, lifeline, held, blocked)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return pid


def _become(
    work: Callable[[int], int], lifeline: int, held: int, mask: set[int | signal.Signals]
) -> NoReturn:
    """The life of the child. It ends without the exit handlers and `finally` blocks of its parent."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        # A session of its own: Ctrl-C at a terminal is for the parent, which stops its processes in order.
        os.setsid()
        os.close(held)
        status = work(lifeline)
    except BaseException:  # noqa: BLE001 - the root of the process: nothing may leave it for the parent's code
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _ended(place: _Place) -> int | None:
    """The status of a process that has ended, negative for a signal."""
    if place.pid is None:
        return None
    try:
        pid, status = os.waitpid(place.pid, os.WNOHANG)
    except ChildProcessError:
        return 0
    return os.waitstatus_to_exitcode(status) if pid else None


def _replace_if_dead(place: _Place, on_death: Callable[[int], object]) -> None:
    status = _ended(place)
    if status is None:
        return
    place.pid = None
    place.due = time.monotonic() + place.restarts.died()
    on_death(status)


def _stop(places: list[_Place], wakeup: int, stop_s: float) -> None:
    running = [place for place in places if place.pid is not None]
    for place in running:
        _send(place, signal.SIGTERM)
    deadline = time.monotonic() + stop_s
    while (running := [place for place in running if _ended(place) is None]) and time.monotonic() < deadline:
        _wait(wakeup, min(0.5, deadline - time.monotonic()))
    for place in running:
        _send(place, signal.SIGKILL)
        if place.pid is not None:
            with suppress(ChildProcessError):
                os.waitpid(place.pid, 0)


def _send(place: _Place, number: signal.Signals) -> None:
    if place.pid is not None:
        with suppress(ProcessLookupError):
            os.kill(place.pid, number)
