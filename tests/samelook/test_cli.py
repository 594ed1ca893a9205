"""The process that a command runs in."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

THREADS_MORE = """
import os, sys
sys.argv = ["samelook", "--version"]
from samelook.cli import main
try:
    main()
except SystemExit:
    pass
threads = lambda: len(os.listdir("/proc/self/task"))
before = threads()
import numpy as np
square = np.ones((500, 500), np.float32)
square @ square
print(threads() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells the number of threads")
@pytest.mark.skipif((os.cpu_count() or 1) == 1, reason="one processor: there is one thread anyhow")
@pytest.mark.parametrize(("chosen", "more"), [(None, 0), ("2", 1)])
def test_matrices_take_one_thread_unless_told_otherwise(chosen: str | None, more: int) -> None:
    """Several wait for each other where the machine is busy: 6 ms for a product that takes 0.2 ms."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    if chosen:
        environment["OPENBLAS_NUM_THREADS"] = chosen
    done = subprocess.run(
        [sys.executable, "-P", "-c", THREADS_MORE],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert done.stdout.splitlines()[-1] == str(more)
