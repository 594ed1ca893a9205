"""Processes forked from one: replaced when they die, stopped with it, and gone when it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

PROGRAM = """
import os, select, signal, sys
from samelook.processes.forked import keep_forked

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())  # in one piece: others write there too

def obedient(lifeline):
    say("began", os.getpid())
    select.select([lifeline], [], [])
    say("alone", os.getpid())
    return 0

def stubborn(lifeline):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say("began", os.getpid())
    while True:
        signal.pause()

def failing(lifeline):
    say("began", os.getpid())
    raise LookupError("what it lacked")

def died(status):
    say("died", status)

try:
    keep_forked(globals()[sys.argv[1]], int(sys.argv[2]), stop_s=float(sys.argv[3]), on_death=died)
finally:
    say("parent", os.getpid(), "left")
"""


@contextmanager
def keeping(work: str, count: int, stop_s: float = 30.0) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM, work, str(count), str(stop_s)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
        process.communicate()


def begun(process: subprocess.Popen[str], count: int) -> list[int]:
    """The process ids of the next ones that began."""
    assert process.stdout is not None
    found: list[int] = []
    while len(found) < count:
        words = process.stdout.readline().split()
        assert words, "it ended early"
        if words[0] == "began":
            found.append(int(words[1]))
    return found


def test_one_that_is_killed_is_replaced_and_a_signal_ends_them_all() -> None:
    with keeping("obedient", 3) as process:
        first = begun(process, 3)
        os.kill(first[1], signal.SIGKILL)
        (replacement,) = begun(process, 1)
        assert replacement not in first
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
        # Only the parent runs the code behind the call.
        assert said.split("\n")[-2] == f"parent {process.pid} left"
        assert said.count("left") == 1
        assert process.returncode == 0
    assert not any(map(psutil.pid_exists, [*first, replacement]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_that_will_not_stop_is_killed(number: signal.Signals) -> None:
    with keeping("stubborn", 2, stop_s=0.3) as process:
        pids = begun(process, 2)
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert not any(map(psutil.pid_exists, pids))


def test_they_notice_that_their_parent_was_killed() -> None:
    with keeping("obedient", 2) as process:
        pids = begun(process, 2)
        process.kill()
        said, _ = process.communicate(timeout=60)  # the pipe ends when the last of them has
        assert sorted(line for line in said.splitlines() if "alone" in line) == sorted(
            f"alone {pid}" for pid in pids
        )


def test_one_that_fails_says_why_and_is_replaced_after_a_pause() -> None:
    with keeping("failing", 1) as process:
        assert process.stdout is not None
        assert [process.stdout.readline().split()[0] for _ in range(3)] == ["began", "died", "began"]
        process.send_signal(signal.SIGTERM)
        _, complained = process.communicate(timeout=60)
        assert "LookupError: what it lacked" in complained
