"""Media queries as a desktop browser answers them: a screen of 1280 by 720 pixels, with a mouse."""

from __future__ import annotations

import re
from typing import Literal

Scheme = Literal["light", "dark"]

_LENGTHS = {"width": 1280.0, "height": 720.0, "device-width": 1280.0, "device-height": 720.0}
_RATIOS = {"resolution": 1.0, "-webkit-device-pixel-ratio": 1.0}
_UNITS = {
    "": 1.0,
    "px": 1.0,
    "em": 16.0,
    "rem": 16.0,
    "dppx": 1.0,
    "x": 1.0,
    "dpi": 1 / 96,
    "dpcm": 2.54 / 96,
}
_WORDS = {
    "orientation": "landscape",
    "hover": "hover",
    "any-hover": "hover",
    "pointer": "fine",
    "any-pointer": "fine",
    "prefers-reduced-motion": "no-preference",
    "prefers-contrast": "no-preference",
    "prefers-reduced-transparency": "no-preference",
    "forced-colors": "none",
    "display-mode": "browser",
    "scripting": "enabled",
    "update": "fast",
}
_INNERMOST = re.compile(r"\(([^()]*)\)")
_NUMBER = r"([0-9]*\.?[0-9]+)\s*([a-z]*)"
_PLAIN = re.compile(r"(min-|max-)?([a-z-]+?)\s*:\s*" + _NUMBER)
_RANGE = re.compile(r"([a-z-]+)\s*(<=|>=|<|>|=)\s*" + _NUMBER)
_TYPED = re.compile(r"(?:(not|only)\s+)?([a-z-]+)(?:\s+and\s+(.+))?")
_DEEPEST = 20

# What a condition comes to: true, false, or unknown, which "not" leaves unknown.
_TRUE, _FALSE, _UNKNOWN = "\x01", "\x02", "\x03"
_NOT = {_TRUE: _FALSE, _FALSE: _TRUE, _UNKNOWN: _UNKNOWN}


def media_matches(media: str, scheme: Scheme) -> bool:
    """Whether a list of media queries fits such a screen; a query that cannot be read fits none."""
    if not media.strip():
        return True
    return any(_query(query.strip(), scheme) == _TRUE for query in media.lower().split(","))


def _query(query: str, scheme: Scheme) -> str:
    for _ in range(_DEEPEST):
        reduced = _INNERMOST.sub(lambda found: f" {_inside(found[1].strip(), scheme)} ", query)
        if reduced == query:
            break
        query = reduced
    query = " ".join(query.split())
    typed = _TYPED.fullmatch(query)
    if typed is None or typed[2] in ("not", "only"):
        return _combined(query)
    fits = _TRUE if typed[2] in ("all", "screen") else _FALSE
    whole = _combined(f"{fits} and {typed[3]}") if typed[3] else fits
    return _NOT[whole] if typed[1] == "not" else whole


def _combined(text: str) -> str:
    """What conditions joined by `and`, or by `or`, come to."""
    for joint, decisive in ((" and ", _FALSE), (" or ", _TRUE)):
        if joint in text:
            parts = [_combined(part.strip()) for part in text.split(joint)]
            if decisive in parts:
                return decisive
            return _UNKNOWN if _UNKNOWN in parts else _NOT[decisive]
    if text.startswith("not "):
        return _NOT.get(text[4:], _UNKNOWN)
    return text if text in _NOT else _UNKNOWN


def _inside(text: str, scheme: Scheme) -> str:
    """What stands in parentheses: a feature, or conditions that were reduced already."""
    if not text.isprintable():
        return _combined(" ".join(text.split()))
    name, colon, value = (part.strip() for part in text.partition(":"))
    words = _WORDS | {"prefers-color-scheme": scheme}
    if not colon and not _RANGE.fullmatch(text):
        return _TRUE if name in words or name in _LENGTHS or name in ("color", "resolution") else _bare(name)
    if name in words:
        return _TRUE if value == words[name] else _FALSE
    return _measured(text)


def _bare(name: str) -> str:
    return _FALSE if name in ("monochrome", "grid", "color-index", "inverted-colors") else _UNKNOWN


def _measured(text: str) -> str:
    if plain := _PLAIN.fullmatch(
        text.replace("-webkit-min-", "min--webkit-").replace("-webkit-max-", "max--webkit-")
    ):
        relation = {"min-": ">=", "max-": "<=", None: "="}[plain[1]]
        name, number, unit = plain[2], plain[3], plain[4]
    elif found := _RANGE.fullmatch(text):
        name, relation, number, unit = found.groups()
    else:
        return _UNKNOWN
    have = (_LENGTHS | _RATIOS).get(name)
    if have is None or unit not in _UNITS:
        return _UNKNOWN
    want = float(number) * _UNITS[unit]
    fits = {"<=": have <= want, ">=": have >= want, "<": have < want, ">": have > want, "=": have == want}
    return _TRUE if fits[relation] else _FALSE
