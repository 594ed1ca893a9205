"""A terminal of 80 columns, and what a program writes to it."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.reduction import DupFd
from typing import Any

from rich.cells import cell_len

COLUMNS = 80
# A live display goes back to the start of its lines and erases them: what follows stands where they were.
_REDRAWN = re.compile(r"\x1b\[[0-9]*[AK]")
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\))")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a terminal was sent, without colours and cursor movements, and how the program ended."""

    text: str
    status: int

    @property
    def lines(self) -> list[str]:
        return re.split(r"[\r\n]+", self.text)

    @property
    def too_wide(self) -> list[str]:
        return [line for line in self.lines if cell_len(line.rstrip()) > COLUMNS]


# Commands start from a process that has imported what all of them need: a new interpreter for each would
# take most of the time of a hundred of them.
_WARM = multiprocessing.get_context("forkserver")
_WARM.set_forkserver_preload(
    [
        *(
            "samelook.cli",
            "samelook.terminal.tables",
            "samelook.logs",
            "samelook.settings",
            "samelook.sql.pool",
        ),
        *("samelook.api.errors", "rich.live", "asyncpg", "aiohttp", "pydantic"),
    ]  # nothing that imports numpy, which starts threads
)


def on_terminal(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    stop_at: str | None = None,
    typed: str = "",
    limit_s: float = 100.0,
) -> Shown:
    """Run `samelook` on a terminal of its own; at the words `stop_at` it is asked to stop by SIGINT."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    process = _WARM.Process(
        target=_samelook,
        args=(DupFd(theirs), list(arguments), {**os.environ, "TERM": "xterm-256color", **environment}),
    )
    process.start()
    os.close(theirs)
    sent = bytearray()
    if typed:
        os.write(ours, typed.encode() + b"\x04")
    end = time.monotonic() + limit_s
    try:
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    data = os.read(ours, 1 << 16)
                except OSError:  # how Linux says that nobody has the other end any more
                    break
                if not data:
                    break
                sent += data
            if stop_at is not None and stop_at.encode() in sent:
                os.kill(process.pid or 0, signal.SIGINT)
                stop_at = None
        process.join(10.0)
        assert process.exitcode is not None, _plain(sent)
        return Shown(_plain(sent), process.exitcode)
    finally:
        if process.is_alive():
            process.kill()
            process.join()
        os.close(ours)


def _plain(sent: bytearray) -> str:
    return _ESCAPES.sub("", _REDRAWN.sub("\n", sent.decode()))


def _samelook(terminal: Any, arguments: list[str], environment: dict[str, str]) -> None:
    """The whole program, in a new session with that terminal as its standard streams."""
    os.setsid()
    theirs = terminal.detach()
    fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
    for stream in (0, 1, 2):
        os.dup2(theirs, stream)
    if theirs > 2:
        os.close(theirs)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w", buffering=1), open(2, "w", buffering=1)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["samelook", *arguments]

    from samelook.cli import main

    main()
