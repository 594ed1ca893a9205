"""What is searched for one tier: plain forms and the others, which are near what is asked by PDQ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samelook.looks.forms import FORM_NAMES
from samelook.looks.likeness import PLAIN
from samelook.looks.look import PDQ_BYTES
from samelook.looks.probes import AS_IS, Probes
from samelook.looks.rules import LookRule
from samelook.looks.stored import MOST_FORMS
from samelook.matching import HammingIndex

_LISTED_BITS = 40
"""Radii up to which the lists of an index beat a scan."""
_MANY = 50_000
"""Forms above which one scan costs more than all lists of a search."""
_PLAIN = FORM_NAMES.index(PLAIN)


@dataclass(frozen=True, slots=True)
class Placed:
    """One move: a look was put into a tier's index, or moved there from another tier's."""

    version: int
    number: int
    place: int
    names: bytes
    pdqs: bytes


@dataclass(frozen=True, slots=True, eq=False)
class NearPairs:
    """Pairs of forms that are near by PDQ, row by row."""

    distances: NDArray[np.int64]
    forms: NDArray[np.int64]
    """Their ids: the look's number times MOST_FORMS, plus which of its forms."""
    versions: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.forms)

    def of(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> NearPairs:
        return NearPairs(self.distances[rows], self.forms[rows], self.versions[rows])


class TierIndexes:
    """The looks of one tier."""

    def __init__(self) -> None:
        self.plain = HammingIndex(bits=256)
        self.others = HammingIndex(bits=256)
        self.waiting: dict[int, Placed] = {}

    def remove(self, number: int) -> None:
        if self.waiting.pop(number, None) is None:
            ids = np.arange(number * MOST_FORMS, (number + 1) * MOST_FORMS, dtype=np.int64)
            self.plain.remove(ids)
            self.others.remove(ids)

    def flush(self) -> None:
        if not self.waiting:
            return
        placed = list(self.waiting.values())
        names = np.frombuffer(b"".join(entry.names for entry in placed), np.uint8)
        counts = [len(entry.names) for entry in placed]
        numbers = np.array([entry.number for entry in placed], np.int64)
        ids = np.repeat(numbers * MOST_FORMS, counts) + np.concatenate([np.arange(n) for n in counts])
        codes = codes_of(b"".join(entry.pdqs for entry in placed))
        for index, rows in ((self.plain, names == _PLAIN), (self.others, names != _PLAIN)):
            if rows.any():
                index.add(codes[rows], ids[rows])
        self.waiting.clear()

    def near(self, probes: Probes, limits: LookRule) -> NearPairs:
        """The forms within the radius of a version that may be the same under the rule."""
        distances, forms, versions = [], [], []
        as_is, radius = probes.names.count(AS_IS), limits.radius_bits
        able = limits.able(probes.handicaps)
        for index, asked in ((self.plain, able), (self.others, able[:as_is])):
            codes = probes.pdqs[asked]
            if not len(index) or not len(codes):
                continue
            if radius <= _LISTED_BITS and len(index) > _MANY:
                hits = [index.search_lists(code, radius) for code in codes]
            else:
                hits = index.search_many(codes, radius)
            for version, (ids, bits) in zip(asked.tolist(), hits, strict=True):
                if len(ids):
                    distances.append(bits)
                    forms.append(ids)
                    versions.append(np.full(len(ids), version))
        if not forms:
            return NearPairs(*[np.empty(0, np.int64)] * 3)
        far = np.concatenate(distances).astype(np.int64)
        return NearPairs(far, np.concatenate(forms), np.concatenate(versions))


def joined(parts: Sequence[NearPairs]) -> NearPairs:
    distances = np.concatenate([part.distances for part in parts])
    forms = np.concatenate([part.forms for part in parts])
    return NearPairs(distances, forms, np.concatenate([part.versions for part in parts]))


def codes_of(raw: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(raw, np.uint8).reshape(-1, PDQ_BYTES)
