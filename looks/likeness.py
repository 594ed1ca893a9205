"""Looks as this room uses them: bytes in the database, parsed where two are compared.

What makes two looks the same `samelook.looks.rules` decides; here are the names this room has for its rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from samelook.looks.files import MOST_LOOKS, looks_in
from samelook.looks.forms import FormName
from samelook.looks.look import PDQ_BYTES, BadLook, Look
from samelook.looks.probes import AS_IS, Probes, probes_of
from samelook.looks.rules import STANDARD, STRICT, WIDE, LookRule, Match, Rule, compare_many

LOOK_RULES: Final[dict[Rule, LookRule]] = {Rule.STRICT: STRICT, Rule.STANDARD: STANDARD, Rule.WIDE: WIDE}
_RULES_BY_NAME: Final = {rule.name: ours for ours, rule in LOOK_RULES.items()}
PLAIN: Final[FormName] = "plain"
"""The form that derived versions of another look are compared with."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """That two looks are the same: the narrowest rule, and what shows it best."""

    rule: Rule
    form: str
    """The owner's canonical form."""
    version: str
    """What had to be done to the asker's icon: "as is", "mirrored", …"""
    pdq: int
    colour: float


def looks_given(answer: object) -> list[Look]:
    """The looks in what a sandboxed `looks_of_file` gave, that count. Raises DecoderDied."""
    return looks_in(answer)[:MOST_LOOKS]


def parse_look(raw: bytes) -> Look:
    """The look in stored bytes. Raises BadLook, also for one without forms."""
    look = Look.from_bytes(raw)
    if look.is_degenerate:
        raise BadLook("A look without forms is like nothing.")
    return look


def versions_of(look: Look, *, derived: bool = True) -> Probes:
    """What to search with: the look's forms as they are and, if wanted, the versions derived from them.

    A copy may have been made of another icon by framing, mirroring or a badge, which those undo.
    """
    if derived:
        return probes_of(look)
    pdqs = np.frombuffer(b"".join(form.pdq for form in look.forms), np.uint8).reshape(-1, PDQ_BYTES)
    return Probes((AS_IS,) * len(look.forms), tuple(form.name for form in look.forms), pdqs, look.pictures)


def likeness(asked: Look | Probes, owner: Look, widest: Rule) -> Likeness | None:
    """How a look is like an owner's, if it is the same under `widest`."""
    return likenesses(asked, (owner,), widest)[0]


def likenesses(asked: Look | Probes, owners: Sequence[Look], widest: Rule) -> list[Likeness | None]:
    """How a look is like each of several."""
    found = compare_many(asked, owners, LOOK_RULES[widest])
    return [None if match is None else likeness_in(match) for match in found]


def likeness_in(match: Match) -> Likeness:
    """The same in this room's words."""
    return Likeness(_RULES_BY_NAME[match.rule], match.form, match.version, match.pdq, match.colour)


def wear_one_look(some: Iterable[Look], others: Iterable[Look]) -> bool:
    """Whether a look among some is strictly that of one among others, as it is."""
    known = list(others)
    return bool(known) and any(
        found is not None
        for look in some
        for found in likenesses(versions_of(look, derived=False), known, Rule.STRICT)
    )
