"""A folder's worth of icons in memory, and who among them has the same look as another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samelook.looks.look import PDQ_BYTES, Look
from samelook.looks.probes import Probes, probes_of
from samelook.looks.rules import LookRule, Match, judge
from samelook.matching import HammingIndex

if TYPE_CHECKING:
    from samelook.looks.forms import FormName


@dataclass(frozen=True, slots=True)
class Alike:
    """An icon of the gallery that has the same look, and why."""

    number: int
    match: Match


class Gallery:
    """Looks of icons by number, an icon having one for each frame. Fill it, then ask."""

    def __init__(self) -> None:
        self._owners: list[int] = []
        self._names: list[FormName] = []
        self._pdqs: list[bytes] = []
        self._raw: list[bytes] = []
        self._pictures: NDArray[np.uint8] | None = None
        self._all = HammingIndex(8 * PDQ_BYTES)
        self._plain = HammingIndex(8 * PDQ_BYTES)

    def add(self, number: int, looks: Sequence[Look]) -> None:
        """Keep an icon's looks."""
        for look in looks:
            for form in look.forms:
                self._owners.append(number)
                self._names.append(form.name)
                self._pdqs.append(form.pdq)
                self._raw.append(form.picture)
        self._pictures = None

    def alike(self, icons: Sequence[Sequence[Look]], rule: LookRule) -> list[list[Alike]]:
        """For each icon, given by its looks, who has the same look: the narrowest rule and the nearest first.

        Many at once cost less than one by one; a few dozen are enough.
        """
        if not self._owners:
            return [[] for _ in icons]
        pictures = self._indexed()
        probes = [probes_of(look) for icon in icons for look in icon]
        askers = [number for number, icon in enumerate(icons) for _ in icon]
        rows = self._candidates(probes, rule)
        if not len(rows):
            return [[] for _ in icons]
        asked = np.concatenate([probe.pictures for probe in probes])
        handicaps = np.concatenate([probe.handicaps for probe in probes])[rows[:, 1]]
        judged = judge(asked[rows[:, 1]], pictures[rows[:, 2]], rows[:, 3], rule, handicaps)
        found: list[dict[int, Alike]] = [{} for _ in icons]
        names = [name for probe in probes for name in probe.names]
        for row in judged.best_first():
            probe, version, stored, _ = rows[row].tolist()
            owner = self._owners[stored]
            match = judged.match(row, self._names[stored], names[version])
            found[askers[probe]].setdefault(owner, Alike(owner, match))
        return [list(likenesses.values()) for likenesses in found]

    def _candidates(self, probes: Sequence[Probes], rule: LookRule) -> NDArray[np.int64]:
        """Rows of probe, version (counted through all probes), stored form and PDQ distance."""
        asked: dict[bool, list[tuple[int, int, bytes]]] = {True: [], False: []}
        start = 0
        for number, probe in enumerate(probes):
            for version, code, forms in probe.searches():
                asked[len(forms) > 1].append((number, start + version, code))
            start += len(probe)
        parts = []
        for index, wanted in ((self._all, asked[True]), (self._plain, asked[False])):
            if not wanted:
                continue
            codes = np.frombuffer(b"".join(code for _, _, code in wanted), np.uint8).reshape(-1, PDQ_BYTES)
            answers = index.search_many(codes, rule.radius_bits)
            for (number, version, _), (forms_found, distances) in zip(wanted, answers, strict=True):
                if len(forms_found):
                    part = np.empty((len(forms_found), 4), np.int64)
                    part[:, 0], part[:, 1] = number, version
                    part[:, 2], part[:, 3] = forms_found, distances
                    parts.append(part)
        return np.concatenate(parts) if parts else np.empty((0, 4), np.int64)

    def _indexed(self) -> NDArray[np.uint8]:
        if self._pictures is None:
            done = len(self._all)
            codes = np.frombuffer(b"".join(self._pdqs[done:]), np.uint8).reshape(-1, PDQ_BYTES)
            numbers = np.arange(done, len(self._pdqs))
            plain = np.array([name == "plain" for name in self._names[done:]], np.bool_)
            self._all.add(codes, numbers)
            self._plain.add(codes[plain], numbers[plain])
            self._pictures = np.frombuffer(b"".join(self._raw), np.uint8).reshape(len(self._raw), -1)
        return self._pictures
