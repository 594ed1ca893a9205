"""No file grows beyond what can be read at a sitting."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST_LINES = 400
LONGER = {
    "crawler/ranks/formats.py",
    "hashing/svg/rewrite.py",
    "bench/accuracy_data.py",
    "exchanges/store.py",
}
"""Files that are longer, for now."""


def test_no_module_has_more_than_four_hundred_lines() -> None:
    rooms = [one.parent for one in ROOT.glob("*/__init__.py") if one.parent.name != "tests"]
    files = [file for room in rooms for file in room.rglob("*.py")]
    assert len(files) > 200
    long = {str(file.relative_to(ROOT)) for file in files if len(file.read_text().splitlines()) > MOST_LINES}
    assert long <= LONGER
