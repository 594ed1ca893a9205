"""Verdicts in one plain sentence, for people: from the reasons and the likeness that an answer carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LIKENESS = {
    "wide": "a wide likeness",
    "standard": "a clear likeness",
    "strict": "a very close likeness",
}
"""By the rule that calls the two looks the same."""
RULES = {
    "blocklisted": "blocked by the operator",
    "looks_like": "looks like somebody else's",
    "same_mark": "shows somebody else's mark",
    "degenerate": "too little contrast",
    "no_icon": "no icon",
    "discovery_failed": "could not be visited",
    "hashing_failed": "icons could not be decoded",
    "reported": "reported by people",
}
"""The first reasons of locks and warnings, by code; verdicts are filtered by them."""


def how_alike(match: Mapping[str, Any]) -> str:
    """How near two pictures are, as short as it can be said."""
    if match.get("under") == "mark":
        return "the same mark"
    digests = match.get("sha256") or {}
    if digests.get("asker") is not None and digests.get("asker") == digests.get("owner"):
        return "the same file"
    bits = match.get("pdq")
    return "alike" if bits is None else f"{bits} bit{'' if bits == 1 else 's'} apart"


def why_caught(row: Mapping[str, Any]) -> str:
    """Why a site of the list of verdicts is there. `row` is one of `inspector.operator.verdicts_answer`."""
    likes = row.get("looks_like") or ()
    reasons = set(row.get("reasons") or ())
    if not likes:
        code = str(row.get("because") or "")
        return _WITHOUT_LIKENESS.get(code, f"The reason is {code or 'not known'}.")
    match = likes[0]
    owner = match.get("site")
    first = "It shows the very same file as" if how_alike(match) == "the same file" else "It looks like"
    words = [f"{first} {owner}"]
    if "blocklisted" in reasons:
        return f"The operator has blocked it. {words[0]}."
    rule = str(match.get("under"))
    if rule == "mark":
        words = [f"It shows the mark of {owner}, drawn anew, and its name borrows the name"]
    if rule in _LIKENESS and how_alike(match) != "the same file":
        words.append(f": {_LIKENESS[rule]}, by the {rule} rule")
    sentence = "".join(words) + "."
    if "low_rank_owner" in reasons:
        sentence += f" {owner} is not ranked well enough for a lock."
    if "own_rank" in reasons:
        sentence += " It is ranked well itself, so it is warned of and not locked."
    if "look_changed" in reasons:
        sentence += " The crawler has seen another icon here before."
    if "false_lock_reported" in reasons:
        sentence += " People say that this lock is wrong."
    return sentence


_WITHOUT_LIKENESS = {
    "blocklisted": "The operator has put it on the blocklist.",
    "degenerate": "Its icon has too little contrast to be told from others.",
    "no_icon": "It has no icon, so nothing can be said of its look.",
    "discovery_failed": "Its page could not be visited, so its icons are unknown.",
    "hashing_failed": "Its icons could not be decoded.",
    "reported": "Several people in different networks have reported it.",
}
