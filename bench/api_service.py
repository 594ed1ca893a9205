"""The service as a user starts it, for a benchmark: `samelook serve` with a database of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

_STARTED = re.compile(r"Serving on (http://([^:/ ]+):(\d+))")


@dataclass(frozen=True, slots=True)
class Service:
    """A running service."""

    url: str
    address: tuple[str, int]
    process: psutil.Process
    folder: str
    """Where the database is."""

    def ask(self, path: str, body: bytes | None = None, content_type: str = "application/json") -> Any:
        """The JSON answer to one request. Raises urllib.error.URLError."""
        headers = {"Content-Type": content_type} if body is not None else {}
        request = urllib.request.Request(self.url + path, body, headers)
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.loads(answer.read())

    def is_ready(self) -> bool:
        """Whether it says that lookups are answered."""
        try:
            with urllib.request.urlopen(f"{self.url}/status", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def memory(self) -> tuple[float, float]:
        """MB of the serving processes, and of the database's: shared pages are divided among their users."""
        servers = [one for one in psutil.process_iter(["cmdline"]) if self._is_database(one.info["cmdline"])]
        return _size(self.process), sum(_size(one) for one in servers)

    def _is_database(self, command: list[str] | None) -> bool:
        return command is not None and "postgres" in "".join(command[:1]) and self.folder in " ".join(command)


def processor_s(root: psutil.Process) -> float:
    """Processor time that a process and those it has started have taken, without databases, in seconds."""
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            if "postgres" not in process.name():
                times = process.cpu_times()
                total += times.user + times.system
    return total


def _size(root: psutil.Process) -> float:
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss
    return total / 1e6


@contextlib.contextmanager
def running_service(
    arguments: Sequence[str], patience_s: float = 120.0, **environment: str
) -> Iterator[Service]:
    """Starts `samelook serve` on a free port and an empty database; stops it at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="samelook-bench-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "samelook", "serve", "--port", "0", *arguments],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("SAMELOOK_")},
                "SAMELOOK_DATA_DIR": folder,
                **environment,
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield _service(process, folder, patience_s)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def _service(process: subprocess.Popen[str], folder: str, patience_s: float) -> Service:
    assert process.stderr is not None
    for line in process.stderr:
        if found := _STARTED.search(line):
            service = Service(found[1], (found[2], int(found[3])), psutil.Process(process.pid), folder)
            _drain(process)
            until = time.monotonic() + patience_s
            while not service.is_ready():
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"the service did not become ready; status {process.poll()}")
                time.sleep(0.05)
            return service
    raise RuntimeError(f"the service did not start; status {process.wait()}")


def _drain(process: subprocess.Popen[str]) -> None:
    """Reads what it says from now on, so that a full pipe never stops it."""
    assert process.stderr is not None
    threading.Thread(
        target=lambda stream: [None for _ in stream], args=(process.stderr,), daemon=True
    ).start()
