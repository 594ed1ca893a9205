"""Node and Chromium for the extension's tests, where they are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

EXTENSION = Path(__file__).parents[2] / "extension"


def _program(*names: str) -> str:
    """Where a program is. Skips where there is none, which CI never does."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    message = f"NOT TESTED: the extension needs {names[0]}, which is not on this machine"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def node() -> str:
    return _program("node", "nodejs")


@pytest.fixture(scope="session")
def chromium() -> str:
    return _program("chromium", "chromium-browser", "google-chrome-for-testing")
