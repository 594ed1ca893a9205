"""Media queries and @supports, as they hold within an image in a light tab where nothing else is said.

An image knows of no mouse, no script and no screen, as Chromium tells it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from samelook.hashing.svg.matching import BadSelector
from samelook.hashing.svg.mathematics import Measure, NotANumber, evaluated, without_space
from samelook.hashing.svg.properties import is_supported
from samelook.hashing.svg.selectors import selectors_of

_MOST_NESTED = 16
_FEATURES: Final[dict[str, frozenset[str]]] = {
    name: frozenset(values.split())
    for name, values in {
        "prefers-color-scheme": "light",
        "prefers-reduced-motion": "no-preference",
        "prefers-reduced-transparency": "no-preference",
        "prefers-contrast": "no-preference",
        "forced-colors": "none",
        "scripting": "none",
        "hover": "none",
        "any-hover": "none",
        "pointer": "none",
        "any-pointer": "none",
        "update": "fast",
        "overflow-block": "scroll",
        "overflow-inline": "scroll",
        "display-mode": "browser",
        "color-gamut": "srgb",
        "dynamic-range": "standard",
        "scan": "",
    }.items()
}
_OFF: Final = frozenset(("none", "no-preference", "0", ""))
_SIGNS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
}


_LENGTHS: Final = frozenset(("width", "height", "device-width", "device-height"))
_RESOLUTIONS: Final = {"dppx": 1.0, "x": 1.0, "dpi": 1 / 96, "dpcm": 2.54 / 96}


class Screen:
    """What a picture of `width` by `height` CSS pixels is shown on.

    `features` and `numbers` are told where they are others than an image knows of.
    """

    def __init__(
        self,
        width: float,
        height: float,
        features: Mapping[str, str] | None = None,
        numbers: Mapping[str, float] | None = None,
    ) -> None:
        self._features = {
            **_FEATURES,
            **{name: frozenset((word,)) for name, word in (features or {}).items()},
        }
        self._measure = Measure(16, 16, width, height, width, height)
        self._numbers: dict[str, float] = {
            "width": width,
            "height": height,
            # Queries about the screen's size find 0 within an image.
            "device-width": 0,
            "device-height": 0,
            "aspect-ratio": width / height if height else 0,
            "device-aspect-ratio": 1,
            "resolution": 1,
            "-webkit-device-pixel-ratio": 1,
            "color": 0,
            "color-index": 0,
            "monochrome": 0,
            "grid": 0,
            "horizontal-viewport-segments": 1,
            "vertical-viewport-segments": 1,
            "-webkit-transform-3d": 1,
            **(numbers or {}),
        }

    def matches(self, tokens: Sequence[Any]) -> bool:
        """Whether one of a list of media queries holds; an empty list does."""
        queries: list[list[Any]] = [[]]
        for token in without_space(tokens):
            if token.type == "literal" and token.value == ",":
                queries.append([])
            else:
                queries[-1].append(token)
        if queries == [[]]:
            return True
        return any(self._query(query) for query in queries)

    def _query(self, tokens: list[Any]) -> bool:
        negated = (
            bool(tokens)
            and _word(tokens[0]) in {"not", "only"}
            and len(tokens) > 1
            and (tokens[1].type == "ident")
        )
        is_not = negated and _word(tokens[0]) == "not"
        rest = tokens[1:] if negated else tokens
        if rest and rest[0].type == "ident" and _word(rest[0]) not in {"not", "and", "or"}:
            held = _word(rest[0]) in {"all", "screen"}
            rest = rest[1:]
            if rest:
                if _word(rest[0]) != "and" or "or" in map(_word, rest):
                    return False
                condition = condition_of(rest[1:], self._feature)
                if condition is None:
                    return False
                held = held and condition
            return held != is_not
        return condition_of(rest, self._feature) is True

    def _feature(self, token: Any) -> bool | None:  # noqa: C901, PLR0911 - one branch a kind
        if token.type != "() block":
            return None
        tokens = without_space(token.content)
        signs = [t.value for t in tokens if t.type == "literal" and t.value in {"<", ">", "=", "<=", ">="}]
        if signs:
            return self._range(tokens)
        if not tokens or tokens[0].type != "ident":
            return None
        name = tokens[0].lower_value
        if len(tokens) == 1:
            if name in self._numbers:
                return self._numbers[name] != 0
            return None if name not in self._features else not self._features[name] <= _OFF
        if getattr(tokens[1], "value", "") != ":":
            return None
        if name in self._features:
            return len(tokens) == 3 and _word(tokens[2]) in self._features[name]  # noqa: PLR2004
        if name == "orientation":
            is_portrait = self._numbers["height"] >= self._numbers["width"]
            return _word(tokens[2]) == ("portrait" if is_portrait else "landscape")
        name = re.sub(r"^-webkit-(min|max)-", r"\1--webkit-", name)
        for prefix, sign in (("min-", ">="), ("max-", "<="), ("", "=")):
            known = name.removeprefix(prefix)
            if name.startswith(prefix) and known in self._numbers:
                value = self._value(known, tokens[2:])
                return None if value is None else _SIGNS[sign](self._numbers[known], value)
        return None

    def _range(self, tokens: list[Any]) -> bool | None:
        parts: list[list[Any]] = [[]]
        signs: list[str] = []
        for token in tokens:
            sign = token.value if token.type == "literal" else ""
            if sign in {"<", ">", "=", "<=", ">="}:
                if sign == "=" and signs and not parts[-1]:
                    signs[-1] += "="
                    continue
                signs.append(sign)
                parts.append([])
            else:
                parts[-1].append(token)
        names = [_word(part[0]) if len(part) == 1 else "" for part in parts]
        name = next((each for each in names if each in self._numbers), "")
        values = [
            self._numbers[each] if each in self._numbers else self._value(name, part)
            for each, part in zip(names, parts, strict=True)
        ]
        held = True
        for sign, (left, right) in zip(signs, pairwise(values), strict=True):
            if left is None or right is None or sign not in _SIGNS:
                return None
            held = held and _SIGNS[sign](left, right)
        return held

    def _value(self, name: str, tokens: Sequence[Any]) -> float | None:
        """A length in pixels, a number, a ratio, or a resolution in dots a pixel, as the feature has it."""
        unit = tokens[0].lower_unit if len(tokens) == 1 and tokens[0].type == "dimension" else None
        if name == "resolution":
            return float(tokens[0].value) * _RESOLUTIONS[unit] if unit in _RESOLUTIONS else None
        is_number = unit is None and len(tokens) == 1 and tokens[0].type == "number" and tokens[0].value
        if is_number if name in _LENGTHS else unit:
            return None
        try:
            return evaluated(tokens, 0.0, self._measure, {})
        except NotANumber:
            return None


def supports(tokens: Sequence[Any]) -> bool:
    """Whether an @supports condition holds."""
    return condition_of(without_space(tokens), _supported) is True


def _supported(token: Any) -> bool | None:
    if token.type == "() block":
        inner = without_space(token.content)
        if len(inner) > 2 and inner[0].type == "ident" and getattr(inner[1], "value", "") == ":":  # noqa: PLR2004
            return is_supported(inner[0].value, inner[2:])
        return None
    if token.type == "function" and token.lower_name == "selector":
        try:
            selectors_of(token.arguments)
        except BadSelector:
            return False
        return True
    return False if token.type == "function" else None


def condition_of(tokens: Sequence[Any], leaf: Callable[[Any], bool | None], depth: int = 0) -> bool | None:
    """A condition of `and`, `or`, `not` and parentheses; None if it is unknown (Media Queries 4, 3.1)."""
    if not tokens or depth > _MOST_NESTED:
        return None
    if _word(tokens[0]) == "not":
        inner = _operand(tokens[1], leaf, depth) if len(tokens) == 2 else None  # noqa: PLR2004
        return None if inner is None else not inner
    operands = [_operand(token, leaf, depth) for token in tokens[::2]]
    words = {_word(token) for token in tokens[1::2]}
    if len(tokens) % 2 == 0 or len(words) > 1 or not words <= {"and", "or"}:
        return None
    if words == {"and"}:
        return False if False in operands else None if None in operands else True
    return True if True in operands else None if None in operands else False


def _operand(token: Any, leaf: Callable[[Any], bool | None], depth: int) -> bool | None:
    known = leaf(token)
    if known is None and token.type == "() block":
        return condition_of(without_space(token.content), leaf, depth + 1)
    return known


def _word(token: Any) -> str:
    return str(token.lower_value) if token.type == "ident" else ""
