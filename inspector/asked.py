"""What somebody asks with, a picture or a hash, as signals and looks; and how far two pictures are apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samelook.banks.errors import BadSignal
from samelook.banks.media import hash_media
from samelook.banks.signal_types import SIGNAL_TYPES, SignalType
from samelook.hashing.errors import HashingError
from samelook.inspector.looks import look_of_signals
from samelook.looks.files import looks_in, looks_of_file
from samelook.looks.likeness import LOOK_RULES, Likeness, likenesses
from samelook.looks.look import Look
from samelook.looks.rules import Rule

if TYPE_CHECKING:
    from samelook.hashing.sandbox import Sandbox
    from samelook.inspector.looks import SearchedLook


@dataclass(frozen=True, slots=True)
class AskedPicture:
    """A picture that was hashed and looked at just now."""

    body: bytes
    signals: Mapping[str, str]
    quality: int | None
    """Of its PDQ; too low a one makes no signal."""
    looks: tuple[Look, ...]

    @property
    def searched(self) -> SearchedLook:
        """As the inspector searches for wearers."""
        return look_of_signals(self.signals, self.looks)


@dataclass(frozen=True, slots=True)
class Apart:
    """How far two pictures are apart in one signal."""

    kind: SignalType
    one: str
    other: str
    distance: int

    @property
    def matches(self) -> bool:
        """Whether a lookup for one finds the other."""
        return self.distance <= (self.kind.radius or 0)


async def asked_picture(sandbox: Sandbox, body: bytes, max_pixels: int) -> AskedPicture:
    """A picture's signals and looks. Raises BadContent and HashingError for what is none."""
    names = [kind.name for kind in SIGNAL_TYPES.values() if "photo" in kind.content_types]
    hashed = await hash_media(sandbox, body, names, max_pixels)
    try:
        looks = looks_in(await sandbox.run(looks_of_file, body))
    except HashingError:
        # A picture too large for an icon has no look; it is compared by its hashes.
        looks = []
    return AskedPicture(body, hashed.signals, hashed.quality, tuple(look for look in looks if look.forms))


def kinds_of_hash(text: str) -> dict[SignalType, bytes]:
    """Every type of signal that a text may be a value of."""
    found = {}
    for kind in SIGNAL_TYPES.values():
        try:
            found[kind] = kind.parse(text)
        except BadSignal:
            continue
    return found


def apart(one: AskedPicture, other: AskedPicture) -> list[Apart]:
    """How far two pictures are apart in each signal that both have."""
    found = []
    for name, kind in SIGNAL_TYPES.items():
        mine, theirs = one.signals.get(name), other.signals.get(name)
        if mine is not None and theirs is not None:
            found.append(Apart(kind, mine, theirs, kind.distance(kind.parse(mine), kind.parse(theirs))))
    return found


def best_likeness(one: AskedPicture, other: AskedPicture) -> Likeness | None:
    """The narrowest rule by which they have the same look; None where there is none."""
    found = [
        match for mine in one.looks for match in likenesses(mine, other.looks, Rule.WIDE) if match is not None
    ]
    order = list(LOOK_RULES)
    return min(found, key=lambda match: (order.index(match.rule), match.pdq), default=None)
