"""What a selector is once it is parsed, and whether an element matches it, in a bounded number of steps.

cssselect2 compiles a selector to Python source and backtracks over ancestors, which a hostile style sheet can
make exponential. Here each pair of element and part of a selector is decided once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from samelook.hashing.errors import SvgRefused
from samelook.hashing.svg.tree import Element

Specificity = tuple[int, int, int]
Test = Callable[["Matcher", Element], bool]

MOST_STEPS = 200_000
"""Tests of one part of a selector on one element, for the whole document."""
_MOST_NESTED = 8
_NEVER: Final = frozenset(
    (
        "hover", "active", "focus", "focus-visible", "focus-within", "target", "visited", "checked",
        "disabled",
        "enabled", "required", "optional", "valid", "invalid", "fullscreen", "modal", "placeholder-shown",
        "read-only",
        "read-write", "target-within", "popover-open", "autofill", "indeterminate", "default", "in-range",
        "out-of-range", "playing", "paused", "open",
    )
)  # fmt: skip
_PSEUDO_ELEMENTS: Final = frozenset(("before", "after", "first-line", "first-letter"))


class BadSelector(ValueError):
    """A selector that browsers drop, together with its rule."""


@dataclass(frozen=True, slots=True, eq=False)
class Compound:
    """Tests of one element."""

    tests: tuple[Test, ...]
    specificity: Specificity
    key: str = ""
    """`#id`, `.class` or a name without which nothing matches; empty if there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Selector:
    """Compounds from right to left, each with the combinator that leads to the next."""

    compounds: tuple[Compound, ...]
    combinators: tuple[str, ...]
    specificity: Specificity

    def also(self, test: Test) -> Selector:
        """The same with one more test of the element itself."""
        first, *rest = self.compounds
        tested = Compound((*first.tests, test), first.specificity, first.key)
        return Selector((tested, *rest), self.combinators, self.specificity)


@dataclass(slots=True)
class Matcher:
    """Decides which selectors an element matches, and counts the steps."""

    steps_left: int = MOST_STEPS
    scope: Element | None = None
    """What relative selectors in :has() start from."""
    _known: dict[tuple[int, int, int], bool] = field(default_factory=dict)
    _places: dict[int, tuple[int, int, int, int]] = field(default_factory=dict)

    def matches(self, element: Element, selector: Selector, at: int = 0) -> bool:
        """Whether the element matches the selector from its compound `at` on, to the left."""
        key = id(element), id(selector), at
        known = self._known.get(key)
        if known is None:
            self.step()
            compound = selector.compounds[at]
            known = all(test(self, element) for test in compound.tests) and self._leftwards(
                element, selector, at
            )
            self._known[key] = known
        return known

    def step(self) -> None:
        """Counts one. Raises SvgRefused when there were too many."""
        self.steps_left -= 1
        if self.steps_left < 0:
            raise SvgRefused("The SVG's styles take too many steps to apply.", limit=MOST_STEPS)

    def _leftwards(self, element: Element, selector: Selector, at: int) -> bool:
        if at == len(selector.combinators):
            return True
        combinator = selector.combinators[at]
        if combinator == ">":
            return element.parent is not None and self.matches(element.parent, selector, at + 1)
        if combinator == " ":
            ancestor = element.parent
            while ancestor is not None:
                if self.matches(ancestor, selector, at + 1):
                    return True
                ancestor = ancestor.parent
            return False
        before = self.earlier_siblings(element)
        nearest = before[-1:] if combinator == "+" else before
        return any(self.matches(sibling, selector, at + 1) for sibling in nearest)

    def earlier_siblings(self, element: Element) -> list[Element]:
        """Those before it, in order."""
        if element.parent is None:
            return []
        siblings = element.parent.elements()
        self.steps_left -= len(siblings) // 8
        self.step()
        return siblings[: self.place(element)[0] - 1]

    def place(self, element: Element) -> tuple[int, int, int, int]:
        """From 1: its place among siblings, from the end, among those of its name, from their end."""
        found = self._places.get(id(element))
        if found is None:
            siblings = [element] if element.parent is None else element.parent.elements()
            totals: dict[str, int] = {}
            for sibling in siblings:
                totals[sibling.name] = totals.get(sibling.name, 0) + 1
            seen: dict[str, int] = {}
            for at, sibling in enumerate(siblings, 1):
                of_type = seen[sibling.name] = seen.get(sibling.name, 0) + 1
                self._places[id(sibling)] = (
                    at,
                    len(siblings) - at + 1,
                    of_type,
                    totals[sibling.name] - of_type + 1,
                )
            found = self._places[id(element)]
        return found

    def any_of(self, element: Element, selectors: Sequence[Selector]) -> bool:
        """Whether it matches one of them."""
        return any(self.matches(element, selector) for selector in selectors)


def highest(selectors: Sequence[Selector]) -> Specificity:
    return max((selector.specificity for selector in selectors), default=(0, 0, 0))


def never(_matcher: Matcher, _element: Element) -> bool:
    return False


def always(_matcher: Matcher, _element: Element) -> bool:
    return True


def is_root(_matcher: Matcher, element: Element) -> bool:
    return element.parent is None


def is_scope(matcher: Matcher, element: Element) -> bool:
    return element is matcher.scope


def named(name: str) -> Test:
    return lambda _matcher, element: element.name == name


def with_id(name: str) -> Test:
    return lambda _matcher, element: element.attributes.get("id") == name


def with_class(name: str) -> Test:
    return lambda _matcher, element: name in element.attributes.get("class", "").split()


def simple_pseudo(name: str) -> tuple[Test, Specificity]:  # noqa: PLR0911 - one branch a kind
    places: dict[str, Callable[[tuple[int, int, int, int]], bool]] = {
        "first-child": lambda place: place[0] == 1,
        "last-child": lambda place: place[1] == 1,
        "only-child": lambda place: place[0] == place[1] == 1,
        "first-of-type": lambda place: place[2] == 1,
        "last-of-type": lambda place: place[3] == 1,
        "only-of-type": lambda place: place[2] == place[3] == 1,
    }
    if name in places:
        is_there = places[name]
        return (lambda matcher, element: is_there(matcher.place(element))), (0, 1, 0)
    if name in {"root", "scope"}:
        return is_root, (0, 1, 0)
    if name == "empty":
        return (lambda _matcher, element: not any(element.children)), (0, 1, 0)
    if name in {"link", "any-link"}:
        return (lambda _matcher, element: element.name == "a" and bool(element.href())), (0, 1, 0)
    if name == "defined":
        return always, (0, 1, 0)
    if name in _NEVER:
        return never, (0, 1, 0)
    if name in _PSEUDO_ELEMENTS:
        return never, (0, 0, 1)
    raise BadSelector


def in_language(ranges: Sequence[str]) -> Test:
    """Whether the element's language is one of these, or a kind of one."""
    wanted = [language.lower().removeprefix("*-") for language in ranges]

    def test(matcher: Matcher, element: Element) -> bool:
        at: Element | None = element
        while at is not None:
            matcher.step()
            language = at.attributes.get("xml:lang", at.attributes.get("lang"))
            if language is not None:
                return any(
                    language.lower() == language_range
                    or language.lower().startswith(f"{language_range}-")
                    or (language_range == "*" and bool(language))
                    for language_range in wanted
                )
            at = at.parent
        return False

    return test


def in_scope(upper: Sequence[Selector], lower: Sequence[Selector]) -> Test:
    """Whether the element is in the scope below one of `upper`, down to `lower` (CSS Cascade 6, 2.5)."""

    def test(matcher: Matcher, element: Element) -> bool:
        at: Element | None = element
        while at is not None:
            matcher.step()
            # One that begins a scope is within that, also where it ends another.
            if matcher.any_of(at, upper):
                return True
            if lower and matcher.any_of(at, lower):
                return False
            at = at.parent
        return False

    return test


def _is_nth(place: int, step: int, start: int) -> bool:
    ahead = place - start
    return ahead == 0 if step == 0 else ahead % step == 0 and ahead // step >= 0


def nth_at(index: int, step: int, start: int) -> Test:
    return lambda matcher, element: _is_nth(matcher.place(element)[index], step, start)


def nth_among(inner: Sequence[Selector], step: int, start: int, *, backwards: bool) -> Test:
    def test(matcher: Matcher, element: Element) -> bool:
        if not matcher.any_of(element, inner):
            return False
        siblings = [element] if element.parent is None else element.parent.elements()
        at = matcher.place(element)[0]
        counted = siblings[at - 1 :] if backwards else siblings[:at]
        place = 0
        for sibling in counted:
            matcher.step()
            place += matcher.any_of(sibling, inner)
        return _is_nth(place, step, start)

    return test


def having(below: Sequence[Selector]) -> Test:
    def candidates(element: Element, first: str) -> Iterator[Element]:
        if first in {" ", ">"}:
            for child in element.elements():
                yield from child.walk()
        elif element.parent is not None:
            siblings = element.parent.elements()
            for sibling in siblings[siblings.index(element) + 1 :]:
                yield from sibling.walk()

    def test(matcher: Matcher, element: Element) -> bool:
        # A selector that is relative to this element has another answer for each element: none is remembered.
        inner = Matcher(matcher.steps_left, element)
        try:
            return any(
                inner.matches(candidate, selector)
                for selector in below
                for candidate in candidates(element, selector.combinators[-1])
            )
        finally:
            matcher.steps_left = inner.steps_left

    return test


_COMPARISONS: Final[dict[str, Callable[[str, str], bool]]] = {
    "=": lambda found, wanted: found == wanted,
    "~=": lambda found, wanted: wanted in found.split(),
    "|=": lambda found, wanted: found == wanted or found.startswith(f"{wanted}-"),
    "^=": lambda found, wanted: bool(wanted) and found.startswith(wanted),
    "$=": lambda found, wanted: bool(wanted) and found.endswith(wanted),
    "*=": lambda found, wanted: bool(wanted) and wanted in found,
}


def with_attribute(tokens: list[Any]) -> Test:
    while len(tokens) > 1 and getattr(tokens[0], "value", "") in {"*", "|"}:
        tokens = tokens[1:]
    if not tokens or tokens[0].type != "ident":
        raise BadSelector
    name = str(tokens[0].value)
    if name == "xlink" and len(tokens) > 2:  # noqa: PLR2004 - a namespace prefix as style sheets may declare it
        tokens = tokens[2:]
        name = f"xlink:{tokens[0].value}"
    if len(tokens) == 1:
        return lambda _matcher, element: name in element.attributes
    sign = str(getattr(tokens[1], "value", ""))
    rest = tokens[2:]
    if sign not in _COMPARISONS or not rest or rest[0].type not in {"ident", "string"}:
        raise BadSelector
    wanted, compare = str(rest[0].value), _COMPARISONS[sign]
    if len(rest) > 1:
        # Chromium has no other flag.
        if len(rest) > 2 or getattr(rest[1], "lower_value", "") != "i":  # noqa: PLR2004
            raise BadSelector
        return lambda _m, e: name in e.attributes and compare(e.attributes[name].lower(), wanted.lower())
    return lambda _matcher, element: name in element.attributes and compare(element.attributes[name], wanted)
