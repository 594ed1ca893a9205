"""The C code under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import importlib
import pytest
extension = importlib.import_module(sys.argv[2])
assert extension.__file__.startswith(sys.argv[1]), extension.__file__
options = ["-q", "-x", "-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir", sys.argv[3]]
sys.exit(pytest.main([*options, *sys.argv[4:]]))
"""

_CASES = {
    "samelook.matching._engine": [
        *(f"matching/test_{name}.py" for name in ("exactness", "index", "snapshot")),
        "-k", "not numpy and not large_index and not faiss",
    ],
    "samelook.hashing._pixels": [
        "hashing/test_loops.py", "hashing/test_png_rows.py",
        "-k", "not metas_pdq and not rounding",
    ],
    "samelook.looks._looks": ["looks/test_look_kernels.py"],
}  # fmt: skip
"""The tests that each extension runs under the sanitizers."""


def _compiler() -> str:
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        if os.environ.get("CI"):
            pytest.fail("there is no C compiler, and CI has to run the sanitizers")
        pytest.skip("there is no C compiler: the C code IS NOT CHECKED by the sanitizers")
    return compiler


@pytest.mark.timeout(300)
@pytest.mark.parametrize("extension", _CASES)
def test_the_c_code_is_clean_under_sanitizers(extension: str, tmp_path: Path) -> None:
    compiler = _compiler()
    _, room, module = extension.split(".")
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "samelook", tmp_path / "samelook", ignore=ignored)  # links become folders
    package = tmp_path / "samelook" / room
    sources = [package / f"{module}.c", *sorted((package / "csrc").glob("*.c"))]
    built = subprocess.run(
        [compiler, "-std=c11", "-O1", "-g", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra",
         "-Werror", "-ffp-contract=off",
         "-Wno-missing-field-initializers", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined",
         f"-I{sysconfig.get_paths()['include']}", *map(str, sources), "-lm",
         "-o", str(package / f"{module}.abi3.so")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    runtime = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(runtime).is_absolute():
        if os.environ.get("CI"):
            pytest.fail(f"{compiler} has no address sanitizer to preload, and CI has to run it")
        pytest.skip(f"{compiler} has no address sanitizer to preload: the C code IS NOT CHECKED")
    environment = {
        **os.environ,
        "LD_PRELOAD": runtime,
        # Python itself keeps memory until the end; only what the C code does wrong counts.
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:exitcode=99",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
    }
    chosen = [str(ROOT / "tests" / word) if word.endswith(".py") else word for word in _CASES[extension]]
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path), extension, str(ROOT), *chosen],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-5000:]
    assert " passed" in ran.stdout
