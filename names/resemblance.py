"""Whether a label borrows another's name: as a word of it, misspelt, or in letters that look alike."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_LEAST_WORD = 3
"""Shorter names (`x`, `hp`) are parts of many."""
_LEAST_INSIDE = 5
"""From so many letters on, a name is found within a word, and with one letter wrong."""

# Letters of other scripts, digits and pairs that pass for Latin letters; `i`, `l` and `1` for each other.
_LOOK_ALIKE = str.maketrans(
    {
        **dict(zip("авекмнорстухіјѕԁԛԝѵһӏзбґпг", "abekmhopctyxljsdqwvhl36rnr", strict=True)),
        **dict(zip("αβεικνορτυχωγηζ", "abelkvoptuxwynz", strict=True)),
        **dict(zip("ɑɡıłøđħŧƅɩʟ", "agllodhtbll", strict=True)),
        **dict(zip("013457", "oleast", strict=True)),
        "i": "l",
        "|": "l",
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
    }
)
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))


def resembles(label: str, name: str) -> bool:
    """Whether `label` borrows `name`, both single labels in normal form.

    `gitlab-login`, `glt1ab` and `gitlabb` resemble `gitlab`; `firm` and `git` do not.
    """
    ours = _folded(name).replace("-", "")
    words = _folded(label).split("-")
    joined = "".join(words)
    if len(ours) < _LEAST_WORD:
        return label == name
    if ours in words or ours == joined:
        return True
    if len(ours) < _LEAST_INSIDE:
        return False
    return ours in joined or any(_differ_by_one(word, ours) for word in {*words, joined})


@lru_cache(maxsize=16_384)
def _folded(label: str) -> str:
    if label.startswith("xn--"):
        try:
            label = label[4:].encode("ascii").decode("punycode")
        except UnicodeError:
            return label
    plain = unicodedata.normalize("NFKD", label.casefold())
    folded = "".join(mark for mark in plain if not unicodedata.combining(mark)).translate(_LOOK_ALIKE)
    for pair, letter in _PAIRS:
        folded = folded.replace(pair, letter)
    return folded


def _differ_by_one(one: str, other: str) -> bool:
    """Whether one letter is more, less, another, or two neighbours have changed places."""
    if one == other:
        return True
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return False
    at = next((place for place, letter in enumerate(one) if letter != other[place]), len(one))
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    swapped = one[at + 1 : at + 2] + one[at : at + 1]
    return one[at + 1 :] == other[at + 1 :] or (
        swapped == other[at : at + 2] and one[at + 2 :] == other[at + 2 :]
    )
