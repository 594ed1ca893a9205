"""The rooms that other programs import: their documented face, and its examples."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "library.md"


def test_the_examples_run_from_top_to_bottom() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) >= 5
    program = "\n".join(blocks)
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("room", ["samelook.hashing", "samelook.matching"])
def test_every_name_of_the_face_is_there(room: str) -> None:
    module = importlib.import_module(room)
    for name in module.__all__:
        assert name == "SIGNALS" or getattr(module, name).__module__.startswith("samelook.")
    with pytest.raises(AttributeError, match="no_such_name"):
        module.no_such_name  # noqa: B018


def test_importing_a_room_imports_nothing_else() -> None:
    code = (
        "import sys, samelook.hashing, samelook.matching\n"
        "print([m for m in ('numpy', 'PIL', 'asyncpg', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
