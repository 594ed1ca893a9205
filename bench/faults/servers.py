"""Postgres servers of a scenario's own, from the programs that the embedded one comes with."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from samelook.postgres.cluster import program

PATIENCE_S = 60.0
DATABASE = "postgres"


class Server:
    """One server. Its socket is in `folder`, its number tells it from others there."""

    def __init__(self, folder: Path, number: int = 1, data: Path | None = None, *options: str) -> None:
        self.folder, self.number = folder, number
        self.data = data or folder / f"data-{number}"
        self._options = options
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://owner@/{DATABASE}?host={self.folder}&port={self.number}"

    def create(self) -> None:
        """Makes an empty one."""
        _run("initdb", "-D", self.data, "-U", "owner", "-A", "trust", "--no-sync")

    def copy_of(self, primary: Server) -> None:
        """Makes a standby that follows another one."""
        source = ("-h", primary.folder, "-p", primary.number, "-U", "owner")
        _run("pg_basebackup", *source, "-D", self.data, "-R", "-X", "stream", "-c", "fast")

    def start(self, **environment: str) -> None:
        """Starts it, and waits until it answers."""
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.folder), "fsync": "on"}
        settings |= dict(option.split("=", 1) for option in self._options)
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(program("postgres")), "-D", str(self.data), "-p", str(self.number), *words]
        with (self.folder / f"log-{self.number}").open("ab") as log:
            own = {"env": {**os.environ, **environment}, **_account()}
            self._server = subprocess.Popen(command, cwd="/", stdout=log, stderr=log, **own)  # type: ignore[call-overload]
        _run("pg_isready", "-h", self.folder, "-p", self.number, "-t", "30", tries=600)

    @property
    def processes(self) -> list[psutil.Process]:
        """The server and its children."""
        assert self._server is not None
        server = psutil.Process(self._server.pid)
        return [server, *server.children(recursive=True)]

    def kill(self) -> None:
        """Ends all of its processes as a loss of power does."""
        for process in self.processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._ended()

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Ends it in order; SIGQUIT: at once."""
        assert self._server is not None
        self._server.send_signal(number)
        self._ended()

    def freeze(self) -> None:
        """Keeps it from doing anything: its connections stay open and silent."""
        for process in self.processes:
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        """Lets it go on."""
        for process in self.processes:
            process.resume()

    def promote(self) -> None:
        """Makes a standby the one that is written to."""
        _run("pg_ctl", "-D", self.data, "promote")

    @property
    def runs(self) -> bool:
        """Whether it is there."""
        return self._server is not None and self._server.poll() is None

    def _ended(self) -> None:
        assert self._server is not None
        self._server.wait(PATIENCE_S)
        # What was its children goes a moment later; a new server waits for that itself.


@contextmanager
def servers_folder() -> Iterator[Path]:
    """A folder that the servers' account may use, with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="samelook-faults-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o777)
        yield Path(name)


@contextmanager
def one_server(*options: str) -> Iterator[Server]:
    """A server that runs, and is gone after the block."""
    with servers_folder() as folder:
        server = Server(folder, 1, None, *options)
        server.create()
        server.start()
        try:
            yield server
        finally:
            if server.runs:
                server.kill()


@contextmanager
def small_disk(at: Path, megabytes: int) -> Iterator[bool]:
    """A disk of so many megabytes; False where none can be mounted."""
    at.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(at)]
    mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(at)], check=False)


def _account() -> dict[str, object]:
    as_root = os.getuid() == 0  # a server refuses to be root
    return {"user": "nobody", "extra_groups": []} if as_root else {}


def _run(name: str, *arguments: object, tries: int = 1) -> None:
    command = [str(program(name)), *map(str, arguments)]
    said = ""
    for _ in range(tries):
        done = subprocess.run(  # type: ignore[call-overload]
            command, cwd="/", check=False, capture_output=True, text=True, timeout=PATIENCE_S, **_account()
        )
        if done.returncode == 0:
            return
        said = done.stdout + done.stderr
    raise RuntimeError(f"{name}: {said}")
