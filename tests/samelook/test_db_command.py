"""`samelook db`: what it prints, what it passes on, and what it does not show."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from samelook.postgres.cluster import psql_path
from samelook.postgres.configured import configured_database
from samelook.postgres.embedded import embedded_postgres
from samelook.settings import Settings
from samelook.sql.errors import DatabaseUnavailable
from samelook.sql.migrate import FOLDER
from samelook.sql.settings import DatabaseSettings


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    with embedded_postgres(folder, durable=False):
        pass
    return folder


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SAMELOOK_", "PG"))}
    return kept | variables


def samelook(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "samelook", *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )


def test_the_shell_runs_psql_on_the_embedded_database(data_dir: Path) -> None:
    done = samelook("db", "shell", "--", "-Atc", "select 1", SAMELOOK_DATA_DIR=str(data_dir))
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_the_shell_runs_psql_on_a_configured_database(database_url: str) -> None:
    done = samelook("db", "shell", "--", "-Atc", "select 1", SAMELOOK_DATABASE_URL=database_url)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_the_bundled_psql_serves_where_the_machine_has_none(database_url: str, tmp_path: Path) -> None:
    assert shutil.which("psql", path=str(tmp_path)) is None
    done = samelook("db", "shell", "--", "--version", SAMELOOK_DATABASE_URL=database_url, PATH=str(tmp_path))
    bundled = subprocess.run([str(psql_path()), "--version"], capture_output=True, text=True, check=True)
    assert (done.returncode, done.stdout) == (0, bundled.stdout), done.stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("-c", "select nothing"), 1),
        (("-v", "ON_ERROR_STOP=1", "-f", "-"), 3),
        (("--no-such-option",), 1),
    ],
)
def test_the_shell_passes_the_exit_status_on(
    database_url: str, arguments: tuple[str, ...], status: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "samelook", "db", "shell", "--", *arguments],
        env=environment(SAMELOOK_DATABASE_URL=database_url),
        input="select nothing;",
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == status
    assert "Traceback" not in done.stderr


def test_psql_arguments_without_dashes_before_them_are_bad_usage(database_url: str) -> None:
    done = samelook("db", "shell", "-c", "select 1", SAMELOOK_DATABASE_URL=database_url)
    assert done.returncode == 2


def test_the_password_is_not_on_the_command_line(tmp_path: Path) -> None:
    spy = tmp_path / "psql"
    spy.write_text('#!/bin/sh\necho "$@"\necho "$PGPASSWORD"\n')
    spy.chmod(0o755)
    done = samelook(
        "db",
        "shell",
        "--",
        "-l",
        SAMELOOK_DATABASE_URL="postgresql://me:se%2Fsame@host/db",
        PATH=f"{tmp_path}:/usr/bin:/bin",
    )
    assert done.stdout == "--dbname=postgresql://me@host/db -l\nse/same\n"


def test_migrate_says_what_it_did(empty_database_url: str) -> None:
    first = samelook("db", "migrate", SAMELOOK_DATABASE_URL=empty_database_url)
    assert (first.returncode, first.stderr) == (0, "")
    names = [line.partition(":")[0] for line in first.stdout.splitlines()]
    assert names == [path.name for path in sorted(FOLDER.glob("*.sql"))]
    second = samelook("db", "migrate", SAMELOOK_DATABASE_URL=empty_database_url)
    assert (second.returncode, second.stdout) == (0, "The schema is up to date.\n")


def test_url_prints_one_line(data_dir: Path) -> None:
    configured = "postgresql://me:secret@host/db"
    assert samelook("db", "url", SAMELOOK_DATABASE_URL=configured).stdout == f"{configured}\n"
    embedded = samelook("db", "url", SAMELOOK_DATA_DIR=str(data_dir))
    assert embedded.returncode == 0
    assert embedded.stdout.startswith("postgresql://samelook@/samelook?host=")
    assert embedded.stdout.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_url_hold_keeps_the_database_up_until_told_to_stop(
    data_dir: Path, number: signal.Signals, default_in_children: Any
) -> None:
    with default_in_children(number):
        holding = subprocess.Popen(
            [sys.executable, "-m", "samelook", "db", "url", "--hold"],
            env=environment(SAMELOOK_DATA_DIR=str(data_dir)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=Path(__file__).parents[2],
        )
    assert holding.stdout is not None
    url = holding.stdout.readline().strip()
    asked = [str(psql_path()), url, "-Atc", "select 1"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "1\n"
    holding.send_signal(number)
    holding.communicate(timeout=30)
    assert subprocess.run(asked, capture_output=True, check=False).returncode == 2


def test_an_unreachable_database_is_one_line_and_status_1() -> None:
    done = samelook("db", "migrate", SAMELOOK_DATABASE_URL="postgresql://me:sesame@127.0.0.1:1/db")
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
    assert "sesame" not in done.stderr


def test_a_folder_that_cannot_be_used_is_one_line_and_status_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = samelook("db", "migrate", SAMELOOK_DATA_DIR=str(tmp_path / "file"))
    assert done.returncode == 1
    assert "A file is in the way" in done.stderr
    assert "Traceback" not in done.stderr


def test_other_commands_find_the_configured_database_migrated(empty_database_url: str) -> None:
    asked = [str(psql_path()), empty_database_url, "-Atc", "select count(*) from domains"]
    with configured_database(Settings(database=DatabaseSettings(empty_database_url))) as url:
        assert url == empty_database_url
        assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "0\n"


def test_a_database_that_cannot_be_reached_is_an_error_of_its_own() -> None:
    with (
        pytest.raises(DatabaseUnavailable),
        configured_database(Settings(database=DatabaseSettings("postgresql://127.0.0.1:1/db"))),
    ):
        pass
