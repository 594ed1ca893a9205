"""Who wears a look: from pictures or hashes to the sites that show them, nearest first."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samelook.hashing.table import COMPARED, STORED, Signal
from samelook.inspector.errors import BadQuestion, NoSuchLook
from samelook.inspector.listing import Answer, Listing, Row
from samelook.inspector.nearest import nearest
from samelook.inspector.same_looks import LooksLike, known_looks, order, same_looks
from samelook.inspector.tables import compared_signal, stored_signals, table_queries
from samelook.looks.rules import RULES
from samelook.matching.distance import bits_apart
from samelook.names.hosts import host_of
from samelook.sql.hash_queries import hash_queries
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.inspector.settings import InspectorSettings
    from samelook.looks.look import Look
    from samelook.looks.rules import Match
    from samelook.sql.pool import Connection

UNRANKED = 1 << 62
"""Positions from here on are no ranks (see `domains.position`)."""
MOST_PICTURES = 500
"""Different pictures that are followed to their sites in one answer, the nearest first."""
SIDE_BY_SIDE = ("pdq", "phash", "blockhash16", "blockhash8")
"""The signals whose distances are shown side by side."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMPARED = {signal.name for signal in COMPARED}
_MD5 = re.compile(r"[0-9a-f]{32}")
_HEX = re.compile(r"[0-9a-f]+")
_NUMBER = re.compile(r"-?[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class SearchedLook:
    """What is searched for: signals (name → hash), each from one picture, and the picture if it is known."""

    signals: Mapping[str, bytes]
    sha256: bytes | None = None
    seen: tuple[Look, ...] | None = None
    """What the picture's frames look like; None: not known here, so that only hashes are compared."""


@dataclass(frozen=True, slots=True)
class Search:
    """How look-alikes are searched for."""

    signal: Signal
    distance: int
    everywhere: bool
    """All pictures are compared; False: only those that are equal, which indexes find."""
    by_look: bool
    """Looks are compared too."""
    looks_like: LooksLike | None
    """Who knows which pictures look alike; None: all are read for it."""
    limit: int
    page: int


async def search_of(
    connection: Connection,
    settings: InspectorSettings,
    *,
    signal: str,
    distance: int | None,
    near: bool,
    limit: int,
    looks_like: LooksLike | None = None,
) -> Search:
    """The search that these wishes lead to in a database of this size. Raises BadQuestion."""
    table, bits = compared_signal(signal, distance)
    pictures, exactly = await count(connection, "favicons", settings.near_pictures)
    everywhere = bits > 0 and (near or (exactly and pictures <= settings.near_pictures))
    looks, _ = await count(connection, "looks", settings.near_looks)
    by_look = looks > 0 and (near or looks_like is not None or looks <= settings.near_looks)
    return Search(table, bits, everywhere, by_look, looks_like, limit, settings.page)


async def count(connection: Connection, table: str, exactly_up_to: int) -> tuple[int, bool]:
    """How many rows a table has, and whether that is exact (it is estimated where the table is large)."""
    found = await getattr(table_queries(), f"count_{table}")(connection, most=exactly_up_to + 1)
    if found["counted"] <= exactly_up_to:
        return found["counted"], True
    return max(found["estimated"], found["counted"]), False


async def look_of_hash(connection: Connection, text: str, signal: str) -> list[SearchedLook]:
    """The looks that a hash names: of a known picture (SHA-256, MD5, favicon MMH3), or as it is.

    64 hex digits may be a SHA-256 or a hash of 256 bits; a known picture goes first. Raises
    NoSuchLook and BadQuestion.
    """
    text = text.strip().lower()
    pictures: list[bytes] = []
    inspector = queries("inspector")
    if _SHA256.fullmatch(text):
        pictures = [bytes.fromhex(text)]
    elif _MD5.fullmatch(text):
        pictures = [
            row["sha256"] async for row in inspector.pictures_by_md5(connection, md5=bytes.fromhex(text))
        ]
    elif _NUMBER.fullmatch(text) and -(2**31) <= int(text) < 2**31:
        pictures = [
            row["sha256"]
            async for row in inspector.pictures_by_mmh3(connection, hash=int(text), most=MOST_PICTURES)
        ]
    looks = list((await looks_of(connection, pictures)).values())
    if looks:
        return looks
    table, _ = compared_signal(signal, None)
    if _HEX.fullmatch(text) and len(text) * 4 == table.bits:
        return [SearchedLook({table.name: bytes.fromhex(text)})]
    raise NoSuchLook(
        f"{text[:80]!r} is no file here, no URL, no known MD5, SHA-256 or favicon hash, and no {table.name} "
        f"(that has {table.bits // 4} hex digits; name another signal with --signal).",
        text=text[:200],
    )


def look_of_signals(signals: Mapping[str, str], seen: Sequence[Look] | None = None) -> SearchedLook:
    """The look of a picture that was hashed and looked at just now (`HashedPicture.signals`)."""
    sha256 = signals.get("sha256")
    return SearchedLook(
        {name: bytes.fromhex(value) for name, value in signals.items() if name in _COMPARED},
        bytes.fromhex(sha256) if sha256 else None,
        None if seen is None else tuple(seen),
    )


async def looks_of(connection: Connection, sha256s: Sequence[bytes]) -> dict[bytes, SearchedLook]:
    """The looks of pictures that the database knows."""
    known = await known_looks(connection, sha256s)
    return {
        sha256: SearchedLook(
            {name: value for name, value in signals.items() if name in _COMPARED},
            sha256,
            tuple(known.looks[sha256]) if sha256 in known.looks else None,
        )
        for sha256, signals in (await stored_signals(connection, sha256s)).items()
    }


async def wearers(
    connection: Connection, looks: Sequence[SearchedLook], search: Search
) -> tuple[list[Row], list[str]]:
    """The sites that wear one of the looks, nearest first, each site once; and notes.

    Near is what the rules of looks call the same, the narrowest rule first, then what is within
    the distance in the signal. A row names the picture that is nearest, with what says so.
    """
    notes, same = await _same(connection, looks, search)
    mine = [look.signals[search.signal.name] for look in looks if search.signal.name in look.signals]
    if search.everywhere:
        found = await nearest(connection, search.signal, mine, search.distance, page=search.page)
    else:
        equal = getattr(hash_queries(STORED), f"equal_{search.signal.name}")
        found = {row["sha256"]: 0 async for row in equal(connection, hashes=mine, most=MOST_PICTURES + 1)}
        if search.distance:
            notes.append(
                "This database is large: only equal hashes were searched. --near compares all of them."
            )
    found |= {look.sha256: 0 for look in looks if look.sha256 is not None}
    closest = sorted(
        found.keys() | same.keys(),
        key=lambda sha256: (*_nearness(same.get(sha256)), found.get(sha256, _FAR), sha256),
    )
    if len(closest) > MOST_PICTURES:
        notes.append(
            f"{len(closest)} pictures are near; the sites of the nearest {MOST_PICTURES} are listed."
        )
        closest = closest[:MOST_PICTURES]
    theirs = await looks_of(connection, closest)
    by_site: dict[str, Row] = {}
    async for row in queries("inspector").wearers(connection, sha256s=closest, most=search.limit):
        sha256 = row["sha256"]
        new = {
            "site": str(host_of(row["reversed_name"])),
            "rank": rank_of(row["position"]),
            **_sameness(same.get(sha256)),
            **(compared := _compared(looks, theirs[sha256], search.signal.name)),
            "distance": found.get(sha256, compared.get(search.signal.name)),
            "same_file": any(look.sha256 == sha256 for look in looks),
            "icon_url": row["icon_url"],
            "sha256": sha256.hex(),
            "injected": row["injected"],
        }
        known = by_site.get(new["site"])
        if known is None or _order(new) < _order(known):
            by_site[new["site"]] = new
    rows = sorted(by_site.values(), key=_order)
    if len(rows) > search.limit:
        notes.append(f"{len(rows)} sites wear it; the first {search.limit} are listed (--limit).")
    return rows[: search.limit], notes


async def look_answer(
    connection: Connection,
    settings: InspectorSettings,
    looks: Sequence[SearchedLook],
    *,
    signal: str = "pdq",
    distance: int | None = None,
    near: bool = False,
    limit: int = 50,
    looks_like: LooksLike | None = None,
) -> Answer:
    """Who wears this look, nearest first. Raises BadQuestion."""
    if not any(signal in look.signals or look.seen for look in looks):
        raise BadQuestion(f"There is no {signal} of what was given; name its signal with --signal.")
    search = await search_of(
        connection, settings, signal=signal, distance=distance, near=near, limit=limit, looks_like=looks_like
    )
    rows, notes = await wearers(connection, looks, search)
    listing = Listing("wearers", WEARER_COLUMNS, rows, notes=tuple(notes))
    shown = {bytes.fromhex(row["sha256"]) for row in rows}
    return Answer(
        facts={
            "signal": search.signal.name,
            "within": search.distance if search.everywhere else 0,
            "looks": [
                {
                    "sha256": look.sha256.hex() if look.sha256 else None,
                    **{name: value.hex() for name, value in look.signals.items()},
                }
                for look in looks
            ],
        },
        listings=(listing,),
        bodies=await bodies(connection, shown),
    )


WEARER_COLUMNS = (
    "site",
    "rank",
    "same",
    "form",
    "version",
    "form_pdq",
    "colour",
    "distance",
    *SIDE_BY_SIDE,
    "same_file",
    "icon_url",
    "sha256",
    "injected",
)


async def bodies(connection: Connection, sha256s: set[bytes], most: int = 40) -> dict[str, bytes]:
    """The files of some pictures, by SHA-256 (hex), where they are kept; what was stored is checked."""
    found = {
        row["sha256"]: row["body"]
        async for row in queries("inspector").bodies(connection, sha256s=sorted(sha256s)[:most])
    }
    return {sha256.hex(): body for sha256, body in found.items() if hashlib.sha256(body).digest() == sha256}


def rank_of(position: int) -> int | None:
    """The rank, or None for a domain that no list names."""
    return position if position < UNRANKED else None


def _order(row: Row) -> tuple[Any, ...]:
    return (
        row["injected"],
        not row["same_file"],
        _SAME.index(row["same"]),
        _FAR if row["distance"] is None else row["distance"],
        row["rank"] is None,
        row["rank"] or 0,
        row["site"],
    )


_SAME = (*RULES, None)
_FAR = 1 << 20


async def _same(
    connection: Connection, looks: Sequence[SearchedLook], search: Search
) -> tuple[list[str], dict[bytes, Match]]:
    """The pictures whose looks are the same by rule, and what to say where that was not asked."""
    seen = [seen_look for look in looks for seen_look in look.seen or ()]
    if not seen:
        if any(look.seen is not None for look in looks):
            return ["The picture has no contrast, so it looks like nothing; its hashes are compared."], {}
        return ["Its look is not known here: only hashes are compared."] if looks else [], {}
    if not search.by_look:
        return [
            "Looks were not compared, only hashes: very many are known, or none. --near compares all."
        ], {}
    among = None if search.looks_like is None else search.looks_like(seen)[:MOST_PICTURES]
    return [], await same_looks(connection, seen, among)


def _nearness(match: Match | None) -> tuple[Any, ...]:
    return (1,) if match is None else (0, order(match))


def _sameness(match: Match | None) -> Row:
    if match is None:
        return dict.fromkeys(("same", "form", "version", "form_pdq", "colour"))
    return {
        "same": match.rule,
        "form": match.form,
        "version": match.version,
        "form_pdq": match.pdq,
        "colour": match.colour,
    }


def _compared(looks: Sequence[SearchedLook], other: SearchedLook, signal: str) -> dict[str, int | None]:
    """The distances between `other` and that one of the looks which is nearest in `signal`."""
    if signal in other.signals:
        having = [look for look in looks if signal in look.signals]
        best = min(having, key=lambda look: bits_apart(look.signals[signal], other.signals[signal]))
    else:
        best = looks[0]
    return {
        name: bits_apart(best.signals[name], other.signals[name])
        if name in best.signals and name in other.signals
        else None
        for name in SIDE_BY_SIDE
    }
