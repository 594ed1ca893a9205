"""The signal types that banks hold: how a value is written, kept, compared and matched.

A value is refused unless it is exactly what its type's hasher writes, because what is accepted once must
be sound for everybody who reads it. Digests of whole files may be given in upper case or with blanks
around them, as HMA takes them; they are kept in lower case without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from samelook.hashing.table import SIGNALS, Signal
from samelook.matching.distance import bits_apart

from .errors import BadRadius, BadSignal, UnknownSignalType
from .own_values import OwnHasher, OwnLogic

ContentType = str
_content_types: list[ContentType] = ["photo", "video"]
_LONGEST_SHOWN = 80
_LONGEST_VALUE = 4 << 20
"""Bytes: the vPDQ of ten hours."""
_LONGEST_QUESTION = 1_000_000
_INT32 = 2**31


@dataclass(frozen=True, slots=True)
class SignalType:
    """One kind of signal."""

    name: str
    bits: int
    radius: int | None
    """Two values within so many bits match. None: only equal values match."""
    content_types: tuple[ContentType, ...]
    by_default: bool = False
    """Hashing computes it without being asked to."""
    lenient: bool = False
    """Upper case and blanks around the value are taken."""
    decimal: bool = False
    """Written as a signed decimal, not as hex."""
    normalise: Callable[[str], str] | None = None
    """Of a type from elsewhere that is text: gives the one way to write a value, or raises."""
    own: OwnLogic | None = None
    """Of a type from elsewhere that does not simply match by equality: how it compares."""
    hasher: OwnHasher | None = None
    """Of a type from elsewhere that hashes files: how."""

    def parse(self, text: object) -> bytes:
        """The bytes of a value as it is written. Raises BadSignal."""
        if not isinstance(text, str):
            raise BadSignal(f"A {self.name} signal is a string.", signal_type=self.name)
        if self.decimal:
            return self._parsed_decimal(text)
        if self.normalise is not None:
            return self._parsed_text(text, self.normalise)
        plain = text.strip().lower() if self.lenient else text
        if len(plain) != self.bits // 4 or not _HEX(plain):
            raise self._refused(text, f"{self.bits // 4} hexadecimal digits in lower case")
        return bytes.fromhex(plain)

    def question(self, text: object) -> bytes:
        """What a lookup asks with: a value, or for types whose values are held against texts any text.

        Raises BadSignal.
        """
        if self.own is None or not self.own.takes_text or not isinstance(text, str):
            return self.parse(text)
        asked = text.encode(errors="replace")
        if not 0 < len(asked) <= _LONGEST_QUESTION:
            raise self._refused(text, f"held against a text of 1 to {_LONGEST_QUESTION} bytes")
        return asked

    def compared(self, one: object, other: object, radius: int | None) -> tuple[bool, object]:
        """Whether two values match, and `{"distance": …}`. Raises BadSignal."""
        if self.own is not None:
            return self.own.compare(self.text(self.parse(one)), self.question(other).decode())
        first, second = self.parse(one), self.parse(other)
        return self.matches(first, second, radius), {"distance": self.distance(first, second)}

    def text(self, value: bytes) -> str:
        """A value as it is written."""
        if self.decimal:
            return str(int.from_bytes(value, "big", signed=True))
        return value.hex() if self.normalise is None else value.decode()

    def distance(self, one: bytes, other: bytes) -> int:
        """In how many bits two values differ; for types that match by equality 0 or 1."""
        if self.radius is None:
            return int(one != other)
        return bits_apart(one, other)

    def matches(self, one: bytes, other: bytes, radius: int | None = None) -> bool:
        """Whether a lookup for one of the values finds the other, within the type's radius or this."""
        return self.distance(one, other) <= ((self.radius or 0) if radius is None else radius)

    def checked_radius(self, radius: int | None) -> int | None:
        """The radius asked for; None for types that match by equality. Raises BadRadius if it is too wide."""
        if radius is None or self.radius is None:
            return None
        most = self.bits // 4 - 1
        if not 0 <= radius <= most:
            raise BadRadius(f"A lookup for {self.name} has a radius of 0 to {most}, not {radius}.", most=most)
        return radius

    def _parsed_decimal(self, text: str) -> bytes:
        if not _DECIMAL(text) or not -_INT32 <= int(text) < _INT32:
            raise self._refused(text, "a whole number of 32 bits with its sign, as in -1506567445")
        return int(text).to_bytes(4, "big", signed=True)

    def _parsed_text(self, text: str, normalise: Callable[[str], str]) -> bytes:
        try:
            value = normalise(text).encode()
        except Exception as error:
            # An extension's code may raise anything; to the sender it means that the value is no signal.
            raise self._refused(text, f"not what its type takes ({type(error).__name__})") from error
        if not 0 < len(value) <= _LONGEST_VALUE or b"\0" in value:
            raise self._refused(text, f"text of 1 to {_LONGEST_VALUE} bytes without NUL")
        return value

    def _refused(self, text: str, form: str) -> BadSignal:
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
        return BadSignal(f"{shown!r} is no {self.name} signal: that is {form}.", signal_type=self.name)


_HEX = re.compile(r"[0-9a-f]+").fullmatch
_DECIMAL = re.compile(r"0|-?[1-9][0-9]{0,9}").fullmatch

_CONTENTS: Mapping[str, tuple[ContentType, ...]] = {
    "pixels": ("photo",),
    "file": ("photo", "video"),
    "video": ("video",),
}


def type_of(signal: Signal) -> SignalType:
    """How banks hold a signal of the table."""
    return SignalType(
        signal.name,
        signal.bits,
        signal.bank_radius,
        _CONTENTS[signal.of],
        by_default=signal.by_default,
        lenient=signal.of != "pixels" and not signal.decimal,
        decimal=signal.decimal,
    )


_known = {name: type_of(signal) for name, signal in SIGNALS.items() if not signal.optional}
SIGNAL_TYPES: Mapping[str, SignalType] = MappingProxyType(_known)


def content_types() -> tuple[ContentType, ...]:
    """What a file may be: photo, video, and what the settings add."""
    return tuple(_content_types)


def register_content_type(name: ContentType) -> None:
    """Makes a type of content known in this process; once more does no harm."""
    if name not in _content_types:
        _content_types.append(name)


def register(kind: SignalType) -> None:
    """Makes a type known to all banks of this process; to be called before any is loaded.

    Raises UnknownSignalType when another type has its name.
    """
    if _known.setdefault(kind.name, kind) != kind:
        raise UnknownSignalType(f"There is another signal type {kind.name!r} already.", signal_type=kind.name)


def signal_type(name: str) -> SignalType:
    """The type of that name. Raises UnknownSignalType."""
    found = SIGNAL_TYPES.get(name)
    if found is None:
        raise UnknownSignalType(
            f"No such signal type: {name[:_LONGEST_SHOWN]!r}. There are {', '.join(SIGNAL_TYPES)}.",
            signal_type=name[:_LONGEST_SHOWN],
        )
    return found


def parsed_signals(signals: Mapping[str, object]) -> dict[SignalType, bytes]:
    """Written values by type name, as bytes by type. Raises BadSignal or UnknownSignalType."""
    if not signals:
        raise BadSignal("No signals were given.")
    return {(kind := signal_type(name)): kind.parse(value) for name, value in signals.items()}
