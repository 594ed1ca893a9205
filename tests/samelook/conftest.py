"""What tests of whole programs share."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

Default = Callable[[signal.Signals], AbstractContextManager[None]]


@pytest.fixture
def default_in_children() -> Default:
    """A block whose programs are ended by the signal, as from a terminal.

    Under nohup and in background jobs of a shell it is ignored, and programs inherit that. What is caught
    instead is the default again in a program that is started.
    """

    @contextmanager
    def block(number: signal.Signals) -> Iterator[None]:
        if signal.getsignal(number) is not signal.SIG_IGN:
            yield
            return
        signal.signal(number, lambda *_: None)
        try:
            yield
        finally:
            signal.signal(number, signal.SIG_IGN)

    return block
