"""Pictures that have the same look as others by the rules of `looks.rules`, among all that are stored.

A scan: pages of looks are parsed and compared in one go, 1,000 in 15 ms. Where looks have an index in memory,
as in the service, it names the few that need comparing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samelook.looks.likeness import parse_look
from samelook.looks.look import BadLook
from samelook.looks.probes import probes_of
from samelook.looks.rules import RULES, WIDE, Match, compare_many
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.looks.look import Look
    from samelook.sql.pool import Connection

LooksLike = Callable[[Sequence["Look"]], list[bytes]]
"""An index of looks in memory: the SHA-256 of the pictures that look like one of these, nearest first."""
PAGE = 1_000
_NARROWEST_FIRST = list(RULES)


@dataclass(frozen=True, slots=True)
class Known:
    """What the database has of the looks of some pictures."""

    looks: dict[bytes, list[Look]]
    """By SHA-256; an empty list for a picture without contrast."""
    errors: dict[bytes, str]
    """Why there is none."""


async def known_looks(connection: Connection, sha256s: Sequence[bytes]) -> Known:
    """The stored looks of these pictures. Pictures that wait for theirs are in neither part."""
    known = Known({}, {})
    async for row in queries("inspector").stored_looks(connection, sha256s=list(sha256s)):
        if row["error"] is not None:
            known.errors[row["sha256"]] = row["error"]
            continue
        frames = known.looks.setdefault(row["sha256"], [])
        if row["look"] is not None:
            try:
                frames.append(parse_look(row["look"]))
            except BadLook as error:
                known.errors[row["sha256"]] = error.kind
    return known


async def same_looks(
    connection: Connection, looks: Sequence[Look], among: Sequence[bytes] | None = None
) -> dict[bytes, Match]:
    """Every picture with the same look as one of `looks`, under whichever rule; the best match for each.

    Compared are all pictures, or those `among` which somebody has found already.
    """
    found: dict[bytes, Match] = {}
    probes = [probes_of(look) for look in looks]
    async for readable in _some(connection, among) if among is not None else _all(connection):
        others = [look for _, look in readable]
        for asked in probes:
            for (sha256, _), match in zip(readable, compare_many(asked, others, WIDE), strict=True):
                if match is not None and (sha256 not in found or order(match) < order(found[sha256])):
                    found[sha256] = match
    return found


async def _some(connection: Connection, pictures: Sequence[bytes]) -> AsyncIterator[list[tuple[bytes, Look]]]:
    known = await known_looks(connection, pictures)
    yield [(sha256, look) for sha256, frames in known.looks.items() for look in frames]


async def _all(connection: Connection) -> AsyncIterator[list[tuple[bytes, Look]]]:
    after = 0
    while rows := [row async for row in queries("inspector").looks_page(connection, after=after, page=PAGE)]:
        after = rows[-1]["id"]
        readable = []
        for row in rows:
            try:
                readable.append((row["sha256"], parse_look(row["look"])))
            except BadLook:
                # A look of a version that this program cannot read: its picture is compared by hashes only.
                continue
        yield readable


def order(match: Match) -> tuple[int, float, int]:
    """The narrowest rule first, then the most points."""
    return _NARROWEST_FIRST.index(match.rule), -match.points, match.pdq
