"""Signals as the library hands them over: text, in whatever dress an exchange stored it."""

from __future__ import annotations

from samelook.banks.errors import BadSignal
from samelook.banks.signal_types import SignalType


def parsed(kind: SignalType, text: str) -> bytes:
    """The bytes of a signal; blanks around it and capital letters are forgiven. Raises ValueError.

    The library tells a bad signal by ValueError, and passes on what it validated as it was written.
    """
    try:
        return kind.parse(text.strip().lower())
    except BadSignal as error:
        raise ValueError(error.message) from error


def is_flat(value: bytes) -> bool:
    """Whether a hash is a blank picture's: all bits are equal, but for the one for brightness in pHash."""
    bits = int.from_bytes(value, "big").bit_count()
    return bits <= 1 or bits >= 8 * len(value) - 1
