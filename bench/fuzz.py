"""Coverage-guided fuzzing: `make fuzz`, or `python -m bench.fuzz [--seconds N] [TARGET …]`.

Each target runs in a process of its own, where atheris follows which branches of ours an input takes. What is
found is written to build/fuzz, with the input; the smallest inputs that together reach all that was reached
go to tests/hostile/corpus, which tests/hostile/test_corpus.py runs.
"""

from __future__ import annotations

import argparse
import base64
import logging
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parents[1]
KEPT = HERE / "tests" / "hostile" / "corpus"
WORK = HERE / "build" / "fuzz"
MOST_KEPT_BYTES = 16_000
"""Of one target, as text."""
LONGEST_INPUT_S = 10
MEMORY_MB = 3000
_BRANCHES = re.compile(r"cov: (\d+)")
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s+(\d+)")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("targets", nargs="*")
    asked.add_argument("--seconds", type=int, default=60, help="for each target")
    asked.add_argument("--keep", action="store_true", help="write the smallest set to tests/hostile/corpus")
    asked.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    chosen, rest = asked.parse_known_args()
    if chosen.child:
        fuzz_here(chosen.targets[0], rest)
        return
    from tests.hostile.targets import TARGETS

    found = 0
    print(f"{'target':12} {'executions':>12} {'a second':>9} {'branches':>9} {'kept':>6}  found")
    for name in chosen.targets or TARGETS:
        found += fuzzed(name, chosen.seconds, keep=chosen.keep)
    sys.exit(1 if found else 0)


def fuzzed(name: str, seconds: int, *, keep: bool) -> int:
    """Fuzzes one target, prints a line, and gives the number of inputs that showed a fault."""
    folder = WORK / name
    corpus, faults = folder / "corpus", folder / "faults"
    for each in (corpus, faults):
        each.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate([*seeds_of(name), *kept(name)]):
        (corpus / f"seed-{number}").write_bytes(data)
    began = time.monotonic()
    options = [f"-max_total_time={seconds}", f"-timeout={LONGEST_INPUT_S}", f"-rss_limit_mb={MEMORY_MB}"]
    options += ["-print_final_stats=1", f"-artifact_prefix={faults}/", "-max_len=20000"]
    said = run_child(name, [*options, str(corpus)], folder / "log")
    took = time.monotonic() - began
    executed = sum(int(one) for one in _EXECUTED.findall(said))
    branches = max((int(one) for one in _BRANCHES.findall(said)), default=0)
    shown = sorted(one.name for one in faults.iterdir())
    if keep:
        keep_smallest(name, corpus, folder)
    print(
        f"{name:12} {executed:12,} {executed / took:9,.0f} {branches:9,} {len(kept(name)):6}  "
        f"{', '.join(shown) or '-'}",
        flush=True,
    )
    return len(shown)


def run_child(name: str, arguments: list[str], log: Path) -> str:
    command = [sys.executable, "-m", "bench.fuzz", "--child", name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    log.write_text(done.stdout + done.stderr)
    return done.stdout + done.stderr


def keep_smallest(name: str, corpus: Path, folder: Path) -> None:
    """The least set of inputs that reaches what the corpus reaches, smallest first, up to a size."""
    merged = folder / "merged"
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir()
    run_child(name, ["-merge=1", "-timeout=60", str(merged), str(corpus)], folder / "merge.log")
    if not any(merged.iterdir()):
        merged = corpus  # it was killed; what was kept while fuzzing is nearly as small
    lines, size = [], 0
    for path in sorted(merged.iterdir(), key=lambda one: (one.stat().st_size, one.name)):
        line = base64.b64encode(path.read_bytes()).decode()
        size += len(line) + 1
        if size > MOST_KEPT_BYTES:
            break
        lines.append(line + "\n")
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{name}.txt").write_text("".join(lines))


def kept(name: str) -> list[bytes]:
    """The inputs of the corpus in the repository."""
    path = KEPT / f"{name}.txt"
    return [base64.b64decode(line) for line in path.read_text().splitlines()] if path.exists() else []


def seeds_of(name: str) -> list[bytes]:
    """Good inputs to begin with, made by code."""
    from tests.hostile.seeds import SEEDS

    return SEEDS[name]()


def fuzz_here(name: str, arguments: list[str]) -> None:
    """The life of a child: never returns."""
    import atheris

    with atheris.instrument_imports(
        include=["samelook", "PIL", "protego", "publicsuffixlist", "csv", "json"]
    ):
        # What is imported on first use would not be followed.
        from samelook.hashing import decode, ico, png, png_rows, raster, svg  # noqa: F401
        from samelook.hashing.svg import animation, cascade, matching, rewrite, text, tree, uses  # noqa: F401

        raster.load_plugins()
        from tests.hostile.targets import TARGETS

    logging.disable()
    target = TARGETS[name]
    # Merging runs itself again, as a program.
    program = WORK / name / "run"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bench.fuzz --child {name} "$@"\n')
    program.chmod(0o755)
    atheris.Setup([str(program), *arguments], target, enable_python_coverage=True)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
