"""Selectors (Level 4) and their nesting, from component values to what `matching` decides by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinycss2.nth import parse_nth

from samelook.hashing.svg.matching import (
    BadSelector,
    Compound,
    Selector,
    Specificity,
    Test,
    always,
    having,
    highest,
    in_language,
    is_root,
    is_scope,
    named,
    never,
    nth_among,
    nth_at,
    simple_pseudo,
    with_attribute,
    with_class,
    with_id,
)
from samelook.hashing.svg.mathematics import without_space

_MOST_NESTED = 8

FORGIVING = frozenset(("is", "where", "matches", "-webkit-any"))
"""Functions that pass over what is invalid in their list."""


def selectors_of(
    tokens: Sequence[Any], within: Sequence[Selector] | None = None, *, relative: bool = False, depth: int = 0
) -> list[Selector]:
    """A list of selectors; `within` are those of the rule around it (CSS Nesting). Raises BadSelector."""
    if depth > _MOST_NESTED:
        raise BadSelector
    found: list[Selector] = []
    part: list[Any] = []
    for token in [*tokens, None]:
        if token is not None and not (token.type == "literal" and token.value == ","):
            part.append(token)
            continue
        found.append(_Parser(part, within, depth).selector(relative=relative))
        part = []
    return found


class _Parser:
    def __init__(self, tokens: Sequence[Any], within: Sequence[Selector] | None, depth: int) -> None:
        self._tokens = [token for token in tokens if token.type != "comment"]
        while self._tokens and self._tokens[-1].type == "whitespace":
            self._tokens.pop()
        self._at = 0
        self._within = within
        self._depth = depth
        self._nests = False

    def _peek(self) -> Any:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _skip_space(self) -> bool:
        start = self._at
        while (token := self._peek()) is not None and token.type == "whitespace":
            self._at += 1
        return self._at > start

    def _combinator(self) -> str | None:
        spaced = self._skip_space()
        token = self._peek()
        if token is not None and token.type == "literal" and token.value in {">", "+", "~"}:
            self._at += 1
            self._skip_space()
            return str(token.value)
        return " " if spaced and token is not None else None

    def selector(self, *, relative: bool) -> Selector:
        self._skip_space()
        compounds: list[Compound] = []
        combinators: list[str] = []
        lead = self._combinator()
        if lead is not None and self._within is None and not relative:
            raise BadSelector
        compounds.append(self._compound())
        while (combinator := self._combinator()) is not None:
            combinators.append(combinator)
            compounds.append(self._compound())
        if self._at != len(self._tokens):
            raise BadSelector
        if relative:
            compounds.insert(0, Compound((is_scope,), (0, 0, 0)))
            combinators.insert(0, lead or " ")
        elif self._within is not None and (lead is not None or not self._nests):
            compounds.insert(0, _matching_any(self._within))
            combinators.insert(0, lead or " ")
        specificity = tuple(sum(compound.specificity[i] for compound in compounds) for i in range(3))
        return Selector(
            tuple(reversed(compounds)),
            tuple(reversed(combinators)),
            (specificity[0], specificity[1], specificity[2]),
        )

    def _compound(self) -> Compound:  # noqa: C901, PLR0912, PLR0915 - one branch a kind
        tests: list[Test] = []
        specificity = [0, 0, 0]
        key = ""
        start = self._at
        while (token := self._peek()) is not None:
            kind, value = token.type, getattr(token, "value", None)
            self._at += 1
            if kind == "ident" and self._at == start + 1:
                name = str(value)
                if self._bar():
                    name = self._after_bar()
                if name != "*":
                    tests.append(named(name))
                    specificity[2] += 1
                    key = key or name
            elif kind == "literal" and value == "*" and self._at == start + 1:
                if self._bar():
                    name = self._after_bar()
                    if name != "*":
                        tests.append(named(name))
                        specificity[2] += 1
            elif kind == "hash":
                tests.append(with_id(str(value)))
                specificity[0] += 1
                key = f"#{value}"
            elif kind == "literal" and value == ".":
                following = self._peek()
                if following is None or following.type != "ident":
                    raise BadSelector
                self._at += 1
                tests.append(with_class(str(following.value)))
                specificity[1] += 1
                key = key if key.startswith("#") else f".{following.value}"
            elif kind == "[] block":
                tests.append(with_attribute(without_space(token.content)))
                specificity[1] += 1
            elif kind == "literal" and value == "&":
                if self._within is None:
                    tests.append(is_root)
                else:
                    around = _matching_any(self._within)
                    tests.extend(around.tests)
                    specificity = [a + b for a, b in zip(specificity, around.specificity, strict=True)]
                self._nests = True
            elif kind == "literal" and value == ":":
                test, more = self._pseudo()
                tests.append(test)
                specificity = [a + b for a, b in zip(specificity, more, strict=True)]
            else:
                self._at -= 1
                break
        if self._at == start:
            raise BadSelector
        return Compound(tuple(tests), (specificity[0], specificity[1], specificity[2]), key)

    def _bar(self) -> bool:
        token = self._peek()
        return token is not None and token.type == "literal" and token.value == "|"

    def _after_bar(self) -> str:
        self._at += 1
        token = self._peek()
        self._at += 1
        if token is None or (token.type != "ident" and getattr(token, "value", "") != "*"):
            raise BadSelector
        return str(token.value)

    def _pseudo(self) -> tuple[Test, Specificity]:  # noqa: C901, PLR0911 - one branch a kind
        token = self._peek()
        self._at += 1
        if token is None:
            raise BadSelector
        if token.type == "literal" and token.value == ":":
            following = self._peek()
            self._at += 1
            if following is None or following.type not in {"ident", "function"}:
                raise BadSelector
            return never, (0, 0, 1)
        if token.type == "ident":
            return simple_pseudo(token.lower_value)
        if token.type != "function":
            raise BadSelector
        name, arguments = token.lower_name, token.arguments
        if name in FORGIVING:
            return self._list(name, arguments)
        if name == "not":
            inner = selectors_of(arguments, self._nested_in(arguments), depth=self._depth + 1)
            return (lambda matcher, element: not matcher.any_of(element, inner)), highest(inner)
        if name == "has":
            below = selectors_of(arguments, relative=True, depth=self._depth + 1)
            return having(below), highest(below)
        if name.startswith("nth-"):
            return self._nth(name, arguments)
        if name == "lang":
            words = [str(t.value) for t in arguments if t.type in {"ident", "string"}]
            return in_language(words), (0, 1, 0)
        if name == "dir":
            # What says otherwise in HTML means nothing in SVG.
            words = [token.lower_value for token in without_space(arguments) if token.type == "ident"]
            return (always if words == ["ltr"] else never), (0, 1, 0)
        if name in {"state", "host", "host-context"}:
            return never, (0, 1, 0)
        raise BadSelector

    def _nested_in(self, tokens: Sequence[Any]) -> Sequence[Selector] | None:
        has_mark = any(token.type == "literal" and token.value == "&" for token in tokens)
        self._nests = self._nests or (has_mark and self._within is not None)
        return self._within if has_mark else None

    def _list(self, name: str, arguments: Sequence[Any]) -> tuple[Test, Specificity]:
        kept: list[Selector] = []
        part: list[Any] = []
        within = self._nested_in(arguments)
        # A forgiving list: what is invalid is left out by itself.
        for token in [*arguments, None]:
            if token is not None and not (token.type == "literal" and token.value == ","):
                part.append(token)
                continue
            try:
                kept += selectors_of(part, within, depth=self._depth + 1)
            except BadSelector:
                if self._depth >= _MOST_NESTED:
                    raise
            part = []
        specificity = (0, 0, 0) if name == "where" else highest(kept)
        return (lambda matcher, element: matcher.any_of(element, kept)), specificity

    def _nth(self, name: str, arguments: Sequence[Any]) -> tuple[Test, Specificity]:
        which = ("nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type")
        if name not in which:
            raise BadSelector
        index = which.index(name)
        at = next((i for i, t in enumerate(arguments) if t.type == "ident" and t.lower_value == "of"), None)
        formula = parse_nth(arguments if at is None else arguments[:at])
        if formula is None:
            raise BadSelector
        step, start = formula
        if at is None:
            return nth_at(index, step, start), (0, 1, 0)
        if index > 1:
            raise BadSelector
        inner = selectors_of(arguments[at + 1 :], depth=self._depth + 1)
        top = highest(inner)
        return nth_among(inner, step, start, backwards=index == 1), (top[0], top[1] + 1, top[2])


def _matching_any(selectors: Sequence[Selector]) -> Compound:
    return Compound((lambda matcher, element: matcher.any_of(element, selectors),), highest(selectors))
