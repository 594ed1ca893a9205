"""Custom properties and var(), with a bound on what they may grow to (CSS Variables 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tinycss2 import parse_component_value_list
from tinycss2.ast import CurlyBracketsBlock, FunctionBlock, ParenthesesBlock, SquareBracketsBlock

from samelook.hashing.errors import SvgRefused
from samelook.hashing.svg.mathematics import without_space

MOST_TOKENS = 200_000
"""Component values that references may put in, for the whole document."""
_MOST_NESTED = 32

_NO_INSET: list[Any] = parse_component_value_list("0px")

Variables = Mapping[str, list[Any]]


@dataclass(slots=True)
class Substitution:
    """Puts the values of custom properties in place of var()."""

    tokens_left: int = MOST_TOKENS

    def spend(self, tokens: int) -> None:
        """Counts what was copied. Raises SvgRefused when it was too much."""
        self.tokens_left -= tokens
        if self.tokens_left < 0:
            raise SvgRefused("The SVG's variables grow too much.", limit=MOST_TOKENS)

    def substituted(self, tokens: Sequence[Any], variables: Variables) -> list[Any] | None:
        """The tokens without references; None if one has no value and no fallback."""
        return self._substituted(tokens, variables, 0)

    def _substituted(self, tokens: Sequence[Any], variables: Variables, depth: int) -> list[Any] | None:
        if depth > _MOST_NESTED:
            return None
        found: list[Any] = []
        for token in tokens:
            inner = _inner_of(token)
            if inner is None:
                found.append(token)
            elif token.type == "function" and token.lower_name in {"var", "env"}:
                value = self._value(token, variables, depth)
                if value is None:
                    return None
                self.spend(len(value))
                found += value
            else:
                rebuilt = self._substituted(inner, variables, depth + 1)
                if rebuilt is None:
                    return None
                self.spend(len(rebuilt))
                found.append(_with_inner(token, rebuilt))
        return found

    def _value(self, token: Any, variables: Variables, depth: int) -> list[Any] | None:
        name, fallback = _reference(token)
        if token.lower_name == "env" and name.startswith("safe-area-inset-"):
            return _NO_INSET
        value = variables.get(name) if token.lower_name == "var" else None
        if value is not None:
            return value
        return None if fallback is None else self._substituted(fallback, variables, depth + 1)

    def computed(self, own: Variables, inherited: Variables) -> Variables:
        """The custom properties of an element: those of its parent, and its own without references.

        A property in a circle, or with a reference to nothing, has no value.
        """
        self.spend(len(inherited) + len(own))
        found: dict[str, list[Any]] = {name: value for name, value in inherited.items() if name not in own}
        done: set[str] = set()
        circular: set[str] = set()

        def resolve(name: str, path: tuple[str, ...]) -> None:
            if name in path:
                circular.update(path[path.index(name) :])
                return
            if name in done or name not in own or len(path) > _MOST_NESTED:
                return
            references = names_in(own[name])
            self.spend(len(references))
            for reference in references:
                resolve(reference, (*path, name))
            done.add(name)
            if name in circular:
                found.pop(name, None)
                return
            value = self.substituted(own[name], found)
            if value is None:
                found.pop(name, None)
            else:
                found[name] = value

        for name in own:
            resolve(name, ())
        return found


def has_reference(tokens: Sequence[Any], depth: int = 0) -> bool:
    """Whether var() or env() occurs anywhere."""
    for token in tokens:
        if token.type == "function" and token.lower_name in {"var", "env"}:
            return True
        inner = _inner_of(token)
        if inner and depth < _MOST_NESTED and has_reference(inner, depth + 1):
            return True
    return False


def names_in(tokens: Sequence[Any], depth: int = 0) -> list[str]:
    """The custom properties that are referred to, also in fallbacks."""
    found: list[str] = []
    for token in tokens:
        if token.type == "function" and token.lower_name == "var":
            found.append(_reference(token)[0])
        inner = _inner_of(token)
        if inner and depth < _MOST_NESTED:
            found += names_in(inner, depth + 1)
    return found


def _reference(token: Any) -> tuple[str, list[Any] | None]:
    kept = without_space(token.arguments)
    name = str(kept[0].value) if kept and kept[0].type == "ident" else ""
    for at, inner in enumerate(token.arguments):
        if inner.type == "literal" and inner.value == ",":
            return name, list(token.arguments[at + 1 :])
    return name, None


def _inner_of(token: Any) -> list[Any] | None:
    if token.type == "function":
        return token.arguments  # type: ignore[no-any-return]
    if token.type in {"() block", "[] block", "{} block"}:
        return token.content  # type: ignore[no-any-return]
    return None


def _with_inner(token: Any, inner: list[Any]) -> Any:
    line, column = token.source_line, token.source_column
    if token.type == "function":
        return FunctionBlock(line, column, token.name, inner)
    block = {"() block": ParenthesesBlock, "[] block": SquareBracketsBlock}.get(
        token.type, CurlyBracketsBlock
    )
    return block(line, column, inner)
