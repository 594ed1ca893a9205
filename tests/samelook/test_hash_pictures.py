from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from samelook.cli import app
from tests.hashing.drawn.rasters import RASTERS


@pytest.mark.timeout(240)
def test_what_was_hashed_is_written_as_png(tmp_path: Path) -> None:
    (tmp_path / "two.ico").write_bytes(RASTERS["honest.ico"])
    blank = tmp_path / "blank.svg"
    blank.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 4"/>')
    shown = tmp_path / "shown"
    result = CliRunner().invoke(
        app, ["hash", str(tmp_path / "two.ico"), str(blank), "--pictures", str(shown)], catch_exceptions=False
    )
    assert result.exit_code == 1
    sizes: dict[str, tuple[int, int]] = {}
    for file in shown.iterdir():
        with Image.open(file) as image:
            sizes[file.name] = image.size
    assert sizes == {"two.ico.png": (32, 32), "two.ico.2.png": (16, 16), "blank.svg.png": (256, 128)}
