"""Numbers, lengths and angles of CSS, with calc() and its kin (CSS Values 4, 10)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

# CSS Values 4, 6.2: an inch is 96 pixels.
PIXELS: Final[Mapping[str, float]] = {
    "px": 1.0,
    "pt": 4 / 3,
    "pc": 16.0,
    "in": 96.0,
    "cm": 96 / 2.54,
    "mm": 96 / 25.4,
    "q": 96 / 101.6,
}
_DEGREES: Final[Mapping[str, float]] = {"deg": 1.0, "grad": 0.9, "rad": 180 / math.pi, "turn": 360.0}
_CONSTANTS: Final[Mapping[str, float]] = {
    "pi": math.pi,
    "e": math.e,
    "infinity": math.inf,
    "-infinity": -math.inf,
}
_MOST_NESTED = 32
_LARGEST: Final = float(1 << 25)
Kind = tuple[int, int]
NUMBER: Final[Kind] = (0, 0)
LENGTH: Final[Kind] = (1, 0)
ANGLE: Final[Kind] = (0, 1)
_ANGLES: Final = frozenset((ANGLE,))
KINDS: Final = frozenset((NUMBER, LENGTH, ANGLE))
_LINE: Final = 1.15
_ALONG: Final = {"i": "w", "b": "h"}
_OF_VIEWPORT: Final = re.compile(r"^[sld]?v(w|h|i|b|min|max)$")


@dataclass(frozen=True, slots=True)
class Measure:
    """What lengths are relative to."""

    font_size: float = 16.0
    root_font_size: float = 16.0
    width: float = 100.0
    """Width of the viewport; percentages are shares of it."""
    height: float = 100.0
    page_width: float = 32.0
    """Width of the whole picture; vw and vh are hundredths of its sides."""
    page_height: float = 32.0

    def whole(self, axis: str) -> float:
        """What 100 % is along "x", "y", or neither of them (SVG 2, 8.9)."""
        if axis == "x":
            return self.width
        return self.height if axis == "y" else math.hypot(self.width, self.height) / math.sqrt(2)


PLAIN: Final = Measure()


class NotANumber(ValueError):
    """Component values that are no number, length or angle."""


def without_space(tokens: Sequence[Any]) -> list[Any]:
    """Component values but white space and comments."""
    return [token for token in tokens if token.type not in {"whitespace", "comment"}]


def split_at_commas(tokens: Sequence[Any]) -> list[list[Any]]:
    """Component values between commas."""
    parts: list[list[Any]] = [[]]
    for token in tokens:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def component(token: Any, whole: float, named: Mapping[str, float]) -> float | None:
    """A channel of a colour: a number, a percentage of `whole`, an angle, `none`, or a channel's name."""
    if token.type == "number":
        return float(token.value)
    if token.type == "percentage":
        return float(token.value) / 100 * whole if whole else None
    if token.type == "ident":
        return 0.0 if token.lower_value == "none" else named.get(token.lower_value)
    if token.type == "dimension" and (whole or token.lower_unit not in _DEGREES):
        return None
    try:
        kinds = frozenset((NUMBER,)) if whole else frozenset((NUMBER, ANGLE))
        return evaluated([token], whole or 360.0, PLAIN, named, kinds)
    except NotANumber:
        return None


def is_math(name: str) -> bool:
    """Whether a function of this name gives a number."""
    return name in _FUNCTIONS


def length(tokens: Sequence[Any], axis: str, measure: Measure) -> float:
    """A length or percentage in pixels; a bare number counts as pixels. Raises NotANumber."""
    return evaluated(tokens, measure.whole(axis), measure, {}, frozenset((NUMBER, LENGTH)))


def angle(token: Any) -> float:
    """Degrees. Raises NotANumber; a bare number is none but zero."""
    if token.type == "number" and token.value == 0:
        return 0.0
    if token.type == "number":
        raise NotANumber
    return evaluated([token], 0.0, PLAIN, {}, _ANGLES)


def evaluated(
    tokens: Sequence[Any],
    whole: float,
    measure: Measure,
    named: Mapping[str, float],
    kinds: frozenset[Kind] | None = None,
) -> float:
    """The value of one component or of a sum of products. Raises NotANumber.

    With `kinds` it is also told for what is of another; percentages are of every kind.
    """
    found = _Sum(without_space(tokens), whole, measure, named, 0).all()
    if found.kind not in (kinds or KINDS) and not (found.is_share and kinds != _ANGLES):
        raise NotANumber
    # What is not finite is cut off at what browsers can hold (CSS Values 4, 10.9).
    return 0.0 if math.isnan(found.value) else min(max(found.value, -_LARGEST), _LARGEST)


class _Quantity(NamedTuple):
    value: float
    kind: Kind = NUMBER
    """The unit, as exponents of length and angle: (2, 0) is a length squared."""
    is_share: bool = False
    """A percentage, which is of whatever kind it is added to."""

    def beside(self, other: _Quantity) -> tuple[Kind, bool]:
        """The kind of both together. Raises NotANumber where they do not go together."""
        if self.is_share or other.is_share:
            return (other.kind if self.is_share else self.kind), self.is_share and other.is_share
        if self.kind != other.kind:
            raise NotANumber
        return self.kind, False


class _Sum:
    __slots__ = ("at", "depth", "measure", "named", "tokens", "whole")

    def __init__(
        self, tokens: list[Any], whole: float, measure: Measure, named: Mapping[str, float], depth: int
    ) -> None:
        if depth > _MOST_NESTED:
            raise NotANumber
        self.tokens = tokens
        self.whole = whole
        self.measure = measure
        self.named = named
        self.depth = depth
        self.at = 0

    def all(self) -> _Quantity:
        """The sum that all tokens are."""
        found = self._sum()
        if self.at != len(self.tokens):
            raise NotANumber
        return found

    def _operator(self, allowed: str) -> str:
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.type == "literal" and token.value in allowed:
                self.at += 1
                return str(token.value)
        return ""

    def _sum(self) -> _Quantity:
        found = self._product()
        while sign := self._operator("+-"):
            other = self._product()
            kind, is_share = found.beside(other)
            found = _Quantity(found.value + (other.value if sign == "+" else -other.value), kind, is_share)
        return found

    def _product(self) -> _Quantity:
        found = self._single()
        while sign := self._operator("*/"):
            other = self._single()
            power = 1 if sign == "*" else -1
            kind = found.kind[0] + power * other.kind[0], found.kind[1] + power * other.kind[1]
            value = found.value * other.value if sign == "*" else _divided(found.value, other.value)
            found = _Quantity(value, kind, found.is_share != other.is_share)
        return found

    def _single(self) -> _Quantity:  # noqa: PLR0911 - one branch a kind
        if self.at >= len(self.tokens):
            raise NotANumber
        token = self.tokens[self.at]
        self.at += 1
        if token.type == "number":
            return _Quantity(float(token.value))
        if token.type == "percentage":
            return _Quantity(float(token.value) / 100 * self.whole, NUMBER, is_share=True)
        if token.type == "dimension":
            kind = ANGLE if token.lower_unit in _DEGREES else LENGTH
            return _Quantity(float(token.value) * self._unit(token.lower_unit), kind)
        if token.type == "ident" and token.lower_value in self.named:
            return _Quantity(self.named[token.lower_value])
        if token.type == "ident" and token.lower_value in _CONSTANTS and self.depth:
            return _Quantity(_CONSTANTS[token.lower_value])
        if token.type == "() block":
            return self._inner(token.content)
        if token.type == "function":
            return self._function(token.lower_name, split_at_commas(without_space(token.arguments)))
        raise NotANumber

    def _unit(self, unit: str) -> float:
        measure = self.measure
        relative = {
            "em": measure.font_size,
            "rem": measure.root_font_size,
            "ex": measure.font_size / 2,
            "ch": measure.font_size / 2,
            "ic": measure.font_size,
            "lh": measure.font_size * _LINE,
            "rex": measure.root_font_size / 2,
            "rch": measure.root_font_size / 2,
            "ric": measure.root_font_size,
            "rlh": measure.root_font_size * _LINE,
            "vw": measure.page_width / 100,
            "vh": measure.page_height / 100,
            "vmin": min(measure.page_width, measure.page_height) / 100,
            "vmax": max(measure.page_width, measure.page_height) / 100,
        }
        # All viewports are one where nothing can be scrolled away, and lines run from left to right.
        unit = _OF_VIEWPORT.sub(lambda of: f"v{_ALONG.get(of[1], of[1])}", unit)
        found = PIXELS.get(unit) or _DEGREES.get(unit) or relative.get(unit)
        if found is None:
            raise NotANumber
        return found

    def _inner(self, tokens: Sequence[Any]) -> _Quantity:
        inner = _Sum(without_space(tokens), self.whole, self.measure, self.named, self.depth + 1)
        return inner.all()

    def _function(self, name: str, parts: list[list[Any]]) -> _Quantity:
        way = "nearest"
        if name == "round" and len(parts[0]) == 1 and getattr(parts[0][0], "lower_value", "") in _ROUNDINGS:
            way = parts.pop(0)[0].lower_value
        known = _FUNCTIONS.get(name)
        if known is None:
            raise NotANumber
        arguments = [self._inner(part) for part in parts]
        least, most, takes, gives = known[1:]
        if not least <= len(arguments) <= most:
            raise NotANumber
        kind, is_share = arguments[0].kind, arguments[0].is_share
        for other in arguments[1:]:
            kind, is_share = _Quantity(0, kind, is_share).beside(other)
        if takes is not None and kind not in takes:
            raise NotANumber
        values = [each.value for each in arguments]
        if name in _OF_ANGLES and kind == NUMBER:
            values = [math.degrees(value) for value in values]
        compute = known[0] if name != "round" else lambda *of: _rounded(_ROUNDINGS[way], *of)
        try:
            value = float(compute(*values))
        except (TypeError, ValueError, OverflowError, ZeroDivisionError):
            value = math.nan
        return _Quantity(value, kind if gives is None else gives, is_share and gives is None)


def _divided(value: float, by: float) -> float:
    if by:
        return value / by
    return (
        math.nan if not value or math.isnan(value) else math.copysign(math.inf, value) * math.copysign(1, by)
    )


def _rounded(to: Callable[[float], float], value: float, step: float = 1.0) -> float:
    step = abs(step)
    if math.isinf(step) and not math.isinf(value):
        # To a step without end everything goes to zero, but upwards what is above it, and so downwards.
        return math.copysign(math.inf, value) if to(math.copysign(0.25, value)) else math.copysign(0.0, value)
    return value if math.isinf(value) and not math.isinf(step) else to(value / step) * step


def _modulo(value: float, by: float) -> float:
    if math.isinf(by):
        return value if math.copysign(1, value) == math.copysign(1, by) else math.nan
    return value - by * math.floor(value / by)


def _clamped(low: float, value: float, high: float) -> float:
    return max(low, min(value, high))


_ROUNDINGS: Final[dict[str, Callable[[float], float]]] = {
    "nearest": lambda steps: math.floor(steps + 0.5),
    "up": math.ceil,
    "down": math.floor,
    "to-zero": math.trunc,
}
_NUMBERS: Final = frozenset((NUMBER,))
_TURNS: Final = frozenset((NUMBER, ANGLE))
_MANY: Final = 1_000
_OF_ANGLES: Final = frozenset(("sin", "cos", "tan"))
# Each function: how it reckons, how many arguments it has, of which kinds (any, but all alike) and what it
# gives (the same).
_FUNCTIONS: Final[dict[str, tuple[Any, int, int, frozenset[Kind] | None, Kind | None]]] = {
    "calc": (lambda value: value, 1, 1, None, None),
    "min": (lambda *values: min(values), 1, _MANY, None, None),
    "max": (lambda *values: max(values), 1, _MANY, None, None),
    "clamp": (_clamped, 3, 3, None, None),
    "round": (None, 1, 2, None, None),
    "mod": (_modulo, 2, 2, None, None),
    "rem": (math.fmod, 2, 2, None, None),
    "hypot": (math.hypot, 1, _MANY, None, None),
    "abs": (abs, 1, 1, None, None),
    "sign": (lambda value: math.copysign(1.0, value) if value else 0.0, 1, 1, None, NUMBER),
    "sqrt": (math.sqrt, 1, 1, _NUMBERS, NUMBER),
    "pow": (math.pow, 2, 2, _NUMBERS, NUMBER),
    "exp": (math.exp, 1, 1, _NUMBERS, NUMBER),
    "log": (math.log, 1, 2, _NUMBERS, NUMBER),
    "sin": (lambda value: math.sin(math.radians(value)), 1, 1, _TURNS, NUMBER),
    "cos": (lambda value: math.cos(math.radians(value)), 1, 1, _TURNS, NUMBER),
    "tan": (lambda value: math.tan(math.radians(value)), 1, 1, _TURNS, NUMBER),
    "asin": (lambda value: math.degrees(math.asin(value)), 1, 1, _NUMBERS, ANGLE),
    "acos": (lambda value: math.degrees(math.acos(value)), 1, 1, _NUMBERS, ANGLE),
    "atan": (lambda value: math.degrees(math.atan(value)), 1, 1, _NUMBERS, ANGLE),
    "atan2": (lambda y, x: math.degrees(math.atan2(y, x)), 2, 2, None, ANGLE),
}
