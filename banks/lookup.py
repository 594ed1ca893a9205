"""Which of the found contents a lookup answers with: the coin, the switches, the banks asked for. Pure."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable

from .details import enabled
from .live import FoundContent
from .signal_types import SignalType


def coin(seed: str | None, *, bypass: bool) -> float:
    """What each bank's ratio must reach to take part; the same seed gives the same coin, HMA's.

    Bypassed it is 0, which every ratio reaches.
    """
    return 0.0 if bypass else random.Random(seed).random()  # noqa: S311 - a sample, not a secret


def by_bank(
    found: Iterable[FoundContent],
    *,
    threshold: float,
    banks: Collection[str] | None,
    now: float,
    kind: SignalType | None = None,
) -> dict[str, list[FoundContent]]:
    """The enabled contents of the banks that take part, nearest first.

    With a signal type each bank's own radius for it, or the type's, decides how far they may be.
    """
    answer: dict[str, list[FoundContent]] = {}
    for match in found:
        bank = match.bank
        if (
            bank.active
            and bank.enabled_ratio >= threshold
            and (banks is None or bank.name in banks)
            and enabled(match.disable_until_ts, now)
            and (kind is None or match.distance <= bank.radii.get(kind.name, kind.radius or 0))
        ):
            answer.setdefault(bank.name, []).append(match)
    return answer


def bank_names(text: str | None) -> frozenset[str] | None:
    """The names in a comma-separated list, blanks around them dropped; None when there is no list."""
    if not text:
        return None
    return frozenset(name for part in text.split(",") if (name := part.strip()))
