"""What is built from a checkout: complete, under one name, and at home beside anything."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from PIL import Image

HERE = Path(__file__).resolve().parent.parent
ROOMS = {link.name for link in (HERE / "samelook").iterdir() if link.is_symlink()}
NOT_INSTALLED = {".c", ".h"}
"""What of a room is only there to build from."""


def _files(*folders: str) -> list[str]:
    """What of this checkout git has or would take; nothing that was built in it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders]
    names = subprocess.run(command, cwd=HERE, check=True, capture_output=True).stdout.decode().split("\0")
    return [name for name in names if name and ((HERE / name).is_symlink() or (HERE / name).is_file())]


def _checkout(folder: Path) -> Path:
    """A copy of this checkout, links as links."""
    for name in _files():
        source, target = HERE / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target, follow_symlinks=False)
    return folder


def _build(source: Path, kind: str, into: Path, *, compiler: bool) -> Path:
    """What pip and `python -m build` ask the backend for, without a network."""
    into.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ) if compiler else {**os.environ, "CC": "/nonexistent/compiler"}
    code = f"from setuptools.build_meta import *; print(build_{kind}({str(into)!r}))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=source,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return into / done.stdout.split()[-1]


def _expected() -> dict[str, Path]:
    """Each file that has to be in the package, and where it lies here."""
    expected = {}
    for name in _files("samelook", *sorted(ROOMS)):
        path = HERE / name
        if not path.is_symlink() and path.suffix not in NOT_INSTALLED:
            expected[name if name.startswith("samelook/") else f"samelook/{name}"] = path
    return expected


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def compiled_wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel from the checkout, where there is a compiler."""
    if shutil.which("cc") is None:
        pytest.skip("no compiler here")
    return _build(checkout, "wheel", tmp_path_factory.mktemp("compiled"), compiler=True)


@pytest.fixture(scope="module")
def sdist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(checkout, "sdist", tmp_path_factory.mktemp("sdist"), compiler=False)


@pytest.fixture(scope="module")
def plain_wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel from the unpacked sdist, where there is no compiler."""
    folder = tmp_path_factory.mktemp("plain")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return _build(source, "wheel", folder / "wheel", compiler=False)


def test_a_wheel_installs_one_top_level_name(compiled_wheel: Path, plain_wheel: Path) -> None:
    for wheel in (compiled_wheel, plain_wheel):
        with zipfile.ZipFile(wheel) as archive:
            tops = {PurePosixPath(name).parts[0] for name in archive.namelist()}
        assert {top for top in tops if not top.endswith(".dist-info")} == {"samelook"}


def test_wheels_hold_every_file_of_the_rooms_as_it_is_here(compiled_wheel: Path, plain_wheel: Path) -> None:
    for wheel in (compiled_wheel, plain_wheel):
        with zipfile.ZipFile(wheel) as archive:
            held = {name for name in archive.namelist() if name.startswith("samelook/")}
            for name, path in _expected().items():
                assert name in held, f"{name} is missing in {wheel.name}"
                assert archive.read(name) == path.read_bytes(), name
            made = {name for name in held - set(_expected()) if not name.endswith("/")}
        assert all(name.endswith((".so", ".pyd")) for name in made), made


def test_the_sdist_holds_real_files_and_what_to_build_from(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    assert all(member.isfile() or member.isdir() for member in members)
    held = {member.name.partition("/")[2] for member in members}
    assert set(_expected()) <= held
    sources = {path.relative_to(HERE).as_posix() for room in ROOMS for path in (HERE / room).rglob("*.[ch]")}
    assert sources
    assert sources <= held


def test_a_wheel_is_for_any_machine_exactly_where_nothing_was_compiled(
    compiled_wheel: Path, plain_wheel: Path
) -> None:
    assert plain_wheel.name.endswith("-py3-none-any.whl")
    assert "-cp311-abi3-" in compiled_wheel.name
    for wheel, compiled in ((plain_wheel, 0), (compiled_wheel, 3)):
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            about = archive.read(next(name for name in names if name.endswith("/WHEEL"))).decode()
        assert sum(".abi3." in name or name.endswith(".pyd") for name in names) == compiled
        assert f"Root-Is-Purelib: {str(not compiled).lower()}" in about


def test_every_package_says_that_it_is_typed(plain_wheel: Path) -> None:
    with zipfile.ZipFile(plain_wheel) as archive:
        names = set(archive.namelist())
    packages = {str(PurePosixPath(name).parent) for name in names if name.endswith("/__init__.py")}
    assert len(packages) > len(ROOMS)
    # A marker counts for what lies below it too (PEP 561); rooms have their own all the same.
    assert {package for package in packages if package.count("/") <= 1} <= {
        str(PurePosixPath(name).parent) for name in names if name.endswith("/py.typed")
    }


def _in_docker_context(name: str, patterns: list[str]) -> bool:
    """Whether a file is sent to Docker: the last pattern that fits it, or a folder above it, decides."""
    inside = True
    parents = [name, *(str(parent) for parent in PurePosixPath(name).parents)]
    for pattern in patterns:
        bare = pattern.removeprefix("!")
        ways = {bare, bare.removeprefix("**/")}
        if any(fnmatch.fnmatchcase(each, way) for each in parents for way in ways):
            inside = pattern.startswith("!")
    return inside


def test_the_docker_context_holds_what_the_wheel_is_built_from() -> None:
    lines = (HERE / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    for name, path in _expected().items():
        assert _in_docker_context(name, patterns), name
        assert _in_docker_context(path.relative_to(HERE).as_posix(), patterns), path
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "requirements.lock"):
        assert _in_docker_context(name, patterns), name
    for name in ("tests/test_packaging.py", ".git/config", ".venv/bin/python", "hashing/_pixels.abi3.so"):
        assert not _in_docker_context(name, patterns), name


def test_what_people_are_told_to_install_exists() -> None:
    extras = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    told = set()
    for path in [*_expected().values(), *(HERE / "docs").glob("*.md"), HERE / "README.md"]:
        if path.suffix in {".py", ".md"}:
            told |= set(re.findall(r"samelook\[(\w+)\]", path.read_text()))
    assert told
    assert told <= set(extras)


@pytest.mark.timeout(300)
def test_everything_runs_beside_other_packages_and_files_named_like_our_rooms(
    compiled_wheel: Path, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another distribution with a package `banks`, as the registry has one, and a user's own folder.
    installed = tmp_path / "installed"
    other = installed / "banks" / "__init__.py"
    other.parent.mkdir(parents=True)
    other.write_text("prompts = 1\n")
    with zipfile.ZipFile(compiled_wheel) as archive:
        archive.extractall(installed)
    assert other.read_text() == "prompts = 1\n"
    folder = tmp_path / "mine"
    betrayed = tmp_path / "imported"
    for number, room in enumerate(sorted(ROOMS | {"settings", "errors", "commands", "processes", "logs"})):
        path = folder / f"{room}.py" if number % 2 else folder / room / "__init__.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"open({str(betrayed)!r}, 'a').write({room!r})\nraise SystemExit('a file of mine ran')\n"
        )
    Image.new("RGB", (32, 32), (200, 30, 40)).save(folder / "icon.png")
    monkeypatch.chdir(folder)
    environment = {**os.environ, "PYTHONPATH": str(installed), "SAMELOOK_DATABASE_URL": database_url}

    def samelook(*words: str, **more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "samelook", *words],
            env={**environment, "SAMELOOK_DATA_DIR": str(tmp_path / "data"), **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    where = subprocess.run(
        [sys.executable, "-c", "import samelook; print(samelook.__file__)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(installed)
    # Decoders, crawl workers, the exchange fetcher, serving processes, and what starts the embedded Postgres.
    assert "phash" in samelook("hash", "icon.png")
    samelook("crawl", "run", "--once", "--workers", "2")
    (folder / "hashes.csv").write_text("0" * 64 + "\n")
    samelook(
        *("exchange", "add", "MINE", "local_file"),
        *("--set", "filename=hashes.csv", "--set", "signal_type=pdq"),
        SAMELOOK_EXCHANGE_FOLDER=str(folder),
    )
    assert "MINE" in samelook("exchange", "fetch", "MINE", SAMELOOK_EXCHANGE_FOLDER=str(folder))
    assert "postgresql://" in samelook("db", "url", SAMELOOK_DATABASE_URL="")
    with subprocess.Popen(
        [sys.executable, "-m", "samelook", "serve", "--port", "0", "--workers", "2"],
        env={**environment, "SAMELOOK_DATA_DIR": str(tmp_path / "data")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as serving:
        assert serving.stdout is not None
        address = next(found for line in serving.stdout if (found := re.search(r"http://[\d.]+:\d+", line)))
        # The socket listens already; the answer comes from a serving process, ready or not.
        try:
            with urllib.request.urlopen(f"{address[0]}/status/live", timeout=60) as answer:
                assert answer.status == 200
        finally:
            serving.send_signal(signal.SIGTERM)
            rest = serving.stdout.read()
        assert serving.wait() == 0, rest
    assert not betrayed.exists(), betrayed.read_text()
