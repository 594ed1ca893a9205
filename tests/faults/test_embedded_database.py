"""The embedded Postgres is killed while `samelook serve` works with it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.waiting import wait_until

RECOVERY_S = 30.0
STARTING_S = 90.0


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    """The address of a service with a database of its own."""
    environment = {**os.environ, "SAMELOOK_DATA_DIR": str(tmp_path), "SAMELOOK_DATABASE_URL": ""}
    command = [sys.executable, "-P", "-m", "samelook", "serve", "--port", "0"]
    command += ["--role", "matcher", "--role", "curator"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"Serving on (http://\S+)", line):
                break
        else:
            pytest.fail("it ended before it served")
        yield found[1]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def asked(url: str, body: object = None) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT])
def test_a_killed_database_comes_back_and_nothing_acknowledged_is_lost(
    service: str, tmp_path: Path, number: signal.Signals
) -> None:
    file = tmp_path / "postgres" / "data" / "postmaster.pid"

    def ready() -> str:
        """The process that is ready to be asked."""
        text = file.read_text() if file.exists() else ""
        return text.split()[0] if "ready" in text else ""

    wait_until(lambda: asked(f"{service}/readyz")[0] == 200, STARTING_S)
    kept = []
    for round_number in range(3):
        pid = ready()
        name = f"BANK_{round_number}"
        assert asked(f"{service}/c/banks", {"name": name})[0] == 201
        kept.append(name)
        os.kill(int(pid), number)
        wait_until(lambda before=pid: ready() not in ("", before), RECOVERY_S)
        wait_until(lambda: asked(f"{service}/c/banks")[0] == 200, RECOVERY_S)
        wait_until(lambda: asked(f"{service}/readyz") == (200, "READY"), RECOVERY_S)
        assert [bank["name"] for bank in json.loads(asked(f"{service}/c/banks")[1])] == kept
