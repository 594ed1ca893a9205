"""Looks as this room uses them: bytes in the database, parsed where two are compared.

What makes two looks the same `hashing.look_rules` decides; here are the names this room has for its rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from extension_api.errors import BadLook
from extension_api.verdict import Rule
from hashing import look as hashed
from hashing.decode import decode_frames
from hashing.errors import DecoderDied
from hashing.look import Look, look_of
from hashing.look_forms import FormName
from hashing.look_probes import AS_IS, Probes, probes_of
from hashing.look_rules import STANDARD, STRICT, WIDE, LookRule, Match, compare_many

MOST_FRAMES: Final = 16
"""Frames of one file that have looks of their own; each is searched by itself, and real files have six."""
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


def looks_of_file(data: bytes) -> list[bytes]:
    """The look of each frame of an image file, empty for a degenerate one. Raises HashingError.

    For `Sandbox.run`: it decodes what may be hostile.
    """
    looks = (look_of(frame.rgba) for frame in decode_frames(data)[:MOST_FRAMES])
    distinct = dict.fromkeys(b"" if look.is_degenerate else look.to_bytes() for look in looks)
    return list(distinct)


def looks_in(answer: object) -> list[bytes]:
    """What a sandboxed `looks_of_file` gave, after a check that it has the form of it."""
    if not isinstance(answer, list) or not answer or len(answer) > MOST_FRAMES:
        raise DecoderDied("The worker process answered nonsense.")
    for look in answer:
        if not isinstance(look, bytes):
            raise DecoderDied("The worker process answered nonsense.")
        if look:
            try:
                parse_look(look)
            except BadLook as error:
                raise DecoderDied("The worker process answered nonsense.") from error
    return answer


def parse_look(raw: bytes) -> Look:
    """The look in stored bytes. Raises BadLook, also for one without forms."""
    try:
        look = Look.from_bytes(raw)
    except hashed.BadLook as error:
        raise BadLook(error.message, **error.detail) from error
    if look.is_degenerate:
        raise BadLook("A look without forms is like nothing.")
    return look


def versions_of(look: Look, *, derived: bool = True) -> Probes:
    """What to search with: the look's forms as they are and, if wanted, the versions derived from them.

    A copy may have been made of another icon by framing, mirroring or a badge, which those undo.
    """
    probes = probes_of(look)
    if derived:
        return probes
    kept = probes.names.count(AS_IS)
    return Probes(probes.names[:kept], probes.forms[:kept], probes.pdqs[:kept], probes.pictures[:kept])


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
    return any(
        found is not None
        for look in some
        for found in likenesses(versions_of(look, derived=False), known, Rule.STRICT)
    )
