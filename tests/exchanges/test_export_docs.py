"""The sessions on the page docs/exchange-export.md, played through."""

from __future__ import annotations

import ast
import importlib
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samelook.banks.contents import ContentStore
from samelook.banks.details import Details
from samelook.banks.export import FORMATS
from samelook.banks.signal_types import parsed_signals
from samelook.banks.store import BankStore
from samelook.exchanges import tx
from samelook.hashing.signals import hash_bytes
from samelook.hashing.table import SIGNALS
from samelook.sql.pool import Pool

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/exchange-export.md").read_text()
BIN = Path(sys.executable).parent


def logo(*, marked: bool = False) -> bytes:
    """A picture made by whole numbers only, and the same with a mark on it."""
    y, x = np.mgrid[0:64, 0:64]
    red, green, blue = x * x // 16 ^ y * 3, x * y // 7 + 2 * y, (63 - x) * 4 ^ y * y // 20
    pixels = (np.stack([red, green, blue], axis=-1) % 256).astype(np.uint8)
    if marked:
        pixels[20:23, 40:43] = 255
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, "PNG")
    return stored.getvalue()


def blocks() -> Iterator[str]:
    for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE, re.MULTILINE):
        yield "\n".join(line[4:] for line in block.splitlines())


def sessions() -> Iterator[tuple[str, str]]:
    """Commands after a `$`, with what the page says that they print."""
    for block in blocks():
        for command, printed in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n?)*)", block + "\n", re.MULTILINE):
            yield command, printed.strip()


async def test_the_sessions_print_what_the_page_says(pool: Pool, database_url: str, tmp_path: Path) -> None:
    if shutil.which("tx", path=str(BIN)) is None:
        if os.environ.get("CI"):
            pytest.fail("the tx command is not installed beside this Python, and CI has to try it")
        pytest.skip("the tx command is not installed: the sessions DO NOT RUN")
    (tmp_path / "suspicious.png").write_bytes(logo(marked=True))
    await BankStore(pool).create("MY_BRAND")
    hashed = hash_bytes(logo()).signals
    signals = parsed_signals({name: hashed[name] for name in ("blockhash16", "phash")})
    await ContentStore(BankStore(pool)).add("MY_BRAND", signals, Details())
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/tx").symlink_to(BIN / "tx")
    samelook = tmp_path / "bin/samelook"
    samelook.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m samelook "$@"\n')
    samelook.chmod(0o755)
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SAMELOOK_DATABASE_URL": database_url,
    }
    played = list(sessions())
    assert len(played) == 8
    for command, printed in played:
        done = subprocess.run(
            command,
            check=False,
            shell=True,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout.strip()) == (0, printed), f"{command}\n{done.stderr}"


def test_the_configuration_of_hma_names_what_there_is() -> None:
    (code,) = [block for block in blocks() if "OpenMediaMatch" in block]
    tree = ast.parse(code)
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imports if node.module and not node.module.startswith("OpenMediaMatch")]
    assert len(ours) == len(imports) - 1
    for node in ours:
        module = importlib.import_module(str(node.module))
        assert all(hasattr(module, name.name) for name in node.names)


def test_formats_and_signal_types_are_on_the_page() -> None:
    assert all(f"| `{name}`" in PAGE for name in FORMATS)
    for one in tx.SIGNAL_TYPES:
        name = one.get_name()
        (row,) = [line for line in PAGE.splitlines() if line.startswith("|") and f"`{name}`" in line]
        kind = SIGNALS[name]
        assert ("equal files" in row) == (kind.bank_radius is None)
        if kind.bank_radius is not None:
            assert f"up to {kind.bank_radius} of {kind.bits} bits" in row
        assert isinstance(one.INDICATOR_TYPE, dict)
        for indicator, tag in one.INDICATOR_TYPE.items():
            said = row if "the same" not in row else PAGE
            assert f"`{indicator}`" in said
            assert tag is None or tag in said or "signal_type:NAME" in said
