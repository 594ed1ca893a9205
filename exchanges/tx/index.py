"""Indexes of signals as the library wants them: text and any entry in, matches by distance out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, ClassVar, TypeVar

import numpy as np
from threatexchange.signal_type.index import (
    IndexMatch,
    IndexMatchUntyped,
    SignalSimilarityInfo,
    SignalSimilarityInfoWithIntDistance,
    SignalTypeIndex,
)

from samelook.banks.signal_types import SignalType, type_of
from samelook.hashing.table import PICTURE_SIGNALS, Signal
from samelook.matching import HammingIndex, IndexSettings

from .values import parsed

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_BATCH = 1 << 16
# Whoever builds an index here asks it next; a merge in the background would only compete with that.
_SETTINGS = IndexSettings(background=False)


class BankIndex(SignalTypeIndex[_T]):
    """What the indexes have in common: entries by number, and values checked before they are kept."""

    KIND: ClassVar[SignalType]

    def __init__(self) -> None:
        self._entries: list[_T] = []

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, signal_str: str, entry: _T) -> None:
        """Adds an entry; one that is there already is kept besides. Raises ValueError for no signal."""
        self._keep([parsed(self.KIND, signal_str)], [entry])

    def add_all(self, entries: Iterable[tuple[str, _T]]) -> None:
        """Adds entries. What is no signal is left out with a warning, and costs the others nothing."""
        pairs = iter(entries)
        while batch := list(islice(pairs, _BATCH)):
            values: list[bytes] = []
            kept: list[_T] = []
            for text, entry in batch:
                try:
                    values.append(parsed(self.KIND, text))
                except ValueError as error:
                    _log.warning("left out of the index of %s: %s", self.KIND.name, error)
                    continue
                kept.append(entry)
            self._keep(values, kept)

    def query(self, query: str) -> Sequence[IndexMatch[_T]]:
        """Entries that match, nearest first. Raises ValueError for no signal.

        The empty text matches nothing: it is what hashing gives for a picture that has no signal.
        """
        return self._found(parsed(self.KIND, query)) if query else []

    def _keep(self, values: list[bytes], entries: list[_T]) -> None:
        raise NotImplementedError

    def _found(self, value: bytes) -> list[IndexMatch[_T]]:
        raise NotImplementedError


class NearIndex(BankIndex[_T]):
    """Finds all values within the radius of the type, by `matching.HammingIndex`."""

    def __init__(self) -> None:
        super().__init__()
        self._begin()

    def _begin(self) -> None:
        self._codes = bytearray()
        self._index = HammingIndex(self.KIND.bits, settings=_SETTINGS)

    def __getstate__(self) -> dict[str, Any]:
        return {"codes": bytes(self._codes), "entries": self._entries}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Built again, which takes 1.5 s for a million codes: a quarter of the bytes of a ready one.
        self._entries = []
        self._begin()
        self._keep_codes(state["codes"], state["entries"])

    def _keep(self, values: list[bytes], entries: list[_T]) -> None:
        self._keep_codes(b"".join(values), entries)

    def _keep_codes(self, codes: bytes, entries: list[_T]) -> None:
        first = len(self._entries)
        rows = np.frombuffer(codes, np.uint8).reshape(len(entries), self.KIND.bits // 8)
        self._index.add(rows, np.arange(first, first + len(entries), dtype=np.int64))
        self._codes += codes
        self._entries += entries

    def _found(self, value: bytes) -> list[IndexMatch[_T]]:
        numbers, distances = self._index.search(value, self.KIND.radius or 0)
        return [
            IndexMatchUntyped(SignalSimilarityInfoWithIntDistance(distance), self._entries[number])
            for number, distance in zip(numbers.tolist(), distances.tolist(), strict=True)
        ]


class EqualIndex(BankIndex[_T]):
    """Finds equal values."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[bytes, list[int]] = {}

    def _keep(self, values: list[bytes], entries: list[_T]) -> None:
        for number, value in enumerate(values, len(self._entries)):
            self._numbers.setdefault(value, []).append(number)
        self._entries += entries

    def _found(self, value: bytes) -> list[IndexMatch[_T]]:
        numbers = self._numbers.get(value, ())
        return [IndexMatchUntyped(SignalSimilarityInfo(), self._entries[number]) for number in numbers]


def class_name(signal: Signal, ending: str) -> str:
    """What the class of a signal is called: Blockhash16QuickIndex."""
    return "".join(word.title() for word in signal.name.split("_")) + ending


def index_of(signal: Signal) -> type[BankIndex[Any]]:
    """The index of a signal. It is also a name of this module, as the library pickles indexes."""
    near = signal.bank_radius is not None
    name = class_name(signal, "Index")
    body = {"KIND": type_of(signal), "__module__": __name__, "__doc__": f"Finds values of {signal.name}."}
    made: type[BankIndex[Any]] = type(name, (NearIndex if near else EqualIndex,), body)
    return made


INDEXES = {each.name: index_of(each) for each in PICTURE_SIGNALS if each.name != "pdq"}
globals().update({kind.__name__: kind for kind in INDEXES.values()})
