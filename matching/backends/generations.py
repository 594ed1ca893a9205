"""What backends that are services share: a name for each filling of an index, and calls from threads.

An index is filled under a new name, its generation, which a registry then names as the one in force. So
nobody ever searches one that is half filled, and who still asks the former one goes on until they look again.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import secrets
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from samelook.matching.errors import BackendUnavailable

_T = TypeVar("_T")
_OLD_S = 86_400
_COUNTED_S = 60.0


def new_generation(name: str, bits: int) -> str:
    """A name for an index that is about to be filled: a word of small letters, digits and underscores."""
    letters = "".join(
        character if character.isalnum() and character.isascii() else "_" for character in name.lower()
    )
    return f"samelook_{letters}_{bits}_{int(time.time()):x}_{secrets.token_hex(3)}"


def is_forgotten(generation: str, registered: set[str]) -> bool:
    """Whether nobody asks or fills this generation any more: it is a day old and in no registry."""
    made = generation.split("_")[-2]
    return generation not in registered and int(made, 16) < time.time() - _OLD_S


@dataclass(slots=True)
class Registered:
    """What a registry says of one index."""

    generation: str
    former: str | None
    note: dict[str, Any]

    def followed_by(self, generation: str, note: dict[str, Any]) -> Registered:
        """What it says once this generation, or this note, is in force."""
        former = self.former if generation == self.generation else self.generation
        return Registered(generation, former, note)

    def as_text(self) -> str:
        return json.dumps([self.generation, self.former, self.note])

    @classmethod
    def from_text(cls, text: str) -> Registered:
        return cls(*json.loads(text))


@dataclass(slots=True)
class Count:
    """How many pairs a service holds, as known here: counted once a minute, kept up by what is done here."""

    number: int = 0
    at: float = field(default_factory=lambda: -_COUNTED_S)

    def is_old(self) -> bool:
        """Whether it is to be asked for again."""
        return time.monotonic() - self.at >= _COUNTED_S

    def put(self, number: int) -> None:
        """What the service has just said."""
        self.number, self.at = number, time.monotonic()


class LoopThread:
    """An event loop in a thread, for a client that is asynchronous behind calls that are not."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="index service", daemon=True)
        self._thread.start()
        self._submitting = threading.Lock()
        self._is_closed = False

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Its result, waited for by the calling thread. Raises BackendUnavailable once this is closed."""
        with self._submitting:
            if self._is_closed:
                work.close()
                raise BackendUnavailable("The index is closed.")
            submitted = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return submitted.result()
        except concurrent.futures.CancelledError as error:
            raise BackendUnavailable("The index was closed meanwhile.") from error

    def close(self, last: Coroutine[Any, Any, None]) -> None:
        """Cancels what is running, as nobody waits for it any more, does `last`, and ends the loop."""

        async def end() -> None:
            running = asyncio.all_tasks() - {asyncio.current_task()}
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await last

        with self._submitting:
            self._is_closed = True
        asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
