"""The library's own `tx` command fetches what we export, and matches with our signal types."""

from __future__ import annotations

import io
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image

from samelook.api.app import create_app
from samelook.api.settings import ApiSettings
from samelook.banks.contents import ContentStore
from samelook.banks.details import Details
from samelook.banks.signal_types import parsed_signals
from samelook.banks.store import BankStore
from samelook.hashing.signals import hash_bytes
from samelook.hashing.table import DEFAULT_NAMES
from samelook.sql.pool import Pool
from samelook.sql.settings import DatabaseSettings

ROOT = Path(__file__).parents[2]
TX = shutil.which("tx", path=str(Path(sys.executable).parent))
SHARED = ("pdq", "blockhash16", "blockhash8_quick", "phash", "sha256", "favicon_mmh3")

if TX is None:
    if os.environ.get("CI"):
        pytest.fail("the tx command is not installed beside this Python, and CI has to try it", pytrace=False)
    pytest.skip("the tx command is not installed: its tests DO NOT RUN", allow_module_level=True)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tx(tmp_path: Path) -> Run:
    """Runs the command with a home and a state of its own."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}

    def run(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        command = [str(TX), *words]
        return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, **more)

    return run


def scene(seed: int) -> Image.Image:
    """A picture full of soft shades, which survives being encoded again."""
    shades = random.Random(seed).randbytes(12 * 12 * 3)
    return Image.frombytes("RGB", (12, 12), shades).resize((120, 120), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    stored = io.BytesIO()
    image.save(stored, image_format, **options)
    return stored.getvalue()


async def test_tx_fetches_an_export_and_matches_with_our_signal_types(
    tx: Run, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    original = encoded(scene(1), "PNG")
    (tmp_path / "same.png").write_bytes(original)
    (tmp_path / "smaller.jpg").write_bytes(encoded(scene(1).resize((96, 96)), "JPEG", quality=80))
    (tmp_path / "other.png").write_bytes(encoded(scene(2), "PNG"))
    await BankStore(pool).create("BRANDS")
    hashed = hash_bytes(original).signals
    signals = parsed_signals({name: hashed[name] for name in SHARED})
    contents = ContentStore(BankStore(pool))
    await contents.add("BRANDS", signals, Details())
    # The library's own index of PDQ, once stored, finds nothing while it holds a single one
    # (facebook/ThreatExchange#1318).
    await contents.add("BRANDS", parsed_signals({"pdq": "0f" * 32}), Details())

    settings = ApiSettings(DatabaseSettings(url=database_url), roles=frozenset({"curator"}))
    async with (
        TestClient(TestServer(create_app(settings))) as client,
        client.get("/c/bank/BRANDS/export") as response,
    ):
        (tmp_path / "brands.txt").write_bytes(await response.read())

    assert tx("config", "extensions", "add", "samelook.exchanges.tx").returncode == 0
    file = str(tmp_path / "brands.txt")
    made = tx("config", "collab", "edit", "local_file", "--create", "Brands", "--filename", file)
    assert made.returncode == 0, made.stderr
    fetched = tx("fetch")
    assert fetched.returncode == 0, fetched.stderr
    assert sorted(tx("dataset").stdout.splitlines()) == sorted(
        f"{name}: {2 if name == 'pdq' else 1}" for name in SHARED
    )

    def matches(name: str, *words: str) -> dict[str, str]:
        done = tx("match", *words, "photo", str(tmp_path / name))
        assert done.returncode == 0, done.stderr
        return {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}

    exact = {"sha256": "-", "favicon_mmh3": "-"}
    near = ("pdq", "blockhash16", "blockhash8_quick", "phash")
    assert matches("same.png") == {**dict.fromkeys(near, "0"), **exact}
    found = matches("smaller.jpg")
    assert "blockhash16" in found
    assert 0 < int(found["blockhash16"]) <= 12
    assert not found.keys() & exact.keys()
    assert matches("other.png") == {}
    assert matches("smaller.jpg", "--only-signal", "phash").keys() == {"phash"}


def test_tx_hashes_with_our_signal_types_what_samelook_hashes(tx: Run, tmp_path: Path) -> None:
    data = encoded(scene(3), "PNG")
    (tmp_path / "scene.png").write_bytes(data)
    assert tx("config", "extensions", "add", "samelook.exchanges.tx").returncode == 0
    done = tx("hash", "photo", str(tmp_path / "scene.png"))
    found = dict(line.split() for line in done.stdout.splitlines())
    del found["pdq"]  # the library's own
    assert found == hash_bytes(data, types=tuple(found)).signals
    assert {name for name in DEFAULT_NAMES if name != "pdq"} <= found.keys()


def test_tx_reads_hashes_to_match_in_any_case(tx: Run, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("f8c69798ce38a9a1\n")
    (tmp_path / "asked.txt").write_text(" F8C69798CE38A9A0 \n")
    assert tx("config", "extensions", "add", "samelook.exchanges.tx").returncode == 0
    words = ("--filename", str(tmp_path / "list.txt"), "--signal-type", "phash")
    assert tx("config", "collab", "edit", "local_file", "--create", "List", *words).returncode == 0
    assert tx("fetch").returncode == 0
    done = tx("match", "--only-signal", "phash", "--hashes", "photo", str(tmp_path / "asked.txt"))
    assert done.stdout == "phash 1 (List) INVESTIGATION_SEED\n"
    (tmp_path / "bad.txt").write_text("nonsense\n")
    done = tx("match", "--only-signal", "phash", "--hashes", "photo", str(tmp_path / "bad.txt"))
    assert done.returncode == 2
    assert "not a valid hash for phash" in done.stderr
