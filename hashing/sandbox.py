"""Decoding in worker processes, so that hostile bytes cost one worker and one picture.

Each worker answers in order, so when one dies the picture at the head of its queue is to blame; the
others go to its successor. Jobs are handed over a few ahead, which keeps a worker busy while the event loop
does other things. What a worker answers is checked like anything from outside.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

from samelook.hashing.answers import error_of, hashed_picture_of
from samelook.hashing.errors import DecoderDied, DecoderTimeout, HashingError, TooManyBytes
from samelook.hashing.picture import DecodeLimits
from samelook.hashing.settings import SandboxLimits
from samelook.hashing.signals import HashedPicture, hash_bytes
from samelook.hashing.table import DEFAULT_NAMES
from samelook.hashing.worker import CALL, HASH, NUMBER
from samelook.processes.framing import BrokenFrame, Frames, decode, framed

_MAX_FAILED_STARTS = 3


class Sandbox:
    """A pool of confined worker processes; use it as an async context manager.

    Leaving the context ends the workers and fails the jobs that are still waiting with `DecoderDied`. A
    cancelled call leaves its worker alone; the answer is dropped when it comes. With `idle_s` a worker is
    started when there is work, and ended when there was none for so many seconds: one takes 30 MB. Then
    `on_idle` is called.
    """

    def __init__(
        self,
        workers: int = 2,
        limits: SandboxLimits | None = None,
        decode_limits: DecodeLimits | None = None,
        *,
        idle_s: float | None = None,
        on_idle: Callable[[], None] | None = None,
        optional_signals: Collection[str] = (),
    ) -> None:
        self._count = max(1, workers)
        self._limits = limits or SandboxLimits()
        self._decode_limits = decode_limits or DecodeLimits()
        self._waiting: deque[_Job] = deque()
        self._workers: list[_Worker] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._open = False
        self._idle_s = idle_s
        self._on_idle = on_idle
        self._optional_signals = tuple(optional_signals)
        self._work_came = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._open = True
        self._keepers = [asyncio.create_task(self._keep_one_worker()) for _ in range(self._count)]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open = False
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._fail_waiting(DecoderDied("The sandbox was closed before this picture's turn."))

    async def hash(self, data: bytes, types: Collection[str] | None = None) -> HashedPicture:
        """`hash_bytes` in a worker, by default with the optional signals of the sandbox.

        Raises its errors, `DecoderTimeout`, `DecoderDied` or `DecoderMemory`.
        """
        if len(data) > self._decode_limits.max_bytes:
            raise TooManyBytes(
                f"The file has {len(data)} bytes; the limit is {self._decode_limits.max_bytes}.",
                bytes=len(data),
                max_bytes=self._decode_limits.max_bytes,
            )
        if types is None and not self._optional_signals:
            return hashed_picture_of(await self._submit(HASH, data))
        if types is None:
            types = (*DEFAULT_NAMES, *self._optional_signals)
        return hashed_picture_of(await self.run(hash_bytes, data, self._decode_limits, tuple(types)))

    async def run(self, function: Callable[..., object], *arguments: object) -> object:
        """Calls a function of a module in a worker and returns its result.

        Arguments are pickled. The result must be of JSON's types, bytes, and dataclasses, which come back as
        dicts; tuples come back as lists. What it holds is the worker's word: check it. An error that is no
        `HashingError` arrives as `JobFailed`.
        """
        return await self._submit(CALL, pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL))

    async def _submit(self, kind: bytes, payload: bytes) -> object:
        if not self._open:
            raise RuntimeError("The sandbox is not open; use it within `async with`.")
        job = _Job(kind, payload, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._work_came.set()
        self._hand_out()
        return await job.future

    def _hand_out(self) -> None:
        """Gives waiting jobs to the workers with the fewest, up to a few each."""
        while self._waiting:
            ready = [worker for worker in self._workers if worker.has_room()]
            if not ready:
                return
            job = self._waiting.popleft()
            if not job.future.done():
                min(ready, key=lambda worker: len(worker.jobs)).send(job)

    def _fail_waiting(self, error: HashingError) -> None:
        for job in self._waiting:
            job.fail(error)
        self._waiting.clear()

    async def _keep_one_worker(self) -> None:
        """Starts a worker, and another whenever it is gone, until cancelled."""
        failed_starts = 0
        while True:
            while self._idle_s is not None and not self._waiting:
                self._work_came.clear()
                await self._work_came.wait()
            worker = _Worker(self._limits, self._hand_out)
            try:
                if await worker.start(self._decode_limits):
                    failed_starts = 0
                    self._workers.append(worker)
                    self._hand_out()
                    await self._until_gone_or_idle(worker)
                    if self._on_idle is not None and not worker.gone.is_set():
                        self._on_idle()
                else:
                    failed_starts += 1
            finally:
                if worker in self._workers:
                    self._workers.remove(worker)
                # Shielded: when the sandbox closes, the process must still be seen to its end.
                await asyncio.shield(worker.end())
                unanswered = worker.blame()
                if self._open:
                    self._waiting.extendleft(reversed(unanswered))
                else:
                    for job in unanswered:
                        job.fail(DecoderDied("The sandbox was closed while this picture was decoded."))
            if failed_starts >= _MAX_FAILED_STARTS:
                self._fail_waiting(
                    DecoderDied(
                        f"Worker processes do not start ({sys.executable} -m samelook.hashing.worker): "
                        f"{worker.not_started}."
                    )
                )
                await asyncio.sleep(min(failed_starts, 30))
            self._hand_out()

    async def _until_gone_or_idle(self, worker: _Worker) -> None:
        while not worker.gone.is_set() and (self._idle_s is None or worker.idle_s() < self._idle_s):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._idle_s):
                    await worker.gone.wait()


class _Job:
    """One request and the future of its answer."""

    __slots__ = ("future", "kind", "payload")

    def __init__(self, kind: bytes, payload: bytes, future: asyncio.Future[object]) -> None:
        self.kind = kind
        self.payload = payload
        self.future = future

    def fail(self, error: HashingError) -> None:
        if not self.future.done():
            # One error may fail many jobs; each gets an exception, and so a traceback, of its own.
            self.future.set_exception(type(error)(error.message, **error.detail))


class _Worker(asyncio.Protocol):
    """The parent's end of one worker process."""

    def __init__(self, limits: SandboxLimits, has_room: Callable[[], None]) -> None:
        self.jobs: deque[_Job] = deque()
        self.gone = asyncio.Event()
        self.exit_status: int | None = None
        self.not_started = "it ended at once"
        self._limits = limits
        self._has_room = has_room
        self._frames = Frames()
        self._loop = asyncio.get_running_loop()
        self._started: asyncio.Future[bool] = self._loop.create_future()
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.Transport | None = None
        self._sent = 0
        self._answered = 0
        self._head_since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._timed_out = False
        self._fault: str | None = None

    async def start(self, decode_limits: DecodeLimits) -> bool:
        """Starts the process; whether it is ready to work."""
        try:
            async with asyncio.timeout(self._limits.start_seconds):
                await self._spawn(decode_limits)
                return await self._started
        except TimeoutError:
            self.not_started = f"it is not ready after {self._limits.start_seconds:g} s"
        except OSError as error:
            self.not_started = str(error)
        return False

    async def _spawn(self, decode_limits: DecodeLimits) -> None:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                # Popen and not asyncio's call: uvloop would pass descriptors on that a decoder must not have.
                # It holds the loop for 2 ms.
                self._process = subprocess.Popen(  # noqa: ASYNC220 - see above; our own module
                    [sys.executable, "-P", "-m", "samelook.hashing.worker"],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env=_environment(),
                    # A group of its own: Ctrl-C at a terminal is for the parent, which ends its workers in
                    # order, and whatever a worker may have started is killed with it.
                    start_new_session=True,
                )
            transport, _ = await self._loop.create_unix_connection(lambda: self, sock=ours)
        except BaseException:
            ours.close()
            raise
        self._transport = transport
        transport.write(framed(pickle.dumps((self._limits, decode_limits))))

    def has_room(self) -> bool:
        return len(self.jobs) < self._limits.jobs_ahead and not self.gone.is_set()

    def idle_s(self) -> float:
        """For how long it has had nothing to do."""
        return 0.0 if self.jobs else self._loop.time() - self._head_since

    def runs_low(self) -> bool:
        """Whether half of the jobs handed ahead are done: a few at a time wake the process less often."""
        return 2 * len(self.jobs) <= self._limits.jobs_ahead

    def send(self, job: _Job) -> None:
        assert self._transport is not None
        if not self.jobs:
            self._head_since = self._loop.time()
            if self._timer is None:
                self._timer = self._loop.call_later(self._limits.seconds, self._check_time)
        self.jobs.append(job)
        self._sent += 1
        self._transport.write(framed(job.kind, NUMBER.pack(self._sent), job.payload))

    def data_received(self, data: bytes) -> None:
        try:
            for payload in self._frames.feed(data):
                self._take(decode(payload))
        except BrokenFrame as error:
            self._break(str(error))
        else:
            if self.runs_low():
                self._has_room()

    def _take(self, answer: object) -> None:
        if not isinstance(answer, dict):
            raise BrokenFrame("An answer is no object.")
        if not self._started.done():
            self._started.set_result("ready" in answer)
            return
        self._answered += 1
        if not self.jobs or answer.get("number") != self._answered:
            # Two processes may be answering, if a picture has taken the worker over and forked it.
            raise BrokenFrame("An answer came out of turn.")
        self._head_since = self._loop.time()
        job = self.jobs.popleft()
        if job.future.done():
            return
        if "value" in answer:
            job.future.set_result(answer["value"])
        else:
            job.future.set_exception(error_of(answer.get("error")))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        if not self._started.done():
            self._started.set_result(False)
        self.gone.set()

    def _check_time(self) -> None:
        self._timer = None
        if not self.jobs:
            return
        left = self._head_since + self._limits.seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._check_time)
        else:
            self._timed_out = True
            self.gone.set()

    def _break(self, fault: str) -> None:
        self._fault = fault
        self.gone.set()

    def blame(self) -> list[_Job]:
        """Fails the job that the process was at when it ended, and returns those behind it."""
        unanswered = list(self.jobs)
        self.jobs.clear()
        if not unanswered or not self.gone.is_set():
            return unanswered
        head, *rest = unanswered
        if self._timed_out:
            head.fail(
                DecoderTimeout(
                    f"Decoding took longer than {self._limits.seconds:g} s.", seconds=self._limits.seconds
                )
            )
        elif self._fault:
            head.fail(DecoderDied(f"The worker process answered nonsense: {self._fault}"))
        else:
            head.fail(
                DecoderDied(
                    f"The worker process ended with status {self.exit_status}.", exit_status=self.exit_status
                )
            )
        return rest

    async def end(self) -> None:
        """Kills the process and what it may have started, and waits until it is gone."""
        if self._timer is not None:
            self._timer.cancel()
        if self._process is not None:
            # A process that is ending by itself keeps its own exit status.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self.exit_status = await asyncio.to_thread(self._process.wait)
        if self._transport is not None:
            self._transport.abort()


def _environment() -> dict[str, str]:
    """All that a worker knows of the world: where the program is."""
    return {
        "PYTHONPATH": os.pathsep.join(os.path.abspath(folder) for folder in sys.path),  # noqa: PTH100
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        # glibc gives arrays of 128 KB and more back to the system at once, and then every picture of 180
        # pixels pays a page fault for each 4 KB of it again: an eighth of all decoding and hashing.
        "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
        "MALLOC_TOP_PAD_": str(8 << 20),
    }
