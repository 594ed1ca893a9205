"""Style sheets as a list of rules that hold, within bounds on their number and nesting."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import tinycss2

from samelook.hashing.errors import SvgRefused
from samelook.hashing.svg.conditions import Screen, supports
from samelook.hashing.svg.images import data_of
from samelook.hashing.svg.matching import BadSelector, Selector, in_scope
from samelook.hashing.svg.mathematics import without_space
from samelook.hashing.svg.properties import address_of
from samelook.hashing.svg.selectors import FORGIVING, selectors_of
from samelook.hashing.svg.tree import SVG

MOST_RULES = 4_000
MOST_CHARACTERS = 400_000
"""Of all styles together; a parse of so many takes about a second."""
MOST_DECLARATIONS = 40_000
_MOST_NESTED = 12
_UNAPPLIED = frozenset(("if", "sibling-index", "sibling-count", "random"))
"""Functions of values that are not reckoned here."""

Layer = tuple[float, ...]
"""Places of a cascade layer and of those around it; what is in no layer comes last."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One property's value, as written."""

    name: str
    tokens: list[Any]
    important: bool = False


@dataclass(frozen=True, slots=True)
class StyleRule:
    """Declarations for what one of the selectors matches."""

    selectors: list[Selector]
    declarations: list[Declaration]
    layer: Layer


@dataclass(slots=True)
class Sheet:
    """All rules of a document that hold in its surroundings, in order."""

    media: Screen
    rules: list[StyleRule] = field(default_factory=list)
    first_keyframes: dict[str, list[Declaration]] = field(default_factory=dict)
    """By name, what an animation shows when it begins."""
    initial_values: dict[str, list[Any]] = field(default_factory=dict)
    """Custom properties that @property registers."""
    fonts: set[str] = field(default_factory=set)
    """Families that the document brings along, in lower case."""
    unapplied: set[str] = field(default_factory=set)
    """What the styles hold that is not applied here and shows."""
    _namespaces: dict[str, str] = field(default_factory=dict)
    _layers: dict[tuple[str, ...], float] = field(default_factory=dict)
    _declarations: int = 0
    _characters: int = 0
    _unnamed: int = 0

    def add(self, text: str, media: str = "") -> None:
        """Reads the text of a <style> element."""
        self.count(len(text) + len(media))
        if media and not self.media.matches(tinycss2.parse_component_value_list(media)):
            return
        rules = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
        for rule in rules:
            self._rule(rule, None, (), 0)

    def count(self, characters: int) -> None:
        """Raises SvgRefused when there were too many."""
        self._characters += characters
        if self._characters > MOST_CHARACTERS:
            raise SvgRefused("The SVG has too much of styles.", limit=MOST_CHARACTERS)

    def declarations(self, content: Sequence[Any]) -> list[Declaration]:
        """The declarations among a block's contents."""
        return self._kept(tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True))

    def _kept(self, items: Sequence[Any]) -> list[Declaration]:
        found = [
            Declaration(
                item.name if item.name.startswith("--") else item.lower_name, item.value, item.important
            )
            for item in items
            if item.type == "declaration"
        ]
        for declaration in found:
            self.unapplied.update(f"{name}()" for name in _functions_in(declaration.tokens) & _UNAPPLIED)
        self._declarations += len(found)
        if self._declarations > MOST_DECLARATIONS:
            raise SvgRefused("The SVG has too many declarations.", limit=MOST_DECLARATIONS)
        return found

    def _rule(self, rule: Any, around: list[Selector] | None, layers: tuple[str, ...], depth: int) -> None:
        if depth > _MOST_NESTED:
            raise SvgRefused("The SVG's styles are nested too deeply.", limit=_MOST_NESTED)
        if rule.type == "qualified-rule":
            if not self._knows_namespaces(rule.prelude):
                return
            try:
                selectors = selectors_of(rule.prelude, around)
            except BadSelector:
                return
            self._block(rule.content, selectors, layers, depth)
        elif rule.type == "at-rule":
            self._at_rule(rule, around, layers, depth)

    def _knows_namespaces(self, prelude: Sequence[Any]) -> bool:
        """Whether each prefix of a selector's elements is declared, as one of SVG."""
        return all(
            self._namespaces.get(before.value) == SVG
            for before, bar in pairwise(prelude)
            if before.type == "ident" and bar.type == "literal" and bar.value == "|"
        ) and all(
            self._knows_namespaces(token.arguments)
            for token in prelude
            if token.type == "function" and token.lower_name not in FORGIVING
        )

    def _block(
        self, content: Sequence[Any], selectors: list[Selector], layers: tuple[str, ...], depth: int
    ) -> None:
        """A rule's own declarations and the rules nested in it, in order (CSS Nesting, 3)."""
        pending: list[Any] = []
        for item in tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True):
            if item.type == "declaration":
                pending.append(item)
            elif item.type in {"qualified-rule", "at-rule"}:
                self._keep(selectors, pending, layers)
                pending = []
                self._rule(item, selectors, layers, depth + 1)
        self._keep(selectors, pending, layers)

    def _keep(self, selectors: list[Selector], items: list[Any], layers: tuple[str, ...]) -> None:
        if not items:
            return
        if len(self.rules) >= MOST_RULES:
            raise SvgRefused(f"The SVG has more than {MOST_RULES} style rules.", limit=MOST_RULES)
        self.rules.append(StyleRule(selectors, self._kept(items), self._layer(layers)))

    def _layer(self, names: tuple[str, ...]) -> Layer:
        order = [self._layers.setdefault(names[: end + 1], len(self._layers)) for end in range(len(names))]
        return (*order, math.inf)

    def _at_rule(self, rule: Any, around: list[Selector] | None, layers: tuple[str, ...], depth: int) -> None:
        name = rule.lower_at_keyword
        if name == "layer":
            for names in _layer_names(rule.prelude) or [(f"\0{self._unnamed}",)]:
                self._unnamed += 1
                self._layer((*layers, *names))
                if rule.content is not None:
                    self._inside(rule, around, (*layers, *names), depth)
        elif rule.content is None:
            if around is None and not self.rules and not depth:
                self._opening(name, rule.prelude)
        elif (name == "media" and self.media.matches(rule.prelude)) or (
            name == "supports" and supports(rule.prelude)
        ):
            self._inside(rule, around, layers, depth)
        elif name == "starting-style":
            self.unapplied.add("starting-style")
        elif name == "scope":
            self._scope(rule, around, layers, depth)
        else:
            self._definition(name, rule)

    def _opening(self, name: str, prelude: Sequence[Any]) -> None:
        """A rule that only the beginning of a sheet may have."""
        if name == "import":
            self._import(prelude)
        elif name == "namespace":
            prefix, *address = without_space(prelude) or [None]
            if prefix is not None and prefix.type == "ident" and address:
                self._namespaces[prefix.value] = str(address_of(address[0]) or address[0].value)

    def _definition(self, name: str, rule: Any) -> None:
        """A rule that gives a name to something."""
        if name in {"keyframes", "-webkit-keyframes"}:
            self._keyframes(rule)
        elif name == "property":
            declared = {item.name: item.tokens for item in self.declarations(rule.content)}
            for token in without_space(rule.prelude)[:1]:
                if token.type == "ident" and "initial-value" in declared:
                    self.initial_values[token.value] = declared["initial-value"]
        elif name == "font-face":
            for item in self.declarations(rule.content):
                if item.name == "font-family":
                    self.fonts.add(tinycss2.serialize(item.tokens).strip(" \t\n\r\f\"'").lower())

    def _inside(self, rule: Any, around: list[Selector] | None, layers: tuple[str, ...], depth: int) -> None:
        if around is not None:
            self._block(rule.content, around, layers, depth + 1)
            return
        inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
        for inner_rule in inner:
            self._rule(inner_rule, None, layers, depth + 1)

    def _import(self, prelude: Sequence[Any]) -> None:
        """An @import of a sheet that stands in a `data:` URL; nothing else reaches an image."""
        first, *rest = without_space(prelude) or [None]
        address = (first.value if first.type == "string" else address_of(first)) if first else None
        text = data_of(address or "")
        if text is not None and (not rest or self.media.matches(rest)):
            # Imports within an imported sheet are left out.
            self.count(len(text))
            sheet = tinycss2.parse_stylesheet(
                text.decode("utf-8", "replace"), skip_comments=True, skip_whitespace=True
            )
            for rule in sheet:
                self._rule(rule, None, (), 1)

    def _scope(self, rule: Any, around: list[Selector] | None, layers: tuple[str, ...], depth: int) -> None:
        """Rules for what is below one kind of element and not below another (CSS Cascade 6, 2.5)."""
        blocks = [token.content for token in rule.prelude if token.type == "() block"]
        if not blocks:
            self._inside(rule, around, layers, depth)
            return
        try:
            upper = selectors_of(blocks[0])
            lower = selectors_of(blocks[1], upper) if len(blocks) > 1 else []
        except BadSelector:
            return
        test = in_scope(upper, lower)
        for inner_rule in tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True):
            if inner_rule.type != "qualified-rule":
                self._rule(inner_rule, upper, layers, depth + 1)
                continue
            try:
                selectors = selectors_of(_with_nesting_mark(inner_rule.prelude), upper)
            except BadSelector:
                continue
            scoped = [each.also(test) for each in selectors]
            self._block(inner_rule.content, scoped, layers, depth + 1)

    def _keyframes(self, rule: Any) -> None:
        names = [t.value for t in without_space(rule.prelude) if t.type in {"ident", "string"}]
        for frame in tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True):
            if frame.type != "qualified-rule" or not names:
                continue
            if any(
                (token.type == "ident" and token.lower_value == "from")
                or (token.type == "percentage" and token.value == 0)
                for token in frame.prelude
            ):
                self.first_keyframes[names[0]] = self.declarations(frame.content)
            if any(
                (token.type == "ident" and token.lower_value == "to")
                or (token.type == "percentage" and token.value == 100)  # noqa: PLR2004 - the end
                for token in frame.prelude
            ):
                self.first_keyframes[f"{names[0]} end"] = self.declarations(frame.content)


def _with_nesting_mark(tokens: Sequence[Any]) -> list[Any]:
    """`:scope` as `&`."""
    text = re.sub(r":scope\b", "&", str(tinycss2.serialize(tokens)))
    return list(tinycss2.parse_component_value_list(text))


def _layer_names(prelude: Sequence[Any]) -> list[tuple[str, ...]]:
    text = tinycss2.serialize(without_space(prelude))
    return [tuple(name.split(".")) for name in text.split(",") if name]


def _functions_in(tokens: Sequence[Any]) -> set[str]:
    found: set[str] = set()
    waiting = list(tokens)
    while waiting:
        token = waiting.pop()
        if token.type == "function":
            found.add(token.lower_name)
            waiting += token.arguments
    return found
