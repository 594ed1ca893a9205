"""The fetching process as seen from here: started, listened to with patience that ends, and stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from samelook.processes.framing import BrokenFrame, decode, encode, framed, receive_frame

from .errors import WorkerDied, WorkerHung
from .settings import ExchangeSettings

_STOP_S = 5.0
_Message = dict[str, Any]


class Child:
    """A running fetching process."""

    def __init__(self, process: asyncio.subprocess.Process, silence_s: float) -> None:
        self._process = process
        self._silence_s = silence_s
        self._listening = asyncio.create_task(self._hear())

    @property
    def pid(self) -> int:
        return self._process.pid

    async def receive(self) -> _Message:
        """The next message. Raises WorkerHung or WorkerDied."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(self._silence_s):
                frame = await receive_frame(self._process.stdout)
            message = None if frame is None else decode(frame)
        except TimeoutError:
            raise WorkerHung(
                f"the fetching process said nothing for {self._silence_s:g} s and was stopped",
                silence_s=self._silence_s,
            ) from None
        except BrokenFrame as error:
            raise WorkerDied(f"the fetching process answered nonsense: {error}") from error
        if frame is None:
            status = await self._ended()
            raise WorkerDied(f"the fetching process ended by itself, with status {status}", status=status)
        if not isinstance(message, dict):
            raise WorkerDied("the fetching process answered nonsense: no object.")
        return message

    async def send(self, message: _Message) -> None:
        """Sends a message. Raises WorkerDied or WorkerHung."""
        assert self._process.stdin is not None
        try:
            async with asyncio.timeout(self._silence_s):
                self._process.stdin.write(framed(encode(message)))
                await self._process.stdin.drain()
        except TimeoutError:
            raise WorkerHung("the fetching process does not listen any more and was stopped") from None
        except ConnectionError as error:
            raise WorkerDied(
                "the fetching process ended by itself", status=self._process.returncode
            ) from error

    async def stop(self) -> None:
        """Ends the process; nothing of what it does needs to be finished."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        # asyncio does not notice the end of a process while its output is unread.
        assert self._process.stdout is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                while await self._process.stdout.read(1 << 20):
                    pass
                await self._process.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._listening, _STOP_S)
        self._listening.cancel()

    async def _ended(self) -> int | None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _STOP_S)
        return self._process.returncode

    async def _hear(self) -> None:
        # The output is read so that the child never blocks, and dropped, as it may hold secrets.
        assert self._process.stderr is not None
        while await self._process.stderr.read(65_536):
            pass


@asynccontextmanager
async def running(settings: ExchangeSettings, start: _Message) -> AsyncIterator[Child]:
    """A fetching process that has been told what to do; it is gone at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        settings.python,
        # -P: a folder of a user's with names like ours must not be imported from.
        "-P",
        "-m",
        "samelook.exchanges.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # an interrupt at the terminal is ours to pass on
    )
    child = Child(process, settings.silence_s)
    try:
        await child.send(
            {
                "exchange_types": settings.exchange_types,
                "signal_types": settings.signal_types,
                "optional_signals": settings.optional_signals,
                "extensions": settings.extensions,
                "urls": dict(settings.urls),
                "memory_bytes": settings.memory_bytes,
                "files_folder": None if settings.files_folder is None else str(settings.files_folder),
                **start,
            }
        )
        yield child
    finally:
        # Shielded: a process that nobody waits for would outlive a cancelled fetch as a zombie.
        await asyncio.shield(child.stop())
