"""Numbers, lengths and angles of CSS, with calc() and its kin (CSS Values 4, 10)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

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
_LINE: Final = 1.15
_ALONG: Final = {"i": "w", "b": "h"}
_OF_VIEWPORT: Final = re.compile(r"^[sld]?v(w|h|i|b|min|max)$")


@dataclass(frozen=True, slots=True)
class Measure:
    """What lengths are relative to."""

    font_size: float = 16.0
    root_font_size: float = 16.0
    width: float = 100.0
    """Of the viewport that percentages are of."""
    height: float = 100.0
    page_width: float = 32.0
    """Of the whole picture, which vw and vh are of."""
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
        return evaluated([token], whole or 360.0, PLAIN, named)
    except NotANumber:
        return None


def is_math(name: str) -> bool:
    """Whether a function of this name gives a number."""
    return name in _FUNCTIONS or name in {"calc", "clamp", "log", "round"}


def length(tokens: Sequence[Any], axis: str, measure: Measure) -> float:
    """A length or percentage in pixels; a bare number counts as pixels. Raises NotANumber."""
    return evaluated(tokens, measure.whole(axis), measure, {})


def angle(token: Any) -> float:
    """Degrees. Raises NotANumber; a bare number is none but zero."""
    if token.type == "number" and token.value == 0:
        return 0.0
    if token.type == "number":
        raise NotANumber
    return evaluated([token], 0.0, PLAIN, {})


def evaluated(
    tokens: Sequence[Any], whole: float, measure: Measure, named: Mapping[str, float], depth: int = 0
) -> float:
    """The value of one component or of a sum of products. Raises NotANumber."""
    if depth > _MOST_NESTED:
        raise NotANumber
    kept = without_space(tokens)
    parser = _Sum(kept, whole, measure, named, depth)
    value = parser.sum()
    if parser.at != len(kept) or math.isnan(value):
        raise NotANumber
    return value


class _Sum:
    __slots__ = ("at", "depth", "measure", "named", "tokens", "whole")

    def __init__(
        self, tokens: list[Any], whole: float, measure: Measure, named: Mapping[str, float], depth: int
    ) -> None:
        self.tokens = tokens
        self.whole = whole
        self.measure = measure
        self.named = named
        self.depth = depth
        self.at = 0

    def _operator(self, allowed: str) -> str:
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.type == "literal" and token.value in allowed:
                self.at += 1
                return str(token.value)
        return ""

    def sum(self) -> float:
        value = self._product()
        while sign := self._operator("+-"):
            value += self._product() if sign == "+" else -self._product()
        return value

    def _product(self) -> float:
        value = self._single()
        while sign := self._operator("*/"):
            other = self._single()
            if sign == "/" and not other:
                raise NotANumber
            value = value * other if sign == "*" else value / other
        return value

    def _single(self) -> float:  # noqa: PLR0911 - one branch a kind
        if self.at >= len(self.tokens):
            raise NotANumber
        token = self.tokens[self.at]
        self.at += 1
        if token.type == "number":
            return float(token.value)
        if token.type == "percentage":
            return float(token.value) / 100 * self.whole
        if token.type == "dimension":
            return float(token.value) * self._unit(token.lower_unit)
        if token.type == "ident" and token.lower_value in self.named:
            return self.named[token.lower_value]
        if token.type == "ident" and token.lower_value in _CONSTANTS and self.depth:
            return _CONSTANTS[token.lower_value]
        if token.type == "() block":
            return self._inner(token.content)
        if token.type == "function":
            return self._function(token.lower_name, token.arguments)
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

    def _inner(self, tokens: Sequence[Any]) -> float:
        return evaluated(tokens, self.whole, self.measure, self.named, self.depth + 1)

    def _function(self, name: str, arguments: Sequence[Any]) -> float:
        parts: list[list[Any]] = [[]]
        for token in arguments:
            if token.type == "literal" and token.value == ",":
                parts.append([])
            else:
                parts[-1].append(token)
        if name == "calc" and len(parts) == 1:
            return self._inner(parts[0])
        if name == "round":
            return self._rounded(parts)
        values = [self._inner(part) for part in parts]
        if name == "log" and len(values) in {1, 2} and min(values) > 0:
            return math.log(*values)
        if name == "clamp" and len(values) == 3:  # noqa: PLR2004
            return max(values[0], min(values[1], values[2]))
        known = _FUNCTIONS.get(name)
        if known is None:
            raise NotANumber
        try:
            return float(known(*values))
        except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
            raise NotANumber from error

    def _rounded(self, parts: list[list[Any]]) -> float:
        """`round()`: a way to round if one is said, the value, and the step if it is not 1."""
        way = "nearest"
        if parts[0] and parts[0][0].type == "ident" and parts[0][0].lower_value in _ROUNDINGS:
            way = parts.pop(0)[0].lower_value
        step = abs(self._inner(parts[1])) if len(parts) > 1 else 1.0
        if not step or len(parts) not in {1, 2}:
            raise NotANumber
        try:
            return _ROUNDINGS[way](self._inner(parts[0]) / step) * step
        except (ValueError, OverflowError) as error:
            raise NotANumber from error  # of what is not finite


_ROUNDINGS: Final[dict[str, Callable[[float], float]]] = {
    "nearest": lambda steps: math.floor(steps + 0.5),
    "up": math.ceil,
    "down": math.floor,
    "to-zero": math.trunc,
}


def _hypotenuse(*values: float) -> float:
    return math.hypot(*values)


_FUNCTIONS: Final[dict[str, Any]] = {
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
    "abs": abs,
    "sign": lambda value: math.copysign(1.0, value) if value else 0.0,
    "sqrt": math.sqrt,
    "hypot": _hypotenuse,
    "pow": math.pow,
    "exp": math.exp,
    "mod": lambda value, by: value - by * math.floor(value / by),
    "rem": math.fmod,
    "sin": lambda value: math.sin(math.radians(value)),
    "cos": lambda value: math.cos(math.radians(value)),
    "tan": lambda value: math.tan(math.radians(value)),
    "asin": lambda value: math.degrees(math.asin(value)),
    "acos": lambda value: math.degrees(math.acos(value)),
    "atan": lambda value: math.degrees(math.atan(value)),
    "atan2": lambda y, x: math.degrees(math.atan2(y, x)),
}
