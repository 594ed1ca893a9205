"""The running server of a data folder: whether there is one, its state, and how to end it.

Postgres writes `postmaster.pid` into its folder and removes it at a clean end. After a crash the
file stays, and its process id may belong to anybody by then; so a process counts as the server
only when it is `postgres -D` this very folder.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import structlog

PID_FILE = "postmaster.pid"
PORT = 5432  # only part of the socket's name; no port is opened

_log = structlog.get_logger(__name__)

_STATUS_LINE = 8  # of postmaster.pid, see src/include/utils/pidfile.h in Postgres
_SOCKET_LINE = 5
# SSLRequest: the one question that a server answers (with a letter) before it knows who asks.
_QUESTION = struct.pack("!ii", 8, 80877103)
_STOP_S = 60.0
_QUIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What `postmaster.pid` says. A half-written file gives what it has."""

    pid: int
    socket_folder: Path | None
    status: str  # "starting", "ready", "stopping", or "" while the file is not complete

    @property
    def socket(self) -> Path | None:
        """The socket that clients connect to."""
        return None if self.socket_folder is None else self.socket_folder / f".s.PGSQL.{PORT}"


def read_postmaster(data: Path) -> Postmaster | None:
    """What the folder says of its server, or None when it says nothing that can be understood."""
    try:
        lines = (data / PID_FILE).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return None
    if not lines or not lines[0].strip().isdecimal():
        return None
    complete = len(lines) >= _STATUS_LINE
    folder = lines[_SOCKET_LINE - 1].strip() if len(lines) >= _SOCKET_LINE else ""
    return Postmaster(
        pid=int(lines[0]),
        socket_folder=Path(folder) if folder else None,
        status=lines[_STATUS_LINE - 1].strip() if complete else "",
    )


def is_alive(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def is_postmaster_of(pid: int, data: Path) -> bool:
    """Whether this process is alive, and the server of this folder."""
    try:
        command = psutil.Process(pid).cmdline() if is_alive(pid) else []
    except psutil.Error:
        return False
    if not command:
        return False
    # The server's children rewrite their command line, the server does not.
    return command[1:3] == ["-D", str(data)] and Path(command[0]).name == "postgres"


def answers(server: Postmaster) -> bool:
    """Whether somebody serves the socket.

    It works where process ids tell nothing: when the server runs in another container that shares
    the folder. A server that was just killed still accepts for some milliseconds, but is silent.
    """
    if server.socket is None:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(server.socket))
            probe.sendall(_QUESTION)
            return probe.recv(1) != b""
        except OSError:
            return False


def stop(data: Path) -> None:
    """End the folder's server in order: what was acknowledged is on disk, sessions are closed."""
    server = read_postmaster(data)
    if server is None or not is_postmaster_of(server.pid, data):
        return
    # "Fast": sessions are ended, then a checkpoint. "Immediate" is for one that hangs: the next
    # start replays the log, nothing acknowledged is lost.
    for number, patience_s in ((signal.SIGINT, _STOP_S), (signal.SIGQUIT, _QUIT_S)):
        try:
            os.kill(server.pid, number)
        except ProcessLookupError:
            return
        if _gone(server.pid, data, patience_s):
            _remove_socket_folder(server, data)
            return
    _log.warning("postgres.does_not_stop", pid=server.pid, data=str(data))


def _remove_socket_folder(server: Postmaster, data: Path) -> None:
    """Remove the folder that was made only for the socket, which is gone with its server."""
    if server.socket_folder is not None and server.socket_folder != data:
        with suppress(OSError):
            server.socket_folder.rmdir()


def end_orphans(data: Path) -> None:
    """End server processes whose postmaster was killed; they hold the shared memory it left.

    Which folder such a process works on cannot be read everywhere (root in a container may lack
    the right), but one whose parent is no server is lost whatever its folder, so all of the data's
    owner are ended. A child of a living server has that server for its parent.
    """
    owner = data.stat().st_uid
    for process in psutil.process_iter():
        try:
            title = " ".join(process.cmdline()[:1])
            parent = process.parent()
            if (
                title.startswith("postgres: ")
                and process.uids().effective == owner
                and (parent is None or parent.name() != "postgres")
            ):
                process.terminate()
        except psutil.Error:
            continue


def _gone(pid: int, data: Path, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while is_postmaster_of(pid, data):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
