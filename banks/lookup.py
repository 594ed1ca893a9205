"""Which of the found contents a lookup answers with: the coin, the switches, the banks asked for. Pure."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .details import enabled
from .live import FoundContent
from .signal_types import SignalType


@dataclass(frozen=True, slots=True)
class Taken:
    """What takes part in a lookup, by bank, nearest first."""

    found: dict[str, list[FoundContent]]
    negative: dict[str, list[FoundContent]]
    """Of negative banks, which mute the others."""

    def answered(self, banks: Collection[str] | None, *, muted: bool) -> dict[str, list[FoundContent]]:
        """What a lookup answers with; muted, nothing but the negative banks among those asked for."""
        asked = {name: contents for name, contents in self.negative.items() if name in (banks or ())}
        return asked if muted else self.found | asked


def coin(seed: str | None, *, bypass: bool) -> float:
    """What each bank's ratio must reach to take part; the same seed gives the same coin, HMA's.

    Bypassed it is 0, which every ratio reaches.
    """
    if bypass:
        return 0.0
    # A generator of its own takes 15 µs to make, a twelfth of a lookup.
    return random.random() if seed is None else random.Random(seed).random()  # noqa: S311 - no secret


def by_bank(
    found: Iterable[FoundContent],
    *,
    threshold: float,
    banks: Collection[str] | None,
    now: float,
    kind: SignalType | None = None,
) -> Taken:
    """The enabled contents of the banks that take part, nearest first.

    With a signal type each bank's own radius for it, or the type's, decides how far they may be. Negative
    banks take part whichever banks are asked for.
    """
    matching: dict[str, list[FoundContent]] = {}
    negative: dict[str, list[FoundContent]] = {}
    for content in found:
        bank = content.bank
        if (
            bank.active
            and bank.enabled_ratio >= threshold
            and (banks is None or bank.name in banks or bank.negative)
            and enabled(content.disable_until_ts, now)
            and (kind is None or content.distance <= bank.radii.get(kind.name, kind.radius or 0))
        ):
            (negative if bank.negative else matching).setdefault(bank.name, []).append(content)
    return Taken(matching, negative)


def bank_names(text: str | None) -> frozenset[str] | None:
    """The names in a comma-separated list, blanks around them dropped; None when there is no list."""
    if not text:
        return None
    return frozenset(name for part in text.split(",") if (name := part.strip()))
