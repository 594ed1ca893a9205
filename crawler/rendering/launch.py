"""Starts Chromium without a network: `python -m samelook.crawler.rendering.launch FD COMMAND…`.

What scripts of strangers run in gets a network namespace of its own, in which there is no interface: whatever
they try, nothing leaves the process but what it asks of us on descriptor FD, its channel to the debugger.
Where the system does not allow that, Chromium is not started.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import sys
from pathlib import Path

CANNOT_CONFINE = 77
"""The exit status where the network cannot be given up."""
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_DEATH_SIGNAL = 1
_NICENESS = 10
_FILE_BYTES = 64 << 20


def main() -> None:
    """Gives up the network and becomes the command, with the channel as its descriptors 3 and 4."""
    channel, command = int(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        _without_network(libc)
    except (OSError, AttributeError) as error:
        print(f"The network cannot be given up: {error}", file=sys.stderr)  # noqa: T201 - this is a program
        sys.exit(CANNOT_CONFINE)
    # The crawl may be killed: a browser without one would stay for ever.
    libc.prctl(_DEATH_SIGNAL, signal.SIGKILL)
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    spare = fcntl.fcntl(channel, fcntl.F_DUPFD, 10)
    os.dup2(spare, 3)
    os.dup2(spare, 4)
    os.execv(command[0], command)  # noqa: S606 - the command is the operator's Chromium


def _without_network(libc: ctypes.CDLL) -> None:
    """Moves this process into a network namespace without interfaces. Raises OSError."""
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_NETWORK) == 0:
        return
    # Without the right to do that alone, a user namespace of our own has it.
    if libc.unshare(_NEW_USER | _NEW_NETWORK) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")


if __name__ == "__main__":
    main()
