"""The embedded Postgres: shared, recovered after crashes, and clear about what it cannot do.

Every server here is a real one in a folder of the test's own.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from samelook.postgres import cluster
from samelook.postgres.cluster import (
    VERSION,
    DataFolderUnusable,
    EmbeddedPostgresError,
    PostgresNotStarted,
    PostgresProgramsMissing,
    program,
)
from samelook.postgres.embedded import embedded_postgres
from samelook.postgres.postmaster import is_postmaster_of, read_postmaster
from tests.fixtures.waiting import wait_until

AS_ROOT = os.geteuid() == 0

_SESSIONS_OF_EXCHANGES = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'samelook exchange'"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as it is after a clean stop, for tests to copy."""
    folder = tmp_path_factory.mktemp("pristine")
    with embedded_postgres(folder, durable=False):
        pass
    return folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Iterator[Path]:
    """A data folder of the test's own, whose server is dead at the end whatever happened."""
    copy = tmp_path / "data"
    subprocess.run(["cp", "-a", str(pristine), str(copy)], check=True)
    yield copy
    server = read_postmaster(data_of(copy))
    if server is not None and is_postmaster_of(server.pid, data_of(copy)):
        os.kill(server.pid, signal.SIGQUIT)
        wait_until(lambda: not running(copy))


def data_of(folder: Path) -> Path:
    return folder / "postgres" / "data"


def running(folder: Path) -> bool:
    server = read_postmaster(data_of(folder))
    return server is not None and is_postmaster_of(server.pid, data_of(folder))


def pid_of(folder: Path) -> int:
    server = read_postmaster(data_of(folder))
    assert server is not None
    return server.pid


def ask(url: str, query: str) -> object:
    async def fetch() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(fetch())


USER = """
import sys
from pathlib import Path
from samelook.postgres.embedded import embedded_postgres
with embedded_postgres(Path(sys.argv[1]), durable=sys.argv[2] == "durable") as url:
    print(url, file=sys.stderr, flush=True)
    sys.stdin.read()
"""


class User:
    """Another process that uses the folder's database until its input ends."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(folder), "durable" if durable else ""],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )

    def url(self) -> str:
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line.startswith("postgresql://"), line + self.process.stderr.read()
        return line.strip()

    def end(self, number: signal.Signals | None = None) -> int:
        if number is not None:
            self.process.send_signal(number)
            self.process.wait(30)
        self.process.communicate(timeout=30)
        return self.process.returncode


def test_it_is_the_version_promised_and_survives_a_crash_by_its_settings(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path) as url:
        assert str(ask(url, "SHOW server_version")).split(".")[0] == str(VERSION)
        assert ask(url, "SELECT current_database() || ' ' || current_user") == "samelook samelook"
        durable = ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"]
        assert [ask(url, f"SHOW {name}") for name in durable] == ["on"] * 4
        assert ask(url, "SHOW listen_addresses") == ""
        assert running(tmp_path)
    assert not running(tmp_path)


def test_what_was_written_is_there_the_next_time(folder: Path) -> None:
    with embedded_postgres(folder) as url:
        ask(url, "CREATE TABLE kept AS SELECT 42 AS n")
    with embedded_postgres(folder) as url:
        assert ask(url, "SELECT n FROM kept") == 42


def test_the_files_are_nobody_elses(folder: Path) -> None:
    with embedded_postgres(folder):
        data = data_of(folder).stat()
        assert stat.S_IMODE(data.st_mode) == 0o700
        assert data.st_uid != 0
        if AS_ROOT:
            assert data.st_uid not in {entry.pw_uid for entry in pwd.getpwall()}
        assert stat.S_IMODE((data_of(folder) / ".s.PGSQL.5432").stat().st_mode) == 0o700


@pytest.mark.skipif(not AS_ROOT, reason="only root may become somebody else")
def test_another_user_is_not_let_in_even_where_he_can_reach_the_socket(pristine: Path) -> None:
    nobody = pwd.getpwnam("nobody")

    def psql_as_nobody(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(program("psql")), *arguments],
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )

    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # pytest's own folders are closed to others
        folder = Path(name, "data")
        subprocess.run(["cp", "-a", str(pristine), str(folder)], check=True)
        with embedded_postgres(folder) as url:
            try:
                if psql_as_nobody("--version").returncode != 0:
                    pytest.skip("the programs are in a folder that is closed to others")
            except PermissionError:
                pytest.skip("the programs are in a folder that is closed to others")
            for path in (Path(name), folder, folder / "postgres", data_of(folder)):
                path.chmod(0o755)
            (data_of(folder) / ".s.PGSQL.5432").chmod(0o777)
            done = psql_as_nobody(url, "-Atc", "select 1")
            assert done.stdout == ""
            assert "Peer authentication failed" in done.stderr


def test_two_blocks_in_one_process_share_the_server(folder: Path) -> None:
    with embedded_postgres(folder) as url:
        pid = pid_of(folder)
        with embedded_postgres(folder) as same:
            assert same == url
        assert running(folder)
        assert pid_of(folder) == pid
        assert ask(url, "SELECT 1") == 1
    assert not running(folder)


def test_processes_that_start_at_once_share_one_server_and_the_last_one_stops_it(tmp_path: Path) -> None:
    users = [User(tmp_path) for _ in range(4)]  # from nothing: one of them makes the database
    urls = {user.url() for user in users}
    assert len(urls) == 1
    for user in users[:-1]:
        assert user.end() == 0
        assert running(tmp_path)
    assert ask(urls.pop(), "SELECT 1") == 1
    assert users[-1].end() == 0
    assert not running(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_leaves_in_order(folder: Path, number: signal.Signals, default_in_children: Any) -> None:
    with default_in_children(number):
        user = User(folder)
    user.url()
    assert running(folder)
    user.end(number)
    assert not running(folder)


def test_the_server_of_a_killed_process_is_used_and_stopped_by_the_next(folder: Path) -> None:
    user = User(folder)
    url = user.url()
    ask(url, "CREATE TABLE kept AS SELECT 42 AS n")
    user.end(signal.SIGKILL)
    assert running(folder)
    pid = pid_of(folder)
    with embedded_postgres(folder) as again:
        assert (again, pid_of(folder)) == (url, pid)
        assert ask(again, "SELECT n FROM kept") == 42
    assert not running(folder)


def test_a_killed_server_is_started_again_and_has_kept_what_it_acknowledged(folder: Path) -> None:
    user = User(folder, durable=True)
    url = user.url()
    ask(url, "CREATE TABLE kept AS SELECT 42 AS n")
    os.kill(pid_of(folder), signal.SIGKILL)
    with embedded_postgres(folder) as again:
        assert ask(again, "SELECT n FROM kept") == 42
        assert ask(url, "SELECT 1") == 1  # who used it before finds it at the same place
    assert running(folder)  # the first user is still there
    user.end()
    assert not running(folder)


def _is_used(url: str) -> bool:
    try:
        return ask(url, _SESSIONS_OF_EXCHANGES) != 0
    except (OSError, asyncpg.PostgresError):
        return False


def test_a_loop_of_fetches_revives_the_server_under_it(folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAMELOOK_")}
    loop = subprocess.Popen(
        [sys.executable, "-m", "samelook", "exchange", "fetch", "--loop"],
        env={**environment, "SAMELOOK_DATA_DIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: running(folder))
        with embedded_postgres(folder) as url:
            wait_until(lambda: _is_used(url))
            killed = pid_of(folder)
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: running(folder) and pid_of(folder) != killed and _is_used(url))
            assert loop.poll() is None
    finally:
        loop.terminate()
        _, errors = loop.communicate(timeout=60)
    assert loop.returncode == 0, errors


def test_a_server_killed_while_a_session_is_busy_is_started_again(folder: Path) -> None:
    user = User(folder)
    url = user.url()
    busy = subprocess.Popen(
        [str(program("psql")), url, "-c", "SELECT count(*) FROM generate_series(1, 10000000000)"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    active = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT count(*) FROM generate%'"
    wait_until(lambda: ask(url, active) == 1)
    os.kill(pid_of(folder), signal.SIGKILL)
    with embedded_postgres(folder) as again:
        assert ask(again, "SELECT 1") == 1
    busy.wait(30)
    user.end()


def test_a_reused_process_id_in_the_old_lock_files_is_no_server(folder: Path) -> None:
    # The very thing Postgres falls for: a living process of the same user has the number.
    owner = data_of(folder).stat()
    identity: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    other = subprocess.Popen(["sleep", "60"], **(identity if AS_ROOT else {}))
    try:
        data = data_of(folder)
        lines = f"{other.pid}\n{data}\n1700000000\n5432\n{data}\n\n  1 1\nready   \n"
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (data / name).write_text(lines)
            os.chown(data / name, owner.st_uid, owner.st_gid)
        with embedded_postgres(folder) as url:
            assert ask(url, "SELECT 1") == 1
            assert pid_of(folder) != other.pid
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("content", ["", "garbage\n", "99999999\n", "12"])
def test_a_half_written_lock_file_is_got_over(folder: Path, content: str) -> None:
    data = data_of(folder)
    (data / "postmaster.pid").write_text(content)
    os.chown(data / "postmaster.pid", data.stat().st_uid, data.stat().st_gid)
    with embedded_postgres(folder) as url:
        assert ask(url, "SELECT 1") == 1


def test_an_interrupted_creation_is_started_over(tmp_path: Path) -> None:
    user = User(tmp_path)
    home = tmp_path / "postgres"
    process = psutil.Process(user.process.pid)
    wait_until(lambda: any(child.name() == "initdb" for child in process.children()))
    user.end(signal.SIGKILL)
    assert not (home / "data").exists()
    with embedded_postgres(tmp_path, durable=False) as url:
        assert ask(url, "SELECT 1") == 1
        assert not list(home.glob("data.new-*"))


@pytest.mark.parametrize("name", ["with space", "quo'te\"s", "com,ma", "percent%20&x=y", "long" * 40, "日本"])
def test_any_folder_name_will_do(pristine: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    subprocess.run(["cp", "-a", str(pristine), str(folder)], check=True)
    with embedded_postgres(folder) as url:
        assert ask(url, "SELECT 1") == 1
        psql = subprocess.run(
            [str(program("psql")), url, "-Atc", "select 1"], capture_output=True, text=True, check=False
        )
        assert psql.stdout == "1\n", psql.stderr
        server = read_postmaster(data_of(folder))
        assert server is not None
        assert server.socket is not None
        assert server.socket.exists()
    assert not running(folder)
    assert not server.socket.exists()
    assert server.socket.parent == data_of(folder) or not server.socket.parent.exists()


def test_variables_of_other_postgres_do_not_lead_astray(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGPORT": "6666", "PGHOST": "/nowhere", "PGDATA": "/nowhere", "PGUSER": "x"}.items():
        monkeypatch.setenv(name, value)
    with embedded_postgres(folder) as url:
        assert ask(url, "SELECT current_user") == "samelook"


def test_a_forked_child_that_leaves_the_block_does_not_stop_the_server(folder: Path) -> None:
    block = embedded_postgres(folder)
    url = block.__enter__()
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", "pass"], os.environ)
    os.waitpid(child, 0)
    pid = os.fork()
    if pid == 0:
        try:
            block.__exit__(None, None, None)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert running(folder)
    assert ask(url, "SELECT 1") == 1
    block.__exit__(None, None, None)
    assert not running(folder)


def test_an_error_of_the_block_comes_out_as_it_is(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="mine"), embedded_postgres(folder):
        raise FileNotFoundError("mine")
    assert not running(folder)


def test_many_threads_may_come_and_go(folder: Path) -> None:
    def use(_: int) -> object:
        with embedded_postgres(folder) as url:
            return ask(url, "SELECT 1")

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(use, range(12))) == [1] * 12
    assert not running(folder)


# What cannot work, and says so.


def test_a_file_in_the_way_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderUnusable, match=r"A file is in the way.*SAMELOOK_DATA_DIR"):
        enter(tmp_path / "file")
    with pytest.raises(DataFolderUnusable, match="A file is in the way"):
        enter(tmp_path / "file" / "below")


def test_a_file_in_the_way_of_the_data(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "data").write_text("")
    with pytest.raises(DataFolderUnusable, match="in the way"):
        enter(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    # Root may write anywhere on a disk, but nobody may in /proc.
    closed = Path("/proc/samelook") if AS_ROOT else tmp_path / "closed"
    if not AS_ROOT:
        closed.mkdir(mode=0o500)
    with pytest.raises(DataFolderUnusable, match=r"cannot be used .*SAMELOOK_DATA_DIR"):
        enter(closed)


def test_data_of_another_version(folder: Path) -> None:
    (data_of(folder) / "PG_VERSION").write_text("16\n")
    with pytest.raises(DataFolderUnusable, match=r"written by Postgres 16, this is 18\. Move"):
        enter(folder)


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    data_of(tmp_path).mkdir(parents=True)
    (data_of(tmp_path) / "letter.txt").write_text("dear")
    with pytest.raises(DataFolderUnusable, match="holds files, but no database"):
        enter(tmp_path)
    assert (data_of(tmp_path) / "letter.txt").read_text() == "dear"


def test_a_server_that_does_not_start_is_quoted(folder: Path) -> None:
    with (data_of(folder) / "postgresql.conf").open("a") as file:
        file.write("max_connections = plenty\n")
    with pytest.raises(PostgresNotStarted, match=r'max_connections.*"plenty".*server\.log'):
        enter(folder)
    assert not running(folder)


def test_missing_programs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(PostgresProgramsMissing, match="SAMELOOK_DATABASE_URL"):
        enter(folder)


def test_a_full_disk(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)]
    if not AS_ROOT or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    try:
        with pytest.raises(EmbeddedPostgresError, match="No space left on device"):
            enter(small)
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.skipif(not AS_ROOT, reason="only root has to become somebody else")
def test_a_closed_folder_lets_the_server_through_and_nobody_else(pristine: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    subprocess.run(["cp", "-a", str(pristine), str(closed / "data")], check=True)
    with embedded_postgres(closed / "data") as url:
        assert ask(url, "SELECT 1") == 1
    try:
        os.getxattr(closed, "system.posix_acl_access")
    except OSError:
        pytest.skip("this file system keeps no access control entries")
    assert not closed.stat().st_mode & stat.S_IRWXO
    nobody = pwd.getpwnam("nobody")
    looked = subprocess.run(
        ["ls", str(closed / "data")], user=nobody.pw_uid, extra_groups=[], capture_output=True, check=False
    )
    assert looked.returncode != 0


@pytest.mark.skipif(not AS_ROOT, reason="only root has to become somebody else")
def test_programs_in_a_closed_folder_make_and_run_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "venv"
    for tree in cluster._program_trees():
        shutil.copytree(tree, closed / tree.relative_to(tree.parents[1 if "pginstall" in tree.name else 0]))
    for path in (closed, *closed.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o077)
    programs = next(closed.glob("*/pginstall*"))
    monkeypatch.setattr("samelook.postgres.cluster._programs", lambda: programs)
    with embedded_postgres(tmp_path / "data", durable=False) as url:
        assert ask(url, "SELECT 1") == 1
        assert psutil.Process(pid_of(tmp_path / "data")).cmdline()[0].startswith(str(closed))
    name = hashlib.sha256(os.fsencode(tmp_path / "data" / "postgres")).hexdigest()[:12]
    assert not list(Path("/tmp").glob(f"samelook-init-{name}-*"))


@pytest.mark.skipif(not AS_ROOT, reason="only root can run it for another")
def test_root_runs_the_server_of_another_user_as_that_user(pristine: Path, tmp_path: Path) -> None:
    folder = tmp_path / "his"
    shutil.copytree(pristine, folder)
    nobody = pwd.getpwnam("nobody")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    with embedded_postgres(folder) as url:
        assert ask(url, "SELECT 1") == 1
        assert Path(f"/proc/{pid_of(folder)}").stat().st_uid == nobody.pw_uid
    for path in folder.rglob("*"):
        assert path.stat().st_uid == nobody.pw_uid, path  # he can use it himself the next time


def enter(folder: Path) -> None:
    with embedded_postgres(folder, durable=False):
        pass
