"""An index of names: finds those that a label imitates without comparing it with each of thousands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from samelook.names.resemblance import ONE_OFF, SHORT, TWO_OFF, folded, resembles

_LEAST_IN_TITLE: Final = 3  # letters; shorter names are words of too many languages
_MOST_WORDS: Final = 3  # that a name in a title may be written as: "Bank of America"
_KINDS: Final = 32  # letters are counted in so many groups; which of two share a group does not matter


class Namesakes:
    """Names of sites, each with the sites that have it. A name is a single label in normal form.

    A name that is written into a label is found by looking up the label's parts; one that is misspelt, by how
    often each letter occurs: one wrong letter changes two counts. `resembles` decides on what is found so.
    """

    def __init__(self) -> None:
        self.version = 0
        """Goes up whenever a name is added or removed: what was found before may not hold any more."""
        self._named: dict[str, set[str]] = {}
        self._words: dict[str, set[str]] = {}
        """The names that read alike, by how they read."""
        self._long: dict[int, _Words] = {}
        """Words that are recognised misspelt, by their length."""

    def add(self, name: str, site: str) -> None:
        """Add a name of the site `site`; several sites may share one."""
        if site in self._named.get(name, ()):
            return
        self.version += 1
        word = _word(name)
        if word not in self._words and len(word) >= ONE_OFF:
            self._long.setdefault(len(word), _Words()).add(word)
        self._words.setdefault(word, set()).add(name)
        self._named.setdefault(name, set()).add(site)

    def remove(self, name: str, site: str) -> None:
        """Undo `add`; what was not added is not missed."""
        owners = self._named.get(name, set())
        if site not in owners:
            return
        self.version += 1
        owners.discard(site)
        if owners:
            return
        del self._named[name]
        word = _word(name)
        self._words[word].discard(name)
        if not self._words[word]:
            del self._words[word]
            if word in self._long.get(len(word), ()):
                self._long[len(word)].remove(word)

    def borrowed_by(self, label: str) -> frozenset[str]:
        """The sites whose name the label imitates or contains, as `resembles` tells."""
        spellings = {folded(label), folded(label.rstrip("0123456789"))}
        words = {word for spelling in spellings for word in self._candidates(spelling)}
        return frozenset(
            site
            for word in words
            for name in self._words[word]
            if resembles(label, name)
            for site in self._named[name]
        )

    def named_in(self, title: str) -> frozenset[str]:
        """The sites whose name a page's title has as a word, or as words side by side."""
        words = re.findall(r"[^\W_]+", folded(title))
        spoken = {
            "".join(words[start : start + count])
            for count in range(1, _MOST_WORDS + 1)
            for start in range(len(words) - count + 1)
        }
        return frozenset(
            site
            for word in spoken
            if len(word) >= _LEAST_IN_TITLE
            for name in self._words.get(word, ())
            for site in self._named[name]
        )

    def _candidates(self, spelling: str) -> Iterator[str]:
        parts = [part for part in spelling.split("-") if part]
        joined = "".join(parts)
        for start in range(len(joined)):
            for end in range(start + SHORT + 1, len(joined) + 1):
                if joined[start:end] in self._words:
                    yield joined[start:end]
        for part in {joined, *parts}:
            # Short words count alone, or joined with another that lures.
            for length in range(1, min(SHORT, len(part)) + 1):
                yield from {part[:length], part[-length:]} & self._words.keys()
            for length in range(max(ONE_OFF, len(part) - 2), len(part) + 3):
                if length in self._long:
                    yield from self._long[length].nearly(part, 2 if length >= TWO_OFF else 1)


class _Words:
    """Words of one length, with how often each letter occurs in them."""

    def __init__(self) -> None:
        self._counts: dict[str, bytes] = {}
        self._table: NDArray[np.int8] | None = None

    def __contains__(self, word: str) -> bool:
        return word in self._counts

    def add(self, word: str) -> None:
        self._counts[word] = _counts_of(word)
        self._table = None

    def remove(self, word: str) -> None:
        del self._counts[word]
        self._table = None

    def nearly(self, part: str, most: int) -> list[str]:
        """Those whose letters are the part's but for so many."""
        if self._table is None:
            self._table = np.frombuffer(b"".join(self._counts.values()), np.int8).reshape(-1, _KINDS)
        changed = np.abs(self._table - np.frombuffer(_counts_of(part), np.int8)).sum(axis=1, dtype=np.uint8)
        places = np.flatnonzero(changed <= 2 * most).tolist()
        words = list(self._counts) if places else []
        return [words[place] for place in places]


def _word(name: str) -> str:
    return folded(name).replace("-", "")


def _counts_of(word: str) -> bytes:
    counts = bytearray(_KINDS)
    for letter in word:
        counts[ord(letter) % _KINDS] += 1
    return bytes(counts)
