"""The compact form of the trusted looks: what an extension needs to decide at home, in one signed file.

For each trusted site its name, its tier, and a few codes: the PDQ of a form of one of its looks, with eight
bytes of colour. docs/extension-api.md describes the layout. Pure: bytes in, bytes out.
"""

from __future__ import annotations

import hashlib
import json
import struct
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from samelook.looks.look import COLOUR_SIDE, PDQ_BYTES, Look
from samelook.matching.distance import bits_apart

MAGIC: Final = b"slk1"
TINT_BYTES: Final = 8
CODE_BYTES: Final = PDQ_BYTES + TINT_BYTES
_HEADER_LENGTH: Final = struct.Struct("<I")

MOST_CODES: Final = (7, 4, 2)
"""Codes of a site by tier: with 10,000, 40,000 and 50,000 sites they and the names stay under 16 MB."""
SAME_BITS: Final = 6
"""A code within so many bits of another of its site is left out; clients widen their radius by as much."""
_COMMON: Final = 4
_TINT_EDGE: Final = 2
_QUARTER: Final = (COLOUR_SIDE - 2 * _TINT_EDGE) // 2

Change = Literal["full", "delta"]


@dataclass(frozen=True, slots=True)
class TrustedSite:
    """One site of the list."""

    name: str
    tier: int
    """0 for wide, 1 for standard, 2 for strict, as TIERS in extension/looks/list.js."""
    codes: tuple[bytes, ...]
    is_common: bool = False
    """Strangers show its look for good reasons: it is a letter, or that of software which people run."""


@dataclass(frozen=True, slots=True, eq=False)
class CompactList:
    """The whole list in one state, ready to be sent."""

    version: str
    names: tuple[str, ...]
    """Sorted."""
    sites: tuple[TrustedSite, ...]
    extras: bytes
    """JSON: suffix rules and families."""
    checksum: str

    @classmethod
    def of(cls, version: str, sites: Iterable[TrustedSite], extras: dict[str, Any]) -> CompactList:
        ordered = tuple(sorted(sites, key=lambda site: site.name))
        written = json.dumps(extras, separators=(",", ":"), sort_keys=True).encode()
        digest = hashlib.sha256(written).hexdigest()
        checksum = hashlib.sha256(b"".join(_sections(ordered).values())).hexdigest()
        names = tuple(site.name for site in ordered)
        return cls(f"{version}-{digest[:8]}", names, ordered, written, checksum)

    def site(self, name: str) -> TrustedSite | None:
        place = bisect_left(self.names, name)
        return self.sites[place] if place < len(self.names) and self.names[place] == name else None

    def whole(self, key: bytes) -> bytes:
        """Everything, unsigned, for whoever has nothing; `key` is the public one."""
        return self._written("full", None, self.sites, (), self.extras, key)

    def since(self, base: str, changed: Iterable[str], key: bytes) -> bytes:
        """What changed for whoever has version `base`, unsigned; `changed` names all sites that may have."""
        names = sorted(set(changed))
        found = {name: self.site(name) for name in names}
        there = tuple(site for site in found.values() if site is not None)
        gone = [name for name, site in found.items() if site is None]
        extras = b"" if base.rpartition("-")[2] == self.version.rpartition("-")[2] else self.extras
        return self._written("delta", base, there, gone, extras, key)

    def _written(
        self,
        kind: Change,
        base: str | None,
        sites: Sequence[TrustedSite],
        gone: Sequence[str],
        extras: bytes,
        key: bytes,
    ) -> bytes:
        sections = {**_sections(sites), "removed": "\n".join(gone).encode(), "extras": extras}
        header = {
            "kind": kind,
            "version": self.version,
            "base": base,
            "sites": len(self.sites),
            "checksum": self.checksum,
            "key": key.hex(),
            "sections": {name: len(body) for name, body in sections.items()},
        }
        head = json.dumps(header, separators=(",", ":")).encode()
        # Codes are read as words of 32 bits: their section begins at a multiple of four.
        head += b" " * (-(len(MAGIC) + _HEADER_LENGTH.size + len(head)) % 4)
        return b"".join((MAGIC, _HEADER_LENGTH.pack(len(head)), head, *sections.values()))


def codes_of(look: Look) -> bytes:
    """The codes of a look's forms, one after the other: PDQ, then colours."""
    return b"".join(form.pdq + _tint_of(form.picture) for form in look.forms)


def _tint_of(picture: bytes) -> bytes:
    """Means of a* and b* over the quarters of the middle two thirds.

    The distance of these is never more than that of the hues, which every rule limits.
    """
    planes = np.frombuffer(picture, np.uint8)[-2 * COLOUR_SIDE**2 :].reshape(2, COLOUR_SIDE, COLOUR_SIDE)
    middle = planes[:, _TINT_EDGE:-_TINT_EDGE, _TINT_EDGE:-_TINT_EDGE].astype(np.float32)
    quarters = middle.reshape(2, 2, _QUARTER, 2, _QUARTER).mean(axis=(2, 4))
    tint: bytes = np.rint(quarters).astype(np.uint8).tobytes()
    return tint


def chosen(codes: Iterable[bytes], most: int) -> tuple[bytes, ...]:
    """At most so many of a site's codes, each as far as can be from those before it; near ones once."""
    left = sorted(set(codes))
    kept: list[bytes] = []
    while left and len(kept) < most:
        if not kept:
            kept.append(left.pop(0))
            continue
        distances = [min(_distance(code, known) for known in kept) for code in left]
        farthest = max(range(len(left)), key=distances.__getitem__)
        if distances[farthest] <= SAME_BITS:
            break
        kept.append(left.pop(farthest))
    return tuple(kept)


def _distance(one: bytes, other: bytes) -> int:
    return bits_apart(one[:PDQ_BYTES], other[:PDQ_BYTES])


def _sections(sites: Sequence[TrustedSite]) -> dict[str, bytes]:
    """The sites' parts of a file, codes first: what is longest is read in place."""
    codes = [code for site in sites for code in site.codes]
    return {
        "pdqs": b"".join(code[:PDQ_BYTES] for code in codes),
        "tints": b"".join(code[PDQ_BYTES:] for code in codes),
        "counts": bytes(len(site.codes) for site in sites),
        "flags": bytes(site.tier | (_COMMON if site.is_common else 0) for site in sites),
        "names": "\n".join(site.name for site in sites).encode(),
    }
