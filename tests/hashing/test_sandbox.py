"""The sandbox under pictures that kill, stall, fill and lie. The jobs here are functions that do what such
a picture would make a broken decoder do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from samelook.hashing.decode import DecodeLimits
from samelook.hashing.errors import (
    DecoderDied,
    DecoderMemory,
    DecoderTimeout,
    HashingError,
    JobFailed,
    NotAnImage,
    TooManyBytes,
    TooManyPixels,
)
from samelook.hashing.sandbox import Sandbox
from samelook.hashing.settings import SandboxLimits
from samelook.hashing.signals import hash_bytes
from samelook.processes.framing import encode, framed
from tests.fixtures.waiting import until

Stored = Callable[..., bytes]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers need POSIX")


@pytest.fixture(autouse=True)
def blocks_nothing() -> None:
    """Nothing is watched: jobs here, such as time.sleep, go to another process by their names."""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(1, SandboxLimits(seconds=3, memory_bytes=512 << 20)) as opened:
        yield opened


OTHERS: set[int] = set()
"""Processes of services that other tests started and that go on."""


@pytest.fixture(autouse=True)
def _remember_others() -> None:
    OTHERS.clear()
    OTHERS.update(child.pid for child in psutil.Process().children())


def children() -> list[psutil.Process]:
    """The workers that this test started."""
    return [child for child in psutil.Process().children() if child.pid not in OTHERS and _is_decoder(child)]


def _is_decoder(child: psutil.Process) -> bool:
    # One that has ended, or is ending while it is looked at, is none any more.
    with contextlib.suppress(psutil.NoSuchProcess):
        return "samelook.hashing.worker" in child.cmdline()
    return False


async def test_a_picture_is_hashed_as_in_this_process(
    sandbox: Sandbox, icon: NDArray[np.uint8], stored: Stored
) -> None:
    data = stored(icon, "ICO", sizes=[(16, 16), (48, 48)])
    assert await sandbox.hash(data) == hash_bytes(data)
    assert (await sandbox.hash(data, types=["pdq", "md5"])) == hash_bytes(data, types=["pdq", "md5"])


async def test_the_error_of_a_picture_arrives_with_its_details(sandbox: Sandbox) -> None:
    with pytest.raises(NotAnImage) as caught:
        await sandbox.hash(b"<html>")
    assert caught.value.detail == {"starts_with": b"<html>".hex()}
    with pytest.raises(TooManyBytes):
        await sandbox.hash(bytes(9 << 20))


async def test_limits_of_decoding_hold_in_the_workers(icon: NDArray[np.uint8], stored: Stored) -> None:
    async with Sandbox(1, decode_limits=DecodeLimits(max_pixels=100)) as sandbox:
        with pytest.raises(TooManyPixels):
            await sandbox.hash(stored(icon, "PNG"))
        with pytest.raises(TooManyPixels):
            await sandbox.hash(stored(icon, "PNG"), types=["md5"])


async def test_many_at_once_each_get_their_own_answer(stored: Stored) -> None:
    pictures = [
        stored(np.random.default_rng(seed).integers(0, 256, (16, 16, 4), np.uint8), "PNG")
        for seed in range(60)
    ]
    async with Sandbox(2) as sandbox:
        hashed = await asyncio.gather(*(sandbox.hash(data) for data in pictures))
    assert [found.sha256 for found in hashed] == [hash_bytes(data).sha256 for data in pictures]


@pytest.mark.parametrize(
    ("job", "error", "words"),
    [
        ((time.sleep, 60), DecoderTimeout, "longer than 3 s"),
        ((pow, 3, 10**9), DecoderTimeout, "longer than 3 s"),
        ((os._exit, 3), DecoderDied, "status 3"),
        ((os.kill, 0, signal.SIGKILL), DecoderDied, "status -9"),
        ((os.abort,), DecoderDied, "status -6"),
        ((sys.exit, 4), DecoderDied, "status 4"),
        ((bytearray, 3 << 30), DecoderMemory, "memory"),
        ((os.write, 0, b"garbage, not a frame"), DecoderDied, "nonsense"),
        ((os.write, 0, framed(b"not what an answer looks like")), DecoderDied, "nonsense"),
        ((os.write, 0, framed(encode([1]))), DecoderDied, "nonsense"),
        ((os.write, 0, framed(encode({"number": 99, "value": 1}))), DecoderDied, "nonsense"),
        ((os.close, 0), DecoderDied, "ended"),
        ((int, "x"), JobFailed, "ValueError"),
        ((object,), JobFailed, "cannot be sent"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
async def test_a_hostile_job_is_one_typed_error_and_the_next_is_served(
    sandbox: Sandbox,
    job: tuple[Callable[..., object], object],
    error: type[HashingError],
    words: str,
    icon: NDArray[np.uint8],
    stored: Stored,
) -> None:
    function, *arguments = job
    data = stored(icon, "PNG")
    # The innocent ones are in the same worker's queue.
    before, guilty, *after = await asyncio.gather(
        sandbox.hash(data),
        sandbox.run(function, *arguments),
        *(sandbox.hash(data) for _ in range(5)),
        return_exceptions=True,
    )
    assert isinstance(guilty, error)
    assert words in str(guilty)
    assert [before, *after] == [hash_bytes(data)] * 6


async def test_a_worker_that_lies_about_a_picture_is_not_believed() -> None:
    from samelook.hashing.answers import hashed_picture_of

    honest = {
        "sha256": "ab",
        "md5": "cd",
        "format": "png",
        "width": 1,
        "height": 1,
        "frames": 1,
        "bytes": 1,
        "signals": {"pdq": "00", "favicon_mmh3": "-5"},
    }
    assert hashed_picture_of(honest).signals["favicon_mmh3"] == "-5"
    lies: list[dict[str, object]] = [
        {"sha256": "'; DROP TABLE"},
        {"md5": None},
        {"width": -1},
        {"height": "1"},
        {"format": "exe"},
        {"signals": []},
        {"signals": {"made_up": "00"}},
        {"signals": {"pdq": 5}},
        {"signals": {"pdq": "<script>"}},
    ]
    for lie in lies:
        with pytest.raises(DecoderDied):
            hashed_picture_of({**honest, **lie})
    with pytest.raises(DecoderDied):
        hashed_picture_of(["no", "object"])


async def test_a_worker_knows_nothing_and_inherits_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    with (tmp_path / "inherited").open("w") as opened:
        os.set_inheritable(opened.fileno(), True)  # noqa: FBT003
        descriptors = await sandbox.run(os.listdir, "/proc/self/fd")
    assert isinstance(descriptors, list)
    assert set(descriptors) <= {"0", "1", "2", "3", "4"}, "channel twice, nothing twice, the listing"
    assert set(await _environment(sandbox)) <= {
        "PYTHONPATH",
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MALLOC_MMAP_THRESHOLD_",
        "MALLOC_TRIM_THRESHOLD_",
        "MALLOC_TOP_PAD_",
        "LC_CTYPE",
    }
    with pytest.raises(JobFailed, match=r"too large|denied|quota"):
        await sandbox.run(Path.write_text, tmp_path / "written", "x" * 10_000)


async def _environment(sandbox: Sandbox) -> list[str]:
    text = await sandbox.run(Path.read_bytes, Path("/proc/self/environ"))
    assert isinstance(text, bytes)
    return [line.split(b"=")[0].decode() for line in text.split(b"\0") if line]


async def test_a_cancelled_call_leaves_the_worker_to_others(
    sandbox: Sandbox, icon: NDArray[np.uint8], stored: Stored
) -> None:
    data = stored(icon, "PNG")
    await sandbox.hash(data)
    (worker,) = children()
    calls = [asyncio.create_task(sandbox.run(time.sleep, 0.2)) for _ in range(12)]
    await asyncio.sleep(0.05)
    for call in calls:
        call.cancel()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    assert await sandbox.hash(data) == hash_bytes(data)
    assert children() == [worker], "nobody had to be killed"


async def test_closing_ends_the_workers_and_fails_what_waits() -> None:
    async with Sandbox(2) as sandbox:
        await sandbox.run(len, "")
        calls = [asyncio.create_task(sandbox.run(time.sleep, 30)) for _ in range(20)]
        await asyncio.sleep(0.05)
        assert len(children()) == 2
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(outcome, DecoderDied) for outcome in outcomes)
    assert not children()
    with pytest.raises(RuntimeError, match="not open"):
        await sandbox.hash(b"x")


async def test_closing_while_workers_still_start_leaves_none() -> None:
    async with Sandbox(3):
        await asyncio.sleep(0)
    async with Sandbox(3):
        await asyncio.sleep(0.1)
    assert not children()


@pytest.mark.parametrize("program", ["/bin/false", "/nonexistent/python", "/etc/passwd"])
async def test_workers_that_cannot_start_are_an_error_and_no_hang(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    async with Sandbox(1) as sandbox:
        with pytest.raises(DecoderDied, match="do not start"):
            await sandbox.hash(b"x")


ORPHANS = """
import asyncio, os, sys, time
from samelook.hashing.sandbox import Sandbox
from samelook.hashing.settings import SandboxLimits
async def main():
    async with Sandbox(2, SandboxLimits(seconds=1)) as sandbox:
        idle, = await asyncio.gather(sandbox.run(os.getpid))
        asyncio.create_task(sandbox.run(pow, 3, 10**9))
        await asyncio.sleep(0.1)
        print("ready", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


def test_workers_do_not_outlive_a_parent_that_was_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        orphans = psutil.Process(parent.pid).children()
        assert len(orphans) == 2
        parent.kill()
    # The idle one sees the end of its socket, the busy one is ended by its own alarm.
    _, alive = psutil.wait_procs(orphans, timeout=10)
    for orphan in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.kill()
    assert not alive


def test_it_runs_on_uvloop_as_well(icon: NDArray[np.uint8], stored: Stored) -> None:
    uvloop = pytest.importorskip("uvloop")
    data = stored(icon, "PNG")

    async def hash_and_kill() -> None:
        async with Sandbox(1) as sandbox:
            assert await sandbox.hash(data) == hash_bytes(data)
            with pytest.raises(DecoderDied):
                await sandbox.run(os._exit, 1)
            assert await sandbox.run(os.listdir, "/proc/self/fd") == ["0", "1", "2", "3", "4"]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(hash_and_kill())


async def test_workers_that_are_not_needed_end_and_come_back(icon: NDArray[np.uint8], stored: Stored) -> None:
    ended: list[str] = []
    async with Sandbox(2, idle_s=0.3, on_idle=lambda: ended.append("one")) as sandbox:
        await asyncio.sleep(0.1)
        assert not children()
        for _ in range(2):
            assert (await sandbox.hash(stored(icon, "PNG"))).format == "png"
            await until(lambda: not children())
    assert ended
