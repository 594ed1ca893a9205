"""Optional signals and signal types of extensions, made known to banks.

A class says how its values are written, how they compare and how files are hashed (`own_logic`); one that
says nothing of comparing matches by equality. Where the settings say `package.module.Class:BITS:RADIUS`, its
values are hex codes of so many bits, and match within the radius, from the same live index as PDQ.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from samelook.banks.signal_types import (
    SIGNAL_TYPES,
    ContentType,
    SignalType,
    content_types,
    register,
    register_content_type,
    type_of,
)
from samelook.hashing.table import SIGNALS

from .errors import BadExtension
from .library import load
from .own_logic import own_hasher, own_logic
from .settings import ExchangeSettings

_WIDTHS = (64, 256)


def register_signal_types(settings: ExchangeSettings) -> list[str]:
    """Registers what the settings name; the names of extensions' types. Raises LibraryMissing, BadExtension.

    To be called once in each process that uses banks, before it loads them.
    """
    register_optional(settings.optional_signals)
    if not (settings.signal_types or settings.extensions or settings.content_types):
        return []
    library = load(
        settings.exchange_types, settings.signal_types, settings.extensions, settings.content_types
    )
    for name in library.content_types:
        register_content_type(name)
    comparisons = {
        comparison.partition(":")[0]: comparison.partition(":")[2] for comparison in settings.signal_types
    }
    added = []
    for name, kind in library.signal_types.items():
        known = SIGNAL_TYPES.get(name)
        if known is None or known.normalise is not None:
            register(_banked(kind, comparisons.get(f"{kind.__module__}.{kind.__qualname__}", "")))
            added.append(name)
    return added


def register_optional(names: Iterable[str]) -> None:
    """Registers optional signals of the house's own."""
    for name in names:
        register(type_of(SIGNALS[name]))


def _banked(kind: type[Any], comparison: str) -> SignalType:
    name, hasher = kind.get_name(), own_hasher(kind)
    of = _content_types(kind)
    if not comparison:
        return SignalType(
            name,
            0,
            None,
            of,
            by_default=hasher is not None,
            normalise=kind.validate_signal_str,
            own=own_logic(kind),
            hasher=hasher,
        )
    words = comparison.split(":")
    if len(words) != 2 or not all(word.isdecimal() for word in words):  # noqa: PLR2004 - bits and radius
        raise BadExtension(f"{name}: write bits and radius as in {kind.__qualname__}:256:31", name=name)
    bits, radius = map(int, words)
    if bits not in _WIDTHS or not 0 <= radius < bits:
        raise BadExtension(f"{name}: a code has 64 or 256 bits, and a radius below that", name=name)
    return SignalType(name, bits, radius, of, by_default=hasher is not None, hasher=hasher)


def _content_types(kind: type[Any]) -> tuple[ContentType, ...]:
    named = {content_type.get_name() for content_type in kind.get_content_types()}
    return tuple(name for name in content_types() if name in named)
