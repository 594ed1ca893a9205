"""`samelook exchange export` writes all of a bank or nothing."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from samelook.banks.bulk import BulkAdd, NewContent
from samelook.banks.contents import ContentStore
from samelook.banks.details import Details
from samelook.banks.signal_types import parsed_signals
from samelook.banks.store import BankStore
from samelook.sql.pool import Pool

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "samelook", "exchange", "export"]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def export(database_url: str, tmp_path: Path) -> Run:
    """Runs the command on the test's database."""
    environment = {**os.environ, "SAMELOOK_DATABASE_URL": database_url}

    def run(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words],
            check=False,
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            **more,
        )

    return run


@pytest.fixture
async def value(pool: Pool) -> str:
    """The one PDQ of a bank A."""
    value = secrets.token_hex(32)
    await BankStore(pool).create("A")
    signals = parsed_signals({"pdq": value, "favicon_mmh3": "-7"})
    await ContentStore(BankStore(pool)).add("A", signals, Details(note="ours"))
    return value


async def test_it_writes_to_standard_output(export: Run, value: str) -> None:
    done = export("A")
    assert (done.returncode, done.stdout) == (0, f"favicon_mmh3 -7\npdq {value}\n"), done.stderr
    done = export("A", "--format", "hashes", "--type", "pdq")
    assert (done.returncode, done.stdout) == (0, f"{value}\n")


async def test_it_replaces_a_file_by_a_whole_one(export: Run, value: str, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text("old")
    done = export("A", "--format", "ndjson", "-o", str(path))
    assert done.returncode == 0
    assert path.read_text() == f'{{"favicon_mmh3": "-7", "pdq": "{value}", "note": "ours"}}\n'
    assert "1 line in" in done.stderr
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


async def test_a_failed_export_leaves_the_old_file(export: Run, value: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    for words, status, said in (
        (("NONE",), 1, "'NONE' not found"),
        (("A", "--format", "csv"), 2, "local_file, hashes, ndjson"),
        (("A", "--format", "hashes"), 2, "name one signal type"),
        (("A", "--type", "nonsense"), 2, "No such signal type"),
    ):
        done = export(*words, "-o", str(path))
        assert done.returncode == status, done.stderr
        assert said in " ".join(done.stderr.replace("│", " ").split())
        assert "Traceback" not in done.stderr
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["a.txt"]
    assert path.read_text() == "old"
    done = export("A", "-o", str(tmp_path / "no" / "such" / "folder.txt"))
    assert done.returncode == 2


async def test_a_reader_that_has_enough_is_no_error(export: Run, pool: Pool, database_url: str) -> None:
    bank = await BankStore(pool).create("LARGE")
    values = [NewContent(parsed_signals({"pdq": secrets.token_hex(32)}), Details()) for _ in range(6000)]
    await BulkAdd(BankStore(pool), bank).add(values)
    environment = {**os.environ, "SAMELOOK_DATABASE_URL": database_url}
    with subprocess.Popen(
        [*COMMAND, "LARGE"], env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith(b"pdq ")
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == 0


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
