"""What each property of each element is: attributes, rules, inline styles and variables (CSS Cascade 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import tinycss2

from samelook.hashing.svg.colours import Rgba, colour_of
from samelook.hashing.svg.matching import Matcher, Selector
from samelook.hashing.svg.mathematics import Measure, NotANumber, length, without_space
from samelook.hashing.svg.properties import (
    INHERITED,
    INITIAL,
    WIDE_KEYWORDS,
    is_known,
    written,
)
from samelook.hashing.svg.schemes import darkened, is_dark
from samelook.hashing.svg.sheet import Declaration, Sheet, StyleRule
from samelook.hashing.svg.shorthands import animations_of, longhands_of
from samelook.hashing.svg.tree import Element
from samelook.hashing.svg.variables import Substitution, Variables, has_reference

_BLACK: Final[Rgba] = (0.0, 0.0, 0.0, 1.0)
_GEOMETRY: Final = frozenset(("x", "y", "cx", "cy", "r", "rx", "ry", "width", "height", "d"))
_NOT_FROM_ATTRIBUTES: Final = frozenset(
    (
        "background", "background-color", "background-image", "border-radius", "translate", "rotate", "scale",
        "animation", "animation-name", "animation-delay", "mix-blend-mode", "isolation", "transform", "font",
        "all", "offset-path", "border", "padding", "margin", "position", "inset", "top", "left", "zoom",
        "object-fit", "box-shadow", "outline", "text-shadow", "text-transform",
        "color-scheme",
    )
)  # fmt: skip
_FONT_SIZES: Final = {
    "xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "x-large": 24.0,
    "xx-large": 32.0,
}  # fmt: skip
# Lengths in an attribute that the renderer does not know.
_RECKONED = re.compile(
    r"[(]|(?:rem|r?ch|r?ex|r?ic|r?cap|r?lh|q|[sld]?v(?:[whib]|min|max))\s*\Z", re.IGNORECASE
)
_OF_LETTERS: Final = frozenset(
    ("stroke-width", "stroke-dashoffset", "stroke-dasharray", "letter-spacing", "word-spacing")
)
_RELATIVE: Final = re.compile(r"\d(?:em|ex|ch|ic|cap|lh|r[a-z]+|[sld]?v[a-z]+)\b", re.IGNORECASE)
_HUGE: Final = (1 << 30, 0, 0)

# Where a declaration stands: importance, layer, specificity, place; the last one wins.
_Rank = tuple[int, tuple[float, ...], tuple[int, int, int], int]


@dataclass(slots=True)
class Style:
    """The declared values of one element, its variables, and what its lengths and colours are relative to."""

    values: dict[str, str] = field(default_factory=dict)
    """Properties as the renderer reads them."""
    tokens: dict[str, list[Any]] = field(default_factory=dict)
    """The same before they were written, of those that are not attributes."""
    variables: Variables = field(default_factory=dict)
    colour: Rgba = _BLACK
    is_dark: bool = False
    """Whether the element shows itself in the dark scheme."""
    measure: Measure = field(default_factory=Measure)


class Cascade:
    """Computes styles in document order, parents first."""

    def __init__(self, sheet: Sheet, animated: dict[int, dict[str, str]]) -> None:
        self._sheet = sheet
        self._animated = animated
        self._matcher = Matcher()
        self._substitution = Substitution()
        self._by_key: dict[str, list[tuple[int, StyleRule, Selector]]] = {}
        self._written: dict[tuple[str, str], str | None] = {}
        for order, rule in enumerate(sheet.rules):
            for selector in rule.selectors:
                self._by_key.setdefault(selector.compounds[0].key, []).append((order, rule, selector))

    def style_of(self, element: Element, parent: Style | None, measure: Measure) -> Style:
        """The style of an element whose parent has the style `parent`."""
        declared = self._declared(element)
        style = Style(measure=measure)
        self._surroundings(declared, style, parent)
        if "all" in declared:
            for name in _GEOMETRY & element.attributes.keys():
                del element.attributes[name]
        else:
            self._attributes(element, style, declared)
        # Font sizes and colours first: the values of others refer to them.
        if "color" not in declared:
            self._set_colour(style)
        for name in sorted(declared, key=lambda name: (name != "font-size", name != "color")):
            if not name.startswith("--"):
                self._resolve(name, declared[name], style, parent)
                if name == "font-size" and name in style.values:
                    self._set_font_size(style, parent)
                elif name == "color":
                    self._set_colour(style)
        if "font-size" in style.values and "font-size" not in declared:
            self._set_font_size(style, parent)
        for name, value in self._animated.get(id(element), {}).items():
            style.values[name] = value
            style.tokens[name] = tinycss2.parse_component_value_list(value)
        return style

    def _surroundings(self, declared: dict[str, Any], style: Style, parent: Style | None) -> None:
        """Variables, colour and scheme, which come from the parent where the element says nothing else."""
        if parent is None:
            style.variables = self._substitution.computed(self._sheet.initial_values, {})
        else:
            style.variables, style.colour, style.is_dark = parent.variables, parent.colour, parent.is_dark
        own = {name: items[-1][1].tokens for name, items in declared.items() if name.startswith("--")}
        if own:
            style.variables = self._substitution.computed(
                {name: tokens for name, tokens in own.items() if not _wide(tokens)}, style.variables
            )
        if "color-scheme" in declared:
            style.is_dark = is_dark(declared["color-scheme"][-1][1].tokens)

    def _attributes(self, element: Element, style: Style, declared: dict[str, Any]) -> None:
        """Presentation attributes: the weakest declarations of all."""
        for name, text in element.attributes.items():
            if not is_known(name) or name in _NOT_FROM_ATTRIBUTES:
                continue
            pattern = _RECKONED if name in _GEOMETRY else _RELATIVE
            is_reckoned = (name in _GEOMETRY or name in _OF_LETTERS) and pattern.search(text) is not None
            if name in _GEOMETRY and not is_reckoned:
                continue
            key = name, text
            if "(" not in text and not style.is_dark and not is_reckoned:
                if key not in self._written:
                    tokens = tinycss2.parse_component_value_list(text)
                    word = text.strip().lower()
                    self._written[key] = (
                        self._wide_value(name, word)
                        if word in WIDE_KEYWORDS
                        else written(name, tokens, style.measure, style.colour, as_attribute=True)
                    )
                value = self._written[key]
                if value is not None:
                    style.values[name] = value
                continue
            tokens = tinycss2.parse_component_value_list(text)
            candidate = Declaration(name, tokens)
            declared.setdefault(name, []).insert(0, ((-1, (), (0, 0, 0), 0), candidate))

    def _wide_value(self, name: str, word: str) -> str:
        if word == "inherit" or (word != "initial" and name in INHERITED):
            return "inherit"
        return INITIAL.get(name, "")

    def _set_colour(self, style: Style) -> None:
        if "color" in style.values:
            found = colour_of(tinycss2.parse_component_value_list(style.values["color"]), style.colour)
            style.colour = found or style.colour

    def _set_font_size(self, style: Style, parent: Style | None) -> None:
        around = parent.measure.font_size if parent else 16.0
        text = style.values["font-size"]
        size = _FONT_SIZES.get(text)
        if text in {"larger", "smaller"}:
            size = around * 1.2 if text == "larger" else around / 1.2
        if size is None:
            try:
                tokens = tinycss2.parse_component_value_list(text)
                measure = Measure(around, style.measure.root_font_size, around, around)
                size = around if text in WIDE_KEYWORDS else length(tokens, "x", measure)
            except NotANumber:
                size = around
        old = style.measure
        root = size if parent is None else old.root_font_size
        style.measure = Measure(size, root, old.width, old.height, old.page_width, old.page_height)
        style.values["font-size"] = f"{size:.6g}"

    def _resolve(
        self, name: str, items: list[tuple[_Rank, Declaration]], style: Style, parent: Style | None
    ) -> None:
        for rank, item in reversed(items):
            tokens: list[Any] | None = item.tokens
            if has_reference(item.tokens):
                tokens = self._substitution.substituted(item.tokens, style.variables)
                word = "unset"
            else:
                word = _wide(item.tokens)
            if word.startswith("revert"):
                continue
            value = None
            if tokens is not None:
                word = _wide(tokens) or ("" if word != "unset" else word)
                if not _wide(tokens):
                    tokens = darkened(tokens) if style.is_dark else tokens
                    value = written(
                        name,
                        tokens,
                        style.measure,
                        style.colour,
                        as_attribute=rank[0] < 0 or rank[2] == _HUGE,
                    )
            if value is not None:
                style.values[name] = value
                style.tokens[name] = tokens or []
                return
            if word:
                # A keyword for any property; or a variable made the value invalid: then it is unset.
                style.values.pop(name, None)
                style.tokens.pop(name, None)
                wide = self._wide_value(name, word)
                if wide:
                    style.values[name] = wide
                if word == "inherit" and parent is not None and name in parent.tokens:
                    style.tokens[name] = parent.tokens[name]
                return

    def _declared(self, element: Element) -> dict[str, list[tuple[_Rank, Declaration]]]:
        """All declarations by property, the winning one last."""
        found: list[tuple[_Rank, Declaration]] = []
        for order, rule, specificity in self._matching(element):
            found += _ranked(rule.declarations, rule.layer, specificity, order)
        if "style" in element.attributes:
            self._sheet.count(len(element.attributes["style"]))
            inline = self._sheet.declarations(
                tinycss2.parse_component_value_list(element.attributes["style"])
            )
            found += _ranked(inline, (float("inf"),), _HUGE, 0)
        if not found:
            return {}
        if self._sheet.first_keyframes:
            found += self._animations(found)
        found.sort(key=lambda ranked: ranked[0])
        by_name: dict[str, list[tuple[_Rank, Declaration]]] = {}
        for rank, declaration in found:
            for longhand in longhands_of(declaration):
                if longhand.name == "all" and _wide(longhand.tokens):
                    by_name = {name: items for name, items in by_name.items() if name.startswith("--")}
                by_name.setdefault(longhand.name, []).append((rank, longhand))
        return by_name

    def _animations(self, found: list[tuple[_Rank, Declaration]]) -> list[tuple[_Rank, Declaration]]:
        """What animations that begin at once show at their beginning; stronger than all but !important."""
        if any(
            token.type == "dimension" and token.value < 0
            for _, declaration in found
            if declaration.name in {"animation", "animation-delay"}
            for token in declaration.tokens
        ):
            self._sheet.unapplied.add("animation")
        ordered = [declaration for _, declaration in sorted(found, key=lambda ranked: ranked[0])]
        shown: list[tuple[_Rank, Declaration]] = []
        for name in animations_of(ordered):
            for declaration in self._sheet.first_keyframes.get(name, ()):
                shown.append(((1, (float("inf"),), _HUGE, len(shown)), declaration))
        return shown

    def _matching(self, element: Element) -> Iterable[tuple[int, StyleRule, tuple[int, int, int]]]:
        keys = ["", element.name]
        if "class" in element.attributes:
            keys += [f".{name}" for name in dict.fromkeys(element.attributes["class"].split())]
        if "id" in element.attributes:
            keys.append(f"#{element.attributes['id']}")
        best: dict[int, tuple[int, StyleRule, tuple[int, int, int]]] = {}
        for key in keys:
            for order, rule, selector in self._by_key.get(key, ()):
                if self._matcher.matches(element, selector):
                    known = best.get(order)
                    if known is None or known[2] < selector.specificity:
                        best[order] = order, rule, selector.specificity
        return best.values()


def _ranked(
    declarations: list[Declaration],
    layer: tuple[float, ...],
    specificity: tuple[int, int, int],
    order: int,
) -> list[tuple[_Rank, Declaration]]:
    # Among important declarations the order of layers is the other way round.
    backwards = tuple(-place for place in layer)
    return [
        ((2, backwards, specificity, order), declaration)
        if declaration.important
        else ((0, layer, specificity, order), declaration)
        for declaration in declarations
    ]


def _wide(tokens: list[Any]) -> str:
    kept = without_space(tokens)
    if len(kept) == 1 and kept[0].type == "ident" and kept[0].lower_value in WIDE_KEYWORDS:
        return str(kept[0].lower_value)
    return ""
