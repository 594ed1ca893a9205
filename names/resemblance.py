"""Whether a label borrows another's name: as a word of it, misspelt, or in letters that look alike.

Only what somebody registered is asked about. `gitlab-login` was registered to be read as `gitlab`;
`gitlab.firm.example` is how a firm names its own host, and accuses nobody.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

_CONFUSABLE: Final = {
    # Digits and signs that stand for letters.
    **dict(zip("013457869$", "oleastbgqs", strict=True)),
    # Cyrillic, by shape.
    **dict(zip("абвгеѐёзийіїјкмнопрстухьѕԁԛԝһӏҽԍҝ", "abbreeeeuullikmhonpctyxbsdqwhlegk", strict=True)),
    # Greek.
    **dict(zip("αβγεηικνορστυχωϲϳ", "abyenlkvopotuxwcj", strict=True)),
    # Armenian.
    **dict(zip("աոսօհցքյզտ", "wnuohgpjqs", strict=True)),
    # Latin letters that decomposing leaves as they are.
    **dict(zip("ıłøđħŧɡɑɩɴʀʟꞁƅɢɪʏ", "llodhtgalnrllbgly", strict=True)),
    "æ": "ae",
    "œ": "oe",
    "ß": "ss",
    "þ": "p",
}
_LETTERS_TABLE: Final = str.maketrans(_CONFUSABLE | {"i": "l", "j": "l"})
_PAIRS: Final = (("rn", "m"), ("vv", "w"), ("cl", "d"))
"""Two letters that are read as one."""

SHORT: Final = 4
"""Names of at most so many letters are part of too many words: they count only alone, between hyphens, or
joined with a word of _LURES."""
ONE_OFF: Final = 6
TWO_OFF: Final = 10
"""A name of at least ONE_OFF letters is recognised with one letter wrong, one of TWO_OFF with two."""
_LURES: Final = """
    access account accounts admin alert app apps auth billing bonus care center check claim client cloud
    confirm connect customer dashboard direct help helpdesk home id info live login logon mail manage member
    my mysecure net now office official online pay payment portal recover recovery refund reset secure secured
    security server service services session shop sign signin signon sso support team unlock update upgrade
    user validate vault verification verify wallet web webmail www"""
"""Words that are put before or behind a name to catch those who look for it."""


@lru_cache(maxsize=8192)
def folded(label: str) -> str:
    """A label as the eye takes it in: `xn--gtlab-p9a`, `g1tlab` and `GİTLAB` all read `gltlab`.

    Of letters that look alike one stands for all, so a folded label is for comparing, not for showing.
    """
    decomposed = unicodedata.normalize("NFKD", _unicode(label.lower()).casefold())
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    text = plain.translate(_LETTERS_TABLE)
    for pair, single in _PAIRS:
        text = text.replace(pair, single)
    return text


def resembles(label: str, name: str) -> bool:
    """Whether `label` borrows `name`, both single labels in normal form.

    It does when the name is the whole label, a part of it between hyphens, written into it, or so with
    letters changed that are easily read over: `gitlab-login`, `glt1ab` and `gitlabb` resemble `gitlab`;
    `firm` and `git` do not.
    """
    word = folded(name)
    # A number behind a name is a number, not letters: `okta365`.
    return any(_reads_as(spelling, word) for spelling in {folded(label), folded(label.rstrip("0123456789"))})


def _reads_as(label: str, name: str) -> bool:
    parts = [part for part in label.split("-") if part]
    joined, word = "".join(parts), name.replace("-", "")
    if not word or not joined:
        return False
    if word in {joined, *parts}:
        return True
    if len(word) <= SHORT:
        return any(_is_lured(part, word) for part in (*parts, joined))
    if word in joined:
        return True
    allowed = 2 if len(word) >= TWO_OFF else 1 if len(word) >= ONE_OFF else 0
    return allowed > 0 and any(_are_near(part, word, allowed) for part in {joined, *parts})


def _is_lured(text: str, word: str) -> bool:
    """Whether a short word is joined with one that lures: `oktalogin`, `myokta`."""
    if text.startswith(word):
        rest = text[len(word) :]
    elif text.endswith(word):
        rest = text[: -len(word)]
    else:
        return False
    return rest in _FOLDED_LURES


def _are_near(one: str, other: str, most: int) -> bool:
    """Whether at most so many letters are added, left out, changed or swapped with their neighbour."""
    if abs(len(one) - len(other)) > most:
        return False
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        line = [row]
        for column, wanted in enumerate(other, start=1):
            cost = min(above[column] + 1, line[-1] + 1, above[column - 1] + (letter != wanted))
            swapped = row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted
            line.append(min(cost, before[column - 2] + 1) if swapped else cost)
        before, above = above, line
    return above[-1] <= most


def _unicode(label: str) -> str:
    """The label as browsers may show it; what no punycode is stays as it is."""
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label


_FOLDED_LURES: Final = frozenset(map(folded, _LURES.split()))
