"""HMA itself, for a benchmark beside ours: from a folder that somebody has, on a database of its own.

Nothing of HMA is here. The folder is its repository's `hasher-matcher-actioner`; the interpreter is one in
which its requirements and gunicorn are installed: `venv/bin/python` in that folder or beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

from samelook.postgres.embedded import embedded_postgres

_CONFIGURATION = """
PRODUCTION = False
DATABASE_URI = {uri!r}
ROLE_HASHER = ROLE_MATCHER = ROLE_CURATOR = True
UI_ENABLED = TASK_FETCHER = TASK_INDEXER = TASK_INDEX_CACHE = False
MAX_CONTENT_LENGTH = 100 * 1024 * 1024
"""
_MAKE_TABLES = (
    "from OpenMediaMatch.app import create_app; "
    "from OpenMediaMatch.storage.postgres.flask_utils import reset_tables; "
    "app = create_app(); app.app_context().push(); reset_tables()"
)
_START_S = 180.0


@dataclass(frozen=True, slots=True)
class Hma:
    """A running HMA."""

    url: str
    address: tuple[str, int]
    process: psutil.Process


def python_for(folder: Path) -> Path:
    """The interpreter that has its requirements. Raises SystemExit."""
    for place in (folder / "venv", folder / ".venv", folder.parent / "venv"):
        if (place / "bin" / "python").exists():
            return place / "bin" / "python"
    raise SystemExit(f"no virtual environment with HMA's requirements in {folder} or beside it")


@contextlib.contextmanager
def running_hma(folder: Path, workers: int) -> Iterator[Hma]:
    """Runs HMA as its Dockerfile does, with so many workers; stops it at the end of the block."""
    python = python_for(folder)
    with (
        tempfile.TemporaryDirectory(prefix="samelook-bench-hma-") as scratch,
        embedded_postgres(Path(scratch), durable=False) as url,
    ):
        asyncio.run(_make_database(url))
        _, _, options = url.partition("?")
        user = url.partition("://")[2].partition("@")[0].rstrip(":")
        configuration = Path(scratch) / "configuration.py"
        uri = f"postgresql+psycopg2://{user}@/hma?{options}"
        configuration.write_text(_CONFIGURATION.format(uri=uri))
        environment = {
            **os.environ,
            "OMM_CONFIG": str(configuration),
            "PYTHONPATH": str(folder / "src"),
            "TX_ACCESS_TOKEN": "",
        }
        subprocess.run([python, "-c", _MAKE_TABLES], env=environment, cwd=folder / "src", check=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            [python, "-m", "gunicorn", "--workers", str(workers), "--bind", f"127.0.0.1:{port}",
             "--log-level", "warning", "OpenMediaMatch.app:create_app()"],
            env=environment,
            cwd=folder / "src",
        )  # fmt: skip
        try:
            yield _ready(process, port)
        finally:
            process.terminate()
            process.wait(30)


async def _make_database(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE DATABASE hma")
    finally:
        await connection.close()


def _ready(process: subprocess.Popen[bytes], port: int) -> Hma:
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(f"{url}/status/live", timeout=5),
        ):
            return Hma(url, ("127.0.0.1", port), psutil.Process(process.pid))
        time.sleep(0.1)
    raise RuntimeError(f"HMA did not start; status {process.poll()}")
